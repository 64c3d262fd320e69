"""What was sent and may have been lost, a kill or a question about a silent task: both are repeated."""

from __future__ import annotations

from scheduler.decide.decision import Decision
from scheduler.model.world import World

REPEAT_SECONDS = 30.0


def is_due(world: World, task_id: str, now: float) -> bool:
    """Whether none was sent about the task for so long, or none ever."""
    return now - world.session.reminded.get(task_id, 0.0) >= REPEAT_SECONDS


def noted(decision: Decision, task_id: str, now: float) -> Decision:
    """Note that one is sent about the task now. Of those sent long ago nothing needs to be known."""
    recent = {task: at for task, at in decision.world.session.reminded.items() if now - at < REPEAT_SECONDS}
    return decision.with_session(reminded={**recent, task_id: now})
