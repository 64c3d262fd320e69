"""Asking Cassandra: Jolokia, an HTTP window on its JMX beans, a few milliseconds a question."""

from __future__ import annotations

import http.client
import json
import os
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

from executor.configure import Credentials
from protocol.report import NodeStatus

STORAGE = "org.apache.cassandra.db:type=StorageService"
SNITCH = "org.apache.cassandra.db:type=EndpointSnitchInfo"
GOSSIPER = "org.apache.cassandra.net:type=Gossiper"
LOAD = "org.apache.cassandra.metrics:type=Storage,name=Load"
RUNTIME = "java.lang:type=Runtime"

READ_SECONDS = 2.0

STORAGE_ATTRIBUTES = (
    "OperationMode",
    "Joined",
    "NativeTransportRunning",
    "Initialized",
    "GossipRunning",
    "LocalHostId",
    "ReleaseVersion",
    "Tokens",
    "LiveNodes",
    "UnreachableNodes",
)


class NotAnswering(Exception):
    """Cassandra cannot be asked: not up yet, hanging, or refusing."""


class Management:
    """Questions to the node at ``address``, and the orders that need no nodetool. Not thread-safe."""

    def __init__(self, address: str, bound: str, port: int, credentials: Credentials, volume: Path) -> None:
        self._address = address
        self._where = (bound, port)
        login = b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        self._volume = volume
        self._connection: http.client.HTTPConnection | None = None

    def status(self, timeout_seconds: float = READ_SECONDS) -> NodeStatus:
        """What the node says of itself now, in one request. Raises NotAnswering."""
        storage, snitch, load, runtime = self._post(
            [
                {"type": "read", "mbean": STORAGE, "attribute": list(STORAGE_ATTRIBUTES)},
                {"type": "read", "mbean": SNITCH, "attribute": ["Datacenter", "Rack"]},
                {"type": "read", "mbean": LOAD, "attribute": "Count"},
                {"type": "read", "mbean": RUNTIME, "attribute": "Uptime"},
            ],
            timeout_seconds,
        )
        if "value" not in storage:
            raise NotAnswering("Cassandra is starting")
        return self._status(storage["value"], snitch.get("value") or {}, load, runtime)

    def _status(self, storage: dict[str, Any], snitch: dict[str, Any], load: Any, runtime: Any) -> NodeStatus:
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
            unreachable=tuple(sorted(storage.get("UnreachableNodes") or ())),
            load_bytes=int(load.get("value") or 0),
            disk_total_bytes=disk.f_blocks * disk.f_frsize,
            disk_free_bytes=disk.f_bavail * disk.f_frsize,
            uptime_seconds=int(runtime.get("value") or 0) // 1000,
            as_of=time.time(),
        )

    def reload_seeds(self) -> list[str]:
        """Have the node read its seeds again; the list it then has, its own address left out."""
        return list(self._execute(GOSSIPER, "reloadSeeds", READ_SECONDS) or ())

    def drain(self, timeout_seconds: float) -> None:
        """Flush everything and take no more requests. Raises NotAnswering."""
        self._execute(STORAGE, "drain", timeout_seconds)

    def _execute(self, bean: str, operation: str, timeout_seconds: float) -> Any:
        (answer,) = self._post([{"type": "exec", "mbean": bean, "operation": operation}], timeout_seconds)
        if "value" not in answer and answer.get("status") != 200:
            raise NotAnswering(f"{operation} failed: {answer.get('error', 'no reason given')}")
        return answer.get("value")

    def _post(self, requests: list[dict[str, Any]], timeout_seconds: float) -> list[dict[str, Any]]:
        """One request for several questions. A kept connection that the node has closed is opened again."""
        fresh = self._connection is None
        try:
            return self._exchange(requests, timeout_seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if fresh or isinstance(error, TimeoutError):
                raise NotAnswering(f"Cassandra does not answer: {error or type(error).__name__}") from None
        try:
            return self._exchange(requests, timeout_seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise NotAnswering(f"Cassandra does not answer: {error or type(error).__name__}") from None

    def _exchange(self, requests: list[dict[str, Any]], timeout_seconds: float) -> list[dict[str, Any]]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._where, timeout=timeout_seconds)
        connection = self._connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout_seconds)
        connection.timeout = timeout_seconds
        connection.request("POST", "/jolokia/", json.dumps(requests), self._headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise ValueError(f"Jolokia answers {answer.status}")
        found = json.loads(data)
        if not isinstance(found, list) or len(found) != len(requests):
            raise ValueError("Jolokia's answer is not a list of answers")
        return found

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
