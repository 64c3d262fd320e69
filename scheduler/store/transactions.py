"""ZooKeeper's transactions: what fits into one, and what kept one from taking place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kazoo.exceptions import (
    BadVersionError,
    KazooException,
    NodeExistsError,
    NoNodeError,
    RolledBackError,
    RuntimeInconsistency,
)

from scheduler.store.session import Fenced

TRANSACTION_BYTES = 1 << 19
"""ZooKeeper takes no more than 1 MiB at once (jute.maxbuffer), with all that goes around the data."""

RECORD_OVERHEAD_BYTES = 512
"""Path, versions and access control of one record in a transaction, generously."""

Bytes = Mapping[str, bytes | None]
"""What to store, by the znode's name below the root; None is to be deleted."""


def parts(data: Bytes) -> Iterator[Bytes]:
    """The same in pieces that ZooKeeper takes, in the same order."""
    part: dict[str, bytes | None] = {}
    size = 0
    for name, content in data.items():
        more = len(content or b"") + RECORD_OVERHEAD_BYTES
        if part and size + more > TRANSACTION_BYTES:
            yield part
            part, size = {}, 0
        part[name] = content
        size += more
    if part:
        yield part


def check(results: list[object], paths: list[str]) -> None:
    """Raise what kept a transaction from taking place; ``paths`` are those of its operations."""
    for result, path in zip(results, paths, strict=True):
        if isinstance(result, (BadVersionError, NoNodeError, NodeExistsError)):
            raise Fenced(f"znode {path} is not as this leader has left it: another one has taken over")
        if isinstance(result, Exception) and not isinstance(result, (RolledBackError, RuntimeInconsistency)):
            raise result
    if any(isinstance(result, Exception) for result in results):
        raise KazooException("the transaction was rolled back")
