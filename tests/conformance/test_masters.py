"""A master that crashes and comes back with nothing but what agents and frameworks tell it."""

from __future__ import annotations

from collections.abc import Callable

from scheduler.model.event import Disconnected, Subscribed
from scheduler.model.intent import ShutdownExecutor
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import ControlledMesos
from tests.conformance.node import Node, Workshop, running
from tests.integration.scripted_server import eventually

Make = Callable[..., Scheduler]


def test_a_node_outlives_the_master(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    node = Node(scheduler, workshop)
    task = node.begin(scheduler, node.executor())
    scheduler.update(task.task_id, "TASK_RUNNING")
    control.stop_master()
    scheduler.wait(Disconnected)
    control.start_master()
    scheduler.until(lambda: len(scheduler.of(Subscribed)) == 2, "the second subscription")
    assert len({event.framework_id for event in scheduler.of(Subscribed)}) == 1
    rest = scheduler.offer(node.reserved)
    assert (rest.agent_id, rest.executor_ids) == (task.agent_id, (task.executor.id,))
    assert node.amount(rest, "cpus") == 0.4
    scheduler.decline(rest)
    assert scheduler.ask(task.task_id, task.agent_id).state == "TASK_RUNNING"
    scheduler.driver.perform(ShutdownExecutor(task.executor.id, task.agent_id))
    scheduler.offer(node.back)


def test_updates_wait_for_the_master_to_come_back(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    steps = (
        ["update", "TASK_RUNNING"],
        ["sleep", 1.0],
        ["update", "TASK_FINISHED"],
        ["flush"],
        ["print", "told"],
    )
    task = running(scheduler, workshop.executor(), *steps)
    index = int(dict(task.offer.attributes)["host"].removeprefix("h"))
    sandbox = control.sandbox(index, task.agent_id, scheduler.framework_id, task.executor.id)
    control.stop_master()
    eventually(lambda: "told\n" in (sandbox / "stdout").read_text(), "the update")
    control.start_master()
    scheduler.update(task.task_id, "TASK_FINISHED")


def test_a_new_master_takes_a_framework_in_that_the_last_one_had_removed(
    control: ControlledMesos, schedulers: Make
) -> None:
    """So 'removed' is nothing to rely on."""
    first = schedulers()
    framework_id = first.framework_id
    first.driver.teardown()
    control.stop_master()
    control.start_master()
    assert schedulers(framework_id=framework_id).framework_id == framework_id
