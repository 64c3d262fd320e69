"""Runs the command of a task that brings no executor of its own. A script: standard library only.

Speaks the executor API as any executor does: STARTING, RUNNING, then how the command ended.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from base64 import b64encode
from typing import Any

Json = dict[str, Any]

KILL_GRACE_SECONDS = 3.0
ACKNOWLEDGE_SECONDS = 10.0


class CommandExecutor:
    """One task, one process, then the end."""

    def __init__(self) -> None:
        self._agent = os.environ["MESOS_AGENT_ENDPOINT"]
        self._ids = {
            "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
            "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        }
        self._task: Json | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._pending: dict[str, Json] = {}
        self._done = threading.Event()

    def run(self) -> None:
        """Stay subscribed until the last update has been acknowledged."""
        while not self._done.is_set():
            try:
                self._read_events()
            except (OSError, http.client.HTTPException):
                time.sleep(0.2)

    def _read_events(self) -> None:
        connection = http.client.HTTPConnection(self._agent, timeout=None)
        tasks = [self._task] if self._task else []
        updates = [{"status": status} for status in self._pending.values()]
        body = {"unacknowledged_tasks": tasks, "unacknowledged_updates": updates}
        self._post(connection, {"type": "SUBSCRIBE", "subscribe": body})
        answer = connection.getresponse()
        if answer.status == 400:
            sys.exit(1)
        if answer.status != 200:
            raise http.client.HTTPException(answer.status)
        while head := answer.readline():
            self._handle(json.loads(answer.read(int(head))))

    def _post(self, connection: http.client.HTTPConnection, call: Json) -> None:
        body = json.dumps({**self._ids, **call})
        connection.request("POST", "/api/v1/executor", body, {"Content-Type": "application/json"})

    def _handle(self, event: Json) -> None:
        kind = event["type"]
        if kind == "LAUNCH" and self._task is None:
            self._task = event["launch"]["task"]
            threading.Thread(target=self._run_command, args=(self._task["command"],), daemon=True).start()
        elif kind == "KILL":
            threading.Thread(target=self._kill, daemon=True).start()
        elif kind == "SHUTDOWN":
            self._kill()
            os._exit(0)
        elif kind == "ACKNOWLEDGED":
            self._pending.pop(event["acknowledged"]["uuid"], None)

    def _run_command(self, command: Json) -> None:
        self._update("TASK_STARTING")
        line = command.get("value", "")
        arguments = (
            ["/bin/sh", "-c", line] if command.get("shell", True) else command.get("arguments", [line])
        )
        program = None if command.get("shell", True) else line
        try:
            self._process = subprocess.Popen(arguments, executable=program, start_new_session=True)
        except OSError as error:
            self._finish("TASK_FAILED", f"Failed to start the command: {error}")
            return
        self._update("TASK_RUNNING")
        code = self._process.wait()
        how = f"Command terminated with signal {-code}" if code < 0 else f"Command exited with status {code}"
        if self._killed:
            self._finish("TASK_KILLED", how)
        else:
            self._finish("TASK_FAILED" if code else "TASK_FINISHED", how)

    def _finish(self, state: str, message: str) -> None:
        self._update(state, message)
        deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
        while self._pending and time.monotonic() < deadline:
            time.sleep(0.02)
        self._done.set()
        os._exit(0)

    def _kill(self) -> None:
        process, self._killed = self._process, True
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(KILL_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)

    def _update(self, state: str, message: str = "") -> None:
        status: Json = {
            "task_id": (self._task or {})["task_id"],
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "executor_id": self._ids["executor_id"],
            "timestamp": time.time(),
            "uuid": b64encode(uuid.uuid4().bytes).decode(),
        }
        if message:
            status["message"] = message
        self._pending[status["uuid"]] = status
        connection = http.client.HTTPConnection(self._agent, timeout=5)
        try:
            self._post(connection, {"type": "UPDATE", "update": {"status": status}})
            connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            print(f"{state} waits for the agent: {error}", file=sys.stderr)
        finally:
            connection.close()


if __name__ == "__main__":
    CommandExecutor().run()
