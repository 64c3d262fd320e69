"""Boots Cassandra nodes one after the other, with nothing around them: what a deployment is compared with.

Each node has the very task that the framework gave it, so configuration and flags are the same. It counts
as ready by the framework's rule: it is NORMAL, takes CQL, and it and all nodes before it see one another.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from executor import configure, jvm
from executor.configure import Credentials
from executor.distribution import Programs, cassandra_home, java_program, jolokia_jar
from executor.failure import NotAnswering
from executor.jolokia import Jolokia
from executor.layout import Layout
from executor.management import Management
from executor.process import environment
from executor.unpack import unpack
from executor.watch import serves
from protocol.report import NodeStatus
from protocol.task import Distribution, ServerTask

POLL_SECONDS = 0.1
BOOT_SECONDS = 300.0


@dataclass(frozen=True)
class Bare:
    """A node to boot: its task, and its agent's address."""

    task: ServerTask
    address: str


def programs(distribution: Distribution, folder: Path) -> Programs:
    """Unpack a distribution that lies on this machine, before anything is measured."""
    unpack(Path(url2pathname(urlsplit(distribution.cassandra.uri).path)), folder, lambda: None)
    home = cassandra_home(folder, distribution.version)
    return Programs(home, java_program(None, distribution.java_home), jolokia_jar(home))


def boot(nodes: Sequence[Bare], what: Programs, home: Path) -> float:
    """Boot the nodes in empty folders below ``home``, and end them; the seconds until the last was ready."""
    with ExitStack() as stack:
        begun = time.monotonic()
        up: dict[str, Management] = {}
        for node in nodes:
            up[node.address] = stack.enter_context(_running(node, what, home / node.task.node))
            _await_ready(node.address, up)
        return time.monotonic() - begun


@contextmanager
def _running(node: Bare, what: Programs, volume: Path) -> Iterator[Management]:
    volume.mkdir(parents=True)
    layout, credentials = Layout(volume), Credentials()
    layout.make()
    configure.write_all(layout, replace(node.task, volume=str(volume)), node.address, credentials)
    bound = configure.management_address(node.address)
    command = jvm.command(what, node.task, layout, bound)
    process = subprocess.Popen(command, cwd=layout.run, env=environment(os.environ, layout))
    management = Management(Jolokia(bound, node.task.ports.jolokia, credentials), node.address, volume)
    try:
        yield management
    finally:
        management.close()
        process.kill()
        process.wait()


def _await_ready(address: str, up: dict[str, Management]) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while not _ready(address, up):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{address} is not ready in {BOOT_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def _ready(address: str, up: dict[str, Management]) -> bool:
    status = _status(up[address])
    if status is None or not serves(status) or not status.joined or not set(up) <= set(status.live):
        return False
    peers = [_status(management) for other, management in up.items() if other != address]
    return all(peer is not None and address in peer.live for peer in peers)


def _status(management: Management) -> NodeStatus | None:
    try:
        return management.status()
    except NotAnswering:
        return None
