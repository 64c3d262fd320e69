"""What Cassandra is told to take in, what it says of it, and what a stop means meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from executor.backup import catalog
from executor.backup.control import Control
from executor.failure import NotAnswering, Stopped
from executor.transfers import intake
from executor.transfers.errand import Errand, Unfit

SCHEMA = "CREATE TABLE ks.t (id int PRIMARY KEY);\nCREATE MATERIALIZED VIEW ks.v AS SELECT * FROM ks.t;\n"


class Node:
    """Takes requests as Jolokia does, and answers what it is told to."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"value": None}
        self.asked: list[Any] = []
        self.when_asked: Callable[[], None] = lambda: None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def ask(self, requests: list[Any], timeout_seconds: float) -> list[Any]:
        self.asked += requests
        self.when_asked()
        self.may_answer.wait(60)
        return [self.answer]

    def close(self) -> None:
        pass


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(catalog, "manifest", lambda client, name: None)
    monkeypatch.setattr(catalog, "schema", lambda client, manifest: SCHEMA)
    found = Node()
    yield found
    found.may_answer.set()


def errand(staging: Path, node: Node, *loaded: str) -> Errand:
    task = SimpleNamespace(loaded=loaded, name="nightly")
    found: Any = SimpleNamespace(
        task=task, staging=staging, control=Control(), jolokia=lambda: node, client=lambda: None
    )
    return cast(Errand, found)


def brought(staging: Path, *folders: str) -> None:
    for folder in folders:
        (staging / folder).mkdir(parents=True)


def test_files_are_imported_without_those_of_indexes(tmp_path: Path, node: Node) -> None:
    node.answer = {"value": []}
    brought(tmp_path, "ks/t-1/.by_town", "ks/v-2")
    assert intake.take_in(errand(tmp_path, node)) == {"tables": 2}
    assert [one["arguments"][0] for one in node.asked] == [[f"{tmp_path}/ks/t-1"], [f"{tmp_path}/ks/v-2"]]
    assert list((tmp_path / "ks/t-1").iterdir()) == []


def test_files_that_cassandra_refuses_are_no_success(tmp_path: Path, node: Node) -> None:
    node.answer = {"value": [f"{tmp_path}/ks/t-1"]}
    brought(tmp_path, "ks/t-1")
    with pytest.raises(Unfit, match=r"refused files of ks\.t"):
        intake.take_in(errand(tmp_path, node))


def test_rows_of_all_nodes_are_loaded_and_those_of_views_follow(tmp_path: Path, node: Node) -> None:
    brought(tmp_path, "node-0/ks/t-1", "node-0/ks/v-2", "node-3/ks/t-1")
    assert intake.take_in(errand(tmp_path, node, "node-0", "node-3")) == {"tables": 2}
    folders = [f"{tmp_path}/node-0/ks/t-1", f"{tmp_path}/node-3/ks/t-1"]
    assert [(one["operation"], one["arguments"]) for one in node.asked] == [
        ("bulkLoad", [folder]) for folder in folders
    ]


def test_rows_that_were_not_taken_are_told(tmp_path: Path, node: Node) -> None:
    node.answer = {"error": "Stream failed"}
    brought(tmp_path, "node-0/ks/t-1")
    with pytest.raises(NotAnswering, match=r"ks\.t was not taken in: Stream failed"):
        intake.take_in(errand(tmp_path, node, "node-0"))


def test_a_stop_waits_for_no_table(tmp_path: Path, node: Node) -> None:
    node.may_answer.clear()
    brought(tmp_path, "node-0/ks/t-1", "node-0/ks/u-1")
    found = errand(tmp_path, node, "node-0")
    node.when_asked = found.control.stop
    with pytest.raises(Stopped):
        intake.take_in(found)
    assert len(node.asked) == 1
