"""Makes, rescinds and takes back offers, and runs the allocator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import gevent
from gevent.event import Event

from local.mesos import formats
from local.mesos.master.allocator import Allocation, Allocator
from local.mesos.master.model import Agent, Framework, Json, Offer
from local.mesos.master.state import State
from local.mesos.master.timings import Timings
from local.mesos.resources import Resource, Resources


class Offers:
    """The outstanding offers of a master."""

    def __init__(self, state: State, allocator: Allocator) -> None:
        self._state = state
        self.allocator = allocator
        self._interval = state.flags.seconds("allocation_interval")
        self._timeout = state.flags.seconds("offer_timeout") if state.flags.text("offer_timeout") else None
        self._changed = True
        self._urgent = Event()
        self.run_times = Timings()
        self.delays = Timings()

    def run(self) -> None:
        """Allocate for ever: at each interval if anything has changed, and at once when hurried."""
        due = time.monotonic() + self._interval
        while True:
            hurried = self._urgent.wait(max(0.0, due - time.monotonic()))
            self._urgent.clear()
            now = time.monotonic()
            if not hurried:
                self.delays.record(now - due)
                due = max(due, now - self._interval) + self._interval
            if self.allocator.expire(now) or self._changed:
                self._changed = False
                with self.run_times.measure():
                    self._allocate()

    def changed(self) -> None:
        """Resources have become free, or filters were dropped: allocate at the next interval."""
        self._changed = True

    def hurry(self) -> None:
        """Somebody new is there: allocate at once."""
        self._changed = True
        self._urgent.set()

    def _allocate(self) -> None:
        by_framework: dict[str, list[Offer]] = {}
        allocations = self.allocator.allocate(self._state.frameworks.values(), self._state.agents.values())
        for allocation in list(allocations):
            by_framework.setdefault(allocation.framework.id, []).append(self._make(allocation))
        for framework_id, offers in by_framework.items():
            framework = self._state.frameworks[framework_id]
            framework.counts["offers/sent"] += len(offers)
            framework.send("OFFERS", {"offers": [message(offer) for offer in offers]})

    def _make(self, allocation: Allocation) -> Offer:
        offer = Offer(
            self._state.next_offer_id(),
            allocation.framework,
            allocation.agent,
            allocation.role,
            allocation.resources.allocated_to(allocation.role),
        )
        for offers in (self._state.offers, offer.framework.offers, offer.agent.offers):
            offers[offer.id] = offer
        if self._timeout is not None:
            gevent.spawn_later(self._timeout, self.rescind, offer)
        return offer

    def rescind(self, offer: Offer) -> None:
        """Take an offer back, and tell the framework; nothing happens if it was answered meanwhile."""
        if offer.id in self._state.offers:
            self.discard(offer)
            offer.framework.counts["offers/rescinded"] += 1
            offer.framework.send("RESCIND", {"offer_id": {"value": offer.id}})

    def discard(self, offer: Offer) -> None:
        """End an offer without a word."""
        for offers in (self._state.offers, offer.framework.offers, offer.agent.offers):
            offers.pop(offer.id, None)
        self.changed()

    def discard_all(self, framework: Framework) -> None:
        """End all offers of a framework without a word."""
        for offer in list(framework.offers.values()):
            self.discard(offer)

    def rescind_all(self, offers: Iterable[Offer], test: Callable[[Offer], bool] = lambda _: True) -> None:
        """Take several offers back."""
        for offer in list(offers):
            if test(offer):
                self.rescind(offer)

    def decline(self, framework: Framework, offer_ids: Iterable[str], refuse_seconds: float) -> None:
        """The framework does not want these. Those that are not its own or not there are passed over."""
        for offer_id in offer_ids:
            if offer := framework.offers.get(offer_id):
                framework.counts["offers/declined"] += 1
                self.discard(offer)
                self.refuse(framework, offer.role, offer.agent, offer.resources, refuse_seconds)

    def refuse(
        self, framework: Framework, role: str, agent: Agent, resources: Resources, seconds: float
    ) -> None:
        """Do not offer these to the framework for some time."""
        allocation = Allocation(framework, role, agent, resources.unallocated())
        self.allocator.refuse(allocation, seconds, time.monotonic())


def message(offer: Offer) -> Json:
    """An Offer of the v1 API, in the form that its framework understands."""
    framework, agent = offer.framework, offer.agent
    executors = agent.executors.get(framework.id, {})
    fields = {
        "id": {"value": offer.id},
        "framework_id": {"value": framework.id},
        "agent_id": {"value": agent.id},
        "hostname": agent.hostname,
        "url": {
            "scheme": "http",
            "address": {"hostname": agent.hostname, "ip": agent.ip, "port": agent.port},
            "path": "/slave(1)",
        },
        "resources": [for_framework(framework, resource) for resource in offer.resources],
        "attributes": agent.info.get("attributes"),
        "executor_ids": [{"value": executor_id} for executor_id in executors],
        "allocation_info": {"role": offer.role} if framework.can("MULTI_ROLE") else None,
    }
    return {key: value for key, value in fields.items() if value}


def for_framework(framework: Framework, resource: Resource) -> Resource:
    """A resource without what the framework has not declared to understand."""
    if not framework.can("RESERVATION_REFINEMENT"):
        resource = formats.unrefined(resource)
    if not framework.can("MULTI_ROLE"):
        resource = {key: value for key, value in resource.items() if key != "allocation_info"}
    return resource
