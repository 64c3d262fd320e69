"""What nodes said of their load and disk lately: asked of them only while somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import gevent

from protocol.report import NodeStatus
from scheduler.daemon.service import NoAnswer, Service, Unavailable
from scheduler.model.node import Node

FRESH_SECONDS = 15.0
"""How long an answer, or that there was none, is good enough."""

PATIENCE_SECONDS = 1.2
"""How long a page waits for answers, a little longer than a node is given."""


class Statuses:
    """Asks all nodes at once, and each again only after a while."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service = service
        self._clock = clock
        self._known: dict[int, NodeStatus] = {}
        self._asked_at: dict[int, float] = {}

    def of(self, nodes: Iterable[Node]) -> Mapping[int, NodeStatus]:
        """The last answers by node number; none of a node that does not run or has not answered."""
        running = {node.number for node in nodes if node.running}
        stale = [number for number in running if self._is_stale(number)]
        gevent.joinall([gevent.spawn(self._ask, number) for number in stale], timeout=PATIENCE_SECONDS)
        return {number: self._known[number] for number in sorted(running) if number in self._known}

    def _is_stale(self, number: int) -> bool:
        asked_at = self._asked_at.get(number)
        return asked_at is None or self._clock() - asked_at >= FRESH_SECONDS

    def _ask(self, number: int) -> None:
        self._asked_at[number] = self._clock()
        try:
            self._known[number] = self._service.node_status(number)
        except (NoAnswer, Unavailable):
            self._known.pop(number, None)
