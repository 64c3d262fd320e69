"""Where everything lies in a node's persistent volume. Nothing else of the agent is written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from executor.failure import TaskFailed

DATA_FOLDERS = ("data", "commitlog", "hints", "saved_caches", "cdc_raw")


@dataclass(frozen=True)
class Layout:
    """Paths below the volume's root. Distributions lie outside what Cassandra owns and backups hold."""

    volume: Path

    @property
    def distributions(self) -> Path:
        """What was fetched, each in a folder named by its checksum."""
        return self.volume / "dist"

    @property
    def cassandra(self) -> Path:
        """Cassandra's own directories."""
        return self.volume / "cassandra"

    @property
    def etc(self) -> Path:
        """Configuration, written anew at each start; on Cassandra's class path."""
        return self.volume / "etc"

    @property
    def log(self) -> Path:
        """Cassandra's logs."""
        return self.volume / "log"

    @property
    def run(self) -> Path:
        """The home directory of Cassandra's process, and its working directory."""
        return self.volume / "run"

    @property
    def temporary(self) -> Path:
        """Where Java unpacks its native libraries: an agent's /tmp may be read-only or forbid programs."""
        return self.run / "tmp"

    @property
    def lock(self) -> Path:
        """The file that whoever runs Cassandra on this volume holds locked."""
        return self.volume / "lock"

    @property
    def maintenance(self) -> Path:
        """What maintenance has done so far."""
        return self.volume / "maintenance"

    @property
    def backup(self) -> Path:
        """What backups know of the files that are at a location already."""
        return self.volume / "backup"

    @property
    def restores(self) -> Path:
        """What restores bring and what they put aside, a folder for each."""
        return self.volume / "restore"

    def restored(self, operation: str) -> Path:
        """Where a restore brings its files."""
        return self.restores / operation / "data"

    def replaced(self, operation: str) -> Path:
        """Cassandra's directories as they were before a restore took their place."""
        return self.restores / operation / "before"

    @property
    def restored_by(self) -> Path:
        """The file that names the restore whose data Cassandra runs on."""
        return self.volume / "restored-by"

    def make(self) -> None:
        """Create all folders. Raises TaskFailed where there is no volume to create them in."""
        if not self.volume.is_dir():
            # Making it would put the data into the sandbox, which Mesos removes after the task.
            raise TaskFailed(f"the persistent volume is not mounted: {self.volume} does not exist")
        for folder in (self.distributions, self.etc, self.log, self.temporary, self.maintenance, self.backup):
            folder.mkdir(parents=True, exist_ok=True)
        for name in DATA_FOLDERS:
            (self.cassandra / name).mkdir(parents=True, exist_ok=True)
