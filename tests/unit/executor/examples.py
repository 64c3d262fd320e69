"""A server task, and a driver that writes down what it is told."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

from protocol.message import Message, decode_message
from protocol.report import Report, decode_report
from protocol.task import Artifact, Distribution, Heap, Ports, ServerTask

TASK = ServerTask(
    node="node-1",
    cluster_name="prod",
    data_center="dc1",
    rack="rac1",
    distribution=Distribution("5.0.9", Artifact("file:///nowhere.tar.gz", "0" * 128)),
    ports=Ports(storage=7000, ssl_storage=7001, native_transport=9042, jmx=7199, jolokia=8778),
    heap=Heap(size_mb=2048, new_mb=100, gc="G1"),
    seeds=("10.0.0.1", "10.0.0.2"),
    yaml={"num_tokens": 16},
)


def a_task(**changes: Any) -> ServerTask:
    return dataclasses.replace(TASK, **changes)


class RecordingDriver:
    """Takes everything at once, and keeps it. ``flushed`` is what its flushes come to."""

    def __init__(self) -> None:
        self.updates: list[tuple[str, str, str]] = []
        self.reports: list[Report] = []
        self.answers: list[Message] = []
        self.flushed = True
        self.flushes = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        self.stopped.wait()

    def update(self, task_id: str, state: str, message: str = "", data: bytes = b"") -> None:
        self.reports.append(decode_report(data))
        self.updates.append((task_id, state, message))

    def send(self, data: bytes) -> None:
        self.answers.append(decode_message(data))

    def flush(self, timeout_seconds: float) -> bool:
        self.flushes += 1
        return self.flushed

    def stop(self) -> None:
        self.stopped.set()

    @property
    def states(self) -> list[str]:
        return [state for _, state, _ in self.updates]

    @property
    def messages(self) -> list[str]:
        return [message for _, _, message in self.updates]
