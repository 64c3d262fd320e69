"""Records as bytes: JSON with a format version, read strictly."""

from __future__ import annotations

import json
from typing import TypeVar

from protocol.codec import DecodeError, decode, encode

FORMAT = 1

T = TypeVar("T")


class UnreadableRecord(Exception):
    """A znode that this version cannot read; it is named, never overwritten and never guessed."""


def to_bytes(record: object) -> bytes:
    """The record as stored; equal records give equal bytes."""
    return json.dumps({"format": FORMAT, "record": encode(record)}, sort_keys=True).encode()


def from_bytes(kind: type[T], data: bytes, path: str) -> T:
    """Read a record. Raises UnreadableRecord, which names ``path``."""
    try:
        body = json.loads(data)
        version = body["format"]
    except (ValueError, TypeError, KeyError):
        raise UnreadableRecord(
            f"znode {path} is damaged: it is left as it is; restore it from a copy of ZooKeeper's data"
        ) from None
    if version != FORMAT:
        raise UnreadableRecord(
            f"znode {path} has format {version} and this version reads {FORMAT}: run the one that wrote it"
        )
    try:
        return decode(kind, body.get("record"))
    except DecodeError as error:
        raise UnreadableRecord(f"znode {path} is damaged ({error}): it is left as it is") from None
