"""A change of masters that a real ZooKeeper decides, and our driver in the middle of it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from kazoo.client import KazooClient

from local.running import PROJECT
from scheduler.mesos.detector import Detector, StaticDetector, ZooKeeperDetector
from scheduler.model.event import Disconnected, FrameworkRefused, Subscribed
from scheduler.model.intent import Revive
from tests.conformance.conftest import framework
from tests.conformance.framework import Scheduler
from tests.integration.mesos.zookeeper import ZooKeeper
from tests.integration.scripted_server import eventually

pytestmark = pytest.mark.needs("java", "mvn")

SESSION = "--zk_session_timeout=2secs"


class Masters:
    """Two masters that stand for election, the first of which leads, and an agent of the second."""

    def __init__(self, home: Path, zookeeper: ZooKeeper, stack: ExitStack) -> None:
        self._home, self._stack = home, stack
        self._zk = f"--zk=zk://{zookeeper.address}/mesos"
        self.first, self.leader = self._master()
        eventually(lambda: self._leads(self.first), "the first master to lead")
        self.second, _ = self._master()
        self._agent()

    def _master(self) -> tuple[str, subprocess.Popen[bytes]]:
        port = free_port()
        address = f"127.0.0.1:{port}"
        own = [f"--port={port}", f"--work_dir={self._home / str(port)}", "--allocation_interval=100ms"]
        process = self._start("master", ["--ip=127.0.0.1", self._zk, SESSION, *own])
        eventually(lambda: status(address, "/health") == 200, "the master")
        return address, process

    def _agent(self) -> None:
        place = ["--ip=127.0.0.1", f"--port={free_port()}", f"--work_dir={self._home / 'agent'}"]
        resources = "--resources=cpus:4;mem:1024;disk:1000;ports:[7000-7999]"
        self._start("agent", [f"--master={self.second}", *place, resources, "--switch_user=false"])

    def _leads(self, address: str) -> bool:
        return status(address, "/state") == 200

    def _start(self, name: str, flags: list[str]) -> subprocess.Popen[bytes]:
        with (self._home / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", f"local.mesos.{name}", *flags]
            process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def status(address: str, path: str) -> int:
    with contextlib.suppress(OSError), urlopen(f"http://{address}{path}", timeout=1) as response:
        return int(response.status)
    return 0


@pytest.fixture
def masters(zookeeper: ZooKeeper, tmp_path: Path, stack: ExitStack) -> Masters:
    zookeeper.start()
    return Masters(tmp_path, zookeeper, stack)


def subscribed(stack: ExitStack, detector: Detector) -> Scheduler:
    scheduler = Scheduler(detector, framework("failover"))
    stack.callback(scheduler.driver.stop)
    scheduler.wait(Subscribed)
    return scheduler


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "frozen"])
def test_the_driver_follows_the_lead_from_a_master_that_is(
    masters: Masters, zookeeper: ZooKeeper, stack: ExitStack, fault: signal.Signals
) -> None:
    scheduler = subscribed(stack, ZooKeeperDetector(KazooClient(zookeeper.address), "/mesos"))
    assert scheduler.wait(Subscribed).master == masters.first
    masters.leader.send_signal(fault)
    scheduler.wait(Subscribed, lambda event: event.master == masters.second)
    scheduler.wait(Disconnected)
    assert len({event.framework_id for event in scheduler.of(Subscribed)}) == 1
    assert not scheduler.of(FrameworkRefused)
    scheduler.driver.perform(Revive())
    scheduler.offer()  # of the agent, which only the second master has


def test_a_master_that_does_not_lead_sends_the_driver_to_the_one_that_does(
    masters: Masters, stack: ExitStack
) -> None:
    scheduler = subscribed(stack, StaticDetector(masters.second))
    assert scheduler.wait(Subscribed).master == masters.first
    scheduler.driver.perform(Revive())
