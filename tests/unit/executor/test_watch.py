"""Which changes of a node are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executor.failure import NotAnswering
from executor.stop import StopOrder
from executor.updates import Updates
from executor.watch import Rhythm, Watch, serves, summary
from protocol.report import NodeStatus
from tests.integration.scripted_server import eventually
from tests.unit.executor.examples import RecordingDriver

STARTING = NodeStatus(mode="STARTING", endpoint="10.0.0.1")
NORMAL = NodeStatus(
    mode="NORMAL",
    joined=True,
    native_transport_running=True,
    gossip_initialized=True,
    gossip_running=True,
    host_id="h",
    endpoint="10.0.0.1",
    token_count=16,
    version="5.0.9",
    live=("10.0.0.1", "10.0.0.2"),
    load_bytes=1,
    disk_total_bytes=10,
    disk_free_bytes=5,
    uptime_seconds=7,
    as_of=1.0,
)


class Management:
    """Answers with what lies ready, the last of it for ever; None is silence."""

    def __init__(self) -> None:
        self.ready: list[NodeStatus | Exception | None] = [None]
        self.asked = 0
        self.last: tuple[int, StopOrder] | None = None
        """With which question the order to end comes."""

    def status(self) -> NodeStatus:
        self.asked += 1
        if self.last and self.asked == self.last[0]:
            self.last[1].give(10)
        now = self.ready.pop(0) if len(self.ready) > 1 else self.ready[0]
        if isinstance(now, Exception):
            raise now
        if now is None:
            raise NotAnswering("silence")
        return now


class Bench:
    """A watch, and what it tells."""

    def __init__(self, **rhythm: float) -> None:
        self.management, self.driver = Management(), RecordingDriver()
        self.up = 0
        updates = Updates(self.driver, "t")
        made = Rhythm(**{"busy": 0.001, "idle": 0.001, **rhythm})
        self.watch = Watch(self.management, updates, self._once_up, made)  # type: ignore[arg-type]  # a stand-in

    def _once_up(self) -> None:
        self.up += 1

    def see(self, *answers: NodeStatus | None) -> list[str]:
        """Look once for each answer; all messages told so far."""
        self.management.ready = [*answers, answers[-1]]
        for _ in answers:
            self.watch.look()
        return self.driver.messages


def test_each_change_is_told_once() -> None:
    told = Bench().see(STARTING, STARTING, NORMAL, NORMAL, replace(NORMAL, live=("10.0.0.1",)))
    assert told == ["STARTING", "NORMAL, 2 live", "NORMAL, 1 live"]


def test_what_is_told_carries_the_status() -> None:
    bench = Bench()
    bench.see(NORMAL)
    assert bench.driver.states == ["TASK_RUNNING"]
    assert bench.driver.reports[0].status == NORMAL


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "DRAINED"},
        {"joined": False},
        {"native_transport_running": False},
        {"gossip_initialized": False},
        {"gossip_running": False},
        {"host_id": "other"},
        {"endpoint": "10.0.0.9"},
        {"token_count": 17},
        {"version": "5.0.10"},
        {"live": ("10.0.0.1",)},
        {"unreachable": ("10.0.0.2",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_scheduler_decides_by_is_told(change: dict[str, object]) -> None:
    assert len(Bench().see(NORMAL, replace(NORMAL, **change))) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"load_bytes": 2},
        {"disk_total_bytes": 11},
        {"disk_free_bytes": 4},
        {"uptime_seconds": 8},
        {"as_of": 2.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_all_the_time_is_not_told(change: dict[str, float]) -> None:
    assert len(Bench().see(NORMAL, replace(NORMAL, **change))) == 1  # type: ignore[arg-type]


def test_silence_is_told_once_it_lasts_and_so_is_its_end() -> None:
    bench = Bench(silence=0.0)
    told = bench.see(NORMAL, None, None, NORMAL)
    assert told == ["NORMAL, 2 live", "Cassandra has not answered for 0 s", "NORMAL, 2 live"]
    silent = bench.driver.reports[1].status
    assert silent is not None
    assert (silent.mode, silent.host_id, silent.live) == ("UNKNOWN", "h", ())


def test_a_short_silence_is_not_told() -> None:
    assert Bench(silence=60.0).see(NORMAL, None, NORMAL) == ["NORMAL, 2 live"]


def test_a_start_may_be_silent_but_not_for_long() -> None:
    assert Bench(silence=0.0).see(None, None) == []
    bench = Bench(first_silence=0.0)
    assert bench.see(None, None) == ["Cassandra was started 0 s ago and has not answered yet"]
    assert bench.driver.states == ["TASK_STARTING"]


def test_when_the_node_serves_for_the_first_time_it_is_said_so() -> None:
    bench = Bench()
    bench.see(STARTING)
    assert bench.up == 0
    bench.see(NORMAL, replace(NORMAL, mode="DRAINED"), NORMAL)
    assert bench.up == 1


def test_it_looks_until_the_order_to_end_whatever_comes(caplog: pytest.LogCaptureFixture) -> None:
    bench, order = Bench(), StopOrder()
    bench.management.ready = [ValueError("odd"), NORMAL]
    bench.management.last = (5, order)
    bench.watch.run(order)
    assert bench.driver.messages == ["NORMAL, 2 live"]
    assert "a look at Cassandra has failed" in caplog.text


def test_a_settled_node_is_asked_less_often() -> None:
    bench = Bench(busy=1.0, idle=5.0, settling=0.0)
    assert bench.watch._interval() == 1.0
    bench.see(STARTING)
    eventually(lambda: bench.watch._interval() == 1.0)
    bench.see(NORMAL)
    eventually(lambda: bench.watch._interval() == 5.0)
    assert Bench(busy=1.0, idle=5.0).watch._interval() == 1.0


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (STARTING, "STARTING"),
        (replace(NORMAL, mode="JOINING"), "JOINING"),
        (NORMAL, "NORMAL, 2 live"),
        (replace(NORMAL, unreachable=("a",)), "NORMAL, 2 live, 1 unreachable"),
        (replace(NORMAL, native_transport_running=False), "NORMAL, 2 live, takes no CQL"),
    ],
)
def test_a_status_in_words(status: NodeStatus, words: str) -> None:
    assert summary(status) == words


def test_a_node_serves_when_it_is_normal_and_takes_cql() -> None:
    assert serves(NORMAL)
    assert not serves(replace(NORMAL, mode="LEAVING"))
    assert not serves(replace(NORMAL, native_transport_running=False))
