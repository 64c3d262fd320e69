"""RecordIO, the framing of Mesos event streams: decimal length, a newline, that many bytes, the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

MAX_RECORD_BYTES = 1 << 29
"""Far above any event (10,000 offers are some 15 MB): more is a stream that has lost its place."""

_MAX_DIGITS = 20


class Readable(Protocol):
    """What records are read from; an ``http.client.HTTPResponse`` is one and undoes the chunking."""

    def readline(self, limit: int = -1, /) -> bytes:
        """A line with its end, or less where the stream ends or ``limit`` is reached."""

    def read(self, size: int, /) -> bytes:
        """Exactly so many bytes, or less where the stream ends."""


class RecordError(Exception):
    """The stream ended within a record, or is not RecordIO at all."""


def records(stream: Readable) -> Iterator[bytes]:
    """The records of a stream, until it ends. Raises RecordError where it ends within one."""
    while header := stream.readline(_MAX_DIGITS):
        length = _length(header)
        data = stream.read(length)
        if len(data) < length:
            raise RecordError(f"the stream ended after {len(data)} of a record's {length} bytes")
        yield data


def _length(header: bytes) -> int:
    digits = header.removesuffix(b"\n")
    if not digits.isdigit() or (digits == header and len(header) == _MAX_DIGITS):
        raise RecordError(f"a record's length was expected, not {header!r}")
    if digits == header:
        raise RecordError("the stream ended within a record's length")
    if int(digits) > MAX_RECORD_BYTES:
        raise RecordError(f"a record of {int(digits)} bytes is longer than any event")
    return int(digits)
