"""Data of many kinds, and what is read of them before and after."""

from __future__ import annotations

import hashlib

from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType

SCHEMA = (
    "CREATE KEYSPACE {ks} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': 3}}",
    "CREATE TYPE {ks}.address (street text, number int)",
    "CREATE TABLE {ks}.people (id int PRIMARY KEY, name text, town text, home frozen<address>, gone text)",
    "CREATE INDEX people_by_town ON {ks}.people (town)",
    "ALTER TABLE {ks}.people DROP gone",
    "CREATE TABLE {ks}.visits (page text PRIMARY KEY, seen counter)",
    "CREATE TABLE {ks}.later (id int PRIMARY KEY, note text) WITH default_time_to_live = 864000",
)

SWITCHED_ON = (
    "CREATE MATERIALIZED VIEW {ks}.by_name AS SELECT * FROM {ks}.people WHERE name IS NOT NULL "
    "AND id IS NOT NULL PRIMARY KEY (name, id)",
    "CREATE FUNCTION {ks}.twice (n int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java "
    "AS $$ int twice = n * 2; return twice; $$",
)
"""What a cluster has to be told to allow."""

READ = (
    "SELECT id, name, town, home FROM {ks}.people",
    "SELECT id FROM {ks}.people WHERE town = 'town 1'",
    "SELECT page, seen FROM {ks}.visits",
    "SELECT id, note FROM {ks}.later",
)

READ_SWITCHED_ON = ("SELECT name, id FROM {ks}.by_name", "SELECT {ks}.twice(id) FROM {ks}.people")

TABLES = ("people", "visits", "later")


def make(session: Session, keyspace: str, switched_on: bool = False) -> None:
    """Make the schema."""
    for statement in (*SCHEMA, *(SWITCHED_ON if switched_on else ())):
        session.execute(statement.format(ks=keyspace))


def fill(session: Session, keyspace: str, count: int, start: int = 0) -> None:
    """Write rows, in batches."""
    people = session.prepare(f"INSERT INTO {keyspace}.people (id, name, town, home) VALUES (?, ?, ?, ?)")
    later = session.prepare(f"INSERT INTO {keyspace}.later (id, note) VALUES (?, ?)")
    for first in range(start, start + count, 50):
        batch = BatchStatement(BatchType.UNLOGGED)
        for number in range(first, min(first + 50, start + count)):
            home = (f"street {number % 7}", number)
            batch.add(people, (number, f"name {number}", f"town {number % 5}", home))
            batch.add(later, (number, f"note {number}"))
        session.execute(batch)
    for number in range(20):
        session.execute(f"UPDATE {keyspace}.visits SET seen = seen + {number} WHERE page = 'page {number}'")


def digest(session: Session, keyspace: str, switched_on: bool = False) -> dict[str, tuple[int, str]]:
    """By statement, how many rows it gives and their hash."""
    found = {}
    for statement in (*READ, *(READ_SWITCHED_ON if switched_on else ())):
        rows = sorted(repr(tuple(row)) for row in session.execute(statement.format(ks=keyspace)))
        found[statement] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found
