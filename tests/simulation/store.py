"""The real store, which reads in no process what another one has read already."""

from __future__ import annotations

import functools
from typing import Any

from scheduler.store.ledger import Store
from scheduler.store.records import from_bytes


class SharedStore(Store):
    """Records never change, so the processes of all simulated schedulers may share what they have decoded."""

    def _record(self, name: str, kind: type[Any], data: bytes, written: int) -> Any:
        return _decoded(kind, data, self._path(name))


_decoded = functools.lru_cache(maxsize=1024)(from_bytes)
