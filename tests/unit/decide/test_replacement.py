"""Replacing a node: by an order alone, elsewhere, one at a time, and never one that is up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.message import SEEDS, decode_message
from protocol.task import ServerTask, decode_task
from scheduler.decide import eventlog
from scheduler.decide.core import decide
from scheduler.decide.decision import Refused, UnknownName
from scheduler.decide.plans import plans
from scheduler.decide.seeds import seed_addresses
from scheduler.decide.target import retarget
from scheduler.model.event import Disconnected, Interrupt, Proceed, ReplaceNode, RestartNode, Tick, Updated
from scheduler.model.intent import Accept, Create, Destroy, Intent, Kill, Launch, Reserve, Send, Unreserve
from scheduler.model.node import Departure, Node, Placement, Stage
from scheduler.model.plan import Status, Step
from scheduler.model.resource import Resource
from scheduler.model.task import TaskUpdate
from scheduler.store.records import FORMAT, from_bytes, to_bytes
from tests.unit.decide.cluster import Cluster, launches, new_world, offer


def deployed(nodes: int = 3) -> Cluster:
    cluster = Cluster(new_world(nodes))
    cluster.deploy(nodes)
    return cluster


def down(number: int, state: str = "TASK_FAILED", nodes: int = 3) -> Cluster:
    """A cluster one of whose nodes has ended, as the others have noticed."""
    cluster = deployed(nodes)
    cluster.update(number, state, uuid=None if state == "TASK_UNREACHABLE" else "u")
    noticed(cluster)
    return cluster


def noticed(cluster: Cluster) -> None:
    """The nodes that are up tell whom they see alive: one another."""
    up = [node.number for node in cluster.world.ledger.members() if node.normal]
    if up:
        cluster.normal(up[0])


def place(cluster: Cluster, number: int) -> Placement:
    found = cluster.node(number).placement
    assert found is not None
    return found


def step(cluster: Cluster, number: int, plan: str = "recovery") -> Step | None:
    steps = [s for phase in plans(cluster.world, cluster.now)[plan].phases for s in phase.steps]
    return next((s for s in steps if s.name == f"node-{number}"), None)


def server(intents: tuple[Intent, ...]) -> ServerTask:
    (launch,) = launches(intents)
    task = decode_task(launch.data)
    assert isinstance(task, ServerTask)
    return task


def destroyed(intents: tuple[Intent, ...]) -> list[str | None]:
    operations = [o for i in intents if isinstance(i, Accept) for o in i.operations if isinstance(o, Destroy)]
    return [volume.persistence_id for operation in operations for volume in operation.volumes]


def refused(cluster: Cluster, command: ReplaceNode | RestartNode) -> str:
    with pytest.raises(Refused) as raised:
        decide(cluster.world, command, cluster.now)
    return str(raised.value)


def test_a_dead_node_is_put_on_another_agent_and_takes_the_dead_ones_part() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    intents = cluster.offers(offer(4))
    task = server(intents)
    assert (task.replace_address, task.founder) == ("10.0.0.2", False)
    assert "10.0.0.2" not in task.seeds
    assert "10.0.0.4" not in task.seeds
    (accept,) = [i for i in intents if isinstance(i, Accept)]
    assert [type(operation) for operation in accept.operations] == [Reserve, Create, Launch]
    cluster.normal(1)
    assert cluster.node(1).replacement is None
    assert plans(cluster.world, cluster.now)["recovery"].status is Status.COMPLETE
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE


def test_the_new_node_does_not_go_to_the_agent_or_the_machine_that_was_given_up() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    assert launches(cluster.offers(offer(2, 1))) == []
    assert launches(cluster.offers(offer(2, 2, agent_id="S22"))) == []
    found = step(cluster, 1)
    assert found is not None
    assert "none satisfies hostname:UNLIKE:host-2 (it was given up)" in found.message
    assert launches(cluster.offers(offer(4)))


def test_the_address_is_replaced_until_the_node_has_joined_and_never_after() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    assert server(cluster.offers(offer(4))).replace_address == "10.0.0.2"
    cluster.update(1, "TASK_FAILED", message="streaming broke off")
    again = server(cluster.offers(offer(4, 1, resources=place(cluster, 1).resources)))
    assert again.replace_address == "10.0.0.2"
    cluster.normal(1)
    cluster.update(1, "TASK_FAILED")
    cluster.now = cluster.node(1).not_before
    again = server(cluster.offers(offer(4, 2, resources=place(cluster, 1).resources)))
    assert again.replace_address is None


def test_a_replacement_that_broke_off_can_itself_be_replaced_and_still_takes_the_first_ones_part() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    cluster.offers(offer(4))
    first = place(cluster, 1).generation
    cluster.update(1, "TASK_RUNNING")
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    cluster.tell(ReplaceNode("node-1"))
    assert first in cluster.node(1).abandoned
    assert server(cluster.offers(offer(5))).replace_address == "10.0.0.2"


def test_the_old_volume_is_destroyed_only_after_the_order_wherever_it_shows_up() -> None:
    cluster = down(1, "TASK_GONE_BY_OPERATOR")
    old = place(cluster, 1)
    back = offer(2, 1, agent_id="S22", resources=old.resources)
    assert destroyed(cluster.offers(back)) == []
    cluster.tell(ReplaceNode("node-1"))
    cluster.offers(offer(4))
    cluster.normal(1)
    intents = cluster.offers(back._replace(id="O2-2"))
    assert destroyed(intents) == [old.persistence_id]
    (accept,) = [i for i in intents if isinstance(i, Accept)]
    assert [type(operation) for operation in accept.operations] == [Destroy, Unreserve]
    unreserved = accept.operations[1]
    assert isinstance(unreserved, Unreserve)
    assert {r.name for r in unreserved.resources} == {"cpus", "mem", "disk", "ports"}
    assert not any(r.persistence_id for r in unreserved.resources)


def test_a_node_that_is_up_is_replaced_only_by_force_drained_and_destroyed_first() -> None:
    cluster = deployed()
    old = place(cluster, 1)
    assert "force=true" in refused(cluster, ReplaceNode("node-1"))
    (kill,) = [i for i in cluster.tell(ReplaceNode("node-1", force=True)) if isinstance(i, Kill)]
    assert kill.grace_seconds == 300.0
    assert launches(cluster.offers(offer(4))) == []
    cluster.update(1, "TASK_KILLED")
    assert launches(cluster.offers(offer(4))) == [], "the others still see it alive"
    noticed(cluster)
    assert destroyed(cluster.offers(offer(2, 1, resources=old.resources))) == [old.persistence_id]
    assert server(cluster.offers(offer(4, 2))).replace_address == "10.0.0.2"


def test_a_node_that_is_up_is_taken_down_for_its_replacement_only_while_the_others_are_up() -> None:
    cluster = down(2)
    intents = cluster.tell(ReplaceNode("node-1", force=True))
    assert not any(isinstance(i, Kill) for i in intents)
    cluster.offers(offer(3, 1, resources=place(cluster, 2).resources))
    mark = len(cluster.intents)
    cluster.normal(2)
    assert any(isinstance(i, Kill) for i in cluster.intents[mark:])


def test_a_node_that_others_see_alive_counts_as_up_though_mesos_cannot_reach_it() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    assert "can see it alive at 10.0.0.2" in refused(cluster, ReplaceNode("node-1"))
    cluster.tell(ReplaceNode("node-1", force=True))
    assert launches(cluster.offers(offer(4))) == []
    found = step(cluster, 1)
    assert found is not None
    assert found.status is Status.WAITING
    assert "must be down: node-0, node-2 can see it alive" in found.message
    noticed(cluster)
    assert launches(cluster.offers(offer(4, 1)))


def test_a_task_that_comes_back_after_its_node_was_replaced_is_killed() -> None:
    cluster = down(1, "TASK_UNREACHABLE")
    old = cluster.node(1).task
    assert old is not None
    cluster.tell(ReplaceNode("node-1"))
    cluster.offers(offer(4))
    intents = cluster.tell(Updated(TaskUpdate(old.id, "TASK_RUNNING", "S2")))
    assert Kill(old.id, "S2", 0.0) in intents


def test_a_node_that_is_down_is_replaced_before_one_whose_replacement_waits_for_it() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_GONE_BY_OPERATOR")
    noticed(cluster)
    cluster.tell(ReplaceNode("node-2", force=True))
    waiting = step(cluster, 2)
    assert waiting is not None
    assert "node-1 must be ready first" in waiting.message
    cluster.tell(ReplaceNode("node-1"))
    assert cluster.node(2).replacement is None
    assert cluster.node(2).alive
    last = [entry.what for entry in eventlog.entries(cluster.world.ledger)][-2:]
    assert sorted(last) == [
        "node-1 is to be replaced: its place on host-2 is given up",
        "node-2 stays where it is",
    ]
    assert server(cluster.offers(offer(4))).replace_address == "10.0.0.2"
    cluster.normal(1)
    cluster.tell(ReplaceNode("node-2", force=True))
    assert cluster.node(2).giving_up


def test_a_replacement_that_has_begun_is_not_withdrawn() -> None:
    cluster = deployed()
    cluster.tell(ReplaceNode("node-2", force=True))
    cluster.update(1, "TASK_GONE_BY_OPERATOR")
    assert "node-2 is being replaced" in refused(cluster, ReplaceNode("node-1"))


def test_one_node_is_replaced_at_a_time() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    assert "node-1 is being replaced" in refused(cluster, ReplaceNode("node-2", force=True))
    cluster.offers(offer(4))
    cluster.normal(1)
    cluster.tell(ReplaceNode("node-2", force=True))
    assert cluster.node(2).replacement is not None


def test_the_last_seed_is_not_replaced() -> None:
    alone = down(0, nodes=1)
    assert "only member" in refused(alone, ReplaceNode("node-0"))
    cluster = down(1)
    cluster.update(0, "TASK_FAILED")
    cluster.update(2, "TASK_FAILED")
    assert "no other node is NORMAL" in refused(cluster, ReplaceNode("node-1"))


def test_a_step_offers_a_replacement_only_where_there_could_be_one() -> None:
    alone = down(0, "TASK_GONE_BY_OPERATOR", nodes=1)
    found = step(alone, 0)
    assert found is not None
    assert "marked gone: it is the only seed and the only member" in found.message
    cluster = down(0, "TASK_GONE_BY_OPERATOR")
    found = step(cluster, 0)
    assert found is not None
    assert "marked gone: PUT /v1/nodes/replace?node=node-0 puts it elsewhere" in found.message


def test_a_node_that_has_left_is_not_replaced() -> None:
    cluster = down(2)
    left = replace(cluster.node(2), departure=Departure(Stage.KILLED, 1.0, 2.0))
    cluster.world = replace(cluster.world, ledger=cluster.world.ledger.with_node(left))
    assert "has left the ring" in refused(cluster, ReplaceNode("node-2"))


def test_orders_name_a_node_that_has_a_place() -> None:
    cluster = Cluster()
    cluster.subscribe()
    assert "never placed" in refused(cluster, ReplaceNode("node-1"))
    with pytest.raises(UnknownName):
        decide(cluster.world, ReplaceNode("node-9"), cluster.now)


def test_the_same_order_twice_is_one_order() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    once = cluster.world.ledger
    cluster.tell(ReplaceNode("node-1"))
    assert cluster.world.ledger == once
    assert "is being replaced" in refused(cluster, RestartNode("node-1"))


def test_the_others_learn_new_seeds_when_a_seed_is_replaced() -> None:
    cluster = down(0)
    mark = len(cluster.intents)
    cluster.tell(ReplaceNode("node-0"))
    assert seed_addresses(cluster.world) == ("10.0.0.2", "10.0.0.3")
    sent = [decode_message(i.data) for i in cluster.intents[mark:] if isinstance(i, Send)]
    assert {m.node for m in sent if m.subject == SEEDS} == {"node-1", "node-2"}
    assert all(m.body["seeds"] == ["10.0.0.2", "10.0.0.3"] for m in sent)
    cluster.offers(offer(4))
    cluster.normal(0)
    assert seed_addresses(cluster.world) == ("10.0.0.4", "10.0.0.2")


def test_a_replaced_founder_joins_and_never_founds_a_second_ring() -> None:
    cluster = down(0)
    cluster.tell(ReplaceNode("node-0"))
    task = server(cluster.offers(offer(4)))
    assert not task.founder
    assert task.seeds == ("10.0.0.2", "10.0.0.3")


def test_a_founder_that_never_became_normal_may_be_founded_again_elsewhere() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.update(0, "TASK_GONE_BY_OPERATOR")
    cluster.tell(ReplaceNode("node-0"))
    task = server(cluster.offers(offer(2)))
    assert (task.founder, task.replace_address) == (True, None)


def test_an_interrupted_plan_begins_no_replacement_and_finishes_one_that_has_begun() -> None:
    cluster = down(1)
    cluster.tell(Interrupt("recovery"))
    cluster.tell(ReplaceNode("node-1"))
    old = place(cluster, 1)
    assert destroyed(cluster.offers(offer(2, 1, resources=old.resources))) == []
    assert launches(cluster.offers(offer(4))) == []
    found = step(cluster, 1)
    assert found is not None
    assert "the plan recovery is interrupted" in found.message
    cluster.tell(Proceed("recovery"))
    cluster.tell(Interrupt("recovery"))
    assert launches(cluster.offers(offer(4, 1)))


def test_no_node_is_replaced_before_mesos_has_told_of_its_task() -> None:
    cluster = down(1, "TASK_UNREACHABLE")
    cluster.tell(Disconnected("gone"))
    cluster.subscribe()
    cluster.update(0, "TASK_RUNNING", uuid=None)
    cluster.update(2, "TASK_RUNNING", uuid=None)
    cluster.tell(ReplaceNode("node-1"))
    assert cluster.node(1).giving_up
    assert launches(cluster.offers(offer(4))) == []
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    assert not cluster.node(1).giving_up
    assert launches(cluster.offers(offer(4, 1)))


def test_the_step_says_what_the_replacement_is_at_and_since_when() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    ordered = cluster.now
    found = step(cluster, 1)
    assert found is not None
    assert found.message.startswith("takes the place of 10.0.0.2: waits for an offer with")
    assert (found.status, found.started_at) == (Status.WAITING, ordered)
    cluster.offers(offer(4))
    cluster.update(1, "TASK_RUNNING")
    found = step(cluster, 1)
    assert found is not None
    assert (found.status, found.started_at) == (Status.IN_PROGRESS, ordered)


def test_the_order_survives_the_scheduler() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    node = cluster.node(1)
    assert from_bytes(Node, to_bytes(node), "nodes/node-1") == node


def test_the_address_that_the_ring_knows_is_replaced_though_the_node_moved_and_never_joined_there() -> None:
    cluster = down(1, "TASK_GONE")
    resources = place(cluster, 1).resources
    assert launches(cluster.offers(offer(2, 1, agent_id="S22", address="10.0.0.22", resources=resources)))
    cluster.update(1, "TASK_FAILED")
    cluster.tell(ReplaceNode("node-1"))
    assert server(cluster.offers(offer(4))).replace_address == "10.0.0.2"


def test_other_nodes_are_not_restarted_while_one_is_replaced() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    assert not any(isinstance(i, Kill) for i in cluster.tell(RestartNode("node-2")))
    cluster.offers(offer(4))
    mark = len(cluster.intents)
    cluster.normal(1)
    assert any(isinstance(i, Kill) for i in cluster.intents[mark:])


def test_a_part_of_the_old_reservation_is_given_back_without_its_volume() -> None:
    cluster = down(1)
    old = place(cluster, 1)
    cluster.tell(ReplaceNode("node-1"))
    part = tuple(r for r in old.resources if r.name in ("cpus", "mem"))
    (accept,) = [i for i in cluster.offers(offer(2, 1, resources=part)) if isinstance(i, Accept)]
    (unreserve,) = accept.operations
    assert isinstance(unreserve, Unreserve)
    assert unreserve.resources == part


def test_strangers_reservations_on_the_old_agent_are_left_alone() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    level = place(cluster, 0).resources[0].reservations[0]
    strange = Resource("cpus", 1.0, reservations=(level._replace(labels=(("node", "node-1"),)),))
    assert not any(isinstance(i, Accept) for i in cluster.offers(offer(2, 1, resources=(strange,))))


def test_the_end_of_a_replacement_lets_a_new_configuration_begin_with_the_same_event() -> None:
    cluster = down(0)
    cluster.tell(ReplaceNode("node-0"))
    cluster.offers(offer(4))
    node = replace(cluster.world.settings.node, executor_memory_mb=255.0)
    settings = replace(cluster.world.settings, node=node)
    ledger, errors = retarget(cluster.world.ledger, settings)
    assert errors == ()
    cluster.world = replace(cluster.world, ledger=ledger, settings=settings)
    cluster.normal(0)
    before = cluster.world.ledger
    cluster.tell(Tick(), 0)
    assert cluster.world.ledger == before
    task = before.nodes[0].task
    assert task is not None
    assert task.killing_since is not None


def test_ticks_alone_change_nothing_of_a_replacement_under_way() -> None:
    cluster = down(1)
    cluster.tell(ReplaceNode("node-1"))
    before = cluster.world.ledger
    for _ in range(5):
        cluster.tell(Tick(), 60)
    assert cluster.world.ledger == before


def test_ledgers_written_before_replacements_are_read() -> None:
    node = deployed().node(0)
    data = to_bytes(node)
    for name in (b"replacement", b"ring_address"):
        assert name in data
    old = replace(node, ring_address=None, rack="")
    text = to_bytes(old).replace(b'"replacement": null, ', b"").replace(b'"ring_address": null, ', b"")
    text = text.replace(b'"format": %d' % FORMAT, b'"format": 1')
    assert from_bytes(Node, text, "nodes/node-0") == old
