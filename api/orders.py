"""Orders of operators: passed on with who gave them, or only tried where that was asked."""

from __future__ import annotations

from flask import request

from api.auth.callers import caller, origin
from api.requests import switch
from scheduler.daemon.service import Service
from scheduler.model.event import Command, Ordered
from scheduler.model.world import World

DRY_RUN = "dry_run"
"""The parameter of calls that can be tried: ``true`` answers the plan that would run, and changes nothing."""


class Preview(Exception):
    """What there would be after an order, which was not carried out: answered with the plan of that name."""

    def __init__(self, world: World, plan: str) -> None:
        super().__init__(plan)
        self.world = world
        self.plan = plan


def is_dry_run() -> bool:
    """Whether the call is to change nothing."""
    return switch(request.args.to_dict(), DRY_RUN)


def give(service: Service, command: Command, plan: str) -> None:
    """Have an order carried out; returns once it is stored. ``plan`` is the one in which it shows.

    Raises Preview instead where the call asked for a dry run; else as ``Service.command`` does.
    """
    if is_dry_run():
        raise Preview(service.preview(command), plan)
    service.command(Ordered(command, caller().name, origin()))
