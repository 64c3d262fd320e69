"""What becomes of a node whose task has ended."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.report import Failure, Report, encode_report
from scheduler.decide.core import decide
from scheduler.decide.lifecycle import apply_update, delay
from scheduler.decide.plans import plans
from scheduler.model.event import Disconnected, RestartNode, Subscribed, Tick, Updated
from scheduler.model.intent import Accept, Create, Destroy, Kill, Launch, Reconcile, Unreserve
from scheduler.model.plan import Status
from scheduler.model.task import TERMINAL, TaskUpdate
from tests.unit.decide.cluster import Cluster, decided, launches, new_world, offer


def deployed() -> Cluster:
    cluster = Cluster()
    cluster.deploy()
    return cluster


def back(cluster: Cluster, number: int) -> tuple:
    """Offer what is reserved for a node."""
    place = cluster.node(number).placement
    assert place is not None
    return cluster.offers(offer(number + 1, 9, resources=place.resources))


def test_a_failed_node_is_started_again_on_its_own_volume_with_a_new_executor() -> None:
    cluster = deployed()
    before = cluster.node(1)
    cluster.update(1, "TASK_FAILED")
    (accept,) = [i for i in back(cluster, 1) if isinstance(i, Accept)]
    (launch,) = accept.operations
    assert isinstance(launch, Launch)
    assert before.placement is not None
    assert before.task is not None
    assert before.placement.persistence_id in {r.persistence_id for r in launch.executor.resources}
    assert launch.executor.id != before.task.executor.id
    assert launch.task_id != before.task.id


def test_a_node_is_not_started_while_a_part_of_its_reservation_is_in_use() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_FAILED")
    place = cluster.node(1).placement
    assert place is not None
    partial = tuple(r for r in place.resources if r.persistence_id is None)
    assert launches(cluster.offers(offer(2, 9, resources=partial))) == []


def test_a_node_is_found_by_its_label_under_another_agent_id() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_GONE")
    place = cluster.node(1).placement
    assert place is not None
    moved = offer(2, 9, agent_id="S77", address="10.0.0.77", resources=place.resources)
    assert launches(cluster.offers(moved))[0].agent_id == "S77"
    assert cluster.address(1) == "10.0.0.77"


def test_recovery_shows_the_node_and_deploy_stays_complete() -> None:
    cluster = deployed()
    data = encode_report(Report(failure=Failure("boom", 3, "ERROR boom")))
    cluster.update(2, "TASK_FAILED", data, message="Cassandra ended with exit code 3")
    found = plans(cluster.world, cluster.now)
    assert found["deploy"].status is Status.COMPLETE
    (step,) = found["recovery"].phases[0].steps
    assert (step.name, step.status) == ("node-2", Status.WAITING)
    failure = cluster.node(2).last_failure
    assert failure is not None
    assert failure.log_tail == "ERROR boom"


def test_a_node_that_fails_again_and_again_is_delayed_longer_and_longer() -> None:
    cluster = deployed()
    for _ in range(3):
        cluster.update(1, "TASK_FAILED", message="no disk")
        cluster.now = max(cluster.now, cluster.node(1).not_before)
        assert launches(back(cluster, 1))
    cluster.update(1, "TASK_FAILED", message="no disk")
    assert launches(back(cluster, 1)) == []
    (step,) = plans(cluster.world, cluster.now)["recovery"].phases[0].steps
    assert step.status is Status.DELAYED
    assert "no disk" in step.message
    assert [delay(n) for n in (1, 2, 3, 4, 20)] == [0.0, 5.0, 10.0, 20.0, 300.0]


def test_a_node_on_an_agent_that_was_given_up_waits_for_an_operator() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_GONE_BY_OPERATOR")
    assert launches(back(cluster, 1)) == []
    (step,) = plans(cluster.world, cluster.now)["recovery"].phases[0].steps
    assert "replace?node=node-1" in step.message


def test_an_unreachable_node_is_waited_for_and_comes_back() -> None:
    cluster = deployed()
    cluster.update(1, "TASK_UNREACHABLE", uuid=None)
    assert launches(back(cluster, 1)) == []
    cluster.update(1, "TASK_RUNNING", uuid=None)
    assert plans(cluster.world, cluster.now)["recovery"].status is Status.COMPLETE


@pytest.mark.parametrize("state", ["TASK_UNREACHABLE", "TASK_UNKNOWN"])
def test_an_old_update_that_comes_late_does_not_bring_a_task_that_is_out_of_sight_back(state: str) -> None:
    cluster = deployed()
    cluster.update(1, state, uuid=None)
    cluster.update(1, "TASK_STARTING")
    assert cluster.node(1).task.state == state  # type: ignore[union-attr]
    cluster.now += 60
    asked = {task for i in cluster.tell(Tick()) if isinstance(i, Reconcile) for task, _ in i.tasks}
    assert asked == {cluster.node(1).task.id}  # type: ignore[union-attr]
    cluster.update(1, "TASK_RUNNING", uuid=None)
    assert cluster.node(1).running


def test_no_node_is_started_before_its_own_task_is_answered() -> None:
    cluster = deployed()
    tasks = {n.task.id for n in cluster.world.ledger.members() if n.task}
    cluster.tell(Disconnected("gone"))
    intents = cluster.subscribe()
    assert {task for i in intents if isinstance(i, Reconcile) for task, _ in i.tasks} == tasks
    cluster.update(0, "TASK_FAILED")
    assert launches(back(cluster, 0))
    assert plans(cluster.world, cluster.now)["deploy"].phases[0].status is Status.WAITING
    cluster.update(1, "TASK_RUNNING", uuid=None)
    cluster.update(2, "TASK_RUNNING", uuid=None)
    assert plans(cluster.world, cluster.now)["deploy"].phases[0].status is Status.COMPLETE


def test_unanswered_questions_are_repeated_with_a_doubling_interval() -> None:
    cluster = deployed()
    cluster.subscribe()
    asked = []
    for _ in range(60):
        if any(isinstance(i, Reconcile) for i in cluster.tell(Tick())):
            asked.append(cluster.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert gaps[:3] == sorted(gaps[:3])
    assert gaps[0] < gaps[2]


def test_a_launch_that_nothing_was_heard_of_is_asked_about_and_placed_anew_when_it_was_lost() -> None:
    cluster = Cluster(new_world(1))
    cluster.subscribe()
    cluster.offers(offer(1))
    task = cluster.node(0).task
    assert task is not None
    assert Reconcile(((task.id, "S1"),)) not in cluster.tell(Tick(), 10)
    assert Reconcile(((task.id, "S1"),)) in cluster.tell(Tick(), 30)
    cluster.update(0, "TASK_GONE", uuid=None)
    lost = cluster.node(0).placement
    assert lost is not None
    # The offers that show that nothing is reserved there are used at once: others may be long in coming.
    assert launches(cluster.offers(offer(1, 2)))
    assert cluster.node(0).abandoned == (lost.generation,)
    assert cluster.node(0).placement.generation != lost.generation  # type: ignore[union-attr]


def test_a_reservation_without_volume_is_completed_not_repeated() -> None:
    cluster = Cluster(new_world(1))
    cluster.subscribe()
    cluster.offers(offer(1))
    place = cluster.node(0).placement
    assert place is not None
    cluster.update(0, "TASK_ERROR", uuid=None)
    reserved = tuple(r._replace(disk=None) for r in place.resources)
    (accept,) = [i for i in cluster.offers(offer(1, 2, resources=reserved)) if isinstance(i, Accept)]
    assert [type(o) for o in accept.operations] == [Create, Launch]


def test_leftovers_of_an_abandoned_place_are_given_back_and_strangers_never() -> None:
    cluster = Cluster(new_world(1))
    cluster.subscribe()
    cluster.offers(offer(1))
    place = cluster.node(0).placement
    assert place is not None
    cluster.update(0, "TASK_ERROR", uuid=None)
    cluster.offers(offer(1, 2))
    (accept,) = [i for i in cluster.offers(offer(1, 3, resources=place.resources)) if isinstance(i, Accept)]
    assert [type(o) for o in accept.operations] == [Destroy, Unreserve]
    level = place.resources[0].reservations[0]._replace(labels=(("cluster", "another"),))
    strange = tuple(r._replace(reservations=(level,)) for r in place.resources)
    intents = cluster.offers(offer(2, 4, resources=strange))
    assert not any(isinstance(i, Accept) for i in intents)


def test_a_volume_that_held_data_is_never_destroyed_unasked() -> None:
    cluster = deployed()
    place = cluster.node(1).placement
    assert place is not None
    level = place.resources[0].reservations[0]
    other = level._replace(labels=(*level.labels[:2], ("generation", "unheard of")))
    found = tuple(r._replace(reservations=(other,)) for r in place.resources)
    assert not any(isinstance(i, Accept) for i in cluster.offers(offer(9, 1, resources=found)))


def test_a_task_that_no_record_names_is_killed() -> None:
    cluster = deployed()
    stray = TaskUpdate("node-0__old", "TASK_RUNNING", "S1", uuid="u")
    assert Kill("node-0__old", "S1", 0.0) in cluster.tell(Updated(stray))
    ended = replace(stray, state="TASK_FAILED")
    assert not any(isinstance(i, Kill) for i in cluster.tell(Updated(ended)))


def test_a_restart_by_order_waits_until_the_other_nodes_are_normal() -> None:
    cluster = deployed()
    cluster.update(2, "TASK_FAILED")
    assert not any(isinstance(i, Kill) for i in cluster.tell(RestartNode("node-0")))
    assert launches(back(cluster, 2))
    cluster.normal(2)
    task = cluster.node(0).task
    assert task is not None
    assert task.killing_since is not None
    cluster.update(0, "TASK_KILLED")
    assert cluster.node(0).failures == 0
    assert launches(back(cluster, 0))


def test_a_node_that_its_agent_has_shut_down_has_not_failed_however_often() -> None:
    cluster = deployed()
    for _ in range(4):
        cluster.update(1, "TASK_KILLED", message="drained in 0.4 s, stopped with exit code 143")
        assert cluster.node(1).failures == 0
        assert launches(back(cluster, 1))


def test_the_same_events_give_the_same_decisions() -> None:
    one, other = deployed(), deployed()
    assert one.world == other.world
    assert one.intents == other.intents


STATES = st.sampled_from(sorted({"TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", *TERMINAL}))


@given(st.lists(STATES, max_size=8), st.data())
def test_updates_doubled_and_late_change_nothing(states: list[str], data: st.DataObject) -> None:
    cluster = Cluster(new_world(1))
    cluster.subscribe()
    cluster.offers(offer(1))
    node = cluster.node(0)
    assert node.task is not None
    for state in states:
        update = TaskUpdate(node.task.id, state, node.task.agent_id)  # type: ignore[union-attr]
        node = apply_update(node, update, 2000.0)
        assert apply_update(node, update, 3000.0) == node
    if any(state in TERMINAL for state in states):
        late = data.draw(STATES)
        update = TaskUpdate(node.task.id, late, node.task.agent_id)  # type: ignore[union-attr]
        assert apply_update(node, update, 4000.0) == node


def test_a_session_begins_with_a_call_for_offers_and_keeps_the_ledger() -> None:
    cluster = deployed()
    decision = decide(cluster.world, Subscribed("F1", "10.0.0.9:5050"), cluster.now)
    assert decided(decision.world.ledger) == decided(cluster.world.ledger)
    assert decision.world.session.master == "10.0.0.9:5050"
