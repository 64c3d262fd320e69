"""How transcripts are compared: what must differ differs in the same way each time, all else is equal."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conformance.replay.matching import Matcher, Places

THEN, OTHER = "5a4f6d4c-0a12-4ae8-9e1b-000000000001", "5a4f6d4c-0a12-4ae8-9e1b-000000000002"
NOW, NEW = "5a4f6d4c-0a12-4ae8-9e1b-00000000000a", "5a4f6d4c-0a12-4ae8-9e1b-00000000000b"


@pytest.fixture
def matcher() -> Matcher:
    places = Places({"127.9.9.9:1": "127.0.0.1:5250", "/tmp/suite": "/mesos/suite"}, {("port", 1): 5250})
    return Matcher(places, time.time())


def fields(matcher: Matcher, recorded: Any, seen: Any) -> list[str]:
    return [difference.field for difference in matcher.compare("EVENT", "", recorded, seen)]


@pytest.mark.parametrize(
    ("recorded", "seen", "differing"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, [".a"]),
        ({"a": 1}, {"a": True}, [".a"]),
        ({"a": 1}, {}, [".a"]),
        ({}, {"a": None}, [".a"]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, [" (order)"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [".a[0]", ".a[1]"]),
        ({"a": [1]}, {"a": [1, 2]}, [".a"]),
        ({"a": {"b": "text"}}, {"a": {"b": "other"}}, [".a.b"]),
        ({"port": 5250, "n": 5250}, {"port": 1, "n": 1}, [".n"]),
        ({"pid": "master@127.0.0.1:5250"}, {"pid": "master@127.9.9.9:1"}, []),
        ({"executor_pid": 7}, {"executor_pid": 8}, []),
    ],
)
def test_every_difference_is_found(matcher: Matcher, recorded: Any, seen: Any, differing: list[str]) -> None:
    assert fields(matcher, recorded, seen) == differing


def test_an_id_stands_for_one_other_all_the_time(matcher: Matcher) -> None:
    assert fields(matcher, f"{THEN}-S0", f"{NOW}-S0") == []
    assert fields(matcher, f"agent {THEN}-S0", f"agent {NOW}-S0") == []
    assert fields(matcher, f"{THEN}-S0", f"{NOW}-S1") == [""]
    assert fields(matcher, THEN, NEW) == [""], "it stands for another"
    assert fields(matcher, OTHER, NOW) == [""], "another stands for it"
    assert fields(matcher, OTHER, NEW) == []


def test_what_is_sent_names_what_there_is_now(matcher: Matcher) -> None:
    assert fields(matcher, {"id": THEN}, {"id": NOW}) == []
    sent = matcher.outgoing({"id": THEN, "uri": "file:///mesos/suite/executor.py", "new": OTHER})
    assert sent == {"id": NOW, "uri": "file:///tmp/suite/executor.py", "new": OTHER}
    assert fields(matcher, {"new": OTHER}, {"new": NEW}) == [".new"], "it was sent as it is"


def test_a_time_is_that_of_this_run_unless_it_was_sent(matcher: Matcher) -> None:
    assert fields(matcher, {"timestamp": 1795454134.5}, {"timestamp": time.time()}) == []
    assert fields(matcher, {"timestamp": 1795454134.5}, {"timestamp": 1795454134.5}) == [".timestamp"]
    matcher.outgoing({"timestamp": 1795454134.5})
    assert fields(matcher, {"timestamp": 1795454134.5}, {"timestamp": 1795454134.5}) == []
    assert fields(matcher, {"timestamp": 1795454134.5}, {"timestamp": time.time()}) == [".timestamp"]
    nanoseconds = {"nanoseconds": 1795454134 * 10**9}
    assert fields(matcher, nanoseconds, {"nanoseconds": time.time_ns()}) == []
