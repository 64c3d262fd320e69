"""Placement constraints as operators write them: ``hostname:UNIQUE``, ``rack:GROUP_BY:3``, or JSON lists."""

from __future__ import annotations

import functools
import json
import re
from typing import NamedTuple

OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER")

PATTERNS = frozenset({"LIKE", "UNLIKE"})
NEED_PARAMETER = frozenset({"LIKE", "UNLIKE", "MAX_PER"})
COUNTS = frozenset({"GROUP_BY", "MAX_PER"})


class ConstraintError(ValueError):
    """A constraint that cannot be read; the message says which and how it is written."""


class Constraint(NamedTuple):
    """One condition: ``field`` is hostname, @zone, @region or an attribute's name."""

    field: str
    operator: str
    parameter: str | None = None

    def __str__(self) -> str:
        return ":".join(part for part in self if part is not None)


@functools.lru_cache(maxsize=16)
def parse(text: str) -> tuple[Constraint, ...]:
    """Read a setting. Raises ConstraintError."""
    text = text.strip()
    if not text:
        return ()
    items = _json_lists(text) if text.startswith("[") else [part.split(":", 2) for part in text.split(",")]
    return tuple(_constraint([item.strip() for item in parts]) for parts in items)


def _json_lists(text: str) -> list[list[str]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ConstraintError(f'{text} is not JSON: write [["hostname", "UNIQUE"]]') from None
    rows = [data] if data and all(isinstance(item, str) for item in data) else data
    if not all(isinstance(row, list) and all(isinstance(item, str) for item in row) for row in rows):
        raise ConstraintError(f'{text} is not a list of lists of strings: write [["hostname", "UNIQUE"]]')
    return [list(row) for row in rows]


def _constraint(parts: list[str]) -> Constraint:
    written = ":".join(parts)
    if len(parts) not in (2, 3) or not parts[0]:
        raise ConstraintError(f"{written} is not field:OPERATOR or field:OPERATOR:parameter")
    operator, parameter = parts[1].upper(), parts[2] if len(parts) == 3 else None
    if operator not in OPERATORS:
        raise ConstraintError(f"{written}: {parts[1]} is none of {', '.join(OPERATORS)}")
    if operator in NEED_PARAMETER and not parameter:
        raise ConstraintError(f"{written}: {operator} needs a parameter, {parts[0]}:{operator}:…")
    if operator in COUNTS and parameter and not re.fullmatch("[1-9][0-9]{0,8}", parameter):
        raise ConstraintError(f"{written}: {parameter} is not a positive number")
    if operator in PATTERNS:
        _compiled(written, parameter or "")
    return Constraint(parts[0], operator, parameter)


def _compiled(written: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConstraintError(f"{written}: {pattern} is not a regular expression: {error}") from None
