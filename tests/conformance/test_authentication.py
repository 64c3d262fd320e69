"""Frameworks and operators that have to log in, and the principal that goes with the login."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scheduler.model.event import FrameworkRefused, Subscribed
from scheduler.model.intent import Create, Reserve
from tests.conformance.conftest import AGENT_FLAGS, MASTER_FLAGS, framework_info
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import Configuration, ControlledMesos, Mesos
from tests.conformance.node import Node, Workshop, enough
from tests.conformance.wire import SCHEDULER, Subscription, basic, request

Make = Callable[..., Scheduler]

CREDENTIALS = {"ops": "geheim-ß", "other": "x"}
OPS = basic("ops", CREDENTIALS["ops"])


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path: Path = tmp_path_factory.mktemp("credentials") / "credentials.json"
    listed = [{"principal": principal, "secret": secret} for principal, secret in CREDENTIALS.items()]
    path.write_text(json.dumps({"credentials": listed}))
    path.chmod(0o600)
    return {
        "authenticate_http_frameworks": "true",
        "http_framework_authenticators": "basic",
        "authenticate_http_readonly": "true",
        "authenticate_http_readwrite": "true",
        "credentials": str(path),
    }


@pytest.fixture
def mesos(started: Mesos, flags: dict[str, str]) -> Mesos:
    """A Mesos that lets in who is in its file of credentials."""
    if not isinstance(started, ControlledMesos):
        pytest.skip("needs a Mesos that is started with credentials: not one named by MESOS_MASTER")
    started.ensure(Configuration(1, master_flags={**MASTER_FLAGS, **flags}, agent_flags=AGENT_FLAGS))
    return started


@pytest.fixture
def login(mesos: Mesos, role: str) -> Iterator[Callable[..., Subscription]]:
    """Subscribes on the wire as a principal, with somebody's login."""
    made: list[Subscription] = []

    def login(principal: str, head: dict[str, str], **changes: Any) -> Subscription:
        info = framework_info(role, principal=principal, **changes)
        body: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if "id" in info:
            body["framework_id"] = info["id"]
        headers = {"Content-Type": "application/json", "Accept": "application/json", **head}
        made.append(Subscription(mesos.master, body, headers=headers))
        return made[-1]

    yield login
    for subscription in made:
        subscription.close()


def test_who_knows_the_secret_is_let_in(schedulers: Make, workshop: Workshop) -> None:
    scheduler = schedulers(principal="ops", secret=CREDENTIALS["ops"])
    scheduler.wait(Subscribed)
    node = Node(scheduler, workshop)
    nobodys = node.of("cpus", 1.0)._replace(reservations=(node.level._replace(principal=None),))
    operations = (Reserve((nobodys,)), Reserve(node.all), Create((node.volume,)))
    scheduler.accept(scheduler.offer(enough(disk=256.0)), *operations)
    back = scheduler.offer(node.back)
    assert {level.principal for r in back.resources for level in r.reservations} == {"ops"}


@pytest.mark.parametrize(("principal", "secret"), [("ops", "guessed"), ("nobody", "x"), ("ops", None)])
def test_who_does_not_is_refused_for_good(schedulers: Make, principal: str, secret: str | None) -> None:
    scheduler = schedulers(principal=principal, secret=secret)
    assert "401" in scheduler.wait(FrameworkRefused).message
    assert not scheduler.of(Subscribed)


def test_a_refusal_says_how_to_log_in(login: Callable[..., Subscription]) -> None:
    refused = login("ops", {})
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="mesos-master-scheduler"'


def test_the_login_is_looked_at_first(mesos: Mesos) -> None:
    assert request(mesos.master, "GET", SCHEDULER, headers={}).status == 401


def test_the_principal_is_that_of_the_login(login: Callable[..., Subscription]) -> None:
    refused = login("other", OPS)
    assert refused.status == 400
    text = "Authenticated principal 'ops' does not match principal 'other' set in `FrameworkInfo`"
    assert text in refused.text


def test_the_principal_never_changes(login: Callable[..., Subscription]) -> None:
    first = login("ops", OPS).subscribed()
    first.close()
    other = login("other", basic("other", CREDENTIALS["other"]), id=first.framework_id)
    assert "rincipal" in other.refusal()


def test_calls_are_those_of_the_login(login: Callable[..., Subscription]) -> None:
    subscription = login("ops", OPS).subscribed()
    other = basic("other", CREDENTIALS["other"])
    assert subscription.call("REVIVE", other).status in (400, 403)
    assert subscription.call("REVIVE", {"Authorization": None}).status == 401
    subscription.ok("REVIVE")


def test_operators_log_in_too(mesos: Mesos) -> None:
    version = {"type": "GET_VERSION"}
    assert request(mesos.master, "GET", "/state").status == 401
    assert request(mesos.master, "GET", "/state", headers=OPS).status == 200
    refused = request(mesos.master, "POST", "/api/v1", version)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="mesos-master-readwrite"'
    json_too = {"Content-Type": "application/json", "Accept": "application/json"}
    assert request(mesos.master, "POST", "/api/v1", version, {**json_too, **OPS}).status == 200
    for open_to_all in ("/version", "/health"):
        assert request(mesos.master, "GET", open_to_all).status == 200
