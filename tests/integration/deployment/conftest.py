"""Deployments for tests: with a pretended Cassandra, which boots in a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.deployment.harness import Deployment, pretended

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Deploy]:
    """Makes a deployment of the pretended Cassandra, without a scheduler yet; settings by their names."""
    with ExitStack() as stack:

        def make(nodes: int = 3, **settings: str) -> Deployment:
            deployment = pretended(tmp_path, zookeeper_jars, nodes, settings)
            stack.callback(deployment.end)
            return deployment

        yield make
