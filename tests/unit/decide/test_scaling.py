"""Taking nodes away: asked, ordered, waited for, and nothing destroyed before its time."""

from dataclasses import replace

import pytest

from protocol.codec import encode
from protocol.leaving import Leaving
from protocol.message import DECOMMISSION, SCHEMA, STATUS, decode_message, encode_message
from protocol.report import NodeStatus, Report, encode_report
from protocol.schema import Keyspace, Schema
from protocol.task import decode_task
from scheduler.decide.decision import Refused
from scheduler.decide.plans import plans
from scheduler.decide.seeds import seed_addresses
from scheduler.model.event import (
    ForceComplete,
    Interrupt,
    MessageReceived,
    Proceed,
    ReplaceNode,
    RestartNode,
    RestartStep,
    StartOperation,
    Tick,
    Updated,
)
from scheduler.model.intent import Destroy, Intent, Kill, Send, Unreserve
from scheduler.model.node import Placement, Stage
from scheduler.model.plan import Status, Step
from scheduler.model.resource import Resource
from scheduler.model.task import TaskUpdate
from tests.unit.decide.cluster import Cluster, launches, new_world, offer, settings
from tests.unit.decide.test_configuration import changed, configure, kills, operations, rest

MB = 2**20
PHASE = "Decommission"
THREE_COPIES = Schema(
    {
        "system": Keyspace(("local",), {"class": "LocalStrategy"}),
        "system_distributed": Keyspace((), {"class": "SimpleStrategy", "replication_factor": "3"}),
        "shop": Keyspace(("orders",), {"class": "NetworkTopologyStrategy", "dc1": "3"}),
    }
)


def four() -> Cluster:
    cluster = Cluster(new_world(4))
    cluster.deploy(4)
    return cluster


def asked(intents: tuple[Intent, ...] | list[Intent], subject: str) -> list[Send]:
    sent = [i for i in intents if isinstance(i, Send)]
    return [one for one in sent if decode_message(one.data).subject == subject]


def answer(cluster: Cluster, question: Send, body: object) -> tuple[Intent, ...]:
    message = replace(decode_message(question.data), answer=True, body=encode(body))
    return cluster.tell(MessageReceived(question.executor_id, question.agent_id, encode_message(message)))


def reply(cluster: Cluster, since: int, schema: Schema = THREE_COPIES, **status: int) -> None:
    """All nodes answer what they were asked since then."""
    facts = {"load_bytes": 100 * MB, "disk_free_bytes": 5000 * MB, **status}
    for question in asked(cluster.intents[since:], SCHEMA)[:1]:
        answer(cluster, question, schema)
    for question in asked(cluster.intents[since:], STATUS):
        answer(cluster, question, NodeStatus("NORMAL", **facts))  # type: ignore[arg-type]


def shrink(cluster: Cluster, nodes: int = 3, **changes: int) -> tuple[str, ...]:
    """A new scheduler starts with fewer nodes, and the nodes answer that there is room."""
    mark = len(cluster.intents)
    errors = configure(cluster, replace(settings(nodes), **changes))
    reply(cluster, mark)
    return errors


def leaving() -> tuple[Cluster, Placement]:
    """A cluster of which node-3 leaves, and the place of that node."""
    cluster = four()
    shrink(cluster)
    place = cluster.node(3).placement
    assert place is not None
    return cluster, place


def mode(cluster: Cluster, number: int, name: str) -> tuple[Intent, ...]:
    """The node tells its mode."""
    status = NodeStatus(name, True, as_of=cluster.now + 1, endpoint=cluster.address(number))
    return cluster.update(number, "TASK_RUNNING", encode_report(Report(status)))


def step(cluster: Cluster, name: str = "node-3") -> Step:
    deploy = plans(cluster.world, cluster.now)["deploy"]
    (phase,) = [phase for phase in deploy.phases if phase.name == PHASE]
    return next(step for step in phase.steps if step.name == name)


def stage(cluster: Cluster, number: int = 3) -> Stage | None:
    departure = cluster.node(number).departure
    return departure.stage if departure else None


