"""Which nodes are seeds, for whom, and telling them.

One node in a cluster's life, the founder, boots as its own only seed. Every other first boot has at
least one other NORMAL node among its seeds and never itself; so two rings can never come to be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from protocol.message import SEEDS, Message, encode_message
from scheduler.decide.decision import Decision
from scheduler.decide.ids import derived_id
from scheduler.decide.memory import of_ledger
from scheduler.model.intent import Send
from scheduler.model.node import Node, Task
from scheduler.model.world import SeedsPush, World

FIRST_REPEAT_SECONDS = 2.0
LAST_REPEAT_SECONDS = 60.0


@of_ledger
def seed_addresses(world: World) -> tuple[str, ...]:
    """The addresses of the seeds: the first nodes that have ever been NORMAL, as many as are wanted.

    A node that is to leave is none, unless all are.
    """
    members = [node for node in world.ledger.members() if node.bootstrapped and not node.left]
    members = [node for node in members if world.ledger.wants(node)] or members
    return _addresses(members[: world.ledger.target.seed_nodes])


def founds(world: World, node: Node) -> bool:
    """Whether the node's next boot begins the ring: one does, and again only while nobody ever joined.

    That is the node that is named before anything is launched; another one where an operator has that one's
    step taken as complete, and it was never launched, or it was taken away before it had.
    """
    founder = world.ledger.cluster.founder
    if founder is not None and founder != node.name and _was_launched(world, founder):
        return False
    return not any(member.was_member for member in world.ledger.members())


def is_founding(world: World, node: Node) -> bool:
    """Whether the node was launched to begin the ring, and has yet to."""
    return world.ledger.cluster.founder == node.name and node.launches > 0 and founds(world, node)


def _was_launched(world: World, name: str) -> bool:
    node = world.ledger.named(name)
    return node is not None and node.launches > 0


def boot_seeds(world: World, node: Node, address: str) -> tuple[str, ...]:
    """The seeds that ``node`` starts with at ``address``; empty when it may not be started yet."""
    if node.bootstrapped:
        return seed_addresses(world) or (address,)
    return (address,) if founds(world, node) else _normal_seeds(world, node)


def boot_wait(world: World, node: Node) -> str | None:
    """What keeps the node from being started as far as the ring goes, in words; None when nothing does.

    A first boot joins through another node that is NORMAL, and never replaces one that is up.
    """
    if node.bootstrapped or founds(world, node):
        return None
    if not any(other.placement for other in _normal_others(world, node)):
        return "no other node is NORMAL, and a first boot joins through one that is"
    replaced = node.replacement.address if node.replacement else None
    seen = seen_up(world, node, replaced) if replaced else None
    if seen is None:
        return None
    return f"the node that it replaces must be down: {seen}; where that lasts, end Cassandra there"


def no_source(world: World, node: Node) -> str | None:
    """Why the node could not be put elsewhere with its data, in words; None where it could, or has none."""
    others = [other for other in world.ledger.members() if other.number != node.number]
    if not any(other.was_member for other in others):
        lost = "it is the only seed and the only member, so its data are nowhere else; deploy another service"
        return lost if node.was_member else None
    if any(other.normal and not other.departing for other in others):
        return None
    leaving = next((other.name for other in others if other.departing), None)
    if leaving is not None:
        return f"no other node is NORMAL but {leaving}, which leaves the ring; wait for the end of that"
    return "it is the only seed that is left, for no other node is NORMAL; bring another one up first"


def seen_up(world: World, node: Node, address: str) -> str | None:
    """Which other members see the node alive at that address, in words; None when none does."""
    others = _normal_others(world, node)
    seeing = [other.name for other in others if other.status and address in other.status.live]
    return f"{', '.join(seeing)} can see it alive at {address}" if seeing else None


def _normal_others(world: World, node: Node) -> Iterator[Node]:
    return (other for other in _normal(world) if other.number != node.number)


@of_ledger
def _normal(world: World) -> list[Node]:
    return [node for node in world.ledger.members() if node.normal]


def _normal_seeds(world: World, node: Node) -> tuple[str, ...]:
    """Seeds for a first boot that is not the founder's: others that are NORMAL now."""
    addresses = _addresses(_normal_others(world, node))
    preferred = tuple(address for address in seed_addresses(world) if address in addresses)
    return preferred or addresses[: world.ledger.target.seed_nodes]


def _addresses(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(node.placement.address for node in nodes if node.placement)


def push_seeds(decision: Decision, now: float) -> Decision:
    """Tell running members their seeds where they have others, until they answer."""
    world = decision.world
    wanted = seed_addresses(world)
    for node, task in _listening(world):
        push = world.session.seeds.get(node.number)
        if push is None or push.seeds != wanted:
            decision = _send(decision, node, task, wanted, now, attempts=1)
        elif not push.answered and now >= push.next_at:
            decision = _send(decision, node, task, wanted, now, push.attempts + 1)
    return decision


@of_ledger
def _listening(world: World) -> list[tuple[Node, Task]]:
    running = [node for node in world.ledger.members() if node.running and node.bootstrapped]
    return [(node, node.task) for node in running if node.task is not None]


def _send(
    decision: Decision, node: Node, task: Task, seeds: tuple[str, ...], now: float, attempts: int
) -> Decision:
    session = decision.world.session
    ident = derived_id(decision.world, "seeds", task.id, *seeds)
    wait = min(FIRST_REPEAT_SECONDS * 2 ** (attempts - 1), LAST_REPEAT_SECONDS)
    push = SeedsPush(ident, seeds, now + wait, attempts)
    message = Message(ident, node.name, SEEDS, body={"seeds": list(seeds)})
    return decision.with_session(seeds={**session.seeds, node.number: push}).plus(
        Send(task.executor.id, task.agent_id, encode_message(message))
    )


def launched_with(decision: Decision, node: Node, seeds: tuple[str, ...], now: float) -> Decision:
    """Note the seeds that a launch carries: they need not be told again."""
    push = SeedsPush("", seeds, now, answered=True)
    return decision.with_session(seeds={**decision.world.session.seeds, node.number: push})


def answered(world: World, message: Message) -> World:
    """Note the answer to a push; an error is no answer, so the push is repeated."""
    node = world.ledger.named(message.node)
    push = world.session.seeds.get(node.number) if node else None
    if node is None or push is None or push.message_id != message.id or "error" in message.body:
        return world
    done = dataclasses.replace(push, answered=True)
    session = dataclasses.replace(world.session, seeds={**world.session.seeds, node.number: done})
    return dataclasses.replace(world, session=session)
