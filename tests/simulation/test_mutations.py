"""The simulation finds bugs: each invariant has a deliberate one that it catches."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.campaign import run_one
from tests.simulation.mutations import GOES_ON_IN_A_NEW_SESSION, MUTATIONS, ORDERED, applied
from tests.simulation.shrink import shrink
from tests.simulation.storm import scenario

SEEDS = 40
"""In so many days at most, each deliberate bug has to show."""


@pytest.fixture(autouse=True)
def _silent() -> None:
    logging.getLogger("scheduler").setLevel(logging.CRITICAL)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_deliberate_bug_is_found(name: str) -> None:
    found: list[str] = []
    with applied(MUTATIONS[name]):
        for seed in range(SEEDS):
            violated = run_one(scenario(seed, days=1, ordered=ORDERED.get(name, ()))).violated
            if violated is not None:
                found.append(violated)
            if violated == name.partition(":")[0]:
                return
    pytest.fail(f"not found in {SEEDS} days, which violated {found or 'nothing'}")


def test_the_epoch_alone_fences_a_leader_that_goes_on_in_a_new_session() -> None:
    with applied(GOES_ON_IN_A_NEW_SESSION):
        violated = [run_one(scenario(seed, days=1)).violated for seed in range(10)]
    assert "S5" not in violated


def test_a_failure_shrinks_to_few_happenings_that_still_violate_the_same() -> None:
    with applied(MUTATIONS["S4: takes nodes down whoever else is down"]):
        days = (scenario(seed, days=1) for seed in range(SEEDS))
        failing = next(day for day in days if run_one(day).violated == "S4")
        small = shrink(failing, "S4")
        assert run_one(small).violated == "S4"
    assert len(small.happenings) <= 4
