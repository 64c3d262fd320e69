"""Status updates between being made and being acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from executor.outbox import Outbox


def status(uuid: str) -> dict[str, str]:
    return {"uuid": uuid}


def connected_with(*uuids: str) -> Outbox:
    outbox = Outbox()
    for uuid in uuids:
        outbox.add(status(uuid))
    outbox.connected()
    return outbox


def test_updates_are_taken_in_order_and_once() -> None:
    outbox = connected_with("1", "2")
    assert outbox.take() == status("1")
    outbox.add(status("3"))
    assert outbox.take() == status("2")
    assert outbox.take() == status("3")


def test_what_a_subscription_carries_is_not_sent_as_well() -> None:
    outbox = connected_with("1")
    assert outbox.replay() == [status("1")]
    outbox.add(status("2"))
    outbox.connected()
    assert outbox.take() == status("2")


def test_what_was_sent_and_not_acknowledged_is_carried_again_in_order() -> None:
    outbox = connected_with("1", "2", "3")
    outbox.take()
    outbox.take()
    outbox.remove("2")
    assert outbox.replay() == [status("1"), status("3")]


@pytest.mark.parametrize("away", [Outbox.disconnected, Outbox.replay])
def test_nothing_is_taken_while_not_connected(away: Callable[[Outbox], object]) -> None:
    outbox = connected_with()
    away(outbox)
    outbox.add(status("1"))
    taken: list[object] = []
    waiting = threading.Thread(target=lambda: taken.append(outbox.take()))
    waiting.start()
    waiting.join(0.02)
    assert waiting.is_alive()
    outbox.connected()
    waiting.join(10)
    assert taken == [status("1")]


def test_it_is_empty_when_all_is_acknowledged() -> None:
    outbox = connected_with("1", "2")
    assert not outbox.wait_empty(0)
    outbox.remove("1")
    outbox.remove("2")
    outbox.remove("never there")
    assert outbox.wait_empty(0)


def test_a_close_lets_go_whoever_waits() -> None:
    outbox = Outbox()
    taken: list[object] = []
    waiting = threading.Thread(target=lambda: taken.append(outbox.take()))
    waiting.start()
    outbox.close()
    waiting.join(10)
    assert taken == [None]
