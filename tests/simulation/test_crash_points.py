"""Each scenario, again and again, with a crash of the scheduler at every point before and after an effect."""

from __future__ import annotations

import pytest

from tests.simulation.crash_points import SCRIPTS, enumerate_all

LEAST_POINTS = 40
"""Each scenario has at least so many store writes and Mesos calls, counted before and after."""


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_crash_at_any_point_is_made_good(script: str) -> None:
    found, text = enumerate_all(scripts=[script])
    assert [result.violation for result in found.failed] == [], text
    assert found.runs > LEAST_POINTS
