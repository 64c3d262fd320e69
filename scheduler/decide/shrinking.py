"""Whether members can be taken away, asked of the nodes before a target with fewer of them is taken over.

The others must have room for what moves to them, and no keyspace may want more copies than there are nodes.
Until all have answered, and for as long as it is refused, the old target stays in force as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from protocol.codec import DecodeError, decode
from protocol.message import SCHEMA, STATUS, Message, encode_message
from protocol.report import NodeStatus
from protocol.schema import Keyspace, Schema
from scheduler.decide import ids, target
from scheduler.decide.decision import Decision
from scheduler.model.intent import Send
from scheduler.model.node import Node
from scheduler.model.world import Examination, World

ROOM = 1.5
"""How much free space there must be for each byte that moves: compactions need some of it meanwhile."""

FIRST_REPEAT_SECONDS, LAST_REPEAT_SECONDS = 2.0, 60.0

AGAIN_SECONDS = 60.0
"""After so long a refused change is looked at again: disks empty, and keyspaces can be altered."""

MIB = 2.0**20


def wanted(world: World) -> list[Node]:
    """The members that the settings take away and the target does not yet, by number."""
    if world.errors or world.settings.nodes >= world.ledger.target.nodes:
        return []
    return target.leaving(world.ledger, world.settings)


def refusals(world: World) -> tuple[str, ...]:
    """Why members are not taken away, as far as is known."""
    found = world.session.examination
    return found.errors if found is not None and wanted(world) else ()


def examine(decision: Decision, now: float) -> Decision:
    """Ask, and take the new target over once the answers allow it."""
    world = decision.world
    if not wanted(world):
        return decision
    found = _present(world, now)
    if _unanswered(world, found):
        return _ask(decision, found, now) if now >= found.next_at else decision
    if found.judged:
        return decision
    errors = tuple(_errors(world, found))
    if errors:
        judged = dataclasses.replace(found, judged=True, errors=errors, next_at=now + AGAIN_SECONDS)
        return decision.with_session(examination=judged)
    ledger = target.adopt(world.ledger, world.settings)
    world = dataclasses.replace(world, ledger=ledger)
    return Decision(world, decision.intents).with_session(examination=None)


def _present(world: World, now: float) -> Examination:
    """The examination under way, or a new one. What the last one found holds until the next has ended."""
    found = world.session.examination
    if found is None:
        return Examination(begun_at=now, next_at=now)
    if found.judged and now >= found.next_at:
        return Examination(begun_at=now, next_at=now, errors=found.errors)
    return found


def _members(world: World) -> list[Node]:
    return [node for node in world.ledger.members() if node.partakes and not node.left]


def _unanswered(world: World, found: Examination) -> list[Node]:
    return [node for node in _members(world) if node.number not in found.statuses or found.schema is None]


def waiting_for(world: World) -> str:
    """Whose answers are missing."""
    found = world.session.examination or Examination(0.0, 0.0)
    return ", ".join(node.name for node in _unanswered(world, found))


def _ask(decision: Decision, found: Examination, now: float) -> Decision:
    """Ask those that have not answered: each for its load, and for the keyspaces any that knows them all."""
    for node in _unanswered(decision.world, found):
        if node.number not in found.statuses:
            decision = _send(decision, found, node, STATUS)
        if found.schema is None and node.normal:
            decision = _send(decision, found, node, SCHEMA)
    wait = min(FIRST_REPEAT_SECONDS * 2**found.attempts, LAST_REPEAT_SECONDS)
    asked = dataclasses.replace(found, attempts=found.attempts + 1, next_at=now + wait)
    return decision.with_session(examination=asked)


def _send(decision: Decision, found: Examination, node: Node, subject: str) -> Decision:
    if node.task is None or not node.running:
        return decision
    message = Message(_question(decision.world, found, node, subject), node.name, subject)
    return decision.plus(Send(node.task.executor.id, node.task.agent_id, encode_message(message)))


def _question(world: World, found: Examination, node: Node, subject: str) -> str:
    return ids.derived_id(world, "examination", found.begun_at, node.name, subject)


def answered(world: World, message: Message) -> World:
    """Note an answer; an error is none, so the question is repeated."""
    found, node = world.session.examination, world.ledger.named(message.node)
    if found is None or node is None or message.id != _question(world, found, node, message.subject):
        return world
    try:
        found = _noted(found, node, message)
    except DecodeError:
        return world
    session = dataclasses.replace(world.session, examination=found)
    return dataclasses.replace(world, session=session)


def _noted(found: Examination, node: Node, message: Message) -> Examination:
    if "error" in message.body:
        return found
    if message.subject == SCHEMA:
        return dataclasses.replace(found, schema=decode(Schema, message.body))
    status = decode(NodeStatus, message.body)
    return dataclasses.replace(found, statuses={**found.statuses, node.number: status})


def _errors(world: World, found: Examination) -> Iterator[str]:
    leaving = wanted(world)
    numbers = {node.number for node in leaving}
    back = f"or set NODES back to {world.ledger.target.nodes}"
    moves = sum(found.statuses[number].load_bytes for number in numbers)
    staying = [node for node in _members(world) if node.number not in numbers]
    free = sum(_free(world, found.statuses[node.number]) for node in staying)
    if free < ROOM * moves:
        yield (
            f"NODES={world.settings.nodes} would move {_megabytes(moves)} from "
            f"{', '.join(node.name for node in leaving)} to the other nodes, which have {_megabytes(free)} "
            f"free and need {_megabytes(ROOM * moves)}: delete data or snapshots, {back}"
        )
    for name, keyspace in sorted(found.schema.keyspaces.items() if found.schema else ()):
        copies = _copies(keyspace, world.ledger.target.node.cassandra.data_center)
        if copies > world.settings.nodes:
            yield (
                f"NODES={world.settings.nodes} is too few for the keyspace {name}, which keeps {copies} "
                f"copies of its data: ALTER KEYSPACE it to fewer, {back}"
            )


def _free(world: World, status: NodeStatus) -> float:
    """What a node can take: its volume is no bigger than was reserved, however big the disk is."""
    volume = world.ledger.target.node.cassandra.disk_mb * MIB
    return max(0.0, min(status.disk_free_bytes, volume - status.load_bytes))


def _copies(keyspace: Keyspace, data_center: str) -> int:
    """How many nodes of the data center hold each row; 0 where that follows the number of nodes."""
    name = "replication_factor" if keyspace.replication.get("class") == "SimpleStrategy" else data_center
    # Transient replicas stand behind a slash, and are among the number before it.
    number = keyspace.replication.get(name, "").partition("/")[0]
    return int(number) if number.isascii() and number.isdigit() else 0


def _megabytes(size: float) -> str:
    return f"{size / MIB:.1f} MB"
