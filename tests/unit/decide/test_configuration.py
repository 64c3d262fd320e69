"""A new configuration: what of it is refused, and how the rest reaches the nodes."""

from dataclasses import replace
from typing import Any

import pytest

from protocol.task import decode_task
from scheduler.decide.plans import plans
from scheduler.decide.target import retarget
from scheduler.model.event import Interrupt, Tick
from scheduler.model.intent import Accept, Decline, Intent, Kill, Launch, Reserve, Unreserve
from scheduler.model.offer import Offer
from scheduler.model.plan import Status
from scheduler.model.resource import Resource, ranges_of, total
from scheduler.model.settings import CassandraSettings, NodeSettings, Settings
from scheduler.model.world import config_id
from tests.unit.decide.cluster import Cluster, decided, launches, offer, settings


def deployed(nodes: int = 3) -> Cluster:
    cluster = Cluster()
    cluster.deploy(nodes)
    return cluster


def changed(base: Settings, **changes: Any) -> Settings:
    """The settings with some of Cassandra's changed."""
    cassandra = replace(base.node.cassandra, **changes)
    return replace(base, node=replace(base.node, cassandra=cassandra))


def configure(cluster: Cluster, new: Settings) -> tuple[str, ...]:
    """A new scheduler starts with these settings on the same records."""
    ledger, errors = retarget(cluster.world.ledger, new)
    cluster.world = replace(cluster.world, ledger=ledger, settings=new, errors=errors)
    cluster.subscribe()
    for node in cluster.world.ledger.members():
        if node.alive and node.task:
            cluster.update(node.number, node.task.state, uuid=None)
    cluster.tell(Tick())
    return errors


def free(cluster: Cluster, number: int, **more: float) -> Offer:
    """What is free on a running node's agent: its maintenance slot, and so much that is not reserved."""
    place = cluster.node(number).placement
    assert place is not None
    levels = place.resources[0].reservations
    slot = (Resource("cpus", 0.5, reservations=levels), Resource("mem", 512.0, reservations=levels))
    return offer(number + 1, 8, resources=(*slot, *(Resource(name, size) for name, size in more.items())))


def rest(cluster: Cluster, number: int, **more: float) -> Offer:
    """All that is reserved for a stopped node, and so much that is not."""
    place = cluster.node(number).placement
    assert place is not None
    plain = tuple(Resource(name, size) for name, size in more.items())
    return offer(number + 1, 9, resources=(*place.resources, *plain))


def kills(intents: list[Intent] | tuple[Intent, ...]) -> list[str]:
    return [i.task_id.partition("__")[0] for i in intents if isinstance(i, Kill)]


def operations(intents: tuple[Intent, ...]) -> list[Any]:
    return [o for i in intents if isinstance(i, Accept) for o in i.operations]


def restart(cluster: Cluster, number: int, **more: float) -> tuple[Intent, ...]:
    """The node's task ends, and what is reserved for it is offered."""
    cluster.update(number, "TASK_KILLED")
    intents = cluster.offers(rest(cluster, number, **more))
    assert launches(intents)
    return intents


def step(cluster: Cluster, name: str) -> tuple[Status, str]:
    deploy = plans(cluster.world, cluster.now)["deploy"]
    found = {s.name: (s.status, s.message) for phase in deploy.phases for s in phase.steps}
    return found[name]


def test_a_changed_setting_is_rolled_out_node_by_node_in_the_same_places() -> None:
    cluster = deployed()
    mark = len(cluster.intents)
    new = changed(settings(), yaml={"concurrent_reads": 16})
    assert configure(cluster, new) == ()
    for number in range(3):
        assert kills(cluster.intents[mark:])[-1] == f"node-{number}"
        before = cluster.node(number).placement
        (launch,) = launches(restart(cluster, number))
        assert decode_task(launch.data).yaml == {"concurrent_reads": 16}
        assert cluster.node(number).placement == before
        assert kills(cluster.intents[mark:])[-1] == f"node-{number}", "the next only once this one is NORMAL"
        cluster.normal(number)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE
    assert len(kills(cluster.intents[mark:])) == 3
    assert cluster.world.ledger.target.known.keys() >= {config_id(new.node)}


