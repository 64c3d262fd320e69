"""Offers: what is in them, when they come, when they do not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from scheduler.model.event import AgentLost, OfferRescinded, OffersReceived, Subscribed
from scheduler.model.intent import Kill, Reserve, Revive, Suppress
from scheduler.model.offer import Offer
from scheduler.model.resource import Reservation, Resource, ranges_of, total
from tests.conformance.conftest import seen
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import ControlledMesos, Mesos
from tests.conformance.node import Workshop, enough, launch, running, unreserved
from tests.conformance.wire import Subscription
from tests.integration.scripted_server import eventually

Make = Callable[..., Scheduler]

AN_HOUR = 3600.0
SOME_ALLOCATIONS = 1.5
"""Seconds in which every agent would have been offered again."""


def offered(scheduler: Scheduler, agent_id: str) -> bool:
    return any(offer.agent_id == agent_id for offer in scheduler.held.values())


def test_an_offer_says_what_an_agent_has(control: ControlledMesos, scheduler: Scheduler) -> None:
    for number, offer in enumerate(scheduler.offers(2), 1):
        assert f"{offer.address}" == control.agent(number).partition(":")[0]
        assert dict(offer.attributes) == {"host": f"h{number}", "rack": "r1", "zone": f"z{number}"}
        assert sorted(resource.name for resource in offer.resources) == ["cpus", "disk", "mem", "ports"]
        # Other tests have left reservations, which are no business of this role.
        most = {"cpus": 64.0, "mem": 65536.0, "disk": 200000.0}
        assert all(0.0 < total(offer.resources, name) <= amount for name, amount in most.items())
        assert all(7000 <= begin <= end <= 7999 for begin, end in ranges_of(offer.resources))
        assert ranges_of(offer.resources)
        assert offer.executor_ids == ()


def test_an_offer_is_of_one_agent_and_to_one_role(subscribe: Callable[..., Subscription], role: str) -> None:
    subscription = subscribe(roles=[role, f"{role}-b"]).subscribed()
    for offer in subscription.wait("OFFERS")["offers"]:
        to = offer["allocation_info"]
        assert to["role"].startswith(role)
        assert {r["allocation_info"]["role"] for r in offer["resources"]} == {to["role"]}
        assert offer["url"]["scheme"] == "http"
        assert offer["url"]["path"] == "/slave(1)"
        assert offer["url"]["address"].keys() == {"hostname", "ip", "port"}
        assert offer["framework_id"] == subscription.framework_id


def test_offers_are_held_until_they_are_answered(scheduler: Scheduler) -> None:
    held = {offer.id for offer in scheduler.offers(1)}
    scheduler.quiet(SOME_ALLOCATIONS, OfferRescinded)
    assert held <= scheduler.held.keys()


def test_what_one_framework_holds_is_not_offered_to_another(schedulers: Make, role: str) -> None:
    first = schedulers()
    held = first.offer()
    second = schedulers(f"{role}-b")
    second.no_offer(SOME_ALLOCATIONS, lambda offer: offer.agent_id == held.agent_id)
    first.decline(held, refuse=AN_HOUR)
    second.until(lambda: offered(second, held.agent_id), "the offer")


def test_a_disconnected_framework_holds_no_offers(schedulers: Make, role: str) -> None:
    first = schedulers(failover_timeout_seconds=0.0)
    held = first.offer()
    first.driver.stop()
    second = schedulers(f"{role}-b")
    second.until(lambda: offered(second, held.agent_id), "the offer")


# Filters.


def test_a_declined_offer_comes_back_when_its_time_is_over(scheduler: Scheduler) -> None:
    began, offer = time.monotonic(), scheduler.offer()
    scheduler.decline(offer, refuse=2.0)
    scheduler.until(lambda: offered(scheduler, offer.agent_id), "the offer")
    assert time.monotonic() - began >= 2.0


def test_an_offer_may_be_wanted_back_at_once(scheduler: Scheduler) -> None:
    offer, began = scheduler.offer(), time.monotonic()
    scheduler.decline(offer, refuse=0.0)
    scheduler.until(lambda: offered(scheduler, offer.agent_id), "the offer")
    assert time.monotonic() - began < 5.0, "that is the default"


def test_refusing_for_less_than_no_time_is_refusing_for_the_default(scheduler: Scheduler) -> None:
    began, offer = time.monotonic(), scheduler.offer()
    scheduler.decline(offer, refuse=-5.0)
    scheduler.until(lambda: offered(scheduler, offer.agent_id), "the offer")
    assert time.monotonic() - began > 4.5


def test_revive_ends_filters(scheduler: Scheduler) -> None:
    offer = scheduler.offer()
    scheduler.decline(offer, refuse=AN_HOUR)
    scheduler.no_offer(SOME_ALLOCATIONS, lambda o: o.agent_id == offer.agent_id)
    scheduler.driver.perform(Revive())
    scheduler.until(lambda: offered(scheduler, offer.agent_id), "the offer")


def test_a_filter_hides_no_more_than_was_refused(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())
    rest = scheduler.offer(lambda offer: offer.executor_ids != ())
    scheduler.decline(rest, refuse=AN_HOUR)
    scheduler.driver.perform(Kill(task.task_id, task.agent_id, 1.0))
    scheduler.update(task.task_id, "TASK_KILLED")
    more = scheduler.offer(lambda offer: offer.agent_id == task.agent_id)
    assert total(more.resources, "cpus") > total(rest.resources, "cpus")


def test_an_accept_filters_what_it_leaves(scheduler: Scheduler, workshop: Workshop) -> None:
    offer = scheduler.offer(enough())
    scheduler.accept(offer, launch(offer, workshop.executor()), refuse=AN_HOUR)
    scheduler.no_offer(SOME_ALLOCATIONS, lambda o: o.agent_id == offer.agent_id)


def test_an_accept_of_nothing_is_a_decline(scheduler: Scheduler) -> None:
    began, offer = time.monotonic(), scheduler.offer()
    scheduler.driver.acceptOffers([{"value": offer.id}], [], {"refuse_seconds": 2.0})
    scheduler.until(lambda: offered(scheduler, offer.agent_id), "the offer")
    assert time.monotonic() - began >= 2.0


def test_what_an_accept_converts_is_offered_at_once_with_the_rest(scheduler: Scheduler) -> None:
    level = Reservation(scheduler.role, scheduler.framework.principal, (("n", "1"),))
    cpus = Resource("cpus", 1.0, reservations=(level,))
    offer = scheduler.offer(enough())
    scheduler.accept(offer, Reserve((cpus,)), refuse=AN_HOUR)
    again = scheduler.offer(lambda o: cpus in o.resources)
    assert total(unreserved(again), "cpus") == total(unreserved(offer), "cpus") - 1.0


def test_filters_outlive_a_takeover_until_revive(schedulers: Make) -> None:
    first = schedulers()
    offer = first.offer()
    first.decline(offer, refuse=AN_HOUR)
    second = schedulers(framework_id=first.framework_id)
    second.wait(Subscribed)
    second.no_offer(SOME_ALLOCATIONS, lambda o: o.agent_id == offer.agent_id)
    second.driver.perform(Revive())
    second.until(lambda: offered(second, offer.agent_id), "the offer")


def connected(mesos: Mesos) -> list[str]:
    return [f["id"] for f in seen(mesos, "/frameworks")["frameworks"] if f["connected"]]


def test_filters_do_not_outlive_a_disconnect(mesos: Mesos, schedulers: Make) -> None:
    first = schedulers()
    offer = first.offer()
    first.decline(offer, refuse=AN_HOUR)
    framework_id = first.framework_id
    first.driver.stop()
    eventually(lambda: framework_id not in connected(mesos), "the disconnect")
    second = schedulers(framework_id=framework_id)
    second.until(lambda: offered(second, offer.agent_id), "the offer")


# Suppressing.


def test_a_suppressed_framework_gets_no_offers_until_it_revives(scheduler: Scheduler) -> None:
    offer = scheduler.offer()
    scheduler.driver.perform(Suppress())
    scheduler.decline(offer)
    scheduler.no_offer(SOME_ALLOCATIONS, lambda o: o.agent_id == offer.agent_id)
    scheduler.driver.perform(Revive())
    scheduler.until(lambda: offered(scheduler, offer.agent_id), "the offer")


def test_suppressing_takes_no_offer_away(scheduler: Scheduler) -> None:
    held = {offer.id for offer in scheduler.offers(1)}
    scheduler.driver.perform(Suppress())
    scheduler.quiet(SOME_ALLOCATIONS, OfferRescinded)
    assert held <= scheduler.held.keys()


def test_who_takes_over_is_not_suppressed(schedulers: Make) -> None:
    first = schedulers()
    first.offer()
    first.driver.perform(Suppress())
    second = schedulers(framework_id=first.framework_id)
    second.wait(OffersReceived)


# Agents.


@pytest.mark.cluster(agents=2)
def test_offers_of_an_agent_that_leaves_are_rescinded(control: ControlledMesos, scheduler: Scheduler) -> None:
    stays, leaves = scheduler.offers(2)
    control.shut_down_agent(2)
    scheduler.wait(OfferRescinded, lambda event: event.offer_id == leaves.id)
    scheduler.wait(AgentLost, lambda event: event.agent_id == leaves.agent_id)
    assert stays.id in scheduler.held
    control.start_agent(2)
    back = scheduler.offer(lambda offer: offer.attributes == leaves.attributes)
    assert back.agent_id == leaves.agent_id, "it keeps its id"
    assert back.id != leaves.id


def test_an_offer_names_our_executors_on_its_agent(scheduler: Scheduler, workshop: Workshop) -> None:
    task = running(scheduler, workshop.executor())

    def with_it(offer: Offer) -> bool:
        return offer.executor_ids == (task.executor.id,)

    again = scheduler.offer(with_it)
    assert again.agent_id == task.agent_id
    assert total(again.resources, "cpus") == round(total(task.offer.resources, "cpus") - 0.2, 3)
