"""The driver on a stream whose records are cut anywhere, as the one-machine Mesos does it on demand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.model.event import OffersReceived
from tests.conformance.conftest import framework
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import Configuration, ControlledMesos


@pytest.fixture
def mesos(tmp_path: Path) -> Iterator[ControlledMesos]:
    mesos = ControlledMesos([sys.executable, "-m", "local", "ctl"], ["--data", str(tmp_path)])
    mesos.ensure(Configuration(2, master_flags={"split_records": "true", "allocation_interval": "100ms"}))
    yield mesos
    mesos.close()


def test_records_that_are_cut_at_random_are_read_whole(mesos: ControlledMesos) -> None:
    scheduler = Scheduler(mesos.master, framework("split"))
    for _ in range(10):
        scheduler.decline(scheduler.offer())
    assert len(scheduler.of(OffersReceived)) > 5
    scheduler.driver.teardown()
