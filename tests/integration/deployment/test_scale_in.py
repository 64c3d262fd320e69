"""A node taken away, with SIGKILL for the scheduler, the executor and Cassandra in the middle of it."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from local.process import belonging_to
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import (
    Deployment,
    Json,
    alive,
    assert_nothing_is_left_over,
    wait_for,
)
from tests.integration.deployment.test_scheduler_killed import Killer, Moments

pytestmark = pytest.mark.needs("java", "mvn")

SLOWLY = {"CASSANDRA_JVM_EXTRA_OPTS": "-Dpretended.leave_seconds=3"}

MOMENTS: Moments = [
    ("MESSAGE", "before"),
    ("MESSAGE", "after"),
    ("ACKNOWLEDGE", "before"),
    ("KILL", "before"),
    ("KILL", "after"),
    ("ACCEPT", "before"),
    ("ACCEPT", "after"),
    ("ACCEPT", "after"),
]


def deployed(deploy: Deploy, **settings: str) -> Deployment:
    """Three nodes that work, of which keyspaces want two."""
    deployment = deploy(3, **settings)
    deployment.start_scheduler()
    for number in range(3):
        deployment.await_complete(f"node-{number}")
    return deployment


def shrink(deployment: Deployment, nodes: int = 2) -> None:
    """The scheduler is started with fewer nodes."""
    deployment.kill_scheduler()
    wait_for(lambda: deployment.scheduler_died, "the end of the scheduler")
    deployment.cluster.layout = dataclasses.replace(deployment.layout, nodes=nodes)
    deployment.bring_back_scheduler()


def departure(deployment: Deployment) -> Json:
    """The step that takes node-2 away; one without status while there is none."""
    plan = deployment.get("/v1/plan") or {}
    phases = [phase for phase in plan.get("phases", []) if phase["name"] == "Decommission"]
    return phases[0]["steps"][0] if phases else {"status": None, "message": ""}


def await_departure(deployment: Deployment, what: Callable[[Json], bool], why: str) -> Json:
    return wait_for(lambda: step if what(step := departure(deployment)) else None, why)


def await_gone(deployment: Deployment) -> None:
    """Wait until node-2 is gone, and see that the others are as they were."""
    await_departure(deployment, lambda step: step["status"] == "COMPLETE", "the end of node-2's departure")
    wait_for(lambda: len(deployment.volumes()) == 2, "the end of its volume")
    assert (deployment.get("/v1/plan") or {})["status"] == "COMPLETE"
    assert deployment.ask("GET", "/v1/nodes/node-2/info")[0] == 404


def cassandra_of(deployment: Deployment, node: str) -> int:
    """The pid of the node's Cassandra."""
    info = deployment.get(f"/v1/nodes/{node}/info")
    agent = int(info["ip"].rpartition(".")[2])
    (volume,) = (deployment.cluster.data / f"agent-{agent}").glob("volumes/roles/*/*")
    return int((volume / "starts").read_text().split()[-1])


def executor_of(deployment: Deployment, cassandra: int) -> int:
    """The pid of the executor that has started a Cassandra."""
    stat = Path(f"/proc/{cassandra}/stat").read_text()
    parent = int(stat.rpartition(")")[2].split()[1])
    assert parent in {process.pid for process in belonging_to(deployment.cluster.data)}
    return parent


def test_a_scheduler_that_is_killed_while_a_node_leaves_goes_on(deploy: Deploy) -> None:
    deployment = deployed(deploy)
    left = cassandra_of(deployment, "node-2")
    killer = Killer(deployment, MOMENTS)
    shrink(deployment)
    killer.raise_the_dead()
    await_gone(deployment)
    assert_nothing_is_left_over_of_three(deployment)
    wait_for(lambda: not alive(left), "the end of its Cassandra")


def assert_nothing_is_left_over_of_three(deployment: Deployment) -> None:
    """Two nodes hold what they need, and were started once."""
    held = deployment.reservations()
    assert sorted(node for node, *_ in held) == ["node-0", "node-1"]
    running = [task for task in deployment.master("/tasks")["tasks"] if task["state"] == "TASK_RUNNING"]
    assert sorted(task["name"] for task in running) == ["node-0", "node-1"]
    assert [len(pids) for pids in deployment.starts().values()] == [1, 1]


def test_a_cassandra_that_dies_while_it_leaves_is_started_and_told_again(deploy: Deploy) -> None:
    deployment = deployed(deploy, **SLOWLY)
    shrink(deployment)
    step = await_departure(deployment, lambda step: "MB sent" in step["message"], "a stream")
    assert step["status"] == "IN_PROGRESS"
    first = cassandra_of(deployment, "node-2")
    os.kill(first, signal.SIGKILL)
    await_gone(deployment)
    assert_nothing_is_left_over_of_three(deployment)


def test_an_executor_that_dies_once_its_node_has_left_is_not_in_the_way(deploy: Deploy) -> None:
    deployment = deployed(deploy, **SLOWLY)
    cassandra = cassandra_of(deployment, "node-2")
    executor = executor_of(deployment, cassandra)
    shrink(deployment)
    await_departure(
        deployment, lambda step: "LEAVING" in step["message"] or "sent" in step["message"], "its leaving"
    )
    # What happens now is heard of by nobody but the volume.
    os.kill(executor, signal.SIGSTOP)
    (volume,) = [v for v in deployment.volumes() if (v / "starts").read_text().split()[-1] == str(cassandra)]
    wait_for(lambda: (volume / "cassandra" / "data" / "left").exists(), "the end of its membership")
    os.kill(executor, signal.SIGKILL)
    await_gone(deployment)
    assert_nothing_is_left_over_of_three(deployment)


def test_too_few_nodes_for_a_keyspace_are_refused_and_the_old_number_stays(deploy: Deploy) -> None:
    deployment = deployed(deploy)
    before = deployment.master("/tasks")["tasks"]
    shrink(deployment, 1)
    wait_for(lambda: (deployment.get("/v1/plan") or {}).get("errors"), "a refusal")
    (error,) = deployment.get("/v1/plan")["errors"]
    assert error.startswith("NODES=1 would take node-1, node-2 away at once: set SERVICE_ALLOW_SHRINK=2")
    layout = deployment.layout
    settings = {**layout.settings, "SERVICE_ALLOW_SHRINK": "2"}
    deployment.cluster.layout = dataclasses.replace(layout, settings=settings)
    shrink(deployment, 1)
    wait_for(lambda: "shop" in str((deployment.get("/v1/plan") or {}).get("errors")), "another refusal")
    assert deployment.ask("GET", "/v1/plan")[0] == 417
    assert deployment.get("/v1/config/nodes") == 3
    shrink(deployment, 3)
    deployment.await_complete("node-2")
    assert_nothing_is_left_over(deployment)
    assert [task["id"] for task in deployment.master("/tasks")["tasks"]] == [task["id"] for task in before]
