"""After each registration: what Mesos is asked, what waits for the answers, and what strays become of."""

from __future__ import annotations

import itertools

import pytest

from scheduler.decide.core import decide
from scheduler.decide.plans import plans
from scheduler.model.event import Disconnected, RestartNode, Tick, Updated
from scheduler.model.intent import Accept, Kill, Reconcile
from scheduler.model.plan import Phase, Status
from scheduler.model.task import TaskUpdate
from tests.unit.decide.cluster import Cluster, launches, offer


def registered_again() -> Cluster:
    """A deployed cluster whose scheduler has just come back to Mesos."""
    cluster = Cluster()
    cluster.deploy()
    cluster.tell(Disconnected("the master has failed over"))
    cluster.subscribe()
    return cluster


def task_of(cluster: Cluster, number: int) -> tuple[str, str]:
    task = cluster.node(number).task
    assert task is not None
    return task.id, task.agent_id


def phase(cluster: Cluster) -> Phase:
    return plans(cluster.world, cluster.now)["deploy"].phases[0]


def asked(cluster: Cluster, seconds: float) -> list[tuple[float, Reconcile]]:
    """What is asked while time passes and nothing else happens, with the time of each."""
    found = []
    for _ in range(int(seconds)):
        found += [(cluster.now, i) for i in cluster.tell(Tick()) if isinstance(i, Reconcile)]
    return found


def test_tasks_are_asked_for_with_their_agents_until_each_is_answered() -> None:
    cluster = registered_again()
    first = [i for i in cluster.intents if isinstance(i, Reconcile)][-1]
    assert set(first.tasks) == {task_of(cluster, number) for number in range(3)}
    cluster.update(1, "TASK_RUNNING", uuid=None)
    questions = asked(cluster, 150)
    assert all(set(q.tasks) == {task_of(cluster, 0), task_of(cluster, 2)} for _, q in questions)
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(questions)]
    assert gaps == [4.0, 8.0, 16.0, 32.0, 60.0][: len(gaps)]
    assert len(gaps) >= 4


def test_once_all_are_answered_all_tasks_are_asked_for_at_once_and_now_and_then() -> None:
    cluster = registered_again()
    for number in range(3):
        cluster.update(number, "TASK_RUNNING", uuid=None)
    questions = asked(cluster, 1300)
    assert [q.tasks for _, q in questions] == [(), (), ()]
    assert questions[1][0] - questions[0][0] == 600.0


def test_a_task_of_which_mesos_knew_nothing_is_asked_for_again_after_the_next_registration() -> None:
    cluster = registered_again()
    cluster.update(1, "TASK_UNKNOWN", uuid=None)
    mark = len(cluster.intents)
    cluster.subscribe()
    (question,) = [i for i in cluster.intents[mark:] if isinstance(i, Reconcile)]
    assert task_of(cluster, 1) in question.tasks
    place = cluster.node(1).placement
    assert place is not None
    assert launches(cluster.offers(offer(2, 1, resources=place.resources))) == []
    cluster.update(1, "TASK_RUNNING", uuid=None)
    assert cluster.node(1).running


@pytest.mark.parametrize("state", ["TASK_UNREACHABLE", "TASK_UNKNOWN"])
def test_a_task_whose_agent_is_away_is_asked_about_again_and_again(state: str) -> None:
    cluster = Cluster()
    cluster.deploy()
    asked(cluster, 2)
    cluster.update(1, state, uuid=None)
    questions = [q for _, q in asked(cluster, 100)]
    assert questions == [Reconcile((task_of(cluster, 1),))] * 3


def test_the_phase_shows_each_node_that_mesos_has_not_told_of_and_until_when() -> None:
    cluster = registered_again()
    begun = cluster.now
    cluster.update(0, "TASK_RUNNING", uuid=None)
    whole, one, other = phase(cluster).steps
    assert (whole.name, whole.status, whole.waiting_for) == (
        "Reconciliation",
        Status.WAITING,
        "the state of node-1, node-2",
    )
    assert [step.name for step in (one, other)] == ["node-1", "node-2"]
    assert {step.status for step in (one, other)} == {Status.WAITING}
    assert {step.deadline for step in (whole, one, other)} == {begun + 600.0}
    assert "agent S2" in (one.waiting_for or "")


