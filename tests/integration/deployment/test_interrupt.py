"""Interrupting a deployment: the node that has begun is finished, and no other is begun."""

from __future__ import annotations

import pytest

from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import Deployment, assert_nothing_is_left_over, wait_for

pytestmark = pytest.mark.needs("java", "mvn")


def await_declined(deployment: Deployment) -> None:
    """Wait until the scheduler has got offers, and given them all back."""
    before = len(deployment.proxy.made("DECLINE"))
    wait_for(lambda: len(deployment.proxy.made("DECLINE")) > before, "offers that are given back")


def test_an_interrupted_deployment_finishes_its_node_and_waits_also_after_a_restart(deploy: Deploy) -> None:
    deployment = deploy(nodes=2, CASSANDRA_JVM_EXTRA_OPTS="-Dpretended.boot_seconds=3")
    deployment.start_scheduler()
    wait_for(lambda: deployment.status("node-0") in ("STARTING", "IN_PROGRESS"), "node-0's start")
    assert deployment.ask("POST", "/v1/plan?cmd=interrupt") == (200, {"message": "Received cmd: interrupt"})
    deployment.await_complete("node-0")
    deployment.kill_scheduler()
    wait_for(lambda: deployment.scheduler_died, "the end of the scheduler")
    deployment.bring_back_scheduler()
    await_declined(deployment)
    assert deployment.step("node-1")["status"] == "WAITING"
    assert "interrupted" in deployment.step("node-1")["waiting_for"]
    assert deployment.get("/v1/plan")["interrupted"]
    assert [len(pids) for pids in deployment.starts().values()] == [1]
    assert len(deployment.proxy.made("ACCEPT")) == 1
    assert deployment.ask("PUT", "/v1/plan?cmd=proceed") == (200, {"message": "Received cmd: proceed"})
    deployment.await_complete("node-1")
    assert deployment.get("/v1/plan")["status"] == "COMPLETE"
    assert_nothing_is_left_over(deployment, nodes=2)
