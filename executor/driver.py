"""The executor's side of Mesos: its subscription at the agent, and what it sends there.

A pymesos driver, whose call builders and event dispatch are used. The connection is ``transport``'s, since
pymesos' own comes back too late after an agent's restart (Mesos gives executors two seconds), loses status
updates meanwhile and kills its process group at the end.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from pymesos import MesosExecutorDriver

from executor.environment import ConfigurationError, read_environment
from executor.outbox import Outbox
from transport.backoff import within
from transport.http import AnswerLost, Json, Stream, Unreachable, post
from transport.loop import Halt, Loop, Subscription, Timing

__all__ = ["Callbacks", "ConfigurationError", "ExecutorDriver"]

logging.getLogger("pymesos").handlers.clear()  # it adds one on import, and every line would come twice

log = logging.getLogger(__name__)

PATH = "/api/v1/executor"
CALL_SECONDS = 5.0
LEAST_BACKOFF_SECONDS, MOST_BACKOFF_SECONDS = 0.1, 1.0


class Callbacks(Protocol):
    """What the agent wants. Called on the thread of ``run``, in order of arrival: each must return soon."""

    def launch(self, task_id: str, data: bytes) -> None:
        """Start a task; ``data`` is its TaskInfo's. Never called twice for one task."""

    def kill(self, task_id: str, grace_seconds: float | None) -> None:
        """End a task, within so many seconds if that is said. It may be unknown or ending already."""

    def message(self, data: bytes) -> None:
        """A message of the scheduler's."""

    def shutdown(self) -> None:
        """End all tasks and the executor: ordered, or the agent has gone for good. Called once."""


