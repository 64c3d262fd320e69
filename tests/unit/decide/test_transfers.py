"""Backup and restore: phases over all nodes, words that carry what may not be stored, a ring founded anew."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from protocol.backup import EXISTING, NEW, BackupTask, Keys, Place, Tidy, Word
from protocol.codec import decode
from protocol.maintenance import Progress
from protocol.message import TIDY, WORD, Message, decode_message, encode_message
from protocol.report import Failure, Report, encode_report
from protocol.task import decode_task, decode_work
from scheduler.decide import eventlog
from scheduler.decide.decision import Refused
from scheduler.decide.plans import plans
from scheduler.decide.target import adopt, retarget
from scheduler.model.event import (
    ForceComplete,
    Interrupt,
    LimitTransfer,
    MessageReceived,
    OffersReceived,
    Ordered,
    Proceed,
    ReplaceNode,
    RestartNode,
    StartOperation,
    StartTransfer,
    StopOperation,
    Subscribed,
    Tick,
    Updated,
)
from scheduler.model.intent import Intent, Kill, Launch, Send
from scheduler.model.node import Departure, Stage
from scheduler.model.offer import Offer
from scheduler.model.operation import Operation, Part, Transfer
from scheduler.model.resource import Resource
from scheduler.model.task import TaskUpdate
from scheduler.store.records import to_bytes
from tests.unit.decide.cluster import Cluster, launches, offer, settings
from tests.unit.decide.test_maintenance import offer_slots

KEYS = Keys("canary-access", "canary-secret", "canary-token")
PLACE = Place("s3://bucket/prefix")


@pytest.fixture
def cluster() -> Cluster:
    """Three nodes that are up."""
    cluster = Cluster()
    cluster.deploy()
    return cluster


def order(kind: str = "backup", name: str = "nightly", **changes: object) -> StartTransfer:
    transfer = Transfer(name, PLACE, restore_type=NEW if kind == "restore" else "")
    return StartTransfer(kind, replace(transfer, **changes), KEYS)


def operation(cluster: Cluster) -> Operation:
    return max(cluster.world.ledger.operations.values(), key=lambda one: one.number)


def part(cluster: Cluster, phase: str, node: int) -> Part:
    return next(part for part in operation(cluster).of_phase(phase) if part.node == node)


def hear(
    cluster: Cluster,
    phase: str,
    node: int,
    state: str,
    outcome: object = None,
    failure: Failure | None = None,
) -> tuple[Intent, ...]:
    task = part(cluster, phase, node).task
    assert task is not None
    data = encode_report(Report(progress=Progress(), outcome=outcome, failure=failure))
    message = failure.reason if failure else ""
    update = TaskUpdate(
        task.id, state, task.agent_id, uuid="u", message=message, timestamp=cluster.now, data=data
    )
    return cluster.tell(Updated(update))


def messages(intents: tuple[Intent, ...] | list[Intent], subject: str) -> list[Message]:
    sent = [decode_message(intent.data) for intent in intents if isinstance(intent, Send)]
    return [message for message in sent if message.subject == subject]


def words(intents: tuple[Intent, ...] | list[Intent]) -> list[Word]:
    return [decode(Word, message.body) for message in messages(intents, WORD)]


def answer(cluster: Cluster, subject: str, body: dict[str, object]) -> None:
    """Every node answers what it was told last."""
    last = {message.node: message for message in messages(cluster.intents, subject)}
    for message in last.values():
        replied = replace(message, answer=True, body=body)
        cluster.tell(MessageReceived("E", "S", encode_message(replied)))


def work_through(cluster: Cluster, phase: str, outcome: object = None) -> list[Launch]:
    """Run a phase's tasks, those that wait for one another too."""
    found: list[Launch] = []
    while launched := offer_slots(cluster):
        found += launched
        nodes = [int(launch.name.rpartition("-")[2]) for launch in launched]
        for node in nodes:
            hear(cluster, phase, node, "TASK_RUNNING")
        for node in nodes:
            hear(cluster, phase, node, "TASK_FINISHED", outcome)
        if not any(not part.done for part in operation(cluster).of_phase(phase)):
            break
    return found


def tasks(found: list[Launch]) -> list[BackupTask]:
    read = [decode_work(launch.data) for launch in found]
    return [task for task in read if isinstance(task, BackupTask)]


def end(cluster: Cluster) -> None:
    cluster.tell(Tick())
    answer(cluster, TIDY, {})
    cluster.tell(Tick())


