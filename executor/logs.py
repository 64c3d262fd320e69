"""The end of Cassandra's log, for the report of its failure."""

from __future__ import annotations

import re
from pathlib import Path

from executor.layout import Layout

READ_BYTES = 64_000
"""How much of the log is searched: a stack trace may be long."""

SENTENCE_CHARACTERS = 400

_ERROR = re.compile(r"ERROR \[.*?\] \S+ \S+ \S+:\d+ - (.*)|Error: (.*)")
"""A line of Cassandra's log that tells of an error, as our logback.xml writes it, or one of Java's own."""

_LOGGED = re.compile(r"(?:TRACE|DEBUG|INFO|WARN|ERROR) +\[")
_EXCEPTION = re.compile(r"(?:Caused by: )?(?:[\w$]+\.)*([\w$]*(?:Exception|Error)\b.*)")

UNTELLING = frozenset(
    {
        "Error: Could not create the Java Virtual Machine.",
        "Error: A fatal exception has occurred. Program will exit.",
    }
)
"""What Java prints after it has said what is wrong."""

DECOMMISSIONED = "This node was decommissioned and will not rejoin the ring"
"""What Cassandra says, of data that hold a node which has left the ring."""


class LogTail:
    """What Cassandra has logged since this was made: the log goes on over its restarts."""

    def __init__(self, layout: Layout) -> None:
        self._log, self._output = layout.log / "system.log", layout.log / "stdout.log"
        self._start = self._log.stat().st_size if self._log.exists() else 0

    def read(self) -> str:
        """The last lines of the log, or of what was printed where that is all there is."""
        return self._since_the_start() or _end_of(self._output, 0)

    def _since_the_start(self) -> str:
        if not self._log.exists():
            return ""
        # A log that has shrunk is a new file: the old one was rolled away.
        rolled = self._log.stat().st_size < self._start
        return _end_of(self._log, 0 if rolled else self._start)


def _end_of(path: Path, start: int) -> str:
    """The end of a file, but nothing before an offset."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(start, size - READ_BYTES))
        return file.read(READ_BYTES).decode(errors="replace")


def last_lines(text: str, most_bytes: int) -> str:
    """Whole lines from the end of a text; of a single longer line, its end."""
    data = text.encode()
    if len(data) <= most_bytes:
        return text
    end = data[-most_bytes:].decode(errors="ignore")
    return end.partition("\n")[2] or end


def has_left(text: str) -> bool:
    """Whether Cassandra has refused to start because its node was decommissioned: it never starts again."""
    return DECOMMISSIONED in text


def last_error(text: str) -> str:
    """What the last error in a log says, with its exception and that one's cause; else the last line."""
    lines = [line for line in text.splitlines() if line.strip() and line not in UNTELLING]
    for index in reversed(range(len(lines))):
        if found := _ERROR.match(lines[index]):
            return _sentence(found[1] or found[2] or "", _exceptions(lines[index + 1 :]))
    # An uncaught exception's first line is told best by itself; else Java's last words are.
    return _sentence(lines[-1].strip() if lines else "it logged nothing", [])


def _exceptions(following: list[str]) -> list[str]:
    """The exception that was logged with an error, and what it was caused by in the end."""
    found: list[str] = []
    for line in following:
        if _LOGGED.match(line):
            break
        if match := _EXCEPTION.fullmatch(line):
            found.append(match[1])
    return [*found[:1], *found[1:][-1:]]


def _sentence(error: str, exceptions: list[str]) -> str:
    parts = [part.strip() for part in (error, *exceptions)]
    return ": ".join(part for part in parts if part)[:SENTENCE_CHARACTERS]
