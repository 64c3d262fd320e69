"""Nodes, connection, seeds: what a client of the reference expects."""

from dataclasses import replace

import pytest

from protocol.report import NodeStatus, Report, encode_report
from scheduler.model.event import ReplaceNode, RestartNode
from tests.unit.api.service import MemoryService, client, deployed


def test_connection_lists_the_nodes_that_take_cql() -> None:
    answer = client(deployed()).get("/v1/connection")
    addresses = ["10.0.0.1:9042", "10.0.0.2:9042", "10.0.0.3:9042"]
    assert answer.json == {"nodes": addresses, "address": addresses}


def test_a_node_that_does_not_run_or_takes_no_cql_is_not_listed() -> None:
    service = deployed()
    service.cluster.update(0, "TASK_FAILED")
    shut = NodeStatus("NORMAL", True, native_transport_running=False, as_of=service.cluster.now)
    service.cluster.update(1, "TASK_RUNNING", encode_report(Report(shut)))
    assert client(service).get("/v1/connection/address").json == ["10.0.0.3:9042"]


def test_nodes_are_listed_by_number_not_by_letters() -> None:
    service = MemoryService()
    world = service.cluster.world
    nodes = {n: replace(world.ledger.nodes[0], number=n, launches=1) for n in (10, 2, 0)}
    service.cluster.world = replace(world, ledger=replace(world.ledger, nodes=nodes))
    assert client(service).get("/v1/nodes/list").json == ["node-0", "node-2", "node-10"]


def test_connection_has_names_only_where_their_domains_are_configured() -> None:
    service = deployed()
    service.settings = replace(service.settings, dns_suffix="mesos", vip_suffix="l4lb.thisdcos.directory")
    body = client(service).get("/v1/connection").json
    assert body["dns"] == [f"node-{n}.cassandra.mesos:9042" for n in range(3)]
    assert body["vip"] == "node.cassandra.l4lb.thisdcos.directory:9042"
    assert client(service).get("/v1/connection/dns").json == body["dns"]


def test_without_nodes_the_lists_are_empty() -> None:
    http = client(MemoryService())
    assert http.get("/v1/connection").json == {"nodes": [], "address": []}
    assert http.get("/v1/connection/dns").json == []
    assert http.get("/v1/nodes/list").json == []


@pytest.mark.parametrize("name", ["node-1", "1"])
def test_a_node_is_named_either_way(name: str) -> None:
    body = client(deployed()).get(f"/v1/nodes/{name}/info").json
    assert body["name"] == "node-1"
    assert body["state"] == "TASK_RUNNING"
    assert body["operating_mode"] == "NORMAL"
    assert body["slave_id"] == body["agent_id"] == "S2"
    assert (body["hostname"], body["ip"]) == ("host-2", "10.0.0.2")


def test_info_does_not_call_a_dead_node_normal() -> None:
    service = deployed()
    service.cluster.update(1, "TASK_FAILED")
    body = client(service).get("/v1/nodes/1/info").json
    assert (body["state"], body["operating_mode"]) == ("TASK_FAILED", "UNKNOWN")
    assert body["last_failure"]["state"] == "TASK_FAILED"


def test_status_has_every_field_of_the_reference() -> None:
    body = client(deployed()).get("/v1/nodes/node-0/status").json
    assert {
        "mode": "NORMAL",
        "joined": True,
        "native_transport_running": True,
        "gossip_initialized": True,
        "gossip_running": True,
        "endpoint": "10.0.0.1",
    }.items() <= body.items()
    assert {"host_id", "token_count", "data_center", "rack", "version", "load_bytes", "as_of"} <= set(body)


def test_status_of_a_silent_node_is_503_with_what_was_last_known() -> None:
    service = deployed()
    service.silent_nodes = True
    answer = client(service).get("/v1/nodes/0/status")
    assert answer.status_code == 503
    assert (answer.json["mode"], answer.json["endpoint"]) == ("UNKNOWN", "10.0.0.1")
    assert "did not answer" in answer.json["message"]


def test_status_of_a_node_that_was_never_launched_is_409() -> None:
    assert client(MemoryService()).get("/v1/nodes/0/status").status_code == 409


@pytest.mark.parametrize("name", ["node-3", "3", "-1", "node-", "x", "node-٣", "0x0"])
def test_an_unknown_node_is_404(name: str) -> None:
    answer = client(deployed()).get(f"/v1/nodes/{name}/info")
    assert answer.status_code == 404
    assert "/v1/nodes/list" in answer.json["message"]


@pytest.mark.parametrize("node", ["node-1", "1"])
def test_restart_answers_the_task_that_is_killed(node: str) -> None:
    service = deployed()
    task = service.cluster.node(1).task
    answer = client(service).put(f"/v1/nodes/restart?node={node}")
    assert task is not None
    assert (answer.status_code, answer.json) == (200, [task.id])
    assert service.commands == [RestartNode("node-1")]


@pytest.mark.parametrize(
    ("query", "code"), [("node=node-7", 404), ("", 400), ("node=", 400), ("node=1&force=true", 400)]
)
def test_a_restart_that_names_no_node_changes_nothing(query: str, code: int) -> None:
    service = deployed()
    assert client(service).put(f"/v1/nodes/restart?{query}").status_code == code
    assert service.commands == []


def test_a_node_that_was_never_launched_cannot_be_restarted() -> None:
    assert client(MemoryService()).put("/v1/nodes/restart?node=0").status_code == 409


def test_replace_answers_the_task_that_is_given_up() -> None:
    service = deployed()
    task = service.cluster.node(1).task
    assert task is not None
    service.cluster.update(1, "TASK_FAILED")
    service.cluster.normal(0)
    answer = client(service).put("/v1/nodes/replace?node=1")
    assert (answer.status_code, answer.json) == (200, [task.id])
    assert service.commands == [ReplaceNode("node-1")]


def test_replacing_a_node_that_is_up_needs_force() -> None:
    service = deployed()
    http = client(service)
    for query in ("node=1", "node=1&force=false"):
        answer = http.put(f"/v1/nodes/replace?{query}")
        assert answer.status_code == 409
        assert "force=true" in answer.json["message"]
    assert http.put("/v1/nodes/replace?node=1&force=true").status_code == 200
    assert service.commands == [ReplaceNode("node-1", force=True)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("node=9", 404),
        ("", 400),
        ("node=1&force=perhaps", 400),
        ("node=1&when=now", 400),
        ("force=true", 400),
    ],
)
def test_a_replacement_that_cannot_be_read_changes_nothing(query: str, code: int) -> None:
    service = deployed()
    assert client(service).put(f"/v1/nodes/replace?{query}").status_code == code
    assert service.commands == []


def test_a_node_that_was_never_placed_cannot_be_replaced() -> None:
    assert client(MemoryService()).put("/v1/nodes/replace?node=0&force=true").status_code == 409


def test_seeds_are_the_first_nodes_that_have_been_up() -> None:
    assert client(deployed()).get("/v1/seeds").json == {"isSeed": False, "seeds": ["10.0.0.1", "10.0.0.2"]}


def test_the_data_center_names_itself() -> None:
    service = deployed()
    assert client(service).get("/v1/datacenter").json == {
        "data_center": "dc1",
        "url": "http://10.0.0.1:9000/v1/datacenter",
        "seeds": ["10.0.0.1", "10.0.0.2"],
    }
    service.settings = replace(service.settings, dc_url="http://dc1.example/v1/datacenter")
    assert client(service).get("/v1/datacenter").json["url"] == "http://dc1.example/v1/datacenter"
