"""Resources of an agent as offered, reserved and used.

Named tuples rather than dataclasses: an offer has a handful of them and offers come by the ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Range = tuple[int, int]
"""First and last port, both included."""


class Reservation(NamedTuple):
    """One level of a reservation. ``labels`` are (key, value) pairs in the order given."""

    role: str
    principal: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    dynamic: bool = True

    def label(self, key: str) -> str | None:
        """The value of a label, None without it."""
        return next((value for name, value in self.labels if name == key), None)


class Source(NamedTuple):
    """Where a disk is: ``kind`` MOUNT or PATH, with its root directory."""

    kind: str
    root: str | None = None


class Disk(NamedTuple):
    """What makes a disk resource more than a number of MB. A persistent volume has a persistence id."""

    persistence_id: str | None = None
    principal: str | None = None
    container_path: str | None = None
    source: Source | None = None


class Resource(NamedTuple):
    """One entry of an offer: ``scalar`` (cores, MB) or ``ranges`` (ports)."""

    name: str
    scalar: float = 0.0
    ranges: tuple[Range, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    disk: Disk | None = None

    @property
    def persistence_id(self) -> str | None:
        """The persistent volume's id, None where this is none."""
        return self.disk.persistence_id if self.disk else None

    @property
    def source(self) -> Source | None:
        """The disk's source; None is the agent's root disk, and every other resource."""
        return self.disk.source if self.disk else None

    def label(self, key: str) -> str | None:
        """A label of the innermost reservation."""
        return self.reservations[-1].label(key) if self.reservations else None


def total(resources: Iterable[Resource], name: str) -> float:
    """The sum of all scalars of that name, to Mesos' precision of three decimals."""
    return round(sum([r.scalar for r in resources if r.name == name]), 3)


def ranges_of(resources: Iterable[Resource], name: str = "ports") -> tuple[Range, ...]:
    """All ranges of that name, sorted and merged."""
    merged: list[Range] = []
    for begin, end in sorted(r for resource in resources if resource.name == name for r in resource.ranges):
        if merged and begin <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return tuple(merged)


def in_ranges(port: int, ranges: Iterable[Range]) -> bool:
    """Whether the port lies in one of the ranges."""
    for begin, end in ranges:  # noqa: SIM110  a tenth of the time that any() takes, and asked for every offer
        if begin <= port <= end:
            return True
    return False


def has_all(ranges: Sequence[Range], ports: Iterable[int]) -> bool:
    """Whether every port lies in one of the ranges."""
    for port in ports:
        for begin, end in ranges:
            if begin <= port <= end:
                break
        else:
            return False
    return True


def ranges_from(ports: Iterable[int]) -> tuple[Range, ...]:
    """The fewest ranges that hold these ports and no others."""
    return ranges_of([Resource("ports", ranges=tuple((port, port) for port in ports))])
