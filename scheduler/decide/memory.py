"""Remembering what follows from the ledger alone, which most of the many batches of offers do not change."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar, cast

from scheduler.model.world import World

T = TypeVar("T")


def of_ledger(function: Callable[[World], T]) -> Callable[[World], T]:
    """Ask a function once a ledger, which is immutable: it must look at nothing else of the world."""

    @functools.wraps(function)
    def remembered(world: World) -> T:
        known = world.ledger.consequences
        if function not in known:
            known[function] = function(world)
        return cast(T, known[function])

    return remembered
