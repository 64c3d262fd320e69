from __future__ import annotations

from pathlib import Path

from executor.maintenance.journal import Journal


def test_what_is_done_is_known_to_the_next_task_of_the_operation(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    assert "ks.t" not in journal
    journal.add(["ks.t"])
    assert "ks.t" in journal
    assert "ks.t" in Journal(tmp_path, "one")


def test_another_operation_begins_anew_and_leaves_nothing_of_the_last(tmp_path: Path) -> None:
    Journal(tmp_path, "one").add(["ks.t"])
    assert "ks.t" not in Journal(tmp_path, "two")
    assert list(tmp_path.iterdir()) == []


def test_a_line_cut_off_by_a_crash_counts_for_nothing(tmp_path: Path) -> None:
    Journal(tmp_path, "one").add(["ks.t"])
    with (tmp_path / "one.journal").open("a") as file:
        file.write("ks.half")
    journal = Journal(tmp_path, "one")
    assert "ks.half" not in journal
    journal.add(["ks.u", "ks.v"])
    again = Journal(tmp_path, "one")
    assert "ks.t" in again
    assert "ks.u" in again
    assert "ks.v" in again
