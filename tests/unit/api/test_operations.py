"""Maintenance through the API: what is taken, what is refused before anything starts, what is told."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.maintenance import RepairOptions
from scheduler.model.event import StartOperation, StopOperation
from tests.unit.api.service import MemoryService, client, deployed

ALL = {"nodes": ["*"]}
EVERYTHING = {"my_keyspace": ("my_cf_1", "my_cf_w"), "other": ("my_cf_1", "t")}


@pytest.fixture
def service() -> MemoryService:
    return deployed()


def put(service: MemoryService, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    answer = client(service).put(path, json=body) if body is not None else client(service).put(path)
    return answer.status_code, answer.get_json()


def get(service: MemoryService, path: str) -> dict[str, Any]:
    answer = client(service).get(path)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.mark.parametrize("kind", ["cleanup", "repair", "upgradesstables"])
def test_an_operation_is_started_on_all_tables_of_the_users(service: MemoryService, kind: str) -> None:
    assert put(service, f"/v1/{kind}/start", ALL) == (202, {"status": "started", "message": ""})
    assert service.commands == [StartOperation(kind, None, EVERYTHING)]


@pytest.mark.parametrize("nodes", [["node-2", "node-0"], ["2", "0"], [2, 0]])
def test_nodes_are_named_or_numbered(service: MemoryService, nodes: list[object]) -> None:
    assert put(service, "/v1/cleanup/start", {"nodes": nodes})[0] == 202
    assert service.commands == [StartOperation("cleanup", (2, 0), EVERYTHING)]


@pytest.mark.parametrize(
    ("fields", "tables"),
    [
        ({"key_spaces": ["other"]}, {"other": ("my_cf_1", "t")}),
        ({"column_families": ["my_cf_1"]}, {"my_keyspace": ("my_cf_1",), "other": ("my_cf_1",)}),
        ({"key_spaces": ["other", "my_keyspace"], "column_families": ["t"]}, {"other": ("t",)}),
        ({"key_spaces": ["system_auth"]}, {"system_auth": ("roles",)}),
    ],
)
def test_tables_apply_in_each_named_keyspace_that_has_them(
    service: MemoryService, fields: dict[str, Any], tables: dict[str, tuple[str, ...]]
) -> None:
    assert put(service, "/v1/cleanup/start", {**ALL, **fields})[0] == 202
    assert service.commands == [StartOperation("cleanup", None, tables)]


def test_repair_takes_its_options(service: MemoryService) -> None:
    options = {
        "incremental": True,
        "parallelism": "dc_parallel",
        "segments_per_node": 64,
        "intensity": 0.5,
    }
    assert put(service, "/v1/repair/start", {**ALL, **options})[0] == 202
    wanted = RepairOptions(True, "dc_parallel", 64, 0.5)
    assert service.commands == [StartOperation("repair", None, EVERYTHING, wanted)]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "nodes", "nodes must be a list"),
        ({"nodes": []}, "nodes", "nodes must be a list"),
        ({"nodes": "*"}, "nodes", "nodes must be a list"),
        ({"nodes": ["node-9"]}, "nodes", "there is no node node-9"),
        ({"nodes": [True]}, "nodes", "there is no node True"),
        ({"nodes": [{}]}, "nodes", "there is no node {}"),
        ({"nodes": ["*", "node-0"]}, "nodes", "goes alone"),
        ({"nodes": ["node-0", "0"]}, "nodes", "twice"),
        ({**ALL, "key_spaces": "ks1"}, "key_spaces", "key_spaces must be a list"),
        ({**ALL, "key_spaces": []}, "key_spaces", "key_spaces must be a list"),
        ({**ALL, "key_spaces": [1]}, "key_spaces", "key_spaces must be a list"),
        ({**ALL, "key_spaces": ["nope"]}, "key_spaces", "there is no keyspace nope"),
        ({**ALL, "key_spaces": ["system"]}, "key_spaces", "each node's own"),
        ({**ALL, "column_families": "t"}, "column_families", "column_families must be a list"),
        ({**ALL, "column_families": ["nope"]}, "column_families", "there is no table nope"),
        ({**ALL, "column_families": ["roles"]}, "column_families", "there is no table roles"),
        ({**ALL, "nodess": 1}, "nodess", "has no field nodess"),
        ({**ALL, "intensity": 0.5}, "intensity", "cleanup has no field intensity"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_started(
    service: MemoryService, body: dict[str, Any], field: str, words: str
) -> None:
    status, answer = put(service, "/v1/cleanup/start", body)
    assert status == 400
    assert words in answer["message"]
    assert [error["field"] for error in answer["errors"]] == [field]
    assert service.commands == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("incremental", "yes"),
        ("parallelism", "fast"),
        ("parallelism", ["parallel"]),
        ("segments_per_node", -1),
        ("segments_per_node", 1.5),
        ("segments_per_node", True),
        ("intensity", 0),
        ("intensity", 1.1),
        ("intensity", "1"),
    ],
)
def test_options_of_repair_are_checked(service: MemoryService, name: str, value: object) -> None:
    status, answer = put(service, "/v1/repair/start", {**ALL, name: value})
    assert (status, answer["errors"][0]["field"]) == (400, name)
    assert service.commands == []


def test_upgrades_may_name_a_keyspace_that_each_node_has_of_its_own(service: MemoryService) -> None:
    assert put(service, "/v1/upgradesstables/start", {**ALL, "key_spaces": ["system"]})[0] == 202


def test_keyspaces_without_a_table_leave_nothing_to_do(service: MemoryService) -> None:
    status, answer = put(service, "/v1/cleanup/start", {**ALL, "key_spaces": ["empty"]})
    assert (status, "nothing to do" in answer["message"]) == (400, True)


def test_nothing_starts_where_no_node_tells_which_keyspaces_there_are(service: MemoryService) -> None:
    service.silent_nodes = True
    status, answer = put(service, "/v1/cleanup/start", ALL)
    assert (status, answer["message"]) == (503, "node-0 did not answer within 3 s")


def test_a_running_operation_keeps_others_out(service: MemoryService) -> None:
    put(service, "/v1/cleanup/start", ALL)
    for kind in ("cleanup", "repair"):
        status, answer = put(service, f"/v1/{kind}/start", ALL)
        assert status == 409
        assert "cleanup has been running since" in answer["message"]


def test_stop_says_what_else_it_ends(service: MemoryService) -> None:
    assert put(service, "/v1/repair/stop")[0] == 409
    put(service, "/v1/repair/start", ALL)
    status, answer = put(service, "/v1/repair/stop")
    assert status == 202
    assert "begun by hand" in answer["message"]
    assert service.commands[-1] == StopOperation("repair")


def test_status_tells_of_the_newest_operation_of_the_kind(service: MemoryService) -> None:
    assert get(service, "/v1/cleanup/status")["status"] == "none"
    put(service, "/v1/cleanup/start", {"nodes": ["node-1"]})
    told = get(service, "/v1/cleanup/status")
    assert (told["kind"], told["status"], list(told["nodes"])) == ("cleanup", "running", ["node-1"])
    assert told["nodes"]["node-1"]["phase"] == "Cleanup"
    assert told["nodes"]["node-1"]["waiting_for"].startswith("an offer of the slot")
    assert told["progress"] == {"percent": 0.0, "done": 0, "nodes_done": 0, "nodes_total": 1}
    put(service, "/v1/cleanup/stop")
    assert get(service, "/v1/cleanup/status")["status"] == "stopped"


def test_operations_are_listed_the_newest_first_and_found_by_id(service: MemoryService) -> None:
    for kind in ("cleanup", "repair"):
        put(service, f"/v1/{kind}/start", ALL)
        put(service, f"/v1/{kind}/stop")
    listed: Any = get(service, "/v1/operations")
    assert [one["kind"] for one in listed] == ["repair", "cleanup"]
    assert get(service, f"/v1/operations/{listed[1]['id']}")["kind"] == "cleanup"
    assert client(service).get("/v1/operations/nope").status_code == 404


def test_the_operation_has_a_plan_that_can_be_commanded(service: MemoryService) -> None:
    assert client(service).get("/v1/plans/repair").status_code == 404
    put(service, "/v1/repair/start", ALL)
    answer = client(service).get("/v1/plans/repair")
    assert answer.status_code == 202
    phase = answer.get_json()["phases"][0]
    assert phase["name"] == "Repair"
    assert [step["name"] for step in phase["steps"]] == [f"repair-node-{n}" for n in range(3)]
    assert put(service, "/v1/plans/repair/interrupt")[0] == 200
    assert client(service).get("/v1/plans/repair").get_json()["interrupted"]
    assert put(service, "/v1/plans/repair/continue")[0] == 200
    assert put(service, "/v1/plans/repair/forceComplete?phase=Repair&step=repair-node-0")[0] == 200
    assert client(service).get("/v1/plans").get_json() == ["deploy", "recovery", "repair"]