def take_away(cluster: Cluster, number: int = 3) -> None:
    """From LEAVING to nothing left."""
    place = cluster.node(number).placement
    assert place is not None
    mode(cluster, number, "DECOMMISSIONED")
    cluster.update(number, "TASK_KILLED")
    give_back(cluster, number, place.resources)


def give_back(cluster: Cluster, number: int, resources: tuple[Resource, ...]) -> None:
    cluster.offers(offer(number + 1, 20, resources=resources))
    plain = tuple(r._replace(disk=None) for r in resources)
    cluster.offers(offer(number + 1, 21, resources=plain))
    cluster.offers(offer(number + 1, 22))


def test_the_nodes_are_asked_before_the_target_is_taken_over() -> None:
    cluster = four()
    mark = len(cluster.intents)
    assert configure(cluster, settings(3)) == ()
    assert cluster.world.ledger.target.nodes == 4
    names = {decode_message(one.data).node for one in asked(cluster.intents[mark:], STATUS)}
    assert names == {"node-0", "node-1", "node-2", "node-3"}
    assert step(cluster).status is Status.WAITING
    assert "the answers of node-0, node-1, node-2, node-3" in step(cluster).message
    reply(cluster, mark)
    assert cluster.world.ledger.target.nodes == 3
    assert stage(cluster) is Stage.LEAVING
    assert {decode_message(one.data).node for one in asked(cluster.intents[mark:], DECOMMISSION)} == {
        "node-3"
    }


def test_a_question_that_is_not_answered_is_repeated() -> None:
    cluster = four()
    configure(cluster, settings(3))
    mark = len(cluster.intents)
    for _ in range(10):
        cluster.tell(Tick())
    assert 8 <= len(asked(cluster.intents[mark:], STATUS)) <= 12


def test_a_change_that_lacks_room_is_refused_as_a_whole_and_looked_at_again() -> None:
    cluster = four()
    mark = len(cluster.intents)
    configure(cluster, changed(settings(3), heap_size_mb=3000))
    reply(cluster, mark, load_bytes=3000 * MB, disk_free_bytes=1400 * MB)
    deploy = plans(cluster.world, cluster.now)["deploy"]
    assert deploy.status is Status.ERROR
    (error,) = deploy.errors
    assert "would move 3000.0 MB from node-3 to the other nodes, which have 4200.0 MB free" in error
    assert "need 4500.0 MB" in error
    assert cluster.world.ledger.target.nodes == 4
    assert cluster.world.ledger.target.node.cassandra.heap_size_mb == 2048
    assert (step(cluster).status, stage(cluster)) == (Status.ERROR, None)
    mark = len(cluster.intents)
    cluster.tell(Tick(), 61.0)
    assert plans(cluster.world, cluster.now)["deploy"].errors == (error,), "as long as nothing else is known"
    reply(cluster, mark)
    assert plans(cluster.world, cluster.now)["deploy"].errors == ()
    assert cluster.world.ledger.target.nodes == 3


def test_room_is_what_the_volume_has_however_big_the_disk_is() -> None:
    cluster = four()
    mark = len(cluster.intents)
    configure(cluster, settings(3))
    reply(cluster, mark, load_bytes=9000 * MB, disk_free_bytes=10**15)
    (error,) = plans(cluster.world, cluster.now)["deploy"].errors
    assert "which have 3720.0 MB free" in error


@pytest.mark.parametrize(
    ("keyspace", "copies"), [("system_distributed", "3"), ("shop", "3"), ("system_auth", "3")]
)
def test_a_keyspace_that_would_no_longer_fit_is_named(keyspace: str, copies: str) -> None:
    cluster = Cluster()
    cluster.deploy()
    mark = len(cluster.intents)
    configure(cluster, settings(2))
    schema = Schema({keyspace: Keyspace((), {"class": "NetworkTopologyStrategy", "dc1": copies})})
    reply(cluster, mark, schema)
    (error,) = plans(cluster.world, cluster.now)["deploy"].errors
    assert error.startswith(f"NODES=2 is too few for the keyspace {keyspace}, which keeps 3 copies")
    assert stage(cluster, 2) is None


