"""How long a store is waited for, and how often it is asked again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """``silence_seconds`` without a byte end an attempt, and so does less than ``least_rate`` bytes a second

    over ``window_seconds`` of waiting for the network. ``waits_seconds`` lie between attempts.
    """

    silence_seconds: float = 30.0
    window_seconds: float = 30.0
    least_rate: float = 1024.0
    waits_seconds: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

    def waits(self) -> list[float]:
        """The waits of one request, each up to a half shorter so that not all threads come back at once."""
        return [wait * random.uniform(0.5, 1.0) for wait in self.waits_seconds]
