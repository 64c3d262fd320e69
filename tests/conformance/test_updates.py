"""Status updates on their way from the executor: in order, repeated until acknowledged, and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from scheduler.model.event import ExecutorLost, Updated
from tests.conformance.conftest import framework_info
from tests.conformance.framework import Scheduler
from tests.conformance.node import Workshop, start, unique
from tests.conformance.wire import Subscription

Make = Callable[..., Scheduler]

IN_ORDER = (["update", "TASK_STARTING"], ["update", "TASK_RUNNING"], ["update", "TASK_FINISHED"])


def test_an_update_arrives_as_the_executor_wrote_it(scheduler: Scheduler, workshop: Workshop) -> None:
    task = start(scheduler, workshop.executor(), ["update", "TASK_RUNNING", "all well – ß", "\x00data"])
    update = scheduler.update(task.task_id, "TASK_RUNNING")
    assert update.uuid is not None
    assert len(update.uuid) == 24, "16 bytes in base64"
    assert abs(update.timestamp - time.time()) < 60
    assert replace(update, uuid=None, timestamp=0.0) == replace(
        update.__class__(task.task_id, "TASK_RUNNING", task.agent_id, task.executor.id),
        message="all well – ß",
        data=b"\x00data",
        source="SOURCE_EXECUTOR",
    )


def test_the_agent_says_where_the_container_is(
    subscribe: Callable[..., Subscription], schedulers: Make, workshop: Workshop
) -> None:
    """In the update itself; our model has no use for it, people have."""
    first = schedulers(failover_timeout_seconds=60.0)
    task = start(first, workshop.executor())
    first.update(task.task_id, "TASK_RUNNING")
    framework_id = first.framework_id
    first.driver.stop()
    info = framework_info(first.role, id={"value": framework_id})
    body = {"type": "SUBSCRIBE", "framework_id": info["id"], "subscribe": {"framework_info": info}}
    subscription = subscribe(body).subscribed()
    subscription.ok("RECONCILE", tasks=[])
    container = subscription.wait("UPDATE")["status"]["container_status"]
    assert container["container_id"]["value"]
    (network,) = container["network_infos"]
    assert network["ip_addresses"][0]["ip_address"]


def test_an_update_waits_for_the_acknowledgement_of_the_one_before(
    schedulers: Make, workshop: Workshop
) -> None:
    scheduler = schedulers(acknowledging=False)
    task = start(scheduler, workshop.executor(), *IN_ORDER)
    for number, state in enumerate(("TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"), 1):
        update = scheduler.update(task.task_id, state)
        scheduler.quiet(0.5, Updated)
        assert len(scheduler.states(task.task_id)) == number
        scheduler.driver.acknowledge(update)


def test_tasks_do_not_wait_for_each_other(schedulers: Make, workshop: Workshop) -> None:
    scheduler = schedulers(acknowledging=False)
    first = start(scheduler, workshop.executor(), *IN_ORDER)
    scheduler.update(first.task_id, "TASK_STARTING")
    second = start(scheduler, workshop.executor(), *IN_ORDER)
    scheduler.update(second.task_id, "TASK_STARTING")
    assert scheduler.states(first.task_id) == ["TASK_STARTING"]


def test_only_what_was_not_acknowledged_is_told_again(schedulers: Make, workshop: Workshop) -> None:
    """After ten seconds, and as it was."""
    scheduler = schedulers(acknowledging=False)
    waiting, settled = (start(scheduler, workshop.executor()) for _ in range(2))
    first = scheduler.update(waiting.task_id, "TASK_RUNNING")
    scheduler.driver.acknowledge(scheduler.update(settled.task_id, "TASK_RUNNING"))
    began, mark = time.monotonic(), scheduler.mark()
    again = scheduler.update(waiting.task_id, "TASK_RUNNING", since=mark)
    assert time.monotonic() - began > 5.0
    assert again == first
    assert not scheduler.updates(settled.task_id, since=mark)


def test_an_acknowledgement_of_something_else_is_none(schedulers: Make, workshop: Workshop) -> None:
    scheduler = schedulers(acknowledging=False)
    task = start(scheduler, workshop.executor(), *IN_ORDER)
    first = scheduler.update(task.task_id, "TASK_STARTING")
    scheduler.driver.acknowledge(replace(first, uuid="zy//U/F3TpmOWDeZnTpyfA=="))
    scheduler.driver.acknowledge(replace(first, task_id=unique("another")))
    scheduler.quiet(0.5, Updated)
    scheduler.driver.acknowledge(first)
    scheduler.driver.acknowledge(first)
    scheduler.update(task.task_id, "TASK_RUNNING")
    scheduler.quiet(0.5, Updated)


def test_a_state_may_be_told_twice(scheduler: Scheduler, workshop: Workshop) -> None:
    steps = (["update", "TASK_RUNNING", "one"], ["update", "TASK_RUNNING", "two"])
    task = start(scheduler, workshop.executor(), *steps)
    scheduler.update(task.task_id, fits=lambda update: update.message == "two")
    assert [update.message for update in scheduler.updates(task.task_id)] == ["one", "two"]


def test_what_follows_the_end_arrives_too(schedulers: Make, workshop: Workshop) -> None:
    """So whoever reads it has to know that an end is final."""
    scheduler = schedulers(acknowledging=False)
    steps = (["update", "TASK_FINISHED"], ["update", "TASK_RUNNING", "late"], ["flush"])
    task = start(scheduler, workshop.executor(), *steps)
    first = scheduler.update(task.task_id, "TASK_FINISHED")
    assert scheduler.said() == {"flushed": True}
    scheduler.driver.acknowledge(first)
    late = scheduler.update(task.task_id, fits=lambda update: update.message == "late")
    assert (late.state, late.uuid == first.uuid) == ("TASK_RUNNING", False)


def test_what_follows_an_acknowledged_end_arrives_too(scheduler: Scheduler, workshop: Workshop) -> None:
    executor = workshop.executor()
    steps = (["update", "TASK_FINISHED"], ["flush"], ["sleep", 1.0], ["update", "TASK_RUNNING", "late"])
    task = start(scheduler, executor, *steps)
    first = scheduler.update(task.task_id, "TASK_FINISHED")
    late = scheduler.update(task.task_id, fits=lambda update: update.message == "late")
    assert (late.state, late.uuid in (None, first.uuid)) == ("TASK_RUNNING", False)


def test_an_agent_takes_updates_before_the_scheduler_acknowledges_them(
    schedulers: Make, workshop: Workshop
) -> None:
    scheduler = schedulers(acknowledging=False)
    start(scheduler, workshop.executor(), *IN_ORDER, ["flush"])
    assert scheduler.said() == {"flushed": True}
    assert len(scheduler.of(Updated)) == 1


def test_updates_go_to_whoever_subscribes_next(schedulers: Make, workshop: Workshop) -> None:
    first = schedulers(acknowledging=False)
    task = start(first, workshop.executor())
    update = first.update(task.task_id, "TASK_RUNNING")
    second = schedulers(framework_id=first.framework_id)
    assert second.update(task.task_id, "TASK_RUNNING").uuid == update.uuid


def test_a_task_is_known_until_its_end_is_acknowledged_and_holds_nothing(
    schedulers: Make, workshop: Workshop
) -> None:
    scheduler = schedulers(acknowledging=False)
    task = start(scheduler, workshop.executor(), ["update", "TASK_FINISHED"], ["flush"], ["exit", 0])
    end = scheduler.update(task.task_id, "TASK_FINISHED")
    scheduler.wait(ExecutorLost, lambda event: event.executor_id == task.executor.id)
    scheduler.offer(lambda o: o.agent_id == task.agent_id and o.resources == task.offer.resources)
    assert scheduler.ask(task.task_id, task.agent_id).state == "TASK_FINISHED"
    scheduler.driver.acknowledge(end)
    scheduler.until(lambda: scheduler.ask(task.task_id, task.agent_id).state == "TASK_GONE", "forgotten")
