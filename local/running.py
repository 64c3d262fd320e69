"""The running parts of one data directory: started, looked at, ended; written down for later commands."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from local.failure import Failure
from local.locks import locked
from local.parts import Part, is_registered
from local.process import DATA_VARIABLE, Process, belonging_to, end_all, start

PROJECT = Path(__file__).resolve().parent.parent
"""Where the packages are that the parts run."""

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""What parts get of this command's environment: nothing that the scheduler would take for a setting."""

READY_SECONDS = 60.0
POLL_SECONDS = 0.1
LEFT_BEHIND_SECONDS = 15.0

UP, STOPPED, DIED = "up", "stopped", "died"

Json = dict[str, Any]
Pause = Callable[[float], None]
Say = Callable[[str], None]


class Layout(Protocol):
    """What a cluster consists of; it is stored as JSON."""

    def to_json(self) -> Json:
        """As it is stored."""


L = TypeVar("L", bound=Layout)


class Running(abc.ABC, Generic[L]):
    """The parts of one kind of cluster. A file in the data directory holds the layout and the processes."""

    def __init__(self, data: Path, file: str, from_json: Callable[[Json], L], first: str) -> None:
        """``from_json`` reads a layout back; ``first`` says what to do where there has been no cluster."""
        self.data = data.resolve()
        self.processes: dict[str, Process] = {}
        self._file = self.data / file
        self._from_json = from_json
        self._first = first
        self._layout: L | None = None
        self.read()

    @property
    @abc.abstractmethod
    def parts(self) -> dict[str, Part]:
        """All parts by name, in the order in which they are started."""

    def read(self) -> None:
        """Take in what other commands have changed meanwhile."""
        if not self._file.exists():
            self._layout, self.processes = None, {}
            return
        try:
            stored = json.loads(self._file.read_text())
            self._layout = self._from_json(stored["layout"])
            self.processes = {name: Process(**entry) for name, entry in stored["processes"].items()}
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(f"{self._file} is damaged ({error}): remove {self.data} to begin anew") from None

    def _store(self) -> None:
        processes = {name: dataclasses.asdict(process) for name, process in self.processes.items()}
        body = {"layout": self.layout.to_json(), "processes": processes}
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(body, indent=2) + "\n")
        new.replace(self._file)

    @contextlib.contextmanager
    def changing(self, pause: Pause = time.sleep) -> Iterator[None]:
        """Only one command at a time starts and ends parts; others wait for it."""
        with locked(self.lock, pause):
            self.read()
            yield

    @property
    def lock(self) -> Path:
        """The file that a command holds which starts and ends parts."""
        return self.data / "lock"

    @property
    def remembered(self) -> L | None:
        """The layout, where there has been a cluster."""
        return self._layout

    @property
    def layout(self) -> L:
        """The layout. Raises Failure where there has been no cluster."""
        if self._layout is None:
            raise Failure(f"there is no cluster in {self.data}: {self._first}")
        return self._layout

    @layout.setter
    def layout(self, layout: L) -> None:
        self._layout = layout
        self._store()

    def clear(self) -> None:
        """Forget the cluster. What it has left in the data directory is not this class's to remove."""
        self._layout = None
        self._file.unlink(missing_ok=True)

    @property
    def logs(self) -> Path:
        """The folder of the parts' logs."""
        return self.data / "logs"

    @property
    def names(self) -> list[str]:
        """The names of all parts, in the order in which they are started."""
        return list(self.parts)

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
        told = self.launch(names)
        deadline = time.monotonic() + READY_SECONDS
        for name, length in told.items():
            self._await_ready(self.parts[name], length, deadline, pause)

    def launch(self, names: Collection[str]) -> dict[str, int]:
        """Start parts that are not up, without waiting; how long the log of each was before."""
        known = self.parts
        return {name: self._launch(known[name]) for name in names if self.state(name) != UP}

    def await_registered(self, hosts: Mapping[str, str], pause: Pause) -> None:
        """Wait until the master counts on every agent that is up. ``hosts`` are the agents' addresses."""
        missing = [host for name, host in hosts.items() if self.state(name) == UP]
        deadline = time.monotonic() + READY_SECONDS
        while missing := [host for host in missing if not is_registered(host)]:
            if time.monotonic() > deadline:
                raise Failure(
                    f"the Mesos master does not know agents {', '.join(missing)}; the logs are in {self.logs}"
                )
            pause(POLL_SECONDS)

    def end(self, names: Collection[str], number: int | None = None) -> list[str]:
        """End parts side by side, by their own signal or another; the names of those that were killed."""
        known = self.parts
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

    def sweep(self, say: Say) -> None:
        """End what runs although no part answers for it: executors, mostly, whose agent was killed."""
        left = belonging_to(self.data)
        end_all(left, signal.SIGTERM, LEFT_BEHIND_SECONDS)
        if left:
            say(f"ended what was left behind: pid {', '.join(str(process.pid) for process in left)}")

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