def test_keyspaces_without_a_number_of_copies_do_not_matter() -> None:
    cluster = Cluster()
    cluster.deploy()
    mark = len(cluster.intents)
    configure(cluster, settings(2))
    strategies = ({"class": "LocalStrategy"}, {"class": "EverywhereStrategy"}, {"class": "X", "dc2": "9"})
    reply(cluster, mark, Schema({str(i): Keyspace((), one) for i, one in enumerate(strategies)}))
    assert stage(cluster, 2) is Stage.LEAVING


def test_more_than_one_node_is_taken_away_only_where_that_is_allowed() -> None:
    cluster = Cluster(new_world(5))
    cluster.deploy(5)
    (error,) = configure(cluster, settings(3))
    assert error == (
        "NODES=3 would take node-3, node-4 away at once: set SERVICE_ALLOW_SHRINK=2 if that is meant, "
        "or NODES back to 5"
    )
    assert shrink(cluster, 3, allow_shrink=2) == ()
    assert (stage(cluster, 4), stage(cluster, 3)) == (Stage.LEAVING, None)
    assert step(cluster, "node-3").status is Status.WAITING
    assert "node-4 leaves first" in step(cluster, "node-3").message
    take_away(cluster, 4)
    assert (stage(cluster, 4), stage(cluster, 3)) == (Stage.UNRESERVED, Stage.LEAVING)


def test_a_node_leaves_in_stages_each_of_which_was_seen() -> None:
    cluster, place = leaving()
    mode(cluster, 3, "LEAVING")
    assert (step(cluster).status, stage(cluster)) == (Status.IN_PROGRESS, Stage.LEAVING)
    assert kills(mode(cluster, 3, "DECOMMISSIONED")) == ["node-3"]
    assert stage(cluster) is Stage.LEFT
    cluster.update(3, "TASK_KILLED")
    assert stage(cluster) is Stage.KILLED
    (destroy,) = operations(cluster.offers(offer(4, 20, resources=place.resources)))
    assert isinstance(destroy, Destroy)
    assert [r.persistence_id for r in destroy.volumes] == [place.persistence_id]
    assert stage(cluster) is Stage.KILLED, "what was sent may have been lost"
    plain = tuple(r._replace(disk=None) for r in place.resources)
    (unreserve,) = operations(cluster.offers(offer(4, 21, resources=plain)))
    assert isinstance(unreserve, Unreserve)
    assert unreserve.resources == plain
    assert stage(cluster) is Stage.DESTROYED
    assert operations(cluster.offers(offer(4, 22, resources=plain))) == [unreserve]
    cluster.offers(offer(4, 23))
    assert stage(cluster) is Stage.UNRESERVED
    assert (step(cluster).status, cluster.node(3).placement) == (Status.COMPLETE, None)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE
    assert plans(cluster.world, cluster.now)["recovery"].status is Status.COMPLETE
    assert cluster.world.ledger.named("node-3") is None


def test_nothing_is_destroyed_or_given_back_of_a_part() -> None:
    cluster, place = leaving()
    mode(cluster, 3, "DECOMMISSIONED")
    assert operations(cluster.offers(offer(4, 19, resources=place.resources))) == [], "it still runs"
    cluster.update(3, "TASK_KILLED")
    part = tuple(r for r in place.resources if r.name == "mem")
    assert operations(cluster.offers(offer(4, 20, resources=part))) == []
    cluster.offers(offer(4, 21))
    assert stage(cluster) is Stage.KILLED


def test_what_was_in_another_offer_is_given_back_once_the_disk_is() -> None:
    cluster, place = leaving()
    mode(cluster, 3, "DECOMMISSIONED")
    cluster.update(3, "TASK_KILLED")
    plain = [r._replace(disk=None) for r in place.resources]
    part, rest = (tuple(r for r in plain if (r.name == "cpus") is later) for later in (False, True))
    assert operations(cluster.offers(offer(4, 20, resources=part))) == [Unreserve(part)]
    assert operations(cluster.offers(offer(4, 21, resources=rest))) == [Unreserve(rest)]
    cluster.offers(offer(4, 22))
    assert stage(cluster) is Stage.UNRESERVED


