"""A cluster in a data directory: started, looked at and ended part by part."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local import jars
from local.addresses import AGENT_PORT, Addresses
from local.failure import Failure
from local.parts import Part, Plan, parts
from local.process import Process, start

PROJECT = Path(__file__).resolve().parent.parent
READY_SECONDS = 30.0
POLL_SECONDS = 0.1
NATIVE_PORT = 9042

Json = dict[str, Any]


class Cluster:
    """The cluster of one data directory; ``cluster.json`` there remembers its plan and its processes."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self._file = self.data / "cluster.json"
        stored = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.plan = _plan(stored["plan"]) if "plan" in stored else None
        self._processes = {name: Process(*entry) for name, entry in stored.get("processes", {}).items()}

    @property
    def logs(self) -> Path:
        """Where each part's log is."""
        return self.data / "logs"

    def prepare(self, wanted: Callable[[], Plan]) -> None:
        """Settle what the cluster consists of: as it was, or else as wanted."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if self.plan is None:
            self.plan = wanted()
            self._store()

    def change(self, **changes: Any) -> None:
        """Change the stored plan."""
        self.plan = dataclasses.replace(self.required_plan(), **changes)
        self._store()

    def required_plan(self) -> Plan:
        """The plan. Raises Failure where there never was a cluster."""
        if self.plan is None:
            raise Failure(f"there is no cluster in {self.data}: python -m local up makes one")
        return self.plan

    def parts(self) -> list[Part]:
        """All parts, in the order of their start. Raises Failure."""
        plan = self.required_plan()
        return parts(plan, self.data, jars.java(), jars.zookeeper(), jars.cassandra())

    def part(self, name: str) -> Part:
        """A part by its name. Raises Failure."""
        known = {part.name: part for part in self.parts()}
        if name not in known:
            raise Failure(f"there is no part {name}; the parts are {', '.join(known)}")
        return known[name]

    def process(self, name: str) -> Process | None:
        """A part's process, where it runs."""
        found = self._processes.get(name)
        return found if found is not None and found.alive else None

    @property
    def running(self) -> list[str]:
        """The names of the parts that run."""
        return [name for name in self._processes if self.process(name)]

    def start(self, part: Part) -> None:
        """Start a part, unless it runs, and wait until it answers. Raises Failure."""
        if self.process(part.name):
            return
        environment = {**_inherited(), "PYTHONPATH": str(PROJECT), **part.environment}
        log = self.logs / f"{part.name}.log"
        process = start(part.command, environment, log, self.data)
        self._processes[part.name] = process
        self._store()
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(part.address):
            if not process.alive or time.monotonic() > deadline:
                what = "did not answer in time" if process.alive else "ended at once"
                raise Failure(f"{part.name} {what}; the end of {log}:\n{tail(log)}")
            process.wait(POLL_SECONDS)

    def end(self, part: Part, kill: bool = False) -> None:
        """End a part: cleanly, or by SIGKILL."""
        process = self.process(part.name)
        if process is not None:
            process.end(signal.SIGKILL if kill else part.stop, part.stop_seconds)

    def down(self, said: Callable[[str], None]) -> None:
        """End everything: the scheduler first, so that it restarts nothing; agents drain their nodes."""
        if self.plan is None or not self.running:
            return
        parts_now = self.parts()
        agents = [part for part in parts_now if part.name.startswith("agent-")]
        others = [part for part in parts_now if part not in agents]
        scheduler = next(part for part in others if part.name == "scheduler")
        self._end_all([scheduler], said)
        self._end_all(agents, said)
        self._end_all([part for part in reversed(others) if part is not scheduler], said)

    def _end_all(self, group: list[Part], said: Callable[[str], None]) -> None:
        """End parts of a kind side by side."""
        live = [(part, process) for part in group if (process := self.process(part.name))]
        for part, process in live:
            process.signal(part.stop)
        for part, process in live:
            clean = process.wait(part.stop_seconds)
            if not clean:
                process.end(signal.SIGKILL, 0)
            said(f"{part.name} stopped" if clean else f"{part.name} did not stop in time and was killed")

    def get(self, path: str) -> tuple[int, Any]:
        """Ask the API; status 0 where it does not answer."""
        try:
            with urllib.request.urlopen(self.required_plan().api + path, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())
        except (OSError, ValueError):
            return 0, None

    def describe(self) -> Json:
        """Where everything is."""
        plan = self.required_plan()
        hosts = [plan.addresses.host(number) for number in range(1, plan.nodes + 1)]
        return {
            "api": plan.api,
            "mesos_master": plan.master,
            "agents": [
                {
                    "url": f"http://{host}:{AGENT_PORT}",
                    "pid": self._pid(f"agent-{number}"),
                    "work_dir": str(self.data / f"agent-{number}"),
                }
                for number, host in enumerate(hosts, 1)
            ],
            "zookeeper": plan.zookeeper,
            "s3": None,
            "cql": [f"{host}:{NATIVE_PORT}" for host in hosts],
            "pids": {name: self._pid(name) for name in self._processes},
            "logs": str(self.logs),
        }

    def _pid(self, name: str) -> int | None:
        process = self.process(name)
        return process.pid if process else None

    def _store(self) -> None:
        processes = {name: dataclasses.astuple(process) for name, process in self._processes.items()}
        body = {"plan": dataclasses.asdict(self.required_plan()), "processes": processes}
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(body, indent=2))
        temporary.replace(self._file)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _plan(stored: Json) -> Plan:
    settings = tuple((name, value) for name, value in stored["settings"])
    return Plan(stored["nodes"], Addresses(**stored["addresses"]), settings)


def _inherited() -> dict[str, str]:
    """Of this process's environment only what has nothing to do with the scheduler's settings."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "LOGNAME")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _answers(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
