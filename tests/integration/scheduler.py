"""Scheduler processes of a test's own, as many of a service as it likes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from local.cluster import Cluster
from local.parts import parts
from local.running import PROJECT
from tests.integration.scripted_server import eventually

Answer = tuple[int, Any, Mapping[str, str]]
"""Status, JSON and headers; 0 where nobody answers."""


@dataclass
class Api:
    """A scheduler as it is seen from outside."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null"), answer.headers
        except (OSError, HTTPException):
            return 0, None, {}
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def health(self) -> dict[str, Any]:
        """What it says of itself; nothing where it does not answer."""
        return self.get("/v1/health")[1] or {}

    def leads(self) -> bool:
        """Whether it leads and Mesos knows it."""
        health = self.health()
        return bool(health.get("leader") and health.get("registered"))

    def stands_by(self) -> bool:
        """Whether it knows who leads instead."""
        health = self.health()
        return health.get("leader") is False and health.get("leader_url") is not None


@dataclass
class Scheduler(Api):
    """A process that was started; its log is a file beside the others'."""

    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, code: int) -> None:
        """Wait for its end, and compare the exit code."""
        eventually(lambda: self.process.poll() is not None, "the scheduler's end")
        assert self.process.returncode == code, self.log.read_text()[-2000:]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def start(cluster: Cluster, **settings: str) -> Scheduler:
    """Start a scheduler with the settings of the cluster's own and these above."""
    port = _free_port()
    own = {**parts(cluster.layout, cluster.data)["scheduler"].environment, **settings}
    log = cluster.data / f"scheduler-{port}.log"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **own, "API_PORT": str(port)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "scheduler"],
            env=environment,
            cwd=cluster.data,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Scheduler(port, process, log)
    try:
        eventually(lambda: started.get("/v1/health")[0] or process.poll() is not None, "the API")
    except BaseException:
        started.kill()
        raise
    return started


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
