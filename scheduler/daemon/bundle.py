"""Where agents fetch the executor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bundle:
    """The executor's bundle, as served to the agents' fetchers."""

    path: Path
    digest: str

    def uri(self, api_url: str) -> str:
        """Where the fetcher finds it; the digest in the path makes every content a new address."""
        return f"{api_url}/v1/artifacts/{self.digest}/{self.path.name}"

    def file(self, digest: str, name: str) -> Path | None:
        """What is to be served at such an address; None where there is nothing."""
        return self.path if (digest, name) == (self.digest, self.path.name) else None
