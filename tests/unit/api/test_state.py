"""Health, readiness, configuration, artifacts: what monitors and agents ask."""

from dataclasses import replace
from pathlib import Path

from tests.unit.api.service import MemoryService, client, deployed

PASSWORD = "hunter2"


def test_health_is_200_while_serving_and_503_with_the_reason_before() -> None:
    assert client(deployed()).get("/v1/health").status_code == 200
    answer = client(MemoryService(unread="connecting to ZooKeeper")).get("/v1/health")
    assert answer.status_code == 503
    assert answer.json["message"] == "connecting to ZooKeeper"
    assert answer.json["zookeeper"] == "connecting"


def test_health_counts_the_nodes() -> None:
    service = deployed()
    service.cluster.update(2, "TASK_FAILED")
    body = client(service).get("/v1/health").json
    assert (body["nodes_up"], body["nodes_expected"]) == (2, 3)


def test_the_predecessors_health_check_has_their_form() -> None:
    answer = client(deployed()).get("/admin/healthcheck")
    assert answer.status_code == 200
    assert answer.json["registered"] == {"healthy": True}
    assert answer.json["serverCount"] == {"healthy": True, "message": "3 of 3 nodes are up"}
    assert client(deployed()).get("/admin/ping").text == "pong\n"


def test_nodes_that_are_down_are_no_reason_to_restart_the_scheduler() -> None:
    service = deployed()
    service.cluster.update(2, "TASK_FAILED")
    answer = client(service).get("/admin/healthcheck")
    assert answer.status_code == 200
    assert answer.json["serverCount"]["healthy"] is False


def test_ready_once_the_deploy_plan_is_complete() -> None:
    assert client(deployed()).get("/v1/ready").status_code == 200
    waiting = client(MemoryService()).get("/v1/ready")
    assert (waiting.status_code, waiting.json["ready"]) == (503, False)
    assert "/v1/plan" in waiting.json["message"]


def test_the_framework_is_told_once_it_has_an_id() -> None:
    assert client(MemoryService()).get("/v1/state/frameworkId").status_code == 404
    http = client(deployed())
    assert http.get("/v1/state/frameworkId").json == ["F1"]
    assert http.get("/v1/framework").json["role"] == "cassandra-role"


def test_properties_are_listed_and_read_one_by_one() -> None:
    http = client(deployed())
    assert http.get("/v1/state/properties").json == ["forced", "founder", "interrupted"]
    assert http.get("/v1/state/properties/founder").json == "node-0"
    assert http.get("/v1/state/properties/secret").status_code == 404


def test_the_configuration_in_force_is_shown() -> None:
    http = client(deployed())
    assert http.get("/v1/config/nodes").json == 3
    assert http.get("/v1/config/seed-nodes").json == 2
    assert http.get("/v1/config/cassandra").json["heap"] == {"size_mb": 2048, "new_mb": 100, "gc_type": "G1"}
    assert http.get("/v1/config/executor").json["cpus"] == 0.1
    assert http.get("/v1/config").json["cassandra"] == http.get("/v1/config/cassandra").json


def test_no_answer_holds_a_secret() -> None:
    service = deployed()
    world = service.cluster.world
    target = world.ledger.target
    cassandra = replace(
        target.node.cassandra,
        uri=f"https://user:{PASSWORD}@host/cassandra.tgz",
        jvm_extra_opts=f"-Dx=1 -Djavax.net.ssl.keyStorePassword={PASSWORD}",
        yaml={"client_encryption_options": {"keystore_password": PASSWORD}},
    )
    node = replace(target.node, cassandra=cassandra)
    settings = replace(world.settings, zookeeper_auth=f"user:{PASSWORD}", node=node)
    ledger = replace(world.ledger, target=replace(target, node=node))
    service.cluster.world = replace(world, ledger=ledger, settings=settings)
    http = client(service)
    rules = [rule.rule for rule in http.application.url_map.iter_rules() if not rule.arguments]
    texts = {rule: http.get(rule).text for rule in rules}
    assert "user" in texts["/v1/framework"]
    assert [rule for rule, text in texts.items() if PASSWORD in text] == []


def test_an_artifact_is_served_whole_and_may_be_kept_for_ever(tmp_path: Path) -> None:
    bundle = tmp_path / "executor.pyz"
    bundle.write_bytes(bytes(range(256)) * 1000)
    service = MemoryService(unread="no ZooKeeper yet", artifacts={("ab12", "executor.pyz"): bundle})
    answer = client(service).get("/v1/artifacts/ab12/executor.pyz")
    assert (answer.status_code, answer.data) == (200, bundle.read_bytes())
    assert "immutable" in answer.headers["Cache-Control"]
    answer.close()


def test_an_artifact_that_is_not_there_is_404(tmp_path: Path) -> None:
    service = MemoryService(artifacts={("ab12", "gone"): tmp_path / "gone"})
    for path in ("ab12/gone", "ab12/other", "cd34/gone", "ab12/..%2f..%2fetc%2fpasswd"):
        assert client(service).get(f"/v1/artifacts/{path}").status_code == 404
