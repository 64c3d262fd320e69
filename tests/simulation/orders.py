"""What operators do: commands through the API, and new configurations with which schedulers are started."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from protocol.maintenance import CLEANUP, REPAIR, UPGRADESSTABLES
from scheduler.decide.lifecycle import given_up
from scheduler.decide.operations import PHASES
from scheduler.decide.owner import DEPLOY, DEPLOY_PHASE, RECONCILIATION_PHASE, RECOVERY
from scheduler.decide.plans import plans
from scheduler.model.event import (
    Command,
    ForceComplete,
    Interrupt,
    Proceed,
    RestartNode,
    RestartStep,
    StartOperation,
    StopOperation,
)
from scheduler.model.node import Node
from scheduler.model.settings import Settings
from tests.simulation.transfer_orders import (
    look_after_backups,
    restore,
    restore_anew,
    start_backup,
)

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

NO_AGENT = "it was given up"
"""So says the step of a replacement what rules out the one machine that has room for it."""

STILL_UP = "the node that it replaces must be down"
"""So says the step of a replacement that Cassandra, left behind by its executor, is seen alive."""

Order = Callable[["Simulation", float, float, float], None]
"""Takes the simulation and three numbers in [0, 1) that the seed has drawn for it."""


def _plan(part: float) -> str:
    return DEPLOY if part < 0.6 else RECOVERY


def _node(simulation: Simulation, part: float) -> str:
    """Now and then one that does not exist."""
    return f"node-{int(part * (simulation.valid.nodes + 0.2))}"


def _give(simulation: Simulation, command: Command, twice: float) -> None:
    simulation.command(command)
    if twice < 0.2:
        simulation.clock.after(20 * twice, simulation.command, command)


def interrupt(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A plan waits; some hours later, at most, it goes on."""
    _give(simulation, Interrupt(_plan(which)), twice)
    simulation.clock.after(60 + 7200 * how, simulation.command, Proceed(_plan(which)))


