"""What is run to have a schema be as it was."""

from __future__ import annotations

import pytest

from executor.transfers.errand import Unfit
from executor.transfers.making import lacking
from executor.transfers.schema import grouped

OTHER_ID = "00000000-e829-11f1-a322-d363af3b5bb1"


def table(*columns: str, ident: str = "66ea4b90-e829-11f1-a322-d363af3b5bb1") -> str:
    lines = ",\n".join(f"    {column}" for column in ("id int PRIMARY KEY", *columns))
    return f"CREATE TABLE ks.t (\n{lines}\n) WITH ID = {ident}\n    AND comment = ''"


def dropped(column: str, at: int = 1) -> str:
    return f"ALTER TABLE ks.t DROP {column} USING TIMESTAMP {at}"


ADDED = "ALTER TABLE ks.t ADD gone text"
TYPE = "CREATE TYPE ks.address (street text)"
INDEX = "CREATE INDEX t_by_name ON ks.t (name)"
THEN = [TYPE, table("name text", "gone text"), dropped("gone"), INDEX]


def run(present: list[str], then: list[str] = THEN) -> list[str]:
    return lacking(grouped(";\n".join(present)), grouped(";\n".join(then)))


@pytest.mark.parametrize(
    ("present", "statements"),
    [
        ([], THEN),
        (THEN, []),
        ([TYPE], THEN[1:]),
        (THEN[:3], [INDEX]),
        ([TYPE, table("gone text", "name text"), INDEX], [dropped("gone")]),
        ([TYPE, table("name text", ident=OTHER_ID), INDEX], []),
        ([TYPE, table("name text", "gone text", ident=OTHER_ID), dropped("gone", at=7), INDEX], []),
    ],
)
def test_what_is_not_there_is_made_with_the_columns_that_were_dropped(
    present: list[str], statements: list[str]
) -> None:
    assert run(present) == statements


@pytest.mark.parametrize(
    "present",
    [
        [table("name text", "gone text", ident=OTHER_ID)],
        [table("name text", "gone text"), dropped("gone", at=2), ADDED],
        [table("name int")],
        [table("gone text", "name text", "more text"), dropped("gone")],
        [table("gone text", "name text"), dropped("gone"), dropped("name", at=2)],
    ],
)
def test_a_table_with_other_columns_is_refused_and_none_of_them_is_dropped(present: list[str]) -> None:
    with pytest.raises(Unfit, match=r"TABLE ks\.t: the table has other columns now"):
        run([*present, TYPE, INDEX])


def test_columns_are_dropped_from_where_that_was_broken_off() -> None:
    then = [table("name text", "a text", "b text"), dropped("a"), dropped("b", at=2)]
    assert run([table("b text", "name text", "a text"), dropped("a")], then) == [dropped("b", at=2)]


def test_a_column_that_was_dropped_and_added_again_is_one_of_the_table() -> None:
    then = [table("gone text"), dropped("gone"), ADDED]
    assert run([], then) == then
    assert run([table("gone text", ident=OTHER_ID)], then) == []
