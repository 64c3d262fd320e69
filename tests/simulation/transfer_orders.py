"""What operators order of backups: they make them, restore, check and delete them, and change their minds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from protocol.backup import BACKUP, DELETE, EXISTING, NEW, RESTORE, VERIFY, Place
from scheduler.decide.operations import PHASES
from scheduler.model.event import (
    ForceComplete,
    Interrupt,
    LimitTransfer,
    Proceed,
    RestartStep,
    StartTransfer,
    StopOperation,
)
from scheduler.model.operation import Transfer
from tests.simulation.scheduler import KEYS

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

PLACE = Place("s3://bucket/prefix")
SEALED = "not to be read without the key"


def _order(kind: str, transfer: Transfer, which: float) -> StartTransfer:
    """With credentials that are stored, or are not, or with none, where executors find their own."""
    if which < 0.2:
        return StartTransfer(kind, dataclasses.replace(transfer, own_credentials=True))
    return StartTransfer(kind, dataclasses.replace(transfer, sealed=SEALED if which < 0.5 else ""), KEYS)


def _change_minds(simulation: Simulation, kind: str, how: float, twice: float) -> None:
    """Stop it, or interrupt it for a while; do a step again; let it move less, or as much as it can."""
    after, soon = simulation.clock.after, 400 * twice
    if how < 0.15:
        after(soon, simulation.command, StopOperation(kind))
        if how < 0.06:
            after(soon + 4000 * how, simulation.command, Proceed(kind))
    elif how < 0.35:
        after(soon, simulation.command, Interrupt(kind))
        after(soon + 3600 * how, simulation.command, Proceed(kind))
    elif how < 0.45:
        phase = PHASES[kind][int(10 * how) % len(PHASES[kind])]
        order = RestartStep if how < 0.42 else ForceComplete
        after(soon, simulation.command, order(kind, phase, None))
    elif how < 0.55:
        after(soon, simulation.command, LimitTransfer(kind, 1e6 if how < 0.5 else None))
    elif how < 0.75:
        after(soon, _disturb, simulation, (how - 0.55) * 5, twice)


def _disturb(simulation: Simulation, how: float, which: float) -> None:
    """Another operator does something about the nodes meanwhile."""
    nodes = simulation.valid.nodes
    if how < 0.4 and nodes < len(simulation.agents) - 1:
        simulation.configure(lambda settings: dataclasses.replace(settings, nodes=nodes + 1))
    elif how < 0.7 and simulation.can_replace():
        simulation.replace(f"node-{int(which * nodes)}", force=True)
    elif how >= 0.7 and nodes > 1:
        simulation.scale_in(nodes - 1)


def start_backup(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A backup; now and then under a name that there is already. Operators bring keys that were lost."""
    simulation.backups += 1
    number = simulation.backups if twice < 0.9 else max(1, simulation.backups - 1)
    simulation.command(_order(BACKUP, Transfer(f"backup-{number}", PLACE), which))
    _change_minds(simulation, BACKUP, how, twice)
    simulation.clock.after(60 + 7200 * which, simulation.bring_keys)


def restore(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Put rows back into the ring as it is, of as many nodes or not."""
    _restore(simulation, EXISTING, which, how, twice)


def restore_anew(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Make the cluster that of a backup. Operators empty it first; now and then clients do not wait."""
    simulation.rings.used = how > 0.9
    if 0.8 < how < 0.9:
        simulation.clock.after(400 * twice, setattr, simulation.rings, "used", True)
    _restore(simulation, NEW, which, how, twice)


def _restore(simulation: Simulation, restore_type: str, which: float, how: float, twice: float) -> None:
    fitting = sorted(
        name
        for name, one in simulation.objects.manifests.items()
        if restore_type == EXISTING or len(one.nodes) == simulation.valid.nodes or twice > 0.95
    ) or ["none"]
    transfer = Transfer(fitting[int(twice * len(fitting))], PLACE, restore_type=restore_type)
    simulation.command(_order(RESTORE, transfer, which))
    _change_minds(simulation, RESTORE, how, twice)
    simulation.clock.after(60 + 7200 * which, simulation.bring_keys)


def look_after_backups(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Check a backup, or delete it."""
    names = sorted(simulation.objects.manifests) if how < 0.5 else simulation.objects.own or ["none"]
    name = names[int(which * len(names))]
    if how < 0.5:
        simulation.command(_order(VERIFY, Transfer(name, PLACE), which))
    else:
        simulation.command(_order(DELETE, Transfer("", PLACE, names=(name,)), which))
    _change_minds(simulation, VERIFY if how < 0.5 else DELETE, twice, which)
