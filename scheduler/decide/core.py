"""The decisions: one event, the world before it, the time; out come the worlds after it and what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from protocol.codec import DecodeError
from protocol.message import (
    DECOMMISSION,
    SCHEMA,
    SEEDS,
    STATUS,
    TIDY,
    VALIDATIONS,
    WORD,
    Message,
    decode_message,
)
from scheduler.decide import (
    commands,
    departure,
    ids,
    lifecycle,
    maintenance,
    offers,
    operations,
    owner,
    readiness,
    reconcile,
    replacement,
    resizing,
    saying,
    seeds,
    shrinking,
    stops,
    telling,
    transfers,
    uninstall,
)
from scheduler.decide.decision import Decision
from scheduler.model.event import (
    AgentLost,
    Command,
    Disconnected,
    Event,
    MessageReceived,
    OffersReceived,
    Ordered,
    Subscribed,
    Tick,
    TornDown,
    Updated,
)
from scheduler.model.intent import Kill, Revive
from scheduler.model.node import Node
from scheduler.model.task import TERMINAL, UNKNOWN, UNREACHABLE, TaskUpdate
from scheduler.model.world import Framework, Session, World

ENDED = TERMINAL | {UNKNOWN, UNREACHABLE}
"""States in which there is nothing to kill, or nothing that a kill would reach."""

ANSWERS: Mapping[str, Callable[[World, Message], World]] = {
    SEEDS: seeds.answered,
    DECOMMISSION: departure.answered,
    STATUS: shrinking.answered,
    SCHEMA: shrinking.answered,
    WORD: saying.answered,
    VALIDATIONS: saying.answered,
    TIDY: transfers.tidied,
}
"""Who asked, by the subject."""


def decide(world: World, event: Event, now: float) -> Decision:
    """All that an event brings about, as one decision. ``now`` is in seconds since the epoch.

    Raises Refused for a command that does not fit.
    """
    whole = Decision(world)
    for decision in transitions(world, event, now):
        whole = Decision(decision.world, whole.intents + decision.intents)
    return whole


def transitions(world: World, event: Event, now: float) -> Iterator[Decision]:
    """What an event brings about, one after the other: what it says, and each thing that follows from it.

    The caller stores a decision's ledger, then carries its intents out in order, then asks for the next: that
    is decided on the world that this one leaves. After a crash in between, the next event brings about what
    is missing. Raises Refused for a command that does not fit, at once.
    """
    decision = telling.tell(_apply(Decision(world), event, now), world, event, now)
    yield decision
    if isinstance(event, OffersReceived) and decision.world.ledger is world.ledger:
        return  # offers that were not used make nothing possible that was not before
    for advance in _stages(decision.world):
        before = decision.world
        decision = advance(Decision(before), now)
        if decision.world is not before or decision.intents:
            decision = telling.tell(decision, before, None, now)
            yield decision


def _stages(world: World) -> Sequence[Callable[[Decision, float], Decision]]:
    """What to look at, whatever the event was: each does what has become possible or necessary."""
    if not world.session.registered:
        return ()
    if uninstall.stage(world) is not None:
        return (_uninstall,)
    return (
        readiness.settle,
        shrinking.examine,
        departure.advance,
        replacement.advance,
        stops.stop,
        seeds.push_seeds,
        maintenance.advance,
        _want_offers,
        _want_slot,
    )


def _apply(decision: Decision, event: Event, now: float) -> Decision:
    match event:
        case Subscribed(framework_id, master):
            return _subscribed(decision, framework_id, master, now)
        case Disconnected():
            return decision.with_session(registered_at=None)
        case OffersReceived(batch):
            return offers.use(decision, batch, now)
        case Updated(update):
            return _updated(decision, update, now)
        case MessageReceived(_, _, data):
            return _heard(decision, data)
        case AgentLost(agent_id):
            return _forget_shortfall(decision, agent_id)
        case TornDown():
            return uninstall.torn_down(decision)
        case Tick() if decision.world.session.registered:
            return reconcile.remind(decision, now)
        case Ordered(command):
            return commands.obey(decision, command, now)
        case _ if isinstance(event, Command):
            return commands.obey(decision, event, now)
    return decision


def _subscribed(decision: Decision, framework_id: str, master: str, now: float) -> Decision:
    """Begin a session. Filters outlive a takeover of our subscription, so offers are asked for anew."""
    ledger = dataclasses.replace(decision.world.ledger, framework=Framework(framework_id))
    session = Session(registered_at=now, master=master)
    world = dataclasses.replace(decision.world, ledger=ledger, session=session)
    return reconcile.begin(Decision(world, (*decision.intents, Revive())), now)


def _updated(decision: Decision, update: TaskUpdate, now: float) -> Decision:
    node = _node_of(decision.world, update)
    work = operations.part_of(decision.world, update.task_id)
    if node is not None:
        if node.task is not None and node.task.state in TERMINAL and update.uuid is None:
            decision = _stray(decision, update)  # the master says that it runs, whatever was said before
        decision = decision.with_node(lifecycle.apply_update(node, update, now))
    elif work is not None:
        decision = maintenance.apply_update(decision, *work, update, now)
    else:
        return _stray(decision, update)
    return reconcile.answered(decision, update.task_id, now)


def _node_of(world: World, update: TaskUpdate) -> Node | None:
    node = world.ledger.recorded(ids.node_of_task(update.task_id))
    return node if node is not None and node.task is not None and node.task.id == update.task_id else None


def _stray(decision: Decision, update: TaskUpdate) -> Decision:
    """End a task that no record names: a later launch has taken its place, or its place was given up."""
    if update.state in ENDED or update.agent_id is None or not ids.is_task_id(update.task_id):
        return decision
    return decision.plus(Kill(update.task_id, update.agent_id, 0.0))


def _heard(decision: Decision, data: bytes) -> Decision:
    try:
        message = decode_message(data)
    except DecodeError:
        return decision
    take = ANSWERS.get(message.subject) if message.answer else None
    return Decision(take(decision.world, message), decision.intents) if take else decision


def _forget_shortfall(decision: Decision, agent_id: str) -> Decision:
    left = {a: s for a, s in decision.world.session.shortfalls.items() if a != agent_id}
    return decision.with_session(shortfalls=left)


def _uninstall(decision: Decision, now: float) -> Decision:
    """All of it at once: with a teardown everything ends, so nothing may come after it."""
    return _want_offers(uninstall.advance(decision, now), now)


def _want_offers(decision: Decision, now: float) -> Decision:
    """Note which nodes want an offer; the first time that one does, offers refused before are called back."""
    world = decision.world
    before = world.session.waiting
    wanting = [*owner.wanting(world, now), *resizing.growing(world), *departure.wanting(world)]
    waiting = {node.number: before.get(node.number, now) for node in wanting}
    if waiting.keys() == before.keys():
        return decision
    if not waiting.keys() - before.keys():
        return decision.with_session(waiting=waiting)
    # What speaks against an agent does so for one node: each offer that comes now is looked at anew.
    return decision.with_session(waiting=waiting, shortfalls={}).plus(Revive())


def _want_slot(decision: Decision, now: float) -> Decision:
    """Note whose slots the running operation wants; offers refused before are called back for them."""
    wanted = tuple(part.name for _, part in maintenance.wanting(decision.world, now))
    before = decision.world.session.slot_wanted
    if wanted == before:
        return decision
    decision = decision.with_session(slot_wanted=wanted)
    return decision.plus(Revive()) if set(wanted) - set(before) else decision
