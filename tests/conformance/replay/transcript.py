"""What can be told of a transcript by itself, and of its entries."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from tests.conformance.replay.cluster import Cluster
from tests.conformance.replay.matching import Places
from tests.conformance.replay.streams import END

Json = dict[str, Any]


def ping_timeout(transcript: list[Json]) -> str:
    """For the cluster to play on: a restarted agent must not be taken for lost on a busy machine."""
    restarted = any(entry["dir"] == "note" and "agent killed" in entry["body"] for entry in transcript)
    lost = "TASK_UNREACHABLE" in str(transcript)
    return "15secs" if restarted and not lost else "1secs"


def places_of(transcript: list[Json], cluster: Cluster, suite: Path) -> Places:
    """Where it was recorded: the master's address is in SUBSCRIBED, the agent's port is the next one."""
    told = next(e["body"]["subscribed"] for e in transcript if kind_of(e.get("body")) == "SUBSCRIBED")
    port = told["master_info"]["port"]
    (master_host, master), (agent_host, agent) = cluster.master, cluster.agent
    texts = {
        f"{master_host}:{master}": f"127.0.0.1:{port}",
        f"{agent_host}:{agent}": f"127.0.0.1:{port + 1}",
        master_host: "127.0.0.1",
        agent_host: "127.0.0.1",
        str(suite): "/mesos/suite",
        **cluster.places,
    }
    ports = {master: port, agent: port + 1}
    numbers = {("port", kind(now)): kind(then) for now, then in ports.items() for kind in (int, str)}
    numbers["ip", _as_number(master_host)] = _as_number("127.0.0.1")
    return Places(texts, numbers)


def _as_number(address: str) -> int:
    """As in MasterInfo: the first part of the address is the lowest byte."""
    return int.from_bytes(socket.inet_aton(address), "little")


def with_late_kills(transcript: list[Json]) -> list[Json]:
    """The entries, with each kill right before its first effect: what came until then had been on its way."""
    entries = list(transcript)
    for note in [entry for entry in transcript if entry["dir"] == "note" and "killed" in entry["body"]]:
        index = entries.index(note)
        while entries[index + 1]["dir"] in ("event", "response") and not _shows_kill(entries[index + 1]):
            entries[index : index + 2] = entries[index + 1], note
            index += 1
    return entries


def _shows_kill(entry: Json) -> bool:
    return kind_of(entry.get("body")) in ("RESCIND", "FAILURE", END)


def kept(headers: Any) -> Json:
    """Headers, of which the order means nothing, without values that say when and how much."""
    kept = {name: "" if name in ("Date", "Content-Length") else text for name, text in headers.items()}
    return dict(sorted(kept.items()))


def kind_of(body: Any) -> str:
    """The type of a call or an event; a text is its own type."""
    return str(body["type"]) if isinstance(body, dict) and "type" in body else str(body)


def key_of(event: Any) -> tuple[str, ...]:
    """What tells an event from others of its stream that it is not to be compared with: type and ids."""
    if event == END:
        return (END,)
    body = event.get(event["type"].lower(), {})
    holder = body["status"] if isinstance(body.get("status"), dict) else body
    ids = (holder.get(name, {}).get("value") for name in ("task_id", "operation_id", "executor_id"))
    return (event["type"], *(item for item in ids if item))
