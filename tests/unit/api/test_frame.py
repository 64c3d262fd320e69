"""What holds for every call: JSON errors, prefixes, bodies, ages, and no failure whatever comes."""

import json

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from api.coming import CALLS
from api.requests import MOST_BODY_BYTES
from scheduler.daemon.service import Service
from tests.unit.api.service import MemoryService, client, deployed

READS = ["/v1/plan", "/v1/plans", "/v1/connection", "/v1/nodes/list", "/v1/seeds", "/v1/config", "/v1/ready"]


def test_the_service_in_memory_is_a_service() -> None:
    service: Service = MemoryService()
    assert service.settings.nodes == 3


@pytest.mark.parametrize("path", READS)
def test_before_the_ledger_was_read_every_call_says_why_it_cannot_answer(path: str) -> None:
    answer = client(MemoryService(unread="ZooKeeper at 10.0.0.1:2181 does not answer")).get(path)
    assert answer.status_code == 503
    assert answer.json == {"message": "ZooKeeper at 10.0.0.1:2181 does not answer"}


def test_a_command_that_could_not_be_stored_is_503() -> None:
    service = deployed()
    service.unstored = "the command is not stored, nothing changed; repeat it"
    answer = client(service).post("/v1/plan?cmd=interrupt")
    assert (answer.status_code, answer.json) == (503, {"message": service.unstored})


def test_answers_tell_their_age_while_mesos_is_away() -> None:
    service = deployed()
    service.silent_since = service.cluster.now - 42.5
    answer = client(service).get("/v1/connection")
    assert (answer.status_code, answer.headers["Age"]) == (200, "42")
    assert len(answer.json["nodes"]) == 3


@pytest.mark.parametrize("path", ["/v1/health", "/admin/healthcheck", "/v1/nothing", "/v1/nodes/9/info"])
def test_what_is_told_of_now_has_no_age(path: str) -> None:
    service = deployed()
    service.silent_since = service.cluster.now - 42.5
    assert "Age" not in client(service).get(path).headers
    assert "Age" not in client(service).post("/v1/plan?cmd=proceed").headers


def test_fresh_answers_have_no_age_and_are_not_kept() -> None:
    answer = client(deployed()).get("/v1/connection")
    assert "Age" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("prefix", ["/service/cassandra", "/cassandra"])
@pytest.mark.parametrize("path", READS)
def test_a_prefix_that_a_proxy_left_is_taken_off(prefix: str, path: str) -> None:
    http = client(deployed())
    assert http.get(prefix + path).json == http.get(path).json


def test_another_services_prefix_is_unknown() -> None:
    http = client(deployed())
    assert http.get("/service/kafka/v1/plan").status_code == 404
    assert http.get("/cassandra2/v1/plan").status_code == 404
    assert http.get("/cassandra").status_code == http.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/v1/plan/", "//v1/plan", "/v1//plan", "/v1/nodes", "/v2/plan", "/V1/plan"])
def test_no_path_is_redirected(path: str) -> None:
    answer = client(deployed()).get(path)
    assert answer.status_code in (200, 404)
    assert answer.is_json


def test_a_wrong_method_is_405_and_names_the_right_ones() -> None:
    answer = client(deployed()).delete("/v1/plan")
    assert answer.status_code == 405
    assert {"GET", "POST", "PUT"} <= set(answer.headers["Allow"].split(", "))
    assert "DELETE" in answer.json["message"]


def test_options_names_the_methods_without_a_page() -> None:
    answer = client(deployed()).options("/v1/plan")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "GET" in answer.headers["Allow"]
    assert "Content-Type" not in answer.headers


def test_head_answers_as_get_without_the_body() -> None:
    http = client(deployed())
    answer = http.head("/v1/plan")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == http.get("/v1/plan").headers["Content-Length"]


@pytest.mark.parametrize(("method", "path", "what"), CALLS)
def test_what_is_still_to_come_says_so(method: str, path: str, what: str) -> None:
    path = path.replace("<path:name>", "nightly").replace("<path:id>", "1")
    answer = client(deployed()).open(path, method=method, json={"nodes": ["*"]})
    assert (answer.status_code, answer.json) == (501, {"message": f"{what} is not there yet"})


