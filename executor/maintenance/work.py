"""What all kinds of maintenance have in common: pieces of work, done one batch after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class PieceFailed(Exception):
    """A piece of work has failed; the message is in the node's own words."""


@dataclass(frozen=True)
class Batch:
    """Pieces of work that are done together, as a whole or not at all; often it is only one.

    ``keys`` are what the pieces are known by, also to a later task. ``run`` raises PieceFailed or
    NotAnswering. ``needed_bytes`` is the room that it may take in the volume.
    """

    keys: Sequence[str]
    text: str
    run: Callable[[], None]
    needed_bytes: int


class Work(Protocol):
    """One kind of maintenance on one node."""

    def pieces(self) -> Sequence[str]:
        """The keys of all there is to do, in an order that is always the same. Raises NotAnswering."""

    def batch(self, left: Sequence[str], free_bytes: int) -> Batch:
        """The first of these pieces, and those behind it that are to be done with it in so much room."""

    def hindrance(self) -> str | None:
        """What speaks against beginning a batch now. Raises NotAnswering."""

    def rest_seconds(self) -> float:
        """How long to rest now that a batch is done."""

    def share(self) -> float:
        """How much of the present batch is done, from 0 to 1; for another thread than ``run``'s."""

    def abort(self) -> None:
        """End the present batch, in Cassandra too; for another thread. Raises NotAnswering."""

    def close(self) -> None:
        """Let go of connections."""
