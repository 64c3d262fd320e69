"""How many bytes a throttle lets through, by a clock of the test's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from executor.backup import control
from executor.backup.control import Throttle

SECOND = 1.0


class Clock:
    """Goes on when somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(control, "time", SimpleNamespace(monotonic=lambda: self.now))

    def run(self, throttle: Throttle, seconds: float, wanted: int = 1 << 18) -> int:
        """How many bytes come through in so many seconds."""
        condition = throttle._changed
        condition.wait = self._wait  # type: ignore[method-assign, assignment]
        end, total = self.now + seconds, 0
        while self.now < end:
            total += throttle.take(wanted, 0.5)
        return total

    def _wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize("rate", [100.0, 50_000.0, 3e6])
def test_in_the_long_run_the_rate_is_kept_to(clock: Clock, rate: float) -> None:
    assert clock.run(Throttle(rate), 60 * SECOND) == pytest.approx(60 * rate, rel=0.02)


def test_being_told_the_same_rate_again_lets_nothing_more_through(clock: Clock) -> None:
    throttle, total, begun = Throttle(50_000.0), 0, clock.now
    for _ in range(120):
        throttle.set(50_000.0)
        total += clock.run(throttle, 0.5 * SECOND)
    assert total == pytest.approx((clock.now - begun) * 50_000, rel=0.03)


def test_another_rate_holds_from_now_on(clock: Clock) -> None:
    throttle = Throttle(1000.0)
    clock.run(throttle, 10 * SECOND)
    throttle.set(100_000.0)
    assert clock.run(throttle, 10 * SECOND) == pytest.approx(1_000_000, rel=0.03)


def test_without_a_rate_all_goes_at_once(clock: Clock) -> None:
    throttle = Throttle(10.0)
    throttle.set(None)
    assert throttle.take(1 << 20, 0.5) == 1 << 20
