"""What Cassandra is told about snapshots, and which of its files belong to one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from executor.backup import snapshot
from executor.configure import Credentials
from executor.failure import NotAnswering
from executor.jolokia import Answer, Jolokia, Request
from tests.unit.executor.backup.store import TABLE, write_snapshot


class Told(Jolokia):
    """Answers as told, and keeps what it was asked."""

    def __init__(self, **answers: Answer) -> None:
        super().__init__("127.0.0.1", 1, Credentials("u", "p"))
        self._answers = answers
        self.asked: list[Request] = []

    def ask(self, requests: Sequence[Request], timeout_seconds: float) -> list[Any]:
        self.asked.extend(requests)
        names = [str(one.get("operation") or one["attribute"]).partition("(")[0] for one in requests]
        return [self._answers.get(name, {"status": 200, "value": None}) for name in names]


def test_a_snapshot_is_of_all_keyspaces_but_the_nodes_own_and_flushes() -> None:
    jolokia = Told(Keyspaces={"status": 200, "value": ["system", "system_auth", "shop"]})
    snapshot.take(jolokia, "nightly")
    assert jolokia.asked[1]["operation"].startswith("takeSnapshot(java.lang.String,java.util.Map,")
    assert jolokia.asked[1]["arguments"] == ["nightly", {"skipFlush": "false"}, ["system_auth", "shop"]]


def test_clearing_names_the_tag_alone() -> None:
    jolokia = Told()
    snapshot.clear(jolokia, "nightly")
    assert jolokia.asked[0]["arguments"] == [{}, "nightly", []]


def test_a_refusal_is_told_in_cassandras_words() -> None:
    refused = {"status": 500, "error": "Snapshot nightly already exists"}
    jolokia = Told(Keyspaces={"status": 200, "value": ["shop"]}, takeSnapshot=refused)
    with pytest.raises(NotAnswering, match="Snapshot nightly already exists"):
        snapshot.take(jolokia, "nightly")


def test_files_of_one_tag_are_found_with_those_of_indexes(tmp_path: Path) -> None:
    write_snapshot(tmp_path, "one", {"nb-1-big-Data.db": b"12", ".by_city/nb-1-big-Data.db": b"3"})
    write_snapshot(tmp_path, "two", {"nb-1-big-Data.db": b"other"})
    (tmp_path / "shop" / f"orders-{TABLE}" / "nb-1-big-Data.db").write_bytes(b"live")
    found = list(snapshot.files(tmp_path, "one"))
    assert [(file.name, file.size) for file in found] == [
        (".by_city/nb-1-big-Data.db", 1),
        ("nb-1-big-Data.db", 2),
    ]
    assert snapshot.size(tmp_path, "one") == (2, 3)
    assert snapshot.size(tmp_path, "never taken") == (0, 0)


def test_a_link_to_a_file_has_its_identity_and_a_file_of_the_same_name_another(tmp_path: Path) -> None:
    write_snapshot(tmp_path, "one", {"nb-1-big-Data.db": b"12"})
    (first,) = snapshot.files(tmp_path, "one")
    linked = Path(first.path).parent.parent / "two" / "nb-1-big-Data.db"
    linked.parent.mkdir()
    linked.hardlink_to(first.path)
    write_snapshot(tmp_path, "three", {"nb-1-big-Data.db": b"34"})
    identities = [file.identity for tag in ("one", "two", "three") for file in snapshot.files(tmp_path, tag)]
    assert identities[0] == identities[1] != identities[2]


def test_a_name_that_cassandra_never_gives_is_refused(tmp_path: Path) -> None:
    write_snapshot(tmp_path, "one", {"na\tme.db": b"1"})
    with pytest.raises(OSError, match="is not the name of a file that Cassandra writes"):
        list(snapshot.files(tmp_path, "one"))
