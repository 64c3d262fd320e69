"""The executor's entry point, in the bundle and beside it."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from executor import __version__
from executor.driver import ExecutorDriver
from executor.environment import ConfigurationError, parse_duration, read_environment
from executor.node import Node
from executor.server import Place

CONFIGURATION = 2


def main() -> int:
    """Run one executor until its task has ended; the exit code."""
    if sys.argv[1:] == ["--version"]:
        print(__version__)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        place, grace = read_place(os.environ), read_shutdown_grace(os.environ)
        node = Node(place, grace, lambda callbacks: ExecutorDriver(os.environ, callbacks))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return CONFIGURATION
    # After pymesos, which sets a handler of its own when it is imported. On another thread, because this
    # one may be interrupted anywhere.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=node.shutdown).start())
    node.run()
    return 0


def read_place(environment: Mapping[str, str]) -> Place:
    """Where the agent puts this executor. Raises ConfigurationError."""
    agent = read_environment(environment).agent
    sandbox = environment.get("MESOS_SANDBOX")
    if not sandbox:
        raise ConfigurationError(
            "MESOS_SANDBOX is not set: an executor is started by a Mesos agent, not by hand"
        )
    address = agent.rpartition(":")[0].strip("[]")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ConfigurationError(f"MESOS_AGENT_ENDPOINT is {agent!r}, but an agent sets ip:port") from None
    return Place(Path(sandbox), address)


def read_shutdown_grace(environment: Mapping[str, str]) -> float:
    """Seconds between the agent's order to end and its SIGKILL. Raises ConfigurationError."""
    try:
        return parse_duration(environment.get("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"))
    except ValueError as error:
        raise ConfigurationError(f"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
