"""Ctrl-C and its like, told of only where nothing is cut in half."""

from __future__ import annotations

import signal
import time
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STEP_SECONDS = 0.1


class Interrupted(Exception):
    """Somebody wants this command to end."""


class Interrupts:
    """Takes note of signals. ``pause`` raises when there was one; nothing else does.

    So a process that has just been started is always written down before the command gives up.
    """

    def __init__(self) -> None:
        self._asked = False

    def install(self) -> None:
        """Begin to take note. A signal that is ignored (nohup) stays so."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Sleep. Raises Interrupted, at once if there was a signal before."""
        deadline = time.monotonic() + seconds
        while True:
            if self._asked:
                raise Interrupted
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, STEP_SECONDS))

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
