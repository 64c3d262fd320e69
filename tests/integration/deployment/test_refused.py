"""Settings that the scheduler refuses: ``python -m local up`` says so, stops, and does not remember them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import belonging_to
from tests.integration.conftest import LocalCluster
from tests.integration.deployment.harness import pretended_software

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    found = LocalCluster(tmp_path / "data")
    yield found
    found.down()


def settings(**values: str) -> list[str]:
    return [part for name, value in values.items() for part in ("--env", f"{name}={value}")]


def test_what_the_scheduler_refuses_is_not_remembered(cluster: LocalCluster, tmp_path: Path) -> None:
    pretended = pretended_software(tmp_path)
    invalid = cluster.command("up", "--detach", "--nodes", "1", *settings(**pretended, CASSANDRA_CPUS="many"))
    assert (invalid.returncode, "CASSANDRA_CPUS" in invalid.stderr) == (1, True)
    cluster.up("--nodes", "1", *settings(**pretended))
    cluster.down()
    immutable = cluster.command("up", "--detach", *settings(CASSANDRA_DISK_MB="5000"))
    assert immutable.returncode == 1
    assert "CASSANDRA_DISK_MB cannot change from 4096.0 to 5000.0" in immutable.stderr
    assert belonging_to(cluster.data) == []
    cluster.up()
