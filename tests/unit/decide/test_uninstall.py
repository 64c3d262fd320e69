"""The end of a service: everything of ours is given back, and nothing of anybody else's is touched."""

from dataclasses import replace

import pytest

from scheduler.decide.decision import Refused
from scheduler.decide.plans import plans
from scheduler.decide.uninstall import LOOK_SECONDS, done, order
from scheduler.model.event import (
    Disconnected,
    ForceComplete,
    Interrupt,
    Proceed,
    RestartNode,
    Subscribed,
    Tick,
    TornDown,
)
from scheduler.model.intent import Destroy, Intent, Teardown, Unreserve
from scheduler.model.node import Stage
from scheduler.model.plan import Plan, Status
from scheduler.model.world import Uninstall
from tests.unit.decide.cluster import Cluster, launches, offer
from tests.unit.decide.test_configuration import kills, operations
from tests.unit.decide.test_scaling import give_back


def ordered(nodes: int = 3) -> Cluster:
    """A scheduler has started with the order, on a service that runs."""
    cluster = Cluster()
    cluster.deploy(nodes)
    cluster.world = replace(cluster.world, ledger=order(cluster.world.ledger))
    start(cluster)
    return cluster


def start(cluster: Cluster) -> tuple[Intent, ...]:
    """A scheduler starts, or subscribes again; Mesos tells it the state of each task."""
    cluster.tell(Disconnected("gone"))
    mark = len(cluster.intents)
    cluster.subscribe()
    for node in cluster.world.ledger.members():
        if node.alive and node.task:
            cluster.update(node.number, node.task.state, uuid=None)
    return tuple(cluster.intents[mark:])


def plan(cluster: Cluster) -> Plan:
    found = plans(cluster.world, cluster.now)
    assert list(found) == ["uninstall"]
    return found["uninstall"]


def statuses(cluster: Cluster) -> dict[str, Status]:
    return {step.name: step.status for phase in plan(cluster).phases for step in phase.steps}


def release(cluster: Cluster, number: int) -> None:
    place = cluster.node(number).placement
    assert place is not None
    cluster.update(number, "TASK_KILLED")
    give_back(cluster, number, place.resources)


def released() -> Cluster:
    cluster = ordered()
    for number in range(3):
        release(cluster, number)
    return cluster


def test_all_tasks_are_ended_at_once_and_never_started_again() -> None:
    cluster = Cluster()
    cluster.deploy()
    mark = len(cluster.intents)
    cluster.world = replace(cluster.world, ledger=order(cluster.world.ledger))
    start(cluster)
    assert sorted(kills(cluster.intents[mark:])) == ["node-0", "node-1", "node-2"]
    place = cluster.node(0).placement
    assert place is not None
    cluster.update(0, "TASK_FAILED")
    intents = cluster.offers(offer(1, 20, resources=place.resources))
    assert launches(intents) == []
    assert [type(operation) for operation in operations(intents)] == [Destroy]


def test_no_task_is_ended_before_mesos_has_told_of_it() -> None:
    cluster = Cluster()
    cluster.deploy()
    cluster.world = replace(cluster.world, ledger=order(cluster.world.ledger))
    assert kills(cluster.tell(Subscribed("F1", "10.0.0.1:5050"))) == []


def test_the_framework_goes_once_everything_is_given_back_and_the_offers_were_looked_at() -> None:
    cluster = released()
    assert {node.departure.stage for node in cluster.world.ledger.nodes.values() if node.departure} == {
        Stage.UNRESERVED
    }
    assert Teardown() not in cluster.tell(Tick())
    assert statuses(cluster)["Leftovers"] is Status.IN_PROGRESS
    assert Teardown() in cluster.tell(Tick(), LOOK_SECONDS)
    assert cluster.world.ledger.controls.uninstall is Uninstall.TEARING_DOWN
    cluster.tell(TornDown())
    assert cluster.world.ledger.controls.uninstall is Uninstall.TORN_DOWN
    assert statuses(cluster)["Records"] is Status.IN_PROGRESS
    cluster.world = done(cluster.world)
    assert plan(cluster).status is Status.COMPLETE


