"""ACCEPT: what a scheduler does with offers.

The operations run in order on what the offers hold. One that does not fit is dropped alone; the following
ones are still tried. What is left in the end goes back: with the filter if it is as it was offered, without
if an operation made it what it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from local.mesos import formats, schema
from local.mesos.master.model import Agent, Framework, Json, Offer
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks, rejected
from local.mesos.master.validation.offer import check_offers
from local.mesos.master.validation.operation import (
    check_create,
    check_destroy,
    check_reserve,
    check_unreserve,
)
from local.mesos.master.validation.resources import check_format
from local.mesos.master.validation.task import check_task
from local.mesos.resources import Resource, Resources, conversions, joined
from local.mesos.validation import Invalid

log = logging.getLogger(__name__)

CONVERTING = ("RESERVE", "UNRESERVE", "CREATE", "DESTROY")


class Accept:
    """Carries out ACCEPT calls."""

    def __init__(self, state: State, offers: Offers, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._operations = operations

    def accept(
        self, framework: Framework, offer_ids: list[str], operations: list[Json], refuse_seconds: float
    ) -> None:
        """Carry out the operations on the offers; on none if one of the offers is not valid."""
        self._count(framework, operations)
        try:
            offers = check_offers(self._state, framework, offer_ids)
        except Invalid as error:
            self._refuse_all(framework, offer_ids, operations, str(error))
            return
        framework.counts["offers/accepted"] += len(offers)
        agent, role = offers[0].agent, offers[0].role
        for offer in offers:
            self._offers.discard(offer)
        offered = joined(offer.resources for offer in offers)
        left = offered
        for operation in self._well_formed(framework, role, operations):
            left = self._carry_out(framework, agent, operation, left)
        declined = left - (left - offered)
        self._offers.refuse(framework, role, agent, declined, refuse_seconds)

    def _count(self, framework: Framework, operations: list[Json]) -> None:
        for operation in operations:
            if "type" in operation:
                framework.counts[f"operations/{operation['type'].lower()}"] += 1
        if not any(operation.get("launch", {}).get("task_infos") for operation in operations):
            self._state.counts["messages_decline_offers"] += 1
        else:
            self._state.counts["messages_launch_tasks"] += 1

    def _refuse_all(
        self, framework: Framework, offer_ids: list[str], operations: list[Json], message: str
    ) -> None:
        """Give back what offers there are, and say of each task and operation that it will not be."""
        log.warning("framework %s accepted invalid offers: %s", framework.id, message)
        for offer_id in offer_ids:
            if offer := self._state.offers.get(offer_id):
                self._offers.discard(offer)
        for operation in operations:
            if operation.get("type") in CONVERTING:
                text = f"Operation attempted with invalid offers: {message}"
                self._operations.drop(framework, operation, text)
            text = f"Task launched with invalid offers: {message}"
            self._reject(framework, operation, "TASK_DROPPED", "REASON_INVALID_OFFERS", text)

    def _reject(self, framework: Framework, operation: Json, state: str, reason: str, message: str) -> None:
        for info in _tasks_of(operation):
            self._tasks.reject(framework, rejected(framework, info, state, reason, message))

    def _well_formed(self, framework: Framework, role: str, operations: list[Json]) -> list[Json]:
        """The operations that are what they should be by themselves, in the form used within.

        All are looked at before the first is carried out, so what is said of a bad one comes first.
        """
        good = []
        for operation in operations:
            try:
                good.append(_prepared(operation, framework, role))
            except Invalid as error:
                self._drop(framework, operation, str(error))
        return good

    def _drop(self, framework: Framework, operation: Json, message: str) -> None:
        kind = operation.get("type", "UNKNOWN")
        log.warning("dropping %s of framework %s: %s", kind, framework.id, message)
        if kind in CONVERTING:
            text = f"Operation attempted with invalid resources: {message}"
            self._operations.drop(framework, operation, text)
        reason = "REASON_TASK_GROUP_INVALID" if kind == "LAUNCH_GROUP" else "REASON_TASK_INVALID"
        self._reject(framework, operation, "TASK_ERROR", reason, message)

    def _carry_out(self, framework: Framework, agent: Agent, operation: Json, left: Resources) -> Resources:
        """What is left of the resources after an operation."""
        if operation["type"] == "LAUNCH":
            for info in _tasks_of(operation):
                left -= self._launch(framework, agent, info, left)
            return left
        try:
            _CHECKS[operation["type"]](framework, agent, operation)
        except Invalid as error:
            self._operations.drop(framework, operation, f"{error}; on agent {agent}")
            return left
        for consumed, _ in conversions(operation):
            if not left.contains([consumed]):
                text = f"{formats.describe(left)} does not contain {formats.describe([consumed])}"
                self._operations.drop(framework, operation, text)
                return left
        self._rescind_destroyed(agent, operation)
        self._operations.apply(agent, operation, framework)
        return left.convert(conversions(operation))

    def _launch(self, framework: Framework, agent: Agent, info: Json, left: Resources) -> Resources:
        """Launch one task. Returns what it takes."""
        try:
            check_task(info, framework, agent, left)
        except Invalid as error:
            status = rejected(framework, info, "TASK_ERROR", "REASON_TASK_INVALID", str(error))
            self._tasks.reject(framework, status)
            return Resources()
        return self._tasks.launch(framework, agent, info)

    def _rescind_destroyed(self, agent: Agent, operation: Json) -> None:
        """No offer may hold a volume that is being destroyed."""
        volumes = operation.get("destroy", {}).get("volumes", [])

        def holds(offer: Offer) -> bool:
            return any(offer.resources.contains([volume]) for volume in volumes)

        self._offers.rescind_all(agent.offers.values(), holds)


def _tasks_of(operation: Json) -> list[Json]:
    group = operation.get("launch_group", {}).get("task_group", {}).get("tasks", [])
    tasks: list[Json] = operation.get("launch", {}).get("task_infos", group)
    return tasks


def _prepared(operation: Json, framework: Framework, role: str) -> Json:
    """The operation with its resources in the form after refinement and allocated. Raises Invalid."""
    kind = operation.get("type", "UNKNOWN")
    if kind == "LAUNCH_GROUP":
        raise Invalid("Task groups are not supported by this master")
    if kind != "LAUNCH" and kind not in CONVERTING:
        raise Invalid(f"Operations of type {kind} are not supported by this master")
    if kind.lower() not in operation:
        raise Invalid(f"Expecting '{kind.lower()}' to be present")
    if kind == "LAUNCH" and "id" in operation:
        raise Invalid("The `id` field cannot be set on LAUNCH operations")
    body = operation[kind.lower()]
    if kind == "LAUNCH":
        tasks = [_prepared_task(task, framework, role) for task in body.get("task_infos", [])]
        return {**operation, "launch": {"task_infos": tasks}}
    if body.get("source"):
        raise Invalid("Reservation updates are not yet implemented for the scheduler API.")
    field = "volumes" if kind in ("CREATE", "DESTROY") else "resources"
    return {**operation, kind.lower(): {field: allocated(body.get(field, []), role)}}


def _prepared_task(task: Json, framework: Framework, role: str) -> Json:
    result = {**task, "resources": allocated(task.get("resources", []), role)}
    if executor := task.get("executor"):
        own = {
            "framework_id": executor.get("framework_id", framework.info["id"]),
            "resources": allocated(executor.get("resources", []), role),
        }
        result["executor"] = schema.ordered("ExecutorInfo", {**executor, **own})
    return schema.ordered("TaskInfo", result)


def allocated(resources: list[Resource], role: str) -> list[Resource]:
    """Resources as sent, in the form after refinement, and allocated to the role unless to another."""
    check_format(resources)
    allocation = {"allocation_info": {"role": role}}
    return [schema.ordered("Resource", {**allocation, **formats.refined(r)}) for r in resources]


def _check_reserve(framework: Framework, agent: Agent, operation: Json) -> None:
    check_reserve(operation["reserve"]["resources"], framework.info.get("principal"), framework.roles)


def _check_unreserve(framework: Framework, agent: Agent, operation: Json) -> None:
    check_unreserve(operation["unreserve"]["resources"])


def _check_create(framework: Framework, agent: Agent, operation: Json) -> None:
    principal = framework.info.get("principal")
    check_create(operation["create"]["volumes"], agent, principal, allocated=True)


def _check_destroy(framework: Framework, agent: Agent, operation: Json) -> None:
    check_destroy(operation["destroy"]["volumes"], agent)


_CHECKS: dict[str, Callable[[Framework, Agent, Json], Any]] = {
    "RESERVE": _check_reserve,
    "UNRESERVE": _check_unreserve,
    "CREATE": _check_create,
    "DESTROY": _check_destroy,
}
