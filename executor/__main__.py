"""The executor's entry point, in the bundle and beside it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from executor import __version__
from executor.driver import ExecutorDriver
from executor.environment import ConfigurationError, parse_duration
from executor.node import Node

SHUTDOWN_MARGIN_SECONDS = 2.0
CONFIGURATION = 2


def main() -> int:
    """Run one executor until its task has ended; the exit code."""
    if sys.argv[1:] == ["--version"]:
        print(__version__)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        node = _node(os.environ.copy())
        driver = ExecutorDriver(os.environ, node)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return CONFIGURATION
    agent = threading.Thread(target=driver.run, name="mesos", daemon=True)
    worker = threading.Thread(target=node.run, args=(driver,), name="node")
    agent.start()
    worker.start()
    worker.join()
    return 0


def _node(environment: dict[str, str]) -> Node:
    sandbox = environment.get("MESOS_SANDBOX") or environment.get("MESOS_DIRECTORY")
    endpoint = environment.get("MESOS_AGENT_ENDPOINT")
    if not sandbox or not endpoint:
        raise ConfigurationError(
            "MESOS_SANDBOX is not set: an executor is started by a Mesos agent, not by hand"
        )
    try:
        grace = parse_duration(environment.get("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"))
    except ValueError as error:
        raise ConfigurationError(f"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: {error}") from None
    return Node(Path(sandbox), endpoint.rpartition(":")[0], max(grace - SHUTDOWN_MARGIN_SECONDS, 1.0))


if __name__ == "__main__":
    sys.exit(main())
