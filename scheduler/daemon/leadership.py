"""One leader at a time: a lock in ZooKeeper, and a way to ask whether it is still ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from gevent.event import Event
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.handlers.gevent import SequentialGeventHandler
from kazoo.security import ACL, make_digest_acl

log = logging.getLogger(__name__)

SESSION_SECONDS = 10.0


def connect(servers: str, auth: str) -> KazooClient:
    """A client for ``h1:p1,h2:p2``, not started. ``auth`` is ``user:password`` for digest ACLs, or empty."""
    options: dict[str, Any] = {}
    if auth:
        user, _, password = auth.partition(":")
        acl: ACL = make_digest_acl(user, password, all=True)
        options = {"auth_data": [("digest", auth)], "default_acl": [acl]}
    return KazooClient(hosts=servers, timeout=SESSION_SECONDS, handler=SequentialGeventHandler(), **options)


class Leadership:
    """The lock ``<root>/lock``; its holders' names are the addresses at which they serve the API.

    ``on_lost`` is called once, from kazoo's greenlet, when the session has ended: nothing may be written
    or sent from then on.
    """

    def __init__(self, client: KazooClient, root: str, name: str, on_lost: Callable[[], None]) -> None:
        self._client = client
        self._lock = client.Lock(f"{root}/lock", name)
        self._on_lost = on_lost
        self.state = "connecting"
        self.connected = Event()
        client.add_listener(self._changed)

    def acquire(self) -> None:
        """Wait until this process leads."""
        self._lock.acquire()

    def leader(self) -> str | None:
        """The address of whoever leads now; None when nobody does or it cannot be told."""
        try:
            names = self._lock.contenders()
        except (KazooException, NoNodeError):
            return None
        return names[0] if names else None

    def is_ours(self) -> bool:
        """Ask ZooKeeper, in the present session, whether the lock's znode is still ours."""
        path = f"{self._lock.path}/{self._lock.node}"
        stat = self._client.exists(path)
        return stat is not None and stat.ephemeralOwner == self._client.client_id[0]

    def _changed(self, state: str) -> None:
        names = {
            KazooState.CONNECTED: "connected",
            KazooState.SUSPENDED: "suspended",
            KazooState.LOST: "lost",
        }
        before, self.state = self.state, names[state]
        log.info("ZooKeeper session %s", self.state)
        if self.state == "connected":
            self.connected.set()
        else:
            self.connected.clear()
        if self.state == "lost" and before != "connecting":
            self._on_lost()
