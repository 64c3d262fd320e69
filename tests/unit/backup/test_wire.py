"""A connection whose other end, and the clock, are the test's."""

from __future__ import annotations

import itertools
import socket
from types import SimpleNamespace

import pytest

from backup.location import parse
from backup.s3 import wire
from backup.s3.patience import Patience


class Counting:
    """A meter that counts how often it is looked at."""

    checks = 0

    def grant(self, wanted: int) -> int:
        return wanted

    def check(self) -> None:
        self.checks += 1


def test_what_comes_slowly_and_is_never_silent_is_interrupted_each_second_to_look_at_the_meter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, other = socket.socketpair()
    monkeypatch.setattr(wire, "_connect", lambda location, timeout: mine)
    # Each byte takes a quarter of a second: the clock is read before it and after it.
    clock = SimpleNamespace(monotonic=itertools.count(0, 0.25).__next__)
    monkeypatch.setattr(wire, "time", clock)
    meter = Counting()
    connection = wire.Wire(parse("http://127.0.0.1:9/bucket"), meter, Patience(least_rate=0))
    other.sendall(b"x" * 41)
    for _ in range(41):
        assert connection.recv_into(bytearray(1)) == 1
    assert meter.checks == 10
    connection.close()
    other.close()
