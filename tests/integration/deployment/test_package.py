"""The DC/OS package, run as it renders, and taken away as DC/OS does it."""

from __future__ import annotations

import getpass
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from release.options import options
from tests.integration.deployment.apps import TOKENS, ask, await_deployed, free_ports, places
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import Deployment, wait_for
from tests.integration.deployment.marathon import Marathon, await_ready
from tests.unit.release.cosmos import render

pytestmark = pytest.mark.needs("java", "mvn")

Json = Any
SECRET = "cassandra/tokens"


def fitting(deployment: Deployment, port: int) -> Json:
    """Options with which the package fits a deployment of one node."""
    chosen: Json = {
        "service": {"user": getpass.getuser()},
        "api": {"port": port, "url": f"http://127.0.0.1:{port}", "auth": "token", "tokens_secret": SECRET},
    }
    wanted = places(deployment)
    for option in options():
        if option.variable in wanted:
            value: Json = wanted[option.variable]
            if option.schema["type"] in ("integer", "number"):
                value = float(value) if option.schema["type"] == "number" else int(value)
            chosen.setdefault(option.group, {})[option.key] = value
    return chosen


def rendered(deployment: Deployment, tarball: Path) -> Json:
    """The app of the package, with the tarball where it is."""
    app = render(fitting(deployment, next(free_ports())))
    return {**app, "fetch": [{**app["fetch"][0], "uri": tarball.as_uri()}]}


def test_the_package_deploys_as_it_renders(deploy: Deploy, tarball: Path) -> None:
    deployment = deploy(1)
    with closing(Marathon(deployment.layout.master, {SECRET: TOKENS})) as marathon:
        installed = marathon.launch(rendered(deployment, tarball))
        await_ready(installed)
        await_deployed(installed, 1)


@pytest.mark.soak
def test_the_package_is_taken_away_as_dcos_does_it(deploy: Deploy, tarball: Path) -> None:
    deployment = deploy(1)
    app = rendered(deployment, tarball)
    with closing(Marathon(deployment.layout.master, {SECRET: TOKENS})) as marathon:
        installed = marathon.launch(app)
        await_ready(installed)
        await_deployed(installed, 1)
        assert marathon.kill(installed) == "TASK_KILLED"
        leaving = marathon.launch({**app, "env": {**app["env"], "SDK_UNINSTALL": "true"}})
        await_ready(leaving)
        wait_for(lambda: ask(leaving, "/v1/plans/deploy")[0] == 200, "the end of the uninstallation")
        await_ready(leaving)
    assert deployment.volumes() == []
    assert deployment.reservations() == []
