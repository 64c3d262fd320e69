"""The scheduler's driver against a master with every bad habit.

``test_under_gevent`` runs this file a second time in a process that is patched as the daemon's is.
"""

from __future__ import annotations

import base64
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from scheduler.mesos.detector import Found, StaticDetector
from scheduler.mesos.driver import NOT_THE_LEADER, CallFailed, CallRefused, Driver, Framework, NotConnected
from scheduler.model.event import (
    AgentLost,
    Disconnected,
    ExecutorLost,
    FrameworkRefused,
    MesosEvent,
    MessageReceived,
    OfferRescinded,
    OffersReceived,
    Subscribed,
    Updated,
)
from scheduler.model.intent import Accept, Decline, Kill, Reconcile, Revive, Send, ShutdownExecutor, Suppress
from scheduler.model.task import TaskUpdate
from tests.integration.scripted_server import (
    Exchange,
    Master,
    ScriptedServer,
    chunk,
    eventually,
    record,
    subscribed_event,
)
from transport.backoff import growing, within
from transport.loop import Timing

FAST = Timing(growing(0.005, 0.05), answer=2.0, settled=30.0)
FRAMEWORK = Framework("cassandra", "root", "p", "cassandra-role", 1209600.0)


class Listener:
    """What the daemon is to a driver: takes events, and says whether it leads."""

    def __init__(self) -> None:
        self.events: list[MesosEvent] = []
        self.leads = True
        self.asked = 0

    def on_event(self, event: MesosEvent) -> None:
        self.events.append(event)

    def may_subscribe(self) -> bool:
        self.asked += 1
        return self.leads

    def of(self, kind: type) -> list[Any]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def wait(self, kind: type, times: int = 1) -> Any:
        eventually(lambda: len(self.of(kind)) >= times, f"{kind.__name__} {times}")
        return self.of(kind)[times - 1]


class Elections:
    """A detector that a test drives."""

    def __init__(self) -> None:
        self.found: Found = lambda leader: None

    def start(self, found: Found) -> None:
        self.found = found

    def stop(self) -> None:
        pass


@pytest.fixture
def master(stack: ExitStack) -> Master:
    return closing(stack, Master())


def closing(stack: ExitStack, server: Any) -> Any:
    stack.callback(server.close)
    return server


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def start(stack: ExitStack, listener: Listener) -> Callable[..., Driver]:
    def start(address: str | Elections, framework: Framework = FRAMEWORK, timing: Timing = FAST) -> Driver:
        detector = StaticDetector(address) if isinstance(address, str) else address
        driver = Driver(framework, detector, listener.on_event, listener.may_subscribe, timing)
        stack.callback(driver.stop)
        driver.start()
        return driver

    return start


# Subscribing.


def test_it_subscribes_as_the_framework_it_is(master: Master, listener: Listener, start: Any) -> None:
    start(master.address)
    call = master.subscribed()
    assert call.path == "/api/v1/scheduler"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["accept"] == "application/json"
    assert "mesos-stream-id" not in call.headers
    assert "authorization" not in call.headers
    assert call.body == {
        "type": "SUBSCRIBE",
        "subscribe": {
            "framework_info": {
                "name": "cassandra",
                "user": "root",
                "principal": "p",
                "roles": ["cassandra-role"],
                "checkpoint": True,
                "failover_timeout": 1209600.0,
                "capabilities": [
                    {"type": "MULTI_ROLE"},
                    {"type": "RESERVATION_REFINEMENT"},
                    {"type": "PARTITION_AWARE"},
                    {"type": "TASK_KILLING_STATE"},
                ],
            }
        },
    }
    assert listener.wait(Subscribed) == Subscribed(Master.FRAMEWORK_ID, master.address)


def test_the_id_it_was_given_is_kept_for_later_subscriptions(
    master: Master, listener: Listener, start: Any
) -> None:
    start(master.address)
    master.subscribed().end()
    again = master.subscribed(2)
    assert again.body["framework_id"] == {"value": Master.FRAMEWORK_ID}
    assert again.body["subscribe"]["framework_info"]["id"] == {"value": Master.FRAMEWORK_ID}
    listener.wait(Subscribed, 2)
    kinds = [type(event) for event in listener.events]
    assert kinds == [Subscribed, Disconnected, Subscribed]


def test_a_stored_id_is_subscribed_with(master: Master, start: Any) -> None:
    framework = Framework("n", "u", "p", "r", 1.0, framework_id="stored", webui_url="http://ui")
    start(master.address, framework)
    body = master.subscribed().body
    assert body["framework_id"] == {"value": "stored"}
    assert body["subscribe"]["framework_info"]["webui_url"] == "http://ui"


