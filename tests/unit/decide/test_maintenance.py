"""Operations: one node after the other, in each node's own slot."""

from __future__ import annotations

import dataclasses

import pytest

from protocol.codec import decode
from protocol.maintenance import EndValidations, Progress, RepairOptions
from protocol.message import VALIDATIONS, Message, decode_message, encode_message
from protocol.report import Report, encode_report
from protocol.task import decode_maintenance
from scheduler.decide.decision import Refused, UnknownName
from scheduler.decide.maintenance import MOST_FAILURES, PIECE_SECONDS
from scheduler.decide.plans import plans
from scheduler.model.event import (
    ForceComplete,
    Interrupt,
    MessageReceived,
    OffersReceived,
    Proceed,
    RestartStep,
    StartOperation,
    StopOperation,
    Subscribed,
    Tick,
    Updated,
)
from scheduler.model.intent import Decline, Intent, Kill, Launch, Reconcile, Revive, Send
from scheduler.model.offer import Offer
from scheduler.model.operation import Operation, Part
from scheduler.model.plan import Status
from scheduler.model.resource import Resource
from scheduler.model.task import TaskUpdate
from tests.unit.decide.cluster import Cluster, launches

TABLES = {"ks": ("a", "b")}


@pytest.fixture
def cluster() -> Cluster:
    """Three nodes that are up."""
    cluster = Cluster()
    cluster.deploy()
    return cluster


def start(
    cluster: Cluster, kind: str = "cleanup", nodes: tuple[int, ...] | None = None
) -> tuple[Intent, ...]:
    return cluster.tell(StartOperation(kind, nodes, TABLES))


def operation(cluster: Cluster) -> Operation:
    return max(cluster.world.ledger.operations.values(), key=lambda one: one.number)


def part(cluster: Cluster, node: int) -> Part:
    return next(part for part in operation(cluster).parts if part.node == node)


def slot(cluster: Cluster, node: int, **changes: object) -> Offer:
    """An offer of what is left of the node's reservation beside its executor and server."""
    record, settings = cluster.node(node), cluster.world.ledger.target.node
    place = record.placement
    assert place is not None
    levels = place.resources[0].reservations
    resources = (
        Resource("cpus", settings.cluster_task_cpus, reservations=levels),
        Resource("mem", settings.cluster_task_memory_mb, reservations=levels),
    )
    return Offer(f"slot-{node}", place.agent_id, place.hostname, place.address, resources)._replace(**changes)


def offer_slots(cluster: Cluster) -> list[Launch]:
    nodes = [node.number for node in cluster.world.ledger.members() if node.placement]
    return launches(cluster.tell(OffersReceived(tuple(slot(cluster, number) for number in nodes))))


def hear(cluster: Cluster, node: int, state: str, done: int = 0, **changes: object) -> tuple[Intent, ...]:
    task = part(cluster, node).task
    assert task is not None
    data = encode_report(Report(progress=Progress(done, 2, done / 2, "cleanup of ks.a", eta_seconds=10.0)))
    update = TaskUpdate(task.id, state, task.agent_id, uuid="u", timestamp=cluster.now, data=data)
    for name, value in changes.items():
        update = update.__class__(**{**update.__dict__, name: value})
    return cluster.tell(Updated(update))


def work_through(cluster: Cluster, node: int) -> None:
    (launch,) = offer_slots(cluster)
    assert launch.name.endswith(f"node-{node}")
    hear(cluster, node, "TASK_RUNNING")
    hear(cluster, node, "TASK_FINISHED", done=2)


def test_nodes_are_worked_on_one_after_the_other_until_all_are_done(cluster: Cluster) -> None:
    assert Revive() in start(cluster)
    for number in range(3):
        assert operation(cluster).status == "running"
        work_through(cluster, number)
        assert part(cluster, number).done
    assert operation(cluster).status == "complete"
    assert offer_slots(cluster) == []


def test_a_task_runs_in_the_nodes_own_slot_under_the_executor_that_is_there(cluster: Cluster) -> None:
    start(cluster)
    (launch,) = offer_slots(cluster)
    server = cluster.node(0).task
    assert server is not None
    assert launch.executor == server.executor
    assert launch.resources == slot(cluster, 0).resources
    task = decode_maintenance(launch.data)
    assert (task.node, task.kind, task.tables) == ("node-0", "cleanup", TABLES)
    assert task.disk_mb == cluster.world.ledger.target.node.cassandra.disk_mb


