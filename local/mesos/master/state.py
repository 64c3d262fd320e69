"""Everything that one master knows, at one place."""

from __future__ import annotations

import itertools
import socket
import struct
import time
import uuid
from collections import Counter, deque

from local.mesos.build import VERSION
from local.mesos.flags import Flags
from local.mesos.master.model import Agent, Framework, Json, Offer
from local.mesos.master.registry import Registry

CAPABILITIES = ("AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2")


class State:
    """Frameworks, agents and offers, and who this master is. Who changes it keeps it consistent."""

    def __init__(self, flags: Flags, registry: Registry) -> None:
        self.flags = flags
        self.registry = registry
        self.id = str(uuid.uuid4())
        self.start_time = time.time()
        self.elected_time = self.start_time
        self.frameworks: dict[str, Framework] = {}
        self.completed: deque[Framework] = deque(maxlen=flags.number("max_completed_frameworks"))
        self.agents: dict[str, Agent] = {}
        self.recovered: dict[str, Json] = {}
        """AgentInfo of agents that a master before this one knew, and that are not back yet."""
        self.offers: dict[str, Offer] = {}
        self.counts: Counter[str] = Counter()
        """Things that have happened, by metric name."""
        self._framework_numbers = itertools.count()
        self._agent_numbers = itertools.count()
        self._offer_numbers = itertools.count()

    @property
    def info(self) -> Json:
        """MasterInfo, as schedulers and ZooKeeper are told."""
        ip, port = self.flags.text("ip"), self.flags.number("port")
        hostname = self.flags.text("hostname")
        return {
            "id": self.id,
            "ip": struct.unpack("<I", socket.inet_aton(ip))[0],
            "port": port,
            "pid": f"master@{ip}:{port}",
            "hostname": hostname,
            "version": VERSION,
            "address": {"hostname": hostname, "ip": ip, "port": port},
            "capabilities": [{"type": name} for name in CAPABILITIES],
        }

    def next_framework_id(self) -> str:
        """A new id, numbered in order of registration."""
        return f"{self.id}-{next(self._framework_numbers):04d}"

    def next_agent_id(self) -> str:
        """A new id, numbered in order of registration."""
        return f"{self.id}-S{next(self._agent_numbers)}"

    def next_offer_id(self) -> str:
        """A new id."""
        return f"{self.id}-O{next(self._offer_numbers)}"

    def add_framework(self, info: Json, *, recovered: bool = False) -> Framework:
        """Know a framework from now on."""
        framework = Framework(info, recovered=recovered)
        framework.completed_tasks = deque(maxlen=self.flags.number("max_completed_tasks_per_framework"))
        self.frameworks[framework.id] = framework
        return framework

    def is_completed(self, framework_id: str) -> bool:
        """Whether a framework was removed by this master."""
        return any(framework.id == framework_id for framework in self.completed)
