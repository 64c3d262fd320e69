"""The data of a status update: how the node does, and why it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass

from protocol.codec import DecodeError, Json, decode, encode
from protocol.maintenance import Progress

VERSION = 1


@dataclass(frozen=True)
class NodeStatus:
    """What a Cassandra node says of itself.

    ``mode`` is Cassandra's operation mode (STARTING, JOINING, NORMAL, LEAVING, DECOMMISSIONED, MOVING,
    DRAINING, DRAINED) or UNKNOWN. ``live`` and ``unreachable`` are the addresses of members as this
    node sees them, itself among the live ones, sorted. ``as_of`` is in seconds since the epoch.
    """

    mode: str = "UNKNOWN"
    joined: bool = False
    native_transport_running: bool = False
    gossip_initialized: bool = False
    gossip_running: bool = False
    host_id: str = ""
    endpoint: str = ""
    token_count: int = 0
    data_center: str = ""
    rack: str = ""
    version: str = ""
    live: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    load_bytes: int = 0
    disk_total_bytes: int = 0
    disk_free_bytes: int = 0
    uptime_seconds: int = 0
    as_of: float = 0.0


@dataclass(frozen=True)
class Failure:
    """Why Cassandra or its start ended.

    ``exit_code`` is None where no process was started, negative for a signal. ``log_tail`` holds the
    last lines of Cassandra's log, at most 4 kB. ``final``: it would fail again just so.
    """

    reason: str
    exit_code: int | None = None
    log_tail: str = ""
    final: bool = False


@dataclass(frozen=True)
class Report:
    """The data of one status update.

    ``status`` is a server task's, absent before Cassandra answers; ``progress`` a maintenance task's, and
    ``outcome`` what one has found that later ones need.
    """

    status: NodeStatus | None = None
    failure: Failure | None = None
    progress: Progress | None = None
    outcome: Json = None


def encode_report(report: Report) -> bytes:
    """Return the report as the data of a TaskStatus."""
    return json.dumps({"version": VERSION, "report": encode(report)}).encode()


def decode_report(data: bytes) -> Report:
    """Read the data of a TaskStatus; no data is an empty report. Raises DecodeError on anything else."""
    if not data:
        return Report()
    try:
        body = json.loads(data)
    except ValueError:
        raise DecodeError("the status data are not JSON") from None
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise DecodeError(f"the status data are not of version {VERSION}")
    return decode(Report, body.get("report"))