def test_a_secret_becomes_basic_authentication_on_every_call(master: Master, start: Any) -> None:
    framework = Framework("n", "u", "prinz", "r", 1.0, secret="geheim-ß")
    driver = start(master.address, framework)
    expected = "Basic " + base64.b64encode("prinz:geheim-ß".encode()).decode()
    assert master.subscribed().headers["authorization"] == expected
    subscribed(driver)
    driver.perform(Revive())
    assert master.calls("REVIVE")[0].headers["authorization"] == expected
    assert "geheim" not in repr(framework)


def subscribed(driver: Driver) -> Driver:
    eventually(lambda: driver._session is not None, "the subscription")
    return driver


@pytest.mark.parametrize(
    "refusal",
    [
        (503, "Master has not finished recovery", {}),
        (404, "404 Not Found.", {}),
        (500, "Internal Server Error", {}),
        (307, "", {}),
    ],
)
def test_a_master_that_is_not_ready_is_asked_again(
    master: Master, listener: Listener, start: Any, refusal: Any
) -> None:
    master.refusals += [refusal] * 4
    start(master.address)
    listener.wait(Subscribed)
    assert len(master.asked("SUBSCRIBE")) == 5
    assert [type(event) for event in listener.events] == [Subscribed], "no Disconnected before Subscribed"


def test_refusals_are_answered_with_growing_waits_not_with_a_spin(master: Master, start: Any) -> None:
    waits: list[int] = []

    def delay(failures: int) -> float:
        waits.append(failures)
        return 0.001

    master.refusals += [(503, "", {})] * 4
    start(master.address, timing=Timing(delay))
    master.subscribed()
    assert waits == [1, 2, 3, 4]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_of_who_we_are_is_final(
    master: Master, listener: Listener, start: Any, status: int
) -> None:
    master.refusals.append((status, "go away", {}))
    driver = start(master.address)
    refused = listener.wait(FrameworkRefused)
    assert f"{status} go away" in refused.message
    eventually(lambda: not driver._loop._thread.is_alive(), "the loop's end")
    assert len(master.asked("SUBSCRIBE")) == 1
    assert listener.events == [refused]


def test_an_error_event_is_final(master: Master, listener: Listener, start: Any) -> None:
    driver = start(master.address)
    master.subscribed().send({"type": "ERROR", "error": {"message": "Framework has been removed"}})
    assert listener.wait(FrameworkRefused) == FrameworkRefused("Framework has been removed")
    eventually(lambda: not driver._loop._thread.is_alive(), "the loop's end")
    assert len(master.asked("SUBSCRIBE")) == 1
    with pytest.raises(NotConnected):
        driver.perform(Revive())


