"""A plan as its readers see it: phases of steps, each with a status and what it waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """The status of a step, phase or plan."""

    ERROR = "ERROR"
    WAITING = "WAITING"
    PENDING = "PENDING"
    STARTING = "STARTING"
    IN_PROGRESS = "IN_PROGRESS"
    DELAYED = "DELAYED"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True)
class Step:
    """One step. Times are in seconds since the epoch; ``waiting_for`` and ``deadline`` where it waits."""

    id: str
    name: str
    status: Status
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    attempts: int = 0
    waiting_for: str | None = None
    deadline: float | None = None


@dataclass(frozen=True)
class Phase:
    """Steps that run one after the other."""

    id: str
    name: str
    steps: tuple[Step, ...]
    strategy: str = "serial"

    @property
    def status(self) -> Status:
        """The steps' statuses in one."""
        return combine(step.status for step in self.steps)


@dataclass(frozen=True)
class Plan:
    """Phases that run one after the other; ``errors`` are why the wanted configuration is not in force."""

    name: str
    phases: tuple[Phase, ...]
    interrupted: bool = False
    errors: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The phases' statuses in one; errors win."""
        return Status.ERROR if self.errors else combine(phase.status for phase in self.phases)


def combine(statuses: Iterable[Status]) -> Status:
    """The status of a whole from its parts'.

    The first of these that any part has, else COMPLETE: what went wrong, what goes on, what it waits
    for. Parts of which some are complete and the rest pending are a whole in progress.
    """
    found = set(statuses)
    order = (Status.ERROR, Status.DELAYED, Status.STARTING, Status.IN_PROGRESS, Status.WAITING)
    for status in order:
        if status in found:
            return status
    if found == {Status.PENDING}:
        return Status.PENDING
    return Status.IN_PROGRESS if Status.PENDING in found else Status.COMPLETE
