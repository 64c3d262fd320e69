"""How the scheduler's endpoint answers what it cannot take, and what it lets pass."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.conftest import authorization, framework_info
from tests.conformance.mesos import Mesos
from tests.conformance.wire import JSON_BOTH_WAYS, SCHEDULER, Headers, Reply, Subscription, request
from tests.integration.scripted_server import eventually

Subscribe = Callable[..., Subscription]

A_STREAM = "5a4f6d4c-0a12-4ae8-9e1b-000000000000"
NOBODY = {"type": "REVIVE", "framework_id": {"value": "no-such-framework"}}


def post(mesos: Mesos, body: object, headers: Headers = JSON_BOTH_WAYS, path: str = SCHEDULER) -> Reply:
    return request(mesos.master, "POST", path, body, {**headers, **authorization()})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_allowed(mesos: Mesos, method: str) -> None:
    reply = request(mesos.master, method, SCHEDULER, headers=authorization())
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", "application/xml"])
def test_only_plain_json_is_taken(mesos: Mesos, kind: str) -> None:
    assert post(mesos, "{}", {"Content-Type": kind}).status == 415


def test_a_content_type_is_needed(mesos: Mesos) -> None:
    reply = post(mesos, "{}", {})
    assert reply.status == 400
    assert "Content-Type" in reply.text


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"SUBSCRIBE"'])
def test_a_call_is_a_json_object(mesos: Mesos, body: str) -> None:
    assert post(mesos, body).status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"user": None},
        {"name": None},
        {"user": 5},
        {"failover_timeout": "long"},
        {"checkpoint": 1},
        {"roles": [5]},
        {"labels": []},
        {"id": "f"},
        {"capabilities": ["MULTI_ROLE"]},
    ],
    ids=str,
)
def test_fields_have_their_types(mesos: Mesos, role: str, changes: dict[str, Any]) -> None:
    info = {name: value for name, value in framework_info(role, **changes).items() if value is not None}
    assert post(mesos, {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}).status == 400


@pytest.mark.parametrize(
    "body", [{}, {"type": "NO_SUCH"}, {"type": "SUBSCRIBE"}, {"type": "REVIVE"}], ids=str
)
def test_a_call_is_complete(mesos: Mesos, body: dict[str, Any]) -> None:
    assert post(mesos, body).status == 400


def test_what_is_not_known_is_passed_over(subscribe: Subscribe, role: str) -> None:
    info = framework_info(role, surprise={"a": [1]})
    subscribe({"type": "SUBSCRIBE", "more": 1, "subscribe": {"framework_info": info, "x": None}}).subscribed()


def test_numbers_may_be_text_and_lists_of_one_bare(subscribe: Subscribe, role: str) -> None:
    subscription = subscribe(failover_timeout="30", roles=role).subscribed()
    subscription.ok("DECLINE", offer_ids={"value": "x"}, filters={"refuse_seconds": "1"})
    (offer, *_) = subscription.wait("OFFERS")["offers"]
    assert offer["allocation_info"] == {"role": role}


@pytest.mark.parametrize("accept", [None, "*/*", "application/*", "text/html,application/json;q=0.5"])
def test_json_is_what_most_accept(subscribe: Subscribe, accept: str | None) -> None:
    subscription = subscribe(headers={"Accept": accept}).subscribed()
    assert subscription.headers["Content-Type"] == "application/json"


def test_who_accepts_no_json_is_told(subscribe: Subscribe) -> None:
    assert subscribe(headers={"Accept": "text/html"}).status == 406


def test_a_subscribe_has_no_stream_id(subscribe: Subscribe) -> None:
    refused = subscribe(headers={"Mesos-Stream-Id": A_STREAM})
    assert refused.status == 400
    assert "Subscribe calls should not include the 'Mesos-Stream-Id' header" in refused.text


@pytest.mark.parametrize("headers", [{}, {"Mesos-Stream-Id": A_STREAM}], ids=["no stream", "a stream"])
def test_a_framework_is_looked_for_before_its_stream(mesos: Mesos, headers: dict[str, str]) -> None:
    reply = post(mesos, NOBODY, {**JSON_BOTH_WAYS, **headers})
    assert (reply.status, reply.text) == (400, "Framework cannot be found")


def test_calls_name_their_stream(subscribe: Subscribe) -> None:
    subscription = subscribe().subscribed()
    without = subscription.call("REVIVE", {"Mesos-Stream-Id": None})
    assert without.status == 400
    assert "All non-subscribe calls should include the 'Mesos-Stream-Id' header" in without.text
    another = subscription.call("REVIVE", {"Mesos-Stream-Id": A_STREAM})
    assert another.status == 400
    assert "didn't match the stream ID currently associated with framework" in another.text
    subscription.ok("REVIVE")


def test_who_is_not_subscribed_any_more_is_told(subscribe: Subscribe) -> None:
    subscription = subscribe().subscribed()
    subscription.close()
    eventually(lambda: subscription.call("REVIVE").status != 202, "the end of the subscription")
    reply = subscription.call("REVIVE")
    assert (reply.status, reply.text) == (403, "Framework is not subscribed")
    subscribe(
        {
            "type": "SUBSCRIBE",
            "framework_id": subscription.framework_id,
            "subscribe": {"framework_info": framework_info("x", id=subscription.framework_id)},
        }
    ).subscribed()


AGENT, TASK, EXECUTOR = {"value": "a"}, {"value": "t"}, {"value": "e"}
UUID = base64.b64encode(uuid.uuid4().bytes).decode()


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("ACKNOWLEDGE", {"agent_id": AGENT, "task_id": TASK, "uuid": {"value": UUID}}),
        ("ACKNOWLEDGE", {"agent_id": AGENT, "task_id": TASK, "uuid": "%%%"}),
        ("ACKNOWLEDGE", {"agent_id": "a", "task_id": TASK, "uuid": UUID}),
        ("ACKNOWLEDGE", {"task_id": TASK, "uuid": UUID}),
        ("ACKNOWLEDGE", {}),
        ("ACCEPT", {}),
        ("DECLINE", {}),
        ("DECLINE", {"offer_ids": [], "filters": {"refuse_seconds": "x"}}),
        ("KILL", {"kill_policy": {}}),
        ("RECONCILE", {}),
        ("MESSAGE", {"agent_id": AGENT, "executor_id": EXECUTOR}),
        ("SHUTDOWN", {"agent_id": AGENT}),
        ("ACKNOWLEDGE_OPERATION_STATUS", {"operation_id": TASK, "agent_id": AGENT, "uuid": {"value": UUID}}),
        ("ACKNOWLEDGE_OPERATION_STATUS", {"operation_id": TASK, "uuid": UUID}),
        ("ACKNOWLEDGE_OPERATION_STATUS", {"agent_id": AGENT, "uuid": UUID}),
    ],
)
def test_a_call_that_is_wrong_in_itself_is_refused(
    subscribe: Subscribe, kind: str, content: dict[str, Any]
) -> None:
    subscription = subscribe().subscribed()
    assert subscription.call(kind, **content).status == 400
    subscription.ok("REVIVE")


@pytest.mark.parametrize("raw", [b"short", b"x" * 16, b"x" * 17])
def test_a_uuid_is_one(subscribe: Subscribe, raw: bytes) -> None:
    bad = base64.b64encode(raw).decode()
    reply = subscribe().subscribed().call("ACKNOWLEDGE", agent_id=AGENT, task_id=TASK, uuid=bad)
    assert (reply.status, reply.text) == (400, "Failed to validate scheduler::Call: Not a valid UUID")


def test_a_call_is_received_whether_or_not_it_means_anything(subscribe: Subscribe) -> None:
    subscription = subscribe().subscribed()
    subscription.ok("REVIVE")
    subscription.ok("SUPPRESS")
    subscription.ok("RECONCILE", tasks=[])
    subscription.ok("ACKNOWLEDGE", agent_id=AGENT, task_id=TASK, uuid=UUID)
    subscription.ok("DECLINE", offer_ids=[{"value": "no-such-offer"}])
    subscription.ok("MESSAGE", agent_id=AGENT, executor_id=EXECUTOR, data="")
    subscription.ok("SHUTDOWN", agent_id=AGENT, executor_id=EXECUTOR)


def test_routes(mesos: Mesos, subscribe: Subscribe) -> None:
    assert post(mesos, "{}", path="/no/such/route").status == 404
    assert post(mesos, "{}", path="/api/v2/scheduler").status == 404
    subscribe(path="/master/api/v1/scheduler").subscribed().ok("REVIVE")
