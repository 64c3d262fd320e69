"""How far a node is that was told to leave the ring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Leaving:
    """``mode`` is Cassandra's: NORMAL until it has begun, LEAVING, then DECOMMISSIONED.

    ``sent_bytes`` of ``total_bytes`` have been streamed to the others; both are 0 where nothing is being
    streamed. ``problem`` is why Cassandra last refused to leave, empty where it did not.
    """

    mode: str
    sent_bytes: int = 0
    total_bytes: int = 0
    problem: str = ""
