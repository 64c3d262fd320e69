"""The executor's driver against an agent with every bad habit."""

from __future__ import annotations

import base64
import itertools
import resource
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from executor.driver import ConfigurationError, ExecutorDriver
from tests.integration.scripted_server import Agent, Exchange, ScriptedServer, chunk, eventually, record


class Callbacks:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def launch(self, task_id: str, data: bytes) -> None:
        self.calls.append(("launch", task_id, data))

    def kill(self, task_id: str, grace_seconds: float | None) -> None:
        self.calls.append(("kill", task_id, grace_seconds))

    def message(self, data: bytes) -> None:
        self.calls.append(("message", data))

    def shutdown(self) -> None:
        self.calls.append(("shutdown",))

    def wait(self, *call: Any) -> None:
        eventually(lambda: call in self.calls, f"callback {call}")


def environment(address: str, **more: str) -> dict[str, str]:
    return {
        "MESOS_AGENT_ENDPOINT": address,
        "MESOS_FRAMEWORK_ID": "f",
        "MESOS_EXECUTOR_ID": "e",
        "MESOS_CHECKPOINT": "1",
        "MESOS_SUBSCRIPTION_BACKOFF_MAX": "40ms",
        **more,
    }


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def agent(stack: ExitStack) -> Agent:
    agent = Agent()
    stack.callback(agent.close)
    return agent


@pytest.fixture
def callbacks() -> Callbacks:
    return Callbacks()


@pytest.fixture
def start(stack: ExitStack, callbacks: Callbacks) -> Callable[..., ExecutorDriver]:
    def start(address: str, **more: str) -> ExecutorDriver:
        driver = ExecutorDriver(environment(address, **more), callbacks)
        thread = threading.Thread(target=driver.run)
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(driver.stop)
        return driver

    return start


LAUNCH = {"type": "LAUNCH", "launch": {"task": {"task_id": {"value": "t"}, "name": "n", "data": "aGk="}}}


# Subscribing.


def test_it_subscribes_as_the_executor_it_is(agent: Agent, start: Any) -> None:
    start(agent.address)
    call = agent.subscribed()
    assert call.path == "/api/v1/executor"
    assert call.headers["accept"] == "application/json"
    assert call.headers["content-type"] == "application/json"
    assert "authorization" not in call.headers
    assert call.body == {
        "type": "SUBSCRIBE",
        "framework_id": {"value": "f"},
        "executor_id": {"value": "e"},
        "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []},
    }


def test_a_token_is_shown_on_every_call(agent: Agent, start: Any) -> None:
    driver = start(agent.address, MESOS_EXECUTOR_AUTHENTICATION_TOKEN="geheim")
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)
    driver.send(b"hi")
    assert {exchange.headers["authorization"] for exchange in agent.exchanges} == {"Bearer geheim"}
    assert [exchange.kind for exchange in agent.exchanges][-1] == "MESSAGE"


@pytest.mark.parametrize("status", [503, 404, 401, 403, 500])
def test_an_agent_that_is_not_ready_is_asked_again(
    agent: Agent, callbacks: Callbacks, start: Any, status: int
) -> None:
    agent.refusals += [(status, "Agent has not finished recovery")] * 4
    start(agent.address)
    agent.subscribed()
    assert len(agent.asked("SUBSCRIBE")) == 5
    assert not callbacks.calls


def test_its_waits_fit_into_the_time_a_restarted_agent_gives(stack: ExitStack, callbacks: Callbacks) -> None:
    driver = ExecutorDriver(environment("127.0.0.1:1", MESOS_SUBSCRIPTION_BACKOFF_MAX="2secs"), callbacks)
    waits = [driver._loop._timing.delay(failures) for failures in (1, 2, 50) for _ in range(50)]
    assert min(waits) >= 0.1
    assert max(waits) <= 1.0


