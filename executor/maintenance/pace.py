"""How much to repair at once: little at first, then as much as is done soon."""

from __future__ import annotations

BATCH_SECONDS = 10.0
"""How long a repair may take, its rest included, where a single segment does not take longer by itself.

An interrupt waits for it, and what ends in the middle of it is done again. Against it stands what each
repair costs Cassandra beside the work: some tenths of a second.
"""

GROWTH = 4.0
"""So many times the last repair the next one may be: segments may hold unlike amounts."""


class Pace:
    """Learns from how long repairs take. Sizes are shares of the ring."""

    def __init__(self) -> None:
        self.size = 0.0
        """What the next repair may hold, if that is more than one segment."""

    def took(self, size: float, seconds: float) -> None:
        """A repair of that size has taken so long."""
        self.size = size * min(GROWTH, BATCH_SECONDS / max(seconds, 1e-3))
