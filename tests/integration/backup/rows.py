"""Data of many kinds, and what is read of them before and after."""

from __future__ import annotations

import hashlib

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args

SCHEMA = (
    "CREATE KEYSPACE {ks} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': 3}}",
    "CREATE TYPE {ks}.address (street text, number int)",
    "CREATE TABLE {ks}.people (id int PRIMARY KEY, name text, town text, home frozen<address>, gone text)",
    "CREATE INDEX people_by_town ON {ks}.people (town)",
    "INSERT INTO {ks}.people (id, gone) VALUES (-1, 'gone')",
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
    "SELECT id, note, WRITETIME(note) FROM {ks}.later",
)

READ_SWITCHED_ON = ("SELECT name, id FROM {ks}.by_name", "SELECT {ks}.twice(id) FROM {ks}.people")

TABLES = ("people", "visits", "later")


def make(session: Session, keyspace: str, switched_on: bool = False) -> None:
    """Make the schema."""
    for statement in (*SCHEMA, *(SWITCHED_ON if switched_on else ())):
        session.execute(statement.format(ks=keyspace))


def fill(session: Session, keyspace: str, count: int, start: int = 0) -> None:
    """Write rows, many at a time."""
    people = session.prepare(f"INSERT INTO {keyspace}.people (id, name, town, home) VALUES (?, ?, ?, ?)")
    later = session.prepare(f"INSERT INTO {keyspace}.later (id, note) VALUES (?, ?)")
    numbers = range(start, start + count)
    homes = [(n, f"name {n}", f"town {n % 5}", (f"street {n % 7}", n)) for n in numbers]
    execute_concurrent_with_args(session, people, homes, concurrency=50)
    execute_concurrent_with_args(session, later, [(n, f"note {n}") for n in numbers], concurrency=50)
    for number in range(20):
        session.execute(f"UPDATE {keyspace}.visits SET seen = seen + {number} WHERE page = 'page {number}'")


def digest(session: Session, keyspace: str, switched_on: bool = False) -> dict[str, tuple[int, str]]:
    """By statement, how many rows it gives and their hash."""
    found = {}
    for statement in (*READ, *(READ_SWITCHED_ON if switched_on else ())):
        found[statement] = of(session, keyspace, statement)
    return found


def of(session: Session, keyspace: str, statement: str) -> tuple[int, str]:
    """How many rows a statement gives, and their hash."""
    rows = sorted(repr(tuple(row)) for row in session.execute(statement.format(ks=keyspace)))
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