def test_it_comes_back_after_an_agents_restart(callbacks: Callbacks, start: Any, stack: ExitStack) -> None:
    first = Agent()
    driver = start(first.address)
    first.subscribed().send(LAUNCH)
    callbacks.wait("launch", "t", b"hi")
    first.close()
    eventually(lambda: not driver._outbox._connected, "the driver's notice of the stream's end")
    driver.update("t", "TASK_RUNNING")
    second = Agent(port=int(first.address.split(":")[1]))
    stack.callback(second.close)
    assert driver.flush(10)
    assert second.told() == ["TASK_RUNNING"]
    (subscribe,) = second.asked("SUBSCRIBE")
    assert subscribe.body["subscribe"]["unacknowledged_tasks"] == [LAUNCH["launch"]["task"]]
    assert not second.asked("UPDATE"), "SUBSCRIBE has carried it"
    assert callbacks.calls == [("launch", "t", b"hi")]


def test_tcp_watches_over_the_stream_and_nothing_else_does(agent: Agent, start: Any) -> None:
    driver = start(agent.address)
    agent.subscribed()
    eventually(
        lambda: driver._loop._stream is not None and driver._loop._stream._sock.timeout is None, "stream"
    )
    sock = driver._loop._stream._sock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_an_error_event_leads_to_a_new_subscription(agent: Agent, callbacks: Callbacks, start: Any) -> None:
    start(agent.address)
    agent.subscribed().send({"type": "ERROR", "error": {"message": "something"}})
    agent.subscribed(2)
    assert not callbacks.calls


def test_a_stream_cut_anywhere_is_opened_again_and_launches_once(
    callbacks: Callbacks, start: Any, stack: ExitStack
) -> None:
    whole = chunk(record({"type": "SUBSCRIBED", "subscribed": {}})) + chunk(record(LAUNCH))
    cuts = iter(range(len(whole)))

    def cut(exchange: Exchange) -> None:
        exchange.stream()
        at = next(cuts, None)
        exchange.raw(whole[:at])
        if at is not None:
            exchange.cut()

    server = ScriptedServer(cut)
    stack.callback(server.close)
    start(server.address, MESOS_SUBSCRIPTION_BACKOFF_MAX="2ms")
    eventually(lambda: len(server.exchanges) == len(whole) + 1, "the last subscription")
    callbacks.wait("launch", "t", b"hi")
    assert callbacks.calls == [("launch", "t", b"hi")]


def test_an_event_that_comes_byte_by_byte_is_read_whole(
    agent: Agent, callbacks: Callbacks, start: Any
) -> None:
    start(agent.address)
    stream = agent.subscribed()
    for byte in chunk(record(LAUNCH)):
        stream.raw(bytes([byte]))
    callbacks.wait("launch", "t", b"hi")


def test_an_event_of_ten_megabytes_is_read_whole(agent: Agent, callbacks: Callbacks, start: Any) -> None:
    start(agent.address)
    data = bytes(range(256)) * 32_768  # 8 MB, more than 10 as base64
    agent.subscribed().send({"type": "MESSAGE", "message": {"data": base64.b64encode(data).decode()}})
    callbacks.wait("message", data)


def test_more_than_1024_files_may_be_open(
    agent: Agent, callbacks: Callbacks, start: Any, stack: ExitStack
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1300
    if hard != resource.RLIM_INFINITY and hard < wanted + 200:
        pytest.skip(f"this user may open only {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200), hard))
    stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    for _ in range(wanted):
        stack.enter_context(socket.socket())
    driver = start(agent.address)
    agent.subscribed().send(LAUNCH)
    callbacks.wait("launch", "t", b"hi")
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)


def test_a_second_subscribed_on_one_stream_changes_nothing(
    agent: Agent, callbacks: Callbacks, start: Any
) -> None:
    driver = start(agent.address)
    agent.subscribed().send({"type": "SUBSCRIBED", "subscribed": {}}, LAUNCH)
    callbacks.wait("launch", "t", b"hi")
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)
    assert agent.told() == ["TASK_RUNNING"]


