"""Which resources go to whom: fair shares, filters, suppression. It decides; ``offers`` carries it out.

Each role of each framework may be offered all that is free on an agent and meant for the role. Among
several, the role with the smallest dominant share comes first, and within it the framework with the
smallest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from local.mesos.master.model import Agent, Framework, Json
from local.mesos.resources import Resource, Resources, is_available_to, is_reserved

DEFAULT_REFUSE_SECONDS = 5.0
MAX_REFUSE_SECONDS = 365 * 86400.0

Quantities = Mapping[str, float]
FilterKey = tuple[str, str, str]
"""Framework id, role, agent id."""


@dataclass(frozen=True)
class Filter:
    """Refused resources; offers of no more than these are held back until it expires."""

    resources: Resources
    expires: float


@dataclass(frozen=True)
class Allocation:
    """What one role of one framework is to be offered of one agent, allocated to nobody yet."""

    framework: Framework
    role: str
    agent: Agent
    resources: Resources


class Allocator:
    """Keeps filters and suppressed roles, and decides on allocations. Times are seconds of any one clock."""

    def __init__(self, interval: float, minimum: Iterable[Quantities]) -> None:
        self._interval = interval
        self._minimum = list(minimum)
        self._filters: dict[FilterKey, list[Filter]] = {}
        self._suppressed: dict[str, set[str]] = defaultdict(set)
        self._served: Counter[tuple[str, str]] = Counter()

    def refuse(self, allocation: Allocation, seconds: float, now: float) -> None:
        """Do not offer this again for some time. None is 0 seconds; an invalid time is the default."""
        if not allocation.resources or seconds == 0:
            return
        if not 0 < seconds < float("inf"):
            seconds = DEFAULT_REFUSE_SECONDS
        expires = now + max(self._interval, min(seconds, MAX_REFUSE_SECONDS))
        key = (allocation.framework.id, allocation.role, allocation.agent.id)
        self._filters.setdefault(key, []).append(Filter(allocation.resources, expires))

    def suppress(self, framework: Framework, roles: Iterable[str]) -> None:
        """Offer nothing to these roles."""
        self._suppressed[framework.id].update(roles)

    def set_suppressed(self, framework: Framework, roles: Iterable[str]) -> None:
        """These roles are suppressed, all others are not."""
        self._suppressed[framework.id] = set(roles)

    def is_suppressed(self, framework: Framework, role: str) -> bool:
        """Whether a role has been suppressed."""
        return role in self._suppressed[framework.id]

    def revive(self, framework: Framework, roles: Iterable[str]) -> None:
        """Drop all filters of these roles, and suppress them no more."""
        revived = set(roles)
        self._suppressed[framework.id] -= revived
        self._forget(lambda key: key[0] == framework.id and key[1] in revived)

    def drop_filters(self, framework: Framework) -> None:
        """Drop all filters of a framework."""
        self._forget(lambda key: key[0] == framework.id)

    def forget_framework(self, framework: Framework) -> None:
        """It is gone for good."""
        self.drop_filters(framework)
        self._suppressed.pop(framework.id, None)

    def forget_agent(self, agent: Agent) -> None:
        """It is gone for good."""
        self._forget(lambda key: key[2] == agent.id)

    def active_filters(self, role: str) -> int:
        """How many filters a role has."""
        return sum(len(filters) for key, filters in self._filters.items() if key[1] == role)

    def expire(self, now: float) -> bool:
        """Drop filters whose time is over. Whether there were any."""
        before = sum(len(filters) for filters in self._filters.values())
        kept = {key: [f for f in filters if f.expires > now] for key, filters in self._filters.items()}
        self._filters = {key: filters for key, filters in kept.items() if filters}
        return sum(len(filters) for filters in self._filters.values()) < before

    def allocate(self, frameworks: Iterable[Framework], agents: Iterable[Agent]) -> Iterator[Allocation]:
        """Everything that can be offered now. What is yielded counts as taken for the following ones."""
        agents = list(agents)
        active = [framework for framework in frameworks if framework.connected]
        shares = _Shares(agents)
        for agent in agents:
            free = agent.available if agent.connected else Resources()
            for framework, role in self._in_order(active, shares):
                offered = self._share_of(framework, role, agent, free)
                if not offered:
                    continue
                free -= offered
                shares.add(framework.id, role, offered)
                self._served[framework.id, role] += 1
                yield Allocation(framework, role, agent, offered)

    def _in_order(self, frameworks: list[Framework], shares: _Shares) -> list[tuple[Framework, str]]:
        """Roles and frameworks in the order of asking; at equal shares, the less often served first."""
        served_roles: Counter[str] = Counter()
        for (_, role), times in self._served.items():
            served_roles[role] += times

        def rank(pair: tuple[Framework, str]) -> tuple[object, ...]:
            framework, role = pair
            key = (framework.id, role)
            of_role = (shares.of_role(role), served_roles[role], role)
            return (*of_role, shares.of_framework(*key), self._served[key], framework.id)

        pairs = [(f, role) for f in frameworks for role in f.roles if not self.is_suppressed(f, role)]
        return sorted(pairs, key=rank)

    def _share_of(self, framework: Framework, role: str, agent: Agent, free: Resources) -> Resources:
        """What the role gets of an agent's free resources: all that it may have, unless filtered."""
        offered = free.filter(lambda resource: _may_have(framework, role, resource))
        if not is_enough(offered, self._minimum_of(framework, role)):
            return Resources()
        filters = self._filters.get((framework.id, role, agent.id), [])
        if any(refused.resources.contains(offered) for refused in filters):
            return Resources()
        return offered.filter(_comes_first) + offered.filter(lambda resource: not _comes_first(resource))

    def _minimum_of(self, framework: Framework, role: str) -> list[Quantities]:
        own = framework.info.get("offer_filters", {}).get(role, {}).get("min_allocatable_resources")
        return self._minimum if own is None else _quantities(own)

    def _forget(self, test: Callable[[FilterKey], bool]) -> None:
        self._filters = {key: filters for key, filters in self._filters.items() if not test(key)}


