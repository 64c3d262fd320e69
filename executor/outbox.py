"""Status updates on their way to the agent: kept, in order, until it has stored them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

Status = Mapping[str, Any]
"""A TaskStatus as JSON, with its ``uuid``."""


class Outbox:
    """Updates that the agent has not acknowledged. Safe to use from any thread.

    An update is told once per subscription: either with SUBSCRIBE, which carries all that are open, or
    by a call of its own when it is newer. What fails to arrive is told again with the next SUBSCRIBE.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: dict[str, Status] = {}
        self._told: set[str] = set()
        self._connected = False
        self._closed = False

    def add(self, status: Status) -> None:
        """Keep a new update, behind those before it."""
        with self._changed:
            self._open[status["uuid"]] = status
            self._changed.notify_all()

    def replay(self) -> list[Status]:
        """All open updates, for the SUBSCRIBE that is about to be sent."""
        with self._changed:
            self._connected = False
            self._told = set(self._open)
            return list(self._open.values())

    def connected(self) -> None:
        """Subscribed: what was added since ``replay`` may be sent."""
        with self._changed:
            self._connected = True
            self._changed.notify_all()

    def disconnected(self) -> None:
        """Not subscribed: nothing may be sent but by the next SUBSCRIBE."""
        with self._changed:
            self._connected = False

    def take(self) -> Status | None:
        """Wait for the oldest update not yet told; None once the outbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next() is not None)
            status = None if self._closed else self._next()
            if status is not None:
                self._told.add(status["uuid"])
            return status

    def remove(self, uuid: str) -> None:
        """Forget an update: the agent has it, or will never take it."""
        with self._changed:
            self._open.pop(uuid, None)
            self._told.discard(uuid)
            self._changed.notify_all()

    def wait_empty(self, timeout_seconds: float) -> bool:
        """Wait until the agent has all updates; False if it has not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout_seconds)

    def close(self) -> None:
        """Let whoever waits in ``take`` go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> Status | None:
        if not self._connected:
            return None
        return next((status for uuid, status in self._open.items() if uuid not in self._told), None)
