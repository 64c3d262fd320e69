"""The end of an uninstallation: Mesos first, then the records, and each only once the one before is sure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from scheduler.daemon.loop import Loop, Refusal, Unconfirmed, Uninstalled
from scheduler.decide import uninstall
from scheduler.mesos.driver import CallFailed, NotConnected
from scheduler.model.event import FrameworkRefused, Subscribed, Tick
from scheduler.model.intent import Intent, Teardown
from scheduler.model.task import TaskUpdate
from scheduler.model.world import Ledger, Uninstall
from tests.unit.decide.cluster import new_world


@dataclass
class Outside:
    """Mesos and ZooKeeper in one, which write down in what order they were told what."""

    told: list[str] = field(default_factory=list)
    error: Exception | None = None
    ledger: Ledger | None = None

    def perform(self, intent: Intent) -> None:
        if isinstance(intent, Teardown):
            if self.error is not None:
                raise self.error
            self.told.append("teardown")

    def acknowledge(self, update: TaskUpdate) -> None:
        """Nothing is told here that needs it."""

    def reconnect(self) -> None:
        self.told.append("reconnect")

    def load(self) -> Ledger | None:
        return self.ledger

    def commit(self, before: Ledger, after: Ledger) -> None:
        self.ledger = after
        if before.controls != after.controls:
            self.told.append(str(after.controls.uninstall.value if after.controls.uninstall else None))

    def clear(self) -> None:
        self.told.append("clear")


def loop(outside: Outside, stage: Uninstall, now: list[float]) -> Loop:
    world = new_world(0)
    controls = replace(world.ledger.controls, uninstall=stage)
    world = replace(world, ledger=replace(world.ledger, controls=controls))
    outside.ledger = world.ledger
    return Loop(world, outside, outside, lambda: now[0])


def test_the_order_is_stored_before_mesos_is_told_and_the_records_go_last() -> None:
    outside, now = Outside(), [1000.0]
    made = loop(outside, Uninstall.RELEASING, now)
    made.step(Subscribed("F1", "10.0.0.1:5050"))
    now[0] += uninstall.LOOK_SECONDS
    with pytest.raises(Uninstalled):
        made.step(Tick())
    assert outside.told == ["tearing down", "teardown", "torn down", "clear"]
    assert made.world.ledger.controls.uninstall is Uninstall.TORN_DOWN, "done once ZooKeeper is clear"


def test_a_framework_that_is_gone_after_a_crash_is_what_was_wanted() -> None:
    outside = Outside()
    made = loop(outside, Uninstall.TEARING_DOWN, [1000.0])
    with pytest.raises(Uninstalled):
        made.step(FrameworkRefused("Framework has been removed"))
    assert outside.told == ["torn down", "clear"]


def test_a_framework_that_is_refused_before_all_is_given_back_is_an_error() -> None:
    outside = Outside()
    with pytest.raises(Refusal, match="has been removed"):
        loop(outside, Uninstall.RELEASING, [1000.0]).step(FrameworkRefused("Framework has been removed"))
    assert outside.told == []


def test_records_stay_until_mesos_has_confirmed() -> None:
    outside = Outside(error=CallFailed("no answer"))
    with pytest.raises(Unconfirmed, match="no answer"):
        loop(outside, Uninstall.TEARING_DOWN, [1000.0]).step(Subscribed("F1", "10.0.0.1:5050"))
    assert outside.told == []


def test_a_teardown_that_could_not_be_sent_is_sent_in_the_next_session() -> None:
    outside = Outside(error=NotConnected("no subscription"))
    made = loop(outside, Uninstall.TEARING_DOWN, [1000.0])
    made.step(Subscribed("F1", "10.0.0.1:5050"))
    outside.error = None
    with pytest.raises(Uninstalled):
        made.step(Subscribed("F1", "10.0.0.2:5050"))
    assert outside.told == ["teardown", "torn down", "clear"]


def test_a_start_after_mesos_has_confirmed_deletes_the_records_without_mesos() -> None:
    outside = Outside()
    with pytest.raises(Uninstalled):
        loop(outside, Uninstall.TORN_DOWN, [1000.0]).finish()
    assert outside.told == ["clear"]
