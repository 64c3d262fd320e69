"""The Mesos under test, and frameworks on it that are gone when a test ends.

MESOS_MASTER=host:port names a Mesos that is there, MESOS_CLUSTER_CTL a command that controls one; without
either it is the one-machine Mesos. docs/conformance.md has the rest.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import shlex
import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from executor import bundle
from scheduler.mesos.driver import Framework
from scheduler.model.event import Subscribed
from scheduler.model.intent import Destroy, Unreserve
from tests.conformance.framework import Scheduler
from tests.conformance.mesos import Configuration, ControlledMesos, Mesos
from tests.conformance.node import Workshop, unique
from tests.conformance.wire import JSON_BOTH_WAYS, Subscription, basic, request

MASTER_FLAGS = {"allocation_interval": "250ms", "agent_ping_timeout": "1secs", "max_agent_ping_timeouts": "5"}
AGENT_FLAGS = {"executor_shutdown_grace_period": "2secs"}
CAPABILITIES = ("MULTI_ROLE", "RESERVATION_REFINEMENT", "PARTITION_AWARE", "TASK_KILLING_STATE")

UNCONTROLLED = (
    "kills agents, restarts masters or looks at agents' disks: not on a Mesos named by MESOS_MASTER"
)

PRINCIPAL = os.environ.get("MESOS_PRINCIPAL", "conformance")
SECRET = os.environ.get("MESOS_SECRET")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cluster(agents=, master_flags=, agent_flags=): what a test needs")


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesos]:
    """The Mesos; a controlled one runs once a test says what it needs."""
    if master := os.environ.get("MESOS_MASTER"):
        yield Mesos(master)
        return
    if command := os.environ.get("MESOS_CLUSTER_CTL"):
        mesos = ControlledMesos(shlex.split(command), [])
    else:
        own = [sys.executable, "-m", "local", "ctl"]
        mesos = ControlledMesos(own, ["--data", str(tmp_path_factory.mktemp("mesos"))])
    yield mesos
    mesos.close()


@pytest.fixture
def mesos(started: Mesos, request: pytest.FixtureRequest) -> Mesos:
    """The Mesos, with the agents and flags that the test's ``cluster`` mark says."""
    marker = request.node.get_closest_marker("cluster")
    wanted: dict[str, Any] = dict(marker.kwargs) if marker else {}
    if isinstance(started, ControlledMesos):
        flags = {
            "master_flags": {**MASTER_FLAGS, **wanted.pop("master_flags", {})},
            "agent_flags": {**AGENT_FLAGS, **wanted.pop("agent_flags", {})},
        }
        started.ensure(Configuration(**flags, **wanted))
    elif wanted.keys() - {"agents"}:
        pytest.skip(f"needs a Mesos that is started with {wanted}: not one named by MESOS_MASTER")
    elif (there := len(_agents(started))) < wanted.get("agents", 1):
        pytest.skip(f"needs {wanted['agents']} agents, and {started.master} has {there}")
    return started


@pytest.fixture
def control(mesos: Mesos) -> ControlledMesos:
    """The Mesos, where it may be broken and its disks looked at."""
    if not isinstance(mesos, ControlledMesos):
        pytest.skip(UNCONTROLLED)
    return mesos


@pytest.fixture
def role(mesos: Mesos) -> Iterator[str]:
    """A role of the test's own. A Mesos that is not started for tests gets back what is reserved for it."""
    role = unique("conformance")
    yield role
    if not isinstance(mesos, ControlledMesos):
        give_back(mesos, role)


def framework(role: str, **changes: Any) -> Framework:
    """A framework as our scheduler registers it."""
    usual: dict[str, Any] = {
        "name": "conformance",
        "user": getpass.getuser(),
        "principal": PRINCIPAL,
        "secret": SECRET,
        "role": role,
        "failover_timeout_seconds": 60.0,
    }
    return Framework(**{**usual, **changes})


def framework_info(role: str, /, **changes: Any) -> dict[str, Any]:
    """The same on the wire."""
    return {**framework(role).info, **changes}


def authorization() -> dict[str, str]:
    """What every request of an operator's, or on the wire, needs besides."""
    return basic(PRINCIPAL, SECRET) if SECRET else {}


def seen(mesos: Mesos, path: str) -> Any:
    """What an operator reads at the master."""
    reply = request(mesos.master, "GET", path, headers=authorization())
    assert reply.status == 200, reply
    return reply.json()


