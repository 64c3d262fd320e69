"""Persistent volumes: directories on the agent, shown in sandboxes as the posix/filesystem isolator does."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.mesos.agent.container import give_to
from local.mesos.resources import reservation_role

Json = dict[str, Any]


def path(work_dir: Path, volume: Json) -> Path:
    """Where a volume's data are: below the work directory, or on its own disk."""
    source, persistence = volume["disk"].get("source"), volume["disk"]["persistence"]["id"]
    if source and source["type"] == "MOUNT":
        return Path(source["mount"]["root"])
    root: Path = Path(source["path"]["root"]) if source and source["type"] == "PATH" else work_dir
    return root / "volumes" / "roles" / reservation_role(volume).replace("/", " ") / str(persistence)


def create(work_dir: Path, volume: Json) -> None:
    """Make a volume's directory. One that is there is kept with what is in it."""
    path(work_dir, volume).mkdir(parents=True, exist_ok=True)


def destroy(work_dir: Path, volume: Json) -> None:
    """Delete a volume's data: of a MOUNT disk the contents only."""
    root = path(work_dir, volume)
    if volume["disk"].get("source", {}).get("type") != "MOUNT":
        shutil.rmtree(root, ignore_errors=True)
        return
    for entry in root.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def link(work_dir: Path, sandbox: Path, resources: Iterable[Json], user: str | None) -> None:
    """Show volumes in a sandbox by symlinks; only those whose container path is one element."""
    for resource in resources:
        name = _name(resource)
        if not name or "/" in name:
            continue
        target = path(work_dir, resource)
        if user is not None:
            give_to(target, user)
        if not (sandbox / name).is_symlink():
            (sandbox / name).symlink_to(target)


def unlink(sandbox: Path, resources: Iterable[Json]) -> None:
    """Take a task's volumes out of its sandbox again."""
    for resource in resources:
        name = _name(resource)
        if name and (sandbox / name).is_symlink():
            (sandbox / name).unlink()


def _name(resource: Json) -> str:
    """The container path of a volume; nothing for what is no volume."""
    disk = resource.get("disk", {})
    return str(disk["volume"].get("container_path", "")) if "persistence" in disk and "volume" in disk else ""
