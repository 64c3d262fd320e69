"""Agents that crash, come back, come back as others, or leave for good, while executors run on."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from scheduler.model.event import AgentLost, ExecutorLost
from scheduler.model.intent import Create, Kill, Reserve
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import ControlledMesos
from tests.conformance.node import Node, Started, Workshop, enough, running, start
from tests.conformance.wire import EXECUTOR, request
from tests.integration.scripted_server import eventually

Make = Callable[..., Scheduler]

pytestmark = pytest.mark.cluster(agents=2)


def on_second(scheduler: Scheduler, workshop: Workshop, *steps: list[object], **options: object) -> Started:
    """A running task on the agent that a test may break."""
    executor = workshop.executor(**options)  # type: ignore[arg-type]  # options are the executor's own
    free = enough()
    return running(scheduler, executor, *steps, fits=lambda o: ("host", "h2") in o.attributes and free(o))


@contextlib.contextmanager
def frozen(scheduler: Scheduler, task: Started) -> Iterator[None]:
    """Meanwhile its executor does nothing."""
    mark = scheduler.mark()
    scheduler.tell(task.executor.id, task.agent_id, ["describe"])
    pid = scheduler.said(mark)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_an_executor_outlives_a_crash_of_its_agent(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = on_second(scheduler, workshop)
    control.kill_agent(2)
    control.start_agent(2)
    assert scheduler.ask(task.task_id, task.agent_id).state == "TASK_RUNNING"
    mark = scheduler.mark()
    scheduler.tell(task.executor.id, task.agent_id, ["say", "here"])
    assert scheduler.said(mark) == "here"
    assert not scheduler.of(ExecutorLost)
    assert set(scheduler.states(task.task_id)) == {"TASK_RUNNING"}
    scheduler.driver.perform(Kill(task.task_id, task.agent_id, 1.0))
    scheduler.update(task.task_id, "TASK_KILLED")


def test_an_update_told_while_the_agent_is_away_arrives(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    steps = (["update", "TASK_RUNNING"], ["sleep", 1.0], ["update", "TASK_RUNNING", "meanwhile"])
    task = on_second(scheduler, workshop, *steps, ["print", "told"])
    control.kill_agent(2)
    sandbox = control.sandbox(2, task.agent_id, scheduler.framework_id, task.executor.id)
    eventually(lambda: "told\n" in (sandbox / "stdout").read_text(), "the update")
    assert not [u for u in scheduler.updates(task.task_id) if u.message == "meanwhile"]
    control.start_agent(2)
    scheduler.update(task.task_id, fits=lambda update: update.message == "meanwhile")
    uuids = {u.uuid for u in scheduler.updates(task.task_id) if u.message == "meanwhile" and u.uuid}
    assert len(uuids) == 1, "however often it comes"


def test_updates_that_an_agent_has_taken_outlive_it(
    control: ControlledMesos, schedulers: Make, workshop: Workshop
) -> None:
    scheduler = schedulers(acknowledging=False)
    steps = (["update", "TASK_STARTING"], ["update", "TASK_RUNNING"], ["flush"])
    free = enough()
    task = start(
        scheduler, workshop.executor(), *steps, fits=lambda o: ("host", "h2") in o.attributes and free(o)
    )
    first = scheduler.update(task.task_id, "TASK_STARTING")
    assert scheduler.said() == {"flushed": True}
    control.kill_agent(2)
    mark = scheduler.mark()
    control.start_agent(2)
    again = scheduler.update(task.task_id, "TASK_STARTING", fits=lambda u: u.uuid is not None, since=mark)
    assert again.uuid == first.uuid
    scheduler.driver.acknowledge(again)
    scheduler.update(task.task_id, "TASK_RUNNING", fits=lambda u: u.uuid is not None, since=mark)


def test_an_executor_that_does_not_come_back_in_time_is_gone(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = on_second(scheduler, workshop)
    ids = {"framework_id": {"value": scheduler.framework_id}, "executor_id": {"value": task.executor.id}}
    message = {**ids, "type": "MESSAGE", "message": {"data": "aGk="}}
    with frozen(scheduler, task):
        control.kill_agent(2)
        control.start_agent(2, wait=False)
        eventually(lambda: post(control.agent(2), message) == 503, "the agent to recover")
        gone = scheduler.update(task.task_id, "TASK_GONE")
    assert (gone.reason, gone.source) == ("REASON_EXECUTOR_REREGISTRATION_TIMEOUT", "SOURCE_AGENT")
    scheduler.wait(ExecutorLost, lambda event: event.executor_id == task.executor.id)


def post(agent: str, body: object) -> int:
    try:
        return request(agent, "POST", EXECUTOR, body).status
    except OSError:
        return 0


def test_an_executor_that_ended_while_its_agent_was_away_has_failed(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    steps = (["update", "TASK_RUNNING"], ["describe"], ["sleep", 1.0], ["exit", 2])
    task = on_second(scheduler, workshop, *steps)
    pid = scheduler.said()["pid"]
    control.kill_agent(2)
    eventually(lambda: not alive(pid), "the executor's end")
    control.start_agent(2)
    failed = scheduler.update(task.task_id, "TASK_FAILED")
    assert failed.reason == "REASON_EXECUTOR_TERMINATED"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_reservations_and_volumes_outlive_their_agent(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    node = Node(scheduler, workshop)
    free = enough(disk=256.0)
    offer = scheduler.offer(lambda o: ("host", "h2") in o.attributes and free(o))
    scheduler.accept(offer, Reserve(node.all), Create((node.volume,)))
    scheduler.decline(scheduler.offer(node.back))
    control.kill_agent(2)
    control.start_agent(2)
    assert scheduler.offer(node.back).agent_id == offer.agent_id


def test_an_agent_that_forgot_its_id_offers_the_same_storage_under_another(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    node = Node(scheduler, workshop)
    free = enough(disk=256.0)
    offer = scheduler.offer(lambda o: ("host", "h2") in o.attributes and free(o))
    end = (["update", "TASK_FINISHED"], ["flush"], ["exit", 0])
    first = node.launch(offer, node.executor(), ["write", "data/file", "kept"], *end)
    scheduler.accept(offer, *node.first(first))
    scheduler.update(first.task_id, "TASK_FINISHED")
    scheduler.decline(scheduler.offer(node.back))
    control.kill_agent(2)
    control.forget_agent(2)
    control.start_agent(2)
    back = scheduler.offer(lambda o: node.back(o) and o.agent_id != offer.agent_id)
    scheduler.wait(AgentLost, lambda event: event.agent_id == offer.agent_id)
    mark = scheduler.mark()
    second = node.launch(back, node.executor(), ["look", "data/file"], ["update", "TASK_RUNNING"])
    scheduler.accept(back, second)
    scheduler.update(second.task_id, "TASK_RUNNING")
    assert scheduler.said(mark)["data/file"]["text"] == "kept"


def test_an_agent_that_leaves_takes_its_executors_along(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = on_second(scheduler, workshop)
    control.shut_down_agent(2)
    scheduler.update(task.task_id, "TASK_LOST", "TASK_FAILED", "TASK_KILLED")
    scheduler.wait(AgentLost, lambda event: event.agent_id == task.agent_id)
    control.start_agent(2)
    back = scheduler.offer(lambda o: ("host", "h2") in o.attributes)
    assert back.executor_ids == ()


def test_an_agent_that_an_operator_gives_up_is_gone_with_its_tasks(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = on_second(scheduler, workshop)
    body = {"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": task.agent_id}}}
    assert request(control.master, "POST", "/api/v1", body).status == 200
    gone = scheduler.update(task.task_id, "TASK_GONE_BY_OPERATOR")
    assert (gone.source, gone.uuid) == ("SOURCE_MASTER", None)
    scheduler.wait(AgentLost, lambda event: event.agent_id == task.agent_id)
    assert scheduler.answer(task.task_id, task.agent_id).state == "TASK_GONE_BY_OPERATOR"
    control.close()  # it is not to come back, and the next test starts anew
