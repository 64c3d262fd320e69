"""Having a node leave: once at a time, however often it is ordered, and told how far it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from executor.decommission import Decommission
from executor.failure import NotAnswering, Refused
from executor.logs import has_left
from protocol.leaving import Leaving
from protocol.report import NodeStatus
from tests.integration.scripted_server import eventually
from tests.unit.executor.test_management import management, value


@dataclass
class Cassandra:
    """A Cassandra in some mode, whose decommission lasts until it is let go."""

    mode: str = "NORMAL"
    orders: int = 0
    error: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)

    def management(self) -> Cassandra:
        return self

    def status(self, timeout_seconds: float) -> NodeStatus:
        return NodeStatus(self.mode)

    def decommission(self) -> None:
        self.orders += 1
        self.go_on.wait(10)
        if self.error is not None:
            raise self.error

    def sent(self) -> tuple[int, int]:
        return 3, 12

    def close(self) -> None:
        pass


def order(work: Decommission, cassandra: Cassandra) -> Leaving:
    return work.order(cassandra)  # type: ignore[arg-type]  # a stand-in


def test_an_order_is_answered_at_once_and_carried_out_once() -> None:
    work, cassandra = Decommission(), Cassandra()
    assert order(work, cassandra) == Leaving("NORMAL")
    order(work, cassandra)
    eventually(lambda: cassandra.orders == 1, "the decommission")
    cassandra.mode = "LEAVING"
    assert order(work, cassandra) == Leaving("LEAVING", 3, 12)
    cassandra.go_on.set()
    cassandra.mode = "DECOMMISSIONED"
    assert order(work, cassandra) == Leaving("DECOMMISSIONED")
    assert cassandra.orders == 1


@pytest.mark.parametrize("mode", ["LEAVING", "DECOMMISSIONED", "JOINING", "STARTING", "DRAINED"])
def test_a_node_that_leaves_already_or_cannot_yet_is_told_nothing(mode: str) -> None:
    work, cassandra = Decommission(), Cassandra(mode)
    assert order(work, cassandra).mode == mode
    assert cassandra.orders == 0


def test_a_refusal_is_told_with_the_next_order_which_tries_again() -> None:
    work, cassandra = Decommission(), Cassandra(error=Refused("Not enough live nodes"))
    cassandra.go_on.set()
    order(work, cassandra)
    eventually(lambda: cassandra.orders == 1, "the decommission")
    eventually(lambda: order(work, cassandra).problem == "Not enough live nodes", "the refusal")
    cassandra.mode = "DECOMMISSION_FAILED"
    eventually(lambda: bool(order(work, cassandra)) and cassandra.orders > 2, "another try")


def test_silence_is_no_refusal() -> None:
    work, cassandra = Decommission(), Cassandra(error=NotAnswering("Cassandra does not answer"))
    cassandra.go_on.set()
    order(work, cassandra)
    eventually(lambda: cassandra.orders == 1, "the decommission")
    assert order(work, cassandra).problem == ""


def test_cassandras_reason_is_told_in_its_own_words(tmp_path: Path) -> None:
    text = "java.lang.UnsupportedOperationException : Not enough live nodes to maintain replication factor"
    asker, jolokia = management(tmp_path, {"status": 500, "error": text})
    with pytest.raises(Refused, match=r"^Not enough live nodes to maintain replication factor$"):
        asker.decommission()
    assert jolokia.asked[-1]["arguments"] == [False]


def test_what_is_sent_is_the_sum_of_all_streams(tmp_path: Path) -> None:
    streams = [{"currentTxBytes": 1, "totalTxBytes": 10}, {"currentTxBytes": 2, "totalTxBytes": 20}]
    assert management(tmp_path, value(streams))[0].sent() == (3, 30)
    assert management(tmp_path, value([]))[0].sent() == (0, 0)


def test_a_log_tells_that_its_node_has_left() -> None:
    refusal = (
        "org.apache.cassandra.exceptions.ConfigurationException: This node was decommissioned and will not "
        "rejoin the ring unless -Dcassandra.override_decommission=true has been set"
    )
    assert has_left(f"ERROR [main] x - Fatal\n{refusal}\n")
    assert not has_left("INFO [main] x - DECOMMISSIONED")