def test_a_backup_goes_through_its_phases_and_ends_once_every_node_is_tidied_up(cluster: Cluster) -> None:
    cluster.tell(order())
    assert len(work_through(cluster, "Snapshot")) == 3
    assert len(work_through(cluster, "Upload", {"files": 7})) == 3
    assert len(work_through(cluster, "BackupSchema", {"sha256": "s", "size": 9})) == 1
    (manifest,) = tasks(work_through(cluster, "Manifest"))
    assert (manifest.summaries, manifest.schema) == (({"files": 7},) * 3, {"sha256": "s", "size": 9})
    assert operation(cluster).status == "running"
    end(cluster)
    assert operation(cluster).status == "complete"
    assert cluster.world.keys == {}


def test_snapshots_are_taken_at_once_when_all_tasks_run(cluster: Cluster) -> None:
    cluster.tell(order())
    offer_slots(cluster)
    told = [*hear(cluster, "Snapshot", 0, "TASK_RUNNING"), *hear(cluster, "Snapshot", 1, "TASK_RUNNING")]
    assert [word.go for word in words(told)] == [False, False]
    told = [*hear(cluster, "Snapshot", 2, "TASK_RUNNING")]
    assert [word.go for word in words(told)] == [True, True, True]


def test_credentials_are_told_to_running_tasks_and_stand_nowhere_else(cluster: Cluster) -> None:
    cluster.tell(order())
    found = work_through(cluster, "Snapshot")
    assert {word.keys for word in words(cluster.intents)} == {KEYS}
    ledger = cluster.world.ledger
    stored = [to_bytes(one) for one in (*ledger.operations.values(), *ledger.nodes.values(), ledger.controls)]
    seen = [*stored, *(launch.data for launch in found), repr(cluster.world).encode()]
    seen += [repr(intent).encode() for intent in cluster.intents]
    assert not [text for text in seen if b"canary" in text]


def test_a_word_is_told_again_until_it_is_answered(cluster: Cluster) -> None:
    cluster.tell(order())
    offer_slots(cluster)
    hear(cluster, "Snapshot", 0, "TASK_RUNNING")
    assert len(messages(cluster.tell(Tick(), 60.0), WORD)) == 1
    answer(cluster, WORD, {"task": "t"})
    assert messages(cluster.tell(Tick(), 60.0), WORD) == []


def test_after_a_change_of_leader_an_operation_waits_for_credentials_and_says_so(cluster: Cluster) -> None:
    cluster.tell(order())
    work_through(cluster, "Snapshot")
    cluster.world = replace(cluster.world, keys={})
    assert offer_slots(cluster) == []
    step = plans(cluster.world, cluster.now)["backup"].phases[1].steps[0]
    assert "the same PUT /v1/backup/start again brings them" in str(step.waiting_for)
    cluster.tell(order())
    assert len(offer_slots(cluster)) == 3


def test_what_was_sealed_is_stored_until_the_end_and_no_longer(cluster: Cluster) -> None:
    cluster.tell(order(sealed="unreadable"))
    assert b"unreadable" in to_bytes(operation(cluster))
    cluster.tell(StopOperation("backup"))
    end(cluster)
    assert operation(cluster).status == "stopped"
    assert b"unreadable" not in to_bytes(operation(cluster))


def test_a_second_order_of_another_name_is_refused(cluster: Cluster) -> None:
    cluster.tell(order())
    with pytest.raises(Refused, match="backup has been running"):
        cluster.tell(order(name="other"))
    with pytest.raises(Refused, match="backup has been running"):
        cluster.tell(StartOperation("cleanup", None, {"ks": ("t",)}))


def test_a_limit_is_shared_by_the_nodes_at_work_and_may_change(cluster: Cluster) -> None:
    cluster.tell(order(bytes_per_second=30e6))
    work_through(cluster, "Snapshot")
    offer_slots(cluster)
    told = [hear(cluster, "Upload", node, "TASK_RUNNING") for node in range(3)]
    assert {word.bytes_per_second for one in told for word in words(one)} == {10e6}
    assert {word.bytes_per_second for word in words(cluster.tell(LimitTransfer("backup", 6e6)))} == {2e6}
    assert {word.bytes_per_second for word in words(cluster.tell(LimitTransfer("backup", None)))} == {None}


