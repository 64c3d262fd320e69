"""How long to wait before subscribing again: always by chance, so that many clients do not come at once."""

from __future__ import annotations

import random
from collections.abc import Callable

Delay = Callable[[int], float]
"""Seconds to wait after so many attempts in a row that came to nothing (1 after the first)."""


def growing(first: float, most: float) -> Delay:
    """Anything up to ``first`` seconds, twice that after each further failure, never above ``most``."""

    def delay(failures: int) -> float:
        return random.uniform(0, min(most, first * 2 ** min(failures - 1, 30)))

    return delay


def within(least: float, most: float) -> Delay:
    """Always between ``least`` and ``most`` seconds, however often it failed."""
    return lambda failures: random.uniform(min(least, most), most)
