"""The web page: what it shows, its orders, and what keeps strangers from giving them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.auth.tokens import read_tokens
from scheduler.model.event import (
    ForceComplete,
    Interrupt,
    Proceed,
    ReplaceNode,
    RestartNode,
    RestartStep,
    StartOperation,
    StopOperation,
    Tick,
)
from tests.unit.api import scenes
from tests.unit.api.service import MemoryService, client
from tests.unit.decide.cluster import offer

WRITES, READS = "w" * 20, "r" * 20
TOKENS = read_tokens(f"ops read-write {WRITES}\nguest read-only {READS}\n")
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


def browser(service: MemoryService, guarded: bool = False) -> FlaskClient:
    """A client that asks for pages, as browsers do."""
    http = client(service, TOKENS if guarded else None)
    http.environ_base["HTTP_ACCEPT"] = BROWSER["Accept"]
    return http


def text(answer: TestResponse) -> str:
    """What stands on a page, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)).split())


class References(HTMLParser):
    """Collects what a page refers to, and what a browser would run or paint of the page's own text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places += [given[name] or "" for name in ("href", "src", "action", "data-root") if name in given]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (
            scenes.idle,
            ["All 3 nodes are up", "node-2 normal 10.0.0.3", "24.0 GiB of 100 GiB", "Deploy complete"],
        ),
        (
            scenes.deploying,
            ["Deploying: 1 of 3 nodes up", "node-1 joining", "node-2 pending", "node-1 comes first"],
        ),
        (scenes.interrupted, ["Interrupted: 1 of 3 nodes up", "Go on"]),
        (scenes.node_down, ["2 of 3 nodes up", "node-1 failed", "OutOfMemoryError", "waits for an offer"]),
        (scenes.repairing, ["Repair running", "12.7 %", "about 14 min left", "Stop the repair"]),
    ],
)
def test_the_page_tells_the_state(scene: Callable[[], MemoryService], told: list[str]) -> None:
    answer = browser(scene()).get("/")
    assert answer.status_code == 200
    assert [words for words in told if words not in text(answer)] == []


def test_a_state_is_told_by_a_word_beside_its_colour() -> None:
    page = browser(scenes.node_down()).get("/").get_data(as_text=True)
    assert '<span class="state bad">failed</span>' in page
    assert '<span class="state ok">normal</span>' in page


def test_events_are_shown_with_who_ordered_them() -> None:
    service = scenes.idle()
    http = browser(service)
    assert http.post("/order", data={"order": "restart-node", "node": "node-0"}).status_code == 303
    assert re.search(r"node-0.* by anybody from 127\.0\.0\.1", text(http.get("/")))


def test_what_nodes_say_is_text_whatever_it_is() -> None:
    service = scenes.node_down("<script>alert(1)</script>")
    page = browser(service).get("/").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("scene", [scenes.idle, scenes.node_down, scenes.repairing])
def test_every_reference_is_relative_and_nothing_is_inline(scene: Callable[[], MemoryService]) -> None:
    answer = browser(scene()).get("/")
    found = References(answer.get_data(as_text=True))
    assert [place for place in found.places if re.match(r"/|[a-z]+:", place)] == []
    assert found.inline == []
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/service/cassandra/", "/cassandra/"])
def test_assets_are_beside_the_page_under_any_prefix(path: str) -> None:
    http = browser(scenes.idle())
    found = References(http.get(path).get_data(as_text=True))
    assets = [place for place in found.places if place.startswith("assets/")]
    assert len(assets) == 3
    for place in assets:
        answer = http.get(path + place)
        assert (answer.status_code, "immutable" in answer.headers["Cache-Control"]) == (200, True)


@pytest.mark.parametrize("path", ["/service/cassandra", "/cassandra"])
def test_a_path_without_its_last_slash_leads_to_the_same_assets(path: str) -> None:
    places = References(browser(scenes.idle()).get(path).get_data(as_text=True)).places
    assert all(place.startswith("cassandra/") for place in places)


@pytest.mark.parametrize(
    ("form", "command"),
    [
        ({"order": "interrupt", "plan": "deploy"}, Interrupt("deploy")),
        ({"order": "proceed", "plan": "deploy"}, Proceed("deploy")),
        ({"order": "restart-node", "node": "node-1"}, RestartNode("node-1")),
        ({"order": "replace-node", "node": "node-1", "force": "true"}, ReplaceNode("node-1", True)),
        (
            {"order": "force-step", "plan": "deploy", "phase": "Deploy", "step": "node-0"},
            ForceComplete("deploy", "Deploy", "node-0"),
        ),
        (
            {"order": "restart-step", "plan": "deploy", "phase": "Deploy", "step": "node-0"},
            RestartStep("deploy", "Deploy", "node-0"),
        ),
    ],
)
def test_an_order_is_carried_out_and_said_once(form: dict[str, str], command: object) -> None:
    service = scenes.idle()
    http = browser(service)
    answer = http.post("/order", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"./?done={form['order']}")
    assert service.commands == [command]
    assert 'role="status"' in http.get(f"/?done={form['order']}").get_data(as_text=True)


def test_maintenance_is_started_and_stopped() -> None:
    service = scenes.idle()
    http = browser(service)
    assert http.post("/order", data={"order": "start", "kind": "repair"}).status_code == 303
    assert isinstance(service.commands[0], StartOperation)
    assert http.post("/order", data={"order": "stop", "kind": "repair"}).status_code == 303
    assert service.commands[1] == StopOperation("repair")


@pytest.mark.parametrize(
    ("form", "status", "problem"),
    [
        ({}, 400, "the field order is missing"),
        ({"order": "explode"}, 400, "there is no order explode"),
        ({"order": "restart-node"}, 400, "the field node is missing"),
        ({"order": "restart-node", "node": "node-9"}, 404, "node-9"),
        ({"order": "replace-node", "node": "node-1"}, 409, "force"),
        ({"order": "start", "kind": "explosion"}, 400, "there is no maintenance explosion"),
        ({"order": "stop", "kind": "repair"}, 409, "repair"),
    ],
)
def test_what_is_refused_is_said_on_the_page(form: dict[str, str], status: int, problem: str) -> None:
    service = scenes.idle()
    answer = browser(service).post("/order", data=form)
    assert answer.status_code == status
    assert re.search(f"Refused: .*{problem}", text(answer))
    assert service.commands == []


def test_a_text_in_the_address_does_not_get_onto_the_page() -> None:
    assert "evil" not in browser(scenes.idle()).get("/?done=evil").get_data(as_text=True)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_another_sites_page_gives_no_orders(headers: dict[str, str]) -> None:
    service = scenes.idle()
    http = browser(service, guarded=True)
    form = {"order": "interrupt", "plan": "deploy"}
    authorized = {**headers, "Authorization": f"token={WRITES}"}
    answer = http.post("/order", data=form, headers=authorized)
    assert answer.status_code == 403
    assert service.commands == []
    assert "node-0" not in text(http.post("/order", data=form, headers=headers))


def test_the_page_behind_a_proxy_gives_orders() -> None:
    service = scenes.idle()
    headers = {"Origin": "https://dcos.example.com", "X-Forwarded-Host": "dcos.example.com"}
    answer = browser(service).post("/order", data={"order": "interrupt", "plan": "deploy"}, headers=headers)
    assert answer.status_code == 303


def test_without_a_token_the_page_asks_for_one_and_tells_nothing() -> None:
    http = browser(scenes.idle(), guarded=True)
    answer = http.get("/")
    assert (answer.status_code, "node-0" in text(answer)) == (401, False)
    assert 'type="password"' in answer.get_data(as_text=True)
    assert http.get("/assets/page.css").status_code == 200


def test_who_logs_in_sees_the_page_and_gives_orders_until_logging_out() -> None:
    service = scenes.idle()
    http = browser(service, guarded=True)
    answer = http.post("/login", data={"token": WRITES})
    cookie = answer.headers["Set-Cookie"]
    assert (answer.status_code, answer.headers["Location"]) == (303, "./")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path" not in cookie
    assert "All 3 nodes are up" in text(http.get("/"))
    http.post("/order", data={"order": "interrupt", "plan": "deploy"})
    assert service.orders[0].who == "ops"
    http.post("/logout")
    assert http.get("/").status_code == 401


def test_a_cookie_is_kept_to_encrypted_connections_where_they_are_used() -> None:
    http = browser(scenes.idle(), guarded=True)
    answer = http.post("/login", data={"token": WRITES}, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["", "x" * 20])
def test_a_wrong_token_is_not_kept(token: str) -> None:
    answer = browser(scenes.idle(), guarded=True).post("/login", data={"token": token})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert 'type="password"' in answer.get_data(as_text=True)


def test_the_cookie_is_good_for_the_page_alone() -> None:
    http = browser(scenes.idle(), guarded=True)
    http.post("/login", data={"token": WRITES})
    assert http.get("/v1/plan").status_code == 401
    assert http.post("/v1/plan?cmd=interrupt").status_code == 401


def test_a_read_only_token_shows_the_page_without_orders() -> None:
    service = scenes.idle()
    http = browser(service, guarded=True)
    http.post("/login", data={"token": READS})
    answer = http.get("/")
    assert "All 3 nodes are up" in text(answer)
    assert 'action="order"' not in answer.get_data(as_text=True)
    refused = http.post("/order", data={"order": "interrupt", "plan": "deploy"})
    assert (refused.status_code, "read-only" in text(refused)) == (403, True)
    assert service.commands == []


def test_while_nobody_leads_the_page_says_why_and_looks_again() -> None:
    service = scenes.idle()
    service.unread = "ZooKeeper does not answer"
    http = browser(service)
    answer = http.get("/")
    assert answer.status_code == 503
    assert "ZooKeeper does not answer" in text(answer)
    assert "data-waits" in answer.get_data(as_text=True)
    assert http.get("/assets/page.js").status_code == 200


def test_who_asks_for_no_page_gets_errors_in_json() -> None:
    service = scenes.idle()
    http = client(service, TOKENS)
    answer = http.get("/")
    assert (answer.status_code, "needs a token" in answer.json["message"]) == (401, True)
    service.unread = "ZooKeeper does not answer"
    assert client(service).get("/").json == {"message": "ZooKeeper does not answer"}


def test_while_mesos_is_away_the_page_says_how_old_its_state_is() -> None:
    service = scenes.idle()
    service.silent_since = service.cluster.now - 600
    assert "Last known state, of 10 min ago" in text(browser(service).get("/"))


def test_nodes_are_asked_for_their_load_only_now_and_then() -> None:
    service = scenes.idle()
    http = browser(service)
    http.get("/"), http.get("/")
    assert service.asked == 3
    service.cluster.now += 60
    http.get("/")
    assert service.asked == 6


def test_a_node_that_does_not_answer_has_no_load_rather_than_an_old_one() -> None:
    service = scenes.idle()
    http = browser(service)
    assert "24.0 GiB" in text(http.get("/"))
    service.silent_nodes = True
    service.cluster.now += 60
    assert "24.0 GiB" not in text(http.get("/"))


def test_a_node_that_was_started_anew_is_not_shown_with_what_it_said_before() -> None:
    service = scenes.idle()
    http = browser(service)
    assert "24.0 GiB" in text(http.get("/"))
    service.cluster.update(2, "TASK_FAILED")
    service.cluster.tell(Tick(), seconds=10)
    place = service.cluster.node(2).placement
    assert place is not None
    service.cluster.offers(offer(3, 9, resources=place.resources))
    service.cluster.normal(2)
    service.silent_nodes = True
    assert "24.0 GiB" not in text(http.get("/"))


@pytest.mark.parametrize(("free", "tone"), [(21, "<progress max"), (20, 'class="warn"'), (10, 'class="bad"')])
def test_a_disk_that_fills_up_changes_its_colour(free: int, tone: str) -> None:
    service = scenes.idle()
    service.free = free
    cell = browser(service).get("/").get_data(as_text=True).partition("disk used on node-0")[0][-90:]
    assert tone in cell


def test_a_service_that_is_taken_away_has_a_page() -> None:
    answer = browser(scenes.leaving()).get("/")
    assert "Is being taken away" in text(answer)
    assert "Uninstall" in text(answer)
