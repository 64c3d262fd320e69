"""The life of the one server task: fetch, configure, start, watch, end.

The agent's calls only leave word here; one worker thread does the work, and outlives Cassandra, which is
bound to it (see ``process``).
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from executor import configure, fetch, jvm
from executor.configure import Credentials, management_address
from executor.failure import Stopped, TaskFailed
from executor.layout import Layout
from executor.management import Management, NotAnswering
from executor.process import Cassandra, Lock, last_error, log_tail
from protocol.codec import DecodeError, encode
from protocol.message import SEEDS, STATUS, Message, decode_message, encode_message
from protocol.report import Failure, NodeStatus, Report, encode_report
from protocol.task import ServerTask, decode_task

log = logging.getLogger(__name__)

BUSY_POLL_SECONDS = 0.4
IDLE_POLL_SECONDS = 2.0
SETTLING_SECONDS = 60.0
"""How long after a change the node is watched closely: what follows comes soon."""

ANSWER_SECONDS = 0.9
PROGRESS_SECONDS = 2.0
KILL_MARGIN_SECONDS = 5.0
"""What is left of the grace period for SIGKILL and the last update."""

DEFAULT_GRACE_SECONDS = 300.0
FLUSH_SECONDS = 10.0


class Driver(Protocol):
    """What is needed of the executor's driver."""

    def update(self, task_id: str, state: str, message: str = "", data: bytes = b"") -> None:
        """Tell of a task's state."""

    def send(self, data: bytes) -> None:
        """Send a message to the scheduler."""

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until all updates have been taken."""

    def stop(self) -> None:
        """Let the driver end."""


@dataclass(frozen=True)
class Running:
    """What belongs to a Cassandra that was started."""

    task: ServerTask
    layout: Layout
    process: Cassandra
    management: Management
    credentials: Credentials


class Node:
    """Takes the agent's calls and runs the node, which listens on ``address``, the agent's own."""

    def __init__(self, sandbox: Path, address: str, shutdown_grace_seconds: float) -> None:
        self._sandbox = sandbox
        self._address = address
        self._shutdown_grace = shutdown_grace_seconds
        self._launched = threading.Event()
        self._ending = threading.Event()
        self._grace = DEFAULT_GRACE_SECONDS
        self._task_id = ""
        self._data = b""
        self._running: Running | None = None
        self._status: NodeStatus | None = None
        self._seeds_lock = threading.Lock()

    # The agent's calls; see ``executor.driver.Callbacks``.

    def launch(self, task_id: str, data: bytes) -> None:
        """Start the server task."""
        if self._launched.is_set():
            self._driver.update(task_id, "TASK_FAILED", f"{self._task_id} runs on this executor already")
            return
        self._task_id, self._data = task_id, data
        self._launched.set()

    def kill(self, task_id: str, grace_seconds: float | None) -> None:
        """Drain and stop."""
        if task_id == self._task_id:
            self._end(DEFAULT_GRACE_SECONDS if grace_seconds is None else grace_seconds)

    def message(self, data: bytes) -> None:
        """Answer a question, on a thread of its own: Cassandra may take its time."""
        threading.Thread(target=self._answer, args=(data,), daemon=True).start()

    def shutdown(self) -> None:
        """Drain and stop, with or without a task."""
        self._end(self._shutdown_grace)
        self._launched.set()

    def _end(self, grace_seconds: float) -> None:
        self._grace = grace_seconds
        self._ending.set()

    # The worker.

    def run(self, driver: Driver) -> None:
        """Do the work; returns, with the driver stopped, when the task has ended and Mesos knows it."""
        self._driver = driver
        self._launched.wait()
        try:
            if self._task_id:
                self._run_task()
            if not driver.flush(FLUSH_SECONDS):
                log.warning("ending, with updates that the agent has not taken")
        finally:
            driver.stop()

    def _run_task(self) -> None:
        lock: Lock | None = None
        try:
            task = decode_task(self._data)
            layout = Layout((self._sandbox / task.volume).resolve())
            layout.make()
            lock = Lock(layout.lock)
            self._start(task, layout, lock)
            self._watch_to_the_end()
        except Stopped:
            self._driver.update(self._task_id, "TASK_KILLED", "killed before Cassandra was started")
        except (TaskFailed, DecodeError, OSError) as error:
            self._failed(str(error), None, "")
        finally:
            if lock is not None:
                lock.release()

    def _start(self, task: ServerTask, layout: Layout, lock: Lock) -> None:
        self._starting("preparing the volume")
        left_behind = lock.take()
        if left_behind:
            self._starting(f"ended a Cassandra that was left behind on the volume, pid {left_behind}")
        distribution, program, jolokia = self._bring(task, layout)
        credentials = Credentials()
        configure.write_all(layout, task, self._address, credentials)
        bound = management_address(self._address)
        command = jvm.command(program, task, layout, distribution, jolokia, bound)
        self._pause()
        self._starting("starting Cassandra")
        process = Cassandra(command, layout, lock)
        management = Management(self._address, bound, task.ports.jolokia, credentials, layout.volume)
        self._running = Running(task, layout, process, management, credentials)

    def _bring(self, task: ServerTask, layout: Layout) -> tuple[Path, str, Path]:
        """Cassandra's folder, the Java program and Jolokia's jar."""
        wanted, folder = task.distribution, layout.distributions
        distribution = fetch.bring_unpacked(
            wanted.cassandra, folder, self._progress(f"Cassandra {wanted.version}")
        )
        jre = fetch.bring_unpacked(wanted.jre, folder, self._progress("Java")) if wanted.jre else None
        if wanted.jolokia:
            jolokia = folder / f"jolokia-agent-jvm-{wanted.jolokia.sha512}.jar"
            if not jolokia.exists():
                fetch.bring(wanted.jolokia, folder, self._progress("Jolokia")).rename(jolokia)
        else:
            jolokia = jvm.jolokia_jar(distribution)
        return distribution, jvm.java(jre, wanted.java_home), jolokia

    def _progress(self, what: str) -> fetch.Progress:
        """Tells the scheduler how far a transfer is, now and then, and stops it when the task is to end."""
        told = time.monotonic()

        def progress(done: int, total: int | None) -> None:
            nonlocal told
            self._pause()
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                share = f"{100 * done // total} % of {total >> 20} MB" if total else f"{done >> 20} MB"
                self._starting(f"fetching {what}: {share}")

        return progress

    def _pause(self) -> None:
        if self._ending.is_set():
            raise Stopped

    def _starting(self, message: str) -> None:
        log.info("%s", message)
        self._driver.update(self._task_id, "TASK_STARTING", message)

    # Watching.

    def _watch_to_the_end(self) -> None:
        running = self._running
        if running is None:
            return
        settled_at = time.monotonic() + SETTLING_SECONDS
        while not self._ending.is_set():
            code = running.process.exit_code()
            if code is not None:
                self._died(running, code)
                return
            if self._look(running):
                settled_at = time.monotonic() + SETTLING_SECONDS
            settled = _serves(self._status) and time.monotonic() > settled_at
            self._ending.wait(IDLE_POLL_SECONDS if settled else BUSY_POLL_SECONDS)
        self._stop(running)

    def _look(self, running: Running) -> bool:
        """Ask the node how it does and tell of changes; whether there was one."""
        try:
            status = running.management.status()
        except NotAnswering as error:
            log.debug("%s", error)
            return False
        before, self._status = self._status, status
        if before is not None and _telling(before) == _telling(status):
            return False
        self._driver.update(self._task_id, "TASK_RUNNING", _summary(status), encode_report(Report(status)))
        return True

    def _died(self, running: Running, code: int) -> None:
        tail = log_tail(running.layout)
        if code < 0:
            self._failed(f"Cassandra was ended by signal {-code}", code, tail)
        else:
            self._failed(f"Cassandra ended with exit code {code}: {last_error(tail)}", code, tail)

    def _failed(self, reason: str, code: int | None, tail: str) -> None:
        log.error("%s", reason)
        report = Report(self._status, Failure(reason, code, tail))
        self._driver.update(self._task_id, "TASK_FAILED", reason, encode_report(report))

    def _stop(self, running: Running) -> None:
        """Drain, then stop, within the grace period."""
        deadline = time.monotonic() + max(self._grace - KILL_MARGIN_SECONDS, 1.0)
        self._driver.update(self._task_id, "TASK_KILLING", "draining")
        begun = time.monotonic()
        try:
            drainer = self._another_connection(running)
            drainer.drain(deadline - begun)
            drained = f"drained in {time.monotonic() - begun:.1f} s"
        except NotAnswering as error:
            drained = f"not drained ({error})"
        code = running.process.terminate(deadline - time.monotonic())
        message = f"{drained}, stopped with exit code {code}"
        log.info("%s", message)
        self._driver.update(self._task_id, "TASK_KILLED", message, encode_report(Report(self._status)))

    # Questions.

    def _answer(self, data: bytes) -> None:
        try:
            question = decode_message(data)
        except DecodeError as error:
            log.warning("a message cannot be read: %s", error)
            return
        try:
            body = self._body_of(question)
        except (NotAnswering, OSError) as error:
            body = {"error": str(error)}
        self._driver.send(encode_message(replace(question, answer=True, body=body)))

    def _body_of(self, question: Message) -> dict[str, object]:
        running = self._running
        if running is None:
            raise NotAnswering("Cassandra has not been started yet")
        if question.subject == STATUS:
            status = self._another_connection(running).status(ANSWER_SECONDS)
            return dict(encode(status))
        if question.subject == SEEDS:
            return self._take_seeds(running, [str(seed) for seed in question.body.get("seeds", ())])
        return {"error": f"this executor does not know what {question.subject} means"}

    def _take_seeds(self, running: Running, seeds: list[str]) -> dict[str, object]:
        with self._seeds_lock:
            configure.write_cassandra_yaml(running.layout, running.task, self._address, seeds)
            self._another_connection(running).reload_seeds()
        return {"seeds": seeds}

    def _another_connection(self, running: Running) -> Management:
        """A connection for one thread's use: the worker's is its own."""
        bound = management_address(self._address)
        ports, credentials = running.task.ports, running.credentials
        return Management(self._address, bound, ports.jolokia, credentials, running.layout.volume)


def _serves(status: NodeStatus | None) -> bool:
    return status is not None and status.mode == "NORMAL" and status.native_transport_running


def _telling(status: NodeStatus) -> NodeStatus:
    """The status without what changes all the time."""
    return replace(status, load_bytes=0, disk_total_bytes=0, disk_free_bytes=0, uptime_seconds=0, as_of=0.0)


def _summary(status: NodeStatus) -> str:
    gone = f", {len(status.unreachable)} unreachable" if status.unreachable else ""
    return f"{status.mode}, {len(status.live)} live{gone}"
