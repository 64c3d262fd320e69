"""A cluster that takes CQL by TLS, with passwords: backups, parts of them, and a store that is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cassandra.cluster import Session

from backup.s3.credentials import Keys
from tests.integration.backup import rows
from tests.integration.backup.conftest import SECRET, Backups, everything_on
from tests.integration.backup.test_backup import places_of_the_secret
from tests.integration.s3_server import BUCKET, Server

pytestmark = [pytest.mark.needs("java", "mvn", "go"), pytest.mark.soak]

KEYSPACE, OTHER = "by_tls", "beside"
SLOW = 0.05
"""Megabytes a second: there is time to kill the store."""

Digests = dict[str, dict[str, tuple[int, str]]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A store that keeps on disk what it has, also when it is killed."""
    found = Server(tmp_path_factory.mktemp("store"), keys=Keys("canary-access-key", SECRET))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def backups(kept: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backups]:
    store = f"http://{kept.address}/{BUCKET}/prefix"
    with everything_on(tmp_path_factory.mktemp("tls") / "data", store, tls=True) as found:
        with found.session() as session:
            for keyspace in (KEYSPACE, OTHER):
                rows.make(session, keyspace, switched_on=True)
                rows.fill(session, keyspace, 3000)
        yield found


@pytest.fixture(scope="module")
def before(backups: Backups) -> Digests:
    """What is to be there; a backup of it is called kept."""
    found = digests(backups)
    backups.order("/v1/backup/start", "kept")
    backups.done("backup")
    return found


def digests(backups: Backups) -> Digests:
    with backups.session() as session:
        return {ks: rows.digest(session, ks, switched_on=True) for ks in (KEYSPACE, OTHER)}


def lose(session: Session, keyspace: str) -> None:
    for table in rows.TABLES:
        session.execute(f"TRUNCATE {keyspace}.{table}")


def test_a_wrong_password_is_told_before_anything_is_done(
    backups: Backups, before: Digests, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed\n")
    right = backups.local.data.parent / "password"
    backups.set(CQL_PASSWORD_FILE=str(wrong))
    try:
        backups.order("/v1/backup/start", "refused")
        told = backups.failed("backup")
        assert "refuses the login of cassandra: " in told
        assert "set CQL_USER and CQL_PASSWORD_FILE" in told
        assert "guessed" not in told
        assert (backups.snapshots(), backups.names()) == ([], ["kept"])
        backups.order("/v1/restore/start", "kept", restore_type="existing")
        assert "refuses the login of cassandra: " in backups.failed("restore")
        assert set_aside(backups) == []
        backups.order("/v1/backup/verify", "kept")
        backups.done("verify")
    finally:
        backups.set(CQL_PASSWORD_FILE=str(right))
    assert digests(backups) == before
    assert places_of_the_secret(backups) == []


def set_aside(backups: Backups) -> list[Path]:
    """What restores have left in volumes."""
    return list(backups.local.data.glob("agent-*/volumes/roles/*/*/restore/*"))


def test_of_parts_that_are_named_all_that_belongs_to_them_comes_and_nothing_else(
    backups: Backups, before: Digests
) -> None:
    with backups.session() as session:
        lose(session, KEYSPACE)
        session.execute(f"DROP TABLE {KEYSPACE}.later")
        session.execute(f"DROP KEYSPACE {OTHER}")
    refused_part(backups, "nowhere", key_spaces=[OTHER, "nowhere"])
    refused_part(backups, f"{KEYSPACE}.nothing", column_families=[f"{OTHER}.people", f"{KEYSPACE}.nothing"])
    restored(backups, column_families=[f"{KEYSPACE}.people"])
    with backups.session() as session:
        found = {
            table.name for table in session.execute("DESCRIBE TABLES") if table.keyspace_name == KEYSPACE
        }
        assert found == {"people", "visits"}
        people = [statement for statement in before[KEYSPACE] if ".later" not in statement]
        now = {s: rows.of(session, KEYSPACE, s) for s in people}
        visits = next(statement for statement in people if ".visits" in statement)
        assert now.pop(visits)[0] == 0
        assert now == {s: before[KEYSPACE][s] for s in people if s != visits}
    restored(backups, key_spaces=[OTHER])
    restored(backups, column_families=["later", "visits"], key_spaces=[KEYSPACE])
    assert digests(backups) == before
    with backups.session() as session:
        people = session.execute(
            "SELECT column_name FROM system_schema.columns WHERE keyspace_name = %s AND "
            "table_name = 'people'",
            (OTHER,),
        )
        assert {row.column_name for row in people} == {"id", "name", "town", "home"}
        left = [row.left for row in session.execute(f"SELECT TTL(note) AS left FROM {KEYSPACE}.later")]
    assert len(left) == 3000
    assert all(0 < seconds <= 864000 for seconds in left)


def refused_part(backups: Backups, missing: str, **parts: Any) -> None:
    backups.order("/v1/restore/start", "kept", restore_type="existing", **parts)
    assert f"the backup has no {missing}" in backups.failed("restore")
    with backups.session() as session:
        assert OTHER not in {row.keyspace_name for row in session.execute("DESCRIBE KEYSPACES")}


def restored(backups: Backups, **more: Any) -> Any:
    backups.order("/v1/restore/start", "kept", restore_type="existing", **more)
    return backups.done("restore")


def test_a_store_that_is_killed_and_started_again_is_waited_for_by_uploads_and_downloads(
    backups: Backups, before: Digests, kept: Server
) -> None:
    with backups.session() as session:
        rows.fill(session, KEYSPACE, 3000)  # other files with the same rows, but for the counters
    now = digests(backups)
    killed_meanwhile(backups, kept, "backup", "Upload", "again")
    backups.order("/v1/backup/verify", "again")
    backups.done("verify")
    assert backups.snapshots() == []
    with backups.session() as session:
        lose(session, KEYSPACE)
    killed_meanwhile(backups, kept, "restore", "Download", "again", restore_type="existing")
    assert digests(backups) == now
    assert set_aside(backups) == []


def killed_meanwhile(backups: Backups, kept: Server, kind: str, phase: str, name: str, **more: Any) -> None:
    """Kill the store in a phase, and start it again once it is missed."""
    backups.order(f"/v1/{kind}/start", name, bandwidth_mb_per_second=SLOW, **more)
    backups.until(f"/v1/{kind}/status", at(phase))
    kept.stop()
    backups.until(f"/v1/{kind}/status", lambda told: any(n["waiting_for"] for n in told["nodes"].values()))
    kept.start()
    assert backups.call("PUT", f"/v1/{kind}/bandwidth", {})[0] == 202
    backups.done(kind)


def at(phase: str) -> Callable[[Any], bool]:
    """Whether any node is at work in a phase."""
    return lambda told: any(
        (node["phase"], node["status"]) == (phase, "IN_PROGRESS") for node in told["nodes"].values()
    )


def test_backups_go_by_their_number_and_by_their_age(backups: Backups, before: Digests) -> None:
    for name in ("first", "second"):
        backups.order("/v1/backup/start", name)
        backups.done("backup")
    had = backups.names()
    assert had[-2:] == ["first", "second"]
    deleted(backups, keep_last=1, keep_days=1)
    assert backups.names() == had
    deleted(backups, keep_last=2)
    assert backups.names() == ["first", "second"]
    deleted(backups, keep_days=0.00001)
    assert backups.names() == []


def deleted(backups: Backups, **kept: Any) -> None:
    status, told = backups.call("PUT", "/v1/backups/delete", backups.body(**kept))
    assert status == 202, told
    backups.done("delete")
