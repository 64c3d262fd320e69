"""An executor for tests: every task runs until it is killed, every message comes back.

The message ``update after a while`` has it report RUNNING once more when its agent is gone.
"""

from __future__ import annotations

import os
import sys
import threading

from executor.driver import ExecutorDriver


class Echo:
    """Does as it is told, at once."""

    def __init__(self) -> None:
        self.driver = ExecutorDriver(os.environ, self)
        self._tasks: set[str] = set()

    def launch(self, task_id: str, data: bytes) -> None:
        self._tasks.add(task_id)
        self.driver.update(task_id, "TASK_STARTING")
        self.driver.update(task_id, "TASK_RUNNING", data=data)

    def kill(self, task_id: str, grace_seconds: float | None) -> None:
        self._tasks.discard(task_id)
        self.driver.update(task_id, "TASK_KILLED", f"within {grace_seconds:g} s")

    def message(self, data: bytes) -> None:
        if data == b"update after a while":
            threading.Timer(1.0, self._again).start()
        self.driver.send(b"echo " + data)

    def shutdown(self) -> None:
        threading.Thread(target=self._end).start()

    def _again(self) -> None:
        for task_id in self._tasks:
            self.driver.update(task_id, "TASK_RUNNING", "again")

    def _end(self) -> None:
        for task_id in self._tasks:
            self.driver.update(task_id, "TASK_KILLED", "shut down")
        self.driver.flush(1.0)
        self.driver.stop()


if __name__ == "__main__":
    print("executor", os.getpid(), file=sys.stderr)
    Echo().driver.run()
