"""A hundred tables with two hundred thousand rows of all kinds, and what is read of them before and after."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Iterable, Iterator, Mapping

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from tests.integration.backup import rows

log = logging.getLogger(__name__)

KEYSPACE = "whole"
READER, PASSWORD = "reader", "what the reader knows"

LARGE = tuple(f"large{number}" for number in range(4))
"""Tables whose files are objects of their own, so that a transfer that is cut off has some behind it."""

LARGE_ROWS, LARGE_BYTES = 2, 1_000_000

PLAIN = tuple(f"plain{number}" for number in range(100 - len(rows.TABLES) - len(LARGE)))
PARTITIONS, IN_ONE = 42, 50
OF_ALL_KINDS = 3000
"""Rows of the table with an index and a view, and of the one whose rows end by themselves."""

TABLES = (*rows.TABLES, *LARGE, *PLAIN)
ROWS = len(PLAIN) * PARTITIONS * IN_ONE + 2 * OF_ALL_KINDS

ROLES = (
    f"CREATE ROLE {READER} WITH PASSWORD = '{PASSWORD}' AND LOGIN = true",
    f"GRANT SELECT ON KEYSPACE {KEYSPACE} TO {READER}",
    "CREATE ROLE writers",
    f"GRANT MODIFY ON TABLE {KEYSPACE}.people TO writers",
)
PERMISSIONS = (
    "SELECT role, can_login, is_superuser, member_of, salted_hash FROM system_auth.roles",
    "SELECT role, resource, permissions FROM system_auth.role_permissions",
)


def make(session: Session) -> None:
    """Make keyspace, types, tables, index, view, function."""
    # With hundreds of tables a client that looks at the schema again after each is what takes the time.
    session.cluster.schema_metadata_enabled = False
    rows.make(session, KEYSPACE, switched_on=True)
    for table in LARGE:
        session.execute(f"CREATE TABLE {KEYSPACE}.{table} (id int PRIMARY KEY, content blob)")
    for table in PLAIN:
        make_plain(session, table)


def make_plain(session: Session, table: str) -> None:
    """Make one of the many tables."""
    session.execute(f"CREATE TABLE {KEYSPACE}.{table} (part int, id int, note text, PRIMARY KEY (part, id))")


def make_again(session: Session, table: str) -> None:
    """Drop one of the many tables, and make another of the same name."""
    session.execute(f"DROP TABLE {KEYSPACE}.{table}")
    make_plain(session, table)


def make_roles(session: Session) -> None:
    """Make roles, with permissions."""
    for statement in ROLES:
        session.execute(statement)


def fill(session: Session) -> None:
    """Write all rows, those of a partition together."""
    rows.fill(session, KEYSPACE, OF_ALL_KINDS)
    for number, table in enumerate(LARGE):
        insert = session.prepare(f"INSERT INTO {KEYSPACE}.{table} (id, content) VALUES (?, ?)")
        content = random.Random(number)
        large = [(row, content.randbytes(LARGE_BYTES)) for row in range(LARGE_ROWS)]
        execute_concurrent_with_args(session, insert, large, concurrency=1)
    # Prepared before: what makes batches runs on the client's own thread, which must not wait for an answer.
    inserts = {
        table: session.prepare(f"INSERT INTO {KEYSPACE}.{table} (part, id, note) VALUES (?, ?, ?)")
        for table in PLAIN
    }
    execute_concurrent(session, ((batch, ()) for batch in _batches(inserts)), concurrency=20)


def _batches(inserts: Mapping[str, PreparedStatement]) -> Iterator[BatchStatement]:
    for table, insert in inserts.items():
        for part in range(PARTITIONS):
            batch = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.QUORUM)
            for number in range(IN_ONE):
                batch.add(insert, (part, number, f"{table} {part} {number}"))
            yield batch


def written(session: Session) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, str]]]:
    """Make all of it; the digests of rows and of roles."""
    since = time.monotonic()
    make(session)
    make_roles(session)
    log.info("%d tables are made after %.1f s", len(TABLES), time.monotonic() - since)
    fill(session)
    log.info("%d rows are written after %.1f s", ROWS, time.monotonic() - since)
    found = digest(session), roles(session)
    log.info("all is read after %.1f s", time.monotonic() - since)
    return found


def truncate(session: Session) -> None:
    """Take all rows away."""
    execute_concurrent(session, [(f"TRUNCATE {KEYSPACE}.{table}", ()) for table in TABLES], concurrency=4)


def digest(session: Session) -> dict[str, tuple[int, str]]:
    """By statement, how many rows it gives and their hash; rows are read from all replicas."""
    found = rows.digest(session, KEYSPACE, switched_on=True)
    for table in (*LARGE, *PLAIN):
        found[table] = of_rows(session.execute(f"SELECT * FROM {KEYSPACE}.{table}"))
    return found


def roles(session: Session) -> dict[str, tuple[int, str]]:
    """The same of roles and permissions."""
    return {statement: of_rows(session.execute(statement)) for statement in PERMISSIONS}


def of_rows(found: Iterable[object]) -> tuple[int, str]:
    """How many rows, and their hash in whatever order they come."""
    texts = sorted(repr(row) for row in found)
    return len(texts), hashlib.sha256("\n".join(texts).encode()).hexdigest()