def test_an_agent_that_answers_an_update_with_silence_gets_it_with_the_next_subscription(
    agent: Agent, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = agent.answer

    def say_nothing(exchange: Exchange) -> None:
        if exchange.kind != "UPDATE":
            take(exchange)

    agent.answer = say_nothing
    monkeypatch.setattr("executor.driver.CALL_SECONDS", 0.2)
    driver = start(agent.address)
    agent.subscribed()
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)
    assert len(agent.streams) == 2


def test_an_event_of_a_kind_that_is_not_known_costs_nothing(
    agent: Agent, callbacks: Callbacks, start: Any
) -> None:
    start(agent.address)
    agent.subscribed().send({"type": "NEWER_THAN_WE"}, {"type": "LAUNCH"}, {}, ["no", "event"], LAUNCH)
    callbacks.wait("launch", "t", b"hi")
    assert len(agent.streams) == 1


# What the agent wants.


def test_events_become_calls(agent: Agent, callbacks: Callbacks, start: Any) -> None:
    start(agent.address)
    grace = {"grace_period": {"nanoseconds": 2_500_000_000}}
    agent.subscribed().send(
        LAUNCH,
        {"type": "LAUNCH", "launch": {"task": {"task_id": {"value": "bare"}}}},
        {"type": "LAUNCH_GROUP", "launch_group": {"task_group": {"tasks": [{"task_id": {"value": "g"}}]}}},
        {"type": "KILL", "kill": {"task_id": {"value": "t"}, "kill_policy": grace}},
        {"type": "KILL", "kill": {"task_id": {"value": "t"}}},
        {"type": "MESSAGE", "message": {"data": "aGk="}},
        {"type": "SHUTDOWN"},
    )
    callbacks.wait("shutdown")
    assert callbacks.calls == [
        ("launch", "t", b"hi"),
        ("launch", "bare", b""),
        ("launch", "g", b""),
        ("kill", "t", 2.5),
        ("kill", "t", None),
        ("message", b"hi"),
        ("shutdown",),
    ]


def test_a_task_is_launched_once_however_often_it_is_sent(
    agent: Agent, callbacks: Callbacks, start: Any
) -> None:
    start(agent.address)
    agent.subscribed().send(LAUNCH, LAUNCH, {"type": "KILL", "kill": {"task_id": {"value": "t"}}})
    callbacks.wait("kill", "t", None)
    assert callbacks.calls == [("launch", "t", b"hi"), ("kill", "t", None)]


def test_a_callback_that_fails_costs_only_its_event(agent: Agent, start: Any, callbacks: Callbacks) -> None:
    def fail(data: bytes) -> None:
        raise OSError("in the callback")

    callbacks.message = fail  # type: ignore[method-assign]
    start(agent.address)
    agent.subscribed().send({"type": "MESSAGE", "message": {"data": "aGk="}}, LAUNCH)
    callbacks.wait("launch", "t", b"hi")
    assert len(agent.streams) == 1


# Updates.


def test_an_update_says_all_that_an_agent_asks_for(agent: Agent, start: Any) -> None:
    driver = start(agent.address)
    agent.subscribed()
    driver.update("t", "TASK_RUNNING", "all well", b"\x00data")
    assert driver.flush(10)
    (update,) = agent.asked("UPDATE")
    assert update.body["framework_id"] == {"value": "f"}
    assert update.body["executor_id"] == {"value": "e"}
    status = dict(update.body["update"]["status"])
    assert uuid.UUID(bytes=base64.b64decode(status.pop("uuid"))).version == 4
    assert status.pop("timestamp") == pytest.approx(time.time(), abs=60)
    assert status == {
        "task_id": {"value": "t"},
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "executor_id": {"value": "e"},
        "message": "all well",
        "data": base64.b64encode(b"\x00data").decode(),
    }


def test_updates_arrive_in_order(agent: Agent, start: Any) -> None:
    driver = start(agent.address)
    states = [f"STATE_{n}" for n in range(50)]
    for state in states:
        driver.update("t", state)
    assert driver.flush(10)
    assert agent.told() == states


