"""Answers as text for people: tables, sizes, times, plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cli.http import Json

MARKS = {"COMPLETE": "✔", "PENDING": "·", "ERROR": "✘", "DELAYED": "!"}
UNDER_WAY = "▸"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; nothing known is a dash."""
    lines = [list(head), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def pairs(values: Iterable[tuple[str, object]]) -> str:
    """Names and values, one a line."""
    known = [(name, _cell(value)) for name, value in values]
    width = max(len(name) for name, _ in known)
    return "\n".join(f"{name:<{width}}  {_indented(value, width + 2)}" for name, value in known)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _indented(text: str, width: int) -> str:
    return text.rstrip().replace("\n", "\n" + " " * width)


def size(count: float | None) -> str | None:
    """Bytes in the unit that suits them."""
    if count is None:
        return None
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = 0
    while abs(count) >= 1024 and power < len(units) - 1:
        count, power = count / 1024, power + 1
    return f"{count:.0f} {units[power]}" if power == 0 else f"{count:.1f} {units[power]}"


def span(seconds: float | None) -> str | None:
    """So many seconds, in its two largest units."""
    if seconds is None:
        return None
    left, parts = round(seconds), []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def moment(text: str | None) -> str | None:
    """A moment of the API's in local time."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def plan(value: Json) -> str:
    """A plan as a tree, with what waits for what."""
    interrupted = ", interrupted" if value["interrupted"] else ""
    lines = [f"{value['name']}: {value['status']}{interrupted}"]
    lines += [f"  ✘ {error}" for error in value["errors"]]
    for phase in value["phases"]:
        lines.append(f"  {_mark(phase)} {phase['name']} ({phase['strategy']}): {phase['status']}")
        lines += [line for step in phase["steps"] for line in _step(step)]
    return "\n".join(lines)


def _step(step: Json) -> list[str]:
    message = _indented(step["message"], 8)
    lines = [f"    {_mark(step)} {step['name']}: {step['status']}{f'  {message}' if message else ''}"]
    waiting_for = step.get("waiting_for")
    if waiting_for and waiting_for not in message:
        lines.append(f"        waits for {waiting_for}")
    times = (("since", step.get("started_at")), ("until", step.get("deadline")))
    told = [f"{word} {moment(time)}" for word, time in times if time and waiting_for]
    return [*lines, f"        {', '.join(told)}"] if told else lines


def _mark(value: Json) -> str:
    return MARKS.get(value["status"], UNDER_WAY)
