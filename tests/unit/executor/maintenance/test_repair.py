"""What is handed to Cassandra's repairs: which segments together, and what counts as done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from executor.answers import Started
from executor.configure import Credentials
from executor.distribution import Programs
from executor.layout import Layout
from executor.maintenance import repair
from executor.maintenance.pace import BATCH_SECONDS
from executor.maintenance.repair import RepairWork
from executor.maintenance.work import PieceFailed
from protocol.maintenance import REPAIR, MaintenanceTask, RepairOptions
from tests.unit.executor.examples import a_task

PLENTY = 10**15
"""Room enough for anything."""

EVEN = 2**62
"""A quarter of the ring."""


class MadeUpCassandra:
    """Takes ``seconds`` of a clock of its own for each repair; keeps what it was told."""

    def __init__(self) -> None:
        self.rings: dict[str, Mapping[str, Sequence[str]]] = {}
        self.repairs: list[Mapping[str, str]] = []
        self.ended: list[object] = []
        self.state = ["COMPLETED"]
        self.seconds = 0.0
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ring(self, keyspace: str) -> Mapping[str, Sequence[str]]:
        return self.rings[keyspace]

    def repair(self, keyspace: str, options: Mapping[str, str]) -> int:
        self.repairs.append({"keyspace": keyspace, **options})
        self.now += self.seconds
        return len(self.repairs)

    def repair_status(self, number: int) -> tuple[str, list[str]]:
        return self.state[0], self.state[1:]

    def end_repairs(self) -> None:
        self.ended.append("repairs")

    def end_validations(self, tables: object) -> None:
        self.ended.append(tables)

    def close(self) -> None: ...


@pytest.fixture
def cassandra(monkeypatch: pytest.MonkeyPatch) -> MadeUpCassandra:
    made = MadeUpCassandra()
    monkeypatch.setattr(repair, "Questions", lambda jolokia: made)
    monkeypatch.setattr(repair, "time", made)
    return made


def quarters(*replicas: str) -> dict[str, list[str]]:
    """A ring of four ranges, each with these replicas, a letter for each; "a" is the node's own."""
    starts = [-(2**63) + number * EVEN for number in range(4)]
    ends = [*starts[1:], starts[0]]
    return {
        f"[{a}, {b}]": [f"127.0.0.{letter}".replace("a", "1") for letter in word]
        for a, b, word in zip(starts, ends, replicas, strict=True)
    }


def work(volume: Path, *keyspaces: str, options: RepairOptions | None = None) -> RepairWork:
    layout = Layout(volume)
    layout.make()
    tables = dict.fromkeys(keyspaces, ("t",))
    task = MaintenanceTask("node-0", "op", REPAIR, tables, 512, 1e6, options or RepairOptions())
    return RepairWork(task, Started(a_task(), layout, "127.0.0.1", Credentials(), cast(Programs, None)))


def do(work: RepairWork, room: int = PLENTY) -> list[int]:
    """Do everything; how many pieces were done by each repair."""
    left, counts = work.pieces(), []
    while left:
        batch = work.batch(left, room)
        batch.run()
        counts.append(len(batch.keys))
        left = left[len(batch.keys) :]
    return counts


def test_a_quick_repair_is_followed_by_one_of_more_segments(
    tmp_path: Path, cassandra: MadeUpCassandra
) -> None:
    cassandra.rings["ks"] = quarters("abc", "abc", "abc", "abc")
    assert do(work(tmp_path, "ks", options=RepairOptions(segments_per_node=32))) == [1, 4, 16, 11]
    assert len(cassandra.repairs[1]["ranges"].split(",")) == 4


def test_segments_that_take_long_are_repaired_one_by_one(tmp_path: Path, cassandra: MadeUpCassandra) -> None:
    cassandra.rings["ks"] = quarters("abc", "abc", "abc", "abc")
    cassandra.seconds = 2 * BATCH_SECONDS
    assert do(work(tmp_path, "ks")) == [1, 1, 1, 1]


def test_a_rest_counts_for_how_long_a_repair_takes(tmp_path: Path, cassandra: MadeUpCassandra) -> None:
    cassandra.rings["ks"] = quarters("abc", "abc", "abc", "abc")
    cassandra.seconds = BATCH_SECONDS / 5
    assert do(work(tmp_path, "ks")) == [1, 3]
    idle = work(tmp_path, "ks", options=RepairOptions(intensity=0.1))
    assert do(idle) == [1, 1, 1, 1]
    assert idle.rest_seconds() == pytest.approx(9 * cassandra.seconds)


def test_one_repair_has_one_keyspace_and_one_set_of_replicas(
    tmp_path: Path, cassandra: MadeUpCassandra
) -> None:
    cassandra.rings["one"] = quarters("abc", "abd", "acb", "bca")
    cassandra.rings["two"] = quarters("abc", "abc", "abc", "bca")
    done = work(tmp_path, "one", "two")
    assert do(done) == [1, 1, 1, 1, 2]
    assert [told["keyspace"] for told in cassandra.repairs] == ["one", "one", "one", "two", "two"]
    ranges = ",".join(told["ranges"] for told in cassandra.repairs if told["keyspace"] == "one").split(",")
    assert sorted(ranges) == sorted(f"{-(2**63) + n * EVEN}:{-(2**63) + (n + 1) * EVEN}" for n in range(3))


def test_what_a_repair_may_need_is_kept_within_the_room_that_there_is(
    tmp_path: Path, cassandra: MadeUpCassandra
) -> None:
    cassandra.rings["ks"] = quarters("abc", "abc", "abc", "abc")
    data = tmp_path / "cassandra" / "data" / "ks" / "t-1"
    data.mkdir(parents=True)
    (data / "nb-1-big-Data.db").write_bytes(b"x" * 4000)
    assert do(work(tmp_path, "ks"), room=4000) == [1, 2, 1]
    batch = (again := work(tmp_path, "ks")).batch(again.pieces(), 10)
    assert (len(batch.keys), batch.needed_bytes) == (1, 2000)


def test_an_incremental_repair_takes_all_primary_ranges_at_once(
    tmp_path: Path, cassandra: MadeUpCassandra
) -> None:
    cassandra.rings["ks"] = quarters("abc", "abd", "acb", "bca")
    assert do(work(tmp_path, "ks", options=RepairOptions(incremental=True))) == [1]
    (told,) = cassandra.repairs
    assert (len(told["ranges"].split(",")), told["incremental"]) == (3, "true")


def test_a_repair_that_cassandra_reports_as_failed_is_failed(
    tmp_path: Path, cassandra: MadeUpCassandra
) -> None:
    cassandra.rings["ks"] = quarters("abc", "abc", "abc", "abc")
    cassandra.state = ["FAILED", "a replica", "is down"]
    with pytest.raises(PieceFailed, match="repair 1 has failed: a replica; is down"):
        do(work(tmp_path, "ks"))


def test_a_keyspace_without_other_replicas_has_nothing_to_repair(
    tmp_path: Path, cassandra: MadeUpCassandra
) -> None:
    cassandra.rings["ks"] = quarters("a", "b", "a", "b")
    assert do(work(tmp_path, "ks")) == []


def test_an_abort_ends_sessions_and_what_is_read_for_them(tmp_path: Path, cassandra: MadeUpCassandra) -> None:
    work(tmp_path, "ks").abort()
    assert cassandra.ended == ["repairs", {"ks": ("t",)}]