def test_what_does_not_concern_the_nodes_restarts_none() -> None:
    cluster = deployed()
    mark = len(cluster.intents)
    before = cluster.world.ledger
    new = replace(
        settings(), log_level="DEBUG", placement_constraint="", api=replace(settings().api, port=9001)
    )
    assert configure(cluster, new) == ()
    assert kills(cluster.intents[mark:]) == []
    assert decided(cluster.world.ledger) == decided(before)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("SERVICE_NAME", replace(settings(), service=replace(settings().service, name="other"))),
        ("SERVICE_ROLE", replace(settings(), service=replace(settings().service, role="other"))),
        ("SERVICE_PRINCIPAL", replace(settings(), service=replace(settings().service, principal="other"))),
        ("CASSANDRA_CLUSTER_NAME", changed(settings(), cluster_name="other")),
        ("CASSANDRA_LOCATION_DATA_CENTER", changed(settings(), data_center="other")),
        ("CASSANDRA_LOCATION_RACK", changed(settings(), rack="other")),
        ("CASSANDRA_DISK_MB", changed(settings(), disk_mb=20480.0)),
        ("CASSANDRA_DISK_TYPE", changed(settings(), disk_type="MOUNT")),
        ("CASSANDRA_STORAGE_PORT", changed(settings(), storage_port=7100)),
        ("CASSANDRA_NUM_TOKENS", changed(settings(), yaml={"num_tokens": 8})),
        ("CASSANDRA_PARTITIONER", changed(settings(), yaml={"partitioner": "other"})),
    ],
)
def test_what_can_never_change_is_refused_by_name_and_the_old_target_stays(name: str, new: Settings) -> None:
    cluster = deployed()
    mark = len(cluster.intents)
    before = cluster.world.ledger
    (error,) = configure(cluster, changed(new, heap_size_mb=4096))
    assert error.startswith(f"{name} cannot change from ")
    assert ".0" not in error, "numbers as operators write them"
    assert decided(cluster.world.ledger) == decided(before)
    assert kills(cluster.intents[mark:]) == []
    deploy = plans(cluster.world, cluster.now)["deploy"]
    assert (deploy.status, deploy.errors) == (Status.ERROR, (error,))


def test_what_a_node_does_anyway_may_be_written_down() -> None:
    yaml = {"partitioner": "org.apache.cassandra.dht.Murmur3Partitioner", "num_tokens": 16}
    assert configure(deployed(), changed(settings(), yaml=yaml)) == ()


def test_the_service_goes_on_with_the_old_target_while_a_new_one_is_refused() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), disk_mb=1.0))
    cluster.update(1, "TASK_FAILED")
    assert launches(cluster.offers(rest(cluster, 1)))


def test_more_memory_is_reserved_before_the_node_is_stopped() -> None:
    cluster = deployed()
    mark = len(cluster.intents)
    configure(cluster, changed(settings(), memory_mb=5120.0))
    assert kills(cluster.intents[mark:]) == []
    assert step(cluster, "node-0")[0] is Status.WAITING
    assert "1024 mem more on host-1" in step(cluster, "node-0")[1]
    (reserve,) = operations(cluster.offers(free(cluster, 0, mem=4096.0)))
    assert isinstance(reserve, Reserve)
    assert [(r.name, r.scalar) for r in reserve.resources] == [("mem", 1024.0)]
    place = cluster.node(0).placement
    assert place is not None
    assert reserve.resources[0].reservations == place.resources[0].reservations
    assert kills(cluster.intents[mark:]) == [], "what was sent may have been lost"
    levels = place.resources[0].reservations
    slot = (Resource("cpus", 0.5, reservations=levels), Resource("mem", 512.0 + 1024.0, reservations=levels))
    cluster.offers(offer(1, 8, resources=slot))
    assert kills(cluster.intents[mark:]) == ["node-0"]
    (launch,) = [o for o in operations(restart(cluster, 0)) if isinstance(o, Launch)]
    assert total(launch.resources, "mem") == 5120.0


def test_an_agent_without_room_keeps_no_node_down() -> None:
    cluster = deployed()
    mark = len(cluster.intents)
    configure(cluster, changed(settings(), memory_mb=5120.0))
    assert operations(cluster.offers(free(cluster, 0, mem=100.0))) == []
    assert "not free there: mem" in step(cluster, "node-0")[1]
    assert kills(cluster.intents[mark:]) == []
    cluster.update(0, "TASK_FAILED")
    (launch,) = launches(cluster.offers(rest(cluster, 0)))
    assert total(launch.resources, "mem") == 4096.0, "started as it was"


def test_less_memory_is_given_back_with_the_restart() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), memory_mb=3072.0))
    unreserve, launch = operations(restart(cluster, 0))
    assert isinstance(unreserve, Unreserve)
    assert [(r.name, r.scalar) for r in unreserve.resources] == [("mem", 1024.0)]
    assert total(launch.resources, "mem") == 3072.0
    place = cluster.node(0).placement
    assert place is not None
    assert total(place.resources, "mem") == settings().node.memory_mb - 1024.0


