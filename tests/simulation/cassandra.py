"""Cassandra: nodes that start, join a ring, see each other, and end; and the data that stay on a volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from protocol.report import NodeStatus
from protocol.task import ServerTask
from tests.simulation.clock import Clock

STARTING, JOINING, NORMAL, LEAVING, LEFT = "STARTING", "JOINING", "NORMAL", "LEAVING", "DECOMMISSIONED"


@dataclass(slots=True, eq=False)
class Volume:
    """A persistent volume and what Cassandra has left on it. ``holder`` has locked it.

    By operation: ``snapshots`` that were taken, what a restore has ``brought`` of which nodes, and those for
    whose data the node's own were ``put_aside``. ``restored`` is the last of these, with its source.
    """

    id: str
    node: str
    generation: str
    started: bool = False
    host_id: str = ""
    ring: Ring | None = None
    left: bool = False
    holder: Cassandra | None = None
    tokens: tuple[str, ...] = ()
    snapshots: set[str] = field(default_factory=set)
    brought: dict[str, tuple[str, ...]] = field(default_factory=dict)
    put_aside: set[str] = field(default_factory=set)
    restored: tuple[str, str] = ("", "")

    def swap(self, operation: str) -> bool:
        """Put brought data in the place of the node's own, once; False where there are none."""
        if self.restored[0] == operation:
            return True
        if not self.brought.get(operation):
            return False
        (source,) = self.brought.pop(operation)
        self.put_aside.add(operation)
        self.restored = operation, source
        self.ring, self.host_id, self.tokens = None, "", ()
        return True

    def tidy(self, kept: str) -> None:
        """Clear what is left of all operations but one."""
        self.brought = {name: one for name, one in self.brought.items() if name == kept}
        self.put_aside &= {kept}


@dataclass(slots=True, eq=False)
class Ring:
    """Nodes that know each other: host id to address and to tokens, and who is up."""

    members: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, tuple[str, ...]] = field(default_factory=dict)
    up: dict[str, Cassandra] = field(default_factory=dict)
    busy: Cassandra | None = None


class Watcher(Protocol):
    """Who looks on."""

    def first_boot(self, node: Cassandra) -> None:
        """A node starts without data."""

    def founded(self, node: Cassandra) -> None:
        """A node has begun a ring."""

    def joined(self, node: Cassandra) -> None:
        """A node has become NORMAL."""


class Rings:
    """All there is of Cassandra. ``slow``: joins last so many times longer; ``used``: there are tables."""

    def __init__(self, clock: Clock, rng: Random, watcher: Watcher) -> None:
        self.clock = clock
        self.rng = rng
        self.watcher = watcher
        self.rings: list[Ring] = []
        self.slow = 1.0
        self.used = True
        self._pending: set[Cassandra] = set()
        self._hosts = 0

    def new_host_id(self) -> str:
        """A host id that no other node has."""
        self._hosts += 1
        return f"host-id-{self._hosts}"

    def at(self, address: str) -> Cassandra | None:
        """The working member at an address."""
        for ring in self.rings:
            for node in ring.up.values():
                if node.address == address and node.mode == NORMAL:
                    return node
        return None

    def changed(self, ring: Ring) -> None:
        """Gossip tells it to all members, who report it."""
        for node in ring.up.values():
            if node not in self._pending:
                self._pending.add(node)
                self.clock.after(0.5 + 6 * self.rng.random(), self._gossip, node)

    def _gossip(self, node: Cassandra) -> None:
        self._pending.discard(node)
        if node.alive:
            node.tell()


