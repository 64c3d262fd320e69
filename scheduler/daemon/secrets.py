"""What the scheduler was given to keep to itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.backup import Keys, Login
from scheduler.daemon.sealing import Sealer
from scheduler.model.world import Ledger


@dataclass(frozen=True)
class Secrets:
    """What the daemon knows and never tells: read from files, never logged."""

    zookeeper_auth: str = ""
    mesos: str | None = None
    sealer: Sealer = field(default_factory=Sealer)
    login: Login | None = None

    def opened(self, ledger: Ledger) -> dict[str, Keys]:
        """The credentials of operations that run, by operation, as far as they were stored."""
        running = [one for one in ledger.operations.values() if one.ended_at is None and one.transfer]
        found = {one.id: self.sealer.open(one.transfer.sealed) for one in running if one.transfer}
        return {ident: keys for ident, keys in found.items() if keys is not None}

    def __repr__(self) -> str:
        return "Secrets(…)"
