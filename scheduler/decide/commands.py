"""What operators order. An order that does not fit is refused with a sentence and changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from protocol.backup import RESTORE
from scheduler.decide import (
    departure,
    departure_phase,
    operations,
    owner,
    reconcile,
    replacement,
    transfers,
    uninstall,
    uninstall_plan,
)
from scheduler.decide.decision import Decision, Refused, UnknownName
from scheduler.decide.lifecycle import given_up
from scheduler.model.event import (
    Command,
    ForceComplete,
    Interrupt,
    LimitTransfer,
    Proceed,
    ReplaceNode,
    RestartNode,
    RestartStep,
    StartOperation,
    StartTransfer,
    StopOperation,
)
from scheduler.model.node import Node
from scheduler.model.world import Controls, World

PLANS = (owner.DEPLOY, owner.RECOVERY)

DEPARTURES = {owner.DEPLOY: owner.DEPARTURE_PHASE, uninstall.UNINSTALL: uninstall_plan.NODES_PHASE}
"""By plan, the phase whose steps take nodes away."""


def obey(decision: Decision, command: Command, now: float) -> Decision:
    """Carry an order out. Raises Refused or UnknownName."""
    uninstall.require_fitting(decision.world, command)
    match command:
        case Interrupt(plan):
            if plan == RESTORE:
                operations.require_way_back(operations.latest(decision.world, plan))
            return _interrupt(decision, _known(decision.world, plan))
        case Proceed(plan):
            return operations.resume(_proceed(decision, _known(decision.world, plan)), plan)
        case ForceComplete(plan, phase, step) if plan in operations.PHASES:
            return operations.force(decision, plan, _parts(decision.world, plan, phase, step))
        case ForceComplete(plan, phase, step) if _is_departure(decision.world, plan, phase):
            return _give_up(decision, plan, phase, step, now)
        case ForceComplete(plan, phase, step):
            return _force(decision, _steps(decision.world, _known(decision.world, plan), phase, step))
        case RestartStep(plan, phase, step) if plan in operations.PHASES:
            return operations.restart(decision, plan, _parts(decision.world, plan, phase, step))
        case RestartStep(plan, phase, step):
            return _restart_steps(decision, _known(decision.world, plan), phase, step, now)
        case StartOperation():
            return operations.start(_proceed(decision, command.kind), command, now)
        case StopOperation(kind):
            return operations.stop(decision, kind)
        case StartTransfer():
            return transfers.start(_proceed(decision, command.kind), command, now)
        case LimitTransfer(kind, bytes_per_second):
            return transfers.limit(decision, kind, bytes_per_second)
        case RestartNode(name):
            return _restart_node(decision, _launched(decision.world, name))
        case ReplaceNode(name, force):
            return replacement.order(decision, _member(decision.world, name), force, now)


def _known(world: World, plan: str) -> str:
    if plan == uninstall.UNINSTALL and uninstall.stage(world) is not None:
        return plan
    plans = (*PLANS, *(kind for kind in operations.PHASES if operations.latest(world, kind)))
    if plan not in plans:
        raise UnknownName(f"there is no plan {plan}; the plans are {', '.join(plans)}")
    return plan


def _parts(world: World, plan: str, phase: str, step: str | None) -> list[str]:
    """The names of an operation's steps that a phase and a step, each by name or id, stand for."""
    operation = operations.latest(world, _known(world, plan))
    if operation is None:
        raise UnknownName(f"the plan {plan} has no phase {phase}")
    names = [n for n in operations.PHASES[plan] if phase in (n, operations.phase_id(world, operation, n))]
    if not names:
        raise UnknownName(f"the plan {plan} has no phase {phase}")
    parts = [part for part in operation.parts if operations.phase_of(operation, part) in names]
    steps = {operations.step_name(operation, p): operations.step_id(world, operation, p) for p in parts}
    named = [name for name, ident in steps.items() if step in (None, name, ident)]
    if not named:
        raise UnknownName(f"the phase {phase} has no step {step}")
    return named


def _interrupt(decision: Decision, plan: str) -> Decision:
    controls = decision.world.ledger.controls
    if plan in controls.interrupted:
        return decision
    return _with_controls(decision, dataclasses.replace(controls, interrupted=(*controls.interrupted, plan)))


def _proceed(decision: Decision, plan: str) -> Decision:
    controls = decision.world.ledger.controls
    left = tuple(name for name in controls.interrupted if name != plan)
    return _with_controls(decision, dataclasses.replace(controls, interrupted=left))


def _with_controls(decision: Decision, controls: Controls) -> Decision:
    ledger = dataclasses.replace(decision.world.ledger, controls=controls)
    return Decision(dataclasses.replace(decision.world, ledger=ledger), decision.intents)


