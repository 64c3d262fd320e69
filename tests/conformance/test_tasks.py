"""Launching, what makes a launch wrong, killing, and messages in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from scheduler.mesos.convert import operation_json
from scheduler.model.event import MessageReceived, Updated
from scheduler.model.intent import Kill, Reconcile, Send
from scheduler.model.node import Executor
from scheduler.model.resource import Resource, total
from scheduler.model.task import TaskUpdate
from tests.conformance.framework import Scheduler
from tests.conformance.node import SMALL, Started, Workshop, enough, launch, running, unique

Change = Callable[[Executor], Executor]


def at_once(scheduler: Scheduler, task: Started, executor: Executor) -> str:
    """Launch another task at the same agent."""
    offer = scheduler.offer(enough(agent_id=task.agent_id))
    other = launch(offer, executor)
    scheduler.accept(offer, other)
    return other.task_id


def invalid(update: TaskUpdate) -> bool:
    return (update.reason, update.source, update.uuid) == ("REASON_TASK_INVALID", "SOURCE_MASTER", None)


# Launching.


def test_a_task_gets_its_data_and_runs(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor(), ["say", "hello"], ["update", "TASK_RUNNING", "well"])
    assert scheduler.said() == "hello"
    update = scheduler.update(task.task_id, "TASK_RUNNING")
    assert (update.agent_id, update.executor_id) == (task.agent_id, task.executor.id)
    assert update.message == "well"


def test_a_second_task_joins_the_executor_that_runs(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    offer = scheduler.offer(enough(agent_id=task.agent_id))
    other = launch(offer, task.executor, ["describe"], ["update", "TASK_RUNNING"])
    scheduler.accept(offer, other)
    scheduler.update(other.task_id, "TASK_RUNNING")
    first = scheduler.said()["pid"]
    mark = scheduler.mark()
    scheduler.tell(task.executor.id, task.agent_id, ["describe"])
    assert scheduler.said(mark)["pid"] == first
    again = scheduler.offer(enough(agent_id=task.agent_id))
    assert total(again.resources, "cpus") == round(total(offer.resources, "cpus") - 0.1, 3), "counted once"


def test_tasks_of_one_accept_start_in_order(scheduler: Scheduler, workshop: Workshop) -> None:
    offer, executor = scheduler.offer(enough()), workshop.executor()
    tasks = [launch(offer, executor) for _ in range(3)]
    scheduler.accept(offer, *tasks)
    for task in tasks:
        scheduler.update(task.task_id, "TASK_RUNNING")
    order = [event.update.task_id for event in scheduler.of(Updated)]
    assert list(dict.fromkeys(order)) == [task.task_id for task in tasks]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, environment=(*e.environment, ("MORE", "1"))),
        lambda e: replace(e, environment=(("OPTIONS", '{"late": 0}'), *e.environment[1:])),
        lambda e: replace(e, command=f"{e.command} # another"),
        lambda e: replace(e, uri=f"{e.uri}?another"),
        lambda e: replace(e, resources=(Resource("cpus", 0.2), *e.resources[1:])),
        lambda e: replace(e, name="another"),
    ],
    ids=["more environment", "another value", "command", "uri", "resources", "name"],
)
def test_another_executor_of_the_same_id_is_an_error(
    scheduler: Scheduler, workshop: Workshop, change: Change
) -> None:
    task = running(scheduler, workshop.executor())
    error = scheduler.update(at_once(scheduler, task, change(task.executor)), "TASK_ERROR")
    assert invalid(error)
    assert "ExecutorInfo is not compatible" in error.message
    assert scheduler.states(task.task_id) == ["TASK_RUNNING"]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, shutdown_grace_seconds=9.0),
        lambda e: replace(e, resources=tuple(reversed(e.resources))),
        lambda e: replace(e, environment=tuple(reversed(e.environment))),
    ],
    ids=["grace", "order of resources", "order of environment"],
)
def test_some_differences_make_no_other_executor(
    scheduler: Scheduler, workshop: Workshop, change: Change
) -> None:
    task = running(scheduler, workshop.executor())
    scheduler.update(at_once(scheduler, task, change(task.executor)), "TASK_RUNNING")


# What is wrong with a launch.


def test_more_than_is_offered_is_an_error(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough())
    task = launch(offer, workshop.executor(), resources=(Resource("cpus", 99999.0), Resource("mem", 32.0)))
    scheduler.accept(offer, task)
    error = scheduler.update(task.task_id, "TASK_ERROR")
    assert invalid(error)
    assert "more than available" in error.message


@pytest.mark.parametrize("task_id", ["a/b", "..", "x\\y", "tab\there", "y" * 256])
def test_a_task_id_is_a_name(scheduler: Scheduler, workshop: Workshop, task_id: str) -> None:
    offer = scheduler.offer(enough())
    scheduler.accept(offer, launch(offer, workshop.executor(), task_id=task_id))
    assert invalid(scheduler.update(task_id, "TASK_ERROR"))


def test_a_task_names_the_agent_of_the_offer(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough())
    task = replace(launch(offer, workshop.executor()), agent_id="another")
    scheduler.accept(offer, task)
    assert invalid(scheduler.update(task.task_id, "TASK_ERROR"))


def test_a_task_id_is_used_once(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    offer = scheduler.offer(enough(agent_id=task.agent_id))
    mark = scheduler.mark()
    scheduler.accept(offer, launch(offer, task.executor, task_id=task.task_id))
    assert invalid(scheduler.update(task.task_id, "TASK_ERROR", since=mark))


@pytest.mark.parametrize("without", ["resources", "executor"])
def test_a_task_has_resources_and_an_executor(scheduler: Scheduler, workshop: Workshop, without: str) -> None:
    offer = scheduler.offer(enough())
    task = launch(offer, workshop.executor())
    written = operation_json(task, scheduler.framework_id, scheduler.role)
    del written["launch"]["task_infos"][0][without]
    scheduler.accept_json(offer, written)
    assert invalid(scheduler.update(task.task_id, "TASK_ERROR"))


def test_a_task_has_either_a_command_or_an_executor(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough())
    task = launch(offer, workshop.executor())
    written = operation_json(task, scheduler.framework_id, scheduler.role)
    written["launch"]["task_infos"][0]["command"] = {"value": "true"}
    scheduler.accept_json(offer, written)
    assert invalid(scheduler.update(task.task_id, "TASK_ERROR"))


def test_a_launch_has_no_id(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough())
    task = launch(offer, workshop.executor())
    written = operation_json(task, scheduler.framework_id, scheduler.role)
    scheduler.accept_json(offer, {**written, "id": {"value": "x"}})
    assert scheduler.update(task.task_id, "TASK_ERROR").uuid is None


def test_a_bad_task_does_not_harm_the_others(scheduler: Scheduler, workshop: Workshop) -> None:
    offer, executor = scheduler.offer(enough()), workshop.executor()
    bad = launch(offer, executor, resources=(Resource("mem", 1e9), SMALL[0]))
    good = [launch(offer, executor) for _ in range(2)]
    scheduler.accept(offer, good[0], bad, good[1])
    scheduler.update(bad.task_id, "TASK_ERROR")
    for task in good:
        scheduler.update(task.task_id, "TASK_RUNNING")


def test_a_launch_on_an_offer_that_was_given_back_is_dropped(
    scheduler: Scheduler, workshop: Workshop
) -> None:
    offer = scheduler.offer(enough())
    scheduler.decline(offer)
    task = launch(offer, workshop.executor())
    scheduler.accept(offer, task)
    dropped = scheduler.update(task.task_id, "TASK_DROPPED")
    assert (dropped.reason, dropped.source) == ("REASON_INVALID_OFFERS", "SOURCE_MASTER")
    assert (dropped.agent_id, dropped.uuid) == (offer.agent_id, None)


# Killing.


def test_a_kill_reaches_the_executor_with_its_grace(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor(on_kill="tell"))
    scheduler.driver.perform(Kill(task.task_id, task.agent_id, 2.5))
    assert scheduler.update(task.task_id, "TASK_KILLED").message == "within 2.5 s"
    assert scheduler.states(task.task_id) == ["TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]


def test_a_kill_for_another_agent_is_passed_over(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    scheduler.driver.perform(Kill(task.task_id, "another", 1.0))
    # An answer that is asked for after it would come after whatever it does.
    assert scheduler.ask(task.task_id, task.agent_id).state == "TASK_RUNNING"
    scheduler.driver.perform(Kill(task.task_id, task.agent_id, 1.0))
    scheduler.update(task.task_id, "TASK_KILLED")


def test_a_kill_of_an_unknown_task_is_answered_as_a_question(scheduler: Scheduler) -> None:
    offer = scheduler.offer()
    for agent_id, state in ((offer.agent_id, "TASK_GONE"), ("another", "TASK_UNKNOWN")):
        task_id = unique("never")
        scheduler.driver.perform(Kill(task_id, agent_id, 1.0))
        update = scheduler.update(task_id, state)
        assert (update.reason, update.uuid) == ("REASON_RECONCILIATION", None)


def test_a_task_that_will_not_be_killed_runs_on(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor(on_kill="ignore"))
    scheduler.driver.perform(Kill(task.task_id, task.agent_id, 0.1))
    scheduler.tell(task.executor.id, task.agent_id, ["say", "alive"])
    assert scheduler.said() == "alive"
    assert scheduler.ask(task.task_id, task.agent_id).state == "TASK_RUNNING"


# Messages.


def test_messages_come_through_in_both_directions(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    text = "".join(chr(code) for code in range(1, 0x2000)) * 12
    scheduler.tell(task.executor.id, task.agent_id, ["say", text])
    event = scheduler.wait(MessageReceived)
    assert (event.executor_id, event.agent_id) == (task.executor.id, task.agent_id)
    assert scheduler.said() == text


def test_messages_to_nobody_are_lost_in_silence(scheduler: Scheduler) -> None:
    offer = scheduler.offer()
    scheduler.driver.perform(Send("no-such-executor", offer.agent_id, b"hello"))
    scheduler.driver.perform(Send("no-such-executor", "no-such-agent", b"hello"))
    scheduler.driver.perform(Reconcile((("never", offer.agent_id),)))
    scheduler.update("never", "TASK_GONE")
