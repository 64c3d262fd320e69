"""Updates on their way to the scheduler: one of each task or operation, repeated until acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

Json = dict[str, Any]

FIRST_REPEAT_SECONDS = 10.0
LAST_REPEAT_SECONDS = 600.0


class UpdateStream:
    """The updates of one task or operation, oldest first. ``send`` tells the master, if there is one."""

    def __init__(self, send: Callable[[Json], None], pending: list[Json]) -> None:
        self._send = send
        self.pending = pending
        self._repeater: gevent.Greenlet | None = None
        self.resend()

    def add(self, status: Json) -> None:
        """Queue an update; it goes at once when none is before it."""
        self.pending.append(status)
        if len(self.pending) == 1:
            self.resend()

    def acknowledge(self, uuid: str) -> bool:
        """Take the first update off, if it is this one; whether it was."""
        if not self.pending or self.pending[0]["uuid"] != uuid:
            return False
        self.pending.pop(0)
        self.resend()
        return True

    def resend(self) -> None:
        """Send the first update now and again until it is acknowledged."""
        self.stop()
        if self.pending:
            # By itself: what is on its way is not called back when it is to be sent once more.
            gevent.spawn(self._send, self.pending[0])
            self._repeater = gevent.spawn(self._repeat)

    def stop(self) -> None:
        """Send no more."""
        if self._repeater is not None:
            self._repeater.kill(block=False)
            self._repeater = None

    def _repeat(self) -> None:
        wait = FIRST_REPEAT_SECONDS
        while True:
            gevent.sleep(wait)
            self._send(self.pending[0])
            wait = min(wait * 2, LAST_REPEAT_SECONDS)
