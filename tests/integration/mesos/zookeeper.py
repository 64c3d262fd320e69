"""A real ZooKeeper for one test."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from local import prerequisites


class ZooKeeper:
    """One ZooKeeper server process on a port of its own."""

    def __init__(self, home: Path, jars: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._home, self._jars = home, jars
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self._home / "zoo.cfg"
        lines = [
            "tickTime=200",
            f"dataDir={self._home}",
            f"clientPort={self.port}",
            "clientPortAddress=127.0.0.1",
            "admin.enableServer=false",
        ]
        config.write_text("\n".join(lines) + "\n")
        java = str(prerequisites.java_home() / "bin" / "java")
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        with (self._home / "log").open("ab") as log:
            command = [java, "-Xmx64m", "-cp", f"{self._jars}/*", main, str(config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
