"""What an agent brings along when it registers: tasks, executors, operations and the frameworks of these."""

from __future__ import annotations

from local.mesos.master import statuses
from local.mesos.master.agent_loss import tasks_of
from local.mesos.master.model import Agent, Framework, Json, Operation, Task
from local.mesos.master.operations import Operations
from local.mesos.master.reconcile import seen_in_container
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks


class Inventory:
    """Takes over what agents bring along, and gives up what they have lost."""

    def __init__(self, state: State, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._tasks = tasks
        self._operations = operations

    def compare(self, agent: Agent, registration: Json) -> None:
        """Give up what the agent has lost: launches that did not reach it, executors that are over."""
        executors = {_key(item, item["executor_info"]["executor_id"]) for item in registration["executors"]}
        tasks = {_key(item, item["task"]["task_id"]) for item in registration["tasks"]}
        for framework_id, known in list(agent.executors.items()):
            for executor_id in list(known):
                if (framework_id, executor_id) not in executors:
                    self._tasks.remove_executor(agent, framework_id, executor_id)
        for task in tasks_of(agent):
            if (task.framework_id, task.id) not in tasks:
                self._drop_lost(agent, task)

        reported = {item["uuid"] for item in registration["operations"]}
        for operation in list(agent.operations.values()):
            if operation.uuid not in reported:
                text = "Reconciliation: operation unknown to the agent"
                self._operations.give_up(operation, "OPERATION_DROPPED", text)

    def _drop_lost(self, agent: Agent, task: Task) -> None:
        framework = self._state.frameworks[task.framework_id]
        state = statuses.seen_by(framework, "TASK_DROPPED")
        text = "Reconciliation: task unknown to the agent"
        self._tasks.end(framework, agent, task, statuses.of_task(task, state, "REASON_RECONCILIATION", text))

    def take_over(self, agent: Agent, registration: Json, message: str | None) -> None:
        """Know all that comes with an agent; schedulers are told of its tasks unless ``message`` is None."""
        self._recover_frameworks(registration)
        self._recover(agent, registration, message)
        self._forget_unreachable(agent)

    def _recover_frameworks(self, registration: Json) -> None:
        """Know the frameworks that an agent works for, though their schedulers are not here (yet)."""
        for info in registration["frameworks"]:
            framework_id = info["id"]["value"]
            if framework_id not in self._state.frameworks and not self._state.is_completed(framework_id):
                self._state.add_framework(info, recovered=True)

    def _recover(self, agent: Agent, registration: Json, message: str | None) -> None:
        for item in registration["executors"]:
            framework_id = item["framework_id"]["value"]
            if framework_id in self._state.frameworks:
                self._tasks.add_executor(framework_id, agent, item["executor_info"])
        for item in registration["tasks"]:
            framework = self._state.frameworks.get(item["framework_id"]["value"])
            if framework is not None:
                self._recover_task(agent, framework, item, message)
        for item in registration["operations"]:
            framework_id = item["framework_id"]["value"]
            operation = Operation(item["uuid"], item["operation"], framework_id, agent.id, item["status"])
            self._operations.add(operation)

    def _recover_task(self, agent: Agent, framework: Framework, item: Json, message: str | None) -> None:
        task = Task(item["task"], framework.id, agent.id, item["state"])
        for status in item["statuses"]:
            task.record(status)
        framework.unreachable_tasks.pop(task.id, None)
        completed = [other for other in framework.completed_tasks if other.id == task.id]
        for other in completed:
            framework.completed_tasks.remove(other)
        self._tasks.add(framework, agent, task)
        if message is not None:
            seen = seen_in_container(task)
            status = statuses.of_task(task, task.state, "REASON_AGENT_REREGISTERED", message, seen)
            self._tasks.tell(framework, status)

    def _forget_unreachable(self, agent: Agent) -> None:
        """What was unreachable with the agent, and did not come back with it, is not known any more."""
        for framework in self._state.frameworks.values():
            for task in list(framework.unreachable_tasks.values()):
                if task.agent_id == agent.id:
                    del framework.unreachable_tasks[task.id]


def _key(item: Json, ident: Json) -> tuple[str, str]:
    return item["framework_id"]["value"], ident["value"]
