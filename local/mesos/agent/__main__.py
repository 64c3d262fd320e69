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
from local.mesos.agent.settings import read
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
    agent = Agent(settings, time.time())
    router = Router("/slave(1)")
    router.add("/api/v1/executor", ExecutorApi(agent).handle)
    endpoints.add(router, agent)
    server = Server(settings.ip, settings.port, router)
    gevent.signal_handler(signal.SIGTERM, agent.ended.set)
    gevent.signal_handler(signal.SIGUSR1, gevent.spawn, agent.shut_down_cleanly)
    server.start()
    gevent.spawn(_work, agent)
    agent.ended.wait()
    # Not a tidy end of all greenlets: executors stay, and what matters is written down.
    os._exit(0)


def _work(agent: Agent) -> None:
    agent.recover()
    agent.link.run(lambda: agent.settings.master)


if __name__ == "__main__":
    sys.exit(main())
