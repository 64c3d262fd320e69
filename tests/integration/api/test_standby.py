"""An instance that stands by: it answers as the leader does, whom it asks over a real connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api.standby import HOP, SERVED_BY
from scheduler.model.event import Interrupt
from tests.unit.api.service import MemoryService, client, deployed
from tests.unit.cli.served import api, serving

NO_LEADER = "waiting to become leader"


@pytest.fixture
def leader() -> MemoryService:
    return deployed()


@pytest.fixture
def url(leader: MemoryService) -> Iterator[str]:
    with serving(api(leader)) as address:
        yield address


@pytest.fixture
def standby(url: str) -> FlaskClient:
    return client(MemoryService(unread=NO_LEADER, leader=url))


READS = ["/v1/plan", "/v1/plans/recovery", "/v1/nodes/node-1/info", "/v1/connection", "/admin/healthcheck"]


@pytest.mark.parametrize(
    "path", [*READS, "/v1/nothing", "/v1/nodes/node-9/info", "/v1/state/properties/a%2Fb"]
)
def test_a_call_is_answered_as_the_leader_answers_it(
    standby: FlaskClient, leader: MemoryService, url: str, path: str
) -> None:
    direct, passed = client(leader).get(path), standby.get(path)
    assert (passed.status_code, passed.json) == (direct.status_code, direct.json)
    assert passed.headers[SERVED_BY] == url
    assert SERVED_BY not in direct.headers


@pytest.mark.parametrize("prefix", ["/service/cassandra", "/cassandra"])
def test_a_prefix_is_taken_off_before(standby: FlaskClient, url: str, prefix: str) -> None:
    assert standby.get(f"{prefix}/v1/plan").headers[SERVED_BY] == url


def test_a_command_is_carried_out_by_the_leader(standby: FlaskClient, leader: MemoryService) -> None:
    answer = standby.post("/v1/plan?cmd=interrupt", json={})
    assert (answer.status_code, answer.json) == (200, {"message": "Received cmd: interrupt"})
    assert leader.commands == [Interrupt("deploy")]


def test_the_page_of_a_standby_gives_orders_and_another_sites_does_not(
    standby: FlaskClient, leader: MemoryService
) -> None:
    assert "All 3 nodes are up" in standby.get("/").get_data(as_text=True)
    form = {"order": "interrupt", "plan": "deploy"}
    assert standby.post("/order", data=form, headers={"Origin": "http://evil.example"}).status_code == 403
    assert leader.commands == []
    answer = standby.post("/order", data=form, headers={"Origin": "http://localhost"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "./?done=interrupt")
    assert leader.commands == [Interrupt("deploy")]


def test_what_is_wrong_with_a_command_is_told_by_the_leader(standby: FlaskClient, url: str) -> None:
    answer = standby.put("/v1/plan?cmd=interrupt", data=b'{"a": 1}')
    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == "a"
    assert answer.headers[SERVED_BY] == url
    assert standby.delete("/v1/plan").status_code == 405


def test_a_body_that_is_too_large_gets_no_further(standby: FlaskClient) -> None:
    answer = standby.put("/v1/plan?cmd=interrupt", data=b"x" * (1 << 21))
    assert answer.status_code == 413
    assert SERVED_BY not in answer.headers


def test_the_age_of_what_the_leader_tells_is_passed_on(standby: FlaskClient, leader: MemoryService) -> None:
    leader.silent_since = leader.cluster.now - 42.5
    answer = standby.get("/v1/connection")
    assert answer.headers["Age"] == "42"
    assert answer.headers["Cache-Control"] == "no-store"


def test_its_own_health_is_its_own(standby: FlaskClient) -> None:
    answer = standby.get("/v1/health")
    assert answer.status_code == 200
    assert answer.json["leader"] is False
    assert SERVED_BY not in answer.headers
    assert SERVED_BY not in standby.get("/metrics").headers


def test_artifacts_are_its_own(url: str, tmp_path: Path) -> None:
    bundle = tmp_path / "executor.pyz"
    bundle.write_bytes(b"bundle")
    standing_by = MemoryService(unread=NO_LEADER, leader=url, artifacts={("ab12", bundle.name): bundle})
    answer = client(standing_by).get("/v1/artifacts/ab12/executor.pyz")
    assert (answer.status_code, answer.data) == (200, b"bundle")
    assert SERVED_BY not in answer.headers
    answer.close()


def test_a_call_is_passed_on_once() -> None:
    other = MemoryService(unread=NO_LEADER, leader="http://127.0.0.1:9")
    with serving(api(other)) as url:
        answer = client(MemoryService(unread=NO_LEADER, leader=url)).get("/v1/plan")
    assert (answer.status_code, answer.json) == (503, {"message": NO_LEADER})
    assert answer.headers[SERVED_BY] == url
    again = client(other).get("/v1/plan", headers={HOP: "cassandra"})
    assert (again.status_code, again.json) == (503, {"message": NO_LEADER})


@pytest.mark.parametrize("path", ["/v1/plan", "/v1/nothing", "/v1/datacenter", "/v1/seeds", "/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_without_a_leader_every_call_is_503_with_the_reason(method: str, path: str) -> None:
    answer = client(MemoryService(unread=NO_LEADER)).open(path, method=method)
    assert (answer.status_code, answer.json) == (503, {"message": NO_LEADER})


def test_without_a_leader_an_instance_still_tells_that_it_lives() -> None:
    alone = client(MemoryService(unread=NO_LEADER))
    assert alone.get("/admin/ping").text == "pong\n"
    assert alone.get("/v1/health").status_code == alone.get("/admin/healthcheck").status_code == 503


def test_a_leader_that_cannot_be_reached_is_503_and_nothing_was_changed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    answer = client(MemoryService(unread=NO_LEADER, leader=gone)).put("/v1/plan?cmd=interrupt")
    assert answer.status_code == 503
    assert answer.json["message"] == (
        f"this instance does not lead, and the leader at {gone} cannot be reached: nothing was changed; "
        "try again in a few seconds"
    )


@pytest.mark.parametrize(("method", "told"), [("GET", "try again in a few seconds"), ("PUT", "is harmless")])
def test_a_leader_that_dies_while_it_is_asked_is_503_with_what_is_known(method: str, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dying:

        def take_and_die() -> None:
            connection, _ = dying.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=take_and_die)
        thread.start()
        url = f"http://127.0.0.1:{dying.getsockname()[1]}"
        answer = client(MemoryService(unread=NO_LEADER, leader=url)).open(
            "/v1/plan?cmd=interrupt", method=method
        )
        thread.join()
    assert answer.status_code == 503
    assert f"the leader at {url} did not answer" in answer.json["message"]
    assert answer.json["message"].endswith(told)