def test_an_error_event_may_come_instead_of_subscribed(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    def removed(exchange: Exchange) -> None:
        exchange.stream(Mesos_Stream_Id="s")
        exchange.send({"type": "ERROR", "error": {"message": "Framework has been removed"}})
        exchange.end()

    server = closing(stack, ScriptedServer(removed))
    start(server.address)
    listener.wait(FrameworkRefused)
    assert listener.events == [FrameworkRefused("Framework has been removed")]


# Leadership.


def test_leadership_is_confirmed_before_every_subscription(
    master: Master, listener: Listener, start: Any
) -> None:
    master.refusals += [(503, "", {})] * 2
    start(master.address)
    master.subscribed().end()
    master.subscribed(2)
    listener.wait(Subscribed, 2)
    assert listener.asked == 4 + 2, "before each SUBSCRIBE, and once it is answered"


def test_who_was_overtaken_while_subscribing_makes_no_call(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    def overtaken(exchange: Exchange) -> None:
        listener.leads = False  # another has become leader since this one was asked
        exchange.stream(Mesos_Stream_Id="s")
        exchange.send(subscribed_event())

    driver = start(closing(stack, ScriptedServer(overtaken)).address)
    eventually(lambda: Disconnected(NOT_THE_LEADER) in listener.events, "the last event")
    assert not listener.of(Subscribed)
    with pytest.raises(NotConnected):
        driver.perform(Revive())


def test_a_leader_that_is_taken_over_by_one_that_was_late_subscribes_again(
    master: Master, listener: Listener, start: Any
) -> None:
    start(master.address)
    master.subscribed().send({"type": "ERROR", "error": {"message": "Framework failed over"}})
    listener.wait(Subscribed, 2)
    assert not listener.of(FrameworkRefused)


def test_one_that_is_taken_over_by_the_next_leader_has_stopped(
    master: Master, listener: Listener, start: Any
) -> None:
    start(master.address)
    stream = master.subscribed()
    listener.wait(Subscribed)
    listener.leads = False
    stream.send({"type": "ERROR", "error": {"message": "Framework failed over"}})
    eventually(lambda: Disconnected(NOT_THE_LEADER) in listener.events, "the last event")
    assert len(master.asked("SUBSCRIBE")) == 1


def test_who_does_not_lead_never_subscribes_again(master: Master, listener: Listener, start: Any) -> None:
    driver = start(master.address)
    stream = master.subscribed()
    listener.wait(Subscribed)
    listener.leads = False
    stream.end()
    eventually(lambda: Disconnected(NOT_THE_LEADER) in listener.events, "the last event")
    listener.leads = True
    eventually(lambda: not driver._loop._thread.is_alive(), "the loop's end")
    assert len(master.asked("SUBSCRIBE")) == 1
    assert not listener.of(FrameworkRefused)


def test_a_redirect_is_no_way_around_the_question_of_leadership(
    master: Master, listener: Listener, start: Any, stack: ExitStack
) -> None:
    def redirect(exchange: Exchange) -> None:
        listener.leads = False
        exchange.reply(307, Location=f"//{master.address}/api/v1/scheduler")

    other = closing(stack, ScriptedServer(redirect))
    start(other.address)
    eventually(lambda: Disconnected(NOT_THE_LEADER) in listener.events, "the last event")
    assert not master.exchanges


# Masters that go, move and fall silent.


def test_a_redirect_leads_to_the_master_that_leads(
    master: Master, listener: Listener, start: Any, stack: ExitStack
) -> None:
    def redirect(exchange: Exchange) -> None:
        exchange.reply(307, Location=f"//{master.address}/master/api/v1/scheduler")

    other = closing(stack, ScriptedServer(redirect))
    driver = start(other.address)
    assert listener.wait(Subscribed).master == master.address
    driver.perform(Revive())
    assert len(master.calls("REVIVE")) == 1


@pytest.mark.parametrize("location", ["//{own}/api/v1/scheduler", "//no-such-host.invalid:5050/x", ""])
def test_a_redirect_to_nowhere_is_waited_out(
    master: Master, listener: Listener, start: Any, location: str
) -> None:
    target = location.format(own=master.address)
    master.refusals += [(307, "", {"Location": target} if target else {})] * 3
    start(master.address)
    listener.wait(Subscribed)
    assert len(master.asked("SUBSCRIBE")) == 4


def test_masters_that_redirect_to_each_other_are_waited_for(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    addresses: list[str] = []
    waits: list[int] = []

    def redirect(exchange: Exchange) -> None:
        here = exchange.headers["host"]
        exchange.reply(307, Location=f"//{next(a for a in addresses if a != here)}/api/v1/scheduler")

    servers = [closing(stack, ScriptedServer(redirect)) for _ in range(2)]
    addresses += [server.address for server in servers]

    def delay(failures: int) -> float:
        waits.append(failures)
        return 0.001

    start(addresses[0], timing=Timing(delay))
    eventually(lambda: len(waits) >= 3, "waits")
    asked = sum(len(server.exchanges) for server in servers)
    assert asked <= 5 * (len(waits) + 1)


def test_a_master_that_is_not_there_is_waited_for(listener: Listener, start: Any, stack: ExitStack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    driver = start(f"127.0.0.1:{port}")
    eventually(lambda: listener.asked >= 3, "attempts")
    assert not listener.events
    with pytest.raises(NotConnected):
        driver.perform(Revive())
    closing(stack, Master(port=port))
    listener.wait(Subscribed)


def test_a_master_that_takes_the_call_and_says_nothing_is_left(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    server = closing(stack, ScriptedServer(lambda exchange: None))
    start(server.address, timing=Timing(within(0.001, 0.01), answer=0.1))
    eventually(lambda: len(server.exchanges) >= 2, "a second try")


def test_a_silent_master_is_left_after_five_heartbeats(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    master = closing(stack, Master(heartbeat_seconds=0.05))
    start(master.address)
    master.subscribed(2)
    assert listener.wait(Disconnected).reason == "no sign of life"


def test_heartbeats_keep_a_quiet_stream_alive(listener: Listener, start: Any, stack: ExitStack) -> None:
    master = closing(stack, Master(heartbeat_seconds=0.2))
    start(master.address)
    stream = master.subscribed()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        stream.send({"type": "HEARTBEAT"})
        time.sleep(0.05)
    assert len(master.streams) == 1
    assert listener.of(Disconnected) == []


def test_a_stream_cut_within_a_record_is_opened_again(master: Master, listener: Listener, start: Any) -> None:
    start(master.address)
    stream = master.subscribed()
    stream.raw(b"20\r\n" + record({"type": "HEARTBEAT"})[:10])
    stream.cut()
    listener.wait(Disconnected)
    listener.wait(Subscribed, 2)


def test_a_stream_cut_anywhere_is_opened_again_and_says_nothing_that_was_not_said(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    rescind = {"type": "RESCIND", "rescind": {"offer_id": {"value": "whole"}}}
    whole = chunk(record(subscribed_event())) + chunk(record(rescind))
    cuts = iter(range(len(whole)))

    def cut(exchange: Exchange) -> None:
        exchange.stream(Mesos_Stream_Id="s")
        at = next(cuts, None)
        exchange.raw(whole[:at])
        if at is not None:
            exchange.cut()

    server = closing(stack, ScriptedServer(cut))
    start(server.address, timing=Timing(within(0.0, 0.001), answer=5.0))
    eventually(lambda: len(server.exchanges) == len(whole) + 1, "the last subscription")
    listener.wait(OfferRescinded)
    assert set(listener.of(OfferRescinded)) == {OfferRescinded("whole")}
    assert {event.framework_id for event in listener.of(Subscribed)} == {Master.FRAMEWORK_ID}
    assert not listener.of(FrameworkRefused)


def test_an_event_that_comes_byte_by_byte_is_read_whole(
    master: Master, listener: Listener, start: Any
) -> None:
    start(master.address)
    stream = master.subscribed()
    for byte in chunk(record({"type": "RESCIND", "rescind": {"offer_id": {"value": "slow"}}})):
        stream.raw(bytes([byte]))
    assert listener.wait(OfferRescinded) == OfferRescinded("slow")


def test_a_second_subscribed_on_one_stream_changes_nothing(
    master: Master, listener: Listener, start: Any
) -> None:
    driver = subscribed(start(master.address))
    another = subscribed_event()
    another["subscribed"]["framework_id"]["value"] = "another"
    master.stream.send(another, {"type": "RESCIND", "rescind": {"offer_id": {"value": "after"}}})
    listener.wait(OfferRescinded)
    assert len(listener.of(Subscribed)) == 1
    driver.perform(Revive())
    assert master.calls("REVIVE")[0].body["framework_id"] == {"value": Master.FRAMEWORK_ID}


def test_a_master_whose_name_means_nothing_is_waited_for(listener: Listener, start: Any) -> None:
    driver = start("no-such-host.invalid:5050")
    eventually(lambda: listener.asked >= 3, "attempts")
    assert driver._loop._thread.is_alive()
    assert not listener.events


def test_a_stream_that_has_lost_its_place_is_opened_again(
    master: Master, listener: Listener, start: Any
) -> None:
    start(master.address)
    master.subscribed().raw(chunk(b"no length\n"))
    assert "length was expected" in listener.wait(Disconnected).reason
    listener.wait(Subscribed, 2)


def test_when_another_master_leads_the_stream_moves_there(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    first, second = (closing(stack, Master()) for _ in range(2))
    elections = Elections()
    slow = Timing(within(60.0, 60.0), answer=2.0)  # so it moves because of the election alone
    driver = start(elections, timing=slow)
    elections.found(first.address)
    listener.wait(Subscribed)
    elections.found(second.address)
    assert listener.wait(Subscribed, 2).master == second.address
    assert listener.of(Disconnected) == [Disconnected(f"{second.address} leads now")]
    driver.perform(Revive())
    assert second.calls("REVIVE")
    assert not first.asked("REVIVE")


def test_an_election_ends_a_wait(listener: Listener, start: Any, stack: ExitStack) -> None:
    busy, leader = (closing(stack, Master()) for _ in range(2))
    busy.refusals += [(503, "", {})] * 100
    elections = Elections()
    start(elections, timing=Timing(within(60.0, 60.0)))
    elections.found(busy.address)
    eventually(lambda: busy.exchanges, "the first try")
    elections.found(leader.address)
    assert listener.wait(Subscribed).master == leader.address


def test_a_subscription_wanted_anew_is_made_anew(master: Master, listener: Listener, start: Any) -> None:
    driver = start(master.address)
    listener.wait(Subscribed)
    driver.reconnect()
    listener.wait(Subscribed, 2)
    assert listener.wait(Disconnected).reason == "a new subscription is wanted"


# Events.


def events_in(master: Master, driver: Driver, *events: Any) -> None:
    subscribed(driver)
    master.stream.send(*events)


def test_events_become_the_models(master: Master, listener: Listener, start: Any) -> None:
    events_in(
        master,
        start(master.address),
        {"type": "RESCIND", "rescind": {"offer_id": {"value": "o1"}}},
        {
            "type": "MESSAGE",
            "message": {"agent_id": {"value": "a"}, "executor_id": {"value": "e"}, "data": "aGk="},
        },
        {"type": "FAILURE", "failure": {"agent_id": {"value": "a"}}},
        {
            "type": "FAILURE",
            "failure": {"agent_id": {"value": "a"}, "executor_id": {"value": "e"}, "status": 768},
        },
        {"type": "FAILURE", "failure": {"agent_id": {"value": "a"}, "executor_id": {"value": "e"}}},
        {"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"}, "state": "TASK_RUNNING"}}},
        {"type": "OFFERS", "offers": {}},
    )
    listener.wait(OffersReceived)
    assert listener.events[1:] == [
        OfferRescinded("o1"),
        MessageReceived("e", "a", b"hi"),
        AgentLost("a"),
        ExecutorLost("e", "a", 768),
        ExecutorLost("e", "a", None),
        Updated(TaskUpdate("t", "TASK_RUNNING")),
        OffersReceived(()),
    ]


def test_events_it_has_no_use_for_are_passed_over(master: Master, listener: Listener, start: Any) -> None:
    events_in(
        master,
        start(master.address),
        {"type": "HEARTBEAT"},
        {"type": "INVERSE_OFFERS", "inverse_offers": {"inverse_offers": []}},
        {"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": {"inverse_offer_id": {"value": "i"}}},
        {"type": "NEWER_THAN_WE", "newer_than_we": {}},
        {"type": "UPDATE"},
        {},
        ["not", "an", "event"],
        {"type": "RESCIND", "rescind": {"offer_id": {"value": "last"}}},
    )
    listener.wait(OfferRescinded)
    assert listener.events == [Subscribed(Master.FRAMEWORK_ID, master.address), OfferRescinded("last")]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyError])
def test_an_event_that_cannot_be_handled_costs_only_itself(
    master: Master, stack: ExitStack, error: type[Exception]
) -> None:
    seen: list[MesosEvent] = []

    def on_event(event: MesosEvent) -> None:
        seen.append(event)
        if event == OfferRescinded("bad"):
            raise error("in the callback")

    driver = Driver(FRAMEWORK, StaticDetector(master.address), on_event, lambda: True, FAST)
    stack.callback(driver.stop)
    driver.start()
    rescind = [{"type": "RESCIND", "rescind": {"offer_id": {"value": name}}} for name in ("bad", "good")]
    events_in(master, driver, *rescind)
    eventually(lambda: OfferRescinded("good") in seen, "the event after")
    assert len(master.streams) == 1, "an error in a callback is not one of the stream"
    assert not master.asked("TEARDOWN")


def test_a_leadership_that_cannot_be_asked_after_is_asked_again(
    master: Master, listener: Listener, stack: ExitStack
) -> None:
    stumbles = RuntimeError("ZooKeeper stumbles")
    answers: list[Any] = [stumbles, True, stumbles, True, True]

    def may_subscribe() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    driver = Driver(FRAMEWORK, StaticDetector(master.address), listener.on_event, may_subscribe, FAST)
    stack.callback(driver.stop)
    driver.start()
    listener.wait(Subscribed)
    assert len(master.streams) == 2
    assert not answers


def test_ten_thousand_offers_come_at_once_and_whole(master: Master, listener: Listener, start: Any) -> None:
    offers = [offer(n) for n in range(10_000)]
    events_in(master, start(master.address), {"type": "OFFERS", "offers": {"offers": offers}})
    batch = listener.wait(OffersReceived).offers
    assert [o.id for o in batch] == [f"offer-{n}" for n in range(10_000)]


def offer(number: int) -> dict[str, Any]:
    return {
        "id": {"value": f"offer-{number}"},
        "framework_id": {"value": Master.FRAMEWORK_ID},
        "agent_id": {"value": f"agent-{number}"},
        "hostname": f"host-{number}",
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 8.0}}],
    }


