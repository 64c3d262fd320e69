"""What an agent does around an executor: environment, sandbox, files, volumes, and its end."""

from __future__ import annotations

import stat
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.mesos.convert import operation_json
from scheduler.model.event import ExecutorLost, MessageReceived
from scheduler.model.intent import Create, Destroy, Reserve, ShutdownExecutor, Unreserve
from scheduler.model.resource import Disk
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import ControlledMesos
from tests.conformance.node import Node, Started, Workshop, enough, launch, running, start
from tests.conformance.wire import EXECUTOR, JSON_BOTH_WAYS, Reply, Subscription, request
from tests.integration.scripted_server import eventually

Make = Callable[..., Scheduler]


def lost(scheduler: Scheduler, task: Started) -> ExecutorLost:
    return scheduler.wait(ExecutorLost, lambda event: event.executor_id == task.executor.id)


def index(task: Started) -> int:
    """Which of a controlled Mesos' agents it is on."""
    return int(dict(task.offer.attributes)["host"].removeprefix("h"))


# How it starts.


def test_the_environment_is_what_mesos_says_and_what_the_command_says(
    scheduler: Scheduler, workshop: Workshop
) -> None:
    executor = workshop.executor(grace_seconds=7.0, environment=(("MINE", "1"),))
    task = start(scheduler, executor, ["describe"])
    said = scheduler.said()
    environment = said["environment"]
    wanted = {
        "MESOS_FRAMEWORK_ID": scheduler.framework_id,
        "MESOS_EXECUTOR_ID": executor.id,
        "MESOS_SLAVE_ID": task.agent_id,
        "MESOS_DIRECTORY": said["cwd"],
        "MESOS_SANDBOX": said["cwd"],
        "MESOS_CHECKPOINT": "1",
        "MESOS_RECOVERY_TIMEOUT": "15mins",
        "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
        "MESOS_HTTP_COMMAND_EXECUTOR": "0",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "7secs",
        "MINE": "1",
    }
    assert {name: environment[name] for name in wanted} == wanted
    assert environment["MESOS_AGENT_ENDPOINT"].startswith(f"{task.offer.address}:")
    assert environment["MESOS_SLAVE_PID"] == f"slave(1)@{environment['MESOS_AGENT_ENDPOINT']}"
    assert environment["PATH"]
    assert not environment.keys() & {"HOME", "USER", "MESOS_TASK_ID"}, "nothing is inherited"


def test_it_starts_in_its_sandbox_in_a_session_of_its_own(scheduler: Scheduler, workshop: Workshop) -> None:
    start(scheduler, workshop.executor(), ["describe"])
    said = scheduler.said()
    assert {"scripted.pyz", "stdout", "stderr"} <= set(said["files"])
    assert said["session"] != 0
    assert "/slaves/" in said["cwd"]
    assert "/runs/" in said["cwd"]


