"""The plan of the uninstallation, which stands for all others once it was ordered."""

from __future__ import annotations

from scheduler.decide import departure_phase, owner, reconciliation_phase
from scheduler.decide.owner import step_id
from scheduler.decide.uninstall import LOOK_SECONDS, UNINSTALL, paused, stage
from scheduler.model.node import Node
from scheduler.model.plan import Phase, Plan, Status, Step
from scheduler.model.world import Uninstall, World

NODES_PHASE = "Nodes"
STAGES = tuple(Uninstall)


def plan(world: World) -> Plan:
    """One step for each node, then what is left, the framework and the records."""
    nodes = tuple(_node(world, node) for _, node in sorted(world.ledger.nodes.items()))
    phases = (
        reconciliation_phase.phase(world),
        Phase(step_id(world, UNINSTALL, NODES_PHASE), NODES_PHASE, nodes, strategy="parallel"),
        _single(world, "Leftovers", _leftovers(world)),
        _single(world, "Framework", _passed(world, Uninstall.TORN_DOWN, "Mesos removes the framework")),
        _single(world, "Records", _passed(world, Uninstall.DONE, "the records in ZooKeeper are deleted")),
    )
    begun = phases if stage(world) is Uninstall.RELEASING else phases[1:]
    return Plan(UNINSTALL, begun, owner.interrupted(world, UNINSTALL))


def _node(world: World, node: Node) -> Step:
    if node.departure is not None:
        return departure_phase.step_of(world, UNINSTALL, NODES_PHASE, node)
    ident, wait = step_id(world, UNINSTALL, NODES_PHASE, node.name), _not_begun(world)
    return Step(ident, node.name, Status.WAITING, wait, waiting_for=wait)


def _not_begun(world: World) -> str:
    """Why no node is being ended yet: once registered all of them are, at once."""
    if paused(world):
        return f"the plan {UNINSTALL} is interrupted; PUT /v1/plans/{UNINSTALL}/continue lets it go on"
    return "a Mesos master to register with, before anything is ended"


def _single(world: World, name: str, state: tuple[Status, str]) -> Phase:
    status, message = state
    step = Step(step_id(world, UNINSTALL, name, name), name, status, message)
    return Phase(step_id(world, UNINSTALL, name), name, (step,))


def _passed(world: World, reached: Uninstall, doing: str) -> tuple[Status, str]:
    now, needed = STAGES.index(stage(world) or Uninstall.RELEASING), STAGES.index(reached)
    if now >= needed:
        return Status.COMPLETE, ""
    return (Status.IN_PROGRESS, doing) if now == needed - 1 else (Status.PENDING, "")


def _leftovers(world: World) -> tuple[Status, str]:
    if stage(world) is not Uninstall.RELEASING:
        return Status.COMPLETE, "no offer holds anything with the cluster's label"
    if world.session.looking_since is None:
        return Status.PENDING, ""
    return Status.IN_PROGRESS, f"looks for {LOOK_SECONDS:g} s at what is offered, for anything else of ours"