class _Refused(Exception):
    """The agent's answer was neither acceptance nor silence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the agent answers {status} {text}")
        self.status = status
        self.text = text

    @property
    def disowned(self) -> bool:
        """Whether the agent says that it does not, or no longer, know this executor."""
        return self.status == 400 and "cannot be found" in self.text


class ExecutorDriver(MesosExecutorDriver):  # type: ignore[misc]  # pymesos has no types
    """Keeps the executor subscribed at its agent, and each status update until the agent has it."""

    def __init__(self, environment: Mapping[str, str], callbacks: Callbacks) -> None:
        """``environment`` is the process's. Raises ConfigurationError."""
        self._agent = agent = read_environment(environment)
        # Not pymesos' own initialisation, which reads os.environ and asserts; that of its base.
        super(MesosExecutorDriver, self).__init__(master=agent.agent)
        self.framework_id = {"value": agent.framework_id}
        self.executor_id = {"value": agent.executor_id}
        self._callbacks = callbacks
        self._headers = {"Authorization": f"Bearer {agent.token}"} if agent.token else {}
        self._outbox = Outbox()
        self._unacknowledged_tasks: dict[str, Json] = {}
        self._launched: set[str] = set()
        self._silent_since: float | None = None
        self._shutdown_called = False
        self._ended = threading.Event()
        most = min(MOST_BACKOFF_SECONDS, agent.backoff_max_seconds / 2)
        self._loop = Loop(self, Timing(within(LEAST_BACKOFF_SECONDS, most), answer=CALL_SECONDS))

    def run(self) -> None:
        """Stay subscribed until ``stop``; callbacks are called from here."""
        self._silent_since = time.monotonic()
        threading.Thread(target=self._send_updates, name="mesos-updates", daemon=True).start()
        self._loop.run()
        self._ended.wait()

    def start(self) -> None:
        """Not pymesos' own: this driver runs on the caller's thread."""
        raise NotImplementedError("call run()")

    def stop(self) -> None:
        """Let ``run`` return, from any thread. What the agent has not acknowledged by now is lost."""
        self._loop.stop()
        self._outbox.close()
        self._ended.set()

    def update(self, task_id: str, state: str, message: str = "", data: bytes = b"") -> None:
        """Tell of a task's state (``TASK_RUNNING``...). Returns at once; the agent gets it, in order."""
        status: dict[str, Any] = {
            "task_id": {"value": task_id},
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "executor_id": self.executor_id,
            "timestamp": time.time(),
            "uuid": b64encode(uuid.uuid4().bytes).decode(),
        }
        if message:
            status["message"] = message
        if data:
            status["data"] = b64encode(data).decode()
        self._outbox.add(status)

    def send(self, data: bytes) -> None:
        """Send the scheduler a message, once: it may be lost here and on every step of its way."""
        try:
            self.sendFrameworkMessage(b64encode(data).decode())
        except (Unreachable, AnswerLost, _Refused) as error:
            log.info("a message to the scheduler was not sent: %s", error)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the agent has every update; False if it has not in time."""
        return self._outbox.wait_empty(timeout_seconds)

    # What the loop asks and tells.

    def address(self) -> str:
        """See ``Subscriber``."""
        return self._agent.agent

    def subscription(self) -> Subscription:
        """See ``Subscriber``. An agent that stays away too long is given up, but asked on meanwhile."""
        since = self._silent_since
        if since is not None and time.monotonic() - since > self._agent.recovery_seconds:
            self._shut_down(f"the agent has been gone for {self._agent.recovery_seconds:g} s")
        body = {
            "type": "SUBSCRIBE",
            "framework_id": self.framework_id,
            "executor_id": self.executor_id,
            "subscribe": {
                "unacknowledged_tasks": list(self._unacknowledged_tasks.values()),
                "unacknowledged_updates": [{"status": status} for status in self._outbox.replay()],
            },
        }
        return Subscription(PATH, body, self._headers)

    def refused(self, status: int, text: str) -> None:
        """See ``Subscriber``."""
        if _Refused(status, text).disowned:
            self._shut_down(text)
            raise Halt

    def opened(self, address: str, stream: Stream) -> None:
        """See ``Subscriber``. An agent's heartbeats are too rare to wait for: TCP's keepalive must do."""
        stream.expect_life(None)

    def received(self, event: bytes) -> None:
        """See ``Subscriber``."""
        self.on_event(json.loads(event))

    def closed(self, reason: str) -> None:
        """See ``Subscriber``."""
        self._outbox.disconnected()
        if self._silent_since is None:
            self._silent_since = time.monotonic()
        if not self._agent.checkpoint:
            self._shut_down("the agent has gone, and does not checkpoint this framework")
            raise Halt

    # What pymesos' dispatch calls, by the event's type.

    def on_subscribed(self, event: Json) -> None:
        """The agent takes what we have to say."""
        log.info("subscribed at the agent %s", self._agent.agent)
        self._silent_since = None
        self._outbox.connected()

    def on_launch(self, event: Json) -> None:
        """A task to start; one that came before is passed over."""
        task = event["task"]
        task_id = task["task_id"]["value"]
        if task_id in self._launched:
            log.warning("task %s was launched before", task_id)
            return
        self._launched.add(task_id)
        self._unacknowledged_tasks[task_id] = task
        self._callbacks.launch(task_id, b64decode(task.get("data", "")))

    def on_launch_group(self, event: Json) -> None:
        """Tasks to start together; each is started by itself."""
        for task in event["task_group"].get("tasks", []):
            self.on_launch({"task": task})

    def on_kill(self, event: Json) -> None:
        """A task to end."""
        grace = event.get("kill_policy", {}).get("grace_period")
        seconds = None if grace is None else grace["nanoseconds"] / 1e9
        self._callbacks.kill(event["task_id"]["value"], seconds)

    def on_acknowledged(self, event: Json) -> None:
        """The agent has an update, and knows the task."""
        self._unacknowledged_tasks.pop(event["task_id"]["value"], None)
        self._outbox.remove(event["uuid"])

    def on_message(self, event: Json) -> None:
        """A message of the scheduler's."""
        self._callbacks.message(b64decode(event["data"]))

    def on_shutdown(self) -> None:
        """The end, as ordered. The stream stays, for the acknowledgements of the last updates."""
        self._shut_down("the agent orders it")

    def on_error(self, event: Json) -> None:
        """Mesos asks for a new subscription after an error."""
        self._loop.reconnect(f"the agent reports an error: {event.get('message')}")

    def _shut_down(self, reason: str) -> None:
        if not self._shutdown_called:
            self._shutdown_called = True
            log.warning("shutting down: %s", reason)
            self._callbacks.shutdown()

    def _send_updates(self) -> None:
        """Send each update once, on a thread of its own; one that fails goes with the next SUBSCRIBE."""
        while (status := self._outbox.take()) is not None:
            try:
                self.sendStatusUpdate(status)
            except _Refused as error:
                self._refused_update(status, error)
            except (Unreachable, AnswerLost) as error:
                self._resubscribe(error)

    def _refused_update(self, status: Json, error: _Refused) -> None:
        if error.status == 400 and not error.disowned:
            # It would be refused for ever, and with it every SUBSCRIBE that carries it.
            log.error("the update %s of %s is dropped: %s", status["state"], status["task_id"], error)
            self._outbox.remove(status["uuid"])
        else:
            self._resubscribe(error)

    def _resubscribe(self, error: Exception) -> None:
        self._outbox.disconnected()
        self._loop.reconnect(f"an update was not taken: {error}")

    def _send(self, body: Json) -> None:
        """Pymesos' call builders end here. Raises Unreachable, AnswerLost or _Refused."""
        answer = post(self._agent.agent, PATH, body, self._headers, CALL_SECONDS)
        if not answer.accepted:
            raise _Refused(answer.status, answer.text)
