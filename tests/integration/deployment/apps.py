"""Apps of Marathon on a deployment of tests: where they find it, and what their instances answer."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from local.addresses import free
from tests.integration.deployment.harness import Deployment, wait_for
from tests.integration.deployment.marathon import Instance

Json = Any

TOKEN = "the-token-of-the-tests"
TOKENS = f"tests read-write {TOKEN}\n"
"""A file of tokens."""

OFFERED = range(7200, 7999)
"""Ports of the agents that no node takes."""

APPS_OWN = ("SERVICE_NAME", "API_HOST", "API_PORT")


def free_ports() -> Iterator[int]:
    """Ports that agents offer and on which nobody listens, in an order of chance."""
    return (port for port in random.sample(OFFERED, len(OFFERED)) if free("", port))


def places(deployment: Deployment) -> dict[str, str]:
    """The settings that make an app fit the deployment: where things are, and how big nodes may be."""
    scheduler = deployment.cluster.parts["scheduler"].environment
    return {name: value for name, value in scheduler.items() if name not in APPS_OWN}


def ask(instance: Instance, path: str) -> tuple[int, Json]:
    """What an instance answers to who has the token; 0 where nobody does."""
    request = Request(instance.url + path, headers={"Authorization": f"token={TOKEN}"})
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


def leads(instance: Instance) -> bool:
    """Whether an instance leads."""
    return bool(ask(instance, "/v1/health")[1].get("leader"))


def await_deployed(instance: Instance, nodes: int) -> None:
    """Wait until an instance says that so many nodes are deployed."""
    wait_for(lambda: ask(instance, "/v1/ready")[0] == 200, "the end of the deployment")
    code, plan = ask(instance, "/v1/plan")
    steps = [step["name"] for step in plan["phases"][-1]["steps"]]
    assert (code, plan["status"], steps) == (200, "COMPLETE", [f"node-{n}" for n in range(nodes)])
