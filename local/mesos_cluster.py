"""A Mesos by itself, without anything that runs on it: a master, agents, and the flags they were given."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import addresses
from local.addresses import AGENT_PORT, MASTER_PORT
from local.failure import Missing
from local.parts import Part, mesos_agent, mesos_master
from local.process import belonging_to, end_all
from local.running import Pause, Running

Json = dict[str, Any]

MASTER_HOST = 254
"""The master's address is the subnet's with this last number; the agents' begin at 1."""

FIRST_SUBNET, SUBNETS = 1, 255 * 256
"""From 127.1.0 on: those below belong to whole clusters."""

KILL_SECONDS = 5.0


@dataclass(frozen=True)
class MesosLayout:
    """``agent_flags`` are those of each agent, the resources among them."""

    subnet: str
    master_flags: Mapping[str, str]
    agent_flags: tuple[Mapping[str, str], ...]

    @property
    def master_host(self) -> str:
        """The master's address."""
        return f"{self.subnet}.{MASTER_HOST}"

    @property
    def master(self) -> str:
        """The master's host:port."""
        return f"{self.master_host}:{MASTER_PORT}"

    @property
    def hosts(self) -> dict[str, str]:
        """The agents' addresses, by name."""
        return {agent_name(index): f"{self.subnet}.{index}" for index in range(1, len(self.agent_flags) + 1)}

    def to_json(self) -> Json:
        """As it is stored."""
        return dataclasses.asdict(self)


def from_json(stored: Json) -> MesosLayout:
    """What ``to_json`` gave."""
    return MesosLayout(stored["subnet"], stored["master_flags"], tuple(stored["agent_flags"]))


def agent_name(index: int) -> str:
    """The name of an agent, counted from 1."""
    return f"agent-{index}"


class MesosCluster(Running[MesosLayout]):
    """``mesos.json`` in the data directory holds the layout, and each started part's process."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, "mesos.json", from_json, "fresh makes one")

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name, in the order in which they are started."""
        layout = self.layout
        master = mesos_master(layout.master_host, MASTER_PORT, self.work_dir("master"), layout.master_flags)
        agents = [
            mesos_agent(name, layout.master, host, self.work_dir(name), flags)
            for (name, host), flags in zip(layout.hosts.items(), layout.agent_flags, strict=True)
        ]
        return {part.name: part for part in (master, *agents)}

    def work_dir(self, name: str) -> Path:
        """Where a part keeps what it must know after a restart."""
        return self.data / name

    def agent(self, index: int) -> str:
        """The name of an agent that there is. Raises Missing."""
        name = agent_name(index)
        if name not in self.layout.hosts:
            raise Missing(f"there is no agent {index}: the cluster has {len(self.layout.hosts)}")
        return name

    def fresh(
        self, master_flags: Mapping[str, str], agent_flags: tuple[Mapping[str, str], ...], pause: Pause
    ) -> None:
        """End and forget what was there, and start anew. Raises Failure."""
        self.wipe()
        with addresses.choosing(pause):
            subnet = _free_subnet(self.data, len(agent_flags))
            self.layout = MesosLayout(subnet, master_flags, agent_flags)
            self.start(self.names, pause)
        self.await_agents(pause)

    def await_agents(self, pause: Pause) -> None:
        """Wait until the master counts on every agent that is up. Raises Failure."""
        self.await_registered(self.layout.hosts, pause)

    def crash(self, name: str) -> None:
        """End a part by SIGKILL; executors run on."""
        self.end([name], signal.SIGKILL)

    def forget(self, name: str) -> None:
        """Take its id from an agent that is not up; its reservations and volumes stay. Raises Missing."""
        if name in self.running:
            raise Missing(f"{name} is up: stop it first")
        (self.work_dir(name) / "meta" / "slaves" / "latest").unlink(missing_ok=True)

    def wipe(self) -> None:
        """End everything at once, executors too, and remove all state."""
        while left := belonging_to(self.data):
            end_all(left, signal.SIGKILL, KILL_SECONDS)
        if self.remembered is not None:
            for folder in {*map(self.work_dir, self.names), self.logs}:
                if folder.exists():
                    shutil.rmtree(folder)
        self.clear()

    def remove(self) -> None:
        """End everything at once and leave nothing behind, but what others have put in the data directory."""
        self.wipe()
        self.lock.unlink(missing_ok=True)
        if not any(self.data.iterdir()):
            self.data.rmdir()

    def describe(self) -> Json:
        """Where the parts are."""
        agents = [
            {"index": index, "ip": host, "port": AGENT_PORT, "work_dir": str(self.work_dir(name))}
            for index, (name, host) in enumerate(self.layout.hosts.items(), 1)
        ]
        master = {
            "ip": self.layout.master_host,
            "port": MASTER_PORT,
            "work_dir": str(self.work_dir("master")),
        }
        return {"master": master, "agents": agents}


def _free_subnet(data: Path, agents: int) -> str:
    """Each data directory begins elsewhere, so that another's stopped parts find their addresses free."""
    first = zlib.crc32(str(data).encode())
    numbers = ((first + step) % SUBNETS for step in range(SUBNETS))
    subnets = (f"127.{FIRST_SUBNET + number // 256}.{number % 256}" for number in numbers)
    return addresses.free_subnet((*range(1, agents + 1), MASTER_HOST), (AGENT_PORT, MASTER_PORT), subnets)