def proceed(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A plan goes on, interrupted or not."""
    _give(simulation, Proceed(_plan(which)), twice)


def restart_node(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Drain, stop, start; now and then another one at the same time."""
    _give(simulation, RestartNode(_node(simulation, which)), twice)
    if how < 0.4:
        simulation.clock.after(how * 60, simulation.command, RestartNode(_node(simulation, 1 - which)))


def replace_node(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Give a node's place up; now and then one that is up, or another one at the same time."""
    if not simulation.can_replace():
        return
    simulation.replace(_node(simulation, which), force=how < 0.5)
    if twice < 0.2:
        simulation.replace(_node(simulation, which if twice < 0.1 else 1 - which), force=how < 0.5)


def restart_step(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A step of deploy again, or all, or the reconciliation."""
    phase = RECONCILIATION_PHASE if how < 0.2 else DEPLOY_PHASE
    step = None if how < 0.3 else _node(simulation, which)
    _give(simulation, RestartStep(DEPLOY, phase, step), twice)


def force_complete(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A step of deploy is taken as complete, and done again after all some time later."""
    node = _node(simulation, which)
    _give(simulation, ForceComplete(DEPLOY, DEPLOY_PHASE, node), twice)
    simulation.clock.after(60 + 3600 * how, simulation.command, RestartStep(DEPLOY, DEPLOY_PHASE, node))


def start_operation(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Cleanup, repair or upgrade, of all nodes or one; often interrupted or stopped halfway."""
    kind = (CLEANUP, REPAIR, UPGRADESSTABLES)[int(which * 3)]
    nodes = None if how < 0.7 else (int(twice * simulation.valid.nodes),)
    _give(simulation, StartOperation(kind, nodes, {"shop": ("baskets", "orders")}), twice)
    if how < 0.2:
        simulation.clock.after(600 * twice, simulation.command, StopOperation(kind))
    elif how < 0.5:
        simulation.clock.after(600 * twice, simulation.command, Interrupt(kind))
        simulation.clock.after(3600 * how, simulation.command, Proceed(kind))
    elif how < 0.6:
        simulation.clock.after(300 * twice, simulation.command, RestartStep(kind, PHASES[kind][0], None))
    elif how < 0.7:
        simulation.clock.after(300 * twice, simulation.command, ForceComplete(kind, PHASES[kind][0], None))


def with_cassandra(settings: Settings, **changes: object) -> Settings:
    """The settings with others for Cassandra."""
    cassandra = dataclasses.replace(settings.node.cassandra, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(settings, node=dataclasses.replace(settings.node, cassandra=cassandra))


def roll_out(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A configuration that every node has to be restarted for; often changed back halfway."""
    heap = simulation.valid.node.cassandra.heap_size_mb
    other = 1024 if heap != 1024 else 1536
    simulation.configure(lambda settings: with_cassandra(settings, heap_size_mb=other))
    if how < 0.4:
        back = functools.partial(with_cassandra, heap_size_mb=heap)
        simulation.clock.after(10 + 900 * how, simulation.configure, back)


def resize(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """More or less for each node, so its reservation has to grow or shrink; often changed back halfway."""
    before = simulation.valid.node.cassandra
    cpus, memory_mb = (0.25, 0.5, 1.5)[int(which * 3)], (3072.0, 4096.0, 6144.0)[int(twice * 3)]
    simulation.configure(functools.partial(with_cassandra, cpus=cpus, memory_mb=memory_mb))
    if how < 0.4:
        back = functools.partial(with_cassandra, cpus=before.cpus, memory_mb=before.memory_mb)
        simulation.clock.after(10 + 900 * how, simulation.configure, back)


def place_elsewhere(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """Another placement, which concerns new places alone; for a while mostly one that no agent satisfies."""
    free, nowhere = f"hostname:UNIQUE,hostname:MAX_PER:{1 + int(which * 3)}", "hostname:LIKE:nowhere"
    simulation.configure(functools.partial(_placed, nowhere if how < 0.7 else free))
    simulation.clock.after(60 + 3600 * twice, simulation.configure, functools.partial(_placed, free))


def _placed(constraint: str, settings: Settings) -> Settings:
    return dataclasses.replace(settings, placement_constraint=constraint)


def forbidden_change(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A configuration that cannot be taken over, until it is set back."""
    disk = simulation.valid.node.cassandra.disk_mb
    changes: tuple[Callable[[Settings], Settings], ...] = (
        functools.partial(with_cassandra, cluster_name="another"),
        functools.partial(with_cassandra, disk_mb=disk * 2),
        lambda settings: dataclasses.replace(
            settings, service=dataclasses.replace(settings.service, role="another-role")
        ),
    )
    simulation.forbid(changes[int(which * 3)])
    simulation.clock.after(60 + 3600 * how, simulation.forbid, None)


def harmless_change(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """A configuration that concerns no node."""
    level = "DEBUG" if simulation.valid.log_level != "DEBUG" else "INFO"
    simulation.configure(lambda settings: dataclasses.replace(settings, log_level=level))


def scale_out(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """One node more, while there are agents for it and one to spare."""
    if simulation.valid.nodes < len(simulation.agents) - 1:
        simulation.configure(lambda settings: dataclasses.replace(settings, nodes=settings.nodes + 1))


def scale_in(simulation: Simulation, which: float, how: float, twice: float) -> None:
    """One node fewer; now and then as many as before again, halfway."""
    nodes = simulation.valid.nodes
    if nodes > 1:
        simulation.scale_in(nodes - 1)
        if how < 0.4:
            simulation.clock.after(
                10 + 900 * how, simulation.configure, functools.partial(_with_nodes, nodes)
            )


def _with_nodes(nodes: int, settings: Settings) -> Settings:
    return dataclasses.replace(settings, nodes=nodes)


def attend(simulation: Simulation) -> None:
    """Let plans go on, bring lost keys, replace nodes whose agent is given up, bring a machine that lacks."""
    leader = simulation.leader()
    if leader is None or leader.loop is None:
        return
    ledger = leader.loop.world.ledger
    for plan in ledger.controls.interrupted:
        simulation.command(Proceed(plan))
    simulation.bring_keys()
    for node in ledger.members():
        if given_up(node) and node.replacement is None:
            simulation.replace(node.name, force=False)
            break
    for phase in plans(leader.loop.world, leader.now())[RECOVERY].phases:
        for step in phase.steps:
            node = ledger.named(step.name)
            if NO_AGENT in (step.waiting_for or "") and _lacks_an_agent(simulation, node):
                simulation.add_agent()
                return
            if STILL_UP in (step.waiting_for or "") and node is not None:
                _end_what_was_left_behind(simulation, node)


def _end_what_was_left_behind(simulation: Simulation, node: Node) -> None:
    """End the Cassandra that a replacement waits for, which has no executor any more and no volume."""
    address = node.replacement.address if node.replacement else None
    found = simulation.rings.at(address) if address else None
    running = [executor.cassandra for agent in simulation.agents for executor in agent.executors.values()]
    if found is not None and found not in running:
        found.end()


def _lacks_an_agent(simulation: Simulation, node: Node | None) -> bool:
    """Whether every machine, but the one that was given up for the node, has a node."""
    old = node.replacement if node is not None and node.placement is None else None
    if old is None:
        return False
    others = [agent for agent in simulation.agents if agent.hostname != old.hostname]
    return all(simulation.invariants.placed_on(agent) for agent in others)


ORDERS: Mapping[str, Order] = {
    order.__name__: order
    for order in (
        interrupt,
        proceed,
        restart_node,
        replace_node,
        restart_step,
        force_complete,
        start_operation,
        start_backup,
        look_after_backups,
        restore,
        restore_anew,
        roll_out,
        resize,
        place_elsewhere,
        forbidden_change,
        harmless_change,
        scale_out,
        scale_in,
    )
}
