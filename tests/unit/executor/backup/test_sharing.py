"""Two clusters at one location, on a store in memory whose clock goes as the test likes."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.backup import markers
from tests.unit.executor.backup import sharing
from tests.unit.executor.backup.sharing import Location, Step, disturbed
from tests.unit.executor.backup.store import Store


@settings(max_examples=150, deadline=None)
@given(sequence=st.lists(disturbed(st.one_of(sharing.orders, sharing.waits)), max_size=8))
def test_a_visible_backup_is_whole_whatever_the_others_do(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("shared")
    store = Store()
    clock = SimpleNamespace(monotonic=lambda: store.now.timestamp())
    with mock.patch.object(markers, "time", clock):
        sharing.run(Location(folder, store), sequence)
    shutil.rmtree(folder)
