"""An offer: resources of one agent, for one role, ours until we answer."""

from __future__ import annotations

from typing import NamedTuple

from scheduler.model.resource import Resource


class Offer(NamedTuple):
    """``address`` is the agent's IP; attributes are (name, text) pairs, whose names may repeat."""

    id: str
    agent_id: str
    hostname: str
    address: str
    resources: tuple[Resource, ...]
    attributes: tuple[tuple[str, str], ...] = ()
    executor_ids: tuple[str, ...] = ()
    region: str | None = None
    zone: str | None = None
