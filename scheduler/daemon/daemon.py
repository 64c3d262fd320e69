"""The service that the API talks to: from a start without ZooKeeper to leading, and what it then answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.timeout import Timeout
from kazoo.exceptions import NoAuthError

from protocol.backup import Ask, Checked, Keys, Listed
from protocol.codec import encode
from protocol.message import BACKUPS, PLACE, SCHEMA, STATUS
from protocol.report import NodeStatus
from protocol.schema import Schema
from scheduler.daemon.bundle import Bundle
from scheduler.daemon.counts import Counts
from scheduler.daemon.engine import Engine, Refusal
from scheduler.daemon.first_world import first_world, no_world
from scheduler.daemon.leadership import Leadership
from scheduler.daemon.loop import Uninstalled
from scheduler.daemon.offer_log import Fate
from scheduler.daemon.questions import Questions
from scheduler.daemon.secrets import Secrets
from scheduler.daemon.service import Conflict, Health, NoAnswer, Unavailable
from scheduler.decide import uninstall
from scheduler.decide.shrinking import refusals
from scheduler.mesos.detector import detector_for
from scheduler.mesos.driver import (
    NOT_THE_LEADER,
    Driver,
    Framework,
)
from scheduler.model.event import (
    Command,
    Disconnected,
    MesosEvent,
    MessageReceived,
    Ordered,
    Subscribed,
)
from scheduler.model.node import Node
from scheduler.model.settings import Settings
from scheduler.model.world import World
from scheduler.store.ledger import Store
from scheduler.store.records import UnreadableRecord
from scheduler.store.session import Fenced, Session, connect

log = logging.getLogger(__name__)

STOPPED, FAILED, LOST_LEADERSHIP, REFUSED = 0, 1, 3, 4
"""Exit codes; 2, a configuration that is not valid, never gets here."""

ANSWER_SECONDS = 1.0
SCHEMA_SECONDS = 3.0
PLACE_SECONDS = 25.0
"""A store may be asked several times before it counts as away."""

CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 2.0

AUTH = "set ZOOKEEPER_AUTH to the login that it was made with"

LOOK_AGAIN_SECONDS = 5.0
"""How often a ledger that could not be read is tried again; another instance may lead meanwhile."""


class Daemon:
    """Leads when it can; see ``Service`` for what the API asks.

    ``api_url`` is how others reach the API of the service, ``own_url`` that of this very process. Once the
    service is uninstalled the daemon ends where ``ends`` is set; else it goes on telling that.
    """

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        bundle: Bundle,
        api_url: str,
        own_url: str,
        *,
        ends: bool = False,
    ) -> None:
        self.settings = settings
        self.counts = Counts()
        self._ends = ends
        self._wanted = settings
        self._secrets = secrets
        self._bundle = bundle
        self._bundle_uri = bundle.uri(api_url)
        self._api_url = api_url
        self._own_url = own_url
        self._client = connect(settings.zookeeper_servers, secrets.zookeeper_auth)
        self._session = Session(self._client, self._lost)
        self._leadership = Leadership(self._session, settings.service.zk_root, own_url)
        self._reason = "connecting to ZooKeeper"
        self._follower: Any = None
        self._engine: Engine | None = None
        self._driver: Driver | None = None
        self._questions = Questions()
        self._silent_since: float | None = time.time()
        self._remains: World | None = None
        self._exit: AsyncResult = AsyncResult()
        self._greenlets: list[Any] = []

    def start(self) -> None:
        """Begin: connect, wait for the lead, lead. ``wait`` tells how it ends."""
        self._spawn(self._lead)

    def wait(self) -> int:
        """Block until the daemon must end; the exit code."""
        code: int = self._exit.get()
        return code

    def stop(self) -> None:
        """End as asked: the framework stays registered and its tasks run on."""
        self._end(STOPPED)

    def close(self) -> None:
        """Let go of Mesos and ZooKeeper, whose lock passes on at once."""
        self._session.end()
        if self._driver is not None:
            self._driver.stop()
        gevent.killall(self._greenlets, timeout=CLOSE_SECONDS)
        with Timeout(CLOSE_SECONDS, False):  # a ZooKeeper that hangs forgets the session by itself
            self._client.stop()
            self._client.close()

    def _end(self, code: int) -> None:
        """The first reason to end is the one that counts."""
        if not self._exit.ready():
            self._exit.set(code)

    def _spawn(self, run: Callable[[], None]) -> Any:
        greenlet = gevent.spawn(run)
        greenlet.link_exception(lambda ended: self._crashed(ended.exception))
        self._greenlets.append(greenlet)
        return greenlet

    def _crashed(self, error: BaseException) -> None:
        if self._remains is not None:
            return  # there is nothing to lead any more, and so nothing to lose
        log.error("ending: %s", error or type(error).__name__)
        if isinstance(error, Fenced):
            self._end(LOST_LEADERSHIP)
        elif isinstance(error, Refusal):
            self._end(REFUSED)
        else:
            self._end(FAILED)

    def _lost(self) -> None:
        log.error("the ZooKeeper session is lost: ending, so that another may lead")
        self._end(LOST_LEADERSHIP)

    def _lead(self) -> None:
        """Lead as soon as it is this instance's turn, for as long as it can."""
        self._connect()
        self._reason = "waiting to become leader"
        store = Store(self._session, self.settings.service.zk_root)
        while self._remains is None:
            try:
                store.refuse_foreign_state()
                self._follow()
                self._take_over(store)
            except UnreadableRecord as error:
                self._stand_back(str(error))
            except NoAuthError:
                self._stand_back(f"ZooKeeper does not let {self.settings.service.zk_root} be used: {AUTH}")

    def _connect(self) -> None:
        """Connect for as long as it takes: without ZooKeeper nothing can be known."""
        connected = self._client.start_async()
        while not connected.wait(CONNECT_SECONDS):
            self._reason = f"ZooKeeper at {self.settings.zookeeper_servers} does not answer"
            log.warning("%s; trying on", self._reason)

    def _follow(self) -> None:
        """Keep up with who leads, once it is certain that the lock is this service's."""
        if self._follower is None:
            self._follower = self._spawn(self._leadership.follow)

    def _take_over(self, store: Store) -> None:
        log.info("waiting to become leader, as %s", self._own_url)
        lock = self._leadership.acquire()
        log.info("leading, epoch %d", store.take_epoch(lock))
        try:
            world = first_world(store, self._wanted, self._secrets, self._bundle_uri)
            self.settings = world.settings
            self._serve(world, store)
        except Uninstalled:
            self._uninstalled(store)

    def _uninstalled(self, store: Store) -> None:
        """Leave no trace in ZooKeeper, and no way back to it; only then is it told to be done."""
        world = self._engine.world if self._engine else no_world(self._wanted, self._bundle_uri)
        gevent.kill(self._follower)
        store.remove(self._leadership.release)
        self._remains = uninstall.done(world)
        self._session.end()
        self._client.stop()
        log.info("the service is uninstalled: nothing is left of it")
        if self._ends:
            self._end(STOPPED)

    def _stand_back(self, reason: str) -> None:
        """Let another instance lead, which may read what this one cannot, and look again after a while."""
        if reason != self._reason:
            log.error("not leading: %s", reason)
        self._reason = reason
        self._engine = None
        if self._driver is not None:
            self._driver.stop()
        self._silent_since = self._silent_since or time.time()
        self._leadership.release()
        gevent.sleep(LOOK_AGAIN_SECONDS)

    def _serve(self, world: World, store: Store) -> None:
        def may_subscribe() -> bool:
            try:
                store.confirm()
            except Fenced as error:
                log.error("not subscribing: %s", error)
                return False
            return True

        service = self.settings.service
        framework = Framework(
            name=service.name,
            user=service.user,
            principal=service.principal,
            role=service.role,
            failover_timeout_seconds=service.failover_timeout_s,
            framework_id=world.ledger.framework.id,
            secret=self._secrets.mesos,
            webui_url=self._api_url,
        )
        detector = detector_for(self.settings.mesos_master)
        self._driver = Driver(framework, detector, self._on_event, may_subscribe)
        self._engine = Engine(world, store, self._session, self._driver, time.time, self.counts)
        self._engine.finish()
        self._driver.start()
        self._engine.run()

    def _on_event(self, event: MesosEvent) -> None:
        """Called by the driver, in order of arrival."""
        if isinstance(event, Subscribed):
            self._silent_since = None
        elif isinstance(event, Disconnected):
            if event.reason == NOT_THE_LEADER:
                self._end(LOST_LEADERSHIP)
            self._silent_since = self._silent_since or time.time()
        elif isinstance(event, MessageReceived) and self._questions.take(event.data):
            return
        if self._engine is not None:
            self._engine.submit(event)

    def health(self) -> Health:
        """See ``Service``."""
        world = self._remains or (self._engine.world if self._engine else None)
        nodes = world.ledger.members() if world else ()
        progress = world.session.reconciliation if world else None
        return Health(
            serving=world is not None or self.elsewhere() is not None,
            leader=world is not None,
            leader_url=self._own_url if world else self.elsewhere(),
            registered=world is not None and world.session.registered,
            zookeeper=self._session.state,
            reconciled=progress is not None and progress.completed_at is not None,
            nodes_up=sum(node.normal for node in nodes),
            nodes_expected=len(nodes) if world else self.settings.nodes,
            mesos_silent_since=self._silent_since,
            zookeeper_silent_since=self._session.suspended_since,
            reasons=self._reasons(world),
        )

    def elsewhere(self) -> str | None:
        """See ``Service``."""
        return None if self._engine else self._leadership.elsewhere

    def _reasons(self, world: World | None) -> tuple[str, ...]:
        if world is None:
            leader = self.elsewhere()
            return (f"standing by: {leader} leads",) if leader else (self._reason,)
        if self._remains is not None:
            return ("the service is uninstalled: nothing is left of it",)
        reasons = [] if world.session.registered else ["not registered with Mesos"]
        if self._session.suspended_since is not None:
            reasons.insert(0, "ZooKeeper does not answer: nothing is decided until it does")
        down = [node.name for node in world.ledger.members() if not node.normal]
        return (*reasons, *(f"{name} is not NORMAL" for name in down), *world.errors, *refusals(world))

    def world(self) -> World:
        """See ``Service``."""
        if self._remains is not None:
            return self._remains
        if self._engine is None:
            raise Unavailable(f"this instance does not lead: {self._reason}")
        return self._engine.world

    def command(self, order: Ordered) -> None:
        """See ``Service``."""
        self._require_something()
        if self._engine is not None:
            self._engine.order(order)

    def preview(self, command: Command) -> World:
        """See ``Service``."""
        self._require_something()
        return self._engine.preview(command) if self._engine is not None else self.world()

    def _require_something(self) -> None:
        """Raise Unavailable where this instance does not lead, Conflict where the service is no more."""
        self.world()
        if self._remains is not None:
            raise Conflict("the service is uninstalled: there is nothing left to order")

    def await_events(self, number: int, seconds: float) -> None:
        """See ``Service``."""
        if self._engine is not None:
            self._engine.await_events(number, seconds)

    def node_status(self, number: int) -> NodeStatus:
        """See ``Service``."""
        node = self.world().ledger.nodes.get(number)
        if node is None:
            raise NoAnswer("the node was never launched")
        return self._questions.ask(self._driver, node, STATUS, NodeStatus, ANSWER_SECONDS)

    def schema(self) -> Schema:
        """See ``Service``."""
        return self._questions.ask_any(self._driver, self._members(), SCHEMA, Schema, SCHEMA_SECONDS)

    def place(self, ask: Ask) -> Checked:
        """See ``Service``."""
        return self._questions.ask_any(
            self._driver, self._members(), PLACE, Checked, PLACE_SECONDS, encode(ask)
        )

    def backups(self, ask: Ask) -> Listed:
        """See ``Service``."""
        return self._questions.ask_any(
            self._driver, self._members(), BACKUPS, Listed, PLACE_SECONDS, encode(ask)
        )

    def _members(self) -> Sequence[Node]:
        return self.world().ledger.members()

    def seal(self, keys: Keys | None) -> str:
        """See ``Service``."""
        return self._secrets.sealer.seal(keys)

    def offers(self) -> Sequence[Fate]:
        """See ``Service``."""
        self.world()
        return self._engine.offers.fates() if self._engine is not None else ()

    def backlog(self) -> int:
        """See ``Service``."""
        return self._engine.waiting if self._engine is not None else 0

    def artifact(self, digest: str, name: str) -> Path | None:
        """See ``Service``."""
        return self._bundle.file(digest, name)
