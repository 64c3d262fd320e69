"""The order to end, and how it is carried out."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

import pytest

from executor.failure import NotAnswering, Stopped
from executor.stop import StopOrder, Stopping
from protocol.report import NodeStatus
from tests.integration.scripted_server import eventually


def test_without_an_order_there_is_no_deadline() -> None:
    order = StopOrder()
    assert not order.given
    assert order.seconds_left == math.inf
    assert not order.wait(0)
    order.pause(0)
    order.pause(0.001)


@pytest.mark.parametrize(("grace", "left"), [(300.0, 298.0), (5.0, 3.0), (3.0, 1.5), (0.0, 0.0)])
def test_some_of_the_grace_is_kept_for_the_last_update(grace: float, left: float) -> None:
    order = StopOrder()
    order.give(grace)
    assert order.given
    assert left - 1 < order.seconds_left <= left


def test_a_later_order_shortens_the_time_and_never_lengthens_it() -> None:
    order = StopOrder()
    order.give(300)
    order.give(12)
    assert order.seconds_left <= 10
    order.give(300)
    assert order.seconds_left <= 10


def test_who_pauses_is_stopped_by_the_order() -> None:
    order = StopOrder()
    stopped = threading.Event()

    def work() -> None:
        try:
            order.pause(60)
        except Stopped:
            stopped.set()

    threading.Thread(target=work, daemon=True).start()
    order.give(300)
    assert stopped.wait(10)
    with pytest.raises(Stopped):
        order.pause(0)


@dataclass
class Process:
    """Ends as it is told to, or only when it is killed."""

    deaf: bool = False
    signals: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def terminate(self) -> None:
        self.signals.append("TERM")
        if not self.deaf:
            self.ended.set()

    def kill(self) -> None:
        self.signals.append("KILL")
        self.ended.set()


@dataclass
class Management:
    """Answers, or does not; drains, or hangs until the process has ended."""

    process: Process
    silent: bool = False
    hanging: bool = False
    timeouts: list[float] = field(default_factory=list)

    def status(self) -> NodeStatus:
        if self.silent:
            raise NotAnswering("Cassandra has not answered within 2.0 s")
        return NodeStatus(mode="NORMAL")

    def drain(self, timeout_seconds: float) -> None:
        self.timeouts.append(timeout_seconds)
        if self.hanging:
            self.process.ended.wait(10)
            raise NotAnswering("Cassandra does not answer: reset")


def stopping(order: StopOrder, process: Process, management: Management) -> Stopping:
    made = Stopping(order, process, management)  # type: ignore[arg-type]  # stand-ins
    made.start()
    return made


def test_it_drains_and_then_asks_it_to_end() -> None:
    order, process = StopOrder(), Process()
    management = Management(process)
    made = stopping(order, process, management)
    assert process.signals == []
    order.give(102)
    assert process.ended.wait(10)
    assert process.signals == ["TERM"]
    assert made.drained.startswith("drained in 0.")
    assert 60 < management.timeouts[0] <= 70, "the rest is for ending"


def test_a_node_that_does_not_answer_is_asked_to_end_without_draining() -> None:
    order, process = StopOrder(), Process()
    management = Management(process, silent=True)
    made = stopping(order, process, management)
    order.give(102)
    assert process.ended.wait(10)
    assert made.drained == "not drained (Cassandra has not answered within 2.0 s)"
    assert not management.timeouts


def test_what_does_not_end_in_time_is_killed() -> None:
    order, process = StopOrder(), Process(deaf=True)
    stopping(order, process, Management(process))
    order.give(0.2)
    assert process.ended.wait(10)
    assert process.signals == ["TERM", "KILL"]


def test_a_drain_that_hangs_is_cut_short_by_a_later_order() -> None:
    order, process = StopOrder(), Process(deaf=True)
    made = stopping(order, process, Management(process, hanging=True))
    order.give(300)
    order.give(0.1)
    assert process.ended.wait(10)
    eventually(lambda: "TERM" in process.signals)
    assert process.signals[0] == "KILL"
    assert made.drained == "not drained (Cassandra does not answer: reset)"