def _steps(world: World, plan: str, phase: str, step: str | None) -> Sequence[Node]:
    """The nodes of the deploy steps that a phase and a step, each by name or id, stand for."""
    if plan != owner.DEPLOY:
        raise Refused(f"steps of the plan {plan} end by themselves; restart the node instead")
    if phase not in (owner.DEPLOY_PHASE, owner.step_id(world, plan, owner.DEPLOY_PHASE)):
        raise UnknownName(f"the plan {plan} has no phase {phase} whose steps can be commanded")
    nodes = world.ledger.staying()
    if step is None:
        return nodes
    named = [n for n in nodes if step in (n.name, owner.step_id(world, plan, owner.DEPLOY_PHASE, n.name))]
    if not named:
        raise UnknownName(f"the phase {phase} has no step {step}")
    return named


def _is_departure(world: World, plan: str, phase: str) -> bool:
    name = DEPARTURES.get(plan)
    return name is not None and phase in (name, owner.step_id(world, plan, name))


def _give_up(decision: Decision, plan: str, phase: str, step: str | None, now: float) -> Decision:
    """Wait no longer for what nodes that are taken away still hold. Raises Refused, UnknownName."""
    world = decision.world
    nodes = [node for node in departure_phase.nodes(world) if not node.gone]
    ids = {node.name: owner.step_id(world, plan, DEPARTURES[plan], node.name) for node in nodes}
    named = [node for node in nodes if step in (None, node.name, ids[node.name])]
    if step is not None and not named:
        raise UnknownName(f"the phase {phase} has no open step {step}")
    for node in named:
        decision = departure.give_up(decision, node, now)
    return decision


def _force(decision: Decision, nodes: Sequence[Node]) -> Decision:
    controls = decision.world.ledger.controls
    ids = {owner.step_id(decision.world, owner.DEPLOY, owner.DEPLOY_PHASE, node.name): None for node in nodes}
    forced = tuple(dict.fromkeys((*controls.forced, *ids)))
    return _with_controls(decision, dataclasses.replace(controls, forced=forced))


def _restart_steps(decision: Decision, plan: str, phase: str, step: str | None, now: float) -> Decision:
    world = decision.world
    reconciliation = owner.RECONCILIATION_PHASE
    if plan == owner.DEPLOY and phase in (reconciliation, owner.step_id(world, plan, reconciliation)):
        return reconcile.begin(decision, now)
    nodes = _steps(world, plan, phase, step)
    ids = {owner.step_id(world, owner.DEPLOY, owner.DEPLOY_PHASE, node.name) for node in nodes}
    controls = world.ledger.controls
    left = tuple(ident for ident in controls.forced if ident not in ids)
    decision = _with_controls(decision, dataclasses.replace(controls, forced=left))
    for node in nodes:
        # A node that has been deployed stays one, for recovery to restart whenever it fails meanwhile.
        deployed = None if node.deployed is None else ""
        again = dataclasses.replace(
            node, deployed=deployed, begun=None, not_before=0.0, restart_ordered=node.alive
        )
        decision = decision.with_node(again)
    return decision


def _known_node(world: World, name: str) -> Node:
    node = world.ledger.named(name)
    if node is None:
        raise UnknownName(f"there is no node {name}; GET /v1/nodes/list has the names")
    return node


def _member(world: World, name: str) -> Node:
    """The node of that name. Raises Refused where it has left the ring."""
    node = _known_node(world, name)
    if node.left:
        raise Refused(f"{node.name} has left the ring; GET /v1/plan says what is left of it")
    return node


def _launched(world: World, name: str) -> Node:
    """The node that may be restarted. Raises Refused where there is nothing to restart."""
    node = _member(world, name)
    if node.departure is not None:
        raise Refused(f"{node.name} is leaving the ring, and a restart would have it begin anew")
    if node.replacement is not None and (node.placement is None or node.giving_up):
        raise Refused(f"{node.name} is being replaced, and starts as soon as it has a new place")
    if node.restoration is not None:
        raise Refused(f"{node.name} starts on restored data; GET /v1/restore/status says how far that is")
    if node.task is None:
        raise Refused(f"{node.name} was never launched; the deploy plan will launch it")
    if given_up(node):
        raise Refused(
            f"the agent of {node.name} was marked gone: PUT /v1/nodes/replace?node={node.name} puts it "
            "elsewhere"
        )
    return node


def _restart_node(decision: Decision, node: Node) -> Decision:
    """A node that runs is drained and started again; one that waits out its back-off starts now."""
    return decision.with_node(
        dataclasses.replace(node, restart_ordered=node.alive, failures=0, not_before=0.0)
    )
