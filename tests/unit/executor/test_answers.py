"""Answers to the scheduler's questions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from executor.answers import Answers
from executor.failure import NotAnswering
from executor.layout import Layout
from protocol.message import Message, encode_message
from protocol.report import NodeStatus
from protocol.task import ServerTask
from tests.integration.scripted_server import eventually
from tests.unit.executor.examples import TASK, RecordingDriver


@dataclass
class Cassandra:
    """A started Cassandra that answers at once, or not at all; and what it was asked."""

    layout: Layout
    task: ServerTask = TASK
    address: str = "10.0.0.3"
    silent: bool = False
    slow: threading.Event | None = None
    timeouts: list[float] = field(default_factory=list)
    reloaded: list[str] = field(default_factory=list)
    closed: int = 0

    def management(self) -> Cassandra:
        return self

    def status(self, timeout_seconds: float) -> NodeStatus:
        self.timeouts.append(timeout_seconds)
        self._answer()
        return NodeStatus(mode="NORMAL", live=("10.0.0.3",))

    def reload_seeds(self) -> None:
        self._answer()
        self.reloaded.append(seeds_in(self.layout))

    def close(self) -> None:
        self.closed += 1

    def _answer(self) -> None:
        if self.slow:
            self.slow.wait(10)
        if self.silent:
            raise NotAnswering("Cassandra has not answered within 0.9 s")


def seeds_in(layout: Layout) -> str:
    content = yaml.safe_load((layout.etc / "cassandra.yaml").read_text())
    return str(content["seed_provider"][0]["parameters"][0]["seeds"])


@pytest.fixture
def started(tmp_path: Path) -> Cassandra:
    layout = Layout(tmp_path)
    layout.make()
    return Cassandra(layout)


@pytest.fixture
def driver() -> RecordingDriver:
    return RecordingDriver()


@pytest.fixture
def answers(driver: RecordingDriver, started: Cassandra) -> Answers:
    answers = Answers(driver, lambda: "fetching Cassandra")
    answers.ask(started)  # type: ignore[arg-type]  # a stand-in
    return answers


def question(subject: str, **body: Any) -> Message:
    return Message("q-1", "node-1", subject, body=body)


def answer(answers: Answers, driver: RecordingDriver, asked: Message) -> Message:
    before = len(driver.answers)
    answers.take(encode_message(asked))
    eventually(lambda: len(driver.answers) > before, "the answer")
    return driver.answers[-1]


def test_an_answer_belongs_to_its_question(answers: Answers, driver: RecordingDriver) -> None:
    given = answer(answers, driver, question("status"))
    assert (given.id, given.node, given.subject, given.answer) == ("q-1", "node-1", "status", True)


def test_a_status_is_live_and_in_time(answers: Answers, driver: RecordingDriver, started: Cassandra) -> None:
    body = answer(answers, driver, question("status")).body
    assert (body["mode"], body["live"]) == ("NORMAL", ["10.0.0.3"])
    assert started.timeouts == [0.9]
    assert started.closed == 1


def test_silence_is_an_error(answers: Answers, driver: RecordingDriver, started: Cassandra) -> None:
    started.silent = True
    body = answer(answers, driver, question("status")).body
    assert body == {"error": "Cassandra has not answered within 0.9 s"}
    assert started.closed == 1


def test_before_the_start_it_says_what_goes_on(driver: RecordingDriver) -> None:
    answers = Answers(driver, lambda: "fetching Cassandra 5.0.9: 45 % of 67 MB")
    body = answer(answers, driver, question("status")).body
    assert body == {"error": "Cassandra has not been started yet: fetching Cassandra 5.0.9: 45 % of 67 MB"}


def test_seeds_are_written_before_the_node_reads_them(
    answers: Answers, driver: RecordingDriver, started: Cassandra
) -> None:
    given = answer(answers, driver, question("seeds", seeds=["10.0.0.8", "10.0.0.9"]))
    assert given.body == {"seeds": ["10.0.0.8", "10.0.0.9"]}
    assert started.reloaded == ["10.0.0.8,10.0.0.9"]


def test_a_question_that_is_repeated_is_answered_again(
    answers: Answers, driver: RecordingDriver, started: Cassandra
) -> None:
    asked = question("seeds", seeds=["10.0.0.8"])
    first, second = (answer(answers, driver, asked) for _ in range(2))
    assert first == second
    assert started.reloaded == ["10.0.0.8"] * 2


def test_seeds_that_the_node_did_not_read_are_an_error(
    answers: Answers, driver: RecordingDriver, started: Cassandra
) -> None:
    started.silent = True
    assert "error" in answer(answers, driver, question("seeds", seeds=["10.0.0.8"])).body


@pytest.mark.parametrize("seeds", [None, [], "10.0.0.8", [1], {}])
def test_seeds_that_are_none_are_refused(
    answers: Answers, driver: RecordingDriver, started: Cassandra, seeds: object
) -> None:
    body = answer(answers, driver, question("seeds", seeds=seeds)).body
    assert body == {"error": "seeds must be a list of at least one address"}
    assert not (started.layout.etc / "cassandra.yaml").exists()


def test_an_unknown_question_is_an_error(answers: Answers, driver: RecordingDriver) -> None:
    body = answer(answers, driver, question("weather")).body
    assert body == {"error": "this executor does not know questions on 'weather'"}


def test_what_cannot_be_read_is_passed_over(
    answers: Answers, driver: RecordingDriver, caplog: pytest.LogCaptureFixture
) -> None:
    answers.take(b"\xff{")
    eventually(lambda: "a message cannot be read" in caplog.text, "the log line")
    assert not driver.answers


def test_a_slow_answer_does_not_hold_up_the_next(
    answers: Answers, driver: RecordingDriver, started: Cassandra
) -> None:
    started.slow = threading.Event()
    answers.take(encode_message(question("status")))
    assert answer(answers, driver, question("weather")).subject == "weather"
    started.slow.set()
    eventually(lambda: len(driver.answers) == 2, "the slow answer")
