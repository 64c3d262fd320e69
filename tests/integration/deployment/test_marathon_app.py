"""conf/marathon.json, run as it stands but for what an operator has to fill in."""

from __future__ import annotations

import getpass
import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.addresses import free
from local.running import PROJECT
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import Deployment, wait_for
from tests.integration.deployment.marathon import Instance, Marathon, await_ready

pytestmark = pytest.mark.needs("java", "mvn")

Json = dict[str, Any]

OFFERED = range(7200, 7999)
"""Ports of the agents that no node takes."""


def free_ports() -> Iterator[int]:
    """Ports that an agent offers and on which nobody listens, in an order of chance."""
    return (port for port in random.sample(OFFERED, len(OFFERED)) if free("", port))


def filled_in(app: Json, deployment: Deployment, tarball: Path, port: int) -> Json:
    """The app as an operator makes it fit a cluster: where things are, how big, which user and port."""
    scheduler = deployment.cluster.parts["scheduler"].environment
    own = ("SERVICE_NAME", "API_HOST", "API_PORT")
    places = {name: value for name, value in scheduler.items() if name not in own}
    return {
        **app,
        "user": getpass.getuser(),
        "fetch": [{**app["fetch"][0], "uri": tarball.as_uri()}],
        "env": {**app["env"], **places},
        "portDefinitions": [{**app["portDefinitions"][0], "port": port}],
    }


def leads(deployment: Deployment, instance: Instance) -> bool:
    return bool((deployment.ask("GET", "/v1/health", instance.url)[1] or {}).get("leader"))


def await_deployed(deployment: Deployment, instance: Instance, nodes: int) -> None:
    """Wait until an instance says that all nodes are deployed."""

    def ready() -> bool:
        return deployment.ask("GET", "/v1/ready", instance.url)[0] == 200

    wait_for(ready, "the end of the deployment")
    code, plan = deployment.ask("GET", "/v1/plan", instance.url)
    steps = [step["name"] for step in plan["phases"][-1]["steps"]]
    assert (code, plan["status"], steps) == (200, "COMPLETE", [f"node-{n}" for n in range(nodes)])


def test_two_instances_of_the_app_elect_a_leader_and_deploy(deploy: Deploy, tarball: Path) -> None:
    deployment = deploy(1)
    app = json.loads((PROJECT / "conf" / "marathon.json").read_text())
    ports = free_ports()
    with closing(Marathon(deployment.layout.master)) as marathon:
        first = marathon.launch(filled_in(app, deployment, tarball, next(ports)))
        await_ready(first)
        assert leads(deployment, first)
        await_deployed(deployment, first, 1)
        second = marathon.launch(filled_in(app, deployment, tarball, next(ports)))
        await_ready(second)
        assert not leads(deployment, second)
        await_deployed(deployment, second, 1)
        assert marathon.kill(first) == "TASK_KILLED"
        wait_for(lambda: leads(deployment, second), "the other instance to take over")
        await_deployed(deployment, second, 1)
    assert [len(starts) for starts in deployment.starts().values()] == [1]

