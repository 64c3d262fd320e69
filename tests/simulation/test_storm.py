"""Many simulated days of faults and orders, in which every invariant must hold."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.campaign import DAYS, campaign, run_one
from tests.simulation.conftest import REPORT
from tests.simulation.storm import Scenario, scenario

SEEDS = 520
"""Enough for a thousand days that count, each of which has 20 faults and 5 orders."""

KEPT = sorted((Path(__file__).parent / "scenarios").glob("*.json"))


def test_a_thousand_days_of_storms_violate_no_invariant(
    record_property: Callable[[str, object], None],
) -> None:
    found = campaign(range(SEEDS))
    record_property(REPORT, found.report())
    assert [result.violation for result in found.failed] == []
    assert found.days >= 1000
    assert found.runs == SEEDS


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_once_failed_holds_now(path: Path) -> None:
    assert run_one(Scenario.from_json(path.read_text())).violation is None


def test_a_seed_goes_the_same_way_in_any_process() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7"]
    outputs = {_first_line(command, hash_seed) for hash_seed in ("1", "2")}
    assert len(outputs) == 1
    assert "digest" in outputs.pop()


def _first_line(command: list[str], hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.splitlines()[0]


def test_a_seed_is_replayed_by_what_is_told_of_its_failure() -> None:
    for seed in range(20):
        found = scenario(seed, days=1)
        assert scenario(seed, found.nodes, found.days) == found


def test_a_scenario_comes_back_from_its_file() -> None:
    found = scenario(3, days=DAYS)
    assert Scenario.from_json(found.to_json()) == found
