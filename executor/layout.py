"""Where everything lies in a node's persistent volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATA_FOLDERS = ("data", "commitlog", "hints", "saved_caches", "cdc_raw")


@dataclass(frozen=True)
class Layout:
    """Paths below the volume's root. Distributions lie outside what Cassandra owns and backups hold."""

    volume: Path

    @property
    def distributions(self) -> Path:
        """Unpacked distributions, each in a folder named by its checksum."""
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
    def home(self) -> Path:
        """The home directory of Cassandra's process."""
        return self.volume / "home"

    @property
    def lock(self) -> Path:
        """The file that whoever runs Cassandra on this volume holds locked."""
        return self.volume / "lock"

    def make(self) -> None:
        """Create all folders."""
        for folder in (self.distributions, self.etc, self.log, self.home):
            folder.mkdir(parents=True, exist_ok=True)
        for name in DATA_FOLDERS:
            (self.cassandra / name).mkdir(parents=True, exist_ok=True)

    @property
    def has_data(self) -> bool:
        """Whether Cassandra has ever written tables here."""
        return any((self.cassandra / "data").glob("system/local-*"))
