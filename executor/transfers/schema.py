"""Making the schema of a backup where a cluster lacks it."""

from __future__ import annotations

import re

from executor.cql import CqlRefused
from executor.failure import NotAnswering
from executor.transfers.errand import Errand, Unfit
from executor.transfers.saving import statements
from protocol.schema import is_system

CREATE = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:CUSTOM\s+)?"
    r"(KEYSPACE|TYPE|TABLE|MATERIALIZED VIEW|INDEX|FUNCTION|AGGREGATE|TRIGGER)\s+(?:IF NOT EXISTS\s+)?"
    r"(.+)",
    re.IGNORECASE | re.DOTALL,
)
NAME = r'(?:"(?:[^"]|"")+"|\w+)'
INDEX_TABLE = re.compile(rf"{NAME}\s+ON\s+({NAME})\.", re.IGNORECASE)
FIRST = re.compile(rf"({NAME})")
VIEW = "MATERIALIZED VIEW"
TABLE_ID = re.compile(r"\bID\s*=\s*[0-9a-f-]{36}\s*(?:AND\b)?", re.IGNORECASE)


def create(errand: Errand, text: str) -> None:
    """Run what the cluster lacks. Raises NotAnswering, and Unfit where a table is another one now."""
    there = {_key(found): found for found in statements(errand)}
    with errand.cql() as cql:
        for statement in split(text):
            if not _is_wanted(errand, statement):
                continue
            errand.control.check()
            present = there.get(_key(statement))
            if present is not None:
                _require_same(present, statement)
                continue
            try:
                cql.rows(statement)
            except CqlRefused as error:
                if not error.exists:
                    raise NotAnswering(f"Cassandra refuses {_shown(statement)}: {error}") from None


def _is_wanted(errand: Errand, statement: str) -> bool:
    keyspace = keyspace_of(statement)
    if keyspace is None or is_system(keyspace):
        return False
    task = errand.task
    if task.tables is not None:
        return keyspace in {name.partition(".")[0] for name in task.tables}
    return task.keyspaces is None or keyspace in task.keyspaces


def _require_same(present: str, then: str) -> None:
    """A table of the same name with other columns would take rows that do not fit it."""
    if not then.lstrip().upper().startswith("CREATE TABLE") or _columns(present) == _columns(then):
        return
    raise Unfit(
        f"{_shown(then)}: the table has other columns now than in the backup; drop it, and restore makes it "
        "as it was"
    )


def _columns(statement: str) -> str:
    """The part that says what rows look like, without the table's id and options."""
    head = statement.partition(" WITH ")[0].partition("\nWITH ")[0]
    return " ".join(TABLE_ID.sub("", head).split())


def _key(statement: str) -> str:
    """What a statement makes: kind and name."""
    found = CREATE.match(statement)
    if found is None:
        return " ".join(statement.split())
    name = re.split(r"\s+WITH\s+|\s+AS\s+|\s+RETURNS\s+|\s+CALLED\s+", found[2], maxsplit=1)[0]
    if found[1].upper() in ("KEYSPACE", "TYPE", "TABLE"):
        name = name.partition("(")[0]
    return " ".join(f"{found[1].upper()} {name}".split())


def _shown(statement: str) -> str:
    return _key(statement)[:200]


def keyspace_of(statement: str) -> str | None:
    """The keyspace that a statement is of; None where it is none that makes anything."""
    found = CREATE.match(statement)
    if found is None:
        return None
    place = INDEX_TABLE.match(found[2]) if found[1].upper() == "INDEX" else FIRST.match(found[2])
    if place is None:
        return None
    name = place[1]
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def views(text: str) -> set[str]:
    """The materialized views of a schema, as ``keyspace.view``."""
    found = (CREATE.match(statement) for statement in split(text))
    names = (match[2].split(None, 1)[0] for match in found if match and match[1].upper() == VIEW)
    return {name.replace('"', "") for name in names}


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
