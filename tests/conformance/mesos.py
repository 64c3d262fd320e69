"""The Mesos under test: one that a control command starts and breaks, or one that runs somewhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTROL_SECONDS = 120


@dataclass(frozen=True)
class Configuration:
    """What a cluster is started with; flags by Mesos' names. Agents have the attributes host, rack and zone.

    Resources are plenty, since a test's reservations stay until the cluster is started afresh.
    """

    agents: int = 2
    resources: str = "cpus:64;mem:65536;disk:200000;ports:[7000-7999]"
    master_flags: Mapping[str, str] = field(default_factory=dict)
    agent_flags: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """Those of ``fresh``."""
        arguments = ["--agents", str(self.agents), "--resources", self.resources]
        for option, flags in (("--master-flag", self.master_flags), ("--agent-flag", self.agent_flags)):
            for name, value in flags.items():
                arguments += [option, f"{name}={value}"]
        return arguments


class Mesos:
    """A Mesos that is there, under ``master`` (host:port), and is not to be harmed."""

    def __init__(self, master: str) -> None:
        self._master = master

    @property
    def master(self) -> str:
        return self._master


class ControlledMesos(Mesos):
    """A Mesos on this machine, behind a command with the verbs that docs/conformance.md describes."""

    def __init__(self, command: list[str], options: list[str]) -> None:
        """``options`` are given with every verb."""
        super().__init__("")
        self._command, self._options = command, options
        self._configuration: Configuration | None = None
        self._stopped: set[int] = set()
        self._master_stopped = False
        self._places: dict[str, Any] = {}

    @property
    def master(self) -> str:
        return _address(self._places["master"])

    def agent(self, index: int) -> str:
        """The host:port of an agent; they count from 1."""
        return _address(self._places["agents"][index - 1])

    def index(self, address: str) -> int:
        """Which agent has this host:port."""
        addresses = [_address(agent) for agent in self._places["agents"]]
        return addresses.index(address) + 1

    def work_dir(self, index: int) -> Path:
        return Path(self._places["agents"][index - 1]["work_dir"])

    def volume(self, index: int, role: str, persistence_id: str) -> Path:
        """Where a persistent volume of the root disk is."""
        return self.work_dir(index) / "volumes" / "roles" / role / persistence_id

    def sandbox(self, index: int, agent_id: str, framework_id: str, executor_id: str) -> Path:
        """Where an executor's newest run is."""
        framework = self.work_dir(index) / "slaves" / agent_id / "frameworks" / framework_id
        return framework / "executors" / executor_id / "runs" / "latest"

    def ensure(self, configuration: Configuration) -> None:
        """Have a cluster of this configuration run: as it is, repaired, or afresh."""
        if configuration != self._configuration:
            self._configuration = None
            self._run("fresh", *configuration.arguments())
            self._stopped, self._master_stopped = set(), False
            self._places = json.loads(self._run("info"))
            self._configuration = configuration
        if self._master_stopped:
            self.start_master()
        for index in sorted(self._stopped):
            self.start_agent(index)

    def stop_master(self) -> None:
        """Crash it."""
        self._master_stopped = True
        self._run("stop-master")

    def start_master(self) -> None:
        self._run("start-master")
        self._master_stopped = False

    def kill_agent(self, index: int) -> None:
        """Crash it; its executors run on."""
        self._stopped.add(index)
        self._run("kill-agent", str(index))

    def shut_down_agent(self, index: int) -> None:
        """Have it unregister, end its executors and end itself."""
        self._stopped.add(index)
        self._run("shutdown-agent", str(index))

    def forget_agent(self, index: int) -> None:
        """Take its id from an agent that does not run."""
        self._run("forget-agent", str(index))

    def start_agent(self, index: int, *, wait: bool = True) -> None:
        self._run("start-agent", str(index), *([] if wait else ["--no-wait"]))
        self._stopped.discard(index)

    def close(self) -> None:
        """End all of it."""
        self._configuration = None
        self._run("down")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments, *self._options],
            capture_output=True,
            text=True,
            check=False,
            timeout=CONTROL_SECONDS,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout


def _address(place: Mapping[str, Any]) -> str:
    return f"{place['ip']}:{place['port']}"
