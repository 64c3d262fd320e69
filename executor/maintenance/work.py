"""What all kinds of maintenance have in common: pieces of work, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class PieceFailed(Exception):
    """A piece of work has failed; the message is in the node's own words."""


@dataclass(frozen=True)
class Piece:
    """A part of the work that is done as a whole or not at all.

    ``key`` is what it is known by to a later task. ``run`` raises PieceFailed or NotAnswering.
    ``needed_bytes`` is the room that it may take in the volume.
    """

    key: str
    text: str
    run: Callable[[], None]
    needed_bytes: Callable[[], int]


class Work(Protocol):
    """One kind of maintenance on one node."""

    def pieces(self) -> Sequence[Piece]:
        """All there is to do, in an order that is always the same. Raises NotAnswering."""

    def hindrance(self) -> str | None:
        """What speaks against beginning a piece now. Raises NotAnswering."""

    def rest_seconds(self) -> float:
        """How long to rest now that a piece is done."""

    def share(self) -> float:
        """How much of the present piece is done, from 0 to 1; for another thread than ``run``'s."""

    def abort(self) -> None:
        """End the present piece, in Cassandra too; for another thread. Raises NotAnswering."""

    def close(self) -> None:
        """Let go of connections."""
