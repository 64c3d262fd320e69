"""Watching a running Cassandra, cheaply, and telling what changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from executor.failure import NotAnswering
from executor.management import Management
from executor.stop import StopOrder
from executor.updates import Updates
from protocol.report import NodeStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rhythm:
    """Seconds. ``busy`` and ``idle`` lie between questions; a node counts as idle ``settling`` after its
    last change, since what follows a change comes soon. Silence is told after ``silence``, and after
    ``first_silence`` where there never was an answer: a start takes its time.
    """

    busy: float = 0.2
    idle: float = 2.0
    settling: float = 60.0
    silence: float = 10.0
    first_silence: float = 60.0


class Watch:
    """Asks the node how it does, until the task has to end. It only tells: slowness is no reason to kill."""

    def __init__(
        self,
        management: Management,
        updates: Updates,
        once_up: Callable[[], None],
        rhythm: Rhythm | None = None,
    ) -> None:
        """``once_up`` is called when the node serves for the first time. ``management`` is for this alone."""
        self._management = management
        self._updates = updates
        self._once_up: Callable[[], None] | None = once_up
        self._rhythm = rhythm or Rhythm()
        self._told: NodeStatus | None = None
        self._first_silence_told = False
        self._answered_at = self._changed_at = time.monotonic()

    def run(self, order: StopOrder) -> None:
        """Watch until the order to end comes."""
        while not order.wait(self._interval()):
            try:
                self.look()
            except Exception:
                log.exception("a look at Cassandra has failed; the next one follows")

    def look(self) -> None:
        """Ask once, and tell if something has changed."""
        try:
            status = self._management.status()
        except NotAnswering as error:
            log.debug("%s", error)
            self._silent()
            return
        self._answered_at = time.monotonic()
        self._tell(status, summary(status))
        if serves(status) and self._once_up is not None:
            self._once_up()
            self._once_up = None

    def _silent(self) -> None:
        seconds = time.monotonic() - self._answered_at
        if self._told is None:
            if seconds >= self._rhythm.first_silence and not self._first_silence_told:
                self._first_silence_told = True
                self._updates.starting(f"Cassandra was started {seconds:.0f} s ago and has not answered yet")
        elif seconds >= self._rhythm.silence:
            self._tell(unknown(self._told), f"Cassandra has not answered for {seconds:.0f} s")

    def _tell(self, status: NodeStatus, message: str) -> None:
        if self._told is None or lasting(status) != lasting(self._told):
            self._told, self._changed_at = status, time.monotonic()
            self._updates.running(message, status)

    def _interval(self) -> float:
        settled = time.monotonic() - self._changed_at > self._rhythm.settling
        idle = settled and self._told is not None and serves(self._told)
        return self._rhythm.idle if idle else self._rhythm.busy


def serves(status: NodeStatus) -> bool:
    """Whether the node is a full member and takes CQL."""
    return status.mode == "NORMAL" and status.native_transport_running


def lasting(status: NodeStatus) -> NodeStatus:
    """The status without what changes all the time."""
    return replace(status, load_bytes=0, disk_total_bytes=0, disk_free_bytes=0, uptime_seconds=0, as_of=0.0)


def unknown(status: NodeStatus) -> NodeStatus:
    """The status of a node that answers no more: who it is, but nothing of how it does."""
    return NodeStatus(
        host_id=status.host_id,
        endpoint=status.endpoint,
        token_count=status.token_count,
        data_center=status.data_center,
        rack=status.rack,
        version=status.version,
        as_of=time.time(),
    )


def summary(status: NodeStatus) -> str:
    """The status in a few words, for people."""
    if status.mode != "NORMAL":
        return status.mode
    gone = f", {len(status.unreachable)} unreachable" if status.unreachable else ""
    deaf = "" if status.native_transport_running else ", takes no CQL"
    return f"NORMAL, {len(status.live)} live{gone}{deaf}"
