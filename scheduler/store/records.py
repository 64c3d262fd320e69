"""Records as bytes: JSON with a format version, read strictly, and brought up to date where it is older."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from protocol.codec import DecodeError, decode, encode

FORMAT = 2
"""Raise it with any change by which an older scheduler would lose or misread something.

Such a change is a new field already: an older scheduler would drop it. A field that an older format lacks
takes its default, ``scheduler.store.migration`` does what else is needed, and ``tests/unit/store/formats``
keeps the bytes.
"""

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
        # In its own format a field that is not there was lost: its default would be a guess.
        return decode(kind, record, complete=version == FORMAT)
    except DecodeError as error:
        raise damaged(path, str(error)) from None


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
