"""What nodes said of their load and disk lately: asked of them only while somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import gevent

from protocol.report import NodeStatus
from scheduler.daemon.service import NoAnswer, Service, Unavailable
from scheduler.model.node import Node

FRESH_SECONDS = 15.0
"""How long an answer, or that there was none, is good enough."""

PATIENCE_SECONDS = 1.2
"""How long a page waits for answers, a little longer than a node is given."""


@dataclass
class _Asked:
    """What a task's node was asked, and has answered."""

    task_id: str
    at: float
    answer: NodeStatus | None = None


class Statuses:
    """Asks all nodes at once, and each again only after a while, or when it was started anew."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service = service
        self._clock = clock
        self._asked: dict[int, _Asked] = {}

    def of(self, nodes: Iterable[Node]) -> Mapping[int, NodeStatus]:
        """The last answers by node number; none of a node that does not run or has not answered."""
        running = {node.number: node.task.id for node in nodes if node.running and node.task}
        stale = [(number, task_id) for number, task_id in running.items() if self._is_stale(number, task_id)]
        gevent.joinall([gevent.spawn(self._ask, *one) for one in stale], timeout=PATIENCE_SECONDS)
        answers = {number: self._asked[number].answer for number in running if number in self._asked}
        return {number: answer for number, answer in answers.items() if answer is not None}

    def _is_stale(self, number: int, task_id: str) -> bool:
        asked = self._asked.get(number)
        return asked is None or asked.task_id != task_id or self._clock() - asked.at >= FRESH_SECONDS

    def _ask(self, number: int, task_id: str) -> None:
        last = self._asked.get(number)
        # Until it answers, the last answer holds, where it is of the same task.
        kept = last.answer if last and last.task_id == task_id else None
        asked = self._asked[number] = _Asked(task_id, self._clock(), kept)
        try:
            asked.answer = self._service.node_status(number)
        except (NoAnswer, Unavailable):
            asked.answer = None
