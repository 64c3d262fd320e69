"""The page's forms: orders as the API takes them, by field ``order`` and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from api.errors import BadRequest
from api.maintenance_requests import EVERY_NODE, read_request
from scheduler.daemon.service import Service
from scheduler.decide.owner import RECOVERY
from scheduler.model.event import (
    Command,
    ForceComplete,
    Interrupt,
    Proceed,
    ReplaceNode,
    RestartNode,
    RestartStep,
    StopOperation,
)

Form = Mapping[str, str]


MAINTENANCE = ("cleanup", "repair", "upgradesstables")
"""What can be started from the page: on all nodes, with nothing to choose."""


class Order(NamedTuple):
    """A command, and the plan in which it shows."""

    command: Command
    plan: str


def read(form: Form, service: Service) -> Order:
    """Read a form. Raises BadRequest naming the field that is missing or unknown."""
    name = _field(form, "order")
    if name not in READERS:
        raise BadRequest(f"there is no order {name}", {"order": f"there is no order {name}"})
    return READERS[name](form, service)


def _field(form: Form, name: str) -> str:
    value = form.get(name)
    if not value:
        raise BadRequest(f"the field {name} is missing", {name: f"the field {name} is missing"})
    return value


def _interrupt(form: Form, _service: Service) -> Order:
    plan = _field(form, "plan")
    return Order(Interrupt(plan), plan)


def _proceed(form: Form, _service: Service) -> Order:
    plan = _field(form, "plan")
    return Order(Proceed(plan), plan)


def _restart_step(form: Form, _service: Service) -> Order:
    plan = _field(form, "plan")
    return Order(RestartStep(plan, _field(form, "phase"), _field(form, "step")), plan)


def _force_step(form: Form, _service: Service) -> Order:
    plan = _field(form, "plan")
    return Order(ForceComplete(plan, _field(form, "phase"), _field(form, "step")), plan)


def _restart_node(form: Form, _service: Service) -> Order:
    return Order(RestartNode(_field(form, "node")), RECOVERY)


def _replace_node(form: Form, _service: Service) -> Order:
    return Order(ReplaceNode(_field(form, "node"), form.get("force") == "true"), RECOVERY)


def _start(form: Form, service: Service) -> Order:
    kind = _field(form, "kind")
    if kind not in MAINTENANCE:
        raise BadRequest(
            f"there is no maintenance {kind}", {"kind": f"it is one of {', '.join(MAINTENANCE)}"}
        )
    request = read_request(kind, {"nodes": [EVERY_NODE]}, service.world())
    return Order(request.order(service.schema()), kind)


def _stop(form: Form, _service: Service) -> Order:
    kind = _field(form, "kind")
    return Order(StopOperation(kind), kind)


READERS: Mapping[str, Callable[[Form, Service], Order]] = {
    "interrupt": _interrupt,
    "proceed": _proceed,
    "restart-step": _restart_step,
    "force-step": _force_step,
    "restart-node": _restart_node,
    "replace-node": _replace_node,
    "start": _start,
    "stop": _stop,
}

DONE: Mapping[str, str] = {
    "interrupt": "The plan waits once its running step is done.",
    "proceed": "The plan goes on.",
    "restart-step": "The step is done again.",
    "force-step": "The step is taken as complete.",
    "restart-node": "The node is restarted.",
    "replace-node": "The node is put elsewhere.",
    "start": "It has started.",
    "stop": "It stops.",
}
"""What to say once an order is stored."""
