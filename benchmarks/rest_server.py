"""What ``benchmarks.rest`` calls: the scheduler's API over its engine and driver, or a bare application."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402  all imports come after the patching
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from dataclasses import replace  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from api.app import create_app  # noqa: E402
from api.server import Server  # noqa: E402
from benchmarks.deciding import deploying  # noqa: E402
from benchmarks.offer_stream import ROLE  # noqa: E402
from scheduler.daemon.engine import Engine  # noqa: E402
from scheduler.mesos.detector import StaticDetector  # noqa: E402
from scheduler.mesos.driver import Driver, Framework  # noqa: E402
from scheduler.model.event import MesosEvent, Ordered, Subscribed  # noqa: E402
from scheduler.model.world import Ledger, World  # noqa: E402
from tests.unit.api.service import MemoryService  # noqa: E402

BODY_BYTES = 4000


class Memory:
    """A store and a ZooKeeper session that keep nothing and never fail."""

    def load(self) -> Ledger | None:
        """See ``Ledgers``."""
        return None

    def commit(self, before: Ledger, after: Ledger) -> None:
        """See ``Ledgers``."""

    def clear(self) -> None:
        """See ``Ledgers``."""

    def confirm(self) -> None:
        """See ``FencedLedgers``."""

    def wait(self) -> object:
        """See ``Connection``."""
        return None


class Served(MemoryService):
    """A service whose world is an engine's."""

    engine: Engine

    def world(self) -> World:
        """See ``Service``."""
        return self.engine.world

    def command(self, order: Ordered) -> None:
        """See ``Service``."""
        self.engine.order(order)


def scheduler(master: str) -> Any:
    """The API of a service of 100 nodes that is offered what does not do."""
    world = deploying()
    world = replace(world, settings=replace(world.settings, placement_constraint="zone:LIKE:nowhere"))
    service = Served()
    service.settings = world.settings

    def hear(event: MesosEvent) -> None:
        # The session that the world has already is as after a subscription that was reconciled.
        if not isinstance(event, Subscribed):
            service.engine.submit(event)

    framework = Framework("benchmark", "root", "p", ROLE, 1.0)
    driver = Driver(framework, StaticDetector(master), hear, lambda: True)
    memory = Memory()
    service.engine = Engine(world, memory, memory, driver, time.time, service.counts)
    gevent.spawn(service.engine.run)
    driver.start()
    return create_app(service)


def bare(_master: str) -> Callable[..., Iterable[bytes]]:
    """An application that does nothing but answer."""
    body = json.dumps({"x": "y" * BODY_BYTES}).encode()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return app


def main() -> None:
    """``rest_server.py scheduler|bare MASTER`` prints its port and serves for ever."""
    app = {"scheduler": scheduler, "bare": bare}[sys.argv[1]](sys.argv[2])
    server = Server(app, "127.0.0.1", 0)
    server.start()
    print(server.port, flush=True)
    gevent.sleep(3600)


if __name__ == "__main__":
    main()
