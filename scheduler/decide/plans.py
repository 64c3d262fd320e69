"""Plans, computed from the records: there is no second copy of the truth."""

from __future__ import annotations

from scheduler.model.plan import Plan
from scheduler.model.world import World


def plans(world: World, now: float) -> dict[str, Plan]:
    """All plans by name, ``deploy`` and ``recovery`` first."""
    raise NotImplementedError
