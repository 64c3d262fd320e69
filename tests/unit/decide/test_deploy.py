"""The deploy plan: which node is started when, where, and what its step says."""

from protocol.task import decode_task
from scheduler.decide.plans import plans
from scheduler.model.event import ForceComplete, Interrupt, Proceed, RestartNode, RestartStep
from scheduler.model.intent import Accept, Create, Decline, Launch, Reserve, Revive
from scheduler.model.plan import Status
from scheduler.model.resource import Resource
from scheduler.model.world import World
from tests.unit.decide.cluster import Cluster, launches, new_world, offer


def steps(world: World, now: float) -> dict[str, tuple[Status, str]]:
    deploy = plans(world, now)["deploy"]
    return {step.name: (step.status, step.message) for phase in deploy.phases for step in phase.steps}


def test_a_first_launch_reserves_creates_and_launches_in_one_accept() -> None:
    cluster = Cluster()
    cluster.subscribe()
    (accept,) = [i for i in cluster.offers(offer(1)) if isinstance(i, Accept)]
    assert [type(operation) for operation in accept.operations] == [Reserve, Create, Launch]
    reserve, create, launch = accept.operations
    assert {r.name for r in reserve.resources} == {"cpus", "mem", "disk", "ports"}
    labels = dict(reserve.resources[0].reservations[0].labels)
    assert labels["cluster"] == "cassandra-cluster"
    assert labels["node"] == "node-0"
    assert create.volumes[0].persistence_id in {r.persistence_id for r in launch.executor.resources}


def test_what_executor_and_task_use_leaves_the_maintenance_slot_reserved() -> None:
    cluster = Cluster()
    cluster.subscribe()
    (accept,) = [i for i in cluster.offers(offer(1)) if isinstance(i, Accept)]
    reserve, _, launch = accept.operations
    reserved = sum(r.scalar for r in reserve.resources if r.name == "cpus")
    used = sum(r.scalar for r in (*launch.resources, *launch.executor.resources) if r.name == "cpus")
    assert round(reserved - used, 3) == 0.5


def test_the_founder_is_its_own_only_seed_and_the_others_join_through_it() -> None:
    cluster = Cluster()
    cluster.subscribe()
    first = decode_task(launches(cluster.offers(offer(1)))[0].data)
    assert (first.founder, first.seeds) == (True, ("10.0.0.1",))
    assert cluster.world.ledger.cluster.founder == "node-0"
    cluster.normal(0)
    second = decode_task(launches(cluster.offers(offer(2)))[0].data)
    assert (second.founder, second.seeds) == (False, ("10.0.0.1",))


def test_no_node_is_started_beside_the_founder_that_it_has_to_join_through() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.tell(ForceComplete("deploy", "Deploy", "node-0"))
    assert [launch.name for launch in launches(cluster.offers(offer(1), offer(2)))] == ["node-0"]
    cluster.normal(0)
    second = decode_task(launches(cluster.offers(offer(2)))[0].data)
    assert (second.founder, second.seeds) == (False, ("10.0.0.1",))


def test_another_node_founds_where_the_one_that_was_to_is_passed_over_before_its_launch() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.tell(Interrupt("recovery"))
    cluster.tell(ForceComplete("deploy", "Deploy", "node-0"))
    assert cluster.world.ledger.cluster.founder == "node-0"
    (launch,) = launches(cluster.offers(offer(1), offer(2)))
    assert (launch.name, decode_task(launch.data).founder) == ("node-1", True)
    assert cluster.world.ledger.cluster.founder == "node-1"
    cluster.tell(Proceed("recovery"))
    assert launches(cluster.offers(offer(2))) == [], "it joins through node-1, which is not NORMAL yet"
    cluster.normal(1)
    (launch,) = launches(cluster.offers(offer(2)))
    assert (launch.name, decode_task(launch.data).founder) == ("node-0", False)


def test_a_founder_that_failed_comes_before_the_node_that_was_passed_over_for_it() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.tell(Interrupt("recovery"))
    cluster.tell(ForceComplete("deploy", "Deploy", "node-0"))
    cluster.offers(offer(1))
    cluster.tell(Proceed("recovery"))
    cluster.tell(RestartStep("deploy", "Deploy", "node-0"))
    cluster.update(1, "TASK_FAILED")
    assert steps(cluster.world, cluster.now)["node-0"] == (Status.PENDING, "node-1 comes first")
    place = cluster.node(1).placement
    assert place is not None
    (launch,) = launches(cluster.offers(offer(1, 9, resources=place.resources), offer(2)))
    assert (launch.name, decode_task(launch.data).founder) == ("node-1", True)


