"""Puts the parts of a master together."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import gevent

from local.mesos import http
from local.mesos.files import Files
from local.mesos.flags import Flags
from local.mesos.http import Handler, Request, Router, only
from local.mesos.master import endpoints, index
from local.mesos.master.accept import Accept
from local.mesos.master.agent_api import PATH as AGENTS
from local.mesos.master.agent_api import AgentApi
from local.mesos.master.agents import Agents
from local.mesos.master.allocator import Allocator, parse_minimum
from local.mesos.master.authentication import READ_ONLY, READ_WRITE, SCHEDULER, Authentication
from local.mesos.master.frameworks import Frameworks
from local.mesos.master.leadership import Leadership
from local.mesos.master.metrics import Metrics
from local.mesos.master.model import Json
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.operator_api import OperatorApi
from local.mesos.master.operator_changes import OperatorChanges
from local.mesos.master.registry import Registry, Store
from local.mesos.master.scheduler_api import SchedulerApi
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks
from local.mesos.stream import EventStream

LOG_FILE = "mesos-master.INFO"
"""What the log is called in the folder of the flag ``log_dir``."""

log = logging.getLogger(__name__)


class Master:
    """One master process: a candidate at first, then perhaps the leader."""

    def __init__(self, flags: Flags, store: Store) -> None:
        self.state = State(flags, Registry(store))
        self.leadership = Leadership(self.state.id)
        self._authentication = Authentication(flags)
        minimum = parse_minimum(flags.text("min_allocatable_resources"))
        self._offers = Offers(self.state, Allocator(flags.seconds("allocation_interval"), minimum))
        self._tasks = Tasks(self.state, self._offers)
        self._operations = Operations(self.state, self._offers)
        parts = (self.state, self._offers, self._tasks, self._operations)
        self._frameworks = Frameworks(*parts)
        self._agents = Agents(*parts)
        folder = flags.text("log_dir")
        logs = {"/master/log": Path(folder) / LOG_FILE} if folder else {}
        self._files = Files(lambda: logs)
        if seed := flags.text("split_records"):
            EventStream.splitter = random.Random(seed)

    def lead(self) -> None:
        """Begin to work as the leader."""
        self.state.registry.recover(self.state.info)
        self._agents.recover()
        gevent.spawn(self._offers.run)
        self.leadership.recovered = True
        log.info("master %s leads", self.state.info["pid"])

    def follow(self, leader: Json | None) -> bool:
        """Somebody leads, or nobody. False when this master did and does no longer, and so has to end."""
        led = self.leadership.leads
        self.leadership.leader = leader
        if self.leadership.leads and not led:
            self.lead()
        return self.leadership.leads or not led

    def router(self) -> Router:
        """All routes."""
        router = Router("/master")
        self._add_api(router)
        self._add_reads(router)
        self._add_changes(router)
        router.add("/", lambda request: index.show(self.state, request))
        return router

    def _add_api(self, router: Router) -> None:
        parts = (self.state, self._offers, self._tasks, self._operations, self._frameworks)
        scheduler = SchedulerApi(*parts, Accept(*parts[:4]))
        router.add("/api/v1/scheduler", self._guarded(SCHEDULER, only("POST")(scheduler.handle)))
        metrics = Metrics(self.state, self._offers)
        operator = OperatorApi(self.state, self._changes(), metrics, self._files)
        router.add("/api/v1", self._guarded(READ_WRITE, only("POST")(operator.handle)))
        agents = AgentApi(self.state, self._agents)
        router.add(AGENTS, self.leadership.required(only("POST")(agents.handle)))

    def _add_reads(self, router: Router) -> None:
        for path, view in endpoints.READS.items():
            router.add(path, self._guarded(READ_ONLY, endpoints.read(self.state, view)))
        router.add("/version", endpoints.version)
        router.add("/health", endpoints.health)
        router.add("/redirect", self.leadership.redirect)
        metrics = Metrics(self.state, self._offers)

        def snapshot(request: Request) -> http.Response:
            return http.answer(request, metrics.snapshot())

        router.add("/metrics/snapshot", self._authentication.required(READ_ONLY, snapshot))
        self._files.add(router, lambda handler: self._authentication.required(READ_ONLY, handler))

    def _add_changes(self, router: Router) -> None:
        changes = self._changes()
        routes: dict[str, Handler] = {
            "/teardown": changes.form_teardown,
            "/reserve": changes.form_operation("RESERVE"),
            "/unreserve": changes.form_operation("UNRESERVE"),
            "/create-volumes": changes.form_operation("CREATE"),
            "/destroy-volumes": changes.form_operation("DESTROY"),
        }
        for path, handler in routes.items():
            router.add(path, self._guarded(READ_WRITE, only("POST")(handler)))

    def _changes(self) -> OperatorChanges:
        return OperatorChanges(self.state, self._offers, self._operations, self._frameworks, self._agents)

    def _guarded(self, realm: str, handler: Handler) -> Handler:
        """Who it is comes first, then whether this is the leader, then the rest."""
        return self._authentication.required(realm, self.leadership.required(handler))
