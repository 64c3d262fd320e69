"""Which of several masters leads, decided through ZooKeeper as Mesos does it.

Each master has an ephemeral sequential node ``json.info_<number>`` with its MasterInfo under the path of
the flag ``zk``; the one with the smallest number leads. A master that loses its node ends, and whoever
starts it again makes it a candidate again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import NoNodeError
from kazoo.handlers.gevent import SequentialGeventHandler

from local.mesos.flags import FlagError

Json = dict[str, Any]

PREFIX = "json.info_"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """What the flag ``zk`` says: ``zk://[user:password@]host:port,host:port/path``."""

    hosts: str
    path: str
    login: str | None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read the flag. Raises FlagError."""
        if not text.startswith("zk://"):
            raise FlagError(f"--zk is zk://host:port,.../path, not '{text}'")
        authority, slash, path = text.removeprefix("zk://").partition("/")
        login, _, hosts = authority.rpartition("@")
        if not hosts or not path.strip("/"):
            raise FlagError(f"--zk needs hosts and a path: zk://host:port,.../path, not '{text}'")
        return cls(hosts, slash + path.strip("/"), login or None)


class Election:
    """A candidacy. ``on_leader`` is told who leads, at each change; None when nobody does.

    Without a word from ZooKeeper for as long as a session lasts nobody is taken to lead, as another may.
    """

    def __init__(
        self, address: Address, info: Json, timeout: float, on_leader: Callable[[Json | None], None]
    ) -> None:
        self._info = info
        self._path = address.path
        self._timeout = timeout
        self._on_leader = on_leader
        self._node: str | None = None
        self._connections = 0
        auth = [("digest", address.login)] if address.login else None
        self.client = KazooClient(
            hosts=address.hosts, timeout=timeout, handler=SequentialGeventHandler(), auth_data=auth
        )

    def run(self) -> None:
        """Become a candidate and follow who leads. Raises OSError where ZooKeeper cannot be reached."""
        try:
            self.client.start()
        except self.client.handler.timeout_exception as error:
            raise ConnectionError("ZooKeeper does not answer; is --zk right, and is it running?") from error
        self.client.ensure_path(self._path)
        self._renew()
        self.client.add_listener(self._on_state)
        self.client.ChildrenWatch(self._path, self._on_children)

    def _renew(self) -> None:
        """Be a candidate, anew where the session of the old node has ended."""
        if self._node is None or not self.client.exists(self._node):
            data = json.dumps(self._info, separators=(",", ":")).encode()
            self._node = self.client.create(f"{self._path}/{PREFIX}", data, ephemeral=True, sequence=True)

    def _on_state(self, state: str) -> None:
        # Called by the client's own greenlet, which must not be held up.
        if state == KazooState.CONNECTED:
            self._connections += 1
            gevent.spawn(self._reconnected)
        else:
            gevent.spawn_later(self._timeout, self._still_away, self._connections)

    def _reconnected(self) -> None:
        self._renew()
        self._on_children(self.client.get_children(self._path))

    def _still_away(self, connections: int) -> None:
        if self._connections == connections:
            self._on_leader(None)

    def _on_children(self, children: list[str]) -> None:
        candidates = sorted(child for child in children if child.startswith(PREFIX))
        leader = self._read(candidates[0]) if candidates else None
        log.info("the leading master is %s", leader["pid"] if leader else "nobody")
        self._on_leader(leader)

    def _read(self, child: str) -> Json | None:
        try:
            info: Json = json.loads(self.client.get(f"{self._path}/{child}")[0])
        except NoNodeError:
            return None
        return info


class ZooKeeperStore:
    """The registry where all masters find it: beside the candidates, where Mesos has its replicated log.

    Storing does not wait for ZooKeeper, as no change of state may be interrupted by others.
    """

    def __init__(self, client: Any, path: str) -> None:
        self._client = client
        self._path = f"{path}/log_replicas/registry"

    def load(self) -> bytes | None:
        """What was stored last."""
        self._client.ensure_path(self._path)
        data: bytes = self._client.get(self._path)[0]
        return data or None

    def store(self, data: bytes) -> None:
        """Have this kept."""
        self._client.set_async(self._path, data).rawlink(_log_failure)


def _log_failure(result: Any) -> None:
    if result.exception is not None:
        log.error("the registry was not stored: %s", result.exception)
