"""From Jolokia's answers to a node's status."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from executor.failure import NotAnswering
from executor.management import Management

STORAGE = {
    "OperationMode": "NORMAL",
    "Joined": True,
    "NativeTransportRunning": True,
    "Initialized": True,
    "GossipRunning": True,
    "LocalHostId": "7b6e0c32",
    "ReleaseVersion": "5.0.9",
    "LiveNodes": ["10.0.0.2", "10.0.0.1"],
    # The last one has left the ring.
    "UnreachableNodes": ["10.0.0.3", "10.0.0.4"],
    "EndpointToHostId": {"10.0.0.1": "7b6e0c32", "10.0.0.2": "0a5c", "10.0.0.3": "88d1"},
}


class Jolokia:
    """Answers each exchange with what lies ready, and keeps what was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.timeouts: list[float] = []

    def ask(self, requests: Sequence[dict[str, Any]], timeout_seconds: float) -> list[dict[str, Any]]:
        self.asked += requests
        self.timeouts.append(timeout_seconds)
        return self.answers


def management(tmp_path: Path, *answers: dict[str, Any]) -> tuple[Management, Jolokia]:
    jolokia = Jolokia(*answers)
    return Management(jolokia, "10.0.0.1", tmp_path), jolokia  # type: ignore[arg-type]  # a stand-in


def value(content: Any) -> dict[str, Any]:
    return {"status": 200, "value": content}


MISSING = {"status": 404, "error": "javax.management.InstanceNotFoundException"}


def test_a_status_is_read_in_one_exchange(tmp_path: Path) -> None:
    places = value({"Datacenter": "dc1", "Rack": "rac1"})
    asker, jolokia = management(
        tmp_path, value(STORAGE), value(["1", "2"]), places, value(147737), value(12_999)
    )
    status = asker.status(0.9)
    assert jolokia.timeouts == [0.9]
    assert (status.mode, status.joined, status.native_transport_running) == ("NORMAL", True, True)
    assert (status.gossip_initialized, status.gossip_running) == (True, True)
    assert (status.host_id, status.endpoint, status.version) == ("7b6e0c32", "10.0.0.1", "5.0.9")
    assert (status.token_count, status.data_center, status.rack) == (2, "dc1", "rac1")
    assert (status.live, status.unreachable) == (("10.0.0.1", "10.0.0.2"), ("10.0.0.3",))
    assert (status.load_bytes, status.uptime_seconds) == (147737, 12)
    assert status.disk_total_bytes > status.disk_free_bytes > 0
    assert status.as_of > 1.7e9


def test_before_cassandra_has_its_beans_it_is_starting(tmp_path: Path) -> None:
    asker, _ = management(tmp_path, MISSING, MISSING, MISSING, MISSING, value(900))
    status = asker.status()
    assert (status.mode, status.joined, status.live, status.data_center) == ("STARTING", False, (), "")


def test_a_node_that_joins_tells_its_state_though_it_has_no_tokens_yet(tmp_path: Path) -> None:
    none = {"status": 500, "error": "java.lang.AssertionError: Unable to get tokens; it is not a member"}
    joining = value({**STORAGE, "OperationMode": "JOINING", "Joined": False})
    asker, _ = management(tmp_path, joining, none, value({}), value(0), value(900))
    status = asker.status()
    assert (status.mode, status.joined, status.token_count) == ("JOINING", False, 0)


def test_without_a_state_there_is_no_status(tmp_path: Path) -> None:
    broken = {"status": 500, "error": "java.lang.IllegalStateException: not now"}
    asker, _ = management(tmp_path, broken, MISSING, MISSING, MISSING, MISSING)
    with pytest.raises(NotAnswering, match=r"Cassandra does not tell its state: .* not now"):
        asker.status()


def test_a_drain_is_one_call_and_its_refusal_is_told(tmp_path: Path) -> None:
    asker, jolokia = management(tmp_path, value(None))
    asker.drain(30.0)
    assert jolokia.timeouts == [30.0]
    assert [(one["type"], one["operation"]) for one in jolokia.asked] == [("exec", "drain")]
    refused, _ = management(tmp_path, {"status": 500, "error": "java.io.IOException: full"})
    with pytest.raises(NotAnswering, match=r"Cassandra does not tell drain: .* full"):
        refused.drain(1.0)


def test_seeds_that_could_not_be_read_are_told(tmp_path: Path) -> None:
    asker, _ = management(tmp_path, value(["10.0.0.2"]))
    asker.reload_seeds()
    unreadable, _ = management(tmp_path, value(None))
    with pytest.raises(NotAnswering, match="could not read its seeds again"):
        unreadable.reload_seeds()
