"""Which plan a node belongs to, and what that plan may do with it now.

A node has one owner at any time: ``deploy`` while it has never been deployed or it is the node that
deploy is working on; ``recovery`` otherwise. With it goes the configuration that the node is started
with: the target where deploy works on it, else the one that is known to work on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.decide import ids, operations, seeds
from scheduler.decide.lifecycle import given_up
from scheduler.decide.memory import of_ledger
from scheduler.decide.reconcile import is_reconciled, period
from scheduler.model.node import Node
from scheduler.model.settings import NodeSettings
from scheduler.model.world import World

DEPLOY = "deploy"
RECOVERY = "recovery"
DEPLOY_PHASE = "Deploy"
DEPARTURE_PHASE = "Decommission"
RECOVERY_PHASE = "Recovery"
RECONCILIATION_PHASE = "Reconciliation"


@dataclass(frozen=True)
class Wait:
    """Why nothing is done with a node now: one sentence, and until when (seconds since the epoch) if known.

    ``delayed``: it failed and waits for its back-off, rather than for somebody else. ``since``: from when on
    it is waited, where that is another time than the step's.
    """

    reason: str
    deadline: float | None = None
    delayed: bool = False
    since: float | None = None


def untold(world: World, reason: str = "Mesos has not yet told the state of its task") -> Wait:
    """A wait for Mesos to tell the state of a task, which it has not since the registration."""
    since, until = period(world)
    return Wait(reason, until, since=since)


def step_id(world: World, plan: str, phase: str, step: str = "") -> str:
    """The stable id of a step, or of a phase where no step is named."""
    return ids.derived_id(world, plan, phase, step)


def is_outdated(world: World, node: Node) -> bool:
    """Whether the node runs with another configuration than the target."""
    return node.task is not None and node.task.config_id != world.ledger.target.config_id and node.alive


def is_deployed(world: World, node: Node) -> bool:
    """Whether the node's deploy step is complete, on its own or by an operator's word."""
    if node.deployed == world.ledger.target.config_id and not is_outdated(world, node):
        return True
    forced = world.ledger.controls.forced
    return bool(forced) and step_id(world, DEPLOY, DEPLOY_PHASE, node.name) in forced


@of_ledger
def current(world: World) -> Node | None:
    """The node that the deploy plan works on: the first whose step is not complete.

    A node that was launched to found the ring is the first of all until it has: no other one can start.
    """
    target = world.ledger.target.config_id
    outdated = (n for n in world.ledger.staying() if n.deployed != target or is_outdated(world, n))
    pending = [node for node in outdated if not is_deployed(world, node)]
    founding = (node for node in pending if seeds.is_founding(world, node))
    return next(founding, pending[0] if pending else None)


def owner(world: World, node: Node) -> str:
    """The plan that may act on the node.

    A node that was deployed before is recovery's for as long as deploy may not begin on it.
    """
    if node.restart_ordered or node.replacement is not None or is_deployed(world, node):
        return RECOVERY
    if not world.ledger.wants(node):
        return RECOVERY
    if node.deployed is None:
        return DEPLOY
    working_on = current(world)
    first = working_on is not None and working_on.number == node.number
    return DEPLOY if first and (begun(world, node) or holding_back(world) is None) else RECOVERY


def settings_for(world: World, node: Node) -> NodeSettings:
    """What the node is started with.

    Where deploy has not come to it: what worked before. Should that work no more, every other attempt is
    made with the target, which may be the cure.
    """
    target = world.ledger.target
    if node.deployed is None or begun(world, node) or is_deployed(world, node):
        return target.node
    if owner(world, node) == DEPLOY or (node.failures > 0 and node.failures % 2 == 0):
        return target.node
    return target.known.get(node.deployed, target.node)


@of_ledger
def holding_back(world: World) -> Wait | None:
    """What keeps deploy from beginning on a further node; None when nothing does."""
    leaving = next((node.name for node in world.ledger.members() if node.departing), None)
    if leaving is not None:
        return Wait(f"{leaving} leaves the ring first")
    if interrupted(world, DEPLOY):
        return Wait(f"the plan {DEPLOY} is interrupted; PUT /v1/plans/{DEPLOY}/continue lets it go on")
    return None


def begun(world: World, node: Node) -> bool:
    """Whether the node's deploy step has begun: an interruption lets it finish."""
    return node.begun == world.ledger.target.config_id


