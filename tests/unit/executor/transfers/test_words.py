"""The scheduler's word, and what a task waits for until it has come."""

from __future__ import annotations

import threading

import pytest

from executor.failure import Stopped
from executor.stop import StopOrder
from executor.transfers.words import Words
from protocol.backup import Keys, Word

KEYS = Keys("a", "s")


def test_a_task_waits_for_the_word_then_for_keys_then_for_the_others() -> None:
    words = Words(own_credentials=False)
    assert words.waiting_for() == "the scheduler's word"
    words.give(Word("t", go=True))
    assert words.waiting_for() == "the S3 credentials"
    words.give(Word("t", go=False, keys=KEYS))
    assert words.waiting_for() == "the other nodes to be ready"
    threading.Timer(0.05, words.give, [Word("t", go=True)]).start()
    assert words.await_go(StopOrder()) == Word("t", go=True, keys=KEYS)


def test_a_node_with_credentials_of_its_own_waits_for_none() -> None:
    words = Words(own_credentials=True)
    words.give(Word("t", go=True))
    assert words.await_go(StopOrder()).keys is None


def test_a_stop_ends_the_waiting() -> None:
    order = StopOrder()
    order.give(0.0)
    with pytest.raises(Stopped):
        Words(own_credentials=True).await_go(order)