def test_updates_made_before_the_subscription_are_carried_by_it(
    callbacks: Callbacks, agent: Agent, stack: ExitStack
) -> None:
    driver = ExecutorDriver(environment(agent.address), callbacks)
    driver.update("t", "TASK_STARTING")
    driver.update("t", "TASK_RUNNING")
    thread = threading.Thread(target=driver.run)
    thread.start()
    stack.callback(thread.join, 10)
    stack.callback(driver.stop)
    assert driver.flush(10)
    assert agent.told() == ["TASK_STARTING", "TASK_RUNNING"]
    assert not agent.asked("UPDATE")


def test_an_update_taken_but_not_acknowledged_is_told_again_with_its_uuid(agent: Agent, start: Any) -> None:
    agent.acknowledging = False
    driver = start(agent.address)
    stream = agent.subscribed()
    driver.update("t", "TASK_RUNNING")
    eventually(lambda: agent.asked("UPDATE"), "the update")
    assert not driver.flush(0)
    stream.cut()
    again = agent.subscribed(2)
    replayed = again.body["subscribe"]["unacknowledged_updates"]
    assert replayed == [agent.asked("UPDATE")[0].body["update"]]
    agent.acknowledge(replayed[0]["status"])
    assert driver.flush(10)


@pytest.mark.parametrize("refusal", [(503, "recovering"), (403, "Executor is not subscribed"), (500, "")])
def test_an_update_that_is_refused_for_now_is_told_with_the_next_subscription(
    agent: Agent, start: Any, refusal: tuple[int, str]
) -> None:
    driver = start(agent.address)
    agent.subscribed()
    agent.call_refusals.append(refusal)
    driver.update("t", "TASK_STARTING")
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)
    kept = [state for state, _ in itertools.groupby(agent.told())]
    assert kept == ["TASK_STARTING", "TASK_RUNNING"], "in order, whatever was repeated"
    assert len(agent.streams) == 2


def test_an_update_whose_answer_is_lost_is_told_with_the_next_subscription(agent: Agent, start: Any) -> None:
    take = agent.answer

    def hang_up(exchange: Exchange) -> None:
        if exchange.kind == "UPDATE":
            exchange.cut()
        else:
            take(exchange)

    agent.answer = hang_up
    driver = start(agent.address)
    agent.subscribed()
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)
    assert agent.told() == ["TASK_RUNNING", "TASK_RUNNING"]
    assert len(agent.streams) == 2


def test_an_update_that_can_never_be_taken_does_not_block_the_others(agent: Agent, start: Any) -> None:
    driver = start(agent.address)
    agent.subscribed()
    agent.call_refusals.append((400, "Failed to validate executor::Call: bad state"))
    driver.update("t", "TASK_NONSENSE")
    driver.update("t", "TASK_RUNNING")
    assert driver.flush(10)
    assert agent.told() == ["TASK_NONSENSE", "TASK_RUNNING"]
    assert len(agent.streams) == 1


def test_flush_gives_up_in_time(agent: Agent, start: Any) -> None:
    agent.acknowledging = False
    driver = start(agent.address)
    driver.update("t", "TASK_RUNNING")
    assert not driver.flush(0.05)


# Messages.


def test_a_message_is_sent(agent: Agent, start: Any) -> None:
    driver = start(agent.address)
    agent.subscribed()
    driver.send(b"hi")
    (message,) = agent.asked("MESSAGE")
    assert message.body["message"] == {"data": "aGk="}


def test_a_message_that_cannot_be_sent_is_lost_and_nothing_else(
    agent: Agent, start: Any, callbacks: Callbacks
) -> None:
    driver = start(agent.address)
    agent.subscribed()
    agent.call_refusals.append((503, ""))
    driver.send(b"lost")
    driver.send(b"hi")
    assert len(agent.streams) == 1
    ExecutorDriver(environment("127.0.0.1:1"), callbacks).send(b"to nobody")


# The end.


def test_after_a_shutdown_the_last_updates_still_arrive(
    agent: Agent, callbacks: Callbacks, start: Any
) -> None:
    driver = start(agent.address)
    agent.subscribed().send({"type": "SHUTDOWN"})
    callbacks.wait("shutdown")
    driver.update("t", "TASK_KILLED")
    assert driver.flush(10)
    assert agent.told() == ["TASK_KILLED"]


