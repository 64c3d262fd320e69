"""Virtual time: a queue of calls to come, and links over which messages travel."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any


class Timer:
    """A call to come, until it is cancelled."""

    __slots__ = ("args", "call")

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.call: Callable[..., Any] | None = call
        self.args = args

    def cancel(self) -> None:
        """Make nothing of it."""
        self.call = None


class Clock:
    """Time in seconds since the epoch, which stands still between two calls."""

    __slots__ = ("_count", "_queue", "now")

    def __init__(self, now: float) -> None:
        self.now = now
        self._queue: list[tuple[float, int, Timer]] = []
        self._count = 0

    def at(self, time: float, call: Callable[..., Any], *args: Any) -> Timer:
        """Call at that time, after all that was to be called then already."""
        timer = Timer(call, args)
        self._count += 1
        heapq.heappush(self._queue, (time, self._count, timer))
        return timer

    def after(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        """Call so many seconds from now."""
        return self.at(self.now + seconds, call, *args)

    def run(self, until: float) -> None:
        """Let time pass."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            time, _, timer = heapq.heappop(queue)
            if timer.call is not None:
                self.now = time
                timer.call(*timer.args)
        self.now = until


class Link:
    """Messages one way, in their order, each a little late. Those on the way when it is cut are lost."""

    __slots__ = ("_clock", "_generation", "_last", "_rng", "slow")

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        self._last = 0.0
        self._generation = 0
        self.slow = 0.0

    def send(self, call: Callable[..., Any], *args: Any) -> None:
        """Have a call made at the other end."""
        self._last = max(self._last, self._clock.now + self.slow + 0.001 + 0.02 * self._rng.random())
        self._clock.at(self._last, self._arrive, self._generation, call, args)

    def cut(self) -> None:
        """Lose what is on the way."""
        self._generation += 1

    def _arrive(self, generation: int, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if generation == self._generation:
            call(*args)
