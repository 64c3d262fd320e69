"""``local/mesos-ctl`` with a real master and real agents: parts crash and come back as they were."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import http
from local.running import PROJECT
from tests.integration.scripted_server import eventually


class Control:
    """The control command on a data directory of its own, called from elsewhere."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *arguments: str) -> str:
        environment = {**os.environ, "MESOS_CLUSTER_DATA": str(self.data)}
        done = subprocess.run(
            [PROJECT / "local" / "mesos-ctl", *arguments],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def info(self) -> Any:
        return json.loads(self("info"))

    def agents(self) -> dict[str, Any]:
        """The registered agents as the master shows them, by hostname."""
        master = self.info["master"]
        status, body = http.get(master["ip"], master["port"], "/slaves")
        assert status == 200
        return {agent["hostname"]: agent for agent in body["slaves"] if agent["active"]}


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    command = Control(tmp_path / "data")
    yield command
    command("down")
    assert not command.data.exists()


def test_fresh_starts_agents_with_their_attributes_resources_and_flags(control: Control) -> None:
    own = ("--agent-flag", "gc_delay=3days", "--agent-flag-for", "3:gc_delay=5days")
    control("fresh", "--agents", "3", "--resources", "cpus:2;mem:512", *own)
    info = control.info
    agents = control.agents()
    first, _, third = (agents[item["ip"]] for item in info["agents"])
    assert first["attributes"] == {"host": "h1", "rack": "r1", "zone": "z1"}
    assert third["attributes"] == {"host": "h3", "rack": "r2", "zone": "z3"}
    assert (third["resources"]["cpus"], third["resources"]["mem"]) == (2, 512)
    flags = [http.get(item["ip"], item["port"], "/flags")[1]["flags"]["gc_delay"] for item in info["agents"]]
    assert flags == ["3days", "3days", "5days"]


def test_agents_come_back_under_their_id_unless_made_to_forget_it(control: Control) -> None:
    control("fresh")
    ((host, agent),) = control.agents().items()
    control("kill-agent", "1")
    eventually(lambda: not control.agents())
    control("start-agent", "1")
    assert control.agents()[host]["id"] == agent["id"]
    control("shutdown-agent", "1")
    assert not control.agents()
    control("forget-agent", "1")
    control("start-agent", "1")
    assert control.agents()[host]["id"] != agent["id"]


def test_a_master_comes_back_at_its_address_and_knows_its_agents(control: Control) -> None:
    control("fresh", "--agents", "2")
    before = {host: agent["id"] for host, agent in control.agents().items()}
    control("stop-master")
    master = control.info["master"]
    assert http.get(master["ip"], master["port"], "/health") == (0, None)
    control("start-master")
    assert {host: agent["id"] for host, agent in control.agents().items()} == before


def test_fresh_wipes_what_was_there(control: Control) -> None:
    control("fresh", "--agents", "2")
    before = {agent["id"] for agent in control.agents().values()}
    control("kill-agent", "2")
    control("fresh", "--agents", "1")
    assert len(control.agents()) == 1
    assert not before & {agent["id"] for agent in control.agents().values()}
    assert not (control.data / "agent-2").exists()


def test_two_clusters_run_side_by_side(control: Control, tmp_path: Path) -> None:
    other = Control(tmp_path / "other")
    control("fresh")
    try:
        other("fresh")
        assert control.info["master"]["ip"] != other.info["master"]["ip"]
        control("stop-master")
        assert len(other.agents()) == 1
    finally:
        other("down")