FLOOD = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.recv(65536)
def chunk(text):
    data = "%d\\n%s" % (len(text), text)
    return ("%x\\r\\n%s\\r\\n" % (len(data), data)).encode()
head = "HTTP/1.1 200 OK\\r\\nMesos-Stream-Id: s\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
subscribed = '{"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": "f"}}}'
connection.sendall(head.encode() + chunk(subscribed))
while True:
    connection.sendall(chunk('{"type": "HEARTBEAT"}') * 1000)
"""


def test_a_stream_that_never_pauses_lets_others_have_their_turn(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    # In a process of its own: a thread here would take turns with the driver where both are cooperative.
    flood = stack.enter_context(subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE))
    stack.callback(flood.kill)
    assert flood.stdout is not None
    driver = start(f"127.0.0.1:{int(flood.stdout.readline())}")
    listener.wait(Subscribed)
    driver.stop()
    assert not driver._loop._thread.is_alive()


def test_an_event_of_ten_megabytes_is_read_whole(master: Master, listener: Listener, start: Any) -> None:
    data = bytes(range(256)) * 32_768  # 8 MB, more than 10 as base64
    message = {
        "agent_id": {"value": "a"},
        "executor_id": {"value": "e"},
        "data": base64.b64encode(data).decode(),
    }
    events_in(master, start(master.address), {"type": "MESSAGE", "message": message})
    assert listener.wait(MessageReceived).data == data


def test_more_than_1024_files_may_be_open(
    master: Master, listener: Listener, start: Any, stack: ExitStack
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1300
    if hard != resource.RLIM_INFINITY and hard < wanted + 200:
        pytest.skip(f"this user may open only {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200), hard))
    stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    for _ in range(wanted):
        stack.enter_context(socket.socket())
    driver = start(master.address)
    events_in(master, driver, {"type": "RESCIND", "rescind": {"offer_id": {"value": "o"}}})
    listener.wait(OfferRescinded)
    driver.perform(Revive())
    assert driver._session is not None
    assert driver._session.stream._sock.fileno() > 1024


# Calls.


def test_intents_become_calls_of_the_subscription(master: Master, start: Any) -> None:
    driver = subscribed(start(master.address))
    for intent in (
        Accept(("o1", "o2"), (), 1.0),
        Decline(("o3",), 3600.0),
        Suppress(),
        Revive(),
        Reconcile((("t", "a"),)),
        Reconcile(),
        Kill("t", "a", 2.5),
        ShutdownExecutor("e", "a"),
        Send("e", "a", b"hi"),
    ):
        driver.perform(intent)
    calls = master.exchanges[1:]
    assert {call.headers["mesos-stream-id"] for call in calls} == {"stream-1"}
    assert {call.path for call in calls} == {"/api/v1/scheduler"}
    framework_id = {"value": Master.FRAMEWORK_ID}
    assert [call.body for call in calls] == [
        {
            "type": "DECLINE",  # an ACCEPT of nothing is one
            "framework_id": framework_id,
            "decline": {
                "offer_ids": [{"value": "o1"}, {"value": "o2"}],
                "filters": {"refuse_seconds": 1.0},
            },
        },
        {
            "type": "DECLINE",
            "framework_id": framework_id,
            "decline": {"offer_ids": [{"value": "o3"}], "filters": {"refuse_seconds": 3600.0}},
        },
        {"type": "SUPPRESS", "framework_id": framework_id},
        {"type": "REVIVE", "framework_id": framework_id},
        {
            "type": "RECONCILE",
            "framework_id": framework_id,
            "reconcile": {"tasks": [{"task_id": {"value": "t"}, "agent_id": {"value": "a"}}]},
        },
        {"type": "RECONCILE", "framework_id": framework_id, "reconcile": {"tasks": []}},
        {
            "type": "KILL",
            "framework_id": framework_id,
            "kill": {
                "task_id": {"value": "t"},
                "agent_id": {"value": "a"},
                "kill_policy": {"grace_period": {"nanoseconds": 2_500_000_000}},
            },
        },
        {
            "type": "SHUTDOWN",
            "framework_id": framework_id,
            "shutdown": {"executor_id": {"value": "e"}, "agent_id": {"value": "a"}},
        },
        {
            "type": "MESSAGE",
            "framework_id": framework_id,
            "message": {"agent_id": {"value": "a"}, "executor_id": {"value": "e"}, "data": "aGk="},
        },
    ]


def test_an_update_is_acknowledged_with_what_it_came_with(master: Master, start: Any) -> None:
    driver = subscribed(start(master.address))
    driver.acknowledge(TaskUpdate("t", "TASK_RUNNING", "a", "e", uuid="zy//U/F3TpmOWDeZnTpyfA=="))
    assert master.calls("ACKNOWLEDGE")[0].body["acknowledge"] == {
        "task_id": {"value": "t"},
        "agent_id": {"value": "a"},
        "uuid": "zy//U/F3TpmOWDeZnTpyfA==",
    }


def test_an_update_without_uuid_is_not_acknowledged(master: Master, start: Any) -> None:
    driver = subscribed(start(master.address))
    driver.acknowledge(TaskUpdate("t", "TASK_RUNNING", "a"))
    driver.perform(Revive())
    assert [exchange.kind for exchange in master.exchanges] == ["SUBSCRIBE", "REVIVE"]


def test_no_update_is_acknowledged_unasked(master: Master, listener: Listener, start: Any) -> None:
    status = {
        "task_id": {"value": "t"},
        "state": "TASK_RUNNING",
        "agent_id": {"value": "a"},
        "uuid": "zy//U/F3TpmOWDeZnTpyfA==",
    }
    driver = start(master.address)
    events_in(master, driver, {"type": "UPDATE", "update": {"status": status}})
    listener.wait(Updated)
    driver.perform(Revive())
    assert not master.asked("ACKNOWLEDGE")


def operation_status(**uuid: Any) -> dict[str, Any]:
    status = {
        "operation_id": {"value": "op-1"},
        "state": "OPERATION_FINISHED",
        "agent_id": {"value": "a"},
        **uuid,
    }
    return {"type": "UPDATE_OPERATION_STATUS", "update_operation_status": {"status": status}}


def test_operations_are_acknowledged_with_the_uuid_as_text(master: Master, start: Any) -> None:
    update = operation_status(uuid={"value": "FZ2+cq8yQ2af220DLyqeYg=="})
    events_in(master, start(master.address), update)
    assert master.calls("ACKNOWLEDGE_OPERATION_STATUS")[0].body["acknowledge_operation_status"] == {
        "operation_id": {"value": "op-1"},
        "agent_id": {"value": "a"},
        "uuid": "FZ2+cq8yQ2af220DLyqeYg==",
    }


def test_a_reconciled_operation_is_not_acknowledged(master: Master, listener: Listener, start: Any) -> None:
    after = {"type": "RESCIND", "rescind": {"offer_id": {"value": "o"}}}
    events_in(master, start(master.address), operation_status(), after)
    listener.wait(OfferRescinded)
    assert not master.asked("ACKNOWLEDGE_OPERATION_STATUS")


def test_a_call_before_the_subscription_is_not_sent(listener: Listener, start: Any) -> None:
    driver = start(Elections())
    for call in (
        lambda: driver.perform(Accept(("o",), (), 1.0)),
        lambda: driver.acknowledge(TaskUpdate("t", "TASK_RUNNING", "a", uuid="u")),
        driver.teardown,
    ):
        with pytest.raises(NotConnected):
            call()


STALE = [
    (403, "Framework is not subscribed"),
    (400, "The stream ID 'x' included in this request didn't match the stream ID currently associated"),
    (400, "Framework cannot be found"),
    (503, "Master has not finished recovery"),
    (307, ""),
]


@pytest.mark.parametrize("refusal", STALE)
def test_a_call_for_a_stale_subscription_is_raised_and_leads_to_a_new_one(
    master: Master, listener: Listener, start: Any, refusal: tuple[int, str]
) -> None:
    driver = start(master.address)
    listener.wait(Subscribed)
    master.call_refusals.append(refusal)
    with pytest.raises(CallRefused) as raised:
        driver.perform(Accept(("o",), (), 1.0))
    assert (raised.value.status, raised.value.message) == refusal
    listener.wait(Subscribed, 2)
    assert listener.asked == 4
    assert len(master.exchanges) == 3, "nothing is repeated by itself"


def test_a_stale_call_of_one_who_does_not_lead_is_the_end(
    master: Master, listener: Listener, start: Any
) -> None:
    driver = start(master.address)
    listener.wait(Subscribed)
    listener.leads = False
    master.call_refusals.append((403, "Framework is not subscribed"))
    with pytest.raises(CallRefused):
        driver.perform(Revive())
    eventually(lambda: Disconnected(NOT_THE_LEADER) in listener.events, "the last event")
    assert len(master.streams) == 1


def test_a_call_that_is_wrong_in_itself_leaves_the_subscription(
    master: Master, listener: Listener, start: Any
) -> None:
    driver = start(master.address)
    listener.wait(Subscribed)
    master.call_refusals.append((400, "Failed to validate scheduler::Call: Not a valid UUID"))
    with pytest.raises(CallRefused):
        driver.perform(Revive())
    driver.perform(Suppress())
    assert len(master.streams) == 1


def test_a_call_whose_answer_is_lost_is_of_unknown_fate_and_not_repeated(
    master: Master, listener: Listener, start: Any
) -> None:
    take = master.answer

    def hang_up(exchange: Exchange) -> None:
        if exchange.kind == "DECLINE":
            exchange.cut()
        else:
            take(exchange)

    master.answer = hang_up
    driver = start(master.address)
    listener.wait(Subscribed)
    with pytest.raises(CallFailed):
        driver.perform(Decline(("o",), 1.0))
    driver.perform(Revive())
    assert len(master.asked("DECLINE")) == 1


def test_a_call_to_a_master_that_is_gone_was_not_sent(
    listener: Listener, start: Any, stack: ExitStack
) -> None:
    # The stream is still open here, as it is when a master's machine has been cut off or is being stopped.
    master = closing(stack, Master())
    driver = start(master.address)
    listener.wait(Subscribed)
    master._listener.shutdown(socket.SHUT_RDWR)
    master._listener.close()
    with pytest.raises(NotConnected):
        driver.perform(Revive())


def test_calls_do_not_wait_for_each_other(master: Master, listener: Listener, start: Any) -> None:
    take, go_on = master.answer, threading.Event()

    def slow(exchange: Exchange) -> None:
        if exchange.kind == "DECLINE":
            go_on.wait(60)
        take(exchange)

    master.answer = slow
    driver = subscribed(start(master.address))
    waiting = threading.Thread(target=driver.perform, args=(Decline(("o",), 1.0),))
    waiting.start()
    eventually(lambda: master.asked("DECLINE"), "the slow call")
    driver.perform(Revive())
    assert waiting.is_alive()
    go_on.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_two_drivers_in_one_process_share_nothing(stack: ExitStack, start: Any) -> None:
    masters = [closing(stack, Master()) for _ in range(2)]
    plain = subscribed(start(masters[0].address))
    secret = subscribed(start(masters[1].address, Framework("n", "u", "p", "r", 1.0, secret="s")))
    secret.perform(Revive())
    plain.perform(Revive())
    assert "authorization" in masters[1].calls("REVIVE")[0].headers
    assert "authorization" not in masters[0].calls("REVIVE")[0].headers


# The end.


def test_a_stop_leaves_the_framework_registered(master: Master, listener: Listener, start: Any) -> None:
    driver = start(master.address)
    listener.wait(Subscribed)
    driver.stop()
    assert not driver._loop._thread.is_alive()
    assert [exchange.kind for exchange in master.exchanges] == ["SUBSCRIBE"]
    assert listener.events == [Subscribed(Master.FRAMEWORK_ID, master.address)], (
        "nothing is told after a stop"
    )
    with pytest.raises(NotConnected):
        driver.perform(Revive())


def test_a_stop_does_not_wait_for_a_wait_to_end(master: Master, listener: Listener, start: Any) -> None:
    master.refusals += [(503, "", {})]
    driver = start(master.address, timing=Timing(within(60.0, 60.0)))
    eventually(lambda: master.exchanges, "the first try")
    driver.stop()
    assert not driver._loop._thread.is_alive()


def test_a_stop_may_come_from_within_an_event(master: Master, stack: ExitStack) -> None:
    stopped = threading.Event()

    def on_event(event: MesosEvent) -> None:
        driver.stop()
        stopped.set()

    driver = Driver(FRAMEWORK, StaticDetector(master.address), on_event, lambda: True, FAST)
    stack.callback(driver.stop)
    driver.start()
    assert stopped.wait(60)
    eventually(lambda: not driver._loop._thread.is_alive(), "the loop's end")


def test_a_teardown_is_sent_once_and_is_the_end(master: Master, listener: Listener, start: Any) -> None:
    driver = start(master.address)
    listener.wait(Subscribed)
    driver.teardown()
    assert [exchange.kind for exchange in master.exchanges] == ["SUBSCRIBE", "TEARDOWN"]
    assert master.exchanges[1].body == {"type": "TEARDOWN", "framework_id": {"value": Master.FRAMEWORK_ID}}
    assert not driver._loop._thread.is_alive()


def test_a_teardown_whose_stream_ends_first_registers_nothing_new(
    master: Master, listener: Listener, start: Any
) -> None:
    take = master.answer

    def end_stream_first(exchange: Exchange) -> None:
        if exchange.kind == "TEARDOWN":
            master.stream.end()
            eventually(lambda: listener.of(Disconnected), "the end of the stream")
        take(exchange)

    master.answer = end_stream_first
    driver = start(master.address)
    listener.wait(Subscribed)
    driver.teardown()
    assert len(master.asked("SUBSCRIBE")) == 1
