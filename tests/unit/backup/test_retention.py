"""Which backups go, by count and age."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from backup.retention import outdated

NOW = datetime(2026, 3, 10, tzinfo=timezone.utc)
BACKUPS = [(f"day-{age}", NOW - timedelta(days=age)) for age in (1, 4, 2, 3)]


@pytest.mark.parametrize(
    ("keep_last", "keep_days", "expected"),
    [
        (None, None, []),
        (2, None, ["day-4", "day-3"]),
        (9, None, []),
        (None, 2.5, ["day-4", "day-3"]),
        (3, 1.5, ["day-4"]),
        (0, 3.5, ["day-4"]),
    ],
)
def test_the_oldest_go_that_neither_count_nor_age_keeps(
    keep_last: int | None, keep_days: float | None, expected: list[str]
) -> None:
    assert outdated(BACKUPS, keep_last, keep_days, NOW) == expected
