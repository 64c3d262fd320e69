"""The web page in a real browser, on a deployment: what it shows as it happens, and what it orders."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.integration.browser import PHONE, Browser, chromium
from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import Deployment, wait_for

pytestmark = pytest.mark.needs("java", "mvn", "chromium", "chromedriver")


def test_an_operator_watches_and_orders_on_the_page(deploy: Deploy, tmp_path: Path) -> None:
    deployment = deploy(nodes=2)
    leave_room_for_one_node(deployment)
    deployment.start_scheduler()
    deployment.await_complete("node-0")
    with chromium(tmp_path / "profile") as browser:
        interrupts_and_goes_on(browser, deployment)
        restarts_a_node(browser, deployment)
        reads_without_scripts_and_on_a_phone(browser, deployment)
        assert browser.complaints() == []


def leave_room_for_one_node(deployment: Deployment) -> None:
    """So the deployment waits for an agent, however fast or slow the machine is."""
    deployment.cluster.end(["agent-2", "agent-3"], signal.SIGTERM)
    wait_for(
        lambda: [agent["active"] for agent in deployment.master("/slaves")["slaves"]].count(True) == 1,
        "the loss of two agents",
    )


def interrupts_and_goes_on(browser: Browser, deployment: Deployment) -> None:
    browser.open(f"{deployment.layout.api}/service/cassandra/")
    browser.await_text("Deploying: 1 of 2 nodes up", "#headline")
    browser.await_text("waits for an offer", "#node-1")
    browser.unfold("Interrupt", "#plans")
    browser.confirm("Interrupt")
    browser.await_text("The plan waits once its running step is done.")
    assert browser.url == f"{deployment.layout.api}/service/cassandra/"
    browser.await_text("Interrupted: 1 of 2 nodes up", "#headline")
    assert deployment.get("/v1/plan")["interrupted"]
    browser.unfold("Go on", "#plans")
    browser.confirm("Go on")
    browser.await_text("Deploying: 1 of 2 nodes up", "#headline")
    deployment.cluster.start(["agent-2"], time.sleep)
    browser.await_text("All 2 nodes are up", "#headline")


def restarts_a_node(browser: Browser, deployment: Deployment) -> None:
    """The page keeps itself up to date meanwhile."""
    browser.unfold("Restart", "#node-1")
    browser.confirm("Restart node-1")
    browser.await_text("The node is restarted.")
    browser.await_text("1 restart", "#node-1")
    browser.await_text("by anybody from 127.0.0.1", "#events")
    browser.await_text("All 2 nodes are up", "#headline")
    assert deployment.get("/v1/nodes/node-1/info")["restarts"] == 1


def reads_without_scripts_and_on_a_phone(browser: Browser, deployment: Deployment) -> None:
    browser.open(f"{deployment.layout.api}/", PHONE, scripts=False)
    assert "All 2 nodes are up" in browser.text("#headline")
    assert "normal" in browser.text("#node-0")
    browser.unfold("Replace", "#node-0")
    assert "is destroyed" in browser.text("#node-0")
    assert browser.overflow() == 0
