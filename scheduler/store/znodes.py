"""The znodes of a ledger: each record's name below the root, and in which two ledgers differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler.model.eventlog import Page
from scheduler.model.node import Node
from scheduler.model.operation import Operation
from scheduler.model.world import Cluster, Controls, Framework, Ledger, Target

KINDS: Mapping[str, type[Any]] = {
    "framework": Framework,
    "cluster": Cluster,
    "target": Target,
    "controls": Controls,
}

NODES, OPERATIONS, EVENTS, EPOCH, LOCK = "nodes", "operations", "events", "epoch", "lock"

FOLDERS: Mapping[str, type[Any]] = {NODES: Node, OPERATIONS: Operation, EVENTS: Page}


def records_of(ledger: Ledger) -> dict[str, object]:
    """All records by their names below the root; those of the whole service come last."""
    nodes = {name_of(node): node for node in ledger.nodes.values()}
    operations = {name_of(operation): operation for operation in ledger.operations.values()}
    events = {name_of(page): page for page in ledger.events.values()}
    return {**nodes, **operations, **events, **{name: getattr(ledger, name) for name in KINDS}}


def changes(before: Ledger, after: Ledger) -> dict[str, tuple[object, object]]:
    """The records that are not the very same objects, old and new; in the order of ``records_of``.

    Found without naming the others: with every status update a thousand nodes stay as they are.
    """
    found: dict[str, tuple[object, object]] = {}
    for number, node in after.nodes.items():
        if (was := before.nodes.get(number)) is not node:
            found[name_of(node)] = was, node
    for ident, operation in after.operations.items():
        if (old := before.operations.get(ident)) is not operation:
            found[name_of(operation)] = old, operation
    for number, page in after.events.items():
        if (earlier := before.events.get(number)) is not page:
            found[name_of(page)] = earlier, page
    for name in KINDS:
        if (one := getattr(before, name)) is not (other := getattr(after, name)):
            found[name] = one, other
    return found


def gone(before: Ledger, after: Ledger) -> list[str]:
    """The names of the records that are no more."""
    return [
        *(name_of(before.nodes[number]) for number in before.nodes.keys() - after.nodes.keys()),
        *(name_of(before.operations[ident]) for ident in before.operations.keys() - after.operations.keys()),
        *(name_of(before.events[number]) for number in before.events.keys() - after.events.keys()),
    ]


def name_of(record: Node | Operation | Page) -> str:
    """The record's name below the root."""
    match record:
        case Node():
            return f"{NODES}/{record.name}"
        case Operation():
            return f"{OPERATIONS}/{record.id}"
    return f"{EVENTS}/{record.id}"
