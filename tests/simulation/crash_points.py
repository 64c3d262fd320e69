"""Scenarios without chance in them, run again with a crash at every single point at which one may come.

Points lie before and after each store write and each Mesos call of the leader.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from protocol.backup import BACKUP, NEW, RESTORE
from scheduler.model.event import RestartNode, StartTransfer
from scheduler.model.operation import Transfer
from tests.simulation.campaign import Campaign, run_all
from tests.simulation.objects import EARLIER
from tests.simulation.orders import with_cassandra
from tests.simulation.run import Result, Simulation
from tests.simulation.scheduler import KEYS
from tests.simulation.storm import Scenario
from tests.simulation.transfer_orders import PLACE, SEALED

NODES, AGENTS = 3, 4
DEPLOYED_AFTER_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Task:
    """A script, to be run with a crash at this point after its order (None: with none)."""

    script: str
    point: int | None = None


def _nothing(simulation: Simulation) -> None:
    """Deploy: everything begins by itself."""


def _restart(simulation: Simulation) -> None:
    simulation.command(RestartNode("node-1"))


def _replace(simulation: Simulation) -> None:
    simulation.replace("node-1", force=True)


def _roll_out(simulation: Simulation) -> None:
    simulation.configure(lambda settings: with_cassandra(settings, heap_size_mb=1024))


def _scale_out(simulation: Simulation) -> None:
    simulation.configure(lambda settings: dataclasses.replace(settings, nodes=NODES + 1))


def _scale_in(simulation: Simulation) -> None:
    simulation.scale_in(NODES - 1)


def _uninstall(simulation: Simulation) -> None:
    simulation.uninstall()


def _backup(simulation: Simulation) -> None:
    simulation.command(StartTransfer(BACKUP, Transfer("backup-1", PLACE, sealed=SEALED), KEYS))


def _restore(simulation: Simulation) -> None:
    simulation.rings.used = False
    transfer = Transfer(f"{EARLIER}{NODES}", PLACE, restore_type=NEW, sealed=SEALED)
    simulation.command(StartTransfer(RESTORE, transfer, KEYS))


SCRIPTS: Mapping[str, Callable[[Simulation], None]] = {
    "deploy": _nothing,
    "restart": _restart,
    "replace": _replace,
    "roll out": _roll_out,
    "scale out": _scale_out,
    "scale in": _scale_in,
    "backup": _backup,
    "restore": _restore,
    "uninstall": _uninstall,
}


class Script(Simulation):
    """A run of one script. ``points`` is how many points the script has passed, over all processes."""

    counts_points = True

    def __init__(self, task: Task) -> None:
        super().__init__(Scenario(0, NODES, AGENTS, 1, 1, ()))
        self._task = task
        self._counting = task.script == "deploy"
        self.points = 0

    def point(self) -> bool:
        """Count a point; whether the crash comes here."""
        if not self._counting:
            return False
        self.points += 1
        return self.points == self._task.point

    def _day(self, day: int) -> None:
        if self._task.script != "deploy":
            self.until_complete(DEPLOYED_AFTER_SECONDS)
            self._counting = True
            SCRIPTS[self._task.script](self)
            self.clock.run(self.clock.now + 60.0)
        if self.uninstalling:
            self.until_uninstalled(2 * 3600.0)
            return
        self.until_complete(2 * 3600.0)
        self.clock.run(self.clock.now + 120.0)
        self.invariants.settled()
        self.result.violation = self.result.violation or self._undone()

    def _undone(self) -> str | None:
        """How the backup or restore of the script has ended otherwise than by being done."""
        wanted = {"backup": "backup complete", "restore": "new restore complete"}.get(self._task.script)
        ends = self.invariants.transfers.ends
        return f"{dict(ends)} instead of {wanted}" if wanted and ends and wanted not in ends else None


def run_script(task: Task) -> tuple[Task, Result, int]:
    """Run it; also how many points it has passed."""
    script = Script(task)
    return task, script.run(), script.points


def enumerate_all(jobs: int | None = None, scripts: Iterable[str] = tuple(SCRIPTS)) -> tuple[Campaign, str]:
    """Run all scripts with a crash at each of their points; the sum, and a line for each script."""
    found, lines = Campaign(), []
    for name in scripts:
        _, whole, points = run_script(Task(name))
        found.add(whole)
        violated = [f"  {name}: {whole.violation}"] if whole.violation else []
        tasks = [Task(name, point) for point in range(1, points + 1)]
        for task, result, _ in run_all(run_script, tasks, jobs):
            found.add(result)
            if result.violation:
                violated.append(f"  {name}, crash at point {task.point}: {result.violation}")
        lines += [f"{name}: a crash at each of {points} points, {len(violated)} violations", *violated]
    return found, "\n".join(lines)
