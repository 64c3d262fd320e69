"""What masters and agents say of the machine they run on."""

from __future__ import annotations

import os
from collections.abc import Iterator


def metrics() -> Iterator[tuple[str, float]]:
    """Names and values of ``/metrics/snapshot``."""
    one, five, fifteen = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    yield "system/cpus_total", os.cpu_count() or 0
    yield "system/load_1min", one
    yield "system/load_5min", five
    yield "system/load_15min", fifteen
    yield "system/mem_total_bytes", page * os.sysconf("SC_PHYS_PAGES")
    yield "system/mem_free_bytes", page * os.sysconf("SC_AVPHYS_PAGES")
