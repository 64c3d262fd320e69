"""Deployments for tests: with a pretended Cassandra, which boots in a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local import prerequisites
from local.layout import Software
from tests.integration.deployment.harness import Deployment, pretended_software

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Deploy]:
    """Makes deployments of the pretended Cassandra, without a scheduler yet; settings by their names."""
    pretended = pretended_software(tmp_path)
    software = Software(str(prerequisites.java_home()), str(zookeeper_jars), "5.0.9", "", "")
    with ExitStack() as stack:

        def make(nodes: int = 3, **settings: str) -> Deployment:
            deployment = Deployment(tmp_path / "data", software, {**pretended, **settings}, nodes)
            stack.callback(deployment.end)
            return deployment

        yield make
