"""A service taken away, its scheduler under SIGKILL at every kind of call: nothing of it is left."""

from __future__ import annotations

import os
import subprocess

import pytest

from local.running import PROJECT
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import ZK_ROOT, Deployment, alive, wait_for
from tests.integration.deployment.test_scheduler_killed import Killer, Moments

pytestmark = pytest.mark.needs("java", "mvn")

PLAN = "/v1/plans/uninstall"

RELEASE: Moments = [
    ("SUBSCRIBE", "after"),
    ("KILL", "before"),
    ("KILL", "after"),
    ("ACKNOWLEDGE", "before"),
    ("ACCEPT", "before"),
    ("ACCEPT", "after"),
    ("ACCEPT", "after"),
]
END: Moments = [("TEARDOWN", "before"), ("TEARDOWN", "after")]


def deployed(deploy: Deploy) -> Deployment:
    """Two nodes that work."""
    deployment = deploy(2)
    deployment.start_scheduler()
    for number in range(2):
        deployment.await_complete(f"node-{number}")
    return deployment


def order(deployment: Deployment) -> None:
    """From now on the scheduler is started with the order."""
    deployment.kill_scheduler()
    wait_for(lambda: deployment.scheduler_died, "the end of the scheduler")
    layout = deployment.layout
    settings = {**layout.settings, "SERVICE_UNINSTALL": "true"}
    deployment.cluster.layout = type(layout)(**{**vars(layout), "settings": settings})
    deployment.bring_back_scheduler()


def await_uninstalled(deployment: Deployment) -> None:
    def complete() -> bool:
        return (deployment.get(PLAN) or {}).get("status") == "COMPLETE"

    wait_for(complete, "the end of the plan")


def assert_nothing_is_left(deployment: Deployment, pids: list[int]) -> None:
    """No data, no reservation, no framework, no process, no znode."""
    assert deployment.volumes() == []
    assert deployment.reservations() == []
    assert deployment.master("/frameworks")["frameworks"] == []
    wait_for(lambda: not any(map(alive, pids)), "the end of every Cassandra")
    with deployment.zookeeper() as client:
        assert client.exists(ZK_ROOT) is None


def started(deployment: Deployment) -> list[int]:
    return [pid for pids in deployment.starts().values() for pid in pids]


def test_a_service_goes_and_its_scheduler_stays_to_tell(deploy: Deploy) -> None:
    deployment = deployed(deploy)
    pids = started(deployment)
    order(deployment)
    await_uninstalled(deployment)
    assert_nothing_is_left(deployment, pids)
    steps = {
        step["name"]: step["status"] for phase in deployment.get(PLAN)["phases"] for step in phase["steps"]
    }
    assert steps == dict.fromkeys(("node-0", "node-1", "Leftovers", "Framework", "Records"), "COMPLETE")
    assert deployment.ask("GET", "/v1/health")[0] == 200
    assert deployment.ask("GET", PLAN)[0] == 200
    assert deployment.ask("GET", "/v1/ready")[0] == 503
    assert deployment.get("/v1/plan")["name"] == "uninstall"
    assert deployment.ask("PUT", "/v1/plans/uninstall/interrupt")[0] == 409
    deployment.kill_scheduler()
    wait_for(lambda: deployment.scheduler_died, "the end of the scheduler")
    deployment.start_scheduler()
    await_uninstalled(deployment)
    assert_nothing_is_left(deployment, pids)


@pytest.mark.parametrize("moments", [RELEASE, END], ids=["release", "end"])
def test_a_scheduler_that_is_killed_while_it_takes_the_service_away_goes_on(
    deploy: Deploy, moments: Moments
) -> None:
    deployment = deployed(deploy)
    pids = started(deployment)
    killer = Killer(deployment, moments)
    order(deployment)
    killer.raise_the_dead()
    await_uninstalled(deployment)
    assert_nothing_is_left(deployment, pids)


def test_by_hand_it_ends_when_it_is_done(deploy: Deploy) -> None:
    deployment = deployed(deploy)
    pids = started(deployment)
    deployment.cluster.end(["scheduler"])
    part = deployment.cluster.parts["scheduler"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **part.environment}
    for _ in range(2):
        done = subprocess.run(
            [*part.command, "--uninstall"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "nothing is left of it" in done.stderr
        assert "Traceback" not in done.stderr
        assert_nothing_is_left(deployment, pids)
