"""What a process spends on offers: counts them against its own CPU time and watches its memory."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

SAMPLES = 40
"""So often memory is looked at: looking takes as long as reading several offers."""


class Meter:
    """Measures from the first batch, which is not counted, until ``cpu_seconds`` are spent.

    Memory is compared by its peaks in the first and in the second half of that time.
    """

    def __init__(self, cpu_seconds: float) -> None:
        self._wanted = cpu_seconds
        self._began: float | None = None
        self._samples = [0] * SAMPLES
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
        now_at = min(SAMPLES - 1, int(SAMPLES * self.spent / self._wanted))
        self._samples[now_at] = self._samples[now_at] or rss_kb()
        return self.spent >= self._wanted

    def report(self, **more: object) -> str:
        """One line of JSON; memory in kB."""
        per_second = self.offers / self.spent
        numbers = {"offers": self.offers, "batches": self.batches, "cpu_seconds": self.spent}
        early, late = self._samples[: SAMPLES // 2], self._samples[SAMPLES // 2 :]
        memory = {"early_rss_kb": max(early), "late_rss_kb": max(late)}
        return json.dumps({"per_cpu_second": per_second, **numbers, **memory, **more})


def rss_kb() -> int:
    """The memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
