"""What a master must know after a restart: which agents there are, which are unreachable, which are gone.

Everything else (frameworks, tasks, reservations) comes back with the agents and schedulers themselves.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Protocol

from local.mesos.master.timings import Timings

Json = dict[str, Any]


class Store(Protocol):
    """Where the registry is kept."""

    def load(self) -> bytes | None:
        """What was stored last."""

    def store(self, data: bytes) -> None:
        """Keep this, durably, before returning."""


class FileStore:
    """A file in the work directory, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> bytes | None:
        """What was stored last."""
        return self._path.read_bytes() if self._path.exists() else None

    def store(self, data: bytes) -> None:
        """Write and sync a new file, then put it in place of the old one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


class Registry:
    """The agents, by id: each is admitted, unreachable or gone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.admitted: dict[str, Json] = {}
        """AgentInfo."""
        self.unreachable: dict[str, float] = {}
        """Seconds since the epoch at which it was given up."""
        self.gone: dict[str, float] = {}
        """Seconds since the epoch at which an operator said so."""
        self._master: Json = {}
        self.size = 0
        """Of what was stored or read last, in bytes."""
        self.load_times = Timings()
        self.store_times = Timings()

    def use(self, store: Store) -> None:
        """Keep the registry elsewhere; before it is loaded."""
        self._store = store

    def recover(self, master: Json) -> None:
        """Read what the master before this one knew, and store who leads now (MasterInfo)."""
        self._master = master
        self._load()
        self._save()

    def _load(self) -> None:
        with self.load_times.measure():
            data = self._store.load()
        if data:
            self.size = len(data)
            content = json.loads(data)
            self.admitted = content["admitted"]
            self.unreachable = content["unreachable"]
            self.gone = content["gone"]

    def admit(self, agent_id: str, info: Json) -> None:
        """The agent is registered."""
        self.unreachable.pop(agent_id, None)
        self.admitted[agent_id] = info
        self._save()

    def mark_unreachable(self, agent_id: str, when: float) -> None:
        """The agent does not answer; it may come back."""
        self.admitted.pop(agent_id, None)
        self.unreachable[agent_id] = when
        self._save()

    def mark_gone(self, agent_id: str, when: float) -> None:
        """The agent will never come back."""
        self.admitted.pop(agent_id, None)
        self.unreachable.pop(agent_id, None)
        self.gone[agent_id] = when
        self._save()

    def remove(self, agent_id: str) -> None:
        """The agent has unregistered."""
        self.admitted.pop(agent_id, None)
        self.unreachable.pop(agent_id, None)
        self._save()

    def _save(self) -> None:
        content = {
            "master": self._master,
            "admitted": self.admitted,
            "unreachable": self.unreachable,
            "gone": self.gone,
        }
        data = json.dumps(content).encode()
        self.size = len(data)
        with self.store_times.measure():
            self._store.store(data)
