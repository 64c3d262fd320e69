"""Which nodes are seeds, and for whom.

One node in a cluster's life, the founder, boots as its own only seed. Every other first boot has at
least one other NORMAL node among its seeds and never itself; so two rings can never come to be.
"""

from __future__ import annotations

from scheduler.model.node import Node
from scheduler.model.task import RUNNING
from scheduler.model.world import World


def is_normal(node: Node) -> bool:
    """Whether the node is a working member now, as far as it has told."""
    return bool(node.task and node.task.state == RUNNING and node.status and node.status.mode == "NORMAL")


def seed_addresses(world: World) -> tuple[str, ...]:
    """The addresses of the seeds: the first nodes that have ever been NORMAL, as many as are wanted."""
    members = [node for _, node in sorted(world.ledger.nodes.items()) if node.bootstrapped and node.placement]
    wanted = members[: world.ledger.target.seed_nodes]
    return tuple(node.placement.address for node in wanted if node.placement)


def boot_seeds(world: World, node: Node, address: str) -> tuple[str, ...]:
    """The seeds that ``node`` starts with at ``address``; empty when it may not be started yet."""
    if node.bootstrapped:
        return seed_addresses(world) or (address,)
    if world.ledger.cluster.founder in (None, node.name):
        return (address,)
    return _normal_seeds(world, node)


def _normal_seeds(world: World, node: Node) -> tuple[str, ...]:
    others = [
        other
        for _, other in sorted(world.ledger.nodes.items())
        if other.number != node.number and other.bootstrapped and is_normal(other)
    ]
    addresses = tuple(other.placement.address for other in others if other.placement)
    preferred = tuple(address for address in seed_addresses(world) if address in addresses)
    return preferred or addresses[: world.ledger.target.seed_nodes]
