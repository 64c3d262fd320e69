"""What executors are told and have to answer: told again until they do, for Mesos may lose messages."""

from __future__ import annotations

import dataclasses

from protocol.backup import Tidy, Word
from protocol.codec import encode
from protocol.maintenance import EndValidations
from protocol.message import Message, encode_message
from scheduler.decide import ids
from scheduler.decide.decision import Decision
from scheduler.model.intent import Send
from scheduler.model.node import Task
from scheduler.model.world import Telling, World

Said = Word | Tidy | EndValidations

FIRST_REPEAT_SECONDS, LAST_REPEAT_SECONDS = 2.0, 30.0


def say(
    decision: Decision, name: str, server: Task, key: str, subject: str, said: Said, now: float
) -> Decision:
    """Send what is new, or what was not answered in time, to the executor of a server task.

    ``key`` is what it is remembered by: something else under the same key is new.
    """
    before = decision.world.session.told.get(key)
    same = before is not None and before.said == said
    if before is not None and same and (before.answered or now < before.next_at):
        return decision
    attempts = before.attempts + 1 if before is not None and same else 1
    ident = before.message_id if before is not None and same else _message_id(decision.world, key, before)
    wait = min(FIRST_REPEAT_SECONDS * 2 ** (attempts - 1), LAST_REPEAT_SECONDS)
    told = {**decision.world.session.told, key: Telling(ident, said, now + wait, attempts)}
    message = Message(ident, name, subject, body=encode(said))
    return decision.with_session(told=told).plus(
        Send(server.executor.id, server.agent_id, encode_message(message))
    )


def _message_id(world: World, key: str, before: Telling | None) -> str:
    """Another one for each thing that is said to the same task: an answer tells which it has taken."""
    return ids.derived_id(world, "told", key, before.message_id if before else world.session.registered_at)


def heard(world: World, message: Message) -> tuple[str, World] | None:
    """Note what an executor has taken, and tell its key; None for an error, so it is told again."""
    found = [(key, one) for key, one in world.session.told.items() if one.message_id == message.id]
    if not found or "error" in message.body:
        return None
    key, telling = found[0]
    told = {**world.session.told, key: dataclasses.replace(telling, answered=True)}
    return key, dataclasses.replace(world, session=dataclasses.replace(world.session, told=told))


def answered(world: World, message: Message) -> World:
    """The world after an answer of which nothing more is to be noted than that it came."""
    found = heard(world, message)
    return world if found is None else found[1]
