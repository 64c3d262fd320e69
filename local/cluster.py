"""The cluster of one data directory: its parts started, looked at and ended."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from local import layout as layouts
from local.addresses import AGENT_PORT
from local.failure import Failure
from local.layout import Json, Layout
from local.locks import locked
from local.parts import Part, agent_names, parts, registered_agents
from local.process import DATA_VARIABLE, Process, belonging_to, end_all, start

PROJECT = Path(__file__).resolve().parent.parent
"""Where the packages are that the parts run."""

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""What parts get of this command's environment: nothing that the scheduler would take for a setting."""

READY_SECONDS = 60.0
POLL_SECONDS = 0.1
LEFT_BEHIND_SECONDS = 15.0

UP, STOPPED, DIED = "up", "stopped", "died"

Pause = Callable[[float], None]
Say = Callable[[str], None]


class Cluster:
    """``cluster.json`` in the data directory holds the layout, and each started part's process."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self._file = self.data / "cluster.json"
        self._layout: Layout | None = None
        self.processes: dict[str, Process] = {}
        self.read()

    def read(self) -> None:
        """Take in what other commands have changed meanwhile."""
        if not self._file.exists():
            self._layout, self.processes = None, {}
            return
        try:
            stored = json.loads(self._file.read_text())
            self._layout = layouts.from_json(stored["layout"])
            self.processes = {name: Process(**entry) for name, entry in stored["processes"].items()}
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(f"{self._file} is damaged ({error}): remove {self.data} to begin anew") from None

    @contextlib.contextmanager
    def changing(self, pause: Pause = time.sleep) -> Iterator[None]:
        """Only one command at a time starts and ends parts; others wait for it."""
        with locked(self.data / "lock", pause):
            self.read()
            yield

    @property
    def remembered(self) -> Layout | None:
        """The layout, where there has been a cluster."""
        return self._layout

    @property
    def layout(self) -> Layout:
        """The layout. Raises Failure where there has been no cluster."""
        if self._layout is None:
            raise Failure(f"there is no cluster in {self.data}: python -m local up makes one")
        return self._layout

    @layout.setter
    def layout(self, layout: Layout) -> None:
        self._layout = layout
        self._store()

    @property
    def logs(self) -> Path:
        """The folder of the parts' logs."""
        return self.data / "logs"

    @property
    def names(self) -> list[str]:
        """The names of all parts, in the order in which they are started."""
        return list(parts(self.layout, self.data))

    def state(self, name: str) -> str:
        """Whether a part is up, was stopped by a command, or died."""
        if name not in self.processes:
            return STOPPED
        return UP if self.processes[name].alive else DIED

    @property
    def running(self) -> list[str]:
        """The names of the parts that are up."""
        return [name for name in self.processes if self.state(name) == UP]

    def pid(self, name: str) -> int | None:
        """The process id of a part that is up."""
        return self.processes[name].pid if self.state(name) == UP else None

    def start(self, names: Collection[str], pause: Pause) -> None:
        """Start parts that are not up, side by side, and wait until they are ready. Raises Failure."""
        known = parts(self.layout, self.data)
        started = [known[name] for name in names if self.state(name) != UP]
        told = {part.name: self._launch(part) for part in started}
        deadline = time.monotonic() + READY_SECONDS
        for part in started:
            self._await_ready(part, told[part.name], deadline, pause)

    def await_agents(self, pause: Pause) -> None:
        """Wait until the master counts on every agent that is up. Raises Failure."""
        addresses, names = self.layout.addresses, agent_names(self.layout)
        wanted = {addresses.agent(number) for number, name in enumerate(names, 1) if self.state(name) == UP}
        deadline = time.monotonic() + READY_SECONDS
        while not wanted <= (known := registered_agents(self.layout)):
            if time.monotonic() > deadline:
                missing = ", ".join(sorted(wanted - known))
                raise Failure(f"the Mesos master does not know agents {missing}; the logs are in {self.logs}")
            pause(POLL_SECONDS)

    def end(self, names: Collection[str], number: int | None = None) -> list[str]:
        """End parts side by side, by their own signal or another; the names of those that were killed."""
        known = parts(self.layout, self.data)
        ending = [known[name] for name in names if self.state(name) == UP]
        killed: list[str] = []
        for stop in {part.stop for part in ending}:
            group = {self.processes[part.name]: part for part in ending if part.stop == stop}
            seconds = max(part.stop_seconds for part in group.values())
            killed += [group[process].name for process in end_all(group, number or stop, seconds)]
        for name in names:
            self.processes.pop(name, None)
        self._store()
        return killed

    def down(self, say: Say) -> None:
        """End everything. Nodes are drained by their agents, once no scheduler is left to restart them."""
        agents = agent_names(self.layout)
        for group in (["scheduler"], agents, ["master"], ["zookeeper"]):
            self._end_and_tell([name for name in group if name in self.processes], say)
        self.sweep(say)

    def sweep(self, say: Say) -> None:
        """End what runs although no part answers for it: executors, mostly, whose agent was killed."""
        left = belonging_to(self.data)
        end_all(left, signal.SIGTERM, LEFT_BEHIND_SECONDS)
        if left:
            say(f"ended what was left behind: pid {', '.join(str(process.pid) for process in left)}")

    def _end_and_tell(self, names: list[str], say: Say) -> None:
        if not names:
            return
        begun = time.monotonic()
        killed = self.end(names)
        say(f"{', '.join(names)}: stopped ({time.monotonic() - begun:.1f} s)")
        for name in killed:
            say(f"{name} did not end by itself and was killed")

    def _launch(self, part: Part) -> int:
        """Start a part's process and write it down; how long its log was before."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for path, text in part.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        own = {DATA_VARIABLE: str(self.data), "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
        log = self.log(part.name)
        told = log.stat().st_size if log.exists() else 0
        self.processes[part.name] = start(
            part.command, {**inherited, **own, **part.environment}, log, self.data
        )
        self._store()
        return told

    def _await_ready(self, part: Part, told: int, deadline: float, pause: Pause) -> None:
        while not part.ready():
            dead = self.state(part.name) == DIED
            if dead or time.monotonic() > deadline:
                what = "ended as soon as it was started" if dead else f"is not ready in {READY_SECONDS:g} s"
                tail = self.tail(part.name, told)
                raise Failure(f"{part.name} {what}; its log, {self.log(part.name)}, says:\n{tail}")
            pause(POLL_SECONDS)

    def log(self, name: str) -> Path:
        """A part's log."""
        return self.logs / f"{name}.log"

    def tail(self, name: str, since: int = 0, lines: int = 15) -> str:
        """The last lines of a part's log, as far as they are beyond the first ``since`` bytes."""
        log = self.log(name)
        if not log.exists():
            return ""
        text = log.read_bytes()[since:].decode(errors="replace")
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])

    def _store(self) -> None:
        processes = {name: dataclasses.asdict(process) for name, process in self.processes.items()}
        body = {"layout": self.layout.to_json(), "processes": processes}
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(body, indent=2) + "\n")
        new.replace(self._file)


def describe(cluster: Cluster, cql: list[str]) -> Json:
    """Where everything is; ``cql`` are the contact points that take CQL now."""
    layout = cluster.layout
    agents = [
        {
            "url": f"http://{layout.addresses.agent(number)}:{AGENT_PORT}",
            "pid": cluster.pid(name),
            "work_dir": str(cluster.data / name),
        }
        for number, name in enumerate(agent_names(layout), 1)
    ]
    return {
        "api": layout.api,
        "mesos_master": f"http://{layout.master}",
        "agents": agents,
        "zookeeper": layout.zookeeper,
        "s3": None,
        "cql": cql,
        "pids": {name: cluster.pid(name) for name in cluster.names},
        "logs": str(cluster.logs),
    }
