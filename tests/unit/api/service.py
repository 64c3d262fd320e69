"""A service in memory: the real core decides, Mesos and ZooKeeper are left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from flask.testing import FlaskClient

from api.app import create_app
from api.auth.callers import Identify
from protocol.backup import Ask, Checked, Keys, Listed, Row
from protocol.report import NodeStatus
from protocol.schema import Keyspace, Schema
from scheduler.daemon.counts import Counts
from scheduler.daemon.offer_log import Fate
from scheduler.daemon.service import Conflict, Health, NoAnswer, NotFound, Unavailable
from scheduler.decide.core import decide
from scheduler.decide.decision import Refused, UnknownName
from scheduler.model.event import Command, Ordered
from scheduler.model.settings import Settings
from scheduler.model.world import World
from tests.unit.decide.cluster import Cluster

SCHEMA = Schema(
    {
        "my_keyspace": Keyspace(("my_cf_1", "my_cf_w"), {"class": "NetworkTopologyStrategy", "dc1": "3"}),
        "other": Keyspace(("my_cf_1", "t"), {"class": "NetworkTopologyStrategy", "dc1": "3"}),
        "empty": Keyspace((), {"class": "NetworkTopologyStrategy", "dc1": "3"}),
        "system_auth": Keyspace(("roles",), {"class": "SimpleStrategy", "replication_factor": "1"}),
        "system": Keyspace(("local", "peers"), {"class": "LocalStrategy"}),
    }
)


@dataclass
class MemoryService:
    """What the API asks of the daemon. ``unread`` says why it does not lead, ``leader`` who does then."""

    cluster: Cluster = field(default_factory=Cluster)
    unread: str = ""
    leader: str | None = None
    unstored: str = ""
    silent_since: float | None = None
    silent_nodes: bool = False
    schemas: Schema = SCHEMA
    there: dict[str, Checked] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    problem: str = ""
    asked: list[Ask] = field(default_factory=list)
    artifacts: dict[tuple[str, str], Path] = field(default_factory=dict)
    orders: list[Ordered] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    waits: list[tuple[int, float]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.cluster.world.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.cluster.world = replace(self.cluster.world, settings=settings)

    def health(self) -> Health:
        nodes = self.cluster.world.ledger.members()
        return Health(
            serving=not self.unread or self.leader is not None,
            leader=not self.unread,
            leader_url="http://10.0.0.1:9000",
            registered=self.silent_since is None,
            zookeeper="connecting" if self.unread else "connected",
            reconciled=True,
            nodes_up=sum(node.normal for node in nodes),
            nodes_expected=len(nodes),
            mesos_silent_since=self.silent_since,
            reasons=(self.unread,) if self.unread else (),
        )

    def elsewhere(self) -> str | None:
        return self.leader

    def world(self) -> World:
        if self.unread:
            raise Unavailable(self.unread)
        return self.cluster.world

    def command(self, order: Ordered) -> None:
        self.world()
        if self.unstored:
            raise Unavailable(self.unstored)
        try:
            self.cluster.tell(order)
        except UnknownName as error:
            raise NotFound(str(error)) from None
        except Refused as error:
            raise Conflict(str(error)) from None
        self.orders.append(order)

    @property
    def commands(self) -> list[Command]:
        return [order.command for order in self.orders]

    def preview(self, command: Command) -> World:
        try:
            return decide(self.world(), command, self.cluster.now).world
        except UnknownName as error:
            raise NotFound(str(error)) from None
        except Refused as error:
            raise Conflict(str(error)) from None

    def await_events(self, number: int, seconds: float) -> None:
        self.waits.append((number, seconds))

    def node_status(self, number: int) -> NodeStatus:
        status = self.cluster.node(number).status
        if self.silent_nodes or status is None:
            raise NoAnswer(f"node-{number} did not answer within 1 s")
        return status

    def schema(self) -> Schema:
        if self.silent_nodes:
            raise NoAnswer("node-0 did not answer within 3 s")
        return self.schemas

    def seal(self, keys: Keys | None) -> str:
        return ""

    def place(self, ask: Ask) -> Checked:
        if self.silent_nodes:
            raise NoAnswer("node-0 did not answer within 25 s")
        self.asked.append(ask)
        return self.there.get(ask.name, Checked(self.problem))

    def backups(self, ask: Ask) -> Listed:
        self.asked.append(ask)
        return Listed(self.rows, self.problem)

    def offers(self) -> list[Fate]:
        return self.fates

    def backlog(self) -> int:
        return 0

    def artifact(self, digest: str, name: str) -> Path | None:
        return self.artifacts.get((digest, name))


def client(service: MemoryService, identify: Identify | None = None) -> FlaskClient:
    """A client of the API for the service, by the cluster's own clock."""
    return create_app(service, lambda: service.cluster.now, identify).test_client()


def deployed(nodes: int = 3) -> MemoryService:
    """A service whose nodes are all up."""
    service = MemoryService()
    service.cluster.deploy(nodes)
    return service
