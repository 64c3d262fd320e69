"""The waits between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transport.backoff import growing, within


@given(st.integers(min_value=1, max_value=10_000))
def test_waits_grow_to_a_limit_and_not_beyond(failures: int) -> None:
    wait = growing(0.5, 15.0)(failures)
    assert 0 <= wait <= min(15.0, 0.5 * 2 ** min(failures - 1, 10))


def test_waits_are_by_chance() -> None:
    delay = growing(0.5, 15.0)
    assert len({delay(8) for _ in range(20)}) > 1


@given(st.integers(min_value=1, max_value=10_000))
def test_an_executor_always_waits_within_its_window(failures: int) -> None:
    assert 0.1 <= within(0.1, 1.0)(failures) <= 1.0


def test_a_window_that_ends_before_it_begins_is_its_end() -> None:
    assert within(0.1, 0.05)(1) == 0.05
