"""What an executor does with the agent's calls, as far as that needs no Cassandra."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from executor.node import Node
from executor.server import Place
from protocol.message import Message, encode_message
from protocol.task import Artifact, Distribution, encode_task
from tests.integration.scripted_server import eventually
from tests.unit.executor.examples import RecordingDriver, a_task


class Executor:
    """A node on a thread of its own, in a sandbox with or without a volume."""

    def __init__(self, sandbox: Path, driver: RecordingDriver) -> None:
        self.driver = driver
        self.sandbox = sandbox
        self.node = Node(Place(sandbox, "127.0.77.9"), 5.0, lambda node: driver)
        self.thread = threading.Thread(target=self.node.run, daemon=True)
        self.thread.start()

    def ends(self) -> None:
        self.thread.join(20)
        assert not self.thread.is_alive(), "the executor has not ended"


@pytest.fixture
def driver() -> RecordingDriver:
    return RecordingDriver()


@pytest.fixture
def executor(tmp_path: Path, driver: RecordingDriver) -> Iterator[Executor]:
    executor = Executor(tmp_path, driver)
    yield executor
    driver.flushed = True
    executor.node.shutdown()
    executor.ends()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def test_a_shutdown_without_a_task_ends_it(executor: Executor) -> None:
    executor.node.shutdown()
    executor.ends()
    assert executor.driver.updates == []
    assert executor.driver.stopped.is_set()


def test_a_task_that_cannot_be_read_fails(executor: Executor) -> None:
    executor.node.launch("t", b'{"version": 99}')
    executor.ends()
    ((task, state, message),) = executor.driver.updates
    assert (task, state) == ("t", "TASK_FAILED")
    assert "not of version 1" in message
    failure = executor.driver.reports[0].failure
    assert failure is not None
    assert (failure.exit_code, failure.log_tail) == (None, "")


def test_without_its_volume_nothing_is_written_to_the_sandbox(executor: Executor) -> None:
    executor.node.launch("t", encode_task(a_task()))
    executor.ends()
    assert executor.driver.states == ["TASK_FAILED"]
    assert "the persistent volume is not mounted" in executor.driver.messages[0]
    assert list(executor.sandbox.iterdir()) == []


def test_what_cannot_be_fetched_is_named(executor: Executor, volume: Path) -> None:
    executor.node.launch("t", encode_task(a_task()))
    executor.ends()
    assert executor.driver.states == ["TASK_STARTING", "TASK_FAILED"]
    assert "file:///nowhere.tar.gz cannot be read on this agent" in executor.driver.messages[-1]


def test_a_volume_that_cannot_be_written_is_named(executor: Executor, volume: Path) -> None:
    (volume / "etc").touch()
    executor.node.launch("t", encode_task(a_task()))
    executor.ends()
    assert executor.driver.states == ["TASK_FAILED"]
    assert str(volume / "etc") in executor.driver.messages[0]


@pytest.fixture
def endless(tmp_path: Path) -> Distribution:
    """A distribution whose file has no end."""
    return Distribution("5.0.9", Artifact(Path("/dev/zero").as_uri(), "0" * 128))


ORDERS: dict[str, Callable[[Node], None]] = {
    "kill": lambda node: node.kill("t", 30.0),
    "kill without grace": lambda node: node.kill("t", None),
    "shutdown": lambda node: node.shutdown(),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_an_order_during_the_fetch_is_followed_at_once(
    executor: Executor, volume: Path, endless: Distribution, order: Callable[[Node], None]
) -> None:
    executor.node.launch("t", encode_task(a_task(distribution=endless)))
    eventually(lambda: executor.driver.updates, "the first update")
    order(executor.node)
    executor.ends()
    assert executor.driver.updates[-2:] == [
        ("t", "TASK_KILLING", "stopping Cassandra"),
        ("t", "TASK_KILLED", "killed before Cassandra was started"),
    ]


def test_an_order_that_comes_before_the_start_is_not_lost(
    driver: RecordingDriver, tmp_path: Path, volume: Path, endless: Distribution
) -> None:
    node = Node(Place(tmp_path, "127.0.77.9"), 5.0, lambda node: driver)
    node.launch("t", encode_task(a_task(distribution=endless)))
    node.kill("t", 30.0)
    node.run()
    assert driver.states == ["TASK_KILLING", "TASK_KILLED"]


def test_a_kill_of_another_task_changes_nothing(
    executor: Executor, volume: Path, endless: Distribution
) -> None:
    executor.node.kill("t", 30.0)
    executor.node.launch("t", encode_task(a_task(distribution=endless)))
    executor.node.kill("other", 30.0)
    eventually(lambda: executor.driver.states == ["TASK_STARTING"], "the first update")


def test_a_second_server_task_is_refused(executor: Executor, volume: Path, endless: Distribution) -> None:
    executor.node.launch("t", encode_task(a_task(distribution=endless)))
    executor.node.launch("other", encode_task(a_task(distribution=endless)))
    reason = "unknown kind of task 'server'"
    eventually(lambda: ("other", "TASK_FAILED", reason) in executor.driver.updates)


def test_progress_answers_a_question(executor: Executor, volume: Path, endless: Distribution) -> None:
    executor.node.launch("t", encode_task(a_task(distribution=endless)))
    eventually(lambda: executor.driver.updates, "the first update")
    executor.node.message(encode_message(Message("q", "node-1", "status")))
    eventually(lambda: executor.driver.answers, "the answer")
    error = executor.driver.answers[0].body["error"]
    assert error.startswith("Cassandra has not been started yet: fetching Cassandra 5.0.9")


def test_it_stays_until_the_agent_has_the_last_update(executor: Executor) -> None:
    executor.driver.flushed = False
    executor.node.launch("t", b"")
    eventually(lambda: executor.driver.flushes > 3, "some flushes")
    assert executor.thread.is_alive()
    assert not executor.driver.stopped.is_set()
    executor.driver.flushed = True
    executor.ends()


def test_it_does_not_wait_for_an_agent_that_is_gone_for_good(executor: Executor) -> None:
    executor.driver.flushed = False
    executor.node.launch("t", b"")
    eventually(lambda: executor.driver.flushes, "a flush")
    executor.node.shutdown()
    executor.ends()


def test_a_driver_that_fails_ends_the_executor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(RecordingDriver):
        def run(self) -> None:
            raise ValueError("odd")

    executor = Executor(tmp_path, Failing())
    executor.ends()
    assert "the connection to the agent has ended by an error" in caplog.text


def test_an_error_of_its_own_is_told_as_the_tasks_end(
    executor: Executor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(data: bytes) -> None:
        raise KeyError("odd")

    monkeypatch.setattr("executor.server.decode_task", broken)
    executor.node.launch("t", b"")
    executor.ends()
    assert executor.driver.updates == [("t", "TASK_FAILED", "the executor has failed: KeyError('odd')")]
    assert "the task has ended by an error" in caplog.text
