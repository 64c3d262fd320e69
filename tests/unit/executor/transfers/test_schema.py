"""A schema's statements: taken apart, and told whose they are."""

from __future__ import annotations

import pytest

from executor.transfers.schema import keyspace_of, split, views

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


@pytest.mark.parametrize(
    ("statement", "keyspace"),
    [
        ("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy'}", "ks"),
        ("CREATE TABLE ks.t (id int PRIMARY KEY) WITH ID = 5a1c395e-b41f-11e5-9f22-ba0be0483c18", "ks"),
        ('CREATE TABLE "My Ks"."T" (id int PRIMARY KEY)', "My Ks"),
        ("CREATE MATERIALIZED VIEW ks.v AS SELECT * FROM ks.t", "ks"),
        ("CREATE INDEX t_by_a ON ks.t (a)", "ks"),
        ('CREATE CUSTOM INDEX "I" ON "Ks".t (a) USING \'sai\'', "Ks"),
        (FUNCTION, "ks"),
        ("CREATE AGGREGATE ks.sum(int) SFUNC f STYPE int", "ks"),
        ("/* Warning: Table x omitted because it has constructs not compatible with CQL */", None),
    ],
)
def test_a_statement_is_of_a_keyspace(statement: str, keyspace: str | None) -> None:
    assert keyspace_of(statement) == keyspace


def test_views_are_told_from_tables() -> None:
    text = 'CREATE MATERIALIZED VIEW ks.v AS\n  SELECT * FROM ks.t;\nCREATE TABLE "ks"."w" (id int)'
    assert views(text) == {"ks.v"}
