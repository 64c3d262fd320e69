"""Placement constraints, in Marathon's terms: which agents may hold one more node."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable

from scheduler.model.node import Node, Placement
from scheduler.model.offer import Offer
from scheduler.model.placement import Constraint


class Neighbours:
    """The places of a node's fellow members: what constraints compare an offer with.

    Counted once for all offers of a batch, of which there may be thousands.
    """

    def __init__(self, node: Node, members: Iterable[Node]) -> None:
        self._places = [m.placement for m in members if m.placement is not None and m.number != node.number]
        self._taken: dict[str, Counter[str]] = {}

    def taken(self, field: str) -> Counter[str]:
        """How often each value of a field occurs among them."""
        if field not in self._taken:
            values = [field_of(place, field) for place in self._places]
            self._taken[field] = Counter([value for value in values if value is not None])
        return self._taken[field]


def violated(constraints: Iterable[Constraint], offer: Offer, neighbours: Neighbours) -> list[str]:
    """The constraints that keep a node from the offer's agent, as an operator wrote them."""
    return [str(c) for c in constraints if not _holds(c, offer, neighbours)]


def given_up(node: Node, offer: Offer) -> list[str]:
    """The condition that the offer breaks where its agent, or its machine, was given up for this node."""
    old = node.replacement
    if old is None or (offer.agent_id != old.agent_id and offer.hostname != old.hostname):
        return []
    return [f"hostname:UNLIKE:{old.hostname} (it was given up)"]


def rack_of(setting: str, offer: Offer, neighbours: Neighbours) -> str | None:
    """The rack of a node on the offer's agent: its fault domain, its attribute, or the setting as it stands.

    The setting names an attribute once one agent with a node on it has that; from then on all must have it.
    """
    value = field_of(offer, setting)
    if value is not None or setting.startswith("@") or neighbours.taken(setting):
        return value
    return setting


def wrong_rack(node: Node, setting: str, offer: Offer, neighbours: Neighbours) -> list[str]:
    """The condition that the offer breaks where its agent has no rack, or another than the node's.

    A member's rack decides which data it has, so it is kept wherever the node is put.
    """
    rack = rack_of(setting, offer, neighbours)
    kept = node.rack if node.was_member else ""
    if rack is not None and kept in ("", rack):
        return []
    return [f"{setting}:CLUSTER:{kept} (the node's rack)" if kept else f"{setting}:LIKE:.+ (for the rack)"]


def _holds(constraint: Constraint, offer: Offer, neighbours: Neighbours) -> bool:
    value = field_of(offer, constraint.field)
    parameter = constraint.parameter
    if constraint.operator == "UNLIKE":
        return value is None or _pattern(parameter).fullmatch(value) is None
    if value is None:
        return False
    if constraint.operator == "LIKE":
        return _pattern(parameter).fullmatch(value) is not None
    taken = neighbours.taken(constraint.field)
    match constraint.operator:
        case "UNIQUE":
            return value not in taken
        case "CLUSTER":
            return parameter in (None, "", value) and taken.keys() <= {value}
        case "GROUP_BY":
            return _spreads(taken, value, int(parameter) if parameter else 0)
        case "MAX_PER":
            return taken[value] < int(parameter or 1)
    raise ValueError(f"unknown placement operator {constraint.operator}")


@functools.lru_cache(maxsize=64)
def _pattern(parameter: str | None) -> re.Pattern[str]:
    return re.compile(parameter or "")


def _spreads(taken: Counter[str], value: str, groups: int) -> bool:
    """Whether one more in this group keeps the groups even; groups not seen yet count as empty."""
    counts = [count for name, count in taken.items() if name != value]
    unseen = groups - len(set(taken) | {value})
    lowest = 0 if unseen > 0 else min(counts, default=taken[value])
    return taken[value] <= lowest


def field_of(agent: Offer | Placement, field: str) -> str | None:
    """What a constraint compares: the host name, a fault domain or an attribute of the agent."""
    if field == "hostname":
        return agent.hostname
    if field == "@region":
        return agent.region
    if field == "@zone":
        return agent.zone
    for name, value in agent.attributes:
        if name == field:
            return value
    return None
