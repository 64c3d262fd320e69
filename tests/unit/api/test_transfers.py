"""Backups through the API: what is taken, what is refused before any node does anything, what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.backup import Ask, Checked, Keys, Place, Row
from protocol.schema import Schema
from scheduler.model.event import LimitTransfer, StartTransfer, StopOperation
from scheduler.model.operation import Transfer
from tests.unit.api.service import MemoryService, client, deployed
from tests.unit.api.test_operations import get, put

BODY = {
    "backup_name": "nightly",
    "external_location": "s3://bucket/prefix",
    "s3_access_key": "canary-access",
    "s3_secret_key": "canary-secret",
}
KEYS = Keys("canary-access", "canary-secret")
PLACE = Place("s3://bucket/prefix")
STARTED = {"status": "started", "message": ""}


@pytest.fixture
def service() -> MemoryService:
    found = deployed()
    found.there = {"old": Checked(found=True, nodes=3), "smaller": Checked(found=True, nodes=2)}
    return found


def test_a_backup_is_started_with_the_payload_of_the_reference(service: MemoryService) -> None:
    assert put(service, "/v1/backup/start", BODY) == (202, STARTED)
    assert service.commands == [StartTransfer("backup", Transfer("nightly", PLACE), KEYS)]
    assert service.asked == [Ask(PLACE, KEYS, "nightly", write=True)]


def test_a_dry_run_shows_the_plan_and_writes_nowhere(service: MemoryService) -> None:
    status, told = put(service, "/v1/backup/start?dry_run=true", BODY)
    assert (status, told["plan"]["phases"][0]["name"], service.commands) == (200, "Snapshot", [])
    assert service.asked == [Ask(PLACE, KEYS, "nightly", write=False)]
    assert "canary" not in str(told)


def test_without_keys_the_nodes_use_their_own(service: MemoryService) -> None:
    body = {name: BODY[name] for name in ("backup_name", "external_location")}
    assert put(service, "/v1/backup/start", body)[0] == 202
    transfer = Transfer("nightly", PLACE, own_credentials=True)
    assert service.commands == [StartTransfer("backup", transfer, None)]


def test_further_fields_say_where_and_how_fast(service: MemoryService) -> None:
    more = {
        "s3_region": "eu-central-1",
        "uses_emc": True,
        "bandwidth_mb_per_second": 20,
        "s3_session_token": "t",
    }
    assert put(service, "/v1/backup/start", {**BODY, **more})[0] == 202
    place = replace(PLACE, region="eu-central-1", path_style=True)
    transfer = Transfer("nightly", place, bytes_per_second=20e6)
    assert service.commands == [StartTransfer("backup", transfer, replace(KEYS, token="t"))]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"backup_name": None}, "backup_name", "is missing"),
        ({"backup_name": "../x"}, "backup_name", "letters, digits"),
        ({"backup_name": ".."}, "backup_name", "letters, digits"),
        ({"backup_name": ["a"]}, "backup_name", "must be a text"),
        ({"external_location": None}, "external_location", "is missing"),
        ({"external_location": "ftp://bucket"}, "external_location", "must be of the form"),
        ({"external_location": "http://169.254.169.254/bucket"}, "external_location", "link-local"),
        ({"external_location": "http://user:pw@host/bucket"}, "external_location", "must hold no login"),
        ({"s3_secret_key": None}, "s3_secret_key", "give both keys"),
        ({"s3_secret_key": "canary\nsecret"}, "s3_secret_key", "must be a text"),
        ({"s3_secret_key": 7}, "s3_secret_key", "must be a text"),
        ({"uses_emc": "yes"}, "uses_emc", "true or false"),
        ({"bandwidth_mb_per_second": -1}, "bandwidth_mb_per_second", "must be a number"),
        ({"azure_account": "a"}, "azure_account", "has no field azure_account"),
        ({"restore_type": "new"}, "restore_type", "has no field restore_type"),
    ],
)
def test_a_wrong_field_is_named_and_no_secret_is_repeated(
    service: MemoryService, changes: dict[str, Any], field: str, words: str
) -> None:
    status, told = put(service, "/v1/backup/start", {**BODY, **changes})
    assert (status, told["errors"][0]["field"]) == (400, field)
    assert words in told["message"]
    assert "canary" not in str(told)
    assert service.asked == []


def test_a_name_that_is_taken_and_a_place_that_cannot_be_used_are_refused_at_once(
    service: MemoryService,
) -> None:
    status, told = put(service, "/v1/backup/start", {**BODY, "backup_name": "old"})
    assert (status, told["message"][:24]) == (409, "there is a backup old at")
    service.problem = "the store does not know this access key"
    assert put(service, "/v1/backup/start", BODY) == (400, {"message": service.problem})
    service.silent_nodes = True
    assert put(service, "/v1/backup/start", BODY)[0] == 503
    assert service.commands == []


def test_a_restore_is_into_a_new_cluster_where_nothing_else_is_said(service: MemoryService) -> None:
    status, told = put(service, "/v1/restore/start", {**BODY, "backup_name": "old"})
    assert (status, "needs an empty one" in told["message"]) == (409, True)
    service.schemas = Schema({})
    assert put(service, "/v1/restore/start", {**BODY, "backup_name": "old"}) == (202, STARTED)
    assert service.commands == [StartTransfer("restore", Transfer("old", PLACE, "new"), KEYS)]


@pytest.mark.parametrize(
    ("more", "transfer"),
    [
        ({}, {}),
        ({"key_spaces": ["ks"]}, {"keyspaces": ("ks",)}),
        ({"column_families": ["ks.t"]}, {"tables": ("ks.t",)}),
        (
            {"key_spaces": ["a", "b"], "column_families": ["t"]},
            {"keyspaces": ("a", "b"), "tables": ("a.t", "b.t")},
        ),
    ],
)
def test_a_restore_into_the_existing_cluster_may_be_of_parts(
    service: MemoryService, more: dict[str, Any], transfer: dict[str, Any]
) -> None:
    body = {**BODY, "backup_name": "old", "restore_type": "existing", **more}
    assert put(service, "/v1/restore/start", body) == (202, STARTED)
    wanted = replace(Transfer("old", PLACE, "existing"), **transfer)
    assert service.commands == [StartTransfer("restore", wanted, KEYS)]


def test_what_cannot_be_restored_is_refused_before_anything_starts(service: MemoryService) -> None:
    body = {**BODY, "restore_type": "existing"}
    assert put(service, "/v1/restore/start", body)[0] == 404
    service.schemas = Schema({})
    assert put(service, "/v1/restore/start", {**body, "column_families": ["t"]})[0] == 400
    assert put(service, "/v1/restore/start", {**BODY, "key_spaces": ["ks"]})[0] == 400


LIKE = Checked(found=True, nodes=3, racks=("dc1/rac1",) * 3, num_tokens=16, partitioner="Murmur3Partitioner")
UNLIKE = [
    (replace(LIKE, nodes=2, racks=LIKE.racks[:2]), "has 2 nodes and this cluster 3", "NODES=2"),
    (replace(LIKE, racks=(*LIKE.racks[:2], "dc1/b")), "has 1 in dc1/b, 2 in dc1/rac1", "deploy it so"),
    (replace(LIKE, num_tokens=8), "have 8 tokens each and these 16", "CASSANDRA_NUM_TOKENS=8"),
]


@pytest.mark.parametrize(("found", "words", "advice"), UNLIKE)
def test_the_files_of_another_ring_are_refused_with_what_to_do_and_their_rows_are_loaded(
    service: MemoryService, found: Checked, words: str, advice: str
) -> None:
    service.there, service.schemas = {"old": found}, Schema({})
    status, told = put(service, "/v1/restore/start", {**BODY, "backup_name": "old"})
    assert status == 409
    for part in (words, advice, "or give restore_type existing, which loads the rows into any ring"):
        assert part in told["message"]
    body = {**BODY, "backup_name": "old", "restore_type": "existing"}
    assert put(service, "/v1/restore/start", body) == (202, STARTED)


@pytest.mark.parametrize("restore_type", ["new", "existing"])
def test_another_partitioner_is_refused_however_the_rows_were_to_come(
    service: MemoryService, restore_type: str
) -> None:
    service.there = {"old": replace(LIKE, partitioner="RandomPartitioner")}
    service.schemas = Schema({})
    body = {**BODY, "backup_name": "old", "restore_type": restore_type}
    status, told = put(service, "/v1/restore/start", body)
    assert (status, "CASSANDRA_PARTITIONER=RandomPartitioner" in told["message"]) == (409, True)


def test_the_files_of_a_ring_like_this_one_are_taken(service: MemoryService) -> None:
    service.there, service.schemas = {"old": LIKE}, Schema({})
    assert put(service, "/v1/restore/start", {**BODY, "backup_name": "old"}) == (202, STARTED)


def test_while_one_runs_the_same_order_brings_credentials_and_another_is_refused(
    service: MemoryService,
) -> None:
    put(service, "/v1/backup/start", BODY)
    assert put(service, "/v1/backup/start", BODY) == (202, STARTED)
    assert len(service.asked) == 1
    status, told = put(service, "/v1/backup/start", {**BODY, "backup_name": "other"})
    assert (status, "backup has been running" in told["message"]) == (409, True)


def test_it_is_watched_limited_and_stopped(service: MemoryService) -> None:
    put(service, "/v1/backup/start", BODY)
    told = get(service, "/v1/backup/status")
    assert (told["kind"], told["name"], told["status"]) == ("backup", "nightly", "running")
    assert told["nodes"]["node-0"]["phase"] == "Snapshot"
    assert told["progress"]["bytes_total"] == 0
    assert "canary" not in str(told) + str(get(service, "/v1/operations"))
    assert put(service, "/v1/backup/bandwidth", {"bandwidth_mb_per_second": 2})[0] == 202
    assert put(service, "/v1/backup/stop")[0] == 202
    assert service.commands[-2:] == [LimitTransfer("backup", 2e6), StopOperation("backup")]


def test_backups_are_listed_checked_and_deleted(service: MemoryService) -> None:
    service.rows = (Row("old", "2026-01-05T10:00:00Z", "c", 7, 9, 3),)
    place = {name: BODY[name] for name in BODY if name != "backup_name"}
    status, told = put(service, "/v1/backups/list", place)
    assert (status, told["backups"][0]["name"], told["backups"][0]["bytes"]) == (200, "old", 9)
    assert put(service, "/v1/backup/verify", {**BODY, "backup_name": "old"})[0] == 202
    put(service, "/v1/verify/stop")
    assert service.commands[0] == StartTransfer("verify", Transfer("old", PLACE), KEYS)
    assert put(service, "/v1/backups/delete", BODY)[0] == 404


def test_a_deletion_may_be_by_count_and_age(service: MemoryService) -> None:
    place = {name: BODY[name] for name in BODY if name != "backup_name"}
    assert put(service, "/v1/backups/delete", {**place, "keep_last": 7, "keep_days": 30})[0] == 202
    assert service.commands == [
        StartTransfer("delete", Transfer("", PLACE, keep_last=7, keep_days=30.0), KEYS)
    ]
    for wrong in ({"keep_last": 0}, {"keep_days": -1}, {"keep_last": 1, "backup_name": "x"}, {}):
        assert put(service, "/v1/backups/delete", {**place, **wrong})[0] == 400


def test_the_service_has_a_place_of_its_own_where_that_is_set(service: MemoryService, tmp_path: Path) -> None:
    assert client(service).get("/v1/backups").status_code == 503
    file = tmp_path / "credentials"
    service.settings = replace(
        service.settings, backup_location="s3://bucket/prefix", backup_credentials_file=str(file)
    )
    assert client(service).get("/v1/backups").status_code == 503
    file.write_text("[default]\naws_access_key_id = canary-access\naws_secret_access_key = canary-secret\n")
    assert get(service, "/v1/backups")["backups"] == []
    assert service.asked == [Ask(PLACE, KEYS)]
    assert client(service).delete("/v1/backups/old").status_code == 202
    wanted = StartTransfer("delete", Transfer("old", PLACE, names=("old",)), KEYS)
    assert service.commands == [wanted]
    assert client(service).delete("/v1/backups/.x").status_code == 400
