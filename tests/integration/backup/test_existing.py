"""A hundred tables that were truncated: brought back into their cluster, and once it has another size."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.backup import whole
from tests.integration.backup.conftest import Backups, content, everything_on, processes
from tests.integration.backup.objects import Objects

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

NO_ROWS = (0, whole.of_rows([])[1])
NODE_MB, EXECUTOR_MB, SLOT_MB = 768, 256, 512
"""What a node of the one-machine cluster has, its executor, and what is kept for maintenance."""

KINDS = {"executor.pyz": "executor", "org.apache.cassandra.service.CassandraDaemon": "cassandra"}
"""What a process is by a word of its command line."""


def test_truncated_tables_are_back_and_so_they_are_once_three_nodes_have_become_four(
    tmp_path: Path, store: str
) -> None:
    with everything_on(tmp_path / "data", store) as backups:
        with backups.session() as session:
            before, _ = whole.written(session)
        backups.order("/v1/backup/start", "whole")
        backups.done("backup")
        truncated(backups)
        with backups.session() as session:
            whole.make_again(session, whole.PLAIN[0])
        nothing_damaged_is_taken_in(backups, Objects(store))
        backups.order("/v1/restore/start", "whole", restore_type="existing")
        backups.done("restore")
        all_is_as(backups, before)
        done = backups.local.command("restart", "scheduler", "--nodes", "4")
        assert done.returncode == 0, done.stderr
        backups.all_up(4)
        status, told = backups.call("PUT", "/v1/restore/start", backups.body("whole"))
        assert (status, "restore_type existing" in told["message"]) == (409, True)
        truncated(backups)
        with memory(backups) as most:
            backups.order("/v1/restore/start", "whole", restore_type="existing")
            backups.done("restore")
        all_is_as(backups, before)
        assert 0 < most["executor"] <= EXECUTOR_MB, most
        assert most["cassandra"] > 0
        assert most["executor"] + most["cassandra"] <= NODE_MB + EXECUTOR_MB + SLOT_MB, most


def truncated(backups: Backups) -> None:
    """Take all rows away."""
    with backups.session() as session:
        whole.truncate(session)


def all_is_as(backups: Backups, before: dict[str, tuple[int, str]]) -> None:
    """Compare what is there with what was."""
    with backups.session() as session:
        assert whole.digest(session) == before


def nothing_damaged_is_taken_in(backups: Backups, objects: Objects) -> None:
    """A flipped bit ends a check and a restore with the object's name, and no table gets a row."""
    key = objects.largest()
    with objects.flipped(key):
        backups.order("/v1/backup/verify", "whole")
        assert objects.name(key) in backups.failed("verify")
        backups.order("/v1/restore/start", "whole", restore_type="existing")
        assert objects.name(key) in backups.failed("restore")
    with backups.session() as session:
        found = whole.digest(session)
    assert {found[table] for table in (*whole.LARGE, *whole.PLAIN)} == {NO_ROWS}
    backups.order("/v1/backup/verify", "whole")
    backups.done("verify")


@contextmanager
def memory(backups: Backups) -> Iterator[dict[str, float]]:
    """The most that any executor and any Cassandra have resident meanwhile, in MB."""
    most = dict.fromkeys(KINDS.values(), 0.0)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.3):
            for process in processes(backups.local.data):
                kind, resident = looked_at(process)
                most[kind] = max(most.get(kind, 0.0), resident)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()
        log.info("most memory, in MB: %s", {kind: round(resident) for kind, resident in most.items()})


def looked_at(process: Path) -> tuple[str, float]:
    """What a process is, and what it has resident in MB."""
    words = content(process / "cmdline").decode().split("\0")
    kind = next((name for word, name in KINDS.items() if word in words), "other")
    resident = [line.split()[1] for line in content(process / "status").splitlines() if b"VmRSS" in line]
    return kind, float(resident[0]) / 1000 if resident else 0.0
