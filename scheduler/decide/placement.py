"""Placement constraints, in Marathon's terms: which agents may hold one more node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from scheduler.model.node import Node, Placement
from scheduler.model.offer import Offer
from scheduler.model.placement import Constraint


def violated(
    constraints: Iterable[Constraint], offer: Offer, node: Node, members: Iterable[Node]
) -> list[str]:
    """The constraints that keep ``node`` from the offer's agent, as an operator wrote them."""
    others = [m.placement for m in members if m.placement is not None and m.number != node.number]
    return [str(c) for c in constraints if not _holds(c, offer, others)]


def _holds(constraint: Constraint, offer: Offer, others: list[Placement]) -> bool:
    value = field_of(offer, constraint.field)
    if value is None:
        return constraint.operator == "UNLIKE"
    taken = Counter(v for v in (field_of(other, constraint.field) for other in others) if v is not None)
    parameter = constraint.parameter
    match constraint.operator:
        case "UNIQUE":
            return taken[value] == 0
        case "CLUSTER":
            return value == parameter if parameter else not taken or value in taken
        case "GROUP_BY":
            return _spreads(taken, value, int(parameter) if parameter else 0)
        case "MAX_PER":
            return taken[value] < int(parameter or 1)
        case "LIKE":
            return re.fullmatch(parameter or "", value) is not None
        case "UNLIKE":
            return re.fullmatch(parameter or "", value) is None
    raise ValueError(f"unknown placement operator {constraint.operator}")


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
    return next((value for name, value in agent.attributes if name == field), None)