def test_a_sandbox_is_where_mesos_keeps_it(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = running(
        scheduler, workshop.executor(), ["print", "hello"], ["describe"], ["update", "TASK_RUNNING"]
    )
    sandbox = control.sandbox(index(task), task.agent_id, scheduler.framework_id, task.executor.id)
    assert sandbox.is_symlink()
    assert Path(scheduler.said()["cwd"]) == sandbox.resolve()
    assert stat.S_IMODE(sandbox.stat().st_mode) == 0o750
    assert "hello\n" in (sandbox / "stdout").read_text()


def test_every_run_has_a_sandbox_of_its_own(scheduler: Scheduler, workshop: Workshop) -> None:
    executor = workshop.executor()
    first = start(scheduler, executor, ["describe"], ["update", "TASK_FINISHED"], ["flush"], ["exit", 0])
    before = scheduler.said()["cwd"]
    lost(scheduler, first)
    mark = scheduler.mark()
    again = enough(agent_id=first.agent_id)
    start(scheduler, executor, ["describe"], fits=lambda o: again(o) and not o.executor_ids)
    after = scheduler.said(mark)["cwd"]
    assert Path(before).parent == Path(after).parent
    assert before != after


def test_files_are_fetched_as_the_command_says(
    scheduler: Scheduler, workshop: Workshop, served: tuple[Path, str]
) -> None:
    folder, address = served
    (folder / "plain.txt").write_text("plain")
    (folder / "script.sh").write_text("#!/bin/sh\necho ran > by-script\n")
    with tarfile.open(folder / "archive.tgz", "w:gz") as archive:
        archive.add(folder / "plain.txt", "inside/plain.txt")
    uris = [
        {"value": f"{address}/plain.txt", "output_file": "renamed.txt"},
        {"value": f"{address}/script.sh", "executable": True},
        {"value": f"{address}/archive.tgz"},
        {"value": f"{address}/archive.tgz", "extract": False, "output_file": "kept.tgz"},
    ]
    paths = ("renamed.txt", "script.sh", "inside/plain.txt", "by-script", "kept.tgz", "scripted.pyz")
    offer = scheduler.offer(enough())
    executor = workshop.executor()
    task = launch(offer, replace(executor, command=f"./script.sh && {executor.command}"))
    task = replace(task, data=b'[["stat"]]'.replace(b"stat", b"describe"))
    written = operation_json(task, scheduler.framework_id, scheduler.role)
    written["launch"]["task_infos"][0]["executor"]["command"]["uris"] += uris
    scheduler.accept_json(offer, written)
    files = set(scheduler.said()["files"])
    assert {path.partition("/")[0] for path in paths} <= files
    mark = scheduler.mark()
    scheduler.tell(executor.id, offer.agent_id, ["look", "renamed.txt", "inside/plain.txt", "script.sh"])
    seen = scheduler.said(mark)
    assert seen["renamed.txt"] == {"link": None, "text": "plain", "executable": False}
    assert seen["inside/plain.txt"]["text"] == "plain"
    assert seen["script.sh"]["executable"]


def test_a_file_that_cannot_be_fetched_fails_the_task(scheduler: Scheduler, workshop: Workshop) -> None:
    executor = replace(workshop.executor(), uri=f"{workshop.uri}/no/such/file")
    task = start(scheduler, executor)
    failed = scheduler.update(task.task_id, "TASK_FAILED")
    assert failed.reason == "REASON_CONTAINER_LAUNCH_FAILED"
    assert "Failed to fetch all URIs" in failed.message


# How it ends.


@pytest.mark.parametrize(("step", "status"), [(["exit", 0], 0), (["exit", 3], 768), (["die"], 9)], ids=str)
def test_an_executor_that_ends_takes_its_tasks_along(
    scheduler: Scheduler, workshop: Workshop, step: list[object], status: int
) -> None:
    task = running(scheduler, workshop.executor(), ["update", "TASK_RUNNING"], ["flush"], step)
    failed = scheduler.update(task.task_id, "TASK_FAILED")
    assert (failed.reason, failed.source) == ("REASON_EXECUTOR_TERMINATED", "SOURCE_AGENT")
    assert failed.uuid is not None
    assert lost(scheduler, task) == ExecutorLost(task.executor.id, task.agent_id, status)


def test_an_executor_that_never_subscribes_fails_its_task(scheduler: Scheduler, workshop: Workshop) -> None:
    task = start(scheduler, replace(workshop.executor(), command="exit 5"))
    failed = scheduler.update(task.task_id, "TASK_FAILED")
    assert failed.reason == "REASON_EXECUTOR_TERMINATED"
    assert lost(scheduler, task).status == 5 * 256


def test_an_executor_is_shut_down_and_ends_its_tasks_itself(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    scheduler.driver.perform(ShutdownExecutor(task.executor.id, task.agent_id))
    assert scheduler.update(task.task_id, "TASK_KILLED").message == "shut down"
    assert lost(scheduler, task).status == 0


def test_an_executor_that_will_not_end_is_ended_after_its_grace(
    scheduler: Scheduler, workshop: Workshop
) -> None:
    """And not after the agent's, which is shorter."""
    task = running(scheduler, workshop.executor(grace_seconds=3.0, on_shutdown="ignore"))
    began = time.monotonic()
    scheduler.driver.perform(ShutdownExecutor(task.executor.id, task.agent_id))
    assert scheduler.update(task.task_id, "TASK_FAILED").reason == "REASON_EXECUTOR_TERMINATED"
    assert lost(scheduler, task).status == 9
    assert time.monotonic() - began > 2.8


def test_a_teardown_ends_the_executors(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = running(scheduler, workshop.executor())
    sandbox = control.sandbox(index(task), task.agent_id, scheduler.framework_id, task.executor.id)
    scheduler.driver.teardown()
    eventually(lambda: "told to shut down" in (sandbox / "stdout").read_text(), "the order to end")
    eventually(lambda: executors_at(control.agent(index(task)), task.executor.id) == [], "its end")


def test_an_agent_remembers_an_executor_that_has_ended(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    """With its sandbox, which is where a person looks for why it has ended."""
    task = running(scheduler, workshop.executor())
    sandbox = control.sandbox(index(task), task.agent_id, scheduler.framework_id, task.executor.id)
    scheduler.driver.perform(ShutdownExecutor(task.executor.id, task.agent_id))
    assert lost(scheduler, task).status == 0

    def remembered(where: str) -> bool:
        known = request(control.agent(index(task)), "GET", "/state").json()[where]
        ended = [e for f in known for e in f["completed_executors"] if e["id"] == task.executor.id]
        return [(e["directory"], [t["state"] for t in e["completed_tasks"]]) for e in ended] == [
            (str(sandbox.resolve()), ["TASK_KILLED"])
        ]

    eventually(lambda: remembered("frameworks") or remembered("completed_frameworks"), "its record")
    scheduler.driver.teardown()
    eventually(lambda: remembered("completed_frameworks"), "its framework's end")


def executors_at(agent: str, executor_id: str) -> list[str]:
    """The executor, as long as its agent counts it among those that run."""
    frameworks = request(agent, "GET", "/state").json()["frameworks"]
    return [e["id"] for f in frameworks for e in f["executors"] if e["id"] == executor_id]


@pytest.mark.cluster(agent_flags={"executor_registration_timeout": "1secs"})
def test_an_executor_that_is_late_to_subscribe_is_ended(scheduler: Scheduler, workshop: Workshop) -> None:
    task = start(scheduler, workshop.executor(late=60.0))
    failed = scheduler.update(task.task_id, "TASK_FAILED")
    assert failed.reason == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    lost(scheduler, task)


# Volumes.


def test_a_tasks_volume_is_there_as_long_as_the_task(scheduler: Scheduler, workshop: Workshop) -> None:
    node = Node(scheduler, workshop)
    offer = scheduler.offer(enough(disk=256.0))
    own = node.volume_of(32.0, "own", f"{node.persistence_id}-own")
    steps = (["update", "TASK_RUNNING"], ["look", "data", "own"])
    task = node.launch(offer, node.executor(), *steps)
    task = replace(task, resources=(*task.resources, own))
    scheduler.accept(offer, Reserve(node.all), Create((node.volume, own)), task)
    first = scheduler.said()
    assert first["data"] is not None
    assert first["own"] is not None
    mark = scheduler.mark()
    finish = ["update", "TASK_FINISHED", "", "", task.task_id]
    scheduler.tell(task.executor.id, task.agent_id, finish)
    scheduler.offer(lambda o: own in o.resources)

    def gone() -> bool:
        mark = scheduler.mark()
        scheduler.tell(task.executor.id, task.agent_id, ["look", "data", "own"])
        seen = scheduler.said(mark)
        return seen["own"] is None and seen["data"] is not None

    scheduler.until(gone, "the end of the task's volume")
    assert scheduler.of(MessageReceived, since=mark)


@pytest.mark.parametrize("path", ["a/b", "./data", "/data"])
def test_a_volume_at_a_path_of_several_parts_is_not_there(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop, path: str
) -> None:
    """With the isolators of a plain agent: without an error, so nobody should count on it."""
    node = Node(scheduler, workshop)
    node.volume = node.volume_of(64.0, path)
    node.begin(scheduler, node.executor(), ["look", path.strip("./").partition("/")[0]])
    assert list(scheduler.said().values()) == [None]


def test_data_of_a_volume_that_was_destroyed_do_not_come_back(
    scheduler: Scheduler, workshop: Workshop
) -> None:
    node = Node(scheduler, workshop)
    end = (["update", "TASK_FINISHED"], ["flush"], ["exit", 0])
    node.begin(scheduler, node.executor(), ["write", "data/file", "old"], *end)
    back = scheduler.offer(node.back)
    scheduler.accept(back, Destroy((node.volume,)), Unreserve(node.all))
    clean = scheduler.offer(enough(disk=256.0, agent_id=back.agent_id))
    task = node.launch(clean, node.executor(), ["look", "data", "data/file"])
    mark = scheduler.mark()
    scheduler.accept(clean, *node.first(task))
    seen = scheduler.said(mark)
    assert seen["data"] is not None
    assert seen["data/file"] is None
    assert isinstance(node.volume.disk, Disk)


# The executor's own endpoint.


def endpoint(scheduler: Scheduler, executor_id: str, agent_id: str) -> tuple[str, dict[str, object]]:
    """The agent's address as it tells its executors, and what every call of this one says."""
    mark = scheduler.mark()
    scheduler.tell(executor_id, agent_id, ["describe"])
    agent = scheduler.said(mark)["environment"]["MESOS_AGENT_ENDPOINT"]
    ids = {"framework_id": {"value": scheduler.framework_id}, "executor_id": {"value": executor_id}}
    return agent, ids


def post(agent: str, body: object, headers: dict[str, str] | None = None, method: str = "POST") -> Reply:
    return request(agent, method, EXECUTOR, body, JSON_BOTH_WAYS if headers is None else headers)


def test_the_agent_is_as_strict_as_the_master(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    agent, ids = endpoint(scheduler, task.executor.id, task.agent_id)
    subscribe = {**ids, "type": "SUBSCRIBE", "subscribe": {}}
    unknown = {**subscribe, "executor_id": {"value": "none"}}
    stranger = {**unknown, "framework_id": {"value": "none"}}
    assert post(agent, None, {}, "GET").status == 405
    assert post(agent, "{}", {}).status == 400
    assert post(agent, "{}", {"Content-Type": "application/json; charset=utf-8"}).status == 415
    assert post(agent, "{").status == 400
    assert post(agent, {"type": "SUBSCRIBE"}).status == 400
    assert post(agent, subscribe, {"Content-Type": "application/json", "Accept": "text/html"}).status == 406
    for body, text in ((stranger, "Framework cannot be found"), (unknown, "Executor cannot be found")):
        reply = post(agent, body)
        assert (reply.status, reply.text) == (400, text)


INCOMPLETE: tuple[dict[str, object], ...] = (
    {"uuid": None},
    {"uuid": "c2hvcnQ="},
    {"source": "SOURCE_MASTER"},
    {"source": None},
    {"state": "TASK_STAGING"},
    {"state": None},
    {"executor_id": {"value": "another"}},
    {"task_id": None},
)


def test_an_update_is_complete(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    agent, ids = endpoint(scheduler, task.executor.id, task.agent_id)
    complete = {
        "task_id": {"value": task.task_id},
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "uuid": "zy//U/F3TpmOWDeZnTpyfA==",
        "timestamp": time.time(),
    }

    def answer(changes: dict[str, object]) -> int:
        status = {name: value for name, value in {**complete, **changes}.items() if value is not None}
        return post(agent, {**ids, "type": "UPDATE", "update": {"status": status}}).status

    assert answer({}) == 202
    assert answer({"timestamp": None, "uuid": "FZ2+cq8yQ2af220DLyqeYg=="}) == 202
    taken = [changes for changes in INCOMPLETE if answer(changes) != 400]
    assert not taken


def test_an_executor_says_nothing_before_it_has_subscribed(
    control: ControlledMesos, scheduler: Scheduler, workshop: Workshop
) -> None:
    task = start(scheduler, workshop.executor(late=2.0))
    agent = control.agent(index(task))
    ids = {"framework_id": {"value": scheduler.framework_id}, "executor_id": {"value": task.executor.id}}
    message = {**ids, "type": "MESSAGE", "message": {"data": "aGk="}}
    eventually(lambda: post(agent, message).status != 400, "the executor")
    reply = post(agent, message)
    assert (reply.status, reply.text) == (403, "Executor is not subscribed")
    scheduler.update(task.task_id, "TASK_RUNNING")


def test_a_second_subscription_ends_the_first(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    agent, ids = endpoint(scheduler, task.executor.id, task.agent_id)
    body = {**ids, "type": "SUBSCRIBE", "subscribe": {}}
    second = Subscription(agent, body, EXECUTOR)
    assert second.wait("SUBSCRIBED").keys() == {
        "executor_info",
        "framework_info",
        "agent_info",
        "container_id",
    }
    assert "Mesos-Stream-Id" not in second.headers
    assert second.ended.wait(60), "the executor itself comes back, and ends this one"
    second.close()
    mark = scheduler.mark()
    scheduler.tell(task.executor.id, task.agent_id, ["say", "here"])
    assert scheduler.said(mark) == "here"
