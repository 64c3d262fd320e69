"""Many runs, on all cores, and what they come to in sum."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from tests.simulation.run import Result, Simulation
from tests.simulation.storm import DAY, Scenario, scenario

T = TypeVar("T")
R = TypeVar("R")

DAYS = 2
"""So many a seed: the second begins with what the first has left."""


@dataclass
class Campaign:
    """The sum of many runs."""

    runs: int = 0
    seconds: float = 0.0
    days: int = 0
    steps: int = 0
    transitions: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count a run in."""
        self.runs += 1
        self.seconds += result.seconds
        self.days += result.days
        self.steps += result.steps
        self.transitions += result.transitions
        self.faults.update(result.faults)
        self.orders.update(result.orders)
        self.ends.update(result.ends)
        self.checked.update(result.checked)
        if result.violation is not None:
            self.failed.append(result)

    def report(self) -> str:
        """What was run and what came of it, for people."""
        lines = [
            f"{self.runs} runs, {self.seconds / DAY:.0f} simulated days, {self.days} of them with at least "
            "20 faults and 5 orders",
            f"{self.steps} events decided, {self.transitions} transactions",
            _table("faults", self.faults),
            _table("orders", self.orders),
            _table("backups and restores that came to an end", self.ends),
            _table("checks", self.checked),
        ]
        for result in sorted(self.failed, key=lambda r: r.scenario.seed):
            found = result.scenario
            options = f"--seed {found.seed} --nodes {found.nodes} --days {found.days}"
            lines.append(f"VIOLATED by {options}: {result.violation}")
        return "\n".join(lines)


def _table(title: str, counts: Counter[str]) -> str:
    rows = [f"  {count:9d}  {kind.replace('_', ' ')}" for kind, count in sorted(counts.items())]
    return "\n".join([f"{title}: {sum(counts.values())}", *rows])


def run_one(found: Scenario) -> Result:
    """Run a scenario, in whatever process."""
    result = Simulation(found).run()
    gc.collect()
    return result


def run_all(run: Callable[[T], R], what: Iterable[T], jobs: int | None = None) -> Iterator[R]:
    """Run things side by side; the results come in the order of their ends."""
    count = jobs or os.cpu_count() or 1
    if count == 1:
        _quiet()
        yield from map(run, what)
        return
    with multiprocessing.get_context("spawn").Pool(count, _quiet) as pool:
        yield from pool.imap_unordered(run, what, chunksize=1)


def _quiet() -> None:
    """No log, and no time for collecting garbage: a run makes some MB, which its end frees."""
    logging.disable(logging.CRITICAL)
    gc.disable()
    gc.freeze()  # what is imported by now stays, and need not be looked at after each run


def campaign(
    seeds: Iterable[int], nodes: int | None = None, days: int = DAYS, jobs: int | None = None
) -> Campaign:
    """Run seeds."""
    found = Campaign()
    for result in run_all(run_one, (scenario(seed, nodes, days) for seed in seeds), jobs):
        found.add(result)
    return found
