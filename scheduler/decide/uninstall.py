"""Taking the whole service away, by an operator's order alone, which is stored first and cannot be recalled.

All nodes at once: their tasks are ended, their volumes destroyed, their reservations given back, each stage
by what was seen (``departure``). Then whatever else bears the cluster's label is given back, until no offer
shows any more; then Mesos removes the framework; then the records are deleted, by the daemon.
"""

from __future__ import annotations

import dataclasses

from scheduler.decide import departure, owner, stops
from scheduler.decide.decision import Decision, Refused
from scheduler.model.event import Command, ForceComplete, Interrupt, Proceed
from scheduler.model.intent import Revive, Teardown
from scheduler.model.node import Departure, Node, Stage
from scheduler.model.world import Ledger, Uninstall, World

UNINSTALL = "uninstall"
"""The plan's name."""

LOOK_SECONDS = 10.0
"""So long after offers were last called back none may have shown anything of ours: they come each second."""


def order(ledger: Ledger) -> Ledger:
    """The ledger with the order in it."""
    return ledger if ledger.controls.uninstall else _at(ledger, Uninstall.RELEASING)


def done(world: World) -> World:
    """The world once the records are deleted."""
    return dataclasses.replace(world, ledger=_at(world.ledger, Uninstall.DONE))


def stage(world: World) -> Uninstall | None:
    """How far it is; None where it was not ordered."""
    return world.ledger.controls.uninstall


def _at(ledger: Ledger, reached: Uninstall) -> Ledger:
    return dataclasses.replace(ledger, controls=dataclasses.replace(ledger.controls, uninstall=reached))


def _to(decision: Decision, reached: Uninstall) -> Decision:
    world = dataclasses.replace(decision.world, ledger=_at(decision.world.ledger, reached))
    return Decision(world, decision.intents)


def torn_down(decision: Decision) -> Decision:
    """Mesos has removed the framework."""
    return _to(decision, Uninstall.TORN_DOWN)


def advance(decision: Decision, now: float) -> Decision:
    """Do what has become possible."""
    if stage(decision.world) is Uninstall.TEARING_DOWN and decision.world.session.looking_since is None:
        # A new session, so the last one's call has come to nothing.
        return decision.with_session(looking_since=now).plus(Teardown())
    if stage(decision.world) is not Uninstall.RELEASING or paused(decision.world):
        return decision
    for node in decision.world.ledger.members():
        if not node.left:
            decision = decision.with_node(_leaving(node, now))
    decision = stops.stop(departure.advance(decision, now), now)
    return decision if decision.world.ledger.members() else _look_around(decision, now)


def paused(world: World) -> bool:
    """Whether an operator has interrupted it."""
    return stage(world) is not None and owner.interrupted(world, UNINSTALL)


def _leaving(node: Node, now: float) -> Node:
    """Nobody keeps the data, so there is nothing to hand over."""
    ordered = node.departure.ordered_at if node.departure else now
    return dataclasses.replace(
        node, departure=Departure(Stage.LEFT, now, ordered), restart_ordered=False, replacement=None
    )


def _look_around(decision: Decision, now: float) -> Decision:
    """Wait for offers with anything else of ours; none for a while, and the framework can go."""
    since = decision.world.session.looking_since
    if since is None:
        return decision.with_session(looking_since=now).plus(Revive())
    if now - since < LOOK_SECONDS:
        return decision
    return _to(decision, Uninstall.TEARING_DOWN).plus(Teardown())


def seen(decision: Decision, before: Decision, now: float) -> Decision:
    """Look on where an offer has held leftovers: there may be more of them."""
    found = len(decision.intents) > len(before.intents)
    looking = decision.world.session.looking_since is not None
    return decision.with_session(looking_since=now) if found and looking else decision


def require_fitting(world: World, command: Command) -> None:
    """Refuse what no longer makes sense. Raises Refused."""
    if stage(world) is None:
        return
    if not isinstance(command, Interrupt | Proceed | ForceComplete) or command.plan != UNINSTALL:
        raise Refused(f"the service is being uninstalled; GET /v1/plans/{UNINSTALL} says how far that is")
