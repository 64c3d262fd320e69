"""What a process spends on offers: counts them against its own CPU time and watches its memory."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


class Meter:
    """Measures from the first batch, which is not counted, until ``cpu_seconds`` are spent.

    Memory is compared by its peaks in the second and in the last quarter of that time.
    """

    def __init__(self, cpu_seconds: float) -> None:
        self._wanted = cpu_seconds
        self._began: float | None = None
        self._peaks = [0, 0, 0, 0]
        self.offers = 0
        self.batches = 0
        self.spent = 0.0

    def count(self, offers: int) -> bool:
        """Count a batch that has been dealt with; whether that was the last."""
        now = time.process_time()
        if self._began is None:
            self._began = now
            return False
        self.offers += offers
        self.batches += 1
        self.spent = now - self._began
        quarter = min(3, int(4 * self.spent / self._wanted))
        self._peaks[quarter] = max(self._peaks[quarter], rss_kb())
        return self.spent >= self._wanted

    def report(self, **more: object) -> str:
        """One line of JSON; memory in kB."""
        per_second = self.offers / self.spent
        numbers = {"offers": self.offers, "batches": self.batches, "cpu_seconds": self.spent}
        memory = {"early_rss_kb": self._peaks[1], "late_rss_kb": self._peaks[3]}
        return json.dumps({"per_cpu_second": per_second, **numbers, **memory, **more})


def rss_kb() -> int:
    """The memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