class Cassandra:
    """One process of Cassandra, on its volume. ``tell`` is called when its status has changed."""

    def __init__(
        self,
        rings: Rings,
        task: ServerTask,
        volume: Volume,
        address: str,
        tell: Callable[[], None],
        failed: Callable[[str, int], None],
    ) -> None:
        self.rings = rings
        self.task = task
        self.volume = volume
        self.address = address
        self.tell = tell
        self._failed = failed
        self.mode = "UNKNOWN"
        self.native = False
        self.alive = True
        self.hangs_since: float | None = None
        volume.holder = self
        volume.started = True

    @property
    def hangs(self) -> bool:
        """Whether its management interface answers no more."""
        return self.hangs_since is not None

    @property
    def ring(self) -> Ring | None:
        """The ring it belongs to, if any."""
        return self.volume.ring

    def start(self) -> None:
        """Boot: with data it is a member again, without it founds a ring or joins one."""
        rng = self.rings.rng
        if self.volume.left:
            self._after(20.0, self.fail, "This node was decommissioned and will not rejoin the ring")
        elif self.volume.ring is not None:
            self._after(10 + 20 * rng.random(), self._normal)
        else:
            self.rings.watcher.first_boot(self)
            self._after(5 + 10 * rng.random(), self._first_boot)

    def _after(self, seconds: float, call: Callable[..., None], *args: object) -> None:
        self.rings.clock.after(seconds, self._if_alive, call, args)

    def _if_alive(self, call: Callable[..., None], args: tuple[object, ...]) -> None:
        if self.alive:
            call(*args)

    def _first_boot(self) -> None:
        peers = [self.rings.at(seed) for seed in self.task.seeds if seed != self.address]
        ring = next((peer.ring for peer in peers if peer is not None), None)
        if ring is not None:
            self._join(ring)
        elif self.address in self.task.seeds:
            self._after(10.0, self._found)
        else:
            self._after(30.0, self.fail, "Unable to gossip with any peers")

    def _take_tokens(self, replaced: tuple[str, ...] = ()) -> None:
        self.volume.host_id = self.rings.new_host_id()
        self.volume.tokens = replaced or self.task.tokens or (f"token-of-{self.volume.host_id}",)

    def _found(self) -> None:
        self._take_tokens()
        self.volume.ring = Ring()
        self.rings.rings.append(self.volume.ring)
        self.rings.watcher.founded(self)
        self._normal()

    def _join(self, ring: Ring) -> None:
        reason = self._refusal(ring)
        if reason is not None:
            self._after(5.0, self.fail, reason)
            return
        self.mode, ring.busy = JOINING, self
        self.tell()
        streaming = 0.0 if self.task.tokens else 60 * self.rings.rng.random()
        self._after((15 + streaming) * self.rings.slow, self._joined, ring)

    def _refusal(self, ring: Ring) -> str | None:
        """Why Cassandra would not join."""
        if ring.busy is not None and ring.busy.alive:
            return "Other bootstrapping/leaving/moving nodes detected, cannot bootstrap"
        replaced = self.task.replace_address
        owner = {address: host for host, address in ring.members.items()}
        if replaced is not None:
            if replaced not in owner:
                return f"Cannot replace_address {replaced} because it doesn't exist in gossip"
            if owner[replaced] in ring.up:
                return f"Cannot replace a live node at {replaced}"
        elif self.address in owner:
            return f"A node with address {self.address} already exists, cancelling join"
        return None

    def _joined(self, ring: Ring) -> None:
        ring.busy = None
        replaced, tokens = self.task.replace_address, ()
        for host in [host for host, address in ring.members.items() if address == replaced]:
            del ring.members[host]
            tokens = ring.tokens.pop(host)
        self._take_tokens(tokens)
        self.volume.ring = ring
        self._normal()

    def _normal(self) -> None:
        ring = self.volume.ring
        if ring is None:
            raise AssertionError("a member without a ring")
        self.mode = NORMAL
        self.rings.watcher.joined(self)
        ring.members[self.volume.host_id] = self.address
        ring.tokens[self.volume.host_id] = self.volume.tokens
        ring.up[self.volume.host_id] = self
        self.tell()
        self._after(1 + 4 * self.rings.rng.random(), self._serve)

    def _serve(self) -> None:
        self.native = True
        self.tell()
        if self.ring is not None:
            self.rings.changed(self.ring)

    def decommission(self) -> str | None:
        """Begin to leave the ring; why not, where it refuses."""
        ring = self.volume.ring
        if self.mode in (LEAVING, LEFT):
            return None
        if ring is None or self.mode != NORMAL:
            return None  # the executor tells it to leave as soon as it can
        if ring.busy is not None and ring.busy.alive and ring.busy is not self:
            return "other nodes join or leave"
        self.mode, ring.busy = LEAVING, self
        self.tell()
        self._after((20 + 80 * self.rings.rng.random()) * self.rings.slow, self._gone, ring)
        return None

    def _gone(self, ring: Ring) -> None:
        ring.busy = None
        self.mode, self.native, self.volume.left = LEFT, False, True
        ring.members.pop(self.volume.host_id, None)
        ring.tokens.pop(self.volume.host_id, None)
        ring.up.pop(self.volume.host_id, None)
        self.tell()
        self.rings.changed(ring)

    def drain(self) -> None:
        """Take no more requests; others see it go."""
        self.mode, self.native = "DRAINED", False
        self._leave_gossip()

    def fail(self, reason: str, code: int = 3) -> None:
        """End by itself."""
        self.end()
        self._failed(reason, code)

    def end(self) -> None:
        """End, whoever ordered it."""
        if self.alive:
            self.alive = False
            self._leave_gossip()
            if self.volume.holder is self:
                self.volume.holder = None

    def _leave_gossip(self) -> None:
        ring = self.volume.ring
        if ring is not None and ring.up.get(self.volume.host_id) is self:
            del ring.up[self.volume.host_id]
            self.rings.changed(ring)

    def status(self) -> NodeStatus:
        """What it says of itself."""
        ring = self.volume.ring
        now = self.rings.clock.now
        if self.hangs:
            return NodeStatus(host_id=self.volume.host_id, endpoint=self.address, as_of=now)
        up = sorted(node.address for node in ring.up.values()) if ring is not None else []
        known = sorted(ring.members.values()) if ring is not None else []
        return NodeStatus(
            mode=self.mode,
            joined=self.mode == NORMAL,
            native_transport_running=self.native,
            gossip_initialized=True,
            gossip_running=True,
            host_id=self.volume.host_id,
            endpoint=self.address,
            token_count=16,
            data_center=self.task.data_center,
            rack=self.task.rack,
            version=self.task.distribution.version,
            live=tuple(up),
            unreachable=tuple(address for address in known if address not in up),
            load_bytes=1 << 20,
            disk_total_bytes=1 << 33,
            disk_free_bytes=1 << 32,
            as_of=now,
        )
