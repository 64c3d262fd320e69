"""Making a failure small: of what happens in a scenario, leave out all that the failure does not need."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from tests.simulation.campaign import run_one
from tests.simulation.storm import DAY, Happening, Scenario

ATTEMPTS = 400


def shrink(found: Scenario, violated: str, run: Callable[[Scenario], str | None] | None = None) -> Scenario:
    """A scenario that violates the same invariant, with as little happening as could be found.

    ``run`` tells which invariant a scenario violates.
    """
    check = run or (lambda scenario: run_one(scenario).violated)
    budget = iter(range(ATTEMPTS))

    def fails(happenings: list[Happening], days: int) -> bool:
        if next(budget, None) is None:
            return False
        whole = found.uninstalls and days == found.days
        less = dataclasses.replace(found, days=days, happenings=tuple(happenings), uninstalls=whole)
        return check(less) == violated

    left, days = list(found.happenings), found.days
    while days > 1 and fails([h for h in left if h.at < (days - 1) * DAY], days - 1):
        days -= 1
        left = [h for h in left if h.at < days * DAY]
    size = math.ceil(len(left) / 2)
    while size >= 1 and left:
        index, before = 0, len(left)
        while index < len(left):
            rest = left[:index] + left[index + size :]
            if fails(rest, days):
                left = rest
            else:
                index += size
        if size == 1 and len(left) == before:
            break
        size = max(1, size // 2)
    whole = found.uninstalls and days == found.days
    return dataclasses.replace(found, days=days, happenings=tuple(left), uninstalls=whole)
