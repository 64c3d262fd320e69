"""Arithmetic of the three kinds of resource values: scalars, ranges and sets.

A value is held as in a Resource: ``{"value": 1.5}``, ``{"range": [{"begin": 1, "end": 2}]}`` or
``{"item": ["a"]}``, under the field that ``FIELDS`` names for its type. Scalars have three decimals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

FIELDS = {"SCALAR": "scalar", "RANGES": "ranges", "SET": "set"}

Spans = list[tuple[int, int]]


def normal(kind: str, value: Json) -> Json:
    """The value in its one normal form: rounded, or sorted and merged."""
    if kind == "SCALAR":
        return _scalar(value["value"])
    if kind == "RANGES":
        return _ranges(_merged(_spans(value)))
    return _set(value.get("item", []))


def add(kind: str, left: Json, right: Json) -> Json:
    """What both are together."""
    if kind == "SCALAR":
        return _scalar(left["value"] + right["value"])
    if kind == "RANGES":
        return _ranges(_merged(_spans(left) + _spans(right)))
    return _set([*left["item"], *right["item"]])


def subtract(kind: str, left: Json, right: Json) -> Json:
    """The left one without what is in the right one."""
    if kind == "SCALAR":
        return _scalar(left["value"] - right["value"])
    if kind == "RANGES":
        spans = _spans(left)
        for begin, end in _spans(right):
            spans = [rest for span in spans for rest in _without(span, begin, end)]
        return _ranges(spans)
    return _set(item for item in left["item"] if item not in right["item"])


def covers(kind: str, left: Json, right: Json) -> bool:
    """Whether all of the right one is in the left one."""
    if kind == "SCALAR":
        return bool(left["value"] >= right["value"])
    return is_empty(kind, subtract(kind, right, left))


def is_empty(kind: str, value: Json) -> bool:
    """Whether there is nothing of it (or less than nothing)."""
    if kind == "SCALAR":
        return bool(value["value"] <= 0)
    return not value["range" if kind == "RANGES" else "item"]


def text(kind: str, value: Json) -> str:
    """As Mesos prints it: ``1.5``, ``[7000-7001, 9042-9042]``, ``{a, b}``."""
    if kind == "SCALAR":
        return number(value["value"])
    if kind == "RANGES":
        return "[" + ", ".join(f"{begin}-{end}" for begin, end in _spans(value)) + "]"
    return "{" + ", ".join(value["item"]) + "}"


def number(value: float) -> str:
    """A number without needless decimals: ``8``, ``0.5``."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _scalar(value: float) -> Json:
    return {"value": round(float(value), 3) + 0.0}


def _set(items: Iterable[str]) -> Json:
    return {"item": sorted(set(items))}


def _spans(value: Json) -> Spans:
    return [(item["begin"], item["end"]) for item in value.get("range", [])]


def _ranges(spans: Spans) -> Json:
    return {"range": [{"begin": begin, "end": end} for begin, end in spans]}


def _merged(spans: Spans) -> Spans:
    """Sorted, and with touching ones joined."""
    merged: Spans = []
    for begin, end in sorted(span for span in spans if span[0] <= span[1]):
        if merged and begin <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _without(span: tuple[int, int], begin: int, end: int) -> Spans:
    """What is left of a span on either side of a cut."""
    parts = [(span[0], min(span[1], begin - 1)), (max(span[0], end + 1), span[1])]
    return [part for part in parts if part[0] <= part[1]]
