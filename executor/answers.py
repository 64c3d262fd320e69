"""Answering the scheduler's questions, each on a thread of its own: Cassandra may take its time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from executor import configure
from executor.configure import Credentials, management_address
from executor.decommission import Decommission
from executor.distribution import Programs
from executor.failure import NotAnswering
from executor.jolokia import Jolokia
from executor.layout import Layout
from executor.management import Management
from protocol.codec import DecodeError, Json, encode
from protocol.message import DECOMMISSION, SCHEMA, SEEDS, STATUS, Message, decode_message, encode_message
from protocol.task import ServerTask

log = logging.getLogger(__name__)

STATUS_SECONDS = 0.9


@dataclass(frozen=True)
class Started:
    """A Cassandra that was started, and how to reach it."""

    task: ServerTask
    layout: Layout
    address: str
    credentials: Credentials
    programs: Programs

    @property
    def bound(self) -> str:
        """Where its management ports are."""
        return management_address(self.address)

    def jolokia(self) -> Jolokia:
        """A new connection to it, for one thread."""
        return Jolokia(self.bound, self.task.ports.jolokia, self.credentials)

    def management(self) -> Management:
        """A new connection to it, for one thread."""
        return Management(self.jolokia(), self.address, self.layout.volume)


class Driver(Protocol):
    """What sends answers."""

    def send(self, data: bytes) -> None:
        """Send a message to the scheduler."""


class Answers:
    """Answers questions on the node, once it was started. ``doing`` says what goes on until then."""

    def __init__(self, driver: Driver, doing: Callable[[], str]) -> None:
        self._driver = driver
        self._doing = doing
        self._started: Started | None = None
        self._seeds_lock = threading.Lock()
        self._others: dict[str, Callable[[Message], Json]] = {}
        self._decommission = Decommission()

    def ask(self, started: Started) -> None:
        """From now on this Cassandra is asked."""
        self._started = started

    def also(self, subject: str, answer: Callable[[Message], Json]) -> None:
        """Have questions of this subject answered elsewhere; raising NotAnswering, DecodeError or OSError."""
        self._others[subject] = answer

    def started(self) -> Started:
        """The Cassandra that is asked. Raises NotAnswering."""
        if self._started is None:
            raise NotAnswering(f"Cassandra has not been started yet: {self._doing()}")
        return self._started

    def take(self, data: bytes) -> None:
        """Answer a message in the background."""
        threading.Thread(target=self._answer, args=(data,), name="answer", daemon=True).start()

    def _answer(self, data: bytes) -> None:
        try:
            question = decode_message(data)
        except DecodeError as error:
            log.warning("a message cannot be read: %s", error)
            return
        try:
            body = self._body(question)
        except (NotAnswering, DecodeError, OSError) as error:
            body = {"error": str(error)}
        self._driver.send(encode_message(replace(question, answer=True, body=body)))

    def _body(self, question: Message) -> dict[str, Json]:
        elsewhere = self._others.get(question.subject)
        if elsewhere is not None:
            return dict(elsewhere(question))
        started = self.started()
        if question.subject == STATUS:
            with closing(started.management()) as management:
                return dict(encode(management.status(STATUS_SECONDS)))
        if question.subject == SCHEMA:
            with closing(started.management()) as management:
                return dict(encode(management.schema()))
        if question.subject == SEEDS:
            return self._take_seeds(started, _seeds(question))
        if question.subject == DECOMMISSION:
            return dict(encode(self._decommission.order(started)))
        raise DecodeError(f"this executor does not know questions on {question.subject!r}")

    def _take_seeds(self, started: Started, seeds: list[str]) -> dict[str, Json]:
        # One at a time, so that the node has read the seeds that stand in the file in the end.
        with self._seeds_lock, closing(started.management()) as management:
            configure.write_cassandra_yaml(started.layout, started.task, started.address, seeds)
            management.reload_seeds()
        return {"seeds": seeds}


def _seeds(question: Message) -> list[str]:
    seeds = question.body.get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(isinstance(seed, str) for seed in seeds):
        raise DecodeError("seeds must be a list of at least one address")
    return seeds
