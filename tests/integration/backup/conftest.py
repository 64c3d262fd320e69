"""A cluster with a store beside it, and the calls that order and watch backups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.conftest import LocalCluster
from tests.integration.maintenance.conftest import Service

SECRET = "canary-secret-4f0c9a7be1"


@dataclass
class Backups(Service):
    """Orders with the store's address and keys in them."""

    def body(self, name: str | None = None, **more: Any) -> dict[str, Any]:
        """A request's body."""
        location = self.places["s3"]["external_location"]
        keys = {"s3_access_key": "canary-access-key", "s3_secret_key": SECRET}
        named = {} if name is None else {"backup_name": name}
        return {**named, "external_location": location, **keys, **more}

    def order(self, path: str, name: str, **more: Any) -> Any:
        """Give an order that is to be taken."""
        status, told = self.call("PUT", path, self.body(name, **more))
        assert status == 202, told
        return told

    def done(self, kind: str) -> Any:
        """Wait until an operation has ended, well."""
        return self.completed(kind)

    def snapshots(self) -> list[str]:
        """The folders of snapshots on all nodes."""
        found = self.local.data.glob("agent-*/volumes/roles/*/*/cassandra/data/*/*/snapshots/backup-*")
        return [str(path) for path in found]


@pytest.fixture
def backups(shared_cluster: LocalCluster) -> Iterator[Backups]:
    """The cluster that tests share."""
    yield Backups(shared_cluster, shared_cluster.up())
