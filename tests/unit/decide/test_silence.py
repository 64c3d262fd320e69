"""Members that answer no more, but may serve: when they are taken down, and what they wait for."""

from __future__ import annotations

import pytest

from protocol.report import NodeStatus, Report, encode_report
from scheduler.decide.plans import plans
from scheduler.decide.readiness import SILENCE_SECONDS
from scheduler.model.event import Command, ReplaceNode, RestartNode, Tick
from scheduler.model.intent import Accept, Intent, Kill
from scheduler.model.plan import Status, Step
from tests.unit.decide.cluster import Cluster, new_world, offer
from tests.unit.decide.test_configuration import changed, configure


def deployed(nodes: int = 3) -> Cluster:
    cluster = Cluster(new_world(nodes))
    cluster.deploy(nodes)
    return cluster


def silent(cluster: Cluster, number: int) -> tuple[Intent, ...]:
    """The executor tells that Cassandra answers no more; returns what follows."""
    status = NodeStatus(endpoint=cluster.address(number), as_of=cluster.now + 1)
    return cluster.update(number, "TASK_RUNNING", encode_report(Report(status)))


def killed(intents: tuple[Intent, ...] | list[Intent]) -> list[str]:
    return [i.task_id.partition("__")[0] for i in intents if isinstance(i, Kill)]


def step(cluster: Cluster, number: int) -> Step:
    steps = plans(cluster.world, cluster.now)["recovery"].phases[0].steps
    return next(step for step in steps if step.name == f"node-{number}")


def comes_back(cluster: Cluster, number: int) -> tuple[Intent, ...]:
    """A node that is being stopped ends, starts again and is NORMAL; returns what follows from that."""
    cluster.update(number, "TASK_KILLED")
    place = cluster.node(number).placement
    assert place is not None
    cluster.offers(offer(number + 1, 9, resources=place.resources))
    mark = len(cluster.intents)
    cluster.normal(number)
    return tuple(cluster.intents[mark:])


@pytest.mark.parametrize("order", [RestartNode("node-1"), ReplaceNode("node-1", force=True)])
def test_a_member_that_is_silent_for_a_moment_waits_while_another_is_down(order: Command) -> None:
    cluster = deployed()
    cluster.tell(RestartNode("node-0"))
    silent(cluster, 1)
    since = cluster.now
    assert killed(cluster.tell(order)) == []
    waiting = step(cluster, 1)
    assert (waiting.status, waiting.started_at, waiting.deadline) == (Status.WAITING, since, since + 300)
    assert waiting.waiting_for == (
        "node-0 must be ready first: one node is taken down at a time; "
        "node-1 answers no more but may serve, until that has lasted 300 s"
    )
    assert killed(comes_back(cluster, 0)) == ["node-1"]


def test_the_roll_out_does_not_take_a_silent_member_down_while_another_is_down() -> None:
    cluster = deployed()
    cluster.tell(RestartNode("node-1"))
    silent(cluster, 0)
    mark = len(cluster.intents)
    configure(cluster, changed(cluster.world.settings, yaml={"concurrent_reads": 64}))
    assert "node-0" not in killed(cluster.intents[mark:])
    assert killed(comes_back(cluster, 1)) == ["node-0"]


def test_two_that_are_silent_at_once_do_not_wait_for_one_another_and_are_never_down_together() -> None:
    cluster = deployed()
    silent(cluster, 0)
    silent(cluster, 1)
    assert killed(cluster.tell(RestartNode("node-0"))) == ["node-0"]
    assert killed(cluster.tell(RestartNode("node-1"))) == []
    assert killed(comes_back(cluster, 0)) == ["node-1"]


def test_one_that_is_silent_for_long_is_down_already_and_waits_for_nobody() -> None:
    cluster = deployed(2)
    cluster.update(1, "TASK_FAILED")
    silent(cluster, 0)
    since = cluster.now
    assert killed(cluster.tell(RestartNode("node-0"))) == []
    assert killed(cluster.tell(Tick(), since + SILENCE_SECONDS - 1 - cluster.now)) == []
    assert killed(cluster.tell(Tick(), 1)) == ["node-0"]


def test_silence_is_counted_anew_after_an_answer_and_not_when_it_is_told_again() -> None:
    cluster = deployed()
    silent(cluster, 1)
    cluster.now += 200
    silent(cluster, 1)
    cluster.now += 50
    cluster.normal(1)
    silent(cluster, 1)
    since = cluster.now
    cluster.tell(RestartNode("node-0"))
    assert killed(cluster.intents) == []
    cluster.now += 100
    silent(cluster, 1)
    assert step(cluster, 1).deadline is None, "it is not to be taken down itself"
    cluster.update(2, "TASK_FAILED")
    cluster.tell(RestartNode("node-1"))
    assert step(cluster, 1).deadline == since + SILENCE_SECONDS


def test_a_new_leader_knows_since_when_a_member_is_silent() -> None:
    cluster = deployed()
    cluster.update(0, "TASK_FAILED")
    silent(cluster, 1)
    since = cluster.now
    cluster.tell(RestartNode("node-1"), 100)
    cluster.subscribe()
    for number in (1, 2):
        cluster.update(number, "TASK_RUNNING", uuid=None)
    assert step(cluster, 1).deadline == since + SILENCE_SECONDS


@pytest.mark.parametrize("seconds", [10, SILENCE_SECONDS + 10])
def test_a_member_that_answers_waits_for_a_silent_one_however_long(seconds: float) -> None:
    cluster = deployed()
    silent(cluster, 1)
    assert killed(cluster.tell(RestartNode("node-0"), seconds)) == []
    assert step(cluster, 0).waiting_for == "node-1 must be ready first: one node is taken down at a time"


@pytest.mark.parametrize("nodes", [1, 3])
def test_a_silent_member_is_taken_down_at_once_where_the_others_are_ready(nodes: int) -> None:
    cluster = deployed(nodes)
    silent(cluster, 0)
    assert killed(cluster.tell(RestartNode("node-0"))) == ["node-0"]


def test_a_node_that_has_not_been_normal_since_its_launch_serves_nobody_and_waits_for_nobody() -> None:
    cluster = deployed()
    silent(cluster, 1)
    cluster.update(1, "TASK_FAILED")
    place = cluster.node(1).placement
    assert place is not None
    cluster.offers(offer(2, 9, resources=place.resources))
    silent(cluster, 1)
    cluster.update(0, "TASK_FAILED")
    assert killed(cluster.tell(RestartNode("node-1"))) == ["node-1"]


def test_a_node_that_is_down_is_replaced_before_a_silent_one_that_waits_for_it() -> None:
    cluster = deployed()
    cluster.update(0, "TASK_FAILED")
    silent(cluster, 1)
    cluster.normal(2)
    cluster.tell(ReplaceNode("node-1", force=True))
    assert cluster.node(1).giving_up
    cluster.tell(ReplaceNode("node-0"))
    assert cluster.node(1).replacement is None
    intents = cluster.offers(offer(4))
    assert any(isinstance(intent, Accept) for intent in intents)
    assert cluster.node(0).placement is not None
