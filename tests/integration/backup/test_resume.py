"""SIGKILL in the middle of a backup: it goes on where it was, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backup import rows
from tests.integration.backup.conftest import Backups
from tests.integration.backup.test_backup import places_of_the_secret
from tests.integration.conftest import LocalCluster

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

KEYSPACE = "resumed"
SLOW = 0.01
"""Megabytes a second: a backup of a few takes its time."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    local = LocalCluster(tmp_path_factory.mktemp("resumed"))
    try:
        local.up("--nodes", "3")
        yield local
    finally:
        local.down()


@pytest.fixture(scope="module")
def backups(cluster: LocalCluster) -> Backups:
    found = Backups(cluster, cluster.up())
    with found.session() as session:
        rows.make(session, KEYSPACE)
        rows.fill(session, KEYSPACE, 5000)
    return found


def uploading(told: Any) -> bool:
    return all(
        (node["phase"], node["status"]) == ("Upload", "IN_PROGRESS") for node in told["nodes"].values()
    )


def begin_slowly(backups: Backups, name: str) -> None:
    backups.order("/v1/backup/start", name, bandwidth_mb_per_second=SLOW)
    backups.until("/v1/backup/status", uploading)


def hurry(backups: Backups) -> None:
    assert backups.call("PUT", "/v1/backup/bandwidth", {})[0] == 202


def test_without_a_key_to_store_them_with_a_new_leader_waits_for_credentials(backups: Backups) -> None:
    begin_slowly(backups, "leaderless")
    backups.kill_scheduler()
    hurry(backups)
    backups.until("/v1/backup/status", lambda told: "the S3 credentials" in told["message"])
    backups.order("/v1/backup/start", "leaderless")
    backups.done("backup")
    assert (backups.snapshots(), places_of_the_secret(backups)) == ([], [])


def test_a_key_file_lets_credentials_outlive_a_leader_and_nobody_waits(
    backups: Backups, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("a key that is long enough to be one, and so is not refused\n")
    backups.set(SECRETS_KEY_FILE=str(key))
    begin_slowly(backups, "sealed")
    backups.kill_scheduler()
    hurry(backups)
    backups.done("backup")
    assert (backups.snapshots(), places_of_the_secret(backups)) == ([], [])


def test_an_executor_that_is_killed_goes_on_with_the_upload_once_its_node_is_up(backups: Backups) -> None:
    begin_slowly(backups, "beheaded")
    backups.kill_executor(1)
    hurry(backups)
    told = backups.done("backup")
    assert told["nodes"]["node-1"]["status"] == "COMPLETE"
    assert backups.snapshots() == []
    backups.order("/v1/backup/verify", "beheaded")
    backups.done("verify")


def test_an_agent_that_is_killed_and_started_again_finds_the_upload_where_it_was(backups: Backups) -> None:
    begin_slowly(backups, "headless")
    before = steps(backups, "Upload")
    backups.kill_agent(1)
    hurry(backups)
    told = backups.done("backup")
    assert told["nodes"]["node-1"]["status"] == "COMPLETE"
    after = steps(backups, "Upload")
    assert [step["attempts"] for step in after] == [step["attempts"] for step in before] == [1, 1, 1]
    assert [step["started_at"] for step in after] == [step["started_at"] for step in before]
    assert backups.snapshots() == []


def steps(backups: Backups, phase: str) -> Any:
    """The steps of a phase of the plan of a backup."""
    phases = backups.call("GET", "/v1/plans/backup")[1]["phases"]
    return next(found["steps"] for found in phases if found["name"] == phase)


def test_a_stop_leaves_no_snapshot_and_the_name_can_be_used_again(backups: Backups) -> None:
    begin_slowly(backups, "stopped")
    assert backups.call("PUT", "/v1/backup/stop")[0] == 202
    backups.until("/v1/backup/status", lambda told: told["status"] == "stopped")
    assert backups.snapshots() == []
    backups.order("/v1/backup/start", "stopped")
    backups.done("backup")


def test_a_store_that_is_away_is_waited_for(backups: Backups) -> None:
    begin_slowly(backups, "awaited")
    assert backups.local.command("kill", "s3").returncode == 0
    hurry(backups)
    told = backups.until("/v1/backup/status", lambda told: told["nodes"]["node-0"]["waiting_for"])
    assert told["status"] == "running"
    assert backups.call("PUT", "/v1/backup/stop")[0] == 202
    told = backups.until("/v1/backup/status", lambda told: told["status"] != "running")
    assert (told["status"], backups.snapshots()) == ("stopped", [])
    assert backups.local.command("start", "s3").returncode == 0
