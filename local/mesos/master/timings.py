"""How long something takes, each time: the last value, and statistics over the latest ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

WINDOW = 1000
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}


class Timings:
    """Measurements in milliseconds."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=WINDOW)

    def record(self, seconds: float) -> None:
        """Take a measurement down."""
        self._values.append(seconds * 1000)

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure what is done within."""
        begin = time.monotonic()
        yield
        self.record(time.monotonic() - begin)

    def snapshot(self) -> Iterator[tuple[str, float]]:
        """Endings of metric names, and their values; none before the first measurement."""
        if not self._values:
            return
        ordered = sorted(self._values)
        yield "", self._values[-1]
        yield "/count", len(ordered)
        yield "/min", ordered[0]
        yield "/max", ordered[-1]
        for name, part in PERCENTILES.items():
            yield f"/{name}", _percentile(ordered, part)


def _percentile(ordered: list[float], part: float) -> float:
    """Between the two nearest values, in proportion."""
    position = part * (len(ordered) - 1)
    index = int(position)
    if index + 1 == len(ordered):
        return ordered[-1]
    return ordered[index] + (position - index) * (ordered[index + 1] - ordered[index])