@pytest.mark.parametrize("path", ["/v1/plan?cmd=interrupt", "/v1/backup/start", "/v1/nothing"])
def test_a_body_over_the_limit_is_413(path: str) -> None:
    service = deployed()
    answer = client(service).put(path, data=b" " * (MOST_BODY_BYTES + 1))
    assert (answer.status_code, service.commands) == (413, [])
    assert "1 MiB" in answer.json["message"]


def test_a_body_at_the_limit_is_read() -> None:
    assert client(deployed()).put("/v1/plan?cmd=proceed", data=b" " * MOST_BODY_BYTES).status_code == 200


def test_a_post_body_must_be_declared_as_json() -> None:
    service = deployed()
    answer = client(service).post("/v1/plan?cmd=interrupt", data="{}", content_type="text/plain")
    assert (answer.status_code, service.commands) == (415, [])


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "application/json", None]
)
def test_a_put_body_is_read_whatever_it_is_declared_as(kind: str | None) -> None:
    http = client(deployed())
    assert http.put("/v1/plan?cmd=proceed", data="{}", content_type=kind).status_code == 200


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b'"x"', b"null", b"{", b"\xff\xfe", b"[" * 100000, b"1" * 9999]
)
def test_a_body_that_is_no_object_is_400(body: bytes) -> None:
    service = deployed()
    answer = client(service).put("/v1/plan?cmd=proceed", data=body)
    assert (answer.status_code, service.commands) == (400, [])


def test_every_unknown_field_and_parameter_is_named() -> None:
    http = client(deployed())
    fields = http.put("/v1/plan?cmd=proceed", json={"a": 1, "b": 2}).json["errors"]
    assert [error["field"] for error in fields] == ["a", "b"]
    parameters = http.put("/v1/plan?cmd=proceed&c=1&d=2").json["errors"]
    assert [error["field"] for error in parameters] == ["c", "d"]


def test_an_unexpected_failure_is_500_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_service: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(MemoryService, "world", fail)
    answer = client(MemoryService()).get("/v1/plan")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text


HTTP = client(deployed())
SEGMENTS = st.sampled_from(
    ["v1", "plan", "plans", "deploy", "nodes", "node-0", "status", "restart", "artifacts", "config", "backup"]
)
PATHS = st.lists(SEGMENTS | st.text(max_size=12), max_size=6).map("/".join)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
BODIES = st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode())
QUERIES = st.dictionaries(
    st.sampled_from(["cmd", "node", "phase", "step", "force"]) | st.text(max_size=5), st.text(max_size=10)
)


@settings(deadline=None, max_examples=100)
@given(
    METHODS, PATHS, QUERIES, BODIES, st.sampled_from([None, "application/json", "text/html", "\N{BULLET}"])
)
def test_nothing_that_is_sent_makes_the_api_fail(
    method: str, path: str, query: dict[str, str], body: bytes, kind: str | None
) -> None:
    _check(HTTP, method, "/" + path, query, body, kind)


COMMANDS = st.sampled_from(
    [
        ("POST", "/v1/plan"),
        ("PUT", "/v1/plan"),
        ("POST", "/v1/plans/recovery/interrupt"),
        ("POST", "/v1/plan/restart"),
        ("POST", "/v1/plan/forceComplete"),
        ("PUT", "/v1/nodes/restart"),
        ("PUT", "/v1/nodes/replace"),
        ("PUT", "/v1/cleanup/start"),
    ]
)


@settings(deadline=None, max_examples=100)
@given(COMMANDS, QUERIES, BODIES)
def test_no_command_makes_the_api_fail(call: tuple[str, str], query: dict[str, str], body: bytes) -> None:
    _check(HTTP, *call, query, body, "application/json")


def _check(
    http: FlaskClient, method: str, path: str, query: dict[str, str], body: bytes, kind: str | None
) -> None:
    headers = {"Content-Type": kind.encode("utf-8").decode("latin-1")} if kind else {}
    raw = {"PATH_INFO": path.encode().decode("latin-1"), "HTTP_HOST": query.get("cmd", "host")}
    raw["HTTP_HOST"] = raw["HTTP_HOST"].encode().decode("latin-1")
    answer = http.open(
        "/", method=method, query_string=query, data=body, headers=headers, environ_overrides=raw
    )
    assert answer.status_code != 500
    is_page = not path.strip("/") and answer.status_code == 200
    assert is_page or "text/html" not in answer.headers.get("Content-Type", "")
    if answer.status_code >= 400 and method != "HEAD":
        assert set(answer.json) >= {"message"} or path.endswith("healthcheck")
