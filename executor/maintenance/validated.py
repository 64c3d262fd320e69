"""How far Cassandra is with what a repair has it read: its own counters, which know only what runs now."""

from __future__ import annotations

from collections.abc import Mapping


class Validated:
    """Puts together what single looks show. Each table counts by its size."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._done: dict[str, float] = {}

    def see(self, running: Mapping[str, float]) -> float:
        """The share that is done, from 0 to 1, as these tables are being read now, each so far.

        What was seen before and is not any more has been read.
        """
        self._done = {**dict.fromkeys(self._done, 1.0), **running}
        whole = sum(self._sizes.values())
        done = sum(self._sizes.get(table, 0) * part for table, part in self._done.items())
        return done / whole if whole else 0.0