def test_the_phase_is_complete_once_all_is_answered_without_any_offer() -> None:
    cluster = registered_again()
    for number in range(3):
        assert phase(cluster).status is Status.WAITING
        cluster.update(number, "TASK_RUNNING", uuid=None)
    assert phase(cluster).status is Status.COMPLETE
    assert [step.name for step in phase(cluster).steps] == ["Reconciliation"]


def test_a_node_is_not_stopped_before_mesos_has_told_of_its_task_and_others_are() -> None:
    cluster = registered_again()
    cluster.update(0, "TASK_RUNNING", uuid=None)
    cluster.update(2, "TASK_RUNNING", uuid=None)
    assert not any(isinstance(i, Kill) for i in cluster.tell(RestartNode("node-1")))
    mark = len(cluster.intents)
    cluster.update(1, "TASK_RUNNING", uuid=None)
    killed = [i.task_id for i in cluster.intents[mark:] if isinstance(i, Kill)]
    assert killed == [task_of(cluster, 1)[0]]


def test_a_kill_is_repeated_only_once_mesos_has_told_of_the_task_again() -> None:
    cluster = Cluster()
    cluster.deploy()
    cluster.tell(RestartNode("node-1"))
    cluster.subscribe()
    assert not any(isinstance(i, Kill) for i in cluster.tell(Tick(), 60))
    assert any(isinstance(i, Kill) for i in cluster.update(1, "TASK_RUNNING", uuid=None))


@pytest.mark.parametrize("state", ["TASK_STARTING", "TASK_RUNNING"])
def test_a_task_of_ours_that_no_record_names_is_killed(state: str) -> None:
    cluster = registered_again()
    for ident in ("node-0__00000000-0000-5000-8000-000000000000", "cleanup-node-0__x"):
        assert Kill(ident, "S1", 0.0) in cluster.tell(Updated(TaskUpdate(ident, state, "S1")))


@pytest.mark.parametrize(
    "state", ["TASK_FAILED", "TASK_UNKNOWN", "TASK_UNREACHABLE", "TASK_GONE_BY_OPERATOR"]
)
def test_a_task_that_has_ended_or_cannot_be_reached_is_not_killed(state: str) -> None:
    cluster = registered_again()
    assert cluster.tell(Updated(TaskUpdate("node-0__old", state, "S1"))) == ()


def test_a_stranger_s_task_is_never_touched() -> None:
    cluster = registered_again()
    assert cluster.tell(Updated(TaskUpdate("jenkins-build.1", "TASK_RUNNING", "S1"))) == ()


def test_a_task_that_was_said_to_be_gone_is_killed_when_the_master_says_that_it_runs() -> None:
    cluster = Cluster()
    cluster.deploy()
    cluster.update(1, "TASK_LOST", uuid=None)
    ident, agent = task_of(cluster, 1)
    assert not any(isinstance(i, Kill) for i in cluster.update(1, "TASK_RUNNING")), "an old one may come late"
    assert Kill(ident, agent, 0.0) in cluster.update(1, "TASK_RUNNING", uuid=None)
    assert not cluster.node(1).alive


def test_answers_that_come_twice_or_unasked_decide_nothing_more() -> None:
    cluster = registered_again()
    cluster.update(0, "TASK_RUNNING", uuid=None)
    once = cluster.world
    ident, agent = task_of(cluster, 0)
    again = decide(once, Updated(TaskUpdate(ident, "TASK_RUNNING", agent)), cluster.now)
    assert again.world == once
    assert not any(isinstance(i, Accept | Kill) for i in again.intents)


def test_the_master_s_answer_does_not_take_the_place_of_what_the_executor_said() -> None:
    cluster = Cluster()
    cluster.deploy(1)
    cluster.offers(offer("b"))
    cluster.update(1, "TASK_STARTING", message="fetching Cassandra")
    before = cluster.world.ledger
    told = {"reason": "REASON_RECONCILIATION", "message": "Reconciliation: Latest task state"}
    cluster.update(1, "TASK_STARTING", uuid=None, **told)
    assert cluster.world.ledger == before
    cluster.update(1, "TASK_RUNNING", uuid=None, **told)
    task = cluster.node(1).task
    assert task is not None
    assert task.state == "TASK_RUNNING"
