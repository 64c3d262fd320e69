"""Restarts by order, agents that go and come back, failures that go on: what recovery does, and says."""

from __future__ import annotations

import pytest

from protocol.report import Failure, Report, encode_report
from scheduler.decide.core import decide
from scheduler.decide.decision import Refused
from scheduler.decide.plans import plans
from scheduler.decide.reconcile import AGENT_REREGISTER_SECONDS
from scheduler.model.event import Interrupt, Proceed, RestartNode, RestartStep, Tick
from scheduler.model.intent import Accept, Destroy, Intent, Kill
from scheduler.model.plan import Status, Step
from tests.unit.decide.cluster import Cluster, launches, offer


def deployed() -> Cluster:
    cluster = Cluster()
    cluster.deploy()
    return cluster


def killed(intents: tuple[Intent, ...] | list[Intent]) -> list[str]:
    return [i.task_id.partition("__")[0] for i in intents if isinstance(i, Kill)]


def back(cluster: Cluster, number: int, **changes: object) -> tuple[Intent, ...]:
    """Offer what is reserved for a node."""
    place = cluster.node(number).placement
    assert place is not None
    return cluster.offers(offer(number + 1, 9, resources=place.resources, **changes))


def steps(cluster: Cluster) -> dict[str, Step]:
    recovery = plans(cluster.world, cluster.now)["recovery"]
    return {step.name: step for step in recovery.phases[0].steps}


def test_a_restart_drains_and_starts_in_the_same_place() -> None:
    cluster = deployed()
    before = cluster.node(1)
    (kill,) = [i for i in cluster.tell(RestartNode("node-1")) if isinstance(i, Kill)]
    assert kill.grace_seconds == 300.0
    assert "drains and stops, to start again" in steps(cluster)["node-1"].message
    cluster.update(1, "TASK_KILLED")
    (launch,) = launches(back(cluster, 1))
    assert before.placement is not None
    assert launch.agent_id == before.placement.agent_id
    cluster.normal(1)
    assert not cluster.node(1).restart_ordered
    assert steps(cluster) == {}


def test_two_nodes_that_are_to_restart_are_never_down_together() -> None:
    cluster = deployed()
    assert killed(cluster.tell(RestartNode("node-0"))) == ["node-0"]
    assert killed(cluster.tell(RestartNode("node-1"))) == []
    assert "node-0 must be ready first" in steps(cluster)["node-1"].message
    cluster.update(0, "TASK_KILLED")
    assert killed(back(cluster, 0)) == []
    mark = len(cluster.intents)
    cluster.normal(0)
    assert killed(cluster.intents[mark:]) == ["node-1"]


def test_no_node_is_taken_down_while_another_may_be_down_as_far_as_a_new_leader_knows() -> None:
    cluster = deployed()
    cluster.subscribe()
    cluster.update(0, "TASK_RUNNING")
    assert killed(cluster.tell(RestartNode("node-0"))) == []
    waiting, session = steps(cluster)["node-0"], cluster.world.session
    assert waiting.waiting_for == (
        "Mesos has not yet told the state of node-1, node-2, whose agents may still be coming back to Mesos' "
        "master: one node is taken down at a time"
    )
    assert session.reconciliation is not None
    assert waiting.started_at == session.reconciliation.started_at
    assert waiting.deadline == session.reconciliation.started_at + AGENT_REREGISTER_SECONDS


def test_all_steps_of_deploy_again_take_the_nodes_down_one_by_one() -> None:
    cluster = deployed()
    for number in range(3):
        mark = len(cluster.intents)
        if number == 0:
            cluster.tell(RestartStep("deploy", "Deploy", None))
        else:
            cluster.normal(number - 1)
        assert killed(cluster.intents[mark:]) == [f"node-{number}"]
        cluster.update(number, "TASK_KILLED")
        assert launches(back(cluster, number))
    cluster.normal(2)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE


def test_an_interrupted_plan_begins_no_restart_and_finishes_one_that_has_begun() -> None:
    cluster = deployed()
    cluster.tell(Interrupt("recovery"))
    assert killed(cluster.tell(RestartNode("node-1"))) == []
    assert "the plan recovery is interrupted" in steps(cluster)["node-1"].message
    assert killed(cluster.tell(Proceed("recovery"))) == ["node-1"]
    cluster.tell(Interrupt("recovery"))
    cluster.update(1, "TASK_KILLED")
    assert launches(back(cluster, 1))


def test_an_interrupted_plan_does_not_restart_a_node_that_failed_until_it_goes_on() -> None:
    cluster = deployed()
    cluster.tell(Interrupt("recovery"))
    cluster.update(1, "TASK_FAILED")
    assert launches(back(cluster, 1)) == []
    cluster.tell(Proceed("recovery"))
    assert launches(back(cluster, 1))


