"""Records as bytes: JSON with a format version, read strictly, and brought up to date where it is older."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from protocol.codec import DecodeError, Json, decode, encode

FORMAT = 2
"""Raise it with any change by which an older scheduler would lose or misread something.

Such a change is a new field already: an older scheduler would drop it. A field that an older format lacks
takes its default, ``scheduler.store.migration`` does what else is needed, and ``tests/unit/store/formats``
keeps the bytes.
"""

SIMPLE = frozenset({str, int, float, bool, type(None)})
"""Types of values that have no fields."""

T = TypeVar("T")


class UnreadableRecord(Exception):
    """A znode that this version cannot read; it is named, never overwritten and never guessed."""


def to_bytes(record: object) -> bytes:
    """The record as stored; equal records give equal bytes."""
    return json.dumps({"format": FORMAT, "record": encode(record)}, sort_keys=True).encode()


def from_bytes(kind: type[T], data: bytes, path: str) -> T:
    """Read a record. Raises UnreadableRecord, which names ``path``."""
    body = _json(data, path)
    version = readable_format(body.get("format"), path)
    record = body.get("record")
    try:
        found = decode(kind, record)
        if version == FORMAT:
            _require_all(found, record, kind.__name__)
    except DecodeError as error:
        raise damaged(path, str(error)) from None
    return found


def format_mark() -> bytes:
    """What a leader leaves in ``epoch``: an older scheduler that comes later sees that it cannot go on."""
    return json.dumps({"format": FORMAT}).encode()


def check_mark(data: bytes, path: str) -> None:
    """Raise UnreadableRecord where a newer scheduler has led. Format 1 left nothing."""
    if data:
        readable_format(_json(data, path).get("format"), path)


def damaged(path: str, why: str) -> UnreadableRecord:
    """The error for a znode that no version can read."""
    return UnreadableRecord(
        f"znode {path} is damaged ({why}): it is left as it is; restore it from a copy of ZooKeeper's data"
    )


def readable_format(version: object, path: str) -> int:
    """The format, where this version can read it. Raises UnreadableRecord."""
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged(path, "it has no format version")
    if version > FORMAT:
        raise UnreadableRecord(
            f"znode {path} has format {version}, of a newer scheduler, and this one reads up to {FORMAT}: "
            "it is left as it is; start the version that wrote it, or a newer one"
        )
    return version


def _json(data: bytes, path: str) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged(path, "it is not JSON") from None
    if not isinstance(body, dict):
        raise damaged(path, "it is not a JSON object")
    return body


def _require_all(record: object, stored: Json, where: str) -> None:
    """A field that is not there was lost: its default would be a guess. Raises DecodeError."""
    kind: Any = type(record)
    if names := _fields(kind):
        for name in names:
            if name not in stored:
                raise DecodeError(f"{where} has no {name}")
            value = getattr(record, name)
            if type(value) not in SIMPLE:
                _require_all(value, stored[name], f"{where}.{name}")
    elif isinstance(record, Mapping):
        for key, item in record.items():
            _require_all(item, stored[key], where)
    elif isinstance(record, tuple) and record and type(record[0]) not in SIMPLE:
        for item, other in zip(record, stored, strict=True):
            _require_all(item, other, where)


@functools.cache
def _fields(kind: Any) -> tuple[str, ...]:
    """The names of a record's fields, by its type; none of what is no record."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    names: tuple[str, ...] = getattr(kind, "_fields", ())
    return names
