"""Taking a framework in, refusing it, letting another scheduler take over, removing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scheduler.mesos.driver import NOT_THE_LEADER
from scheduler.model.event import Disconnected, FrameworkRefused, OffersReceived, Subscribed
from scheduler.model.intent import Kill, Revive
from tests.conformance.conftest import CAPABILITIES, authorization, framework_info, seen
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import Mesos
from tests.conformance.node import Workshop, launch, running, unique
from tests.conformance.wire import SCHEDULER, Subscription, request
from tests.integration.scripted_server import eventually

Make = Callable[..., Scheduler]
Subscribe = Callable[..., Subscription]


def test_a_subscription_begins_with_who_takes_us_in(mesos: Mesos, subscribe: Subscribe) -> None:
    subscription = subscribe().subscribed()
    body = subscription.wait("SUBSCRIBED")
    assert body["framework_id"]["value"]
    assert body["heartbeat_interval_seconds"] == 15.0
    assert body["master_info"].keys() >= {"id", "ip", "port", "pid", "hostname", "version", "address"}
    assert len(body["master_info"]["version"].split(".")) >= 3
    subscription.wait("HEARTBEAT")
    assert [event["type"] for event in subscription.events[:1]] == ["SUBSCRIBED"]
    heartbeat = next(event for event in subscription.events if event["type"] == "HEARTBEAT")
    assert heartbeat == {"type": "HEARTBEAT"}


def test_the_answer_is_a_stream_with_an_id(subscribe: Subscribe) -> None:
    headers = subscribe().subscribed().headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Transfer-Encoding"] == "chunked"
    assert len(headers["Mesos-Stream-Id"]) == 36


def test_a_new_subscription_is_made_under_the_same_id(scheduler: Scheduler) -> None:
    scheduler.driver.reconnect()
    scheduler.until(lambda: len(scheduler.of(Subscribed)) == 2, "the second subscription")
    assert len({event.framework_id for event in scheduler.of(Subscribed)}) == 1


def test_each_framework_has_an_id_of_its_own(schedulers: Make) -> None:
    assert schedulers().framework_id != schedulers().framework_id


def test_a_second_scheduler_takes_over_and_ends_the_first(schedulers: Make, workshop: Workshop) -> None:
    first = schedulers()
    held = first.offer()
    second = schedulers(framework_id=first.framework_id)
    assert second.framework_id == first.framework_id
    first.wait(Disconnected, lambda event: event.reason == NOT_THE_LEADER)
    assert not first.subscribed
    task = launch(held, workshop.executor())
    second.accept(held, task)
    dropped = second.update(task.task_id, "TASK_DROPPED")
    assert dropped.reason == "REASON_INVALID_OFFERS", "offers are those of a subscription"
    assert second.offer().id != held.id


def test_the_stream_id_of_a_scheduler_that_was_taken_over_is_void(
    subscribe: Subscribe, schedulers: Make
) -> None:
    old = subscribe().subscribed()
    assert old.framework_id is not None
    new = schedulers(framework_id=old.framework_id["value"])
    assert new.framework_id == old.framework_id["value"]
    assert old.refused_later() == "Framework failed over"
    reply = old.call("REVIVE")
    assert reply.status == 400
    assert "stream ID" in reply.text


def test_tasks_outlive_their_scheduler(schedulers: Make, workshop: Workshop) -> None:
    first = schedulers()
    task = running(first, workshop.executor())
    first.driver.stop()
    second = schedulers(framework_id=first.framework_id)
    second.wait(Subscribed)
    assert second.ask(task.task_id, task.agent_id).state == "TASK_RUNNING"
    second.driver.perform(Kill(task.task_id, task.agent_id, 1.0))
    second.update(task.task_id, "TASK_KILLED")


def test_a_framework_that_was_torn_down_is_refused_for_ever(schedulers: Make) -> None:
    first = schedulers()
    framework_id = first.framework_id
    first.driver.teardown()
    again = schedulers(framework_id=framework_id)
    assert again.wait(FrameworkRefused) == FrameworkRefused("Framework has been removed")


def test_a_torn_down_framework_is_not_found(subscribe: Subscribe) -> None:
    subscription = subscribe().subscribed()
    subscription.ok("TEARDOWN")
    assert subscription.ended.wait(60)
    reply = subscription.call("REVIVE")
    assert (reply.status, reply.text) == (400, "Framework cannot be found")
    assert not [event for event in subscription.events if event["type"] == "ERROR"]


def test_who_stays_away_longer_than_the_failover_timeout_is_removed(mesos: Mesos, schedulers: Make) -> None:
    first = schedulers(failover_timeout_seconds=0.5)
    framework_id = first.framework_id
    first.driver.stop()

    def removed() -> bool:
        return framework_id in [f["id"] for f in seen(mesos, "/frameworks")["completed_frameworks"]]

    eventually(removed, "the removal")
    again = schedulers(framework_id=framework_id)
    assert again.wait(FrameworkRefused) == FrameworkRefused("Framework has been removed")


def test_an_id_that_the_master_does_not_know_is_taken(schedulers: Make) -> None:
    framework_id = unique("framework")
    scheduler = schedulers(framework_id=framework_id)
    assert scheduler.framework_id == framework_id
    scheduler.offer()


def test_subscribing_again_changes_what_may_change(
    mesos: Mesos, schedulers: Make, scheduler: Scheduler
) -> None:
    again = schedulers(
        framework_id=scheduler.framework_id,
        failover_timeout_seconds=77.0,
        webui_url="http://127.0.0.1:1/",
        user="somebody-else",
    )
    again.wait(Subscribed)
    (info,) = [f for f in seen(mesos, "/frameworks")["frameworks"] if f["id"] == scheduler.framework_id]
    assert (info["failover_timeout"], info["webui_url"]) == (77.0, "http://127.0.0.1:1/")
    assert info["checkpoint"] is True
    assert info["user"] == scheduler.framework.user, "the first one stays"


def test_suppressed_roles_get_no_offers_until_they_are_revived(subscribe: Subscribe, role: str) -> None:
    body = {
        "type": "SUBSCRIBE",
        "subscribe": {"framework_info": framework_info(role), "suppressed_roles": [role]},
    }
    subscription = subscribe(body).subscribed()
    assert not subscription.ended.wait(1.0)
    assert not [event for event in subscription.events if event["type"] == "OFFERS"]
    subscription.ok("REVIVE")
    subscription.wait("OFFERS")


# Refusals: an event, not a status.


def refusal(subscribe: Subscribe, **changes: Any) -> str:
    return subscribe(**changes).refusal()


@pytest.mark.parametrize("bad", ["", ".", "..", "-x", "a b", "a//b", "/a", "a/", "a/*", "a/."])
def test_roles_that_are_no_names_are_refused(subscribe: Subscribe, bad: str) -> None:
    assert refusal(subscribe, roles=[bad])


def test_a_role_given_twice_is_refused(subscribe: Subscribe, role: str) -> None:
    assert "uplicate" in refusal(subscribe, roles=[role, role])


def test_role_and_roles_exclude_each_other(subscribe: Subscribe, role: str) -> None:
    message = refusal(subscribe, role=role)
    assert message == "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    others = [{"type": capability} for capability in CAPABILITIES if capability != "MULTI_ROLE"]
    message = refusal(subscribe, capabilities=others)
    assert message == "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"


def test_a_failover_timeout_beyond_all_time_is_refused(subscribe: Subscribe) -> None:
    message = refusal(subscribe, failover_timeout=1e20)
    assert message.startswith("The framework failover_timeout (1e+20) is invalid")


def test_only_own_roles_can_be_suppressed(subscribe: Subscribe, role: str) -> None:
    body = {
        "type": "SUBSCRIBE",
        "subscribe": {"framework_info": framework_info(role), "suppressed_roles": [f"{role}-other"]},
    }
    assert subscribe(body).refusal()


def test_both_places_of_the_id_must_agree(mesos: Mesos, role: str) -> None:
    for top, inner in (("one", "two"), ("one", None), (None, "two")):
        info = framework_info(role, **({"id": {"value": inner}} if inner else {}))
        body: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if top:
            body["framework_id"] = {"value": top}
        headers = {"Content-Type": "application/json", **authorization()}
        assert request(mesos.master, "POST", SCHEDULER, body, headers).status == 400


def test_hierarchical_roles_are_roles(schedulers: Make, role: str) -> None:
    scheduler = schedulers(f"{role}/below")
    scheduler.wait(OffersReceived)
    scheduler.driver.perform(Revive())
