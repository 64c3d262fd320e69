"""A plan's progress in a terminal: a table that is drawn anew where that is possible, else plain lines."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

BAR = 24


class Display:
    """Shows plans as the API tells them."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = 0
        self._told: dict[str, str] = {}

    def say(self, text: str) -> None:
        """A line that stays."""
        self._erase()
        print(text, file=self._out, flush=True)

    def show(self, plan: dict[str, Any]) -> None:
        """The plan as it is now."""
        steps = [step for phase in plan["phases"] for step in phase["steps"]]
        if self._live:
            self._draw(steps)
        else:
            self._tell(steps)

    def _draw(self, steps: list[dict[str, Any]]) -> None:
        self._erase()
        width = os.get_terminal_size(self._out.fileno()).columns
        lines = [bar(steps), *(line(step) for step in steps)]
        for text in lines:
            print(text[: width - 1], file=self._out)
        self._out.flush()
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _tell(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            text = line(step)
            if self._told.get(step["id"]) != text:
                self._told[step["id"]] = text
                print(text, file=self._out, flush=True)


def bar(steps: list[dict[str, Any]]) -> str:
    """How many steps are complete, as a bar."""
    done = sum(step["status"] == "COMPLETE" for step in steps)
    filled = BAR * done // max(len(steps), 1)
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {done} of {len(steps)} steps"


def line(step: dict[str, Any]) -> str:
    """A step in one line."""
    message = (step["message"] or "").splitlines()
    return f"  {step['name']:<16} {step['status']:<12} {message[0] if message else ''}".rstrip()
