"""The order of what is told of a task."""

from __future__ import annotations

import pytest

from executor.updates import Updates
from protocol.report import Failure, NodeStatus, Report
from tests.unit.executor.examples import RecordingDriver


@pytest.fixture
def driver() -> RecordingDriver:
    return RecordingDriver()


@pytest.fixture
def updates(driver: RecordingDriver) -> Updates:
    return Updates(driver, "t")


def test_a_life_is_told_from_its_start_to_its_end(driver: RecordingDriver, updates: Updates) -> None:
    status, failure = NodeStatus(mode="NORMAL"), Failure("it broke", 3, "log")
    updates.starting("fetching")
    updates.starting("unpacking")
    updates.running("NORMAL, 1 live", status)
    updates.killing("stopping")
    updates.failed(failure)
    assert driver.updates == [
        ("t", "TASK_STARTING", "fetching"),
        ("t", "TASK_STARTING", "unpacking"),
        ("t", "TASK_RUNNING", "NORMAL, 1 live"),
        ("t", "TASK_KILLING", "stopping"),
        ("t", "TASK_FAILED", "it broke"),
    ]
    assert driver.reports == [Report(), Report(), Report(status), Report(), Report(failure=failure)]


def test_nothing_goes_back(driver: RecordingDriver, updates: Updates) -> None:
    updates.killing("stopping")
    updates.starting("late")
    updates.running("late", NodeStatus())
    assert driver.states == ["TASK_KILLING"]


def test_nothing_follows_the_end(driver: RecordingDriver, updates: Updates) -> None:
    updates.killed("stopped")
    updates.killing("late")
    updates.failed(Failure("late"))
    updates.killed("late")
    assert driver.states == ["TASK_KILLED"]
    assert updates.said == "stopped"
