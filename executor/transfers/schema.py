"""A schema as Cassandra describes it, taken apart: what its statements make, and what of it is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from executor.transfers.errand import Unfit
from protocol.schema import is_system

CREATE = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:CUSTOM\s+)?"
    r"(KEYSPACE|TYPE|TABLE|MATERIALIZED VIEW|INDEX|FUNCTION|AGGREGATE|TRIGGER)\s+(?:IF NOT EXISTS\s+)?"
    r"(.+)",
    re.IGNORECASE | re.DOTALL,
)
NAME = r'(?:"(?:[^"]|"")+"|\w+)'
ITSELF = re.compile(rf"({NAME})(?:\.({NAME}))?")
ON_TABLE = re.compile(rf"{NAME}\s+ON\s+({NAME})\.({NAME})", re.IGNORECASE)
FROM_TABLE = re.compile(rf"\sFROM\s+({NAME})\.({NAME})", re.IGNORECASE)
TABLE, VIEW = "TABLE", "MATERIALIZED VIEW"
PARTS = ("INDEX", "TRIGGER")
"""What belongs to a table."""


@dataclass(frozen=True)
class Choice:
    """What of a schema is restored: ``keyspaces``, with their types and functions, and of their ``tables``
    these, as ``keyspace.table``, views among them.
    """

    keyspaces: frozenset[str]
    tables: frozenset[str]

    def holds(self, statement: str) -> bool:
        """Whether what a statement makes is among it."""
        made = made_by(statement)
        if made is None:
            return False
        in_table = made.kind in (TABLE, VIEW, *PARTS)
        return made.table in self.tables if in_table else made.keyspace in self.keyspaces


def choose(text: str, keyspaces: Iterable[str] | None, tables: Iterable[str] | None) -> Choice:
    """These tables of a schema with their views, or else these keyspaces, or all but Cassandra's own.

    Raises Unfit where the schema lacks what was named.
    """
    made = [one for one in map(made_by, split(text)) if one is not None and not is_system(one.keyspace)]
    held = {one.keyspace for one in made}
    names = {one.table for one in made if one.kind in (TABLE, VIEW)}
    missing = set(tables or ()) - names or set(keyspaces or ()) - held
    if missing:
        raise Unfit(f"the backup has no {', '.join(sorted(missing))}")
    if tables is None:
        wanted = held if keyspaces is None else set(keyspaces)
        return Choice(frozenset(wanted), frozenset(n for n in names if n.partition(".")[0] in wanted))
    chosen = set(tables)
    with_views = chosen | {view for view, table in views(text).items() if table in chosen}
    return Choice(frozenset(name.partition(".")[0] for name in with_views), frozenset(with_views))


def key(statement: str) -> str:
    """What a statement makes: kind and name."""
    found = CREATE.match(statement)
    if found is None:
        return " ".join(statement.split())
    name = re.split(r"\s+WITH\s+|\s+AS\s+|\s+RETURNS\s+|\s+CALLED\s+", found[2], maxsplit=1)[0]
    if found[1].upper() in ("KEYSPACE", "TYPE", "TABLE"):
        name = name.partition("(")[0]
    return " ".join(f"{found[1].upper()} {name}".split())


class Made(NamedTuple):
    """What a statement makes; ``table``, as ``keyspace.table``, is its name or, of an index, its table's."""

    kind: str
    keyspace: str
    table: str


def made_by(statement: str) -> Made | None:
    """What a statement makes; None where it makes nothing."""
    found = CREATE.match(statement)
    if found is None:
        return None
    kind = found[1].upper()
    place = (ON_TABLE if kind in PARTS else ITSELF).match(found[2])
    if place is None:
        return None
    keyspace = _plain(place[1])
    return Made(kind, keyspace, f"{keyspace}.{_plain(place[2] or '')}")


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def views(text: str) -> dict[str, str]:
    """By each materialized view of a schema the table that it is of, both as ``keyspace.table``."""
    found = {}
    for statement in split(text):
        made, table = made_by(statement), FROM_TABLE.search(statement)
        if made is not None and made.kind == VIEW and table is not None:
            found[made.table] = f"{_plain(table[1])}.{_plain(table[2])}"
    return found


def grouped(text: str) -> list[list[str]]:
    """Each statement that makes something, with those behind it that change what it has made."""
    found: list[list[str]] = []
    for statement in split(text):
        if made_by(statement) is not None:
            found.append([statement])
        elif found and statement.upper().startswith("ALTER "):
            found[-1].append(statement)
    return found


def split(text: str) -> list[str]:
    """The statements of a schema, whose functions may hold semicolons, in $$ or quotes."""
    found, at = [], 0
    for end in _ends(text):
        statement = text[at:end].strip()
        if statement:
            found.append(statement)
        at = end + 1
    return found


PIECE = re.compile(r"\$\$.*?\$\$|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|;", re.DOTALL)


def _ends(text: str) -> list[int]:
    """Where statements end: at semicolons that stand for themselves, and at the end of all."""
    return [*(match.start() for match in PIECE.finditer(text) if match[0] == ";"), len(text)]
