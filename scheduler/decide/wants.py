"""What a node that is to be started waits for, in words: the offer that it needs, and why none did so far."""

from __future__ import annotations

from collections import Counter

from scheduler.model.node import Node
from scheduler.model.world import World

RESOURCES = frozenset({"cpus", "mem", "disk", "ports", "volume"})
"""What an offer may lack; all else that speaks against it is a condition of the node's placement."""


def offer_for(world: World, node: Node) -> str:
    """The offer that the node waits for."""
    place = node.placement
    if place is None:
        return "an offer with " + _wanted(world) + _found_wanting(world)
    own = world.session.shortfalls.get(place.agent_id)
    detail = f"; {', '.join(own.reasons)} not yet free there" if own else ""
    return f"an offer of what is reserved for it on {place.hostname}{detail}"


def _wanted(world: World) -> str:
    node = world.ledger.target.node
    ports = ", ".join(map(str, sorted(node.cassandra.ports)))
    return (
        f"{node.cpus:g} cpus, {node.memory_mb:g} MB mem, {node.cassandra.disk_mb:g} MB disk "
        f"({node.cassandra.disk_type}) and ports {ports}"
    )


def _found_wanting(world: World) -> str:
    """On how many agents each resource is missing, and how many each condition rules out."""
    found = world.session.shortfalls.values()
    counts = Counter(reason for shortfall in found for reason in shortfall.reasons)
    if not counts:
        return "; none has come yet"
    texts = [_count(reason, count, len(found)) for reason, count in sorted(counts.items())]
    return f"; of {_agents(len(found))}: {', '.join(texts)}"


def _count(reason: str, count: int, of: int) -> str:
    if reason in RESOURCES:
        return f"{reason} missing on {_agents(count)}"
    return f"none satisfies {reason}" if count == of else f"{reason} not satisfied by {_agents(count)}"


def _agents(count: int) -> str:
    return f"{count} agent" if count == 1 else f"{count} agents"
