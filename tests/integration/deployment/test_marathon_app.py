"""conf/marathon.json, run as it stands but for what an operator has to fill in."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cassandra.cluster import Cluster

from local import jars, prerequisites
from local.layout import Software
from local.running import PROJECT
from tests.integration.deployment.apps import TOKENS, ask, await_deployed, free_ports, leads, places
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import Deployment, wait_for
from tests.integration.deployment.marathon import Marathon, await_ready

pytestmark = pytest.mark.needs("java", "mvn")

Json = dict[str, Any]


def filled_in(deployment: Deployment, tarball: Path, tokens: Path) -> Json:
    """The app as an operator makes it fit a cluster."""
    app: Json = json.loads((PROJECT / "conf" / "marathon.json").read_text())
    environment = {**app["env"], **places(deployment), "API_TOKENS_FILE": str(tokens)}
    fetch = [{**app["fetch"][0], "uri": tarball.as_uri()}]
    return {**app, "user": getpass.getuser(), "fetch": fetch, "env": environment}


def at(app: Json, port: int) -> Json:
    """The app on another port, for all agents of the tests are one machine."""
    return {**app, "portDefinitions": [{**app["portDefinitions"][0], "port": port}]}


def test_two_instances_of_the_app_elect_a_leader_and_deploy(
    deploy: Deploy, tarball: Path, tmp_path: Path
) -> None:
    deployment, ports = deploy(1), free_ports()
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKENS)
    app = filled_in(deployment, tarball, tokens)
    with closing(Marathon(deployment.layout.master)) as marathon:
        first = marathon.launch(at(app, next(ports)))
        await_ready(first)
        await_deployed(first, 1)
        assert leads(first)
        second = marathon.launch(at(app, next(ports)))
        await_ready(second)
        await_deployed(second, 1)
        assert not leads(second)
        assert marathon.kill(first) == "TASK_KILLED"
        wait_for(lambda: leads(second), "the other instance to take over")
        await_deployed(second, 1)
    assert [len(starts) for starts in deployment.starts().values()] == [1]


@pytest.fixture
def real(tmp_path: Path, maven: jars.Maven, zookeeper_jars: Path) -> Iterator[Deployment]:
    """A deployment of the real Cassandra."""
    found = jars.cassandra(maven)
    java_home = str(prerequisites.java_home())
    software = Software(java_home, str(zookeeper_jars), found.version, found.path.as_uri(), found.sha512)
    deployment = Deployment(tmp_path / "data", software, {}, 1)
    yield deployment
    deployment.end()


@pytest.mark.soak
def test_the_app_deploys_a_cassandra_that_takes_cql(real: Deployment, tarball: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKENS)
    with closing(Marathon(real.layout.master)) as marathon:
        instance = marathon.launch(at(filled_in(real, tarball, tokens), next(free_ports())))
        await_ready(instance)
        await_deployed(instance, 1)
        (address,) = ask(instance, "/v1/connection/address")[1]
        with Cluster([address.partition(":")[0]]) as cluster:
            (row,) = cluster.connect().execute("SELECT release_version FROM system.local")
    assert row.release_version == real.layout.software.cassandra_version
