"""The event log as the API shows it: who did what, when, why and from where."""

from __future__ import annotations

from typing import Any

import pytest

from api.auth.tokens import read_tokens
from tests.unit.api.service import MemoryService, client, deployed

TOKEN = "0123456789abcdef"


def events(service: MemoryService, query: str = "") -> dict[str, Any]:
    answer = client(service).get(f"/v1/events{query}")
    assert answer.status_code == 200
    assert answer.json is not None
    return dict(answer.json)


def test_what_happens_is_told_in_order() -> None:
    told = events(deployed(1))["events"]
    assert [event["what"] for event in told] == [
        "registered with the Mesos master at 10.0.0.1:5050",
        "node-0 is started on host-1",
        "node-0 is NORMAL",
    ]
    assert [event["cursor"] for event in told] == ["1", "2", "3"]
    assert told[1]["at"] == "1970-01-01T00:16:42.000Z"


def test_an_order_is_told_with_who_gave_it_and_from_where() -> None:
    service = deployed()
    calls = client(service, read_tokens(f"alice read-write {TOKEN}"))
    headers = {"Authorization": f"token={TOKEN}", "X-Forwarded-For": "203.0.113.7"}
    assert calls.put("/v1/nodes/restart?node=1", headers=headers).status_code == 200
    last = [event for event in events(service)["events"] if event["kind"] == "order"][-1]
    assert (last["who"], last["from"]) == ("alice", "203.0.113.7 > 127.0.0.1")
    assert (last["what"], last["subject"]) == ("restart node-1", "node-1")


def test_where_nobody_is_asked_for_a_token_the_address_is_told() -> None:
    service = deployed()
    client(service).post("/v1/plan?cmd=interrupt")
    last = events(service)["events"][-1]
    assert (last["who"], last["from"], last["what"]) == ("anybody", "127.0.0.1", "interrupt the plan deploy")


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        ("/v1/plan?cmd=proceed", None, "proceed the plan deploy"),
        ("/v1/plan/restart?phase=Deploy&step=node-1", None, "restart the step node-1 of the phase Deploy"),
        ("/v1/plan/forceComplete?phase=Deploy", None, "take the phase Deploy of the plan deploy as complete"),
        ("/v1/nodes/replace?node=0&force=true", None, "replace node-0, though it may be up"),
        ("/v1/cleanup/start", {"nodes": ["*"]}, "start cleanup"),
    ],
)
def test_every_order_has_a_sentence(path: str, body: object, what: str) -> None:
    service = deployed()
    assert client(service).put(path, json=body).status_code < 300
    assert what in [event for event in events(service)["events"] if event["kind"] == "order"][-1]["what"]


def test_a_cursor_gives_what_came_after_it_and_waits_for_it() -> None:
    service = deployed()
    cursor = events(service)["cursor"]
    assert events(service, f"?since={cursor}") == {"events": [], "cursor": cursor}
    client(service).post("/v1/plan?cmd=interrupt")
    later = events(service, f"?since={cursor}&wait=20")
    assert [event["what"] for event in later["events"]] == ["interrupt the plan deploy"]
    assert service.waits == [(int(cursor), 20)]
    assert later["cursor"] == str(int(cursor) + 1)


def test_without_a_cursor_the_newest_are_told() -> None:
    service = deployed()
    for _ in range(120):
        client(service).post("/v1/plan?cmd=interrupt")
    told = events(service)
    assert len(told["events"]) == 100
    assert told["events"][-1]["cursor"] == told["cursor"]


def test_the_cursor_of_a_service_that_was_installed_anew_counts_as_none() -> None:
    assert len(events(deployed(1), "?since=99999&wait=20")["events"]) == 3


@pytest.mark.parametrize(
    "query", ["since=x", "since=-1", "wait=31", "since=1&wait=1.5", "since=99999999999999999999"]
)
def test_a_cursor_or_wait_that_is_no_number_is_refused(query: str) -> None:
    answer = client(deployed()).get(f"/v1/events?{query}")
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["errors"][0]["field"] in query


def test_a_dry_run_answers_the_plan_and_changes_nothing() -> None:
    service = deployed()
    before = service.world()
    for method, path, body, plan, word in (
        ("POST", "/v1/plan?cmd=interrupt&dry_run=true", None, "deploy", "interrupted"),
        ("PUT", "/v1/nodes/restart?node=1&dry_run=true", None, "recovery", "node-1"),
        ("PUT", "/v1/repair/start?dry_run=true", {"nodes": ["*"]}, "repair", "repair-node-2"),
    ):
        answer = client(service).open(path, method=method, json=body)
        assert answer.status_code == 200
        assert answer.json is not None
        assert answer.json["plan"]["name"] == plan
        assert word in answer.get_data(as_text=True)
    assert service.world() is before


def test_a_dry_run_of_what_does_not_fit_is_refused_like_the_call_itself() -> None:
    service = deployed()
    assert client(service).put("/v1/nodes/replace?node=0&dry_run=true").status_code == 409
    assert client(service).put("/v1/nodes/restart?node=9&dry_run=true").status_code == 404
    assert client(service).put("/v1/nodes/restart?node=0&dry_run=perhaps").status_code == 400