@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_snapshots_are_cleared_however_it_ends(cluster: Cluster, how: str) -> None:
    cluster.tell(order())
    work_through(cluster, "Snapshot")
    offer_slots(cluster)
    for node in range(3):
        hear(cluster, "Upload", node, "TASK_RUNNING")
    if how == "stopped":
        assert len([i for i in cluster.tell(StopOperation("backup")) if isinstance(i, Kill)]) == 3
    else:
        hear(cluster, "Upload", 0, "TASK_FAILED", failure=Failure("wrong key", final=True))
    assert messages(cluster.intents, TIDY) == []
    for node in range(3):
        if part(cluster, "Upload", node).alive:
            hear(cluster, "Upload", node, "TASK_KILLED")
    tidies = [decode(Tidy, message.body) for message in messages(cluster.intents, TIDY)]
    assert {(one.abandoned, one.operation, one.keys) for one in tidies} == {
        ("nightly", operation(cluster).id, KEYS)
    }
    assert operation(cluster).status == "running"
    end(cluster)
    assert operation(cluster).status == how
    if how == "failed":
        assert operation(cluster).failed == "node-0 failed: wrong key"


def test_a_node_that_does_not_tidy_up_holds_the_end_up_for_a_while_only(cluster: Cluster) -> None:
    cluster.tell(order())
    cluster.tell(StopOperation("backup"))
    for _ in range(20):
        cluster.tell(Tick(), 10.0)
    assert operation(cluster).status == "stopped"
    assert len(messages(cluster.tell(Tick(), 60.0), TIDY)) == 3
    answer(cluster, TIDY, {})
    assert messages(cluster.tell(Tick(), 600.0), TIDY) == []


def test_what_is_resumed_after_its_end_begins_anew(cluster: Cluster) -> None:
    cluster.tell(order())
    work_through(cluster, "Snapshot")
    cluster.tell(StopOperation("backup"))
    end(cluster)
    cluster.tell(order(name="second"))
    assert [launch.name for launch in offer_slots(cluster)] == [f"snapshot-node-{n}" for n in range(3)]


def test_what_is_left_is_cleared_each_time_that_an_operation_ends(cluster: Cluster) -> None:
    cluster.tell(order())
    for _ in range(2):
        work_through(cluster, "Snapshot")
        offer_slots(cluster)
        hear(cluster, "Upload", 0, "TASK_FAILED", failure=Failure("wrong key", final=True))
        for node in (1, 2):
            hear(cluster, "Upload", node, "TASK_KILLED")
        cluster.intents.clear()
        cluster.tell(Tick(), 60.0)
        assert len(messages(cluster.intents, TIDY)) == 3
        end(cluster)
        assert operation(cluster).status == "failed"
        cluster.tell(Proceed("backup"))
        cluster.tell(order())
        assert operation(cluster).status == "running"


@pytest.mark.parametrize("kind", ["backup", "restore"])
def test_what_is_of_all_nodes_is_resumed_with_the_same_ones_alone(cluster: Cluster, kind: str) -> None:
    cluster.tell(order(kind))
    cluster.tell(StopOperation(kind))
    end(cluster)
    ledger, _ = retarget(cluster.world.ledger, settings(4))
    cluster.world = replace(cluster.world, ledger=ledger)
    cluster.offers(offer(4))
    with pytest.raises(Refused, match="node-3 must have been NORMAL first"):
        cluster.tell(Proceed(kind))
    cluster.normal(3)
    with pytest.raises(Refused, match=f"PUT /v1/{kind}/start begins a new one"):
        cluster.tell(Proceed(kind))


def test_what_is_of_all_nodes_is_not_begun_while_one_leaves(cluster: Cluster) -> None:
    leaving = replace(cluster.node(2), departure=Departure(Stage.LEAVING, 1.0, 1.0))
    cluster.world = replace(cluster.world, ledger=cluster.world.ledger.with_node(leaving))
    with pytest.raises(Refused, match="node-2 leaves the ring first"):
        cluster.tell(order())


def test_what_is_of_all_nodes_fails_without_one_of_them(cluster: Cluster) -> None:
    cluster.tell(order())
    gone = replace(cluster.node(2), departure=Departure(Stage.LEFT, 1.0, 1.0))
    cluster.world = replace(cluster.world, ledger=cluster.world.ledger.with_node(gone))
    cluster.tell(Tick())
    end(cluster)
    assert operation(cluster).failed.startswith("node-2 was taken away before its part was done")


def prepared(cluster: Cluster) -> None:
    """A restore into a new cluster whose data are all there, and whose point of no return is next."""
    cluster.tell(order("restore"))
    work_through(cluster, "RestoreSchema", {"source": "node-2", "tokens": ["-5", "7"]})
    found = tasks(work_through(cluster, "Download", {"files": 1}))
    assert [task.source for task in found] == ["node-2"] * 3


def stop_all(cluster: Cluster) -> None:
    cluster.tell(Tick())
    for node in range(3):
        cluster.update(node, "TASK_KILLED")