class _Shares:
    """Dominant shares: of the scalar resources of all agents, the greatest part that somebody has."""

    def __init__(self, agents: list[Agent]) -> None:
        self._total: Counter[str] = Counter()
        self._held: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for agent in agents:
            self._total.update(_scalars(agent.total))
            for framework_id in {*agent.tasks, *agent.executors}:
                for resource in agent.used_by(framework_id):
                    self.add(framework_id, resource["allocation_info"]["role"], [resource])
            for offer in agent.offers.values():
                self.add(offer.framework.id, offer.role, offer.resources)

    def add(self, framework_id: str, role: str, resources: Iterable[Resource]) -> None:
        self._held[framework_id, role].update(_scalars(resources))

    def of_framework(self, framework_id: str, role: str) -> float:
        return self._dominant(self._held[framework_id, role])

    def of_role(self, role: str) -> float:
        total: Counter[str] = Counter()
        for (_, held_role), held in self._held.items():
            if held_role == role:
                total.update(held)
        return self._dominant(total)

    def _dominant(self, held: Counter[str]) -> float:
        return max(
            (amount / self._total[name] for name, amount in held.items() if self._total[name]), default=0.0
        )


def _scalars(resources: Iterable[Resource]) -> Counter[str]:
    total: Counter[str] = Counter()
    for resource in resources:
        if resource["type"] == "SCALAR":
            total[resource["name"]] += resource["scalar"]["value"]
    return total


def _may_have(framework: Framework, role: str, resource: Resource) -> bool:
    """Whether a framework may be shown a resource: meant for the role, and in a form that it understands."""
    if not is_available_to(resource, role):
        return False
    refined = len(resource.get("reservations", [])) > 1
    return framework.can("RESERVATION_REFINEMENT") or not refined


def _comes_first(resource: Resource) -> bool:
    """In an offer, unreserved scalars come after everything else."""
    return is_reserved(resource) or resource["type"] != "SCALAR"


def is_enough(resources: Resources, minimum: list[Quantities]) -> bool:
    """Whether there is enough of at least one of several sets of scalars to be worth an offer."""
    if not resources:
        return False
    return not minimum or any(
        all(resources.scalar(name) >= amount for name, amount in quantities.items()) for quantities in minimum
    )


def parse_minimum(text: str) -> list[Quantities]:
    """The flag min_allocatable_resources: ``cpus:0.01|mem:32``, each alternative like ``cpus:1;mem:64``."""
    alternatives = (part for part in text.split("|") if part)
    return [
        {name: float(value) for name, _, value in (item.partition(":") for item in part.split(";"))}
        for part in alternatives
    ]


def _quantities(minimum: Json) -> list[Quantities]:
    return [
        {name: scalar["value"] for name, scalar in item.get("quantities", {}).items()}
        for item in minimum.get("quantities", [])
    ]
