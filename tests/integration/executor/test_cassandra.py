"""The executor's bundle runs a real Cassandra for an agent: from the launch to every kind of end."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from executor import bundle
from executor.lock import holders
from local import jars
from local.parts import FAST_START, SMALL_JVM
from protocol.message import Message, decode_message, encode_message
from protocol.report import Report, decode_report
from protocol.task import Artifact, Distribution, Heap, Ports, ServerTask, encode_task
from tests.integration.scripted_server import Agent

pytestmark = pytest.mark.needs("java", "mvn")

DEADLINE_SECONDS = 180.0
ADDRESS = "127.0.77.1"
PORTS = Ports(storage=7000, ssl_storage=7001, native_transport=9042, jmx=7199, jolokia=8778)
NORMAL = "NORMAL, 1 live"


def wait_for(found: Callable[[], Any], what: str) -> Any:
    """Poll until there is something; a start of Cassandra takes its time on a busy machine."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (result := found()):
        assert time.monotonic() < deadline, f"{what} has not come about in {DEADLINE_SECONDS:g} s"
        time.sleep(0.05)
    return result


class HereAgent(Agent):
    """An agent at an address of its own, so that its node has that address too."""

    host = ADDRESS


class Executor:
    """A running executor's process, and the agent that it works for."""

    def __init__(self, built: Path, sandbox: Path, stack: ExitStack) -> None:
        self.sandbox = sandbox
        self.agent = HereAgent()
        stack.callback(self.agent.close)
        self.output = sandbox / "stderr"
        environment = {
            "PATH": os.environ["PATH"],
            "MESOS_AGENT_ENDPOINT": self.agent.address,
            "MESOS_FRAMEWORK_ID": "f",
            "MESOS_EXECUTOR_ID": "e",
            "MESOS_SANDBOX": str(sandbox),
            "MESOS_CHECKPOINT": "1",
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "1mins",
            "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "geheim",
        }
        if "JAVA_HOME" in os.environ:
            environment["JAVA_HOME"] = os.environ["JAVA_HOME"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(built)], cwd=sandbox, env=environment, stdout=output, stderr=output
            )
        stack.callback(self._end)

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()
        for holder in holders(self.lock) if self.lock.exists() else ():
            os.kill(holder.pid, signal.SIGKILL)

    @property
    def lock(self) -> Path:
        return self.sandbox / "volume" / "lock"

    def launch(self, task: ServerTask) -> None:
        data = base64.b64encode(encode_task(task)).decode()
        launch = {"task": {"task_id": {"value": "t"}, "name": task.node, "data": data}}
        self.agent.subscribed().send({"type": "LAUNCH", "launch": launch})

    def kill(self, grace_seconds: int) -> None:
        policy = {"grace_period": {"nanoseconds": grace_seconds * 10**9}}
        self.agent.streams[-1].send(
            {"type": "KILL", "kill": {"task_id": {"value": "t"}, "kill_policy": policy}}
        )

    @property
    def updates(self) -> list[tuple[str, str, Report]]:
        """State, message and report of each update so far."""
        statuses = [exchange.body["update"]["status"] for exchange in self.agent.asked("UPDATE")]
        return [
            (one["state"], one.get("message", ""), decode_report(base64.b64decode(one.get("data", ""))))
            for one in statuses
        ]

    def states(self) -> list[str]:
        """The states gone through."""
        return [state for state, _ in itertools.groupby(state for state, _, _ in self.updates)]

    def told(self, state: str, pattern: str) -> re.Match[str]:
        """Wait for an update of that state, whose message is like that."""

        def found() -> re.Match[str] | None:
            texts = [message for one, message, _ in self.updates if one == state]
            return next((match for text in texts if (match := re.fullmatch(pattern, text))), None)

        match: re.Match[str] = wait_for(found, f"{state} {pattern!r} in {self.output.read_text()}")
        return match

    def ask(self, subject: str, **body: Any) -> Message:
        """Ask, and wait for the answer."""
        question = Message(f"q-{len(self.agent.exchanges)}", "node-0", subject, body=body)
        data = base64.b64encode(encode_message(question)).decode()
        self.agent.streams[-1].send({"type": "MESSAGE", "message": {"data": data}})

        def answer() -> Message | None:
            asked = self.agent.asked("MESSAGE")
            answers = [decode_message(base64.b64decode(one.body["message"]["data"])) for one in asked]
            return next((one for one in answers if one.id == question.id), None)

        answered: Message = wait_for(answer, f"the answer to {subject}")
        return answered

    @property
    def cassandra(self) -> int:
        """Cassandra's pid."""
        (pid,) = [h.pid for h in holders(self.lock) if h.pid != self.process.pid]
        return pid

    def ends(self) -> None:
        """It ends by itself, without an error."""
        assert self.process.wait(30) == 0
        assert "Traceback" not in self.output.read_text()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, _ = bundle.build(tmp_path_factory.mktemp("bundle"))
    return path


