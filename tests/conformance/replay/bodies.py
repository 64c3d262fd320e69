"""The bodies of executors: real processes that agents start, and for which the player speaks."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from tests.conformance.replay.streams import END, WAIT_SECONDS, Address, EventStream, Inbox, Missing, call

Json = dict[str, Any]

PUPPET = Path(__file__).with_name("puppet.py")
PATH = "/api/v1/executor"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Body:
    """A started executor's process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.hello: Json = json.loads(connection.makefile().readline())

    @property
    def agent(self) -> Address:
        """Where the agent that has started it listens."""
        host, _, port = self.hello["environment"]["MESOS_AGENT_ENDPOINT"].rpartition(":")
        return host, int(port)

    @property
    def ids(self) -> Json:
        """What every call of this executor names."""
        environment = self.hello["environment"]
        names = {"framework_id": "MESOS_FRAMEWORK_ID", "executor_id": "MESOS_EXECUTOR_ID"}
        return {field: {"value": environment[name]} for field, name in names.items()}

    @property
    def agent_id(self) -> Json:
        """The agent as scheduler calls name it."""
        return {"agent_id": {"value": self.hello["environment"]["MESOS_SLAVE_ID"]}}

    def run_script(self, task: Json) -> list[str]:
        """Write and read the files that a task names in its data; what is said of those read, in base64."""
        sandbox, said = Path(self.hello["environment"]["MESOS_SANDBOX"]), []
        for name, *arguments in json.loads(base64.b64decode(task.get("data", "W10="))):
            if name == "write":
                (sandbox / arguments[0]).write_text(arguments[1])
            elif name == "read":
                message = {"read": (sandbox / arguments[0]).read_text()}
                said.append(base64.b64encode(json.dumps(message).encode()).decode())
        return said

    def exit(self, status: int) -> None:
        """Have it end."""
        with contextlib.suppress(OSError):
            self._connection.sendall(b"%d\n" % status)

    def await_end(self) -> bool:
        """Wait until it has ended; whether it has."""
        self._connection.settimeout(WAIT_SECONDS)
        try:
            return self._connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Let it go: it ends, if it still runs."""
        self._connection.close()


class Stage:
    """Where bodies appear. ``folder`` gets the script that they run, executor.py."""

    def __init__(self, folder: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        self.inbox = Inbox()
        (folder / "executor.py").write_text(f"PLAYER = {self.address!r}\n{PUPPET.read_text()}")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with contextlib.suppress(ValueError):
                    self.inbox.put(Body(connection))

    def close(self) -> None:
        """Take no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def play_unrecorded(stage: Stage) -> None:
    """Play an executor whose traffic was not recorded: its tasks run, until it is told to end."""
    with contextlib.suppress(Missing, OSError):
        body, _ = stage.inbox.take(lambda _: True, "an executor")
        lists: Json = {"unacknowledged_tasks": [], "unacknowledged_updates": []}
        stream = EventStream(body.agent, PATH, HEADERS, {"type": "SUBSCRIBE", "subscribe": lists, **body.ids})
        try:
            _run_tasks(body, stream)
        finally:
            body.exit(0)
            body.close()
            stream.close()


def _run_tasks(body: Body, stream: EventStream) -> None:
    while True:
        event, _ = stream.inbox.take(lambda _: True, "an event")
        if event == END or event["type"] == "SHUTDOWN":
            return
        if event["type"] == "LAUNCH":
            call(body.agent, "POST", PATH, HEADERS, _running(body, event["launch"]["task"]["task_id"]))


def _running(body: Body, task_id: Json) -> Json:
    status = {
        "task_id": task_id,
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "executor_id": body.ids["executor_id"],
        "timestamp": time.time(),
        "uuid": base64.b64encode(uuid.uuid4().bytes).decode(),
    }
    return {"type": "UPDATE", "update": {"status": status}, **body.ids}
