from __future__ import annotations

from executor.maintenance.pace import BATCH_SECONDS, GROWTH, Pace


def test_nothing_is_known_before_the_first_repair() -> None:
    assert Pace().size == 0


def test_the_next_repair_is_larger_while_the_last_one_was_quick_but_not_by_much_at_once() -> None:
    pace = Pace()
    pace.took(0.01, 0.1)
    assert pace.size == 0.01 * GROWTH
    pace.took(0.01, 0.0)
    assert pace.size == 0.01 * GROWTH


def test_the_next_repair_is_smaller_where_the_last_one_took_long() -> None:
    pace = Pace()
    pace.took(0.5, 4 * BATCH_SECONDS)
    assert pace.size == 0.125
