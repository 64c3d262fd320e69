"""What is read out of Cassandra's list of compactions, as Jolokia gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from executor.failure import NotAnswering
from executor.jolokia import Answer, Jolokia, Request
from executor.maintenance.questions import VALIDATION, Questions


def compaction(kind: str, table: str, ident: str, completed: int = 0, total: int = 100) -> dict[str, str]:
    keyspace, _, name = table.partition(".")
    numbers = {"completed": str(completed), "total": str(total)}
    return {"taskType": kind, "keyspace": keyspace, "columnfamily": name, "compactionId": ident, **numbers}


class MadeUpJolokia:
    """Lists compactions, and notes which were told to stop."""

    def __init__(self, *compactions: dict[str, str]) -> None:
        self.compactions = list(compactions)
        self.stopped: list[str] = []

    def ask(self, requests: Sequence[Request], timeout_seconds: float) -> list[Answer]:
        assert requests
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Answer:
        if request["type"] == "read":
            return {"value": self.compactions}
        if request["operation"] != "stopCompactionById":
            return {"error": "no such operation"}
        self.stopped += request["arguments"]
        return {"value": None}


def questions(jolokia: MadeUpJolokia) -> Questions:
    return Questions(cast(Jolokia, jolokia))


def test_of_what_is_read_for_repairs_only_that_of_the_named_tables_is_ended() -> None:
    jolokia = MadeUpJolokia(
        compaction("Validation", "ks.a", "1"),
        compaction("Validation", "ks.b", "2"),
        compaction("Validation", "other.a", "3"),
        compaction("Compaction", "ks.a", "4"),
        compaction("Validation", "ks.c", "5"),
    )
    assert questions(jolokia).end_validations({"ks": ("a", "c")}) == 2
    assert jolokia.stopped == ["1", "5"]


def test_where_nothing_is_read_nothing_is_ended() -> None:
    jolokia = MadeUpJolokia(compaction("Cleanup", "ks.a", "1"))
    assert questions(jolokia).end_validations({"ks": ("a",)}) == 0
    assert jolokia.stopped == []


def test_how_much_is_done_is_told_by_table_over_all_that_runs_on_it() -> None:
    jolokia = MadeUpJolokia(
        compaction("VALIDATION", "ks.a", "1", 50, 100),
        compaction("Validation", "ks.a", "2", 100, 500),
        compaction("Validation", "ks.b", "3", 0, 0),
        compaction("Validation", "other.a", "4", 1, 1),
    )
    assert questions(jolokia).compacted(VALIDATION, "ks") == {"a": 0.25, "b": 0.0}


def test_what_cassandra_refuses_is_told_in_its_words() -> None:
    with pytest.raises(NotAnswering, match="Cassandra refuses forceTerminateAllRepairSessions: no such"):
        questions(MadeUpJolokia()).end_repairs()


class Reaching:
    """Tells of three members, one of them itself, and of whom it cannot reach."""

    def __init__(self, *unreachable: str) -> None:
        members = {"10.0.0.1": "7b6e0c32", "10.0.0.2": "0a5c", "10.0.0.3": "88d1"}
        self.values = [{"UnreachableNodes": list(unreachable), "EndpointToHostId": members}, 3]

    def ask(self, requests: Sequence[Request], timeout_seconds: float) -> list[Answer]:
        assert len(requests) == len(self.values)
        return [{"value": value} for value in self.values]


def test_a_member_that_is_down_is_in_the_way_and_a_node_that_has_left_is_not_though_gossip_tells_of_it() -> (
    None
):
    reaching = Questions(cast(Jolokia, Reaching("10.0.0.4", "10.0.0.2")))
    assert reaching.hindrances() == (["10.0.0.2"], 3)
