"""A cluster as those that were recorded: one master and one agent, of the one-machine Mesos."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path

from local.mesos_cluster import MesosCluster
from tests.conformance.replay.streams import Address

AGENT = "agent-1"


class Cluster:
    """``start`` first, ``down`` at the end. An agent is lost after three times ``ping_timeout``."""

    def __init__(self, folder: Path, ping_timeout: str) -> None:
        self._cluster = MesosCluster(folder)
        self._folder = self._cluster.data
        self._ping_timeout = ping_timeout
        self.begun = time.time()

    def start(self) -> None:
        """Start both, with the flags that were recorded with, and wait until they work."""
        master_flags = {
            "allocation_interval": "250ms",
            "agent_ping_timeout": self._ping_timeout,
            "max_agent_ping_timeouts": "3",
        }
        agent_flags = {
            "executor_shutdown_grace_period": "2secs",
            "attributes": "host:h1;rack:r1;zone:z1",
            "resources": "cpus:8;mem:8192;disk:50000;ports:[7000-7999,9000-9099]",
            "registration_backoff_factor": "100ms",
            "hostname_lookup": "false",
            "launcher": "posix",
            "isolation": "posix/cpu,posix/mem,filesystem/posix,disk/du",
            "systemd_enable_support": "false",
            "runtime_dir": f"{self._folder}/runtime",
            "fetcher_cache_dir": f"{self._folder}/fetch",
        }
        self._cluster.fresh(master_flags, (agent_flags,), time.sleep)

    @property
    def places(self) -> dict[str, str]:
        """Directories of now by those of the recording."""
        return {
            f"{self._folder}/{AGENT}": "/mesos/agent1/work",
            f"{self._folder}/master": "/mesos/master",
            str(self._folder): "/mesos/agent1",
            tempfile.gettempdir(): "/mesos/scratch",
        }

    @property
    def master(self) -> Address:
        """Where the master listens."""
        place = self._cluster.describe()["master"]
        return place["ip"], place["port"]

    @property
    def agent(self) -> Address:
        """Where the agent listens."""
        place = self._cluster.describe()["agents"][0]
        return place["ip"], place["port"]

    def stop_master(self) -> None:
        """Kill the master."""
        self._cluster.crash("master")

    def start_master(self) -> None:
        """Start the master, and wait until it answers."""
        self._cluster.start(["master"], time.sleep)

    def kill_agent(self) -> None:
        """Kill the agent; executors run on."""
        self._cluster.crash(AGENT)

    def start_agent(self) -> None:
        """Start the agent. It works some time later."""
        self._cluster.launch([AGENT])

    def forget_agent(self) -> None:
        """Let the agent forget its id, but not what it has reserved."""
        self._cluster.forget(AGENT)

    def hold_agent(self) -> None:
        """Halt the agent: a real one notices only after some seconds that its master is new."""
        self._cluster.processes[AGENT].signal(signal.SIGSTOP)

    def release_agent(self) -> None:
        """Let the agent go on."""
        self._cluster.processes[AGENT].signal(signal.SIGCONT)

    def down(self) -> None:
        """End everything, and leave nothing behind."""
        self._cluster.remove()
