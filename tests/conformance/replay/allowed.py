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


ALLOWED = (
    Allowed(
        r"GET /(version|state)|POST /api/v1.* GET_VERSION",
        r".*\.build_(date|time)",
        "the one-machine Mesos was built at another time",
    ),
    Allowed("GET /state", r"body\.flags\.webui_dir", "the one-machine Mesos has no files of a web interface"),
)