def test_a_node_that_was_stopped_before_it_joined_waits_for_its_turn_and_says_so() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.normal(0)
    cluster.tell(ForceComplete("deploy", "Deploy", "node-1"))
    cluster.tell(ForceComplete("deploy", "Deploy", "node-2"))
    cluster.offers(offer(2), offer(3))
    cluster.tell(RestartNode("node-2"))
    cluster.tell(RestartStep("deploy", "Deploy", "node-1"))
    cluster.tell(RestartStep("deploy", "Deploy", "node-2"))
    cluster.update(2, "TASK_KILLED")
    step = plans(cluster.world, cluster.now)["recovery"].phases[0].steps[-1]
    assert (step.name, step.waiting_for) == ("node-2", "node-1 comes first")


def test_nodes_are_started_one_after_the_other() -> None:
    cluster = Cluster()
    cluster.subscribe()
    assert len(launches(cluster.offers(offer(1), offer(2), offer(3)))) == 1
    assert launches(cluster.offers(offer(2))) == []
    cluster.normal(0)
    assert [launch.name for launch in launches(cluster.offers(offer(2), offer(3)))] == ["node-1"]


def test_a_step_is_complete_only_when_all_live_peers_see_the_node() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.normal(0)
    cluster.offers(offer(2))
    node = cluster.node(0)
    cluster.normal(1)
    assert cluster.node(1).deployed is not None
    assert node.deployed is not None
    cluster.offers(offer(3))
    before = cluster.node(0)
    cluster.update(2, "TASK_RUNNING")
    assert steps(cluster.world, cluster.now)["node-2"][0] is Status.IN_PROGRESS
    assert before.deployed is not None


def test_a_deployed_cluster_has_a_complete_plan_and_declines_for_long() -> None:
    cluster = Cluster()
    cluster.deploy()
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE
    (decline,) = cluster.offers(offer(1))
    assert isinstance(decline, Decline)
    assert decline.refuse_seconds == 3600.0


def test_offers_are_called_back_when_the_next_node_wants_one() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.offers(offer(1))
    mark = len(cluster.intents)
    cluster.normal(0)
    assert Revive() in cluster.intents[mark:]


def test_a_step_says_which_resource_is_missing_on_how_many_agents() -> None:
    cluster = Cluster()
    cluster.subscribe()
    small = (Resource("cpus", 0.5), Resource("mem", 64.0), Resource("disk", 100000.0))
    intents = cluster.offers(offer(1, resources=small), offer(2, resources=small))
    assert launches(intents) == []
    status, message = steps(cluster.world, cluster.now)["node-0"]
    assert status is Status.WAITING
    assert "cpus missing on 2 agents" in message
    assert "ports missing on 2 agents" in message
    assert "disk missing" not in message


def test_a_second_node_does_not_go_to_a_host_that_has_one() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.normal(0)
    assert launches(cluster.offers(offer(1, 2))) == []
    assert "of 1 agent: none satisfies hostname:UNIQUE" in steps(cluster.world, cluster.now)["node-1"][1]


def test_an_interrupted_plan_finishes_the_running_step_and_no_more() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.tell(Interrupt("deploy"))
    cluster.normal(0)
    assert launches(cluster.offers(offer(2))) == []
    assert steps(cluster.world, cluster.now)["node-0"][0] is Status.COMPLETE
    assert steps(cluster.world, cluster.now)["node-1"][0] is Status.WAITING
    cluster.tell(Proceed("deploy"))
    assert [launch.name for launch in launches(cluster.offers(offer(2)))] == ["node-1"]


def test_an_interrupted_plan_still_restarts_a_running_step_that_failed() -> None:
    cluster = Cluster(new_world(1))
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.tell(Interrupt("deploy"))
    cluster.update(0, "TASK_RUNNING")
    cluster.update(0, "TASK_FAILED")
    place = cluster.node(0).placement
    assert place is not None
    again = launches(cluster.offers(offer(1, 2, resources=place.resources)))
    assert [launch.name for launch in again] == ["node-0"]