def test_a_second_operation_is_refused_with_since_when_and_how_far(cluster: Cluster) -> None:
    start(cluster)
    work_through(cluster, 0)
    with pytest.raises(Refused, match=r"cleanup has been running since 1970-01-01T.*Z and is 33 % done"):
        start(cluster, "repair")
    with pytest.raises(Refused, match="PUT /v1/cleanup/stop ends it"):
        start(cluster, "cleanup")


def test_only_the_named_nodes_are_worked_on(cluster: Cluster) -> None:
    start(cluster, nodes=(2, 1))
    work_through(cluster, 1)
    work_through(cluster, 2)
    assert operation(cluster).status == "complete"


def test_nodes_without_data_are_not_asked_for_maintenance() -> None:
    cluster = Cluster()
    cluster.subscribe()
    with pytest.raises(Refused, match="no node has ever been NORMAL"):
        start(cluster)
    with pytest.raises(Refused, match="node-1 has never been NORMAL"):
        start(cluster, nodes=(1,))


def test_a_new_leader_goes_on_with_the_task_that_runs(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    hear(cluster, 0, "TASK_RUNNING", done=1)
    intents = cluster.tell(Subscribed("F1", "10.0.0.1:5050"))
    task = part(cluster, 0).task
    assert task is not None
    (asked,) = [intent for intent in intents if isinstance(intent, Reconcile)]
    assert (task.id, task.agent_id) in asked.tasks
    assert offer_slots(cluster) == []
    hear(cluster, 0, "TASK_FINISHED", done=2)
    assert part(cluster, 0).done


def test_a_task_that_mesos_does_not_know_any_more_is_launched_again(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    hear(cluster, 0, "TASK_GONE", uuid=None)
    cluster.tell(Tick(), 10.0)
    (launch,) = offer_slots(cluster)
    assert launch.name == "cleanup-node-0"
    assert part(cluster, 0).failures == 0


def test_a_task_that_cannot_be_reached_is_asked_about(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    hear(cluster, 0, "TASK_RUNNING")
    hear(cluster, 0, "TASK_UNREACHABLE", uuid=None)
    task = part(cluster, 0).task
    assert task is not None
    assert Reconcile(((task.id, task.agent_id),)) in cluster.tell(Tick(), 31.0)
    hear(cluster, 0, "TASK_RUNNING")
    assert part(cluster, 0).task == task, "its executor's word may be an old one"
    hear(cluster, 0, "TASK_RUNNING", uuid=None)
    assert part(cluster, 0).task != task


def test_a_task_that_cannot_be_reached_is_over_once_its_node_lives_on_another_agent(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    hear(cluster, 0, "TASK_RUNNING")
    hear(cluster, 0, "TASK_UNREACHABLE", uuid=None)
    cluster.update(0, "TASK_UNREACHABLE", uuid=None)
    place = cluster.node(0).placement
    assert place is not None
    back = Offer("back", "S-back", place.hostname, place.address, place.resources)
    assert launches(cluster.tell(OffersReceived((back,))))
    cluster.tell(StopOperation("cleanup"))
    assert operation(cluster).ended_at is not None


def test_a_launch_of_which_nothing_is_heard_is_asked_about(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    task = part(cluster, 0).task
    assert task is not None
    asked = cluster.tell(Tick(), 31.0)
    assert Reconcile(((task.id, task.agent_id),)) in asked


def test_the_end_of_the_nodes_executor_is_no_failure_of_the_work(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    hear(cluster, 0, "TASK_FAILED", reason="REASON_EXECUTOR_TERMINATED")
    cluster.update(0, "TASK_FAILED", reason="REASON_EXECUTOR_TERMINATED")
    assert part(cluster, 0).failures == 0
    step = plans(cluster.world, cluster.now + 10)["cleanup"].phases[0].steps[0]
    assert step.status is Status.WAITING
    assert step.waiting_for is not None
    assert step.waiting_for.startswith("node-0 to be NORMAL again")


def test_a_failing_part_is_tried_again_later_and_fails_the_operation_in_its_own_words(
    cluster: Cluster,
) -> None:
    start(cluster)
    for attempt in range(MOST_FAILURES):
        cluster.tell(Tick(), 400.0)
        assert len(offer_slots(cluster)) == 1, attempt
        hear(cluster, 0, "TASK_FAILED", message="nodetool cleanup ks a: no space")
        assert offer_slots(cluster) == []
    ended = operation(cluster)
    assert ended.status == "failed"
    assert ended.failed == f"node-0 failed {MOST_FAILURES} times: nodetool cleanup ks a: no space"
    plan = plans(cluster.world, cluster.now)["cleanup"]
    assert plan.status is Status.ERROR
    assert plan.errors == (ended.failed,)


def test_a_part_that_gets_further_between_its_failures_goes_on(cluster: Cluster) -> None:
    start(cluster)
    for done in range(1, MOST_FAILURES + 3):
        cluster.tell(Tick(), 400.0)
        assert len(offer_slots(cluster)) == 1
        hear(cluster, 0, "TASK_FAILED", done=done)
    assert operation(cluster).status == "running"


def test_a_failed_operation_goes_on_where_it_was_when_told_to_proceed(cluster: Cluster) -> None:
    start(cluster)
    work_through(cluster, 0)
    for _ in range(MOST_FAILURES):
        cluster.tell(Tick(), 400.0)
        offer_slots(cluster)
        hear(cluster, 1, "TASK_FAILED")
    assert operation(cluster).status == "failed"
    cluster.tell(Proceed("cleanup"))
    work_through(cluster, 1)
    work_through(cluster, 2)
    assert operation(cluster).status == "complete"


def test_stop_ends_the_task_at_once_and_then_the_operation(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    task = part(cluster, 0).task
    assert task is not None
    assert Kill(task.id, task.agent_id, 0.0) in cluster.tell(StopOperation("cleanup"))
    assert operation(cluster).status == "running"
    assert Kill(task.id, task.agent_id, 0.0) in cluster.tell(Tick(), 31.0), "the kill may have been lost"
    hear(cluster, 0, "TASK_KILLED")
    assert operation(cluster).status == "stopped"
    assert offer_slots(cluster) == []
    with pytest.raises(Refused, match="no cleanup is running"):
        cluster.tell(StopOperation("cleanup"))


def told_to_end_validations(intents: tuple[Intent, ...]) -> list[Message]:
    sent = [decode_message(intent.data) for intent in intents if isinstance(intent, Send)]
    return [message for message in sent if message.subject == VALIDATIONS]


def stopped_repair(cluster: Cluster) -> list[Message]:
    """A repair that was stopped, whose task has ended, and what the nodes are told then."""
    start(cluster, "repair")
    offer_slots(cluster)
    assert told_to_end_validations(cluster.tell(StopOperation("repair"))) == []
    return told_to_end_validations(hear(cluster, 0, "TASK_KILLED"))


def test_a_stopped_repair_has_ended_once_all_nodes_have_ended_what_they_read_for_it(cluster: Cluster) -> None:
    asked = stopped_repair(cluster)
    assert [message.node for message in asked] == ["node-0", "node-1", "node-2"]
    assert decode(EndValidations, asked[0].body) == EndValidations(TABLES)
    for message in asked:
        assert operation(cluster).status == "running"
        answer = dataclasses.replace(message, answer=True, body={})
        cluster.tell(MessageReceived("e", "a", encode_message(answer)))
    assert operation(cluster).status == "stopped"


def test_a_node_that_cannot_end_what_it_reads_is_told_again_and_keeps_the_stop_only_so_long(
    cluster: Cluster,
) -> None:
    error = dataclasses.replace(stopped_repair(cluster)[0], answer=True, body={"error": "not now"})
    cluster.tell(MessageReceived("e", "a", encode_message(error)))
    told = [told_to_end_validations(cluster.tell(Tick(), 10.0)) for _ in range(4)]
    assert [len(messages) for messages in told] == [3, 3, 0, 0]
    assert operation(cluster).status == "stopped"


def test_an_interrupted_operation_finishes_the_piece_it_is_at_and_goes_on_when_told(cluster: Cluster) -> None:
    start(cluster, "repair")
    offer_slots(cluster)
    task = part(cluster, 0).task
    assert task is not None
    assert Kill(task.id, task.agent_id, PIECE_SECONDS) in cluster.tell(Interrupt("repair"))
    hear(cluster, 0, "TASK_KILLED", done=1)
    cluster.tell(Tick(), 10.0)
    assert offer_slots(cluster) == []
    plan = plans(cluster.world, cluster.now)["repair"]
    assert plan.interrupted
    assert "is interrupted" in (plan.phases[0].steps[0].waiting_for or "")
    cluster.tell(Proceed("repair"))
    (launch,) = offer_slots(cluster)
    assert launch.name == "repair-node-0"


def test_a_stop_after_an_interruption_does_not_wait_for_the_piece(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    cluster.tell(Interrupt("cleanup"))
    task = part(cluster, 0).task
    assert task is not None
    assert Kill(task.id, task.agent_id, 0.0) in cluster.tell(StopOperation("cleanup"))


def test_repair_waits_while_another_node_is_down_and_cleanup_does_not(cluster: Cluster) -> None:
    cluster.update(2, "TASK_FAILED")
    start(cluster, "repair", nodes=(0,))
    assert offer_slots(cluster) == []
    step = plans(cluster.world, cluster.now)["repair"].phases[0].steps[0]
    assert step.waiting_for == "node-2 to be NORMAL again: a repair needs all replicas"
    cluster.tell(StopOperation("repair"))
    start(cluster, "cleanup", nodes=(0,))
    assert len(offer_slots(cluster)) == 1


def test_a_step_can_be_taken_as_complete(cluster: Cluster) -> None:
    start(cluster)
    cluster.tell(ForceComplete("cleanup", "Cleanup", "cleanup-node-0"))
    work_through(cluster, 1)
    work_through(cluster, 2)
    assert operation(cluster).status == "complete"


def test_a_step_that_runs_is_ended_when_it_is_taken_as_complete(cluster: Cluster) -> None:
    start(cluster)
    offer_slots(cluster)
    task = part(cluster, 0).task
    assert task is not None
    intents = cluster.tell(ForceComplete("cleanup", "Cleanup", "cleanup-node-0"))
    assert Kill(task.id, task.agent_id, 0.0) in intents
    assert offer_slots(cluster) == [], "one task at a time"
    hear(cluster, 0, "TASK_KILLED")
    work_through(cluster, 1)


def test_a_step_that_was_done_is_done_again_from_the_beginning(cluster: Cluster) -> None:
    start(cluster, nodes=(0,))
    work_through(cluster, 0)
    before = operation(cluster)
    cluster.tell(RestartStep("cleanup", "Cleanup", None))
    (launch,) = offer_slots(cluster)
    assert decode_maintenance(launch.data).operation != f"{before.id}-0"
    hear(cluster, 0, "TASK_FINISHED", done=2)
    assert operation(cluster).status == "complete"


def test_steps_and_plans_that_are_not_there_are_named(cluster: Cluster) -> None:
    with pytest.raises(UnknownName, match="there is no plan cleanup"):
        cluster.tell(Interrupt("cleanup"))
    start(cluster)
    with pytest.raises(UnknownName, match="has no phase Repair"):
        cluster.tell(ForceComplete("cleanup", "Repair", None))
    with pytest.raises(UnknownName, match="has no step node-9"):
        cluster.tell(ForceComplete("cleanup", "Cleanup", "node-9"))


def test_offers_of_other_slots_are_given_back_for_a_short_time_only(cluster: Cluster) -> None:
    start(cluster)
    intents = cluster.tell(OffersReceived((slot(cluster, 2),)))
    assert intents == (Decline(("slot-2",), cluster.world.settings.mesos_refuse_seconds),)


def test_a_slot_that_is_too_small_is_not_used(cluster: Cluster) -> None:
    start(cluster)
    whole = slot(cluster, 0)
    tiny = tuple(resource._replace(scalar=0.001) for resource in whole.resources)
    assert launches(cluster.tell(OffersReceived((whole._replace(resources=tiny),)))) == []


def test_the_time_left_counts_the_nodes_to_come(cluster: Cluster) -> None:
    start(cluster)
    assert operation(cluster).eta_seconds is None
    offer_slots(cluster)
    hear(cluster, 0, "TASK_RUNNING", done=1)
    assert operation(cluster).eta_seconds == pytest.approx(10.0 + 2 * 20.0)
    assert operation(cluster).fraction == pytest.approx(0.5 / 3)


def test_repair_options_reach_the_executor(cluster: Cluster) -> None:
    options = RepairOptions(incremental=True, parallelism="sequential", intensity=0.5)
    cluster.tell(StartOperation("repair", (0,), TABLES, options))
    (launch,) = offer_slots(cluster)
    assert decode_maintenance(launch.data).repair == options


def test_old_operations_are_forgotten(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.decide.operations.KEPT", 2)
    for _ in range(4):
        start(cluster, nodes=(0,))
        cluster.tell(StopOperation("cleanup"))
    assert sorted(one.number for one in cluster.world.ledger.operations.values()) == [3, 4]
