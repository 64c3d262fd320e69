"""Stock pymesos on the same stream: its own driver and loop, which read, parse and count, and decide nothing.

Runs in an environment of its own (``benchmarks.stock_environment``), without this project's packages.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from pymesos import MesosSchedulerDriver, Scheduler

from benchmarks.meter import Meter


class Counter(Scheduler):  # type: ignore[misc]  # pymesos has no types
    """Counts offers until the meter has enough."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.done = threading.Event()

    def resourceOffers(self, driver: Any, offers: list[Any]) -> None:  # noqa: N802  pymesos'
        """See pymesos."""
        if not self.done.is_set() and self._meter.count(len(offers)):
            self.done.set()


def main() -> None:
    """``stock_pymesos.py ADDRESS CPU_SECONDS`` prints the meter's report."""
    address, cpu_seconds = sys.argv[1], float(sys.argv[2])
    meter = Meter(cpu_seconds)
    counter = Counter(meter)
    framework = {"user": "root", "name": "benchmark", "roles": ["cassandra-role"]}
    driver = MesosSchedulerDriver(counter, framework, address, failover=True)
    driver.start()
    counter.done.wait()
    print(meter.report(), flush=True)
    driver.stop(failover=True)


if __name__ == "__main__":
    main()