def test_another_port_is_reserved_and_the_old_one_given_back() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), native_transport_port=9142))
    ports = free(cluster, 0)._replace(
        resources=(*free(cluster, 0).resources, Resource("ports", ranges=((9100, 9200),)))
    )
    (reserve,) = operations(cluster.offers(ports))
    assert ranges_of(reserve.resources) == ((9142, 9142),)
    seen = (*free(cluster, 0).resources, *reserve.resources)
    cluster.offers(offer(1, 8, resources=seen))
    unreserve, launch = operations(restart(cluster, 0))
    assert ranges_of(unreserve.resources) == ((9042, 9042),)
    assert decode_task(launch.data).ports.native_transport == 9142


def test_what_was_reserved_for_a_change_that_was_taken_back_is_given_back() -> None:
    cluster = deployed()
    mark = len(cluster.intents)
    configure(cluster, changed(settings(), memory_mb=5120.0))
    levels = cluster.node(0).placement.resources[0].reservations  # type: ignore[union-attr]
    slot = (Resource("cpus", 0.5, reservations=levels), Resource("mem", 1536.0, reservations=levels))
    configure(cluster, settings())
    (unreserve,) = operations(cluster.offers(offer(1, 8, resources=slot)))
    assert isinstance(unreserve, Unreserve)
    assert [(r.name, r.scalar) for r in unreserve.resources] == [("mem", 1024.0)]
    assert kills(cluster.intents[mark:]) == []


def test_a_port_that_was_reserved_for_a_change_that_was_taken_back_is_given_back() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), native_transport_port=9142))
    cluster.update(1, "TASK_FAILED")  # so that node-0 is not stopped yet
    slot = free(cluster, 0).resources
    port = Resource("ports", ranges=((9142, 9142),), reservations=slot[0].reservations)
    cluster.offers(offer(1, 8, resources=(*slot, port)))
    configure(cluster, settings())
    (unreserve,) = operations(cluster.offers(offer(1, 8, resources=(*slot, port))))
    assert unreserve == Unreserve((port,))


def test_what_a_restart_was_to_reserve_is_reserved_later_where_that_was_refused() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), cpus=settings().node.cassandra.cpus + 0.25))
    cluster.update(0, "TASK_FAILED")
    reserve, _ = operations(cluster.offers(rest(cluster, 0, cpus=1.0)))
    assert [(r.name, r.scalar) for r in reserve.resources] == [("cpus", 0.25)]
    levels = reserve.resources[0].reservations
    slot = (Resource("cpus", 0.25, reservations=levels), Resource("mem", 512.0, reservations=levels))
    room = offer(1, 8, resources=(*slot, Resource("cpus", 1.0)))
    (decline,) = cluster.offers(room)
    assert decline == Decline(("O1-8",), cluster.world.settings.mesos_refuse_seconds), "its task is not known"
    cluster.normal(0)
    assert operations(cluster.offers(room)) == [reserve]
    cluster.offers(offer(1, 8, resources=(Resource("cpus", 0.5, reservations=levels), slot[1])))
    place = cluster.node(0).placement
    assert place is not None
    assert place.resources[0].scalar == settings().node.cpus + 0.25


def test_one_resource_for_another_leaves_no_doubt_about_what_is_reserved() -> None:
    cluster = deployed()
    levels = cluster.node(0).placement.resources[0].reservations  # type: ignore[union-attr]

    def spare(cpus: float, memory: float) -> tuple[Resource, ...]:
        return Resource("cpus", cpus, reservations=levels), Resource("mem", memory, reservations=levels)

    configure(cluster, changed(settings(), memory_mb=5120.0))
    cluster.update(1, "TASK_FAILED")  # so that node-0 is not stopped yet
    cluster.offers(offer(1, 8, resources=spare(0.5, 1536.0)))
    configure(cluster, changed(settings(), cpus=settings().node.cassandra.cpus + 1.0))
    room = (*spare(0.5, 1536.0), Resource("cpus", 4.0))
    unreserve, reserve = operations(cluster.offers(offer(1, 8, resources=room)))
    assert [(r.name, r.scalar) for r in unreserve.resources] == [("mem", 1024.0)]
    assert [(r.name, r.scalar) for r in reserve.resources] == [("cpus", 1.0)]
    configure(cluster, settings())
    (unreserve,) = operations(cluster.offers(offer(1, 8, resources=spare(1.5, 512.0))))
    assert [(r.name, r.scalar) for r in unreserve.resources] == [("cpus", 1.0)]


def test_nothing_is_given_back_of_a_node_of_which_a_part_is_out_of_sight() -> None:
    cluster = deployed()
    place = cluster.node(0).placement
    assert place is not None
    half = Resource("mem", 9000.0, reservations=place.resources[0].reservations)
    assert operations(cluster.offers(offer(1, 8, resources=(half,)))) == []
    assert operations(cluster.offers(rest(cluster, 0, mem=100.0))) == [], "its update is still to come"


