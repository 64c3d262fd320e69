"""``python -m local.mesos.agent``: one agent, until it is told to end."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import logging
import os
import signal
import sys
import time

import gevent

from local.mesos.agent import endpoints
from local.mesos.agent.agent import Agent
from local.mesos.agent.executor_api import ExecutorApi
from local.mesos.agent.executors import Executors
from local.mesos.agent.operations import Operations
from local.mesos.agent.orders import Orders
from local.mesos.agent.recovery import Recovery
from local.mesos.agent.settings import Settings, read
from local.mesos.agent.status_updates import StatusUpdates
from local.mesos.flags import FlagError
from local.mesos.http import Router, Server


def main() -> int:
    """Run until SIGTERM (executors run on) or SIGUSR1 (they are shut down)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = read(sys.argv[1:])
    except FlagError as error:
        print(error, file=sys.stderr)
        return 2
    _serve(Agent(settings, time.time()), settings)
    # Not a tidy end of all greenlets: executors stay, and what matters is written down.
    os._exit(0)


def _serve(agent: Agent, settings: Settings) -> None:
    """Put the parts of an agent together, and work until it has ended."""
    updates, operations = StatusUpdates(agent), Operations(agent)
    executors = Executors(agent, updates)
    orders = Orders(agent, updates, executors, operations)
    recovery = Recovery(agent, updates, executors, operations)
    router = Router("/slave(1)")
    router.add("/api/v1/executor", ExecutorApi(agent, updates, executors, recovery).handle)
    endpoints.add(router, agent)
    gevent.signal_handler(signal.SIGTERM, agent.ended.set)
    gevent.signal_handler(signal.SIGUSR1, gevent.spawn, orders.shut_down_cleanly)
    Server(settings.ip, settings.port, router).start()
    gevent.spawn(_work, agent, recovery, orders)
    agent.ended.wait()


def _work(agent: Agent, recovery: Recovery, orders: Orders) -> None:
    recovery.run()
    agent.link.run(lambda: agent.settings.master, orders.obey)


if __name__ == "__main__":
    sys.exit(main())