def test_the_order_is_repeated_until_the_node_has_left() -> None:
    cluster = four()
    mark = len(cluster.intents)
    shrink(cluster)
    for _ in range(20):
        cluster.tell(Tick())
    assert len(asked(cluster.intents[mark:], DECOMMISSION)) >= 3
    mode(cluster, 3, "LEAVING")
    question = asked(cluster.intents, DECOMMISSION)[-1]
    answer(cluster, question, Leaving("LEAVING", 3 * MB, 12 * MB))
    assert step(cluster).message == "hands its data over: 3.0 of 12.0 MB sent"
    answer(cluster, question, Leaving("NORMAL", problem="Not enough live nodes"))
    assert (step(cluster).status, step(cluster).message) == (
        Status.DELAYED,
        "Cassandra refuses to leave: Not enough live nodes",
    )


def test_a_leaving_node_that_fails_is_started_again_and_told_again() -> None:
    cluster = four()
    shrink(cluster)
    mode(cluster, 3, "LEAVING")
    cluster.update(3, "TASK_FAILED")
    assert step(cluster).status is Status.WAITING
    assert launches(cluster.offers(rest(cluster, 3)))
    mark = len(cluster.intents)
    cluster.now += 60
    mode(cluster, 3, "NORMAL")
    assert len(asked(cluster.intents[mark:], DECOMMISSION)) == 1
    assert stage(cluster) is Stage.LEAVING


def test_a_node_that_has_left_is_never_started_again_whoever_noticed_last() -> None:
    cluster = four()
    shrink(cluster)
    mode(cluster, 3, "LEAVING")
    cluster.update(3, "TASK_FAILED")
    assert launches(cluster.offers(rest(cluster, 3)))
    refused = Report(NodeStatus("DECOMMISSIONED", as_of=cluster.now + 9))
    cluster.update(3, "TASK_FAILED", encode_report(refused))
    assert stage(cluster) is Stage.KILLED
    (operation,) = operations(cluster.offers(rest(cluster, 3)))
    assert isinstance(operation, Destroy)


def test_a_task_that_comes_back_after_all_is_ended_again() -> None:
    cluster = four()
    shrink(cluster)
    mode(cluster, 3, "DECOMMISSIONED")
    cluster.update(3, "TASK_UNKNOWN", uuid=None)
    assert stage(cluster) is Stage.KILLED
    cluster.now += 60
    assert kills(cluster.update(3, "TASK_RUNNING", uuid=None)) == ["node-3"]
    assert operations(cluster.offers(rest(cluster, 3))) == []


def test_no_other_node_is_taken_down_or_added_while_one_leaves() -> None:
    cluster = four()
    mark = len(cluster.intents)
    configure(cluster, changed(settings(3), heap_size_mb=3000))
    reply(cluster, mark)
    assert stage(cluster) is Stage.LEAVING
    mode(cluster, 3, "LEAVING")
    assert kills(cluster.intents[mark:]) == []
    take_away(cluster)
    cluster.normal(0)
    assert kills(cluster.intents[mark:]) == ["node-3", "node-0"]


def test_a_node_does_not_begin_to_leave_while_another_is_down() -> None:
    cluster = four()
    mark = len(cluster.intents)
    configure(cluster, settings(3))
    reply(cluster, mark)
    cluster = four()
    cluster.tell(Interrupt("deploy"))
    shrink(cluster)
    assert stage(cluster) is None
    assert "interrupted" in step(cluster).message
    cluster.update(1, "TASK_FAILED")
    cluster.world = replace(
        cluster.world,
        ledger=replace(cluster.world.ledger, controls=replace(cluster.world.ledger.controls, interrupted=())),
    )
    cluster.tell(Tick())
    assert stage(cluster) is None
    assert "node-1 to be NORMAL" in step(cluster).message


def two() -> Cluster:
    cluster = Cluster(new_world(2))
    cluster.deploy(2)
    return cluster


def test_a_node_is_not_replaced_from_one_that_has_begun_to_leave() -> None:
    cluster = two()
    mark = len(cluster.intents)
    configure(cluster, settings(1))
    reply(cluster, mark, schema=Schema({}))
    assert stage(cluster, 1) is Stage.LEAVING
    assert cluster.node(1).normal, "as far as anybody has told"
    with pytest.raises(Refused, match="no other node is NORMAL but node-1, which leaves the ring; wait"):
        cluster.tell(ReplaceNode("node-0", force=True))


