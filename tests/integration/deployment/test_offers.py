"""Offers that are no use are given back, and the step says what they lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.addresses import HOST
from tests.integration.deployment.harness import Deployment, free_port, pretended, wait_for
from tests.integration.deployment.proxy import MasterProxy

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, zookeeper_jars: Path) -> Iterator[Deployment]:
    """Three agents that no scheduler has been given anything of."""
    made = pretended(tmp_path_factory.mktemp("offers"), zookeeper_jars)
    yield made
    made.end()


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
def test_offers_that_do_not_do_are_given_back(
    deployment: Deployment, settings: dict[str, str], lacking: str
) -> None:
    proxy, port = MasterProxy((HOST, deployment.layout.addresses.master_port)), free_port()
    # A service of its own for each case, on the same agents.
    service = {"SERVICE_NAME": f"service-{port}", **settings}
    with closing(proxy), deployment.another_scheduler(proxy, port, **service):
        api = f"http://{HOST}:{port}"
        wait_for(lambda: lacking in (deployment.step("node-0", api)["waiting_for"] or ""), lacking)
        step = deployment.step("node-0", api)
        assert step["status"] == "WAITING"
        assert step["started_at"] is not None
        assert f"; of 3 agents: {lacking}" in step["message"]
        declined = [call.body["decline"]["offer_ids"] for call in proxy.made("DECLINE")]
        assert len({offer["value"] for offers in declined for offer in offers}) >= 3
        assert proxy.made("ACCEPT") == []
        assert deployment.reservations() == []
        # Nor is anything of an offer kept: the master has it all back.
        wait_for(
            lambda: not any(offered(agent) for agent in deployment.master("/slaves")["slaves"]), "it back"
        )


def offered(agent: dict[str, Any]) -> bool:
    return any(resource["name"] == "cpus" for resource in agent["offered_resources_full"])