@pytest.fixture
def schedulers(mesos: Mesos, role: str) -> Iterator[Callable[..., Scheduler]]:
    """Makes frameworks of the test's role, or another one; in the end they are torn down."""
    made: list[Scheduler] = []

    def make(other_role: str = "", *, acknowledging: bool = True, **changes: Any) -> Scheduler:
        wanted = framework(other_role or role, **changes)
        for earlier in made if "framework_id" in changes else ():
            earlier.leads = False  # or the two would take the framework from each other for ever
        made.append(Scheduler(mesos.master, wanted, acknowledging=acknowledging))
        return made[-1]

    yield make
    for scheduler in made:
        end(scheduler)


@pytest.fixture
def scheduler(schedulers: Callable[..., Scheduler]) -> Scheduler:
    scheduler = schedulers()
    scheduler.wait(Subscribed)
    return scheduler


def end(scheduler: Scheduler) -> None:
    """Tear the framework down, so that its executors end too."""
    if scheduler.subscribed:
        with contextlib.suppress(Exception):  # the test has broken the master, and is over
            scheduler.driver.teardown()
    scheduler.driver.stop()


def give_back(mesos: Mesos, role: str) -> None:
    """Destroy and unreserve what a test has left, which outlives its frameworks."""
    if _reserved(mesos, role):
        janitor = Scheduler(mesos.master, framework(role))
        janitor.until(lambda: _swept(janitor) and not _reserved(mesos, role), f"{role} to be free")
        end(janitor)


def _swept(janitor: Scheduler) -> bool:
    for offer in list(janitor.held.values()):
        mine = [r for r in offer.resources if any(level.dynamic for level in r.reservations)]
        volumes = tuple(r for r in mine if r.persistence_id)
        plain = tuple(r._replace(disk=None) if r.persistence_id else r for r in mine)
        operations = (Destroy(volumes),) if volumes else ()
        janitor.accept(offer, *operations, *[Unreserve((resource,)) for resource in plain])
    return True


def _agents(mesos: Mesos) -> list[dict[str, Any]]:
    return [agent for agent in seen(mesos, "/slaves")["slaves"] if agent["active"]]


def _reserved(mesos: Mesos, role: str) -> bool:
    return any(role in agent.get("reserved_resources", {}) for agent in _agents(mesos))


@pytest.fixture
def subscribe(mesos: Mesos, role: str) -> Iterator[Callable[..., Subscription]]:
    """Subscribes on the wire: a FrameworkInfo's changes, or a whole body; in the end all are torn down."""
    made: list[Subscription] = []

    def make(
        body: dict[str, Any] | None = None,
        headers: dict[str, str | None] | None = None,
        path: str = "/api/v1/scheduler",
        **changes: Any,
    ) -> Subscription:
        wanted = body or {
            "type": "SUBSCRIBE",
            "subscribe": {"framework_info": framework_info(role, **changes)},
        }
        head = {**JSON_BOTH_WAYS, **authorization(), **(headers or {})}
        made.append(Subscription(mesos.master, wanted, path, head))
        return made[-1]

    yield make
    for subscription in made:
        if subscription.status == 200 and not subscription.ended.is_set():
            with contextlib.suppress(OSError):  # the master may be gone, and the test is over
                subscription.call("TEARDOWN")
        subscription.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which agents get at its files."""
    folder = tmp_path_factory.mktemp("served")
    handler = functools.partial(_Quiet, directory=str(folder))
    host = _own_address()
    with ThreadingHTTPServer((host, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://{host}:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _own_address() -> str:
    """The address of this machine that the agents of MESOS_MASTER are the likeliest to reach."""
    master = os.environ.get("MESOS_MASTER")
    if not master:
        return "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((master.rpartition(":")[0], 1))
        return str(probe.getsockname()[0])


@pytest.fixture(scope="session")
def workshop(served: tuple[Path, str]) -> Workshop:
    """Makes scripted executors: the project's bundle, with another main module."""
    folder, address = served
    made, _ = bundle.build(folder)
    script = Path(__file__).with_name("scripted_executor.py")
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(folder / "scripted.pyz", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) if name != "__main__.py" else script.read_bytes())
    python = "python3" if os.environ.get("MESOS_MASTER") else shlex.quote(sys.executable)
    return Workshop(f"{address}/scripted.pyz", python)
