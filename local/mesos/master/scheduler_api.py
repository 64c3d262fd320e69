"""The scheduler API: ``POST /api/v1/scheduler``."""

from __future__ import annotations

from collections.abc import Callable

import gevent

from local.mesos import http
from local.mesos.http import Refusal, Request, Response, Stream
from local.mesos.master import reconcile
from local.mesos.master.accept import Accept
from local.mesos.master.allocator import DEFAULT_REFUSE_SECONDS
from local.mesos.master.frameworks import Frameworks
from local.mesos.master.model import Framework, Json
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks
from local.mesos.validation import Invalid, check_uuid, require_body

STREAM_ID = "mesos-stream-id"
BODILESS = ("TEARDOWN", "REVIVE", "SUPPRESS")


class SchedulerApi:
    """Checks calls and hands them on."""

    def __init__(
        self,
        state: State,
        offers: Offers,
        tasks: Tasks,
        operations: Operations,
        frameworks: Frameworks,
        accept: Accept,
    ) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._operations = operations
        self._frameworks = frameworks
        self._accept = accept
        self._handlers: dict[str, Callable[[Framework, Json], Response]] = {
            "TEARDOWN": self._teardown,
            "ACCEPT": self._accept_offers,
            "DECLINE": self._decline,
            "ACCEPT_INVERSE_OFFERS": self._ignore,
            "DECLINE_INVERSE_OFFERS": self._ignore,
            "REVIVE": self._revive,
            "SUPPRESS": self._suppress,
            "KILL": self._kill,
            "SHUTDOWN": self._shutdown,
            "ACKNOWLEDGE": self._acknowledge,
            "ACKNOWLEDGE_OPERATION_STATUS": self._acknowledge_operation,
            "RECONCILE": self._reconcile,
            "RECONCILE_OPERATIONS": self._reconcile_operations,
            "MESSAGE": self._message,
            "REQUEST": self._ignore,
            "UPDATE_FRAMEWORK": self._update_framework,
        }

    def handle(self, request: Request) -> Response | Stream:
        """One call, checked in the order of Mesos."""
        call = http.read_call(request, "scheduler.Call")
        try:
            self._validate(call, request.principal)
        except Invalid as error:
            raise Refusal(400, f"Failed to validate scheduler::Call: {error}") from error
        if call["type"] in ("SUBSCRIBE", "RECONCILE_OPERATIONS"):
            http.require_json_accepted(request)
        if call["type"] == "SUBSCRIBE":
            return self._subscribe(request, call["subscribe"])
        framework = self._framework(request, call)
        framework.counts[f"calls/{call['type'].lower()}"] += 1
        answer = self._handlers[call["type"]](framework, call.get(call["type"].lower(), {}))
        # As in Mesos: the events that a call causes are on their way before its caller has the answer.
        gevent.sleep(0)
        return answer

    def _validate(self, call: Json, principal: str | None) -> None:
        require_body(call, BODILESS)
        if call["type"] == "SUBSCRIBE":
            _check_same_id(call, "subscribe")
            _check_principal(call["subscribe"]["framework_info"].get("principal"), principal)
            return
        if "framework_id" not in call:
            raise Invalid("Expecting 'framework_id' to be present")
        if call["type"] == "UPDATE_FRAMEWORK":
            _check_same_id(call, "update_framework")
        if call["type"] in ("ACKNOWLEDGE", "ACKNOWLEDGE_OPERATION_STATUS"):
            body = call[call["type"].lower()]
            check_uuid(body["uuid"])
            if "agent_id" not in body:
                raise Invalid("Expecting 'agent_id' to be present")

    def _subscribe(self, request: Request, subscribe: Json) -> Stream:
        if STREAM_ID in request.headers:
            raise Refusal(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
        info = subscribe["framework_info"]
        if request.principal is not None:
            subscribe = {**subscribe, "framework_info": {**info, "principal": request.principal}}
        return self._frameworks.subscribe(subscribe)

    def _framework(self, request: Request, call: Json) -> Framework:
        """The framework that a call comes from, if it may come."""
        framework = self._state.frameworks.get(call["framework_id"]["value"])
        if framework is None:
            raise Refusal(400, "Framework cannot be found")
        try:
            _check_principal(framework.info.get("principal", ""), request.principal)
        except Invalid as error:
            raise Refusal(400, str(error)) from error
        if framework.connection is None:
            raise Refusal(403, "Framework is not subscribed")
        stream_id = request.headers.get(STREAM_ID)
        if stream_id is None:
            raise Refusal(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        if stream_id != framework.connection.id:
            raise Refusal(
                400,
                f"The stream ID '{stream_id}' included in this request didn't match the stream ID currently "
                f"associated with framework ID {framework.id}",
            )
        return framework

    def _teardown(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_unregister_framework"] += 1
        self._frameworks.remove(framework)
        return http.accepted()

    def _accept_offers(self, framework: Framework, call: Json) -> Response:
        offer_ids = [item["value"] for item in call.get("offer_ids", [])]
        self._accept.accept(framework, offer_ids, call.get("operations", []), _refuse_seconds(call))
        return http.accepted()

    def _decline(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_decline_offers"] += 1
        offer_ids = (item["value"] for item in call.get("offer_ids", []))
        self._offers.decline(framework, offer_ids, _refuse_seconds(call))
        return http.accepted()

    def _ignore(self, framework: Framework, call: Json) -> Response:
        """There are no inverse offers to answer, and requests for resources mean nothing to the allocator."""
        return http.accepted()

    def _revive(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_revive_offers"] += 1
        if (chosen := _roles(framework, call)) is not None:
            self._offers.allocator.revive(framework, chosen)
            self._offers.hurry()
        return http.accepted()

    def _suppress(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_suppress_offers"] += 1
        if (chosen := _roles(framework, call)) is not None:
            self._offers.allocator.suppress(framework, chosen)
        return http.accepted()

    def _kill(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_kill_task"] += 1
        agent_id = call.get("agent_id", {}).get("value")
        task = framework.tasks.get(call["task_id"]["value"])
        if task is None:
            self._reconcile_task(framework, call["task_id"]["value"], agent_id)
        else:
            self._tasks.kill(framework, task, agent_id, call.get("kill_policy"))
        return http.accepted()

    def _shutdown(self, framework: Framework, call: Json) -> Response:
        agent = self._state.agents.get(call["agent_id"]["value"])
        if agent is not None and call["executor_id"]["value"] in agent.executors.get(framework.id, {}):
            ids = {"framework_id": framework.info["id"], "executor_id": call["executor_id"]}
            agent.send("SHUTDOWN_EXECUTOR", **ids)
        return http.accepted()

    def _acknowledge(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_status_update_acknowledgement"] += 1
        agent_id, task_id = call["agent_id"]["value"], call["task_id"]["value"]
        self._tasks.acknowledge(framework, agent_id, task_id, call["uuid"])
        return http.accepted()

    def _acknowledge_operation(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_operation_status_update_acknowledgement"] += 1
        agent_id, operation_id = call["agent_id"]["value"], call["operation_id"]["value"]
        self._operations.acknowledge(framework, agent_id, operation_id, call["uuid"])
        return http.accepted()

    def _reconcile(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_reconcile_tasks"] += 1
        tasks = call.get("tasks", [])
        for task in tasks:
            agent_id = task.get("agent_id", {}).get("value")
            self._reconcile_task(framework, task["task_id"]["value"], agent_id)
        if not tasks:
            for status in list(reconcile.all_tasks(framework)):
                self._tasks.tell(framework, status)
        return http.accepted()

    def _reconcile_task(self, framework: Framework, task_id: str, agent_id: str | None) -> None:
        status = reconcile.task(self._state, framework, task_id, agent_id)
        if status is not None:
            self._tasks.tell(framework, status)

    def _reconcile_operations(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_reconcile_operations"] += 1
        asked = [
            (item["operation_id"]["value"], item.get("agent_id", {}).get("value"))
            for item in call.get("operations", [])
        ]
        for operation_id, agent_id in asked or [(key, None) for key in framework.operations]:
            status = reconcile.operation(self._state, framework, operation_id, agent_id)
            self._operations.tell(framework, status)
        return http.accepted()

    def _message(self, framework: Framework, call: Json) -> Response:
        self._state.counts["messages_framework_to_executor"] += 1
        agent = self._state.agents.get(call["agent_id"]["value"])
        valid = agent is not None and agent.connected
        self._state.counts[f"{'valid' if valid else 'invalid'}_framework_to_executor_messages"] += 1
        if agent is not None:
            ids = {"framework_id": framework.info["id"], "executor_id": call["executor_id"]}
            agent.send("MESSAGE", **ids, data=call["data"])
        return http.accepted()

    def _update_framework(self, framework: Framework, call: Json) -> Response:
        try:
            self._frameworks.update(framework, call)
        except Invalid as error:
            raise Refusal(400, str(error)) from error
        return Response(200)


def _roles(framework: Framework, call: Json) -> list[str] | None:
    """The roles that a REVIVE or SUPPRESS names, or all; None, to ignore the call, where one is strange."""
    chosen: list[str] = call.get("roles") or framework.roles
    return chosen if set(chosen) <= set(framework.roles) else None


def _refuse_seconds(call: Json) -> float:
    return float(call.get("filters", {}).get("refuse_seconds", DEFAULT_REFUSE_SECONDS))


def _check_same_id(call: Json, field: str) -> None:
    if call["type"] != "UPDATE_FRAMEWORK" and not call.get("framework_id", {}).get("value"):
        same = not call[field]["framework_info"].get("id", {}).get("value")
    else:
        same = call.get("framework_id") == call[field]["framework_info"].get("id")
    if not same:
        raise Invalid(f"'framework_id' differs from '{field}.framework_info.id'")


def _check_principal(named: str | None, login: str | None) -> None:
    """Who has logged in is who the framework says it belongs to."""
    if login is not None and named is not None and login != named:
        raise Invalid(
            f"Authenticated principal '{login}' does not match principal '{named}' set in `FrameworkInfo`"
        )
