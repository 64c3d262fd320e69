"""Asking for the state of tasks: of all, of some, of unknown ones, on agents that are away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scheduler.model.event import AgentLost, OfferRescinded, Subscribed, Updated
from scheduler.model.intent import Kill, Reconcile
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import ControlledMesos
from tests.conformance.node import Workshop, enough, running, unique

Make = Callable[..., Scheduler]

RECONCILIATION = "REASON_RECONCILIATION"


def test_asking_for_all_tells_each_task_once(scheduler: Scheduler, workshop: Workshop) -> None:
    executor = workshop.executor()
    first = running(scheduler, executor)
    second = running(scheduler, executor, fits=enough(agent_id=first.agent_id))
    mark = scheduler.mark()
    scheduler.driver.perform(Reconcile())
    for task in (first, second):
        update = scheduler.update(task.task_id, "TASK_RUNNING", since=mark)
        assert (update.reason, update.source, update.uuid) == (RECONCILIATION, "SOURCE_MASTER", None)
        assert update.message == "Reconciliation: Latest task state"
        assert (update.agent_id, update.executor_id) == (task.agent_id, executor.id)
    scheduler.quiet(0.5, Updated)
    assert len(scheduler.of(Updated, since=mark)) == 2


def test_asking_for_all_of_none_is_not_answered(scheduler: Scheduler) -> None:
    scheduler.driver.perform(Reconcile())
    scheduler.quiet(0.5, Updated)


def test_a_known_task_is_answered_whatever_agent_is_named(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    for agent_id in (task.agent_id, "another", ""):
        update = scheduler.answer(task.task_id, agent_id)
        assert (update.state, update.uuid) == ("TASK_RUNNING", None)


def test_an_unknown_task_is_gone_from_an_agent_that_is_there(scheduler: Scheduler) -> None:
    offer = scheduler.offer()
    update = scheduler.answer(unique("never"), offer.agent_id)
    assert (update.state, update.reason, update.source) == ("TASK_GONE", RECONCILIATION, "SOURCE_MASTER")
    assert update.message == "Reconciliation: Task is unknown to the agent"
    assert update.agent_id == offer.agent_id


@pytest.mark.parametrize("agent_id", ["", "another"])
def test_an_unknown_task_on_no_known_agent_is_unknown(scheduler: Scheduler, agent_id: str) -> None:
    scheduler.wait(Subscribed)
    update = scheduler.answer(unique("never"), agent_id)
    assert (update.state, update.reason) == ("TASK_UNKNOWN", RECONCILIATION)
    assert update.message == "Reconciliation: Task is unknown"


def test_some_can_be_asked_for_together(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    never, mark = unique("never"), scheduler.mark()
    scheduler.driver.perform(Reconcile(((task.task_id, task.agent_id), (never, task.agent_id))))
    assert scheduler.update(task.task_id, "TASK_RUNNING", since=mark).reason == RECONCILIATION
    scheduler.update(never, "TASK_GONE")


def test_tasks_of_other_frameworks_are_unknown(schedulers: Make, workshop: Workshop, role: str) -> None:
    task = running(schedulers(), workshop.executor())
    stranger = schedulers(f"{role}-b")
    stranger.wait(Subscribed)
    assert stranger.answer(task.task_id, task.agent_id).state == "TASK_GONE"
    stranger.driver.perform(Reconcile())
    stranger.quiet(0.5, Updated)


@pytest.mark.cluster(agents=2)
def test_a_task_on_an_agent_that_is_lost_is_unreachable_and_comes_back(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = running(scheduler, workshop.executor(), fits=lambda o: ("host", "h2") in o.attributes)
    held = next(offer for offer in scheduler.offers(2) if offer.agent_id == task.agent_id)
    control.kill_agent(2)
    scheduler.wait(OfferRescinded, lambda event: event.offer_id == held.id)
    scheduler.wait(AgentLost, lambda event: event.agent_id == task.agent_id)
    update = scheduler.update(task.task_id, "TASK_UNREACHABLE")
    assert (update.source, update.reason, update.uuid) == ("SOURCE_MASTER", "REASON_AGENT_REMOVED", None)
    assert scheduler.answer(task.task_id, task.agent_id).state == "TASK_UNREACHABLE"
    assert scheduler.answer(unique("never"), task.agent_id).state == "TASK_UNREACHABLE"
    assert scheduler.answer(task.task_id).state == "TASK_UNKNOWN", "so the agent is always named"
    mark = scheduler.mark()
    control.start_agent(2)
    back = scheduler.update(task.task_id, "TASK_RUNNING", since=mark)
    assert (back.source, back.reason, back.uuid) == ("SOURCE_MASTER", "REASON_AGENT_REREGISTERED", None)
    scheduler.driver.perform(Kill(task.task_id, task.agent_id, 1.0))
    scheduler.update(task.task_id, "TASK_KILLED")


@pytest.mark.cluster(agents=2)
def test_a_new_master_says_nothing_of_agents_that_are_not_back(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = running(scheduler, workshop.executor(), fits=lambda o: ("host", "h2") in o.attributes)
    control.kill_agent(2)
    control.stop_master()
    control.start_master()
    scheduler.until(lambda: len(scheduler.of(Subscribed)) == 2, "the second subscription")
    here = scheduler.offer(lambda o: ("host", "h1") in o.attributes)
    mark = scheduler.mark()
    scheduler.driver.perform(Reconcile(((task.task_id, task.agent_id),)))
    scheduler.driver.reconcileTasks([{"task_id": {"value": unique("anywhere")}}])
    assert scheduler.answer(unique("never"), here.agent_id).state == "TASK_GONE"
    assert scheduler.answer(unique("never"), "another").state == "TASK_UNKNOWN"
    assert len(scheduler.of(Updated, since=mark)) == 2, "and so no answer to the first two"
    control.start_agent(2)
    assert scheduler.ask(task.task_id, task.agent_id).state == "TASK_RUNNING"
    scheduler.until(lambda: scheduler.answer(unique("never")).state == "TASK_UNKNOWN", "all agents back")
