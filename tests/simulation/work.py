"""Maintenance beside the server task: it takes its time, fails now and then, and ends when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.maintenance import MaintenanceTask, Progress
from protocol.report import Report
from scheduler.model.intent import Launch

if TYPE_CHECKING:
    from tests.simulation.executor import Running

PIECES = 2


class Work:
    """One maintenance task in an executor."""

    def __init__(self, running: Running, launch: Launch, task: MaintenanceTask) -> None:
        self.running = running
        self.task_id = launch.task_id
        self.task = task
        self.ended = False
        self._done = 0

    def start(self) -> None:
        """Begin."""
        self._say("TASK_RUNNING")
        self._later()

    def _later(self) -> None:
        self.running.after(5 + 60 * self.running.agent.rng.random(), self._piece)

    def _piece(self) -> None:
        cassandra = self.running.cassandra
        if self.ended:
            return
        if cassandra is None or cassandra.mode != "NORMAL" or cassandra.hangs or self._fails():
            self.end("TASK_FAILED")
            return
        self._done += 1
        if self._done >= PIECES:
            self.end("TASK_FINISHED")
        else:
            self._say("TASK_RUNNING")
            self._later()

    def _fails(self) -> bool:
        agent = self.running.agent
        return agent.flaps_until > agent.clock.now

    def kill(self, grace_seconds: float) -> None:
        """End after the present piece, or at once where there is no time for it."""
        self.running.after(min(grace_seconds, 30.0), self.end, "TASK_KILLED")

    def end(self, state: str, reason: str | None = None) -> None:
        """End, for the first time."""
        if not self.ended:
            self.ended = True
            self._say(state, reason)
            self.running.works.pop(self.task_id, None)

    def _say(self, state: str, reason: str | None = None) -> None:
        progress = Progress(self._done, PIECES, self._done / PIECES, "working", self.running.agent.clock.now)
        self.running.say(self.task_id, state, self.task.kind, Report(progress=progress), reason)
