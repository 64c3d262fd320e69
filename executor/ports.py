"""Whether a node's ports are free. Java says little where one is taken, and of Jolokia's nothing."""

from __future__ import annotations

import socket
import time

from executor.failure import TaskFailed
from executor.lock import Pause
from protocol.task import Ports

PATIENCE_SECONDS = 3.0
"""A process that has just ended may hold its ports for a moment longer than the volume's lock."""

POLL_SECONDS = 0.1


def check_free(ports: Ports, address: str, management: str, pause: Pause) -> None:
    """Raises TaskFailed where another program listens already."""
    wanted = (
        ("storage", address, ports.storage),
        ("native transport", address, ports.native_transport),
        ("JMX", management, ports.jmx),
        ("Jolokia", management, ports.jolokia),
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    for name, host, port in wanted:
        while problem := _problem(host, port):
            if time.monotonic() > deadline:
                raise TaskFailed(f"the {name} port {host}:{port} cannot be used on this agent: {problem}")
            pause(POLL_SECONDS)


def _problem(host: str, port: int) -> str | None:
    """Why nobody could listen there now; None where one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Java does: connections that have ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror
    return None
