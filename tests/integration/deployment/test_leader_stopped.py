"""A leader that hangs past its session's time-out: another takes over, and the first never acts again."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from local.addresses import HOST
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import assert_nothing_is_left_over, free_port, wait_for
from tests.integration.deployment.proxy import MasterProxy

pytestmark = pytest.mark.needs("java", "mvn")

LOST_LEADERSHIP = 3


def test_a_leader_that_hung_ends_and_neither_writes_nor_calls_mesos_again(deploy: Deploy) -> None:
    deployment = deploy(nodes=1)
    ports = deployment.layout.addresses
    with ExitStack() as stack:
        first = stack.enter_context(deployment.another_scheduler(deployment.proxy, ports.api_port))
        deployment.await_complete("node-0")
        first.send_signal(signal.SIGSTOP)
        proxy = MasterProxy((HOST, ports.master_port))
        stack.callback(proxy.close)
        port = free_port()
        second = stack.enter_context(deployment.another_scheduler(proxy, port))
        api = f"http://{HOST}:{port}"
        wait_for(lambda: deployment.ask("GET", "/v1/plan", api)[0] == 200, "the second leader")
        calls, ledger = len(deployment.proxy.calls), deployment.ledger()
        first.send_signal(signal.SIGCONT)
        assert first.wait(30) == LOST_LEADERSHIP
        assert deployment.proxy.calls[calls:] == []
        assert deployment.ledger() == ledger
        assert deployment.ask("POST", "/v1/plan?cmd=interrupt", api)[0] == 200
        assert second.poll() is None
        assert [len(pids) for pids in deployment.starts().values()] == [1]
        assert_nothing_is_left_over(deployment, nodes=1)
