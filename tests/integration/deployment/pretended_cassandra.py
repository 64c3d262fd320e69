"""Stands in for Java and Cassandra where tests are not about them: boots in a moment, and has their manners.

Run with Java's arguments, as the executor gives them. Serves Jolokia as far as the executor asks it, listens
on the ports of storage and CQL, sees the peers that listen too, joins through a seed that is up or not at
all, drains, leaves the ring and never starts again after that, and ends on SIGTERM with 143. Each start adds
its pid to the file ``starts`` in the volume.

-Dpretended.boot_seconds=N in CASSANDRA_JVM_EXTRA_OPTS has it boot for longer, -Dpretended.leave_seconds=N
leave for longer.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

STORAGE = "org.apache.cassandra.db:type=StorageService"
FACTS: dict[str, Any] = {
    "Tokens": ["1"],
    "Count": 1000,
    "Uptime": 1000,
    "Keyspaces": ["shop"],
    "CurrentStreams": [{"currentTxBytes": 300, "totalTxBytes": 1000}],
}
REFUSAL = "This node was decommissioned and will not rejoin the ring unless it is told to"
NEIGHBOURS = 9
"""So many addresses of its subnet are looked at for peers."""


def main() -> None:
    """Boot, and serve until a signal."""
    cassandra = Cassandra(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    server = ThreadingHTTPServer((cassandra.properties["host"], int(cassandra.properties["port"])), Jolokia)
    server.daemon_threads = True
    Jolokia.cassandra = cassandra
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cassandra.boot()
    threading.Event().wait()


class Cassandra:
    """The node: its mode, its peers."""

    def __init__(self, arguments: list[str]) -> None:
        options = dict(a[2:].partition("=")[::2] for a in arguments if a.startswith("-D"))
        (agent,) = (a for a in arguments if a.startswith("-javaagent:") and "=config=" in a)
        self.properties = _read_properties(Path(agent.partition("=config=")[2]))
        path = Path(url2pathname(urlsplit(options["cassandra.config"]).path))
        self.yaml = json.loads(path.read_text().partition("\n")[2])
        self.storage = Path(options["cassandra.storagedir"])
        self.boot_seconds = float(options.get("pretended.boot_seconds", 0.2))
        self.leave_seconds = float(options.get("pretended.leave_seconds", 0.2))
        self.address = self.yaml["listen_address"]
        self.mode = "STARTING"
        self.serves = False

    def boot(self) -> None:
        """From STARTING to NORMAL. A first boot needs a seed that is up, unless the only one is this node."""
        with (self.storage.parent / "starts").open("a") as starts:
            starts.write(f"{os.getpid()}\n")
        time.sleep(self.boot_seconds / 2)
        if self._has_left.exists():
            print("ConfigurationException: " + REFUSAL, flush=True)
            os._exit(3)
        identity = self.storage / "data" / "host_id"
        seeds = self.yaml["seed_provider"][0]["parameters"][0]["seeds"].split(",")
        if not identity.exists():
            if seeds != [self.address] and not any(self._is_up(seed) for seed in seeds):
                print("Error: Unable to gossip with any peers", flush=True)
                os._exit(3)
            self.mode = "JOINING"
        self._listen("storage_port")
        time.sleep(self.boot_seconds / 2)
        if not identity.exists():
            identity.write_text(str(uuid.uuid4()))
        self._listen("native_transport_port")
        self.host_id = identity.read_text()
        self.mode, self.serves = "NORMAL", True

    @property
    def _has_left(self) -> Path:
        return self.storage / "data" / "left"

    def leave(self) -> None:
        """Hand over what there is; returns when it is done."""
        self.mode = "LEAVING"
        time.sleep(self.leave_seconds)
        self._has_left.touch()
        self.mode, self.serves = "DECOMMISSIONED", False

    def drain(self) -> None:
        """Take no more requests."""
        self.mode, self.serves = "DRAINED", False

    @property
    def facts(self) -> dict[str, Any]:
        """The attributes of StorageService."""
        return {
            "OperationMode": self.mode,
            "Joined": self.mode == "NORMAL",
            "NativeTransportRunning": self.serves,
            "Initialized": self.mode == "NORMAL",
            "GossipRunning": self.mode != "STARTING",
            "LocalHostId": getattr(self, "host_id", ""),
            "ReleaseVersion": "5.0.9",
            "LiveNodes": self._live(),
            "UnreachableNodes": [],
            "EndpointToHostId": {},
        }

    def _live(self) -> list[str]:
        subnet = self.address.rpartition(".")[0]
        return [host for n in range(1, NEIGHBOURS + 1) if self._is_up(host := f"{subnet}.{n}")]

    def _is_up(self, host: str) -> bool:
        try:
            socket.create_connection((host, self.yaml["storage_port"]), timeout=1).close()
        except OSError:
            return False
        return True

    def _listen(self, port: str) -> None:
        listener = socket.create_server((self.address, self.yaml[port]))
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()


def _accept(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


class Jolokia(BaseHTTPRequestHandler):
    """The questions of ``executor.management``."""

    protocol_version = "HTTP/1.1"
    cassandra: Cassandra

    def do_POST(self) -> None:
        """Answer a list of requests."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        allowed = self.headers["Authorization"] == f"Basic {self._login()}"
        content = json.dumps([self._answer(request) for request in body]).encode() if allowed else b""
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _login(self) -> str:
        known = self.cassandra.properties
        return base64.b64encode(f"{known['user']}:{known['password']}".encode()).decode()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["type"] == "exec":
            return {"status": 200, "value": self._execute(request["operation"])}
        bean, wanted = request["mbean"], request["attribute"]
        if bean == STORAGE and wanted == "Tokens" and self.cassandra.mode in ("STARTING", "JOINING"):
            return {"status": 500, "error": "java.lang.AssertionError: it is not a member"}
        if isinstance(wanted, list):
            return {"status": 200, "value": {**self.cassandra.facts, "Datacenter": "dc1", "Rack": "rac1"}}
        return {"status": 200, "value": FACTS[wanted]}

    def _execute(self, operation: str) -> Any:
        if operation == "drain":
            self.cassandra.drain()
            return None
        if operation == "decommission":
            self.cassandra.leave()
        if operation == "getKeyspaceReplicationInfo":
            return "SimpleStrategy {replication_factor=2}"
        return [] if operation in ("reloadSeeds", "getTablesForKeyspace") else None

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to standard error."""


def _read_properties(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


if __name__ == "__main__":
    main()