@pytest.mark.parametrize("text", ["Framework cannot be found", "Executor cannot be found"])
def test_an_agent_that_does_not_know_it_ends_it(
    agent: Agent, callbacks: Callbacks, start: Any, text: str
) -> None:
    agent.refusals += [(400, text)] * 5
    start(agent.address)
    callbacks.wait("shutdown")
    assert callbacks.calls == [("shutdown",)]
    assert len(agent.exchanges) == 1


def test_an_agent_that_does_not_know_it_any_more_ends_it(
    agent: Agent, callbacks: Callbacks, start: Any
) -> None:
    driver = start(agent.address)
    agent.subscribed()
    agent.call_refusals.append((400, "Executor cannot be found"))
    agent.refusals.append((400, "Executor cannot be found"))
    driver.update("t", "TASK_RUNNING")
    callbacks.wait("shutdown")


def test_an_agent_that_stays_away_too_long_ends_it(callbacks: Callbacks, start: Any) -> None:
    agent = Agent()
    start(agent.address, MESOS_RECOVERY_TIMEOUT="300ms")
    agent.subscribed()
    agent.close()
    callbacks.wait("shutdown")


def test_an_agent_that_was_never_there_ends_it(callbacks: Callbacks, start: Any) -> None:
    start("127.0.0.1:1", MESOS_RECOVERY_TIMEOUT="50ms")
    callbacks.wait("shutdown")


def test_time_with_an_agent_does_not_count(agent: Agent, callbacks: Callbacks, start: Any) -> None:
    start(agent.address, MESOS_RECOVERY_TIMEOUT="200ms")
    stream = agent.subscribed()
    time.sleep(0.3)  # longer than the timeout, and nothing to wait for
    stream.cut()
    agent.subscribed(2)
    assert not callbacks.calls


def test_without_checkpointing_it_ends_with_its_agent(agent: Agent, callbacks: Callbacks, start: Any) -> None:
    start(agent.address, MESOS_CHECKPOINT="0")
    agent.subscribed().cut()
    callbacks.wait("shutdown")
    assert len(agent.exchanges) == 1


def test_it_is_told_to_shut_down_once(agent: Agent, callbacks: Callbacks, start: Any) -> None:
    start(agent.address)
    stream = agent.subscribed()
    stream.send({"type": "SHUTDOWN"}, {"type": "SHUTDOWN"})
    callbacks.wait("shutdown")
    agent.refusals.append((400, "Executor cannot be found"))
    stream.end()
    eventually(lambda: len(agent.exchanges) == 2, "the next subscription")
    assert callbacks.calls == [("shutdown",)]


def test_run_lasts_until_stop_whatever_the_agent_says(agent: Agent, callbacks: Callbacks) -> None:
    agent.refusals.append((400, "Executor cannot be found"))
    driver = ExecutorDriver(environment(agent.address), callbacks)
    thread = threading.Thread(target=driver.run)
    thread.start()
    callbacks.wait("shutdown")
    assert thread.is_alive(), "the tasks' end takes time, and whoever called run() is to see to it"
    driver.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_stop_does_not_wait_for_a_silent_agent_to_speak(callbacks: Callbacks, stack: ExitStack) -> None:
    agent = Agent()
    stack.callback(agent.close)
    driver = ExecutorDriver(environment(agent.address), callbacks)
    thread = threading.Thread(target=driver.run)
    thread.start()
    agent.subscribed()
    driver.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_an_environment_that_is_none_of_an_executor_is_refused(callbacks: Callbacks) -> None:
    with pytest.raises(ConfigurationError, match="MESOS_AGENT_ENDPOINT"):
        ExecutorDriver({}, callbacks)


def test_an_agent_that_takes_the_call_and_says_nothing_is_left(
    start: Any, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.driver.CALL_SECONDS", 0.1)
    silent = ScriptedServer(lambda exchange: None)
    stack.callback(silent.close)
    start(silent.address)
    eventually(lambda: len(silent.exchanges) >= 2, "a second try")
