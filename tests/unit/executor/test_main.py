"""What the executor reads from its environment, besides what its driver does."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from executor import __version__
from executor.__main__ import read_place, read_shutdown_grace
from executor.environment import ConfigurationError
from executor.server import Place

ENVIRONMENT = {
    "MESOS_AGENT_ENDPOINT": "10.0.0.3:5051",
    "MESOS_FRAMEWORK_ID": "f",
    "MESOS_EXECUTOR_ID": "e",
    "MESOS_SANDBOX": "/sandbox",
}


def test_a_node_has_its_agents_address_and_its_executors_sandbox() -> None:
    assert read_place(ENVIRONMENT) == Place(Path("/sandbox"), "10.0.0.3")


def test_a_sandbox_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="MESOS_SANDBOX is not set"):
        read_place({name: value for name, value in ENVIRONMENT.items() if name != "MESOS_SANDBOX"})


@pytest.mark.parametrize("endpoint", ["agent.example:5051", "10.0.0.3", ":5051"])
def test_an_agent_without_an_ip_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=r"MESOS_AGENT_ENDPOINT is .* but an agent sets ip:port"):
        read_place({**ENVIRONMENT, "MESOS_AGENT_ENDPOINT": endpoint})


def test_the_grace_of_a_shutdown_is_the_agents_or_mesos_default() -> None:
    name = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"
    assert read_shutdown_grace({name: "5mins"}) == 300.0
    assert read_shutdown_grace({}) == 5.0
    with pytest.raises(ConfigurationError, match=name):
        read_shutdown_grace({name: "soon"})


def test_its_version_is_the_projects() -> None:
    assert version("cassandra-mesos") == __version__
