"""A node's part of the ring, cut into segments for repair. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

RING = 2**64
LOWEST = -(2**63)
"""Murmur3Partitioner's tokens: the ring goes from the lowest over the highest back to the lowest."""


class Segment(NamedTuple):
    """A range of tokens, ``start`` excluded and ``end`` included; it may lead over the ring's end."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many tokens it holds; from a token to itself it is the whole ring."""
        return (self.end - self.start) % RING or RING

    def __str__(self) -> str:
        return f"{self.start}:{self.end}"


def primary_ranges(ring: Mapping[str, Sequence[str]], address: str) -> list[Segment]:
    """The ranges whose first replica is the node at ``address``, in the order of the ring.

    ``ring`` is Cassandra's RangeToEndpointMap: replicas, the first one first, by ``[start, end]``. Over
    all nodes of a keyspace's replicas these ranges cover the ring once.
    """
    return sorted(_parse(text) for text, replicas in ring.items() if replicas and replicas[0] == address)


def local_ranges(ring: Mapping[str, Sequence[str]], address: str) -> list[Segment]:
    """All ranges of which the node at ``address`` is a replica."""
    return [_parse(text) for text, replicas in ring.items() if address in replicas]


def alike(ring: Mapping[str, Sequence[str]], ranges: Iterable[Segment]) -> list[list[Segment]]:
    """Ranges of a ring in groups, in an order that is always the same: one repair can take a whole group.

    Those of a group have the same replicas.
    """
    replicas = {_parse(text): sorted(found) for text, found in ring.items()}
    in_order = sorted(ranges, key=lambda part: (replicas[part], part))
    return [list(group) for _, group in itertools.groupby(in_order, replicas.__getitem__)]


def _parse(text: str) -> Segment:
    start, end = text.strip("[]").split(",")
    return Segment(int(start), int(end))


def cut(ranges: Iterable[Segment], wanted: int) -> list[Segment]:
    """Cut ranges into at least ``wanted`` segments of about one size, each inside one range."""
    ranges = list(ranges)
    whole = sum(part.size for part in ranges)
    segments = []
    for part in ranges:
        # Rounded up, so that there are never fewer in all than were wanted.
        pieces = max(1, min(part.size, -(-wanted * part.size // whole)))
        bounds = [_wrapped(part.start + part.size * piece // pieces) for piece in range(pieces + 1)]
        segments += [Segment(start, end) for start, end in itertools.pairwise(bounds)]
    return segments


def _wrapped(token: int) -> int:
    return (token - LOWEST) % RING + LOWEST


def share(segments: Iterable[Segment]) -> float:
    """Which share of the ring segments are, from 0 to 1."""
    return sum(segment.size for segment in segments) / RING
