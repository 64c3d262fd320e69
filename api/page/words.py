"""Statuses, sizes and times as people read them."""

from __future__ import annotations

from datetime import datetime, timezone

TONES = {
    "COMPLETE": "ok",
    "NORMAL": "ok",
    "complete": "ok",
    "ERROR": "bad",
    "failed": "bad",
    "DELAYED": "warn",
    "WAITING": "warn",
    "PENDING": "idle",
    "none": "idle",
    "stopped": "idle",
}
"""The colour of a status, which also says itself in words; what is not named here is under way."""


FILLING, FULL = 0.8, 0.9
"""How full a disk is when its bar changes its colour: Cassandra needs room to compact."""


def tone(status: str) -> str:
    """ok, busy, warn, bad or idle."""
    return TONES.get(status, "busy")


def fullness(share: float) -> str:
    """The colour of a disk that is so full, from 0 to 1; nothing where there is room."""
    return "bad" if share >= FULL else "warn" if share >= FILLING else ""


def word(status: str) -> str:
    """A status of a plan, or a state of Mesos' or Cassandra's, in lower case."""
    return status.removeprefix("TASK_").replace("_", " ").lower()


def size(count: float | None) -> str:
    """Bytes in the unit that suits them."""
    if count is None:
        return "–"
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = 0
    while count >= 1024 and power < len(units) - 1:
        count, power = count / 1024, power + 1
    return f"{count:.0f} {units[power]}" if count >= 100 or power == 0 else f"{count:.1f} {units[power]}"


def span(seconds: float | None) -> str:
    """So many seconds, in the largest unit of which there are two, or in seconds."""
    if seconds is None:
        return "–"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def moment(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return datetime.fromisoformat(text) if text else None


def distance(text: str | None, now: float) -> str:
    """How far a time of the API's is from now."""
    then = moment(text)
    if then is None:
        return ""
    seconds = now - then.timestamp()
    if abs(seconds) < 2:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def full(text: str | None) -> str:
    """A time of the API's in full, in UTC."""
    then = moment(text)
    return then.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if then else ""