def test_an_offer_of_a_part_is_refused_for_a_short_time_so_that_what_is_too_much_shows_in_the_next() -> None:
    cluster = deployed()
    levels = cluster.node(0).placement.resources[0].reservations  # type: ignore[union-attr]
    parts = (Resource("cpus", 1.6, reservations=levels), Resource("mem", 512.0, reservations=levels))
    for part in parts:
        (decline,) = cluster.offers(offer(1, 8, resources=(part,)))
        assert decline == Decline(("O1-8",), cluster.world.settings.mesos_refuse_seconds)
    (unreserve,) = operations(cluster.offers(offer(1, 8, resources=parts)))
    assert [(r.name, r.scalar) for r in unreserve.resources] == [("cpus", 1.1)]
    (decline,) = cluster.offers(offer(1, 8, resources=(parts[0]._replace(scalar=0.5), parts[1])))
    assert decline == Decline(("O1-8",), 3600.0)


def test_a_change_taken_back_halfway_brings_every_node_back() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), heap_size_mb=3000))
    restart(cluster, 0)
    cluster.normal(0)
    restart(cluster, 1)
    mark = len(cluster.intents)
    configure(cluster, settings())
    assert kills(cluster.intents[mark:]) == [], "node-1 must be NORMAL first"
    cluster.normal(1)
    assert kills(cluster.intents[mark:]) == ["node-0"]
    for number in (0, 1):
        (launch,) = launches(restart(cluster, number))
        assert decode_task(launch.data).heap.size_mb == 2048
        cluster.normal(number)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE
    assert kills(cluster.intents[mark:]) == ["node-0", "node-1"]


def test_a_third_configuration_halfway_reaches_all() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), heap_size_mb=3000))
    restart(cluster, 0)
    cluster.normal(0)
    cluster.update(1, "TASK_KILLED")
    configure(cluster, changed(settings(), heap_size_mb=4000))
    assert decode_task(launches(cluster.offers(rest(cluster, 1)))[0].data).heap.size_mb == 2048, "as it was"
    cluster.normal(1)
    for number in range(3):
        (launch,) = launches(restart(cluster, number))
        assert decode_task(launch.data).heap.size_mb == 4000
        cluster.normal(number)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE


def test_a_node_that_deploy_has_not_come_to_is_restarted_with_what_it_had() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), heap_size_mb=3000))
    restart(cluster, 0)
    cluster.update(2, "TASK_FAILED")
    (launch,) = launches(cluster.offers(rest(cluster, 2)))
    assert decode_task(launch.data).heap.size_mb == 2048
    assert cluster.node(2).begun != config_id(cluster.world.ledger.target.node)


def test_an_interrupted_roll_out_stops_no_further_node_and_recovers_those_that_fail() -> None:
    cluster = deployed()
    cluster.tell(Interrupt("deploy"))
    mark = len(cluster.intents)
    configure(cluster, changed(settings(), heap_size_mb=3000))
    assert kills(cluster.intents[mark:]) == []
    assert "interrupted" in step(cluster, "node-0")[1]
    cluster.update(0, "TASK_FAILED")
    (launch,) = launches(cluster.offers(rest(cluster, 0)))
    assert decode_task(launch.data).heap.size_mb == 2048


def test_a_node_that_failed_with_the_old_configuration_is_tried_with_the_new_one_at_once() -> None:
    cluster = deployed()
    configure(cluster, changed(settings(), heap_size_mb=3000))
    restart(cluster, 0)
    for _ in range(4):
        cluster.update(0, "TASK_FAILED")
        cluster.now = max(cluster.now, cluster.node(0).not_before)
        cluster.offers(rest(cluster, 0))
    cluster.update(0, "TASK_FAILED")
    assert cluster.node(0).not_before > cluster.now
    configure(cluster, changed(settings(), heap_size_mb=2500))
    (launch,) = launches(cluster.offers(rest(cluster, 0)))
    assert decode_task(launch.data).heap.size_mb == 2500


def test_more_nodes_are_added_one_at_a_time() -> None:
    cluster = deployed()
    assert configure(cluster, settings(5)) == ()
    assert step(cluster, "node-4") == (Status.PENDING, "node-3 comes first")
    assert [launch.name for launch in launches(cluster.offers(offer(4), offer(5)))] == ["node-3"]
    cluster.normal(3)
    assert [launch.name for launch in launches(cluster.offers(offer(5, 1)))] == ["node-4"]
    cluster.normal(4)
    assert plans(cluster.world, cluster.now)["deploy"].status is Status.COMPLETE


def test_an_id_of_a_configuration_does_not_depend_on_settings_left_as_they_are() -> None:
    plain = NodeSettings()
    assert config_id(plain) == config_id(NodeSettings(cassandra=CassandraSettings()))
    assert config_id(plain) != config_id(NodeSettings(executor_cpus=0.2))
    assert config_id(plain) != config_id(NodeSettings(cassandra=CassandraSettings(cpus=1.0)))
