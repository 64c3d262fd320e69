"""What this Mesos is: the version whose API it speaks, and when it was made."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import Any

Json = dict[str, Any]

VERSION = "1.12.0"
"""The version of Mesos whose API this is."""

AGENT_CAPABILITIES = (
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESOURCE_PROVIDER",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
)
"""What frameworks may expect of every agent."""


def version() -> Json:
    """The answer of ``/version``; the time is that of this program."""
    return {**built(), "version": VERSION}


def version_info() -> Json:
    """The same as the v1 API's VersionInfo, and as ``/state`` begins."""
    return {"version": VERSION, **built()}


def built() -> Json:
    """When and by whom."""
    when = Path(__file__).stat().st_mtime
    return {
        "build_date": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when)),
        "build_time": when,
        "build_user": getpass.getuser(),
    }
