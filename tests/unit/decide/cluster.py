"""A scheduler's core with just enough of Mesos around it: offers in, intents out, nodes that come up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from protocol.report import NodeStatus, Report, encode_report
from scheduler.decide.core import decide
from scheduler.decide.target import first_ledger
from scheduler.model.event import Event, OffersReceived, Subscribed, Updated
from scheduler.model.intent import Accept, Intent, Launch
from scheduler.model.node import Node
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource
from scheduler.model.settings import CassandraSettings, NodeSettings, Settings
from scheduler.model.task import TaskUpdate
from scheduler.model.world import Ledger, World

CLUSTER_ID = "6f1b3ca8-718a-45ae-a814-1c57843b5683"


def settings(nodes: int = 3, **changes: object) -> Settings:
    cassandra = CassandraSettings(uri="file:///cassandra.tar.gz", sha512="0" * 128, version="5.0.9")
    return replace(Settings(nodes=nodes, node=NodeSettings(cassandra=cassandra)), **changes)


def new_world(nodes: int = 3, **changes: object) -> World:
    chosen = settings(nodes, **changes)
    return World(chosen, first_ledger(chosen, CLUSTER_ID), "http://10.0.0.1:9000/v1/artifacts/x/executor.pyz")


def offer(agent: int, number: int = 0, **changes: object) -> Offer:
    resources = (
        Resource("cpus", 8.0),
        Resource("mem", 16384.0),
        Resource("disk", 100000.0),
        Resource("ports", ranges=((7000, 9999),)),
    )
    made = Offer(f"O{agent}-{number}", f"S{agent}", f"host-{agent}", f"10.0.0.{agent}", resources)
    return made._replace(**changes)


def decided(ledger: Ledger) -> Ledger:
    """The records that decisions are made from: all but the event log."""
    return replace(ledger, events={})


@dataclass
class Cluster:
    """Steps the core; remembers every intent."""

    world: World = field(default_factory=new_world)
    now: float = 1000.0
    intents: list[Intent] = field(default_factory=list)

    def tell(self, event: Event, seconds: float = 1.0) -> tuple[Intent, ...]:
        self.now += seconds
        decision = decide(self.world, event, self.now)
        self.world = decision.world
        self.intents += decision.intents
        return decision.intents

    def subscribe(self) -> tuple[Intent, ...]:
        return self.tell(Subscribed("F1", "10.0.0.1:5050"))

    def offers(self, *offers: Offer) -> tuple[Intent, ...]:
        return self.tell(OffersReceived(offers))

    def node(self, number: int) -> Node:
        return self.world.ledger.nodes[number]

    def update(self, number: int, state: str, data: bytes = b"", **changes: object) -> tuple[Intent, ...]:
        task = self.node(number).task
        assert task is not None
        made = TaskUpdate(task.id, state, task.agent_id, uuid="u", timestamp=self.now, data=data)
        return self.tell(Updated(replace(made, **changes)))

    def normal(self, number: int) -> None:
        """The node is NORMAL and takes CQL, and every NORMAL node sees every other."""
        up = [n.number for n in self.world.ledger.members() if n.normal and n.number != number] + [number]
        live = tuple(sorted(self.address(other) for other in up))
        for other in up:
            status = NodeStatus("NORMAL", True, True, True, True, endpoint=self.address(other), live=live)
            report = encode_report(Report(replace(status, as_of=self.now + 1)))
            self.update(other, "TASK_RUNNING", report)

    def address(self, number: int) -> str:
        place = self.node(number).placement
        assert place is not None
        return place.address

    def deploy(self, nodes: int = 3) -> None:
        """Bring nodes up one after the other, each on an agent of its own."""
        self.subscribe()
        for number in range(nodes):
            self.offers(offer(number + 1))
            self.normal(number)


def launches(intents: tuple[Intent, ...]) -> list[Launch]:
    accepts = [intent for intent in intents if isinstance(intent, Accept)]
    return [
        operation for accept in accepts for operation in accept.operations if isinstance(operation, Launch)
    ]
