"""The executor of these tests: the project's own driver, and tasks that say themselves what is to happen.

A task's data, and a message, is a JSON list of steps such as ``["update", "TASK_RUNNING"]``: the methods of
``Steps``. Without data a task runs until it is killed. OPTIONS, in the environment, is a JSON object:
``late`` (seconds before the first subscription), ``on_kill`` and ``on_shutdown`` ("obey" unless given).
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from executor.driver import ExecutorDriver

RUN = [["update", "TASK_RUNNING"]]
LAST_WORDS_SECONDS = 2.0

Step = list[Any]


class Scripted:
    """What the driver calls: hands over to ``Steps``, one after the other, on a thread of their own."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self.driver = ExecutorDriver(os.environ, self)
        self.alive: set[str] = set()
        self._work: queue.Queue[tuple[str, list[Step]]] = queue.Queue()

    def run(self) -> None:
        threading.Thread(target=self._follow, daemon=True).start()
        time.sleep(self._options.get("late", 0))
        self.driver.run()

    def launch(self, task_id: str, data: bytes) -> None:
        self.alive.add(task_id)
        self._work.put((task_id, json.loads(data) if data else RUN))

    def kill(self, task_id: str, grace_seconds: float | None) -> None:
        within = "" if grace_seconds is None else f"within {grace_seconds:g} s"
        killed = ["update", "TASK_KILLED", within]
        steps = {
            "obey": [killed],
            "tell": [["update", "TASK_KILLING", within], killed],
            "ignore": [],
        }
        self._work.put((task_id, steps[self._options.get("on_kill", "obey")]))

    def message(self, data: bytes) -> None:
        self._work.put(("", json.loads(data)))

    def shutdown(self) -> None:
        print("told to shut down", flush=True)
        if self._options.get("on_shutdown", "obey") == "obey":
            threading.Thread(target=self._end).start()

    def _end(self) -> None:
        for task_id in sorted(self.alive):
            self.driver.update(task_id, "TASK_KILLED", "shut down")
        self.driver.flush(LAST_WORDS_SECONDS)
        self.driver.stop()

    def _follow(self) -> None:
        while True:
            task_id, steps = self._work.get()
            for name, *arguments in steps:
                getattr(Steps(self, task_id), name)(*arguments)


class Steps:
    """What a task may do."""

    def __init__(self, executor: Scripted, task_id: str) -> None:
        self._executor = executor
        self._task_id = task_id

    def update(self, state: str, message: str = "", data: str = "", task_id: str = "") -> None:
        task = task_id or self._task_id
        if state in ("TASK_KILLED", "TASK_FINISHED", "TASK_FAILED"):
            self._executor.alive.discard(task)
        self._executor.driver.update(task, state, message, data.encode())

    def flush(self) -> None:
        """Say whether the agent has every update."""
        self.say({"flushed": self._executor.driver.flush(LAST_WORDS_SECONDS)})

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def write(self, path: str, text: str) -> None:
        Path(path).write_text(text)

    def look(self, *paths: str) -> None:
        """Say what is at some paths: null, or a link's target and a file's text."""
        self.say({path: _seen(path) for path in paths})

    def describe(self) -> None:
        """Say how this process was started."""
        files = [path.name for path in Path().iterdir()]
        here = {"cwd": str(Path.cwd()), "pid": os.getpid(), "session": os.getsid(0), "files": files}
        self.say({**here, "environment": dict(os.environ)})

    def say(self, words: object) -> None:
        self._executor.driver.send(json.dumps(words).encode())

    def print(self, text: str) -> None:
        print(text, flush=True)

    def exit(self, code: int) -> None:
        os._exit(code)

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _seen(name: str) -> dict[str, Any] | None:
    path = Path(name)
    link = str(path.readlink()) if path.is_symlink() else None
    if not path.exists():
        return None if link is None else {"link": link}
    if not path.is_file():
        return {"link": link}
    return {"link": link, "text": path.read_text(), "executable": os.access(path, os.X_OK)}


if __name__ == "__main__":
    sys.exit(Scripted(json.loads(os.environ.get("OPTIONS", "{}"))).run())
