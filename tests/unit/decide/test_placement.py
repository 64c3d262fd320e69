"""Which agents may hold a node: Marathon's constraints, fault domains, racks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.task import ServerTask, decode_task
from scheduler.decide.placement import Neighbours, violated
from scheduler.decide.plans import plans
from scheduler.model.event import ReplaceNode
from scheduler.model.node import Node, Placement
from scheduler.model.offer import Offer
from scheduler.model.placement import parse
from scheduler.model.plan import Step
from tests.unit.decide.cluster import Cluster, launches, new_world, offer


def agent(host: str, zone: str | None = None, **attributes: str) -> Offer:
    pairs = tuple(attributes.items())
    return Offer("O", f"S-{host}", host, "10.0.0.1", (), attributes=pairs, region="r", zone=zone)


def member(number: int, on: Offer) -> Node:
    place = Placement("g", on.agent_id, on.hostname, on.address, "p", (), on.attributes, on.region, on.zone)
    return Node(number, placement=place)


def fits(constraints: str, candidate: Offer, *taken: Offer) -> bool:
    members = [member(number, on) for number, on in enumerate(taken, 1)]
    return not violated(parse(constraints), candidate, Neighbours(Node(0), members))


A, B, C = agent("a", "z1", rack="r1"), agent("b", "z1", rack="r2"), agent("c", "z2", rack="r2")
BARE = agent("bare")


@pytest.mark.parametrize(
    ("constraints", "candidate", "taken", "fit"),
    [
        ("", BARE, (BARE,), True),
        ("hostname:UNIQUE", A, (B, C), True),
        ("hostname:UNIQUE", A, (A,), False),
        ("rack:UNIQUE", C, (B,), False),
        ("rack:UNIQUE", BARE, (), False),
        ("rack:CLUSTER", B, (), True),
        ("rack:CLUSTER", C, (B,), True),
        ("rack:CLUSTER", A, (B,), False),
        ("rack:CLUSTER:r2", A, (), False),
        ("rack:CLUSTER:r2", C, (B,), True),
        ("rack:CLUSTER:r2", C, (A,), False),
        ("hostname:CLUSTER:a", A, (A, A), True),
        ("rack:GROUP_BY", B, (A,), True),
        ("rack:GROUP_BY", A, (A,), True),
        ("rack:GROUP_BY:2", A, (A,), False),
        ("rack:GROUP_BY:2", A, (A, B), True),
        ("rack:GROUP_BY:2", A, (A, A, B), False),
        ("rack:GROUP_BY:2", C, (A, A, B), True),
        ("rack:GROUP_BY:3", A, (A, B), False),
        ("rack:GROUP_BY", BARE, (A,), False),
        ("rack:LIKE:r[12]", A, (), True),
        ("rack:LIKE:r", A, (), False),
        ("rack:LIKE:.*", BARE, (), False),
        ("rack:UNLIKE:r1", A, (), False),
        ("rack:UNLIKE:r", A, (), True),
        ("rack:UNLIKE:r1", BARE, (), True),
        ("hostname:LIKE:[ab]", C, (), False),
        ("rack:MAX_PER:2", B, (C,), True),
        ("rack:MAX_PER:2", B, (C, C), False),
        ("rack:MAX_PER:1", BARE, (), False),
        ("@zone:UNIQUE", C, (A, B), True),
        ("@zone:UNIQUE", B, (A,), False),
        ("@zone:GROUP_BY:2", B, (A,), False),
        ("@zone:LIKE:z.*", BARE, (), False),
        ("@region:CLUSTER:r", A, (B, C), True),
        ("hostname:UNIQUE,rack:LIKE:r2", A, (), False),
        ("hostname:UNIQUE,rack:LIKE:r2", C, (B,), True),
    ],
)
def test_constraints_mean_what_they_mean_in_marathon(
    constraints: str, candidate: Offer, taken: tuple[Offer, ...], fit: bool
) -> None:
    assert fits(constraints, candidate, *taken) is fit


def racked(setting: str, nodes: int = 3, **changes: object) -> Cluster:
    world = new_world(nodes, **changes)
    target = world.ledger.target
    node = replace(target.node, cassandra=replace(target.node.cassandra, rack=setting))
    ledger = replace(world.ledger, target=replace(target, node=node))
    cluster = Cluster(replace(world, ledger=ledger, settings=replace(world.settings, node=node)))
    cluster.subscribe()
    return cluster


def launched_rack(cluster: Cluster, *offers: Offer) -> str | None:
    """The rack of the node that is launched on one of the offers; None when none is."""
    found = launches(cluster.offers(*offers))
    if not found:
        return None
    task = decode_task(found[0].data)
    assert isinstance(task, ServerTask)
    return task.rack


def only_step(cluster: Cluster, number: int) -> Step:
    found = plans(cluster.world, cluster.now)["deploy"].phases[1].steps[number]
    assert found.name == f"node-{number}"
    return found


def test_a_rack_is_the_zone_of_the_agent() -> None:
    cluster = racked("@zone")
    assert launched_rack(cluster, offer(1)) is None
    assert "of 1 agent: none satisfies @zone:LIKE:.+ (for the rack)" in only_step(cluster, 0).message
    assert launched_rack(cluster, offer(1, 1, zone="z1")) == "z1"
    assert cluster.node(0).rack == "z1"


def test_a_rack_is_an_attribute_of_the_agent() -> None:
    cluster = racked("rack_id")
    assert launched_rack(cluster, offer(1, attributes=(("rack_id", "r7"),))) == "r7"
    cluster.normal(0)
    assert launched_rack(cluster, offer(2)) is None
    assert "none satisfies rack_id:LIKE:.+" in only_step(cluster, 1).message
    assert launched_rack(cluster, offer(2, 1, attributes=(("rack_id", "r8"),))) == "r8"


def test_a_rack_that_names_no_attribute_is_the_rack_of_all() -> None:
    cluster = racked("rac1")
    assert launched_rack(cluster, offer(1, zone="z1", attributes=(("rack", "r1"),))) == "rac1"


def test_a_node_keeps_its_rack_where_its_agent_has_another_since() -> None:
    cluster = racked("@zone", 1)
    assert launched_rack(cluster, offer(1, zone="z1")) == "z1"
    cluster.normal(0)
    cluster.update(0, "TASK_GONE")
    place = cluster.node(0).placement
    assert place is not None
    assert launched_rack(cluster, offer(1, 1, agent_id="S11", zone="z2", resources=place.resources)) == "z1"


def test_a_replaced_node_keeps_its_rack() -> None:
    cluster = racked("@zone")
    for number in range(3):
        assert launched_rack(cluster, offer(number + 1, zone=f"z{number}")) == f"z{number}"
        cluster.normal(number)
    cluster.update(1, "TASK_FAILED")
    cluster.normal(0)
    cluster.tell(ReplaceNode("node-1"))
    assert launched_rack(cluster, offer(4, zone="z2")) is None
    (step,) = plans(cluster.world, cluster.now)["recovery"].phases[0].steps
    assert "none satisfies @zone:CLUSTER:z1 (the node's rack)" in step.message
    assert launched_rack(cluster, offer(5, zone="z1")) == "z1"


def test_a_step_says_how_many_agents_a_constraint_rules_out() -> None:
    cluster = Cluster(new_world(placement_constraint="rack:LIKE:r1"))
    cluster.subscribe()
    small = offer(1, attributes=(("rack", "r1"),))
    small = small._replace(resources=small.resources[1:])
    cluster.offers(small, offer(2), offer(3))
    message = only_step(cluster, 0).message
    assert "of 3 agents: cpus missing on 1 agent, rack:LIKE:r1 not satisfied by 2 agents" in message


def test_a_step_says_which_constraint_nobody_satisfies() -> None:
    cluster = Cluster(new_world(placement_constraint="rack:LIKE:r1"))
    cluster.subscribe()
    assert launches(cluster.offers(offer(1), offer(2))) == []
    step = only_step(cluster, 0)
    assert "of 2 agents: none satisfies rack:LIKE:r1" in (step.waiting_for or "")


def test_reasons_of_a_node_that_was_placed_are_not_held_against_the_next() -> None:
    cluster = Cluster(new_world(placement_constraint="hostname:UNIQUE"))
    cluster.subscribe()
    cluster.offers(offer(8, resources=offer(8).resources[1:]))
    cluster.offers(offer(1))
    cluster.normal(0)
    assert "none has come yet" in only_step(cluster, 1).message
