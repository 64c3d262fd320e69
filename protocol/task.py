"""The data of a task. A server task has all that an executor needs to run one Cassandra node. No secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeVar

from protocol.backup import BackupTask
from protocol.codec import DecodeError, Json, decode, encode
from protocol.maintenance import MaintenanceTask

VERSION = 1


@dataclass(frozen=True)
class Artifact:
    """A file to fetch: ``uri`` (http, https or file) and the SHA-512 (hex) that it must have."""

    uri: str
    sha512: str


@dataclass(frozen=True)
class Distribution:
    """What to run: a Cassandra tarball, and the Java to run it with.

    ``jre`` is a tarball too; without it the Java of ``java_home`` is used, and without that the ``java``
    on the executor's path. ``jolokia`` is the management agent's jar; without it the one in the
    distribution's ``lib`` is used.
    """

    version: str
    cassandra: Artifact
    jre: Artifact | None = None
    jolokia: Artifact | None = None
    java_home: str = ""


@dataclass(frozen=True)
class Ports:
    """TCP ports of a node. Management ports (jmx, jolokia) are bound to loopback alone."""

    storage: int
    ssl_storage: int
    native_transport: int
    jmx: int
    jolokia: int


@dataclass(frozen=True)
class Heap:
    """The JVM's heap: sizes in MB; ``gc`` is one of G1, SERIAL, PARALLEL, ZGC, SHENANDOAH."""

    size_mb: int
    new_mb: int
    gc: str


@dataclass(frozen=True)
class ServerTask:
    """One Cassandra node.

    ``volume`` is the persistent volume's path in the sandbox. ``seeds`` are addresses; a ``founder``
    has its own alone. ``replace_address`` is that of the dead node whose place a new one takes.
    ``yaml`` holds the operator's keys of cassandra.yaml. ``tokens`` are those that a node was restored with;
    ``restored`` is the operation whose downloaded data it starts on, where it has not yet joined with them.
    """

    node: str
    cluster_name: str
    data_center: str
    rack: str
    distribution: Distribution
    ports: Ports
    heap: Heap
    seeds: tuple[str, ...]
    volume: str = "volume"
    jvm_extra_opts: str = ""
    yaml: dict[str, Json] = field(default_factory=dict)
    founder: bool = False
    replace_address: str | None = None
    tokens: tuple[str, ...] = ()
    restored: str = ""


Task = TypeVar("Task", ServerTask, MaintenanceTask, BackupTask)

KINDS: dict[type, str] = {ServerTask: "server", MaintenanceTask: "maintenance", BackupTask: "backup"}


def encode_task(task: ServerTask | MaintenanceTask | BackupTask) -> bytes:
    """Return the task's data for TaskInfo."""
    body = {"version": VERSION, "kind": KINDS[type(task)], "task": encode(task)}
    return json.dumps(body, sort_keys=True).encode()


def decode_task(data: bytes) -> ServerTask:
    """Read TaskInfo's data of a server task. Raises DecodeError on anything else."""
    return _decode(ServerTask, data)


def decode_maintenance(data: bytes) -> MaintenanceTask:
    """Read TaskInfo's data of a maintenance task. Raises DecodeError on anything else."""
    return _decode(MaintenanceTask, data)


def decode_work(data: bytes) -> MaintenanceTask | BackupTask:
    """Read TaskInfo's data of a task beside the server task. Raises DecodeError on anything else."""
    if _body(data).get("kind") == KINDS[BackupTask]:
        return _decode(BackupTask, data)
    return _decode(MaintenanceTask, data)


def _decode(wanted: type[Task], data: bytes) -> Task:
    body = _body(data)
    if body.get("kind") != KINDS[wanted]:
        raise DecodeError(f"unknown kind of task {body.get('kind')!r}")
    return decode(wanted, body.get("task"))


def _body(data: bytes) -> dict[str, Json]:
    try:
        body = json.loads(data)
    except ValueError:
        raise DecodeError("the task's data are not JSON") from None
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise DecodeError(f"the task's data are not of version {VERSION}, which this executor understands")
    return body
