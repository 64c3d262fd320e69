"""The differences from what was recorded that may be, each with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.conformance.replay.matching import Difference


@dataclass(frozen=True)
class Allowed:
    """``place`` and ``field`` are regular expressions for those of a Difference, as a whole."""

    place: str
    field: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        """Whether this is such a difference."""
        return bool(re.fullmatch(self.place, difference.place) and re.fullmatch(self.field, difference.field))


METRICS = r"GET /metrics/snapshot"

ALLOWED = (
    Allowed(
        r"GET /(version|state)|POST /api/v1.* GET_VERSION",
        r".*\.build_(date|time)",
        "the one-machine Mesos was built at another time",
    ),
    Allowed(
        "GET /state",
        r"body\.flags\.(webui_dir|launcher_dir)",
        "the one-machine Mesos has no files of a web interface and no programs of its own",
    ),
    Allowed(
        r"GET /monitor/statistics|POST /api/v1 GET_CONTAINERS",
        r".*\.(cpus_(user|system)_time_secs|mem_rss_bytes)",
        "the executor that was recorded was another program",
    ),
    Allowed("GET /files/browse", r"body\[\d\]\.size", "and so were the files in its sandbox"),
    Allowed("GET /files/read", r"body\.(data|offset)", "and the fetcher wrote a log of its own to stderr"),
    Allowed(METRICS, r"body\.system/(cpus|load|mem)_.*", "another machine"),
    Allowed(
        METRICS, r"body\..*/(uptime_secs|recovery_time_secs|state_fetch_ms)", "how long things take differs"
    ),
    Allowed(METRICS, r"body\.registrar/state_store_ms(/(m..|p\d+))?", "how long things take differs"),
    Allowed(
        METRICS, r"body\.allocator/mesos/allocation_run.*", "how often and how long it ran so far differs"
    ),
    Allowed(METRICS, r"body\.master/event_queue_dispatches", "what is being done at a moment differs"),
    Allowed(METRICS, r"body\.registrar/registry_size_bytes", "the registry is JSON, and so larger"),
)
