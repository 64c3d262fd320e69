"""Restored data take the place of Cassandra's own, whatever breaks off on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from executor.failure import TaskFailed
from executor.layout import Layout
from executor.transfers import swap as swapping
from executor.transfers.swap import swap

OPERATION = "7d0c"


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A node with data of its own and with restored ones beside."""
    (tmp_path / "volume").mkdir()
    found = Layout(tmp_path / "volume")
    found.make()
    (found.cassandra / "data" / "system").mkdir()
    (found.cassandra / "commitlog" / "CommitLog-1.log").write_text("own")
    brought = found.restored(OPERATION) / "ks" / "t-1"
    brought.mkdir(parents=True)
    (brought / "nb-1-big-Data.db").write_text("restored")
    return found


def is_restored(layout: Layout) -> bool:
    data = layout.cassandra / "data"
    own = layout.replaced(OPERATION) / "commitlog" / "CommitLog-1.log"
    return (
        (data / "ks" / "t-1" / "nb-1-big-Data.db").read_text() == "restored"
        and not (data / "system").exists()
        and own.read_text() == "own"
        and list((layout.cassandra / "commitlog").iterdir()) == []
    )


def test_restored_data_take_the_place_of_all_of_cassandras_directories(layout: Layout) -> None:
    swap(layout, OPERATION)
    assert is_restored(layout)


def test_what_cassandra_has_written_since_is_left_alone_at_the_next_start(layout: Layout) -> None:
    swap(layout, OPERATION)
    (layout.cassandra / "data" / "system").mkdir()
    layout.make()
    swap(layout, OPERATION)
    assert (layout.cassandra / "data" / "system").exists()


def test_without_restored_data_nothing_is_put_aside(layout: Layout) -> None:
    with pytest.raises(TaskFailed, match="the restore other are not in this volume"):
        swap(layout, "other")
    assert (layout.cassandra / "data" / "system").exists()


@contextmanager
def crash_after(renames: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    left = [renames]
    for name in ("rename", "replace", "mkdir"):
        original = getattr(Path, name)

        def call(self: Path, *arguments: object, _original=original, **more: object):  # type: ignore[no-untyped-def]
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return _original(self, *arguments, **more)

        monkeypatch.setattr(Path, name, call)
    with monkeypatch.context() as context:
        context.setattr(swapping, "_sync", lambda *paths: None)
        yield
    monkeypatch.undo()


@pytest.mark.parametrize("steps", range(12))
def test_a_crash_at_any_step_is_gone_on_from(
    layout: Layout, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crash_after(steps, monkeypatch), suppress(Crash):
        swap(layout, OPERATION)
    layout.make()
    swap(layout, OPERATION)
    assert is_restored(layout)
