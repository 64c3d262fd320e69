"""Deliberate bugs, one for each invariant: the simulation has to find every one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from scheduler.daemon import loop
from scheduler.decide import core, launch, lifecycle, offers, seeds, stops, wants
from scheduler.decide.decision import Decision
from scheduler.model.event import Event, Updated
from scheduler.model.node import Node
from scheduler.model.task import TERMINAL, TaskUpdate
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

MUTATIONS: Mapping[str, tuple[Patch, ...]] = {
    "S1: an unreachable node is placed anew": (_after_update(_forgotten, "TASK_UNREACHABLE"),),
    "S2: a volume whose agent was lost is given up": (
        _after_update(_abandoned, "TASK_GONE", "TASK_LOST", "TASK_UNKNOWN", "TASK_FAILED"),
    ),
    "S3: acts before it stores": ((loop.Loop, "_decide", _acts_before_it_stores),),
    "S4: takes nodes down whoever else is down": ((stops, "wait", lambda world, node: None),),
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
    "L1: a node that has failed twice is never tried again": (
        (lifecycle, "delay", lambda failures: 0.0 if failures < 2 else 1e9),
    ),
    "L2: offers of no use are kept": ((offers, "_decline", lambda decision, found: decision),),
    "L3: a node waits and does not say for what": ((wants, "offer_for", lambda world, node: ""),),
}
"""By the invariant that each violates. S10 is about backups, which nothing here makes."""


@contextmanager
def applied(patches: tuple[Patch, ...]) -> Iterator[None]:
    """With these bugs in."""
    with ExitStack() as stack:
        for target, name, value in patches:
            stack.enter_context(patch.object(target, name, value, create=name == "expired"))
        yield