def offer_place(cluster: Cluster, node: int) -> list[Launch]:
    """The agent offers all that is reserved for a node."""
    place = cluster.node(node).placement
    assert place is not None
    made = Offer(f"P{node}-{cluster.now}", place.agent_id, place.hostname, place.address, place.resources)
    return launches(cluster.tell(OffersReceived((made,))))


def test_a_restore_into_a_new_cluster_stops_all_nodes_and_founds_the_ring_anew(cluster: Cluster) -> None:
    prepared(cluster)
    assert operation(cluster).transfer == replace(order("restore").transfer, committed=True)
    kills = [intent for intent in cluster.tell(Tick()) if isinstance(intent, Kill)]
    assert len(kills) + len([i for i in cluster.intents if isinstance(i, Kill)]) >= 3
    cluster.update(0, "TASK_KILLED")
    assert offer_place(cluster, 0) == []
    cluster.update(1, "TASK_KILLED")
    cluster.update(2, "TASK_KILLED")
    assert offer_place(cluster, 1) == []
    for node in range(3):
        (launch,) = offer_place(cluster, node)
        server = decode_task(launch.data)
        assert (server.founder, server.tokens) == (node == 0, ("-5", "7"))
        assert server.restored == operation(cluster).id
        cluster.normal(node)
    assert cluster.world.ledger.cluster.founder == "node-0"
    end(cluster)
    assert operation(cluster).status == "complete"
    assert [node.restoration for node in cluster.world.ledger.members()] == [None] * 3
    cluster.tell(RestartNode("node-1"))
    assert cluster.node(1).tokens == ("-5", "7")


def test_of_nodes_that_start_on_restored_data_one_alone_founds_the_ring(cluster: Cluster) -> None:
    prepared(cluster)
    cluster.tell(ForceComplete("deploy", "Deploy", None))
    stop_all(cluster)
    places = [cluster.node(node).placement for node in range(3)]
    offers = [Offer(f"P{p.agent_id}", p.agent_id, p.hostname, p.address, p.resources) for p in places if p]
    found = launches(cluster.tell(OffersReceived(tuple(offers))))
    assert [(launch.name, decode_task(launch.data).founder) for launch in found] == [("node-0", True)]


def test_a_node_that_is_wanted_no_more_leaves_once_the_restore_is_complete(cluster: Cluster) -> None:
    prepared(cluster)
    stop_all(cluster)
    cluster.world = replace(cluster.world, ledger=adopt(cluster.world.ledger, settings(2)))
    for node in range(3):
        assert len(offer_place(cluster, node)) == 1
        assert cluster.node(node).departure is None
        cluster.normal(node)
    end(cluster)
    assert operation(cluster).status == "complete"
    cluster.tell(Tick())
    leaving = cluster.node(2).departure
    assert leaving is not None
    assert leaving.stage is Stage.LEAVING


def test_past_its_point_of_no_return_a_restore_only_goes_forward(cluster: Cluster) -> None:
    prepared(cluster)
    for command in (StopOperation("restore"), Interrupt("restore"), RestartNode("node-1")):
        with pytest.raises(Refused, match=r"forward|restored data"):
            cluster.tell(command)
    with pytest.raises(Refused, match="restored data"):
        cluster.tell(ReplaceNode("node-1", force=True))
    stop_all(cluster)
    cluster.tell(Subscribed("F1", "10.0.0.1:5050"))
    assert [node.restoration is not None for node in cluster.world.ledger.members()] == [True] * 3


def test_a_place_with_restored_data_is_never_given_up_for_want_of_an_offer(cluster: Cluster) -> None:
    prepared(cluster)
    stop_all(cluster)
    (launch,) = offer_place(cluster, 0)
    assert launch.name == "node-0"
    cluster.update(0, "TASK_DROPPED")
    place = cluster.node(0).placement
    assert place is not None
    bare = Offer("B", place.agent_id, place.hostname, place.address, (Resource("cpus", 8.0),))
    cluster.tell(OffersReceived((bare,)), 600.0)
    assert cluster.node(0).placement == place


def test_before_that_point_a_stop_leads_back_to_the_cluster_as_it_was(cluster: Cluster) -> None:
    cluster.tell(order("restore"))
    work_through(cluster, "RestoreSchema", {"source": "node-2", "tokens": ["7"]})
    cluster.tell(StopOperation("restore"))
    end(cluster)
    assert operation(cluster).status == "stopped"
    assert [node.restoration for node in cluster.world.ledger.members()] == [None] * 3


