"""Watching an operation until it ends: a bar in a terminal, else a line for each change."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from cli import show
from cli.failure import INTERRUPTED, REFUSED, UNREACHED, Failure
from cli.http import Json, Service

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 180.0
"""How long the service may be silent meanwhile: a change of leader takes a part of it."""

BAR = 24
RUNNING, COMPLETE = "running", "complete"


def until_done(service: Service, kind: str, out: TextIO | None = None) -> Json:
    """Poll an operation to its end, showing how far it is on ``out``, and return it.

    Raises Failure where the service is silent for long, or the user ends the watch, not the operation.
    """
    display = _Display(sys.stderr if out is None else out)
    try:
        while (operation := _asked(service, kind, display.show))["status"] == RUNNING:
            display.show(line(operation))
            time.sleep(POLL_SECONDS)
        display.show(line(operation))
        return operation
    except KeyboardInterrupt:
        again, end = command("status", kind), command("stop", kind)
        text = f"the {called(kind)} goes on; {again} --wait watches it again, {end} ends it"
        raise Failure(text, INTERRUPTED) from None
    finally:
        display.close()


def called(kind: str) -> str:
    """What people call an operation of that kind."""
    return {"verify": "check of the backup", "delete": "deletion of the backup"}.get(kind, kind)


def command(verb: str, kind: str) -> str:
    """The command that shows or stops an operation of that kind."""
    return f"backup {verb} {kind}" if kind in ("verify", "delete") else f"{kind} {verb}"


def judge(operation: Json) -> None:
    """Raise Failure where the operation did not do what it was to."""
    if operation["status"] not in (COMPLETE, RUNNING):
        message = operation.get("message")
        what = called(operation["kind"])
        text = f"the {what} is {operation['status']}{f': {message}' if message else ''}"
        raise Failure(text, REFUSED)


def _asked(service: Service, kind: str, tell: Callable[[str], None]) -> Json:
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return service.get(f"v1/{kind}/status")
        except Failure as error:
            if error.code != UNREACHED or time.monotonic() > patience_ends:
                raise
            tell(f"{kind}: {error}; asking again")
            time.sleep(POLL_SECONDS)


def line(operation: Json) -> str:
    """An operation in one line."""
    share = fraction(operation)
    bar = "" if share is None else f" {_bar(share)} {100 * share:5.1f} %"
    left = show.span(operation.get("eta_seconds")) if operation["status"] == RUNNING else None
    told = [operation["status"], operation.get("message"), f"about {left} left" if left else None]
    return f"{operation['kind']}{bar}  {', '.join(text for text in told if text)}"


def fraction(operation: Json) -> float | None:
    """How much is done, from 0 to 1; None where that is not known."""
    progress = operation.get("progress") or {}
    if operation["status"] == COMPLETE:
        return 1.0
    percent = progress.get("percent")
    return None if percent is None else float(percent) / 100


def _bar(share: float) -> str:
    done = round(BAR * share)
    return f"[{'#' * done}{'.' * (BAR - done)}]"


class _Display:
    """One line that is drawn anew in a terminal; elsewhere one for each change, with no bar that moves on."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._shown = ""

    def show(self, text: str) -> None:
        """Show the line."""
        if text == self._shown:
            return
        self._shown = text
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._out.write(f"\r\x1b[K{' '.join(text.splitlines())[:width]}")
        else:
            self._out.write(text + "\n")
        self._out.flush()

    def close(self) -> None:
        """End the line."""
        if self._live and self._shown:
            self._out.write("\n")
            self._out.flush()
