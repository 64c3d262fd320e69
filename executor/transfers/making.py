"""Making the schema of a backup where a cluster lacks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from executor.cql import Cql, CqlRefused
from executor.failure import NotAnswering
from executor.transfers.errand import Errand, Unfit
from executor.transfers.saving import statements
from executor.transfers.schema import NAME, TABLE, VIEW, Choice, grouped, key, made_by

TABLE_ID = re.compile(r"\bID\s*=\s*([0-9a-f-]{36})", re.IGNORECASE)
CHANGED = re.compile(rf"\s*ALTER\s+TABLE\s+{NAME}\.{NAME}\s+(DROP|ADD)\s+({NAME})", re.IGNORECASE)
COLUMN = re.compile(rf"\s*({NAME})\s")
LOOK_SECONDS = 1.0


def make(errand: Errand, text: str, choice: Choice) -> None:
    """Have all that was chosen be there. One node makes it, for schema changes shall not cross each other.

    Raises NotAnswering, Stopped, and Unfit where a table is another one now.
    """
    wanted = [group for group in grouped(text) if choice.holds(group[0])]
    maker = errand.task.members[0].name
    if errand.task.node == maker:
        with errand.cql() as cql:
            for statement in lacking(_present(errand), wanted):
                errand.control.check()
                _run(cql, statement)
        return
    errand.control.doing(f"waiting for {maker} to make the schema")
    stored = [group for group in wanted if (made := made_by(group[0])) and made.kind in (TABLE, VIEW)]
    while lacking(_present(errand), stored):
        errand.control.pause(LOOK_SECONDS)


def _present(errand: Errand) -> list[list[str]]:
    return grouped(";\n".join(statements(errand)))


def _run(cql: Cql, statement: str) -> None:
    try:
        cql.rows(statement)
    except CqlRefused as error:
        if not error.exists:
            raise NotAnswering(f"Cassandra refuses {key(statement)[:200]}: {error}") from None


def lacking(present: Iterable[list[str]], wanted: Iterable[list[str]]) -> list[str]:
    """The statements to run for what is wanted. Raises Unfit where a table has other columns than then."""
    there = {key(group[0]): group for group in present}
    return [statement for group in wanted for statement in _lacking(there.get(key(group[0])), group)]


def _lacking(present: list[str] | None, then: list[str]) -> list[str]:
    if present is None:
        return then
    made = made_by(then[0])
    if made is None or made.kind != TABLE:
        return []
    if _columns(present) == _columns(then):
        return []
    begun = _id(present[0]) == _id(then[0]) and set(present[1:]) < set(then[1:])
    if begun and _columns(present) == _columns([then[0], *present[1:]]):
        # Whoever made the table has ended before all of its columns were dropped.
        return [statement for statement in then[1:] if statement not in present]
    raise Unfit(
        f"{key(then[0])}: the table has other columns now than in the backup; drop it, and restore makes it "
        "as it was"
    )


def _id(statement: str) -> str | None:
    found = TABLE_ID.search(statement)
    return found[1] if found else None


def _changed(group: Sequence[str]) -> dict[str, str]:
    """By each column of a table that was dropped, or added again, the last of both."""
    found = (CHANGED.match(statement) for statement in group)
    return {match[2]: match[1].upper() for match in found if match}


def _columns(group: Sequence[str]) -> set[str]:
    """The columns that rows have, and the key, as they are written in the statement."""
    lines = group[0].partition("(")[2].partition("\n) WITH ")[0].splitlines()
    gone = {name for name, last in _changed(group).items() if last == "DROP"}
    named = ((COLUMN.match(line), line.strip().rstrip(",")) for line in lines)
    return {line for name, line in named if name and name[1] not in gone}
