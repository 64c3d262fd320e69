"""Stands in for Marathon: runs one instance of an app as a command task, with what Marathon gives to tasks.

The environment is that of Marathon's documentation (task-environment-vars): the app's own, the ports by
number and by name, the host. Health and readiness are asked for as the app says, but not acted on.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from scheduler.mesos.driver import Framework
from scheduler.mesos.resources import resources_json
from scheduler.model.event import Subscribed
from scheduler.model.intent import Revive, Suppress
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource, has_all, ranges_of, total
from tests.conformance.framework import Scheduler
from tests.integration.deployment.harness import wait_for

Json = dict[str, Any]
ROLE = "marathon"


@dataclass(frozen=True)
class Instance:
    """A task of an app: what it is called, and where its ports are."""

    app: Json
    task_id: str
    agent_id: str
    host: str
    ports: tuple[int, ...]

    @property
    def url(self) -> str:
        """Where its first port answers."""
        return f"http://{self.host}:{self.ports[0]}"


class Marathon:
    """A framework that launches apps. ``close`` takes it away, and its tasks with it.

    ``store`` has the secrets that apps may name, by their paths.
    """

    def __init__(self, master: str, store: Mapping[str, str] | None = None) -> None:
        self._store = store or {}
        framework = Framework("marathon", getpass.getuser(), "marathon", ROLE, 60.0)
        self._scheduler = Scheduler(master, framework)
        self._scheduler.wait(Subscribed)

    def close(self) -> None:
        """End everything."""
        if self._scheduler.subscribed:
            self._scheduler.driver.teardown()
        self._scheduler.driver.stop()

    def launch(self, app: Json) -> Instance:
        """Start an instance, and wait until Mesos says that it runs."""
        self._scheduler.driver.perform(Revive())
        offer = self._scheduler.offer(_fits(app))
        instance = _instance(app, offer)
        task = _task(instance, offer, self._environment(app))
        self._scheduler.accept_json(offer, {"type": "LAUNCH", "launch": {"task_infos": [task]}})
        self._scheduler.update(instance.task_id, "TASK_RUNNING")
        self._want_nothing()
        return instance

    def _environment(self, app: Json) -> dict[str, str]:
        """The app's variables, each that names a secret with its value."""
        return {
            name: value if isinstance(value, str) else self._store[app["secrets"][value["secret"]]["source"]]
            for name, value in app["env"].items()
        }

    def _want_nothing(self) -> None:
        """Keep no offer that others need."""
        self._scheduler.driver.perform(Suppress())
        self._scheduler.decline(*self._scheduler.held.values(), refuse=3600.0)

    def kill(self, instance: Instance) -> str:
        """End an instance as a deployment does; the state that it ends in."""
        grace = instance.app.get("taskKillGracePeriodSeconds", 3)
        task, agent = {"value": instance.task_id}, {"value": instance.agent_id}
        self._scheduler.driver.killTask(task, agent, grace)
        return self._scheduler.update(instance.task_id, "TASK_KILLED", "TASK_FAILED", "TASK_FINISHED").state


def await_ready(instance: Instance) -> None:
    """Wait until all health and readiness checks of the app are passed."""
    for check in instance.app["healthChecks"]:
        port = instance.ports[check["portIndex"]]
        wait_for(lambda: _passes(instance, port, check["path"], range(200, 400)), str(check))  # noqa: B023
    names = [definition.get("name") for definition in instance.app["portDefinitions"]]
    for check in instance.app["readinessChecks"]:
        port = instance.ports[names.index(check["portName"])]
        codes = check["httpStatusCodesForReady"]
        wait_for(lambda: _passes(instance, port, check["path"], codes), str(check))  # noqa: B023


def _passes(instance: Instance, port: int, path: str, codes: Any) -> bool:
    try:
        with urlopen(f"http://{instance.host}:{port}{path}", timeout=30) as answer:
            return answer.status in codes
    except HTTPError as error:
        with error:
            return error.code in codes
    except OSError:
        return False


def _fits(app: Json) -> Callable[[Offer], bool]:
    wanted = [definition["port"] for definition in app["portDefinitions"]]

    def fits(offer: Offer) -> bool:
        enough = all(total(offer.resources, name) >= app[name] for name in ("cpus", "mem"))
        return enough and (not app.get("requirePorts") or has_all(ranges_of(offer.resources), wanted))

    return fits


def _instance(app: Json, offer: Offer) -> Instance:
    """Ports as the app says where it requires them, else some that were offered."""
    offered = (port for low, high in ranges_of(offer.resources) for port in range(low, high + 1))
    required = app.get("requirePorts")
    ports = [definition["port"] if required else next(offered) for definition in app["portDefinitions"]]
    task_id = f"{app['id'].strip('/').replace('/', '_')}.{uuid.uuid4()}"
    return Instance(app, task_id, offer.agent_id, offer.hostname, tuple(ports))


def _task(instance: Instance, offer: Offer, environment: Mapping[str, str]) -> Json:
    app = instance.app
    resources = (
        Resource("cpus", float(app["cpus"])),
        Resource("mem", float(app["mem"])),
        Resource("ports", ranges=tuple((port, port) for port in sorted(instance.ports))),
    )
    command: Json = {
        "shell": True,
        "value": app["cmd"],
        "uris": [_uri(item) for item in app["fetch"]],
        "environment": {"variables": _variables({**_given(instance), **environment})},
    }
    if "user" in app:
        command["user"] = app["user"]
    return {
        "name": ".".join(reversed(app["id"].strip("/").split("/"))),
        "task_id": {"value": instance.task_id},
        "agent_id": {"value": offer.agent_id},
        "resources": resources_json(resources, ROLE),
        "command": command,
    }


def _uri(item: Json) -> Json:
    options = {name: item[name] for name in ("executable", "extract", "cache") if name in item}
    return {"value": item["uri"], **options}


def _variables(values: Mapping[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _given(instance: Instance) -> dict[str, str]:
    """What Marathon itself puts into the environment."""
    app, ports = instance.app, instance.ports
    names = {
        f"PORT_{definition['name'].upper().replace('-', '_')}": str(port)
        for definition, port in zip(app["portDefinitions"], ports, strict=True)
        if "name" in definition
    }
    return {
        "MARATHON_APP_ID": app["id"],
        "MARATHON_APP_VERSION": "2020-01-01T00:00:00.000Z",
        "MARATHON_APP_RESOURCE_CPUS": str(app["cpus"]),
        "MARATHON_APP_RESOURCE_MEM": str(app["mem"]),
        "MESOS_TASK_ID": instance.task_id,
        "HOST": instance.host,
        "PORT": str(ports[0]),
        "PORTS": ",".join(map(str, ports)),
        **{f"PORT{index}": str(port) for index, port in enumerate(ports)},
        **{f"PORT_{port}": str(port) for port in ports},
        **names,
    }
