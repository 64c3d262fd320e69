"""What a seed makes of a run: how big the cluster is, and what befalls it at which time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random

from tests.simulation.faults import FAULTS
from tests.simulation.orders import ORDERS

DAY = 86400.0
STORM_SECONDS = 72000.0
"""Of each day this is stormy, the rest is for healing."""

CALM_START_SECONDS = 1800.0
"""The first storm waits until a cluster may have come to be, or not for long."""


WHILE_UNINSTALLING = (
    "scheduler_killed",
    "scheduler_crashes_between_steps",
    "scheduler_stopped_between_steps",
    "zookeeper_connection_lost",
    "zookeeper_session_expired",
    "zookeeper_write_of_unknown_fate",
    "master_fails_over",
    "stream_cut",
    "call_lost",
    "operation_dropped",
    "offers_split",
    "update_late",
)
"""What may happen to the uninstallation at a run's end. What agents keep that are away then, is left."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault or an order, at so many seconds after the start; the numbers say what exactly."""

    at: float
    kind: str
    which: float
    how: float
    long: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run, completely: the same scenario always goes the same way."""

    seed: int
    nodes: int
    agents: int
    schedulers: int
    days: int
    happenings: tuple[Happening, ...]
    uninstalls: bool = False

    def to_json(self) -> str:
        """As kept in a file."""
        return json.dumps(asdict(self), indent=1)

    @staticmethod
    def from_json(text: str) -> Scenario:
        """Read what ``to_json`` has written."""
        data = json.loads(text)
        happenings = tuple(Happening(**item) for item in data.pop("happenings"))
        return Scenario(**data, happenings=happenings)


def scenario(seed: int, nodes: int | None = None, days: int = 2, ordered: Sequence[str] = ()) -> Scenario:
    """The run of a seed. It picks its own subset of faults, each with its own rate.

    Of orders too, unless it is said what is ``ordered``.
    """
    rng = Random(f"storm {seed}")
    drawn = rng.choice((1, 2, 3, 3, 3, 4, 5))  # always: to name what a seed draws shall change nothing of it
    size = nodes or drawn
    agents = size + rng.choice((0, 1, 1, 2))
    schedulers = rng.choice((1, 2, 2, 3))
    faults = _weights(rng, list(FAULTS))
    orders = dict.fromkeys(ordered, 1.0) or _weights(rng, list(ORDERS))
    found: list[Happening] = []
    for day in range(days):
        begin = day * DAY + (CALM_START_SECONDS * rng.random() if day == 0 else 0.0)
        end = day * DAY + STORM_SECONDS
        found += _drawn(rng, faults, _times(rng, begin, end, rng.randint(28, 48)))
        found += _drawn(rng, orders, _times(rng, begin, end, rng.randint(9, 14)))
    uninstalls = rng.random() < 0.25
    if uninstalls:
        weights = dict.fromkeys(WHILE_UNINSTALLING, 1.0)
        found += _drawn(rng, weights, _times(rng, days * DAY, days * DAY + 900, 6))
    return Scenario(
        seed, size, agents, schedulers, days, tuple(sorted(found, key=lambda h: h.at)), uninstalls
    )


def _weights(rng: Random, kinds: list[str]) -> dict[str, float]:
    chosen = rng.sample(kinds, rng.randint(max(3, len(kinds) // 3), len(kinds)))
    return {kind: rng.random() ** 2 + 0.05 for kind in chosen}


def _times(rng: Random, begin: float, end: float, count: int) -> list[float]:
    """Some alone, most close together: it is several at once that make trouble."""
    times: list[float] = []
    while len(times) < count:
        burst = rng.choice((1, 1, 2, 3, 5))
        start = rng.uniform(begin, max(begin, end - 600))
        times += [start + rng.expovariate(1 / 60) * index for index in range(burst)]
    return [min(time, end) for time in times[:count]]


def _drawn(rng: Random, weights: dict[str, float], times: list[float]) -> list[Happening]:
    kinds = rng.choices(list(weights), list(weights.values()), k=len(times))
    return [
        Happening(round(time, 3), kind, rng.random(), rng.random(), rng.random())
        for time, kind in zip(times, kinds, strict=True)
    ]
