"""conf/marathon.json, run as it stands but for what an operator has to fill in."""

from __future__ import annotations

import getpass
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.running import PROJECT
from tests.integration.deployment.apps import TOKENS, await_deployed, free_ports, leads, places
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
