"""What executors use, as far as the kernel tells of processes that are in no cgroup."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.mesos.agent.executor import Executor
from local.mesos.agent.supervisor import descendants

Json = dict[str, Any]

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Usage:
    """Of all the processes of a container: time on CPUs, and resident memory."""

    user_seconds: float
    system_seconds: float
    resident_bytes: int


def measure(leader: int) -> Usage:
    """The usage of a session leader and everything below it."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    rows = [row for pid in (leader, *descendants(leader)) if (row := _row(pid))]
    user, system, pages = (sum(row[index] for row in rows) for index in range(3))
    return Usage(user / tick, system / tick, pages * page)


def _row(pid: int) -> tuple[int, int, int] | None:
    """Ticks in user and in kernel mode, and resident pages; None when the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[11]), int(fields[12]), int(fields[21])


def statistics(executor: Executor) -> Json:
    """ResourceStatistics of the v1 API. The limits are what is held; nothing enforces them."""
    usage, held = measure(executor.container.pid), executor.allocated
    memory = int(held.scalar("mem") * MEGABYTE)
    volumes = [
        {
            "persistence": resource["disk"]["persistence"],
            "limit_bytes": int(resource["scalar"]["value"] * MEGABYTE),
        }
        for resource in held
        if "persistence" in resource.get("disk", {})
    ]
    return {
        "timestamp": time.time(),
        "cpus_user_time_secs": usage.user_seconds,
        "cpus_system_time_secs": usage.system_seconds,
        "cpus_soft_limit": held.scalar("cpus"),
        "mem_limit_bytes": memory,
        "mem_soft_limit_bytes": memory,
        "mem_rss_bytes": usage.resident_bytes,
        **({"disk_statistics": volumes} if volumes else {}),
    }
