"""What the tests of the driver's side of Mesos share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.mesos.zookeeper import ZooKeeper


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends what a test has started."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def zookeeper(stack: ExitStack, tmp_path: Path, zookeeper_jars: Path) -> ZooKeeper:
    """A ZooKeeper that is not started yet, and is stopped in the end."""
    zookeeper = ZooKeeper(tmp_path, zookeeper_jars)
    stack.callback(zookeeper.stop)
    return zookeeper
