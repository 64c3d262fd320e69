"""Deliberate bugs, one for each invariant: the simulation has to find every one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from protocol.backup import Tidy
from protocol.codec import encode
from protocol.message import TIDY, Message, encode_message
from scheduler.daemon import loop
from scheduler.decide import (
    core,
    launch,
    lifecycle,
    maintenance,
    offers,
    operations,
    restoration,
    seeds,
    stops,
    transfers,
    wants,
)
from scheduler.decide.decision import Decision
from scheduler.model.event import Event, Updated
from scheduler.model.intent import Send
from scheduler.model.node import Node, Restoration
from scheduler.model.operation import Operation, Part, WorkTask
from scheduler.model.task import FAILED, TERMINAL, TaskUpdate
from scheduler.model.world import Ledger, World
from scheduler.store.ledger import Store
from tests.simulation.zookeeper import Client, Transaction

Patch = tuple[Any, str, Any]


def _after_update(change: Callable[[Node], Node], *states: str) -> Patch:
    """A core that makes something wrong of a node whose task is in one of these states."""

    def transitions(world: World, event: Event, now: float) -> Iterator[Decision]:
        decision = core.decide(world, event, now)
        if isinstance(event, Updated) and event.update.state in states:
            for node in decision.world.ledger.members():
                if node.task is not None and node.task.id == event.update.task_id and node.placement:
                    decision = decision.with_node(change(node))
        yield decision

    return loop, "transitions", transitions


def _forgotten(node: Node) -> Node:
    return dataclasses.replace(node, placement=None, task=None, status=None)


def _abandoned(node: Node) -> Node:
    generation = node.placement.generation if node.placement else ""
    return dataclasses.replace(_forgotten(node), bootstrapped=False, abandoned=(*node.abandoned, generation))


def _acts_before_it_stores(self: loop.Loop, event: Event) -> None:
    decision = core.decide(self.world, event, self._clock())
    before, self.world = self.world, decision.world
    for intent in decision.intents:
        self._attempt(lambda intent=intent: self._mesos.perform(intent), "intent")
    self._store.commit(before.ledger, decision.world.ledger)


_step = loop.Loop.step


def _acknowledges_first(self: loop.Loop, event: Event) -> None:
    if isinstance(event, Updated):
        self._attempt(lambda: self._mesos.acknowledge(event.update), "acknowledgement")
    _step(self, event)


_apply_update = lifecycle.apply_update


def _counts_every_update(node: Node, update: TaskUpdate, now: float) -> Node:
    task = node.task
    if task is not None and task.state in TERMINAL and update.state in TERMINAL:
        return dataclasses.replace(node, failures=node.failures + 1)
    return _apply_update(node, update, now)


_commit = Store.commit


def _forgets_controls(self: Store, before: Ledger, after: Ledger) -> None:
    _commit(self, before, dataclasses.replace(after, controls=before.controls))


_server_task = launch._server_task


def _tells_a_secret(world: World, *arguments: Any) -> Any:
    task = _server_task(world, *arguments)
    return dataclasses.replace(task, jvm_extra_opts=f"-Dauth={world.settings.zookeeper_auth}")


GOES_ON_IN_A_NEW_SESSION: tuple[Patch, ...] = (
    (Client, "_told", lambda self: None),
    (Client, "expired", property(lambda self: False, lambda self, value: None)),
)
"""As a client of kazoo's does by itself: its calls are taken, though its lock is gone."""

_check, _set_data = Transaction.check, Transaction.set_data

_maintenance_ended = maintenance._ended


def _done_when_lost(part: Part, task: WorkTask, update: TaskUpdate, now: float) -> Part:
    ended = _maintenance_ended(part, task, update, now)
    return ended if update.state == FAILED else dataclasses.replace(ended, done=True, ended_at=now)


def _commits_in_silence(decision: Decision, operation: Operation) -> Decision:
    for node in restoration.nodes(decision.world, operation):
        decision = decision.with_node(
            dataclasses.replace(node, restoration=Restoration(operation.id, begun=True), restart_ordered=True)
        )
    return decision


_finish = restoration._finish