def test_what_no_record_names_is_given_back_too_and_looked_for_on() -> None:
    cluster = ordered()
    place = cluster.node(0).placement
    assert place is not None
    for number in range(3):
        release(cluster, number)
    level = place.resources[0].reservations[0]
    stranger = level._replace(labels=(("cluster", "another"), *level.labels[1:]))
    unheard = level._replace(labels=(*level.labels[:2], ("generation", "unheard of")))
    cluster.tell(Tick(), LOOK_SECONDS - 5)
    ours = tuple(r._replace(reservations=(unheard,)) for r in place.resources)
    destroy, unreserve = operations(cluster.offers(offer(7, 1, resources=ours)))
    assert isinstance(destroy, Destroy)
    assert isinstance(unreserve, Unreserve)
    theirs = tuple(r._replace(reservations=(stranger,)) for r in place.resources)
    assert operations(cluster.offers(offer(8, 1, resources=theirs))) == []
    assert Teardown() not in cluster.tell(Tick(), LOOK_SECONDS - 5)
    assert Teardown() in cluster.tell(Tick(), 6)


def test_an_agent_that_is_away_is_waited_for_until_an_operator_gives_it_up() -> None:
    cluster = ordered()
    cluster.update(2, "TASK_UNREACHABLE", uuid=None)
    for number in range(2):
        release(cluster, number)
    (step,) = [s for phase in plan(cluster).phases for s in phase.steps if s.name == "node-2"]
    assert step.status is Status.WAITING
    assert step.waiting_for is not None
    assert "host-3 to come back" in step.waiting_for
    assert Teardown() not in cluster.tell(Tick(), 100)
    cluster.tell(ForceComplete("uninstall", "Nodes", "node-2"))
    assert statuses(cluster)["node-2"] is Status.COMPLETE
    assert Teardown() in cluster.tell(Tick(), LOOK_SECONDS + 1)


def test_a_scheduler_that_starts_in_between_goes_on() -> None:
    cluster = ordered()
    release(cluster, 0)
    start(cluster)
    for number in (1, 2):
        release(cluster, number)
    start(cluster)
    cluster.tell(Tick())
    assert Teardown() in cluster.tell(Tick(), LOOK_SECONDS)
    assert Teardown() in start(cluster), "whether the first one has reached Mesos is not known"
    assert Teardown() not in cluster.tell(Tick(), 100)


def test_nothing_but_the_uninstallation_can_be_ordered_any_more() -> None:
    cluster = ordered()
    for command in (RestartNode("node-0"), Interrupt("deploy"), ForceComplete("deploy", "Deploy", None)):
        with pytest.raises(Refused, match="is being uninstalled"):
            cluster.tell(command)


def test_before_it_is_registered_each_node_waits_for_a_master() -> None:
    cluster = Cluster()
    cluster.deploy(3)
    cluster.tell(Disconnected("gone"))
    cluster.world = replace(cluster.world, ledger=order(cluster.world.ledger))
    nodes = next(phase for phase in plan(cluster).phases if phase.name == "Nodes")
    told = "a Mesos master to register with, before anything is ended"
    assert [(step.status, step.waiting_for) for step in nodes.steps] == [(Status.WAITING, told)] * 3


def test_an_interrupted_uninstallation_destroys_nothing_until_it_goes_on() -> None:
    cluster = ordered()
    cluster.tell(Interrupt("uninstall"))
    place = cluster.node(0).placement
    assert place is not None
    cluster.update(0, "TASK_KILLED")
    assert operations(cluster.offers(offer(1, 20, resources=place.resources))) == []
    cluster.tell(Proceed("uninstall"))
    assert operations(cluster.offers(offer(1, 21, resources=place.resources)))


def test_a_service_without_any_node_is_uninstalled_too() -> None:
    cluster = Cluster()
    cluster.world = replace(cluster.world, ledger=order(cluster.world.ledger))
    cluster.subscribe()
    cluster.tell(Tick())
    assert Teardown() in cluster.tell(Tick(), LOOK_SECONDS + 1)