@pytest.mark.parametrize("kind", ["backup", "restore"])
def test_a_node_that_is_added_meanwhile_waits_for_the_end(kind: str) -> None:
    cluster = Cluster()
    cluster.deploy()
    cluster.tell(order(kind))
    ledger, _ = retarget(cluster.world.ledger, settings(4))
    cluster.world = replace(cluster.world, ledger=ledger)
    assert cluster.offers(offer(4)) and cluster.node(3).placement is None
    step = plans(cluster.world, cluster.now)["deploy"].phases[1].steps[3]
    assert f"the end of the {kind}" in str(step.waiting_for)
    cluster.tell(StopOperation(kind))
    end(cluster)
    cluster.offers(offer(4))
    assert cluster.node(3).placement is not None


@pytest.mark.parametrize("restore_type", [EXISTING, NEW])
def test_what_was_brought_to_a_place_that_is_given_up_is_brought_anew(
    cluster: Cluster, restore_type: str
) -> None:
    cluster.tell(order("restore", restore_type=restore_type))
    work_through(cluster, "RestoreSchema", {"source": "node-2", "tokens": ["7"]})
    offer_slots(cluster)
    hear(cluster, "Download", 1, "TASK_FINISHED", {"files": 1})
    cluster.tell(ReplaceNode("node-1", force=True))
    cluster.update(1, "TASK_KILLED")
    for node in (0, 2):
        hear(cluster, "Download", node, "TASK_FINISHED", {"files": 1})
    cluster.normal(0)  # it sees node-1 no more
    cluster.offers(offer(4))
    cluster.normal(1)
    assert not part(cluster, "Download", 1).done
    assert [node.restoration for node in cluster.world.ledger.members()] == [None] * 3
    assert [launch.name for launch in offer_slots(cluster)] == ["download-node-1"]


def test_an_interrupted_restore_does_not_pass_the_point_of_no_return(cluster: Cluster) -> None:
    cluster.tell(order("restore"))
    work_through(cluster, "RestoreSchema", {"source": "node-2", "tokens": ["7"]})
    offer_slots(cluster)
    cluster.tell(Interrupt("restore"))
    for node in range(3):
        hear(cluster, "Download", node, "TASK_FINISHED", {"files": 1})
    cluster.tell(Tick())
    assert [node.restoration for node in cluster.world.ledger.members()] == [None] * 3


def test_a_restore_does_not_pass_the_point_of_no_return_beside_a_replacement(cluster: Cluster) -> None:
    cluster.tell(order("restore"))
    work_through(cluster, "RestoreSchema", {"source": "node-2", "tokens": ["7"]})
    offer_slots(cluster)
    cluster.tell(Interrupt("recovery"))
    cluster.tell(ReplaceNode("node-1", force=True))
    for node in range(3):
        hear(cluster, "Download", node, "TASK_FINISHED", {"files": 1})
    cluster.tell(Tick())
    assert cluster.node(1).normal, "it is still to be given up, with all that was brought there"
    assert [node.restoration for node in cluster.world.ledger.members()] == [None] * 3


def test_a_restore_into_an_existing_cluster_stops_no_node(cluster: Cluster) -> None:
    cluster.tell(order("restore", restore_type=EXISTING))
    for phase in ("RestoreSchema", "Download", "Restore"):
        assert len(work_through(cluster, phase, {"source": "node-0", "tokens": ["1"]})) == 3
    end(cluster)
    assert operation(cluster).status == "complete"
    assert [i for i in cluster.intents if isinstance(i, Kill)] == []


def test_its_plan_has_a_phase_for_each_step_with_stable_names(cluster: Cluster) -> None:
    cluster.tell(order())
    plan = plans(cluster.world, cluster.now)["backup"]
    assert [phase.name for phase in plan.phases] == ["Snapshot", "Upload", "BackupSchema", "Manifest"]
    assert [step.name for step in plan.phases[1].steps] == [f"upload-node-{n}" for n in range(3)]
    assert len({step.id for phase in plan.phases for step in phase.steps}) == 8
    assert json.dumps([step.message for step in plan.phases[3].steps]) == '["Snapshot comes first"]'


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("backup", "backup nightly"),
        ("verify", "check of the backup nightly"),
        ("delete", "deletion of the backup nightly"),
    ],
)
def test_the_event_log_names_the_backup_and_none_of_its_keys(cluster: Cluster, kind: str, title: str) -> None:
    cluster.tell(Ordered(order(kind, names=("nightly",)), "ops", "10.0.0.9"))
    told = [entry.what for entry in eventlog.entries(cluster.world.ledger)][-2:]
    assert told == [f"start {title}", f"{title} has begun"]
    assert "canary" not in str(eventlog.entries(cluster.world.ledger))
