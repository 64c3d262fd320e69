"""Which subnets belong to this user's clusters, running or not: one that is down finds its own free again."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.layout import FILE
from local.locks import locked


class Kept:
    """Subnets and the data directories of their clusters, in a file that ``choosing`` guards."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def by_others(self, data: Path) -> frozenset[str]:
        """The subnets of all clusters but the one in ``data``."""
        return frozenset(subnet for subnet, owner in self._read().items() if owner != str(data))

    def add(self, subnet: str, data: Path) -> None:
        """A subnet is the cluster's in ``data`` from now on, for as long as that has a layout."""
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({**self._read(), subnet: str(data)}))
        new.replace(self._file)

    def _read(self) -> dict[str, str]:
        try:
            stored: dict[str, str] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return {subnet: owner for subnet, owner in stored.items() if (Path(owner) / FILE).exists()}


@contextmanager
def choosing(pause: Callable[[float], None]) -> Iterator[Kept]:
    """Keeps this user's other clusters from choosing until what was chosen is listened on."""
    stem = Path(tempfile.gettempdir()) / f"cassandra-mesos-{os.getuid()}"
    with locked(stem.with_suffix(".lock"), pause):
        yield Kept(stem.with_suffix(".json"))
