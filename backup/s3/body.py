"""What is uploaded: bytes, or a part of a file, which can be sent again when an attempt has failed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from backup.s3.failure import S3Failed
from backup.s3.meter import PIECE_BYTES
from backup.s3.wire import Wire


class Body(Protocol):
    """Content whose SHA-256 is known."""

    @property
    def digest(self) -> str:
        """The SHA-256 in hex."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def send(self, wire: Wire) -> None:
        """Send all of it."""


@dataclass(frozen=True)
class Bytes:
    """Content in memory."""

    data: bytes | bytearray
    digest: str

    @property
    def size(self) -> int:
        """See ``Body``."""
        return len(self.data)

    def send(self, wire: Wire) -> None:
        """See ``Body``."""
        view = memoryview(self.data)
        while view:
            granted = wire.meter.grant(min(len(view), PIECE_BYTES))
            wire.sendall(view[:granted])
            view = view[granted:]


@dataclass(frozen=True)
class FilePart:
    """``size`` bytes of an open file from ``offset`` on. The file must not change."""

    descriptor: int
    offset: int
    size: int
    digest: str

    def send(self, wire: Wire) -> None:
        """See ``Body``."""
        offset, end = self.offset, self.offset + self.size
        while offset < end:
            granted = wire.meter.grant(min(end - offset, PIECE_BYTES))
            while granted:
                sent = self._some(wire, offset, granted)
                offset, granted = offset + sent, granted - sent

    def _some(self, wire: Wire, offset: int, count: int) -> int:
        if wire.plain:
            sent = wire.sendfile(self.descriptor, offset, count)
        else:
            data = os.pread(self.descriptor, count, offset)
            wire.sendall(data)
            sent = len(data)
        if not sent:
            raise S3Failed("a file has become shorter while it was being uploaded")
        return sent