def order_begun(node: Node) -> bool:
    """Whether the restart or the replacement that was ordered has begun: an interruption lets it finish."""
    if node.replacement is None and not node.restart_ordered:
        return False
    stopping = node.task is not None and node.task.killing_since is not None
    return stopping or (node.replacement is not None and not node.giving_up)


def interrupted(world: World, plan: str) -> bool:
    """Whether an operator has interrupted the plan."""
    return plan in world.ledger.controls.interrupted


def may_act(world: World, node: Node) -> Wait | None:
    """What keeps the node's owner from acting on it; None when nothing does."""
    waiting = _deploy_waits(world, node) if owner(world, node) == DEPLOY else _recovery_waits(world, node)
    if waiting is None and not is_reconciled(world, node):
        return untold(world)
    return waiting


def _deploy_waits(world: World, node: Node) -> Wait | None:
    working_on = current(world)
    if working_on is not None and working_on.number != node.number:
        return Wait(f"{working_on.name} comes first")
    return None if begun(world, node) else holding_back(world)


def _recovery_waits(world: World, node: Node) -> Wait | None:
    if interrupted(world, RECOVERY) and not order_begun(node):
        return Wait(f"the plan {RECOVERY} is interrupted; PUT /v1/plans/{RECOVERY}/continue lets it go on")
    return None


def may_start(world: World, node: Node, now: float) -> Wait | None:
    """What keeps a node without a live task from being started; None when it wants an offer."""
    if node.left or (not node.has_joined and not world.ledger.wants(node)):
        return Wait("it is being taken away")
    if node.restoration is not None and not node.restoration.begun:
        return Wait("all nodes to stop, before the first of them starts on the restored data")
    works = None if node.partakes else _working_on_all(world)
    if works is not None:
        return Wait(f"the end of the {works}: a further node would take over rows that it is about")
    wait = may_act(world, node) or _turn(world, node)
    if wait is not None:
        return wait
    if given_up(node):
        missing = seeds.no_source(world, node)
        order = f"PUT /v1/nodes/replace?node={node.name} puts it elsewhere"
        return Wait(f"its agent was marked gone: {order if missing is None else missing}")
    if now < node.not_before:
        failure = node.last_failure.message if node.last_failure else ""
        return Wait(f"failed {node.failures} times in a row, last: {failure}", node.not_before, delayed=True)
    boot = seeds.boot_wait(world, node)
    return Wait(boot) if boot is not None else None


def _turn(world: World, node: Node) -> Wait | None:
    """Which node comes first, where this one has never joined: two are not to join at once, unforced."""
    first = current(world)
    if node.has_joined or first is None or first.number == node.number or is_deployed(world, node):
        return None
    return Wait(f"{first.name} comes first")


def _working_on_all(world: World) -> str | None:
    """The running operation that has to do with all rows of the ring, wherever they are."""
    running = operations.active(world)
    return running.kind if running is not None and running.kind in operations.OF_ALL_ROWS else None


def wanting(world: World, now: float) -> list[Node]:
    """The nodes that are to be started as soon as an offer does.

    Asked with every batch of offers, most of which come while the ledger stays as it is.
    """
    return [node for node in _startable(world) if may_start(world, node, now) is None]


@of_ledger
def _startable(world: World) -> list[Node]:
    """The nodes without a live task, but for those that deploy has not come to."""
    ended = (n for n in world.ledger.members() if not n.giving_up and not n.alive)
    return [node for node in ended if _turn(world, node) is None]
