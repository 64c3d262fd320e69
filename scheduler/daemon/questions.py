"""Asking a node something through Mesos, and waiting for its answer."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from gevent.event import AsyncResult
from gevent.timeout import Timeout

from protocol.codec import DecodeError, Json, decode
from protocol.message import Message, decode_message, encode_message
from scheduler.daemon.service import NoAnswer
from scheduler.mesos.driver import CallFailed, CallRefused, NotConnected
from scheduler.model.intent import Intent, Send
from scheduler.model.node import Node

log = logging.getLogger(__name__)

T = TypeVar("T")


class Sender(Protocol):
    """What carries a question; the driver is one."""

    def perform(self, intent: Intent) -> None:
        """Send. Raises NotConnected, CallFailed or CallRefused."""


class Questions:
    """The questions that are open. Messages may be lost, so each has its time."""

    def __init__(self) -> None:
        self._open: dict[str, AsyncResult] = {}

    def ask(
        self,
        sender: Sender | None,
        node: Node,
        subject: str,
        kind: type[T],
        seconds: float,
        body: Json = None,
    ) -> T:
        """Ask a node's executor, and read its answer. Raises NoAnswer."""
        if node.task is None or sender is None:
            raise NoAnswer("the node was never launched")
        question = Message(str(uuid.uuid4()), node.name, subject, body=body or {})
        answer = self._open[question.id] = AsyncResult()
        try:
            sender.perform(Send(node.task.executor.id, node.task.agent_id, encode_message(question)))
            body = answer.get(timeout=seconds)
        except Timeout:
            raise NoAnswer(f"{node.name} did not answer within {seconds:g} s") from None
        except (NotConnected, CallFailed, CallRefused) as error:
            raise NoAnswer(f"{node.name} could not be asked: {error}") from None
        finally:
            self._open.pop(question.id, None)
        return _read(kind, node.name, body)

    def ask_any(
        self,
        sender: Sender | None,
        nodes: Sequence[Node],
        subject: str,
        kind: type[T],
        seconds: float,
        body: Json = None,
    ) -> T:
        """Ask those of the nodes that are up, one after the other, until one answers. Raises NoAnswer."""
        reasons = []
        for node in nodes:
            if node.normal:
                try:
                    return self.ask(sender, node, subject, kind, seconds, body)
                except NoAnswer as error:
                    reasons.append(str(error))
        raise NoAnswer("; ".join(reasons) or "no node is NORMAL, so there is none to ask")

    def take(self, data: bytes) -> bool:
        """Whether a message was an answer, handed to whoever waits for it, or cannot be read at all."""
        try:
            message = decode_message(data)
        except DecodeError as error:
            log.warning("an executor sent what cannot be read: %s", error)
            return True
        question = self._open.pop(message.id, None) if message.answer else None
        if question is not None:
            question.set(message.body)
        return question is not None


def _read(kind: type[T], name: str, body: dict[str, Any]) -> T:
    if "error" in body:
        raise NoAnswer(f"{name}: {body['error']}")
    try:
        return decode(kind, body)
    except DecodeError as error:
        raise NoAnswer(f"{name} answered what cannot be read: {error}") from None
