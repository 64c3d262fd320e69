"""A cluster that is gone, a hundred tables and its roles, brought back into a new one."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from cassandra import Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import NoHostAvailable

from tests.integration.backup import whole
from tests.integration.backup.conftest import Backups, everything_on

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

SLOW = 0.8
"""Megabytes a second: some of the files of each node are there before the others."""


def test_a_hundred_tables_and_all_roles_are_back_in_a_new_cluster_whoever_dies_meanwhile(
    tmp_path: Path, store: str
) -> None:
    with everything_on(tmp_path / "old", store) as old:
        with old.session() as session:
            before, roles = whole.written(session)
        old.order("/v1/backup/start", "whole")
        old.done("backup")
        backed_up_with_another_table_of_the_same_name(old)
    with everything_on(tmp_path / "new", store) as new:
        deaths_and_a_stop_before_the_point_of_no_return_lead_back(new)
        deaths_after_it_only_delay(new)
        everything_is_back(new, before, roles)
        the_cluster_is_one_like_any_other(new)


def backed_up_with_another_table_of_the_same_name(old: Backups) -> None:
    """The older backup stays as it was, every object of it."""
    with old.session() as session:
        whole.make_again(session, whole.PLAIN[0])
        table = f"{whole.KEYSPACE}.{whole.PLAIN[0]}"
        session.execute(f"INSERT INTO {table} (part, id, note) VALUES (0, 0, 'other')")
    old.order("/v1/backup/start", "second")
    old.done("backup")
    old.order("/v1/backup/verify", "whole")
    old.done("verify")


def deaths_and_a_stop_before_the_point_of_no_return_lead_back(new: Backups) -> None:
    """Scheduler, executor and agent die while the data come; what had come stays; a stop undoes it all."""
    tokens = ring(new)
    new.order("/v1/restore/start", "whole", bandwidth_mb_per_second=SLOW)
    new.until("/v1/restore/status", lambda told: all(staged(new, node) for node in range(3)))
    held = [staged(new, node) for node in range(3)]
    new.kill_agent(2)
    new.kill_executor(0)
    new.kill_scheduler()
    new.until(
        "/v1/restore/status",
        lambda told: all(len(staged(new, node)) > len(held[node]) for node in range(3)),
    )
    for node in range(3):
        after = staged(new, node)
        assert {path: after[path] for path in held[node]} == held[node]
    assert new.call("PUT", "/v1/restore/stop")[0] == 202
    new.until("/v1/restore/status", lambda told: told["status"] == "stopped")
    new.all_up(3)
    nothing_is_set_aside(new)
    assert ring(new) == tokens
    with new.session() as session:
        found = session.execute("SELECT keyspace_name FROM system_schema.tables")
        assert whole.KEYSPACE not in {row.keyspace_name for row in found}


def deaths_after_it_only_delay(new: Backups) -> None:
    """Past the point of no return there is no stop, and whoever dies is waited for."""
    new.order("/v1/restore/start", "whole")
    new.until("/v1/restore/status", lambda told: told["nodes"]["node-1"]["phase"] == "Restore")
    new.kill_scheduler()
    status, told = new.call("PUT", "/v1/restore/stop")
    assert (status, "only goes forward" in told["message"]) == (409, True)
    new.kill_executor(0)
    new.kill_agent(0)
    new.until("/v1/restore/status", lambda told: told["nodes"]["node-0"]["status"] == "COMPLETE")
    new.kill_executor(1)
    new.kill_agent(2)
    new.kill_scheduler()
    new.kill_executor(0)
    new.done("restore")
    new.all_up(3)
    nothing_is_set_aside(new)


def everything_is_back(new: Backups, before: Any, roles: Any) -> None:
    """Rows, views, indexes, counters, functions, roles, passwords and permissions."""
    with new.session() as session:
        assert whole.digest(session) == before
        assert whole.roles(session) == roles
        left = session.execute(f"SELECT TTL(note) AS left FROM {whole.KEYSPACE}.later")
        assert all(0 < row.left <= 864000 for row in left)
    reader = dataclasses.replace(new, login=PlainTextAuthProvider(whole.READER, whole.PASSWORD))
    with reader.session() as session:
        assert (
            session.execute(f"SELECT name FROM {whole.KEYSPACE}.people WHERE id = 7").one().name == "name 7"
        )
        with pytest.raises(Unauthorized):
            session.execute(f"INSERT INTO {whole.KEYSPACE}.people (id) VALUES (1)")
    stranger = dataclasses.replace(new, login=PlainTextAuthProvider(whole.READER, "guessed"))
    with pytest.raises(NoHostAvailable), stranger.session():
        pass


def the_cluster_is_one_like_any_other(new: Backups) -> None:
    """It is written to, restarted and backed up."""
    with new.session() as session:
        session.execute(f"INSERT INTO {whole.KEYSPACE}.people (id, name) VALUES (1000000, 'new')")
    assert new.call("PUT", "/v1/nodes/restart?node=1")[0] == 200
    new.all_up(3)
    new.order("/v1/backup/start", "again")
    new.done("backup")


def staged(new: Backups, node: int) -> dict[Path, tuple[int, int]]:
    """Files of the large tables that a restore has brought whole: which file on disk, and when written."""
    found = new.volume(node).glob("restore/*/*/*/large*-*/*-Data.db")
    stats = ((path, path.stat()) for path in found)
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats if stat.st_size}


def nothing_is_set_aside(new: Backups) -> None:
    """Wait until no volume has anything left of a restore."""
    deadline = time.monotonic() + 120
    while left := list(new.local.data.glob("agent-*/volumes/roles/*/*/restore/*")):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def ring(new: Backups) -> dict[str, Any]:
    """The tokens of each node by its address."""
    found = {}
    for host in (new.host(node) for node in range(3)):
        with new.session(host, consistency=1) as session:
            row = session.execute("SELECT host_id, tokens FROM system.local").one()
            found[host] = (row.host_id, sorted(row.tokens))
    return found
