"""The driver on a stream whose records are cut anywhere, as the one-machine Mesos does it on demand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.model.resource import total
from tests.conformance.conftest import end, framework
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import Configuration, ControlledMesos


@pytest.fixture
def mesos(tmp_path: Path) -> Iterator[ControlledMesos]:
    mesos = ControlledMesos([sys.executable, "-m", "local", "ctl"], ["--data", str(tmp_path)])
    mesos.ensure(Configuration(2, master_flags={"split_records": "true", "allocation_interval": "100ms"}))
    yield mesos
    mesos.close()


@pytest.fixture
def scheduler(mesos: ControlledMesos) -> Iterator[Scheduler]:
    scheduler = Scheduler(mesos.master, framework("split"))
    yield scheduler
    end(scheduler)


def test_records_that_are_cut_at_random_are_read_whole(scheduler: Scheduler) -> None:
    for _ in range(10):
        offer = scheduler.offer()
        assert total(offer.resources, "cpus") == 64.0
        scheduler.decline(offer)