def test_a_restart_that_a_failure_came_before_has_become_needless() -> None:
    cluster = deployed()
    cluster.update(2, "TASK_FAILED")
    cluster.tell(RestartNode("node-1"))
    cluster.update(1, "TASK_FAILED")
    assert not cluster.node(1).restart_ordered


def test_a_node_on_an_unreachable_agent_is_restarted_once_it_is_back() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    assert killed(cluster.tell(RestartNode("node-1"))) == []
    assert killed(cluster.tell(Tick(), 60)) == []
    assert killed(cluster.update(1, "TASK_RUNNING", uuid=None)) == ["node-1"]


def test_a_node_whose_agent_was_marked_gone_cannot_be_restarted() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_GONE_BY_OPERATOR")
    with pytest.raises(Refused, match=r"nodes/replace\?node=node-1"):
        decide(cluster.world, RestartNode("node-1"), cluster.now)


@pytest.mark.parametrize("state", ["TASK_GONE", "TASK_LOST", "TASK_UNKNOWN", "TASK_DROPPED"])
def test_a_node_whose_task_is_gone_starts_on_its_volume_under_whatever_agent_id(state: str) -> None:
    cluster = deployed()
    cluster.update(1, state, uuid=None)
    assert launches(cluster.offers(offer(4))) == [], "nowhere else"
    (launch,) = launches(back(cluster, 1, agent_id="S22"))
    assert launch.agent_id == "S22"


def test_an_unreachable_node_starts_on_its_volume_when_another_agent_id_offers_that() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    old = cluster.node(1).task
    assert old is not None
    assert launches(back(cluster, 1)) == [], "the same agent would have told that it is back"
    (launch,) = launches(back(cluster, 1, agent_id="S22"))
    assert launch.agent_id == "S22"
    assert launch.task_id != old.id


def test_nothing_of_a_node_on_an_agent_that_was_marked_gone_is_destroyed() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_GONE_BY_OPERATOR")
    for intents in (back(cluster, 1), back(cluster, 1, agent_id="S22"), cluster.tell(Tick(), 3600)):
        assert not any(isinstance(i, Accept) for i in intents)
    step = steps(cluster)["node-1"]
    assert step.status is Status.WAITING
    assert "PUT /v1/nodes/replace?node=node-1" in (step.waiting_for or "")


def test_a_step_says_how_the_task_ended_and_what_its_start_waits_for() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_FAILED", message="Cassandra ended with exit code 3: no disk")
    step = steps(cluster)["node-1"]
    assert step.message.startswith(
        "TASK_FAILED: Cassandra ended with exit code 3: no disk; waits for an offer"
    )
    assert step.waiting_for == "an offer of what is reserved for it on host-2"


def test_a_node_that_fails_and_fails_is_delayed_with_the_end_of_its_log_and_others_go_on() -> None:
    cluster = deployed()
    report = encode_report(Report(failure=Failure("Cassandra ended", 3, "ERROR the last line")))
    starts = 0
    for _ in range(600):
        cluster.tell(Tick())
        starts += len(launches(back(cluster, 1)))
        if cluster.node(1).alive:
            cluster.update(1, "TASK_FAILED", report, message="Cassandra ended with exit code 3")
    assert 5 <= starts <= 12, "in twenty minutes"
    step = steps(cluster)["node-1"]
    assert step.status is Status.DELAYED
    assert step.message.endswith("ERROR the last line")
    assert step.deadline == cluster.node(1).not_before
    cluster.update(2, "TASK_FAILED")
    assert [launch.name for launch in launches(back(cluster, 2))] == ["node-2"]


def test_a_delayed_node_starts_at_once_by_order() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_FAILED")
    assert launches(back(cluster, 1))
    cluster.update(1, "TASK_FAILED")
    assert launches(back(cluster, 1)) == []
    cluster.tell(RestartNode("node-1"))
    assert launches(back(cluster, 1))


def test_days_on_an_agent_that_then_goes_are_no_row_of_failures() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_FAILED")
    assert launches(back(cluster, 1))
    cluster.normal(1)
    cluster.now += 86400
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    cluster.update(1, "TASK_GONE", uuid=None)
    assert (cluster.node(1).failures, cluster.node(1).not_before) == (1, cluster.now)


def test_no_recovery_destroys_anything() -> None:
    cluster = deployed()
    for state in ("TASK_FAILED", "TASK_LOST", "TASK_GONE", "TASK_UNKNOWN", "TASK_GONE_BY_OPERATOR"):
        cluster.now += 4000
        cluster.update(1, state)
        back(cluster, 1)
    accepts = [i for i in cluster.intents if isinstance(i, Accept)]
    assert not any(isinstance(o, Destroy) for accept in accepts for o in accept.operations)
