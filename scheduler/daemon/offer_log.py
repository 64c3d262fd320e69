"""The last offers and what became of each, for operators who wonder why a node is not started."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from scheduler.model.intent import Accept, Intent
from scheduler.model.offer import Offer
from scheduler.model.world import World

BATCHES = 50
MOST_OFFERS = 200


@dataclass(frozen=True)
class Fate:
    """What became of an offer: ``operations`` where it was used, else the reasons why it was not."""

    offer: Offer
    at: float
    operations: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass
class _Batch:
    """Offers that came together. What became of them is found out when somebody asks: few ever are."""

    offers: tuple[Offer, ...]
    at: float
    accepted: list[Accept] = field(default_factory=list)
    world: World | None = None


class OfferLog:
    """Remembers the newest batches of offers."""

    def __init__(self) -> None:
        self._batches: deque[_Batch] = deque(maxlen=BATCHES)
        self._present: _Batch | None = None

    def begin(self, offers: tuple[Offer, ...], at: float) -> None:
        """Offers have come, and are now decided on."""
        self._present = _Batch(offers, at)
        self._batches.append(self._present)

    def done(self, intent: Intent) -> None:
        """An intent was carried out."""
        if self._present is not None and isinstance(intent, Accept):
            self._present.accepted.append(intent)

    def end(self, world: World) -> None:
        """They were decided on; this is the world since."""
        if self._present is not None:
            self._present.world = world
        self._present = None

    def fates(self) -> list[Fate]:
        """What became of the last offers, the newest first."""
        found: list[Fate] = []
        for batch in reversed(self._batches):
            found += _fates(batch)
            if len(found) >= MOST_OFFERS:
                break
        return found[:MOST_OFFERS]


def _fates(batch: _Batch) -> Iterator[Fate]:
    used = {ident: accept for accept in batch.accepted for ident in accept.offer_ids}
    for offer in batch.offers:
        if offer.id in used:
            operations = tuple(type(one).__name__.upper() for one in used[offer.id].operations)
            yield Fate(offer, batch.at, operations=operations)
        else:
            yield Fate(offer, batch.at, reasons=_reasons(batch, offer))


def _reasons(batch: _Batch, offer: Offer) -> tuple[str, ...]:
    world = batch.world
    if world is None:
        return ("it was not decided on",)
    shortfall = world.session.shortfalls.get(offer.agent_id)
    if shortfall is not None and shortfall.at >= batch.at:
        return shortfall.reasons
    waiting = [world.ledger.nodes[number] for number in world.session.waiting]
    if not waiting:
        return ("no node waits for an offer",)
    return tuple(
        f"{node.name} waits for what is reserved for it on {node.placement.hostname}"
        if node.placement is not None
        else f"{node.name} waits for its turn, or was just started on another offer"
        for node in waiting
    )
