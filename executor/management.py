"""What the executor asks of Cassandra, and tells it to do."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from executor.failure import NotAnswering, Refused
from executor.jolokia import Answer, Jolokia, execute, read
from protocol.report import NodeStatus
from protocol.schema import Keyspace, Schema

STORAGE = "org.apache.cassandra.db:type=StorageService"
SNITCH = "org.apache.cassandra.db:type=EndpointSnitchInfo"
GOSSIPER = "org.apache.cassandra.net:type=Gossiper"
LOAD = "org.apache.cassandra.metrics:type=Storage,name=Load"
RUNTIME = "java.lang:type=Runtime"
STREAMS = "org.apache.cassandra.net:type=StreamManager"

REACHING = ("UnreachableNodes", "EndpointToHostId")
"""What ``unreachable`` needs of StorageService."""

STATUS = (
    read(
        STORAGE,
        "OperationMode",
        "Joined",
        "NativeTransportRunning",
        "Initialized",
        "GossipRunning",
        "LocalHostId",
        "ReleaseVersion",
        "LiveNodes",
        *REACHING,
    ),
    # By itself, for a node that is no member yet has none, and fails to tell all that is asked along with it.
    read(STORAGE, "Tokens"),
    read(SNITCH, "Datacenter", "Rack"),
    read(LOAD, "Count"),
    read(RUNTIME, "Uptime"),
)

READ_SECONDS = 2.0
DECOMMISSION_SECONDS = 30 * 86400.0
"""How long a decommission is listened to. It goes on by itself when nobody listens any more."""

MISSING = 404
"""Jolokia's status for a bean that is not there."""

STARTING = "STARTING"


def unreachable(storage: Mapping[str, Any]) -> list[str]:
    """The addresses of members that the node cannot reach.

    Gossip tells for days of those that have left, as of others that are down; they are in the ring no more.
    """
    members = storage.get("EndpointToHostId") or {}
    return sorted(address for address in storage.get("UnreachableNodes") or () if address in members)


class Management:
    """A connection to the node at ``address``, whose disk is that of ``volume``. Not for several threads."""

    def __init__(self, jolokia: Jolokia, address: str, volume: Path) -> None:
        self._jolokia = jolokia
        self._address = address
        self._volume = volume

    def close(self) -> None:
        """Let the connection go."""
        self._jolokia.close()

    def status(self, timeout_seconds: float = READ_SECONDS) -> NodeStatus:
        """What the node says of itself now. Raises NotAnswering."""
        storage, tokens, snitch, load, runtime = self._jolokia.ask(STATUS, timeout_seconds)
        if storage.get("status") == MISSING:
            # Java runs, and Cassandra has not come to registering its beans.
            facts: Mapping[str, Any] = {"OperationMode": STARTING}
        else:
            facts = {**_value(storage, "its state"), "Tokens": tokens.get("value")}
        return self._status(facts, snitch.get("value") or {}, load.get("value"), runtime.get("value"))

    def _status(
        self, storage: Mapping[str, Any], snitch: Mapping[str, Any], load: Any, uptime_ms: Any
    ) -> NodeStatus:
        disk = os.statvfs(self._volume)
        return NodeStatus(
            mode=str(storage.get("OperationMode") or "UNKNOWN").upper(),
            joined=bool(storage.get("Joined")),
            native_transport_running=bool(storage.get("NativeTransportRunning")),
            gossip_initialized=bool(storage.get("Initialized")),
            gossip_running=bool(storage.get("GossipRunning")),
            host_id=str(storage.get("LocalHostId") or ""),
            endpoint=self._address,
            token_count=len(storage.get("Tokens") or ()),
            data_center=str(snitch.get("Datacenter") or ""),
            rack=str(snitch.get("Rack") or ""),
            version=str(storage.get("ReleaseVersion") or ""),
            live=tuple(sorted(storage.get("LiveNodes") or ())),
            unreachable=tuple(unreachable(storage)),
            load_bytes=int(load or 0),
            disk_total_bytes=disk.f_blocks * disk.f_frsize,
            disk_free_bytes=disk.f_bavail * disk.f_frsize,
            uptime_seconds=int(uptime_ms or 0) // 1000,
            as_of=time.time(),
        )

    def schema(self, timeout_seconds: float = READ_SECONDS) -> Schema:
        """The keyspaces and their tables. Raises NotAnswering."""
        (found,) = self._jolokia.ask((read(STORAGE, "Keyspaces"),), timeout_seconds)
        names = sorted(_value(found, "its keyspaces"))
        tables = [execute(STORAGE, "getTablesForKeyspace", name) for name in names]
        replication = [execute(STORAGE, "getKeyspaceReplicationInfo", name) for name in names]
        answers = self._jolokia.ask((*tables, *replication), timeout_seconds)
        values = [_value(answer, "its schema") for answer in answers]
        pairs = zip(names, values[: len(names)], values[len(names) :], strict=True)
        return Schema({name: Keyspace(tuple(sorted(held)), _replication(text)) for name, held, text in pairs})

    def reload_seeds(self) -> None:
        """Have the node read its seeds again from cassandra.yaml. Raises NotAnswering."""
        if self._execute(GOSSIPER, "reloadSeeds", READ_SECONDS) is None:
            # It keeps its old list then, and says why in its log.
            raise NotAnswering("Cassandra could not read its seeds again")

    def drain(self, timeout_seconds: float) -> None:
        """Flush everything and take no more requests. Raises NotAnswering."""
        self._execute(STORAGE, "drain", timeout_seconds)

    def decommission(self) -> None:
        """Have the node leave the ring; returns when it has. Raises Refused, or NotAnswering if unsure."""
        (answer,) = self._jolokia.ask((execute(STORAGE, "decommission", False),), DECOMMISSION_SECONDS)
        if "value" not in answer:
            # Java's name of the exception comes first, and says nothing that its text does not.
            raise Refused(str(answer.get("error", "no reason given")).rpartition("Exception : ")[2])

    def sent(self) -> tuple[int, int]:
        """Bytes sent, and to be sent in all, of the streams that there are now. Raises NotAnswering."""
        (answer,) = self._jolokia.ask((read(STREAMS, "CurrentStreams"),), READ_SECONDS)
        streams = _value(answer, "its streams") or []
        done, wanted = (
            sum(int(stream.get(name) or 0) for stream in streams)
            for name in ("currentTxBytes", "totalTxBytes")
        )
        return done, wanted

    def _execute(self, bean: str, operation: str, timeout_seconds: float) -> Any:
        (answer,) = self._jolokia.ask((execute(bean, operation),), timeout_seconds)
        return _value(answer, operation)


def _replication(text: str) -> dict[str, str]:
    """What Cassandra tells as in ``NetworkTopologyStrategy {dc1=3, dc2=2}``; the braces may be missing."""
    strategy, _, options = text.partition(" ")
    pairs = (option.partition("=") for option in options.strip("{} ").split(",") if "=" in option)
    return {"class": strategy, **{name.strip(): value.strip() for name, _, value in pairs}}


def _value(answer: Answer, of: str) -> Any:
    if "value" not in answer:
        raise NotAnswering(f"Cassandra does not tell {of}: {answer.get('error', 'no reason given')}")
    return answer["value"]
