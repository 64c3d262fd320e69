"""One leader at a time: a lock in ZooKeeper, for which every scheduler of the service queues."""

from __future__ import annotations

import logging
import threading
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from scheduler.store.session import Session

log = logging.getLogger(__name__)


class Leadership:
    """The lock ``<root>/lock``. Who queues there leaves the address at which it serves the API: ``url``.

    ``leader`` is the address of whoever holds the lock, as last heard; None when nobody does.
    """

    def __init__(self, session: Session, root: str, url: str) -> None:
        self._session = session
        self._path = f"{root}/lock"
        self._url = url
        self._lock: Any = None
        self._changed = threading.Event()
        self.leader: str | None = None

    @property
    def elsewhere(self) -> str | None:
        """The address of the leader that is another process; None where there is none."""
        return None if self.leader == self._url else self.leader

    def acquire(self) -> str:
        """Wait until this process leads. Returns the znode that says so. Raises Fenced."""
        self._lock = self._session.client.Lock(self._path, self._url)
        self._lock.acquire()
        self.leader = self._url
        return f"{self._path}/{self._lock.node}"

    def release(self) -> None:
        """Let another one lead that may do better. Raises Fenced."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            self._session.patiently(lambda client: lock.release())

    def follow(self) -> None:
        """Keep up with who leads, until the session ends. Raises Fenced."""
        self._session.patiently(lambda client: client.ensure_path(self._path))
        while True:
            self._changed.clear()
            leader = self._session.patiently(self._look)
            if leader != self.leader:
                log.info("%s leads", leader or "nobody")
                self.leader = leader
            self._changed.wait()

    def _watch(self, _event: object) -> None:
        """Also called when the connection breaks: a watch may have been missed then."""
        self._changed.set()

    def _look(self, client: KazooClient) -> str | None:
        queue = client.get_children(self._path, watch=self._watch)
        for name in sorted(queue, key=lambda name: name.rpartition("__")[2]):
            try:
                data, _ = client.get(f"{self._path}/{name}")
            except NoNodeError:
                continue  # it has just gone; the watch has told already
            return data.decode(errors="replace") or None
        return None