def test_a_node_does_not_begin_to_leave_while_another_one_is_to_be_replaced() -> None:
    cluster = two()
    cluster.tell(Interrupt("recovery"))
    cluster.tell(ReplaceNode("node-0", force=True))
    mark = len(cluster.intents)
    configure(cluster, settings(1))
    reply(cluster, mark, schema=Schema({}))
    assert stage(cluster, 1) is None
    assert "the replacement of node-0, which streams from the others" in step(cluster, "node-1").message


def test_seeds_follow_membership() -> None:
    cluster = Cluster(new_world(2, seed_nodes=2))
    cluster.deploy(2)
    assert seed_addresses(cluster.world) == ("10.0.0.1", "10.0.0.2")
    mark = len(cluster.intents)
    configure(cluster, settings(1, seed_nodes=2))
    reply(cluster, mark, Schema({}))
    assert stage(cluster, 1) is Stage.LEAVING
    assert seed_addresses(cluster.world) == ("10.0.0.1",)
    pushed = [decode_message(s.data).body for s in asked(cluster.intents[mark:], "seeds")]
    assert {"seeds": ["10.0.0.1"]} in pushed


def test_a_target_raised_halfway_lets_the_node_leave_and_adds_a_new_generation() -> None:
    cluster = four()
    before = cluster.node(3)
    assert before.placement is not None
    shrink(cluster)
    mode(cluster, 3, "LEAVING")
    assert configure(cluster, settings(4)) == ()
    assert stage(cluster) is Stage.LEAVING
    assert launches(cluster.offers(offer(5))) == []
    mark = len(cluster.intents)
    take_away(cluster)
    assert stage(cluster) is None
    assert step_of_deploy(cluster) is Status.STARTING, "on the very offer that showed that all was gone"
    (launch,) = launches(tuple(cluster.intents[mark:]))
    assert launch.name == "node-3"
    after = cluster.node(3).placement
    assert after is not None
    assert after.generation != before.placement.generation
    assert launch.task_id != before.task.id  # type: ignore[union-attr]


def step_of_deploy(cluster: Cluster) -> Status:
    deploy = plans(cluster.world, cluster.now)["deploy"]
    return next(s.status for phase in deploy.phases if phase.name == "Deploy" for s in phase.steps[3:])


def test_a_node_taken_away_can_be_added_again_later() -> None:
    cluster = four()
    shrink(cluster)
    old = cluster.node(3).placement
    take_away(cluster)
    assert configure(cluster, settings(4)) == ()
    assert launches(cluster.offers(offer(4, 30)))
    new = cluster.node(3).placement
    assert old is not None
    assert new is not None
    assert (old.generation, old.persistence_id) != (new.generation, new.persistence_id)
    again = offer(9, 31, resources=old.resources)
    assert [type(o) for o in operations(cluster.offers(again))] == [Destroy, Unreserve]


def test_a_node_that_never_joined_is_taken_away_without_asking() -> None:
    cluster = Cluster()
    cluster.deploy()
    configure(cluster, settings(4))
    cluster.offers(offer(4))
    place = cluster.node(3).placement
    assert place is not None
    cluster.update(3, "TASK_RUNNING")
    assert configure(cluster, settings(3)) == ()
    assert cluster.world.ledger.target.nodes == 3
    assert "to join or to fail" in step(cluster).message
    cluster.update(3, "TASK_FAILED")
    assert launches(cluster.offers(offer(4, 19))) == []
    assert stage(cluster) is Stage.KILLED
    give_back(cluster, 3, place.resources)
    assert stage(cluster) is Stage.UNRESERVED


def test_a_node_that_was_never_launched_just_is_no_more() -> None:
    cluster = Cluster()
    cluster.deploy()
    configure(cluster, settings(4))
    configure(cluster, settings(3))
    cluster.tell(Tick())
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE
    assert cluster.world.ledger.named("node-3") is None