@pytest.fixture(scope="module")
def task(maven: jars.Maven) -> ServerTask:
    tarball = jars.cassandra(maven)
    assert hashlib.sha512(tarball.path.read_bytes()).hexdigest() == tarball.sha512
    return ServerTask(
        node="node-0",
        cluster_name="test",
        data_center="dc1",
        rack="rac1",
        distribution=Distribution(tarball.version, Artifact(tarball.path.as_uri(), tarball.sha512)),
        ports=PORTS,
        heap=Heap(size_mb=256, new_mb=64, gc="SERIAL"),
        seeds=(ADDRESS,),
        jvm_extra_opts=f"{SMALL_JVM} {FAST_START}",
        yaml={"num_tokens": 4},
        founder=True,
    )


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume as Mesos mounts it where the role has a slash: its path has a space."""
    volume = tmp_path / "roles" / "a b" / "1"
    volume.mkdir(parents=True)
    return volume


@pytest.fixture
def start(built: Path, tmp_path: Path, volume: Path) -> Iterator[Callable[[], Executor]]:
    """Starts executors, each in a sandbox of its own with the same volume."""
    with ExitStack() as stack:
        count = itertools.count(1)

        def start() -> Executor:
            sandbox = tmp_path / f"sandbox-{next(count)}"
            sandbox.mkdir()
            (sandbox / "volume").symlink_to(volume)
            return Executor(built, sandbox, stack)

        yield start


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_a_node_is_started_watched_asked_and_stopped(start: Any, task: ServerTask, volume: Path) -> None:
    executor = start()
    executor.launch(task)
    executor.told("TASK_RUNNING", NORMAL)
    assert executor.states() == ["TASK_STARTING", "TASK_RUNNING"]
    # How far a transfer is comes between them, where that takes its time.
    messages = [message for _, message, _ in executor.updates if "%" not in message]
    version = task.distribution.version
    assert messages[:3] == [
        f"fetching Cassandra {version}",
        f"unpacking Cassandra {version}",
        "starting Cassandra",
    ]
    status = executor.updates[-1][2].status
    assert status is not None
    assert (status.mode, status.joined, status.native_transport_running) == ("NORMAL", True, True)
    assert (status.endpoint, status.live, status.token_count) == (ADDRESS, (ADDRESS,), 4)
    assert (status.version, status.data_center, status.rack) == (version, "dc1", "rac1")
    assert status.host_id

    live = executor.ask("status")
    assert live.answer
    assert (live.body["mode"], live.body["host_id"]) == ("NORMAL", status.host_id)
    assert live.body["as_of"] >= status.as_of
    seeds = executor.ask("seeds", seeds=[ADDRESS, "127.0.77.2"])
    assert seeds.body == {"seeds": [ADDRESS, "127.0.77.2"]}
    assert f'"seeds": "{ADDRESS},127.0.77.2"' in (volume / "etc" / "cassandra.yaml").read_text()

    password = (volume / "etc" / "jmxremote.password").read_text().split()[1]
    assert password not in Path(f"/proc/{executor.cassandra}/cmdline").read_text()
    assert not [name for name in environment_of(executor.cassandra) if name.startswith("MESOS_")]
    assert {path.name for path in executor.sandbox.iterdir()} == {"stderr", "volume"}
    folders = {"backup", "cassandra", "dist", "etc", "log", "maintenance", "run"}
    assert {path.name for path in volume.iterdir()} == {*folders, "lock"}
    assert [path.name for path in (volume / "dist").iterdir()] == [task.distribution.cassandra.sha512]

    executor.kill(120)
    executor.told("TASK_KILLED", r"drained in \d+\.\d s, stopped with exit code 143")
    executor.ends()
    assert executor.states()[-2:] == ["TASK_KILLING", "TASK_KILLED"]
    assert password not in executor.output.read_text()


def test_what_killed_cassandra_is_told_with_the_end_of_its_log(start: Any, task: ServerTask) -> None:
    executor = start()
    executor.launch(task)
    executor.told("TASK_RUNNING", NORMAL)
    os.kill(executor.cassandra, signal.SIGKILL)
    executor.told("TASK_FAILED", "Cassandra was killed by SIGKILL")
    executor.ends()
    failure = executor.updates[-1][2].failure
    assert failure is not None
    assert failure.exit_code == -signal.SIGKILL
    assert 0 < len(failure.log_tail.encode()) <= 4000
    assert "INFO" in failure.log_tail


def test_a_configuration_that_cassandra_refuses_is_told_in_its_words(start: Any, task: ServerTask) -> None:
    executor = start()
    yaml = {**task.yaml, "no_such_key": 1}
    executor.launch(ServerTask(**{**vars(task), "yaml": yaml}))
    executor.told("TASK_FAILED", r"Cassandra ended with exit code \d: .*remove properties \[no_such_key\].*")
    executor.ends()
    failure = executor.updates[-1][2].failure
    assert failure is not None
    assert failure.exit_code in (1, 3)
    assert "no_such_key" in failure.log_tail


def test_a_cassandra_left_behind_is_ended_and_named_before_the_next_starts(
    start: Any, task: ServerTask
) -> None:
    first = start()
    first.launch(task)
    first.told("TASK_RUNNING", NORMAL)
    left = first.cassandra
    host_id = first.ask("status").body["host_id"]
    first.process.kill()
    first.agent.close()

    second = start()
    second.launch(task)
    second.told("TASK_STARTING", rf"ended java \(process {left}\), left behind on the volume by .*")
    second.told("TASK_RUNNING", NORMAL)
    assert not Path(f"/proc/{left}").exists()
    assert second.ask("status").body["host_id"] == host_id, "the data are those of the first"
    assert not [m for _, m, _ in second.updates if m.startswith("fetching")], "it is in the volume"

    # The agent orders the end: as good as a kill.
    second.agent.streams[-1].send({"type": "SHUTDOWN"})
    second.told("TASK_KILLED", r"drained in .* stopped with exit code 143")
    second.ends()


def test_a_node_that_hangs_is_told_so_and_killed_only_when_ordered(start: Any, task: ServerTask) -> None:
    executor = start()
    executor.launch(task)
    executor.told("TASK_RUNNING", NORMAL)
    os.kill(executor.cassandra, signal.SIGSTOP)
    assert executor.ask("status").body == {"error": "Cassandra has not answered within 0.9 s"}
    executor.told("TASK_RUNNING", r"Cassandra has not answered for \d+ s")
    status = executor.updates[-1][2].status
    assert status is not None
    assert status.mode == "UNKNOWN"
    executor.kill(8)
    executor.told("TASK_KILLED", r"not drained \(Cassandra has not answered within .*\), killed by SIGKILL")
    executor.ends()
