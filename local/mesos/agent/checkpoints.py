"""What the agent writes down before it acts, and reads when it starts again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]


def write(path: Path, value: object) -> None:
    """Replace a file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


def read(path: Path) -> Any:
    """What was written; None where nothing was."""
    return json.loads(path.read_text()) if path.exists() else None


class Checkpoints:
    """Files below ``<work_dir>/meta``. Resources are not tied to the agent's id, all else is."""

    def __init__(self, meta: Path) -> None:
        self._meta = meta
        self._latest = meta / "slaves" / "latest"

    @property
    def agent_id(self) -> str | None:
        """The id under which this agent is known; None for a new one, or one that was made to forget."""
        return self._latest.readlink().name if self._latest.is_symlink() else None

    def keep_agent_id(self, agent_id: str) -> None:
        """Note the id that the master has given."""
        folder = self._latest.parent / agent_id
        folder.mkdir(parents=True, exist_ok=True)
        self._latest.unlink(missing_ok=True)
        self._latest.symlink_to(agent_id)

    @property
    def resources(self) -> list[Json] | None:
        """The agent's resources with reservations and volumes."""
        found: list[Json] | None = read(self._meta / "resources" / "resources.json")
        return found

    def keep_resources(self, resources: list[Json]) -> None:
        """Note reservations and volumes."""
        write(self._meta / "resources" / "resources.json", resources)

    @property
    def operations(self) -> dict[str, Json]:
        """Operations whose outcome was not acknowledged under this agent id, by uuid."""
        return read(self._operations_file) or {} if self._latest.is_symlink() else {}

    def keep_operations(self, operations: dict[str, Json]) -> None:
        """Note operations."""
        write(self._operations_file, operations)

    @property
    def _operations_file(self) -> Path:
        return self._latest.resolve() / "operations.json"

    def forget_agent_id(self) -> None:
        """Come back as a new agent; resources stay."""
        self._latest.unlink(missing_ok=True)

    def keep_executor(self, framework_id: str, executor_id: str, value: Json) -> None:
        """Note all of an executor."""
        write(self._executor_file(framework_id, executor_id), value)

    def drop_executor(self, framework_id: str, executor_id: str) -> None:
        """Forget an executor."""
        self._executor_file(framework_id, executor_id).unlink(missing_ok=True)

    def executors(self) -> Iterator[Json]:
        """All executors noted under this agent id."""
        if self._latest.is_symlink():
            for path in sorted(self._latest.resolve().glob("frameworks/*/executors/*/executor.json")):
                yield read(path)

    def run_folder(self, framework_id: str, executor_id: str, container_id: str) -> Path:
        """Where a container's supervisor notes how it ended."""
        return self._executor_file(framework_id, executor_id).parent / "runs" / container_id

    def _executor_file(self, framework_id: str, executor_id: str) -> Path:
        names = (quote(framework_id, safe=""), quote(executor_id, safe=""))
        return self._latest.resolve() / "frameworks" / names[0] / "executors" / names[1] / "executor.json"