def test_an_operator_can_give_up_waiting_for_an_agent_and_what_returns_is_cleaned() -> None:
    cluster = four()
    shrink(cluster)
    with pytest.raises(Refused, match="still a member"):
        cluster.tell(ForceComplete("deploy", PHASE, "node-3"))
    old = cluster.node(3)
    assert old.placement is not None
    assert old.task is not None
    mode(cluster, 3, "DECOMMISSIONED")
    cluster.update(3, "TASK_UNREACHABLE", uuid=None)
    assert step(cluster).status is Status.WAITING
    cluster.tell(ForceComplete("deploy", PHASE, "node-3"))
    assert (step(cluster).status, step(cluster).message) == (Status.COMPLETE, "given up by an operator")
    back = TaskUpdate(old.task.id, "TASK_RUNNING", old.task.agent_id)
    assert [i for i in cluster.tell(Updated(back)) if isinstance(i, Kill)]
    intents = cluster.offers(offer(4, 40, resources=old.placement.resources))
    assert [type(o) for o in operations(intents)] == [Destroy, Unreserve]


def test_a_node_that_leaves_is_not_restarted_by_order() -> None:
    cluster = four()
    shrink(cluster)
    with pytest.raises(Refused, match="leaving the ring"):
        cluster.tell(RestartNode("node-3"))


def test_a_scheduler_that_starts_in_between_goes_on_where_the_last_one_was() -> None:
    reference = four()
    shrink(reference)
    for number in range(5):
        cluster = replace(reference, intents=[])
        place = cluster.node(3).placement
        assert place is not None
        doings = [
            lambda: mode(cluster, 3, "LEAVING"),  # noqa: B023
            lambda: mode(cluster, 3, "DECOMMISSIONED"),  # noqa: B023
            lambda: cluster.update(3, "TASK_KILLED"),  # noqa: B023
            lambda: cluster.offers(offer(4, 50, resources=place.resources)),  # noqa: B023
        ]
        for doing in doings[:number]:
            doing()
        configure(cluster, settings(3))
        for doing in doings[number:]:
            doing()
        give_back(cluster, 3, place.resources)
        assert stage(cluster) is Stage.UNRESERVED, number


def test_a_node_whose_known_configuration_works_no_more_is_tried_with_the_target() -> None:
    cluster = Cluster()
    cluster.deploy()
    configure(cluster, changed(settings(), heap_size_mb=3000))
    cluster.update(2, "TASK_FAILED")
    sizes = []
    for _ in range(4):
        cluster.now = max(cluster.now, cluster.node(2).not_before)
        cluster.offers(rest(cluster, 2))
        task = cluster.node(2).task
        assert task is not None
        sizes.append(cluster.world.ledger.target.known[task.config_id].cassandra.heap_size_mb)
        cluster.update(2, "TASK_FAILED")
    assert sizes == [2048, 3000, 2048, 3000]


def test_an_operation_ordered_meanwhile_does_without_the_node_that_has_left() -> None:
    cluster = four()
    shrink(cluster)
    mode(cluster, 3, "LEAVING")
    cluster.tell(StartOperation("cleanup", (3,), {"shop": ("orders",)}))
    take_away(cluster)
    cluster.tell(Tick())
    assert plans(cluster.world, cluster.now)["cleanup"].status is Status.COMPLETE


def test_another_node_founds_where_the_founder_was_taken_away_before_it_had() -> None:
    cluster = Cluster(new_world(2))
    cluster.subscribe()
    cluster.tell(Interrupt("recovery"))
    cluster.tell(ForceComplete("deploy", "Deploy", "node-0"))
    cluster.offers(offer(1))
    cluster.update(1, "TASK_FAILED")
    cluster.tell(Proceed("recovery"))
    cluster.tell(RestartStep("deploy", "Deploy", "node-0"))
    shrink(cluster, 1)
    place = cluster.node(1).placement
    assert place is not None
    assert launches(cluster.offers(offer(2, 1))) == []
    cluster.offers(offer(1, 1, resources=place.resources))
    cluster.offers(offer(1, 2, resources=tuple(r._replace(disk=None) for r in place.resources)))
    (launch,) = launches(cluster.offers(offer(1, 3)))
    assert (launch.name, decode_task(launch.data).founder) == ("node-0", True)
