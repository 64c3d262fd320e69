"""Which master leads: told once by the configuration, or followed through ZooKeeper."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.handlers.gevent import SequentialGeventHandler

log = logging.getLogger(__name__)

DEFAULT_PORT = 5050
RETRY_SECONDS = 1.0

Found = Callable[[str], None]
"""Takes the host:port of the master that leads from now on."""


class Detector(Protocol):
    """Finds the leading master."""

    def start(self, found: Found) -> None:
        """Begin; ``found`` is called, soon and from any thread, with each new leader."""

    def stop(self) -> None:
        """End for good."""


def detector_for(address: str) -> Detector:
    """The daemon's detector for ``host:port`` or ``zk://[user:password@]host:port,.../path``.

    Raises ValueError with what is wrong with the address.
    """
    if "://" not in address:
        return StaticDetector(address)
    parts = urlsplit(address)
    login, _, servers = parts.netloc.rpartition("@")
    path = parts.path.rstrip("/")
    if parts.scheme != "zk" or not servers or not path:
        raise ValueError("the Mesos master must be given as host:port or zk://host:port,.../path")
    options: dict[str, Any] = {"auth_data": [("digest", login)]} if login else {}
    client = KazooClient(hosts=servers, handler=SequentialGeventHandler(), **options)
    return ZooKeeperDetector(client, path)


class StaticDetector:
    """The one master that is configured; it may redirect to another."""

    def __init__(self, address: str) -> None:
        self._address = address if re.search(r":\d+$", address) else f"{address}:{DEFAULT_PORT}"

    def start(self, found: Found) -> None:
        """See ``Detector``."""
        found(self._address)

    def stop(self) -> None:
        """See ``Detector``."""


class ZooKeeperDetector:
    """Follows the election of Mesos masters: each has a child ``json.info_<sequence>``, the lowest leads.

    The path may not exist yet, ZooKeeper may be away: it is looked for until ``stop``. While no master is
    named, the last one stands. The client, not started, becomes the detector's own.
    """

    def __init__(self, client: KazooClient, path: str) -> None:
        self._client = client
        self._path = path
        self._leader: str | None = None
        self._changed = threading.Event()
        self._stopped = False

    def start(self, found: Found) -> None:
        """See ``Detector``."""
        self._client.add_listener(self._session_changed)
        self._client.start_async()
        threading.Thread(target=self._follow, args=(found,), name="mesos-detector", daemon=True).start()

    def stop(self) -> None:
        """See ``Detector``."""
        self._stopped = True
        self._changed.set()
        self._client.stop()
        self._client.close()

    def _session_changed(self, state: str) -> None:
        if state == KazooState.CONNECTED:  # watches may have ended with the session before
            self._changed.set()

    def _watch(self, _event: object) -> None:
        self._changed.set()

    def _follow(self, found: Found) -> None:
        while not self._stopped:
            self._changed.wait()
            self._changed.clear()
            try:
                leader = self._look()
            except (KazooException, ValueError, self._client.handler.timeout_exception) as error:
                if not self._stopped:
                    log.warning("the leading master cannot be read: %s", error or type(error).__name__)
                    self._look_again_soon()
                continue
            if leader is not None and leader != self._leader:
                log.info("the leading master is %s", leader)
                self._leader = leader
                found(leader)

    def _look_again_soon(self) -> None:
        self._changed.wait(RETRY_SECONDS)
        self._changed.set()

    def _look(self) -> str | None:
        """The leader's address; None without one. Leaves watches that tell of the next change."""
        try:
            if self._client.exists(self._path, watch=self._watch) is None:
                return None
            masters = [
                child
                for child in self._client.get_children(self._path, watch=self._watch)
                if child.startswith("json.info_")
            ]
            if not masters:
                return None
            first = min(masters, key=lambda child: child.rpartition("_")[2])
            data, _ = self._client.get(f"{self._path}/{first}")
        except NoNodeError:  # gone between two reads; the watches have told already
            return None
        return _address(data)


def _address(data: bytes) -> str:
    """host:port of a MasterInfo in JSON. Raises ValueError."""
    try:
        address = json.loads(data)["address"]
        return f"{address.get('ip') or address['hostname']}:{address['port']}"
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a master's znode has no address: {data[:200]!r}") from error
