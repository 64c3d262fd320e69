"""Deployments for tests: with a pretended Cassandra, which boots in a moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.running import PROJECT
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


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scheduler as ``make dist`` packs it for this Python."""
    command = [sys.executable, "-m", "release.tarball", "--target", str(tmp_path_factory.mktemp("dist"))]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())
