"""The body of maintenance orders, read strictly: what it names has to be there before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.errors import BadRequest
from api.requests import names, refuse, refuse_strange
from protocol.maintenance import PARALLELISMS, REPAIR, UPGRADESSTABLES, RepairOptions
from protocol.schema import Keyspace, Schema
from scheduler.model.event import StartOperation
from scheduler.model.world import World

FIELDS = ("nodes", "key_spaces", "column_families")
REPAIR_FIELDS = ("incremental", "parallelism", "segments_per_node", "intensity")

EVERY_NODE = "*"
MOST_SEGMENTS = 10_000
LEAST_INTENSITY = 0.01


@dataclass(frozen=True)
class MaintenanceRequest:
    """What was asked for; None where nothing was said."""

    kind: str
    nodes: tuple[int, ...] | None
    keyspaces: tuple[str, ...] | None
    tables: tuple[str, ...] | None
    repair: RepairOptions

    def order(self, schema: Schema) -> StartOperation:
        """The order, every keyspace with its tables. Raises BadRequest naming what is not there."""
        chosen = self._chosen(schema)
        if self.tables is None:
            tables = {name: one.tables for name, one in chosen.items() if one.tables}
        else:
            tables = _only(chosen, self.tables)
        if not tables:
            raise BadRequest("there is nothing to do: no keyspace of the users' has a table")
        return StartOperation(self.kind, self.nodes, tables, self.repair)

    def _chosen(self, schema: Schema) -> dict[str, Keyspace]:
        if self.keyspaces is None:
            return schema.users()
        problems = [_problem(self.kind, name, schema) for name in self.keyspaces]
        refuse("key_spaces", *(problem for problem in problems if problem))
        return {name: schema.keyspaces[name] for name in self.keyspaces}


def _problem(kind: str, name: str, schema: Schema) -> str | None:
    found = schema.keyspaces.get(name)
    if found is None:
        return f"there is no keyspace {name}"
    if found.local and kind != UPGRADESSTABLES:
        return f"the keyspace {name} is each node's own, so there is nothing for a {kind} to do"
    return None


def _only(chosen: Mapping[str, Keyspace], wanted: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The wanted tables in each keyspace that has them."""
    known = {table for one in chosen.values() for table in one.tables}
    where = f"in {', '.join(chosen)}" if chosen else "in any keyspace of the users'"
    refuse("column_families", *(f"there is no table {name} {where}" for name in wanted if name not in known))
    found = {name: tuple(t for t in wanted if t in one.tables) for name, one in chosen.items()}
    return {name: tables for name, tables in found.items() if tables}


def read_request(kind: str, fields: Mapping[str, Any], world: World) -> MaintenanceRequest:
    """Read a body. Raises BadRequest naming each wrong field."""
    known = (*FIELDS, *(REPAIR_FIELDS if kind == REPAIR else ()))
    refuse_strange(kind, fields, known)
    return MaintenanceRequest(
        kind,
        _nodes(fields, world),
        names(fields, "key_spaces"),
        names(fields, "column_families"),
        _repair(fields),
    )


def _nodes(fields: Mapping[str, Any], world: World) -> tuple[int, ...] | None:
    """The numbers of the named nodes; None for all."""
    named = fields.get("nodes")
    if not isinstance(named, list) or not named:
        refuse("nodes", f'nodes must be a list: ["{EVERY_NODE}"] for all, or names as in ["node-0"]')
    if named == [EVERY_NODE]:
        return None
    numbers = [_node(name, world) for name in named or ()]
    if len(set(numbers)) < len(numbers):
        refuse("nodes", "nodes names a node twice; name each once")
    return tuple(numbers)


def _node(name: object, world: World) -> int:
    text = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""
    node = world.ledger.named(text)
    if text == EVERY_NODE:
        refuse("nodes", f'"{EVERY_NODE}" stands for all nodes, and goes alone')
    if node is None:
        refuse("nodes", f"there is no node {text or repr(name)}; GET /v1/nodes/list has the names")
    return node.number if node else -1


def _repair(fields: Mapping[str, Any]) -> RepairOptions:
    defaults = RepairOptions()
    incremental = fields.get("incremental", defaults.incremental)
    if not isinstance(incremental, bool):
        refuse("incremental", "incremental must be true or false")
    parallelism = fields.get("parallelism", defaults.parallelism)
    if parallelism not in PARALLELISMS:
        refuse("parallelism", f"parallelism must be one of {', '.join(PARALLELISMS)}")
    segments = fields.get("segments_per_node", defaults.segments_per_node)
    if type(segments) is not int or not 0 <= segments <= MOST_SEGMENTS:
        refuse("segments_per_node", f"segments_per_node must be a whole number from 0 to {MOST_SEGMENTS}")
    intensity = fields.get("intensity", defaults.intensity)
    if type(intensity) not in (int, float) or not LEAST_INTENSITY <= intensity <= 1:
        refuse("intensity", f"intensity must be a number from {LEAST_INTENSITY} to 1")
    return RepairOptions(incremental, parallelism, segments, float(intensity))
