"""RESERVE, CREATE, LAUNCH, DESTROY, UNRESERVE: the life of a node's storage, and what is dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scheduler.mesos.convert import operation_json
from scheduler.model.intent import Create, Destroy, Operation, Reserve, ShutdownExecutor, Unreserve
from scheduler.model.offer import Offer
from scheduler.model.resource import Disk, Reservation, Resource, ranges_of, total
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import ControlledMesos
from tests.conformance.node import Node, Workshop, enough, free_ports, launch, running, unreserved
from tests.conformance.wire import Subscription
from tests.integration.scripted_server import eventually

Make = Callable[..., Scheduler]

END = (["update", "TASK_FINISHED"], ["flush"], ["exit", 0])


@pytest.fixture
def node(scheduler: Scheduler, workshop: Workshop) -> Node:
    return Node(scheduler, workshop)


def at(agent_id: str) -> Callable[[Offer], bool]:
    return lambda offer: offer.agent_id == agent_id


def reserved_and_created(scheduler: Scheduler, node: Node) -> Offer:
    offer = scheduler.offer(enough(disk=256.0))
    scheduler.accept(offer, Reserve(node.all), Create((node.volume,)))
    return scheduler.offer(node.back)


# A node's life.


def test_a_node_is_reserved_created_and_launched_in_one_accept(
    scheduler: Scheduler, workshop: Workshop
) -> None:
    offer = scheduler.offer(enough(disk=256.0))
    node = Node(scheduler, workshop, free_ports(offer, 3))
    first = node.launch(offer, node.executor(), ["write", "data/file", "kept"], *END)
    scheduler.accept(offer, *node.first(first))
    scheduler.update(first.task_id, "TASK_FINISHED")
    back = scheduler.offer(node.back)
    assert ranges_of(node.mine(back)) == node.ports
    mark = scheduler.mark()
    second = node.launch(back, node.executor(), ["update", "TASK_RUNNING"], ["look", "data/file"])
    scheduler.accept(back, second)
    scheduler.update(second.task_id, "TASK_RUNNING")
    assert scheduler.said(mark)["data/file"]["text"] == "kept", "the volume is the same"


def test_a_volume_lies_where_mesos_keeps_it(
    control: ControlledMesos, scheduler: Scheduler, node: Node
) -> None:
    task = node.begin(scheduler, node.executor(), ["write", "data/file", "kept"], ["look", "data"], *END)
    index = int(dict(task.offer.attributes)["host"].removeprefix("h"))
    path = control.volume(index, node.role, node.persistence_id)
    assert scheduler.said()["data"] == {"link": str(path)}
    scheduler.update(task.task_id, "TASK_FINISHED")
    back = scheduler.offer(node.back)
    assert (path / "file").read_text() == "kept"
    scheduler.accept(back, Destroy((node.volume,)), Unreserve(node.all))
    clean = scheduler.offer(at(task.agent_id))
    assert not node.reserved(clean)
    eventually(lambda: not path.exists(), "the end of the data")


def test_reserved_resources_come_back_as_they_were_written(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough(disk=256.0))
    node = Node(scheduler, workshop, free_ports(offer, 3))
    scheduler.accept(offer, Reserve(node.all), Create((node.volume,)))
    back = scheduler.offer(node.back)
    assert sorted(node.mine(back), key=str) == sorted(
        [*(r for r in node.all if r.name != "disk"), node.of("disk", 64.0), node.volume], key=str
    )
    assert not set(ranges_of(unreserved(back))) & set(node.ports)
    assert total(unreserved(back), "cpus") == total(unreserved(offer), "cpus") - 1.0


def test_what_runs_is_not_offered(scheduler: Scheduler, node: Node) -> None:
    task = node.begin(scheduler, node.executor())
    scheduler.update(task.task_id, "TASK_RUNNING")
    rest = scheduler.offer(node.reserved)
    assert [node.amount(rest, name) for name in ("cpus", "mem", "disk")] == [0.4, 160.0, 64.0]
    assert not node.volumes(rest)
    scheduler.decline(rest)
    scheduler.driver.perform(ShutdownExecutor(task.executor.id, task.agent_id))
    scheduler.offer(node.back)


def test_a_further_task_of_the_node_takes_of_the_reserved_rest(scheduler: Scheduler, node: Node) -> None:
    task = node.begin(scheduler, node.executor())
    scheduler.update(task.task_id, "TASK_RUNNING")
    rest = scheduler.offer(lambda offer: node.amount(offer, "cpus") == 0.4)
    resources = (node.of("cpus", 0.4), node.of("mem", 64.0))
    steps = (["look", "data"], ["update", "TASK_FINISHED"])
    side = launch(rest, task.executor, *steps, resources=resources)
    mark = scheduler.mark()
    scheduler.accept(rest, side)
    scheduler.update(side.task_id, "TASK_FINISHED")
    assert scheduler.said(mark)["data"], "the volume is the executor's, and so every task's"
    again = scheduler.offer(lambda offer: node.amount(offer, "cpus") == 0.4)
    assert not node.volumes(again)
    assert scheduler.states(task.task_id) == ["TASK_RUNNING"]


def test_nodes_on_one_agent_are_told_apart_by_their_labels(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough(cpus=3.0, mem=1024.0, disk=512.0))
    ports = free_ports(offer, 4)
    one, two = Node(scheduler, workshop, ports[:2]), Node(scheduler, workshop, ports[2:])
    operations = (Reserve(one.all), Create((one.volume,)), Reserve(two.all), Create((two.volume,)))
    scheduler.accept(offer, *operations)
    back = scheduler.offer(lambda o: one.back(o) and two.back(o))
    for node in (one, two):
        assert ranges_of(node.mine(back)) == node.ports
        assert sorted(r.name for r in node.mine(back)) == ["cpus", "disk", "disk", "mem", "ports"]
    scheduler.accept(back, Reserve((one.of("cpus", 0.5),)))
    more = scheduler.offer(lambda o: one.amount(o, "cpus") == 1.5)
    assert len([r for r in one.mine(more) if r.name == "cpus"]) == 1, "equal reservations are one"
    assert two.amount(more, "cpus") == 1.0


def test_a_node_is_destroyed_and_unreserved_in_one_accept(scheduler: Scheduler, node: Node) -> None:
    back = reserved_and_created(scheduler, node)
    before = total(back.resources, "disk")
    scheduler.accept(back, Destroy((node.volume,)), Unreserve(node.all))
    clean = scheduler.offer(at(back.agent_id))
    assert not node.reserved(clean)
    assert total(unreserved(clean), "disk") == before


def test_the_reservations_of_a_role_outlive_its_framework(
    schedulers: Make, workshop: Workshop, role: str
) -> None:
    first = schedulers()
    node = Node(first, workshop)
    back = reserved_and_created(first, node)
    first.driver.teardown()
    stranger = schedulers(f"{role}-b")
    assert not node.reserved(stranger.offer(at(back.agent_id)))
    stranger.driver.teardown()
    second = schedulers()
    assert node.volume in second.offer(node.back).resources


def test_offers_of_one_agent_can_be_used_together(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    at_agent = at(task.agent_id)
    scheduler.until(lambda: any(at_agent(o) for o in scheduler.held.values()), "the rest of the agent")
    scheduler.tell(task.executor.id, task.agent_id, ["exit", 0])
    scheduler.until(lambda: len([o for o in scheduler.held.values() if at_agent(o)]) == 2, "a second offer")
    parts = [offer for offer in scheduler.held.values() if at_agent(offer)]
    whole = sum(total(offer.resources, "cpus") for offer in parts)
    level = Reservation(scheduler.role, scheduler.framework.principal)
    cpus = Resource("cpus", round(whole, 3), reservations=(level,))
    scheduler.accept(parts, Reserve((cpus,)))
    back = scheduler.offer(lambda o: any(r.reservations for r in o.resources))
    assert cpus in back.resources
    scheduler.accept(back, Unreserve((cpus,)))  # all that the agent has


# Amounts.


def test_reservations_can_be_given_back_in_parts(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough())
    begin = next(first for first, last in ranges_of(unreserved(offer)) if last - first >= 9)
    node = Node(scheduler, workshop, ((begin, begin + 9),))
    level = (node.level,)
    scheduler.accept(offer, Reserve(node.all))
    back = scheduler.offer(node.reserved)
    middle = Resource("ports", ranges=((begin + 3, begin + 5),), reservations=level)
    scheduler.accept(back, Unreserve((middle, node.of("cpus", 0.25))))
    left = scheduler.offer(lambda o: node.amount(o, "cpus") == 0.75)
    assert ranges_of(node.mine(left)) == ((begin, begin + 2), (begin + 6, begin + 9))


def test_amounts_have_three_decimals(scheduler: Scheduler, node: Node) -> None:
    offer = scheduler.offer(enough())
    operations = [Reserve((node.of("cpus", amount),)) for amount in (0.1, 0.2, 0.0004)]
    scheduler.accept(offer, *operations, Reserve((node.of("mem", 32.0),)))
    back = scheduler.offer(node.reserved)
    assert [r.scalar for r in node.mine(back) if r.name == "cpus"] == [0.3]


# What is dropped.


def test_each_bad_operation_is_dropped_alone(scheduler: Scheduler, node: Node, role: str) -> None:
    other = Reservation(f"{role}-other", node.level.principal, node.level.labels)
    unknown_to_us = {"type": "NO_SUCH_OPERATION"}
    bad: list[Operation] = [
        Reserve((node.of("cpus", 99999.0),)),
        Reserve((Resource("cpus", 1.0, reservations=(other,)),)),
        Reserve((Resource("cpus", 1.0),)),
        Create((node.volume,)),
    ]
    good = [
        Reserve((node.of("mem", 64.0),)),
        Unreserve((node.of("mem", 128.0),)),
        Reserve((node.of("cpus", 0.5),)),
    ]
    framework_id = scheduler.framework_id
    written = [operation_json(operation, framework_id, role) for operation in [*bad, *good]]
    scheduler.accept_json(scheduler.offer(enough(disk=256.0)), *written[:-1], unknown_to_us, written[-1])
    back = scheduler.offer(node.reserved)
    assert [node.amount(back, name) for name in ("cpus", "mem", "disk")] == [0.5, 64.0, 0.0]


def test_a_launch_fails_where_its_reservation_was_dropped(scheduler: Scheduler, node: Node) -> None:
    offer = scheduler.offer(enough(disk=256.0))
    task = node.launch(offer, node.executor())
    scheduler.accept(offer, Reserve((node.of("disk", 1e9),)), Create((node.volume,)), task)
    error = scheduler.update(task.task_id, "TASK_ERROR")
    assert (error.reason, error.source, error.uuid) == ("REASON_TASK_INVALID", "SOURCE_MASTER", None)
    assert "more than available" in error.message


def test_what_was_reserved_without_a_volume_gets_one_later(scheduler: Scheduler, node: Node) -> None:
    offer = scheduler.offer(enough(disk=256.0))
    bad = node.volume_of(64.0, persistence_id="a/b")
    scheduler.accept(offer, Reserve(node.all), Create((bad,)))
    back = scheduler.offer(node.reserved)
    assert not node.volumes(back)
    assert node.of("disk", 128.0) in back.resources
    task = node.launch(back, node.executor())
    scheduler.accept(back, Create((node.volume,)), task)
    scheduler.update(task.task_id, "TASK_RUNNING")


@pytest.mark.parametrize("name", ["", "..", "a\\b", "a/b", "v" * 256])
def test_a_volumes_id_is_a_name(scheduler: Scheduler, node: Node, name: str) -> None:
    bad = node.volume._replace(disk=Disk(name, node.level.principal, "data"))
    scheduler.accept(scheduler.offer(enough(disk=256.0)), Reserve(node.all), Create((bad,)))
    assert not node.volumes(scheduler.offer(node.reserved))


@pytest.mark.parametrize(
    "volume",
    [
        None,
        {"container_path": "data", "mode": "RO"},
        {"container_path": "data", "mode": "RW", "host_path": "x"},
    ],
    ids=str,
)
def test_a_volume_is_for_writing_and_at_no_place_of_the_hosts(
    scheduler: Scheduler, node: Node, volume: dict[str, str] | None
) -> None:
    reserve, create = (
        operation_json(o, scheduler.framework_id, node.role)
        for o in (Reserve(node.all), Create((node.volume,)))
    )
    disk = create["create"]["volumes"][0]["disk"]
    del disk["volume"]
    disk |= {"volume": volume} if volume else {}
    scheduler.accept_json(scheduler.offer(enough(disk=256.0)), reserve, create)
    assert not node.volumes(scheduler.offer(node.reserved))


def test_a_volumes_id_is_unique_on_its_agent(scheduler: Scheduler, node: Node) -> None:
    back = reserved_and_created(scheduler, node)
    scheduler.accept(back, Create((node.volume_of(32.0),)), Unreserve((node.of("cpus", 1.0),)))
    after = scheduler.offer(lambda o: node.reserved(o) and node.amount(o, "cpus") == 0.0)
    assert node.volumes(after) == [node.volume]


def test_disk_under_a_volume_cannot_be_unreserved(scheduler: Scheduler, node: Node) -> None:
    back = reserved_and_created(scheduler, node)
    operations = (
        Unreserve((node.of("disk", 128.0),)),
        Unreserve((node.volume,)),
        Unreserve((node.of("cpus", 1.0),)),
    )
    scheduler.accept(back, *operations)
    after = scheduler.offer(lambda o: node.reserved(o) and node.amount(o, "cpus") == 0.0)
    assert node.amount(after, "disk") == 128.0
    assert node.volumes(after) == [node.volume]


def test_a_volume_in_use_cannot_be_destroyed(scheduler: Scheduler, node: Node) -> None:
    back = reserved_and_created(scheduler, node)
    task = node.launch(back, node.executor())
    scheduler.accept(back, task, Destroy((node.volume,)))
    scheduler.update(task.task_id, "TASK_RUNNING")
    rest = scheduler.offer(node.reserved)
    scheduler.accept(rest, Destroy((node.volume,)))
    scheduler.driver.perform(ShutdownExecutor(task.executor.id, task.agent_id))
    scheduler.offer(node.back)


def test_reservations_and_volumes_name_the_principal(scheduler: Scheduler, workshop: Workshop) -> None:
    """Also where nobody has to log in."""
    node = Node(scheduler, workshop)
    nobody, another = (node.level._replace(principal=who) for who in (None, "somebody-else"))
    nobodys = node.volume._replace(disk=Disk(node.persistence_id, None, "data"))
    operations = (
        Reserve((Resource("cpus", 1.0, reservations=(nobody,)),)),
        Reserve((Resource("cpus", 1.0, reservations=(another,)),)),
        Reserve(node.all),
        Create((nobodys,)),
    )
    scheduler.accept(scheduler.offer(enough(disk=256.0)), *operations)
    back = scheduler.offer(node.reserved)
    assert {level for r in back.resources for level in r.reservations} == {node.level}
    assert not node.volumes(back)


def test_one_void_offer_makes_the_accept_void(scheduler: Scheduler, node: Node) -> None:
    offer = scheduler.offer(enough(disk=256.0))
    task = node.launch(offer, node.executor())
    void = offer._replace(id=f"{offer.id}000")
    scheduler.accept([offer, void], *node.first(task))
    dropped = scheduler.update(task.task_id, "TASK_DROPPED")
    assert (dropped.reason, dropped.source) == ("REASON_INVALID_OFFERS", "SOURCE_MASTER")
    assert dropped.uuid is None
    again = scheduler.offer(at(offer.agent_id))
    assert not node.reserved(again)


@pytest.mark.cluster(agents=2)
def test_offers_of_two_agents_do_not_mix(scheduler: Scheduler, node: Node) -> None:
    offers = scheduler.offers(2)
    task = node.launch(offers[0], node.executor())
    scheduler.accept(offers[:2], *node.first(task))
    assert scheduler.update(task.task_id, "TASK_DROPPED").reason == "REASON_INVALID_OFFERS"


# Operations with an id: not ours, but whoever gave them one, they are to be acknowledged.


def feedback(subscription: Subscription, operation_id: str) -> dict[str, Any]:
    def fits(body: dict[str, Any]) -> bool:
        return bool(body["status"]["operation_id"]["value"] == operation_id)

    status: dict[str, Any] = subscription.wait("UPDATE_OPERATION_STATUS", fits)["status"]
    return status


def with_id(operation: Operation, role: str, operation_id: str) -> dict[str, Any]:
    return {**operation_json(operation, "", role), "id": {"value": operation_id}}


def test_operations_with_an_id_are_told_of_and_acknowledged(
    subscribe: Callable[..., Subscription], role: str
) -> None:
    subscription = subscribe().subscribed()
    offer = subscription.wait("OFFERS")["offers"][0]
    level = Reservation(role, "conformance")
    operations = [
        with_id(Reserve((Resource("cpus", amount, reservations=(level,)),)), role, name)
        for name, amount in (("good", 0.1), ("bad", 99999.0))
    ]
    subscription.ok("ACCEPT", offer_ids=[offer["id"]], operations=operations, filters={"refuse_seconds": 0})
    bad, good = feedback(subscription, "bad"), feedback(subscription, "good")
    assert bad["state"] == "OPERATION_ERROR"
    assert bad["message"]
    assert "uuid" not in bad
    assert good.keys() == {"operation_id", "state", "uuid", "agent_id"}
    assert (good["state"], good["agent_id"]) == ("OPERATION_FINISHED", offer["agent_id"])
    acknowledgement = {"operation_id": good["operation_id"], "agent_id": offer["agent_id"]}
    assert (
        subscription.call("ACKNOWLEDGE_OPERATION_STATUS", **acknowledgement, uuid=good["uuid"]).status == 400
    )
    subscription.ok("ACKNOWLEDGE_OPERATION_STATUS", **acknowledgement, uuid=good["uuid"]["value"])


def test_an_operation_is_told_of_until_that_is_acknowledged_even_by_an_agent_that_crashed(
    control: ControlledMesos, subscribe: Callable[..., Subscription], role: str
) -> None:
    subscription = subscribe().subscribed()
    offer = subscription.wait("OFFERS")["offers"][0]
    reserve = Reserve((Resource("cpus", 0.1, reservations=(Reservation(role, "conformance"),)),))
    written = with_id(reserve, role, "told")
    subscription.ok("ACCEPT", offer_ids=[offer["id"]], operations=[written], filters={"refuse_seconds": 0})
    first = feedback(subscription, "told")
    where = offer["url"]["address"]
    index = control.index(f"{where['ip']}:{where['port']}")

    def told() -> list[dict[str, Any]]:
        found = [e for e in subscription.events if e["type"] == "UPDATE_OPERATION_STATUS"]
        return [event["update_operation_status"]["status"] for event in found]

    control.kill_agent(index)
    control.start_agent(index)
    eventually(lambda: len(told()) > 1, "the same again")
    assert all(status == first for status in told())
    ids = {"operation_id": first["operation_id"], "agent_id": first["agent_id"]}
    subscription.ok("ACKNOWLEDGE_OPERATION_STATUS", **ids, uuid=first["uuid"]["value"])
    control.kill_agent(index)
    control.start_agent(index)
    subscription.ok("RECONCILE_OPERATIONS", operations=[ids])
    eventually(lambda: told()[-1]["state"] == "OPERATION_UNKNOWN", "that it is forgotten")


def test_our_driver_acknowledges_operations(scheduler: Scheduler, node: Node) -> None:
    offer = scheduler.offer(enough())
    operation = with_id(Reserve((node.of("cpus", 0.1), node.of("mem", 32.0))), node.role, "good")
    answers: list[dict[str, Any]] = []
    acknowledge = scheduler.driver.acknowledgeOperationStatusUpdate

    def listen(status: dict[str, Any]) -> None:
        acknowledge(status)  # raises where the master refuses it
        answers.append(status)

    scheduler.driver.acknowledgeOperationStatusUpdate = listen  # type: ignore[method-assign]
    scheduler.accept_json(offer, operation)
    scheduler.until(lambda: answers, "the acknowledgement")
    assert answers[0]["state"] == "OPERATION_FINISHED"


def test_operations_never_heard_of_are_unknown(subscribe: Callable[..., Subscription]) -> None:
    subscription = subscribe().subscribed()
    agent_id = subscription.wait("OFFERS")["offers"][0]["agent_id"]
    subscription.ok(
        "RECONCILE_OPERATIONS", operations=[{"operation_id": {"value": "never"}, "agent_id": agent_id}]
    )
    status = feedback(subscription, "never")
    assert status["state"] == "OPERATION_UNKNOWN"
    assert "uuid" not in status