def _drops_what_was_there(decision: Decision, operation: Operation, now: float) -> Decision:
    """As soon as one node works on restored data."""
    for node in restoration.nodes(decision.world, operation):
        if node.task is not None and node.normal:
            message = Message(f"{operation.id}-{node.task.id}", node.name, TIDY, body=dict(encode(Tidy())))
            data = encode_message(message)
            decision = decision.plus(Send(node.task.executor.id, node.task.agent_id, data))
    return _finish(decision, operation, now)


_owing = transfers._owing


def _owing_always(world: World, operation: Operation) -> list[Node]:
    """Before its end too, while none of its tasks runs."""
    return _owing(world, dataclasses.replace(operation, stopping=True))


MUTATIONS: Mapping[str, tuple[Patch, ...]] = {
    "S1: an unreachable node is placed anew": (_after_update(_forgotten, "TASK_UNREACHABLE"),),
    "S2: a volume whose agent was lost is given up": (
        _after_update(_abandoned, "TASK_GONE", "TASK_LOST", "TASK_UNKNOWN", "TASK_FAILED"),
    ),
    "S3: acts before it stores": ((loop.Loop, "_decide", _acts_before_it_stores),),
    "S4: takes nodes down whoever else is down": ((stops, "wait", lambda world, node, now: None),),
    "S5: writes without asking for its epoch": (
        *GOES_ON_IN_A_NEW_SESSION,
        (Transaction, "check", lambda self, path, version: _check(self, f"/{path.split('/')[1]}/epoch", -1)),
        (Transaction, "set_data", lambda self, path, data, version=-1: _set_data(self, path, data)),
    ),
    "S6: acknowledges before it stores": ((loop.Loop, "step", _acknowledges_first),),
    "S7: counts an update each time it comes": ((lifecycle, "apply_update", _counts_every_update),),
    "S8: leaves what it has abandoned": ((offers, "clean", lambda decision, found: (decision, list(found))),),
    "S9: does not store what operators order": ((Store, "commit", _forgets_controls),),
    "S11: every node is its own seed": ((seeds, "boot_seeds", lambda world, node, address: (address,)),),
    "S12: a secret goes into the task": ((launch, "_server_task", _tells_a_secret),),
    "S13: writes a record whatever has become of it": (
        (Transaction, "set_data", lambda self, path, data, version=-1: _set_data(self, path, data)),
    ),
    "S10: what was lost counts as done": ((maintenance, "_ended", _done_when_lost),),
    "S10: backups are made whatever joins or leaves": (
        (operations, "require_whole", lambda world, kind, numbers: None),
        (operations, "OF_ALL_ROWS", frozenset()),
        (maintenance, "_is_gone", lambda world, part: False),
    ),
    "S2: data are put aside without a stored point of no return": (
        (restoration, "_commit", _commits_in_silence),
    ),
    "S14: nothing is cleared": ((transfers, "_owing", lambda world, operation: []),),
    "S14: what is needed is cleared too": (
        (transfers, "_owing", _owing_always),
        (transfers, "_tidy", lambda world, operation, keep: Tidy()),
    ),
    "S15: what was there is dropped too early": ((restoration, "_finish", _drops_what_was_there),),
    "S15: what was lost of a restore counts as done": ((maintenance, "_ended", _done_when_lost),),
    "S16: operations run beside one another": ((operations, "refuse_beside", lambda world: None),),
    "L1: a node that has failed twice is never tried again": (
        (lifecycle, "delay", lambda failures: 0.0 if failures < 2 else 1e9),
    ),
    "L2: offers of no use are kept": ((offers, "_decline", lambda decision, found: decision),),
    "L3: a node waits and does not say for what": ((wants, "offer_for", lambda world, node: ""),),
}
"""By the invariant that each violates."""

ORDERED: Mapping[str, tuple[str, ...]] = {
    "S2: data are put aside without a stored point of no return": ("restore_anew",),
    "S10: what was lost counts as done": ("start_backup",),
    "S10: backups are made whatever joins or leaves": ("start_backup", "scale_in", "scale_out"),
    "S15: what was there is dropped too early": ("restore_anew",),
    "S15: what was lost of a restore counts as done": ("restore_anew", "restore"),
}
"""What operators order in the days in which these have to show; for the others it is whatever comes."""


@contextmanager
def applied(patches: tuple[Patch, ...]) -> Iterator[None]:
    """With these bugs in."""
    with ExitStack() as stack:
        for target, name, value in patches:
            stack.enter_context(patch.object(target, name, value, create=name == "expired"))
        yield
