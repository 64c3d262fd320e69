"""The store of backups: what was uploaded and published, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from protocol.backup import BackupTask, Keys
from tests.simulation.cassandra import Cassandra, Volume

EARLIER, MOST_NODES = "earlier-", 7


@dataclass(frozen=True)
class Upload:
    """One node's share of a backup: the node, its host id and the tokens of its data."""

    node: str
    host_id: str
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """A backup. ``nodes`` are by name."""

    operation: str
    nodes: dict[str, Upload]


class Watcher(Protocol):
    """Who looks on."""

    def snapped(self, operation: str, cassandra: Cassandra) -> None:
        """A node has taken a snapshot."""

    def published(self, task: BackupTask, before: Manifest | None, manifest: Manifest) -> None:
        """A manifest is written."""

    def swapped(self, cassandra: Cassandra) -> None:
        """Restored data have taken the place of a node's own."""

    def tidied(self, volume: Volume, kept: str) -> None:
        """A node is about to clear what is left of operations."""

    def took_in(self, task: BackupTask, sources: tuple[str, ...]) -> None:
        """A node has imported or loaded rows."""


@dataclass
class Objects:
    """The store. ``away``: it does not answer. ``refuses``: it answers with 403. ``slow``: so many times."""

    watcher: Watcher
    away: bool = False
    refuses: bool = False
    fail_next: int = 0
    slow: float = 1.0
    uploads: dict[str, dict[str, Upload]] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """There are backups of earlier clusters, one of each size."""
        for size in range(1, MOST_NODES + 1):
            names = [f"node-{number}" for number in range(size)]
            nodes = {name: Upload(name, f"{name} of {size}", (f"{name} of {size}",)) for name in names}
            self.manifests[f"{EARLIER}{size}"] = Manifest("earlier", nodes)

    @property
    def own(self) -> list[str]:
        """The backups that were made of this cluster."""
        return sorted(name for name in self.manifests if not name.startswith(EARLIER))

    def problem(self, keys: Keys | None, own_credentials: bool) -> tuple[str, bool] | None:
        """Why a request fails, and whether it always would; None where it does not."""
        if self.fail_next > 0:
            self.fail_next -= 1
            return "the store has broken the connection off", False
        if self.away:
            return "the store does not answer", False
        if self.refuses or (keys is None and not own_credentials):
            return "the store says 403 Forbidden", True
        return None

    def heal(self) -> None:
        """Whatever was wrong with it, is not any more."""
        self.away, self.refuses, self.fail_next, self.slow = False, False, 0, 1.0
