"""Both drivers with the one-machine Mesos between them: what one says, the other hears."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from scheduler.mesos.detector import StaticDetector
from scheduler.mesos.driver import Driver, Framework
from scheduler.model.event import (
    Disconnected,
    ExecutorLost,
    FrameworkRefused,
    MesosEvent,
    MessageReceived,
    OffersReceived,
    Subscribed,
    Updated,
)
from scheduler.model.intent import (
    Accept,
    Create,
    Decline,
    Destroy,
    Kill,
    Launch,
    Reconcile,
    Reserve,
    Send,
    ShutdownExecutor,
    Unreserve,
)
from scheduler.model.node import Executor
from scheduler.model.offer import Offer
from scheduler.model.resource import Disk, Reservation, Resource, total
from scheduler.model.task import KILLED, RUNNING, STARTING, UNKNOWN, TaskUpdate
from tests.integration.scripted_server import eventually

REPOSITORY = Path(__file__).resolve().parents[3]
ROLE = "cassandra-role"
LEVEL = Reservation(ROLE, "p", (("cluster", "c"), ("generation", "g1")))
FRAMEWORK = Framework("cassandra", os.environ.get("USER", "root"), "p", ROLE, 3600.0)


def reserved(name: str, amount: float, disk: Disk | None = None) -> Resource:
    return Resource(name, amount, reservations=(LEVEL,), disk=disk)


PORTS = Resource("ports", ranges=((7000, 7001),), reservations=(LEVEL,))
VOLUME = reserved("disk", 64.0, Disk("volume-1", "p", "data"))
ALL = (reserved("cpus", 1.0), reserved("mem", 128.0), PORTS, reserved("disk", 64.0))


class Cluster:
    """A master and an agent, each a process."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.master, self.agent = (f"127.0.0.1:{free_port()}" for _ in range(2))

    def start_master(self) -> None:
        port = self.master.split(":")[1]
        self._start("master", f"--ip=127.0.0.1 --port={port} --work_dir={self._home / 'master'}", self.master)

    def start_agent(self) -> None:
        port = self.agent.split(":")[1]
        flags = f"--master={self.master} --ip=127.0.0.1 --port={port} --work_dir={self._home / 'agent'}"
        resources = "--resources=cpus:4;mem:1024;disk:1000;ports:[7000-7999]"
        self._start("agent", f"{flags} {resources} --switch_user=false --attributes=rack:r1", self.agent)

    def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)

    def _start(self, name: str, flags: str, address: str) -> None:
        command = [sys.executable, "-m", f"local.mesos.{name}", *flags.split()]
        with (self._home / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        eventually(lambda: answers(address), name)


def answers(address: str) -> bool:
    try:
        with urlopen(f"http://{address}/health", timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Scheduler:
    """Waits for events; acknowledges every update."""

    def __init__(self, cluster: Cluster, framework: Framework = FRAMEWORK) -> None:
        self.events: list[MesosEvent] = []
        self.driver = Driver(framework, StaticDetector(cluster.master), self.events.append, lambda: True)
        self.driver.start()

    def of(self, kind: type, fits: Callable[[Any], object] = lambda event: True) -> list[Any]:
        return [event for event in list(self.events) if isinstance(event, kind) and fits(event)]

    def wait(self, kind: type, fits: Callable[[Any], object] = lambda event: True) -> Any:
        eventually(lambda: self.of(kind, fits), kind.__name__)
        return self.of(kind, fits)[-1]

    def offer(self, fits: Callable[[Offer], object] = lambda offer: True) -> Offer:
        """The newest offer that fits; others are declined for no time at all."""
        newest: list[Offer] = []

        def found() -> bool:
            for event in self.of(OffersReceived):
                self.events.remove(event)
                for offer in event.offers:
                    if fits(offer):
                        newest.append(offer)
                    else:
                        self.driver.perform(Decline((offer.id,), 0.0))
            return bool(newest)

        eventually(found, "an offer")
        return newest[-1]

    def update(
        self, task_id: str, state: str, fits: Callable[[TaskUpdate], object] = lambda u: True
    ) -> TaskUpdate:
        """Wait for an update; acknowledge all that come before it, and it."""
        acknowledged: set[str | None] = set()

        def found() -> bool:
            for event in self.of(Updated):
                if event.update.uuid not in acknowledged:
                    self.driver.acknowledge(event.update)
                    acknowledged.add(event.update.uuid)
            return bool(self.of(Updated, matches))

        def matches(event: Updated) -> bool:
            update = event.update
            return update.task_id == task_id and update.state == state and bool(fits(update))

        eventually(found, f"{task_id} {state}")
        update: TaskUpdate = self.of(Updated, matches)[-1].update
        return update


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def cluster(stack: ExitStack, tmp_path: Path) -> Cluster:
    cluster = Cluster(tmp_path)
    stack.callback(cluster.stop)
    cluster.start_master()
    cluster.start_agent()
    return cluster


@pytest.fixture
def scheduler(stack: ExitStack, cluster: Cluster) -> Scheduler:
    scheduler = Scheduler(cluster)
    stack.callback(scheduler.driver.stop)
    stack.callback(end_framework, scheduler)
    return scheduler


def end_framework(scheduler: Scheduler) -> None:
    """So that the executor ends too."""
    if scheduler.driver._session is not None:
        scheduler.driver.teardown()


def executor(number: int = 1) -> Executor:
    script = Path(__file__).with_name("echo_executor.py")
    return Executor(
        id=f"executor-{number}",
        name="echo",
        command=f"exec {sys.executable} echo_executor.py",
        uri=f"file://{script}",
        environment=(("PYTHONPATH", str(REPOSITORY)), ("LANG", "C.UTF-8")),
        resources=(reserved("cpus", 0.1), reserved("mem", 32.0), VOLUME),
        shutdown_grace_seconds=2.0,
    )


def launch(task_id: str, offer: Offer, number: int = 1) -> Launch:
    resources = (reserved("cpus", 0.2), reserved("mem", 32.0))
    return Launch(
        task_id, "node-0", offer.agent_id, executor(number), resources, b"task data", grace_seconds=3.0
    )


def first_launch(scheduler: Scheduler) -> Offer:
    offer = scheduler.offer()
    operations = (Reserve(ALL), Create((VOLUME,)), launch("t1", offer))
    scheduler.driver.perform(Accept((offer.id,), operations, 0.0))
    scheduler.update("t1", RUNNING)
    return offer


def is_ours(resource: Resource) -> bool:
    return resource.label("generation") == "g1"


def test_a_node_lives_and_is_cleaned_up(scheduler: Scheduler) -> None:
    driver = scheduler.driver
    offer = first_launch(scheduler)
    assert offer.attributes == (("rack", "r1"),)
    assert [u.state for u in updates(scheduler, "t1")][:2] == [STARTING, RUNNING]
    running = scheduler.update("t1", RUNNING)
    assert running.data == b"task data"
    assert running.source == "SOURCE_EXECUTOR"

    driver.perform(Send("executor-1", offer.agent_id, b"hello"))
    assert scheduler.wait(MessageReceived) == MessageReceived("executor-1", offer.agent_id, b"echo hello")

    rest = scheduler.offer(lambda o: any(is_ours(r) for r in o.resources))
    assert rest.executor_ids == ("executor-1",)
    assert total(filter(is_ours, rest.resources), "cpus") == 0.7
    assert not any(r.persistence_id for r in rest.resources), "the volume is with the executor"
    driver.perform(Accept((rest.id,), (launch("t2", rest),), 0.0))
    scheduler.update("t2", RUNNING)

    driver.perform(Kill("t1", offer.agent_id, 2.5))
    assert scheduler.update("t1", KILLED).message == "within 2.5 s"
    driver.perform(ShutdownExecutor("executor-1", offer.agent_id))
    assert scheduler.update("t2", KILLED).message == "shut down"
    assert scheduler.wait(ExecutorLost) == ExecutorLost("executor-1", offer.agent_id, 0)

    left = scheduler.offer(lambda o: any(r.persistence_id == "volume-1" for r in o.resources))
    assert total(filter(is_ours, left.resources), "cpus") == 1.0
    operations = (Destroy((VOLUME,)), Unreserve(ALL))
    driver.perform(Accept((left.id,), operations, 0.0))
    free = scheduler.offer(lambda o: not any(r.reservations for r in o.resources))
    assert total(free.resources, "cpus") == 4.0
    assert total(free.resources, "disk") == 1000.0


def updates(scheduler: Scheduler, task_id: str) -> list[TaskUpdate]:
    return [event.update for event in scheduler.of(Updated) if event.update.task_id == task_id]


def test_an_executor_outlives_its_agent_and_its_update_is_not_lost(
    scheduler: Scheduler, cluster: Cluster
) -> None:
    offer = first_launch(scheduler)
    scheduler.driver.perform(Send("executor-1", offer.agent_id, b"update after a while"))
    scheduler.wait(MessageReceived)
    cluster.kill("agent")
    eventually(lambda: not answers(cluster.agent))
    cluster.start_agent()
    scheduler.update("t1", RUNNING, lambda update: update.message == "again")
    assert not scheduler.of(ExecutorLost)


def test_a_framework_outlives_its_master(scheduler: Scheduler, cluster: Cluster) -> None:
    first_launch(scheduler)
    cluster.kill("master")
    scheduler.wait(Disconnected)
    cluster.start_master()
    eventually(lambda: len(scheduler.of(Subscribed)) == 2, "the second subscription")
    assert len(set(scheduler.of(Subscribed))) == 1, "under the same id"
    offer = scheduler.offer()
    scheduler.driver.perform(Reconcile((("t1", offer.agent_id), ("no-such-task", offer.agent_id))))
    scheduler.update("t1", RUNNING, lambda update: update.reason == "REASON_RECONCILIATION")
    assert updates(scheduler, "t1")[-1].uuid is None


def test_a_second_scheduler_ends_the_first(scheduler: Scheduler, cluster: Cluster, stack: ExitStack) -> None:
    framework_id = scheduler.wait(Subscribed).framework_id
    second = Scheduler(cluster, Framework("cassandra", FRAMEWORK.user, "p", ROLE, 3600.0, framework_id))
    stack.callback(second.driver.stop)
    stack.callback(end_framework, second)
    assert second.wait(Subscribed).framework_id == framework_id
    assert scheduler.wait(FrameworkRefused) == FrameworkRefused("Framework failed over")


def test_an_unknown_task_is_unknown(scheduler: Scheduler) -> None:
    scheduler.wait(Subscribed)
    scheduler.driver.perform(Reconcile((("no-such-task", "no-such-agent"),)))
    assert scheduler.update("no-such-task", UNKNOWN).uuid is None


def test_a_torn_down_framework_is_refused_for_ever(cluster: Cluster, stack: ExitStack) -> None:
    first = Scheduler(cluster)
    framework_id = first.wait(Subscribed).framework_id
    first.driver.teardown()
    again = Scheduler(cluster, Framework("cassandra", FRAMEWORK.user, "p", ROLE, 3600.0, framework_id))
    stack.callback(again.driver.stop)
    assert "removed" in again.wait(FrameworkRefused).message


def test_records_split_at_random_are_read_whole(stack: ExitStack, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    stack.callback(cluster.stop)
    port = cluster.master.split(":")[1]
    flags = f"--ip=127.0.0.1 --port={port} --work_dir={tmp_path} --split_records=true"
    cluster._start("master", flags, cluster.master)
    cluster.start_agent()
    scheduler = Scheduler(cluster)
    stack.callback(scheduler.driver.stop)
    assert total(scheduler.offer().resources, "cpus") == 4.0


def test_authentication_lets_in_who_knows_the_secret(stack: ExitStack, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(json.dumps({"credentials": [{"principal": "p", "secret": "geheim"}]}))
    cluster = Cluster(tmp_path)
    stack.callback(cluster.stop)
    port = cluster.master.split(":")[1]
    flags = f"--ip=127.0.0.1 --port={port} --work_dir={tmp_path}"
    cluster._start(
        "master", f"{flags} --authenticate_http_frameworks --credentials={credentials}", cluster.master
    )
    for secret, kind in (("geheim", Subscribed), ("guessed", FrameworkRefused), (None, FrameworkRefused)):
        scheduler = Scheduler(cluster, Framework("n", "u", "p", ROLE, 1.0, secret=secret))
        stack.callback(scheduler.driver.stop)
        event = scheduler.wait(kind)
        assert base64.b64encode(b"p:guessed").decode() not in str(event)
