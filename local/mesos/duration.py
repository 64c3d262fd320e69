"""Durations as Mesos reads and prints them: ``250ms``, ``5secs``, ``10mins``, ``2weeks``."""

from __future__ import annotations

import re

_UNITS = (
    ("ns", 1),
    ("us", 10**3),
    ("ms", 10**6),
    ("secs", 10**9),
    ("mins", 60 * 10**9),
    ("hrs", 3600 * 10**9),
    ("days", 86400 * 10**9),
    ("weeks", 7 * 86400 * 10**9),
)
"""Names and nanoseconds, ascending."""

MAX_SECONDS = (2**63 - 1) / 10**9
"""Mesos counts a duration in a signed 64-bit number of nanoseconds."""


def parse(text: str) -> float:
    """Seconds. Raises ValueError."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?)([a-z]+)", text)
    lengths = dict(_UNITS)
    if match is None or match[2] not in lengths:
        raise ValueError(f"'{text}' is not a duration such as 250ms, 5secs or 10mins")
    return float(match[1]) * lengths[match[2]] / 10**9


def text(seconds: float) -> str:
    """In the largest unit that fits; in the next smaller one where only that makes a whole number."""
    nanoseconds = round(seconds * 10**9)
    index = max((i for i, (_, length) in enumerate(_UNITS) if nanoseconds >= length), default=0)
    if index and nanoseconds % _UNITS[index][1] and nanoseconds % _UNITS[index - 1][1] == 0:
        index -= 1
    unit, length = _UNITS[index]
    return f"{nanoseconds / length:.15g}{unit}"
