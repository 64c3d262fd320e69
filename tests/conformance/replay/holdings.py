"""The offers that a scheduler holds, as they were recorded and as they are now.

Offers are made on a clock of their own: what came as one offer may come in pieces, and the other way round.
So what all offers together hold is compared, and new offers one by one where there are as many as there were.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from typing import Any

from tests.conformance.replay.matching import Difference, Matcher

Json = dict[str, Any]

VALUES = ("scalar", "ranges", "set")


class Holdings:
    """The offers of one scheduler that it has not answered, by id."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._recorded: dict[str, Json] = {}
        self.seen: dict[str, Json] = {}
        """Those of now."""

    def add_recorded(self, event: Json) -> None:
        """Offers were made then."""
        self._recorded |= _by_id(event)

    def take(self, event: Json) -> None:
        """Offers are made now, or a piece is taken back."""
        if event["type"] == "OFFERS":
            self.seen |= _by_id(event)
        else:
            self.seen.pop(event["rescind"]["offer_id"]["value"], None)

    def wants(self, event: Any) -> bool:
        """Whether an event is about offers, and stands for nothing that was recorded by itself."""
        if not isinstance(event, dict) or event["type"] != "RESCIND":
            return isinstance(event, dict) and event["type"] == "OFFERS"
        return not self._matcher.bindings.knows(event["rescind"]["offer_id"]["value"])

    @property
    def agree(self) -> bool:
        """Whether the same is held now as then."""
        return self._then == self._now

    @property
    def exceed(self) -> bool:
        """Whether something is held now that was offered only later then."""
        return bool(self._now - self._then)

    @property
    def include(self) -> bool:
        """Whether what was held then is held now, with nothing besides but later offers as a whole."""
        held = list(self.seen.values())
        parts = (part for size in range(len(held) + 1) for part in combinations(held, size))
        return any(self._sum_of_now(part) == self._then for part in parts)

    @property
    def _then(self) -> Counter[str]:
        return _sum(self._recorded.values())

    @property
    def _now(self) -> Counter[str]:
        return self._sum_of_now(self.seen.values())

    def _sum_of_now(self, offers: Iterable[Json]) -> Counter[str]:
        ids = self._matcher.bindings.recorded
        return _sum({**offer, "agent_id": {"value": ids(offer["agent_id"]["value"])}} for offer in offers)

    def compare(self, event: Json, without: Collection[str] = ()) -> Iterator[Difference]:
        """The differences of what is held, once the offers of an event were made; fields left out of it."""
        fresh = [offer for name, offer in self.seen.items() if not self._matcher.bindings.knows(name)]
        offered = _by_id(event)
        same = self._sum_of_now(fresh) == _sum(offered.values())
        if fresh and len(fresh) == len(offered) and (same or not self.agree):
            pair = [_without(offers, without) for offers in (list(offered.values()), fresh)]
            yield from self._matcher.compare("scheduler OFFERS", "offers", *pair)
        elif not self.agree:
            recorded, held = list(self._recorded.values()), list(self.seen.values())
            yield Difference("scheduler OFFERS", "(all that is held)", recorded, held)

    def answer(self, offer_ids: Iterable[str]) -> list[Json]:
        """Which offers of now to answer where these were answered; none where they are not held any more."""
        answered = [offer_id for offer_id in offer_ids if self._recorded.pop(offer_id, None)]
        if not answered:
            return []
        # Where no offer stands for these, what they were is somewhere among all that is held.
        chosen = [offer for offer in self.seen.values() if self._stands_for(offer, answered)]
        chosen = chosen or list(self.seen.values())
        for offer in chosen:
            del self.seen[offer["id"]["value"]]
        return [offer["id"] for offer in chosen]

    def rescind(self, recorded_id: str) -> int:
        """This offer was taken back; how many are taken back now, with all the pieces of it."""
        self._recorded.pop(recorded_id)
        pieces = len(self.seen) if not self._recorded else 1
        if not self._recorded:
            self.seen.clear()
        return pieces

    def _stands_for(self, offer: Json, recorded_ids: list[str]) -> bool:
        return self._matcher.bindings.recorded(offer["id"]["value"]) in recorded_ids


def _by_id(event: Json) -> dict[str, Json]:
    return {offer["id"]["value"]: offer for offer in event["offers"]["offers"]}


def _without(offers: list[Json], fields: Collection[str]) -> list[Json]:
    return [{key: item for key, item in offer.items() if key not in fields} for offer in offers]


def _sum(offers: Iterable[Json]) -> Counter[str]:
    """Amounts by agent and kind of resource: thousandths of scalars, and each port by itself."""
    total: Counter[str] = Counter()
    for offer in offers:
        for resource in offer["resources"]:
            identity = {key: item for key, item in resource.items() if key not in VALUES}
            identity["agent_id"] = offer["agent_id"]
            total.update(_amounts(json.dumps(identity, sort_keys=True), resource))
    return total


def _amounts(kind: str, resource: Json) -> dict[str, int]:
    if "scalar" in resource:
        return {kind: round(resource["scalar"]["value"] * 1000)}
    spans = resource["ranges"]["range"]
    return {f"{kind} {port}": 1 for span in spans for port in range(span["begin"], span["end"] + 1)}
