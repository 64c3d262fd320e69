"""A schema's statements: taken apart, and told whose they are."""

from __future__ import annotations

import pytest

from executor.transfers.errand import Unfit
from executor.transfers.schema import Choice, choose, split, views

FUNCTION = (
    "CREATE FUNCTION ks.f(a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; $$"
)


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        ("CREATE TYPE k.a (b int);\nA;\n", ["CREATE TYPE k.a (b int)", "A"]),
        (f"{FUNCTION};\nCREATE TYPE ks.a (b int)", [FUNCTION, "CREATE TYPE ks.a (b int)"]),
        ("A WITH comment = 'it''s; so';B", ["A WITH comment = 'it''s; so'", "B"]),
        ('A "x;""y" ; B', ['A "x;""y"', "B"]),
    ],
)
def test_semicolons_within_texts_and_functions_end_no_statement(text: str, statements: list[str]) -> None:
    assert split(text) == statements


SCHEMA = {
    "keyspace": "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy'}",
    "type": "CREATE TYPE ks.address (street text)",
    "table": "CREATE TABLE ks.t (id int PRIMARY KEY) WITH ID = 5a1c395e-b41f-11e5-9f22-ba0be0483c18",
    "other": "CREATE TABLE ks.u (id int PRIMARY KEY)",
    "index": "CREATE INDEX t_by_a ON ks.t (a)",
    "other index": "CREATE CUSTOM INDEX u_by_a ON ks.u (a) USING 'sai'",
    "trigger": "CREATE TRIGGER tr ON ks.t USING 'org.example.Trigger'",
    "function": FUNCTION,
    "aggregate": "CREATE AGGREGATE ks.sum(int) SFUNC f STYPE int",
    "view": "CREATE MATERIALIZED VIEW ks.v AS\n    SELECT id, a\n    FROM ks.t\n    PRIMARY KEY (a, id)",
    "quoted keyspace": "CREATE KEYSPACE \"My Ks\" WITH replication = {'class': 'SimpleStrategy'}",
    "quoted": 'CREATE TABLE "My Ks"."T" (id int PRIMARY KEY)',
    "quoted index": 'CREATE INDEX "I" ON "My Ks"."T" (a)',
    "quoted view": 'CREATE MATERIALIZED VIEW "My Ks"."V" AS SELECT * FROM "My Ks"."T"',
    "own": "CREATE TABLE system_auth.roles (role text PRIMARY KEY)",
    "remark": "/* Warning: Table x omitted because it has constructs not compatible with CQL */",
}
TEXT = ";\n".join(SCHEMA.values()) + ";\n"
OF_KS = {"keyspace", "type", "function", "aggregate"}
OF_T = {"table", "index", "trigger", "view"}
QUOTED = {name for name in SCHEMA if name.startswith("quoted")}


def held(choice: Choice) -> set[str]:
    return {name for name, statement in SCHEMA.items() if choice.holds(statement)}


@pytest.mark.parametrize(
    ("keyspaces", "tables", "wanted"),
    [
        (None, None, SCHEMA.keys() - {"own", "remark"}),
        (["My Ks"], None, QUOTED),
        (["ks"], None, OF_KS | OF_T | {"other", "other index"}),
        (["ks"], ["ks.t"], OF_KS | OF_T),
        (None, ["ks.u"], OF_KS | {"other", "other index"}),
        (None, ["ks.v"], OF_KS | {"view"}),
        (None, ["My Ks.T", "ks.u"], OF_KS | {"other", "other index"} | QUOTED),
    ],
)
def test_what_was_chosen_comes_with_what_belongs_to_it_and_nothing_else(
    keyspaces: list[str] | None, tables: list[str] | None, wanted: set[str]
) -> None:
    assert held(choose(TEXT, keyspaces, tables)) == wanted


@pytest.mark.parametrize(
    ("keyspaces", "tables", "missing"),
    [
        (["ks", "sales"], None, "sales"),
        (None, ["ks.t", "ks.x", "a.b"], r"a\.b, ks\.x"),
        (["system_auth"], None, "system_auth"),
        (None, ["system_auth.roles"], r"system_auth\.roles"),
    ],
)
def test_what_the_backup_lacks_is_named(
    keyspaces: list[str] | None, tables: list[str] | None, missing: str
) -> None:
    with pytest.raises(Unfit, match=f"the backup has no {missing}$"):
        choose(TEXT, keyspaces, tables)


def test_views_are_told_from_tables() -> None:
    assert views(TEXT) == {"ks.v": "ks.t", "My Ks.V": "My Ks.T"}
