"""Progress in a terminal: a table that is drawn anew where that is possible, else a line for each change."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TextIO

from local.progress import Progress, Step

BAR = 30
INTERVAL_SECONDS = 0.5
"""How often what is shown is worth renewing."""

MARKS = {"COMPLETE": "✔", "PENDING": "·", "ERROR": "✘", "DELAYED": "!"}


class Display:
    """Writes to ``out``: what ``say`` says stays, what ``show`` shows is renewed."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._begun = time.monotonic()
        self._drawn = 0
        self._told: dict[str, str] = {}

    def say(self, text: str = "") -> None:
        """A line that stays."""
        self._write(self._erasure() + text + "\n")

    def show(self, progress: Progress) -> None:
        """The plans as they are now."""
        elapsed = int(time.monotonic() - self._begun)
        if self._live:
            self._draw(table(progress, elapsed))
            return
        for line in self._changes(progress):
            self._write(f"{elapsed:4d} s  {line}\n")

    def _draw(self, lines: list[str]) -> None:
        columns, rows = os.get_terminal_size(self._out.fileno())
        shown = [line[: columns - 1] for line in lines[: rows - 1]]
        self._write(self._erasure() + "".join(f"{line}\n" for line in shown))
        self._drawn = len(shown)

    def _erasure(self) -> str:
        drawn, self._drawn = self._drawn, 0
        return f"\x1b[{drawn}F\x1b[J" if drawn else ""

    def _changes(self, progress: Progress) -> list[str]:
        now = {f"{step.phase}/{step.name}": row(step) for step in progress.steps} or {"": progress.reason}
        changed = [text for key, text in now.items() if self._told.get(key) != text]
        self._told = now
        return changed

    def _write(self, text: str) -> None:
        # Whoever read this may have gone (a closed terminal, `| head`): the work goes on without.
        with contextlib.suppress(OSError):
            self._out.write(text)
            self._out.flush()


def table(progress: Progress, elapsed_seconds: int) -> list[str]:
    """A bar, and a row for each step under its phase."""
    if not progress.steps:
        return [f"{progress.reason} ({elapsed_seconds} s)"]
    lines = [bar(progress.steps, elapsed_seconds)]
    phase = None
    for step in progress.steps:
        if step.phase != phase:
            lines.append(step.phase)
            phase = step.phase
        lines.append(f"  {MARKS.get(step.status, '…')} {row(step)}")
    return lines


def bar(steps: tuple[Step, ...], elapsed_seconds: int) -> str:
    """How many steps are complete."""
    done = sum(step.status == "COMPLETE" for step in steps)
    filled = BAR * done // len(steps)
    return f"{'█' * filled}{'░' * (BAR - filled)} {done} of {len(steps)} steps, {elapsed_seconds} s"


def row(step: Step) -> str:
    """A step in one line."""
    return f"{step.name:<16}{step.status:<12} {step.message}".rstrip()
