"""Clusters as those that were recorded: one master and one agent, killed and started at will."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path
from typing import Protocol

from local.mesos_cluster import MesosCluster
from tests.conformance.mesos import Configuration, ControlledMesos
from tests.conformance.replay.streams import Address

AGENT = "agent-1"
RESOURCES = "cpus:8;mem:8192;disk:50000;ports:[7000-7999,9000-9099]"


def master_flags(ping_timeout: str) -> dict[str, str]:
    """Those that were recorded with. An agent is lost after three times ``ping_timeout``, which was 1secs."""
    return {
        "allocation_interval": "250ms",
        "agent_ping_timeout": ping_timeout,
        "max_agent_ping_timeouts": "3",
    }


AGENT_FLAGS = {"executor_shutdown_grace_period": "2secs"}

SHOWN_AGENT_FLAGS = {
    "attributes": "host:h1;rack:r1;zone:z1",
    "resources": RESOURCES,
    "registration_backoff_factor": "100ms",
    "hostname_lookup": "false",
    "launcher": "posix",
    "isolation": "posix/cpu,posix/mem,filesystem/posix,disk/du",
    "systemd_enable_support": "false",
}
"""Further ones, which ``/state`` shows."""


class Cluster(Protocol):
    """What a player needs. ``begun`` is the time at which it was made."""

    begun: float

    def start(self) -> None:
        """Start both, and wait until they work."""

    @property
    def places(self) -> dict[str, str]:
        """Directories of now, and how they are called in transcripts."""

    @property
    def master(self) -> Address:
        """Where the master listens."""

    @property
    def agent(self) -> Address:
        """Where the agent listens."""

    def restart_master(self) -> None:
        """Kill the master and start it; the agent shall not have noticed when this returns."""

    def let_agent_notice(self) -> None:
        """Now it may."""

    def kill_agent(self) -> None:
        """Kill the agent; executors run on."""

    def start_agent(self) -> None:
        """Start the agent. It works some time later."""

    def forget_agent(self) -> None:
        """Let the agent forget its id, but not what it has reserved."""

    def down(self) -> None:
        """End everything, and leave nothing behind."""


class OneMachine:
    """The one-machine Mesos, in a folder of its own."""

    def __init__(self, folder: Path, ping_timeout: str) -> None:
        self.begun = time.time()
        self._cluster = MesosCluster(folder)
        self._folder = self._cluster.data
        self._master_flags = master_flags(ping_timeout)

    def start(self) -> None:
        folders = {"runtime_dir": f"{self._folder}/runtime", "fetcher_cache_dir": f"{self._folder}/fetch"}
        agent_flags = {**AGENT_FLAGS, **SHOWN_AGENT_FLAGS, **folders}
        self._cluster.fresh(self._master_flags, (agent_flags,), time.sleep)

    @property
    def places(self) -> dict[str, str]:
        return {
            f"{self._folder}/{AGENT}": "/mesos/agent1/work",
            f"{self._folder}/master": "/mesos/master",
            str(self._folder): "/mesos/agent1",
            tempfile.gettempdir(): "/mesos/scratch",
        }

    @property
    def master(self) -> Address:
        place = self._cluster.describe()["master"]
        return place["ip"], place["port"]

    @property
    def agent(self) -> Address:
        place = self._cluster.describe()["agents"][0]
        return place["ip"], place["port"]

    def restart_master(self) -> None:
        self._cluster.processes[AGENT].signal(signal.SIGSTOP)
        self._cluster.crash("master")
        self._cluster.start(["master"], time.sleep)

    def let_agent_notice(self) -> None:
        self._cluster.processes[AGENT].signal(signal.SIGCONT)

    def kill_agent(self) -> None:
        self._cluster.crash(AGENT)

    def start_agent(self) -> None:
        self._cluster.launch([AGENT])

    def forget_agent(self) -> None:
        self._cluster.forget(AGENT)

    def down(self) -> None:
        self._cluster.remove()


class Controlled:
    """Any Mesos of this machine, behind a control command (docs/conformance.md)."""

    def __init__(self, command: list[str], ping_timeout: str) -> None:
        self.begun = time.time()
        self._mesos = ControlledMesos(command, [])
        self._master_flags = master_flags(ping_timeout)

    def start(self) -> None:
        self._mesos.ensure(Configuration(1, RESOURCES, self._master_flags, AGENT_FLAGS))

    @property
    def places(self) -> dict[str, str]:
        work_dir = self._mesos.work_dir(1)
        return {
            str(work_dir): "/mesos/agent1/work",
            str(work_dir.parent): "/mesos/agent1",
            tempfile.gettempdir(): "/mesos/scratch",
        }

    @property
    def master(self) -> Address:
        return _address(self._mesos.master)

    @property
    def agent(self) -> Address:
        return _address(self._mesos.agent(1))

    def restart_master(self) -> None:
        # A real agent notices by missing pings only, which takes it some seconds.
        self._mesos.stop_master()
        self._mesos.start_master()

    def let_agent_notice(self) -> None:
        pass

    def kill_agent(self) -> None:
        self._mesos.kill_agent(1)

    def start_agent(self) -> None:
        self._mesos.start_agent(1, wait=False)

    def forget_agent(self) -> None:
        self._mesos.forget_agent(1)

    def down(self) -> None:
        self._mesos.close()


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)
