"""What is decided on the offers: a deploy of a hundred nodes, half of which run."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence

from protocol.report import NodeStatus
from scheduler.decide import matching, placement, seeds
from scheduler.decide.core import decide
from scheduler.decide.target import first_ledger
from scheduler.model.event import OffersReceived
from scheduler.model.intent import Accept
from scheduler.model.node import Executor, Node, Placement, Task
from scheduler.model.offer import Offer
from scheduler.model.placement import parse
from scheduler.model.settings import Settings
from scheduler.model.task import RUNNING
from scheduler.model.world import Reconciliation, SeedsPush, Session, World

DEPLOYED = PENDING = 50
CONSTRAINTS = "hostname:UNIQUE,zone:LIKE:zone-[ab]"
NOW = 1000.0
NEVER = 1e12


def fits_of_all(offers: Sequence[Offer], world: World) -> list[str]:
    """Match every offer against the node that waits: its constraints, then its resources."""
    node = world.ledger.nodes[DEPLOYED]
    constraints = parse(world.settings.placement_constraint)
    neighbours = placement.Neighbours(node, world.ledger.nodes.values())
    settings = world.ledger.target.node
    return [
        offer.id
        for offer in offers
        if not placement.violated(constraints, offer, neighbours) and not matching.shortfalls(offer, settings)
    ]


class Decider:
    """Decides as the daemon does and goes on from what each batch has left, but that the node waits again.

    Nodes are started one by one, so one offer of a batch at most is accepted.
    """

    def __init__(self) -> None:
        self._world = deploying()

    def accepted(self, offers: Sequence[Offer]) -> list[str]:
        """The ids of the offers that are used."""
        decision = decide(self._world, OffersReceived(tuple(offers)), NOW)
        if decision.world.ledger is self._world.ledger:
            self._world = decision.world
        return [id for intent in decision.intents if isinstance(intent, Accept) for id in intent.offer_ids]


def deploying() -> World:
    """A world in which node 50 of 100 wants an offer and nothing else is to be done."""
    settings = Settings(nodes=DEPLOYED + PENDING, placement_constraint=CONSTRAINTS)
    ledger = first_ledger(settings, str(uuid.UUID(int=1)))
    for number in range(DEPLOYED):
        ledger = ledger.with_node(_deployed(number, ledger.target.config_id))
    cluster = dataclasses.replace(ledger.cluster, founder="node-0")
    world = World(settings, dataclasses.replace(ledger, cluster=cluster), "http://bundle/")
    return dataclasses.replace(world, session=_settled(world))


def _deployed(number: int, config_id: str) -> Node:
    address = f"192.168.0.{number}"
    executor = Executor("e", "e", "true", "http://bundle/", (), (), 1.0)
    agent = f"deployed-agent-{number}"
    zone = ("zone", f"zone-{'ab'[number % 2]}")
    return Node(
        number,
        placement=Placement("g", agent, f"deployed-{number}.example.org", address, "v", (), (zone,)),
        task=Task(f"task-{number}", agent, executor, config_id, 0.0, RUNNING, 0.0, started=True),
        status=NodeStatus(mode="NORMAL", native_transport_running=True),
        bootstrapped=True,
        deployed=config_id,
        begun=config_id,
    )


def _settled(world: World) -> Session:
    """Registered, reconciled, and every node knows its seeds."""
    told = SeedsPush("m", seeds.seed_addresses(world), NEVER, answered=True)
    return Session(
        registered_at=0.0,
        master="m:5050",
        reconciliation=Reconciliation({}, 0.0, NEVER, 1.0, completed_at=0.0),
        waiting={DEPLOYED: 0.0},
        seeds=dict.fromkeys(range(DEPLOYED), told),
    )
