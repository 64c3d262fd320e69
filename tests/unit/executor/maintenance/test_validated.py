from __future__ import annotations

import pytest

from executor.maintenance.validated import Validated


def test_each_table_counts_by_its_size() -> None:
    validated = Validated({"small": 100, "large": 300})
    assert validated.see({}) == 0.0
    assert validated.see({"large": 0.5}) == pytest.approx(0.375)


def test_what_was_being_read_and_is_no_more_has_been_read() -> None:
    validated = Validated({"a": 1, "b": 1, "c": 2})
    validated.see({"a": 0.9})
    assert validated.see({"b": 0.5}) == pytest.approx(0.375)
    assert validated.see({}) == pytest.approx(0.5)


def test_of_nothing_to_read_nothing_is_done() -> None:
    assert Validated({"a": 0}).see({"a": 1.0}) == 0.0
