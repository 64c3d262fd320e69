from __future__ import annotations

from pathlib import Path

from executor.maintenance.disk import MEGABYTE, free_bytes, sstables


def put(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_an_sstable_is_all_of_its_components(tmp_path: Path) -> None:
    table = tmp_path / "ks" / "t-4a1e"
    put(table / "nb-1-big-Data.db", 700)
    put(table / "nb-1-big-Index.db", 30)
    put(table / "nb-2-big-Data.db", 50)
    assert sorted(sstables(tmp_path, "ks", "t")) == [50, 730]


def test_indexes_count_and_snapshots_do_not(tmp_path: Path) -> None:
    table = tmp_path / "ks" / "t-4a1e"
    put(table / ".by_name" / "nb-1-big-Data.db", 20)
    put(table / "snapshots" / "s" / "nb-1-big-Data.db", 900)
    assert sstables(tmp_path, "ks", "t") == [20]


def test_a_table_whose_name_begins_alike_is_another(tmp_path: Path) -> None:
    put(tmp_path / "ks" / "t_more-4a1e" / "nb-1-big-Data.db", 20)
    assert sstables(tmp_path, "ks", "t") == []


def test_no_more_is_free_than_the_volume_has_left(tmp_path: Path) -> None:
    put(tmp_path / "cassandra" / "data" / "file", MEGABYTE)
    assert 2 * MEGABYTE < free_bytes(tmp_path, 4.0) <= 3 * MEGABYTE
    assert free_bytes(tmp_path, 0.5) == 0


def test_no_more_is_free_than_the_file_system_has(tmp_path: Path) -> None:
    everything = 1e15
    assert free_bytes(tmp_path, everything) < everything * MEGABYTE
