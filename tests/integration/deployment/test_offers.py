"""Offers that are no use are given back, and the step says what they lack."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import wait_for

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        ({"CASSANDRA_CPUS": "3.9"}, "cpus missing on 3 agents"),
        ({"CASSANDRA_MEMORY_MB": "8000"}, "mem missing on 3 agents"),
        ({"CASSANDRA_DISK_MB": "20001"}, "disk missing on 3 agents"),
        ({"CASSANDRA_DISK_TYPE": "MOUNT"}, "disk missing on 3 agents"),
        ({"CASSANDRA_NATIVE_TRANSPORT_PORT": "9999"}, "ports missing on 3 agents"),
        ({"PLACEMENT_CONSTRAINT": "hostname:LIKE:elsewhere"}, "none satisfies hostname:LIKE:elsewhere"),
    ],
)
def test_offers_that_do_not_do_are_given_back(deploy: Deploy, settings: dict[str, str], lacking: str) -> None:
    deployment = deploy(**settings)
    deployment.start_scheduler()
    wait_for(lambda: lacking in (deployment.step("node-0")["waiting_for"] or ""), lacking)
    step = deployment.step("node-0")
    assert step["status"] == "WAITING"
    assert step["started_at"] is not None
    assert f"; of 3 agents: {lacking}" in step["message"]
    declined = [call.body["decline"]["offer_ids"] for call in deployment.proxy.made("DECLINE")]
    assert len({offer["value"] for offers in declined for offer in offers}) >= 3
    assert deployment.proxy.made("ACCEPT") == []
    assert deployment.reservations() == []
    # Nor is anything of an offer kept: the master has it all back.
    wait_for(
        lambda: not any(offered(agent) for agent in deployment.master("/slaves")["slaves"]), "idle agents"
    )


def offered(agent: dict[str, Any]) -> bool:
    return any(resource["name"] == "cpus" for resource in agent["offered_resources_full"])
