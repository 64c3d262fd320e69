"""What operators look at when a node is not started: each offer's fate, and what is reserved."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.daemon.offer_log import MOST_OFFERS, OfferLog
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource
from tests.unit.api.service import MemoryService, client, deployed
from tests.unit.decide.cluster import offer


@dataclass
class Offering:
    """A service whose offers are remembered as the engine does."""

    service: MemoryService = field(default_factory=lambda: deployed(0))
    log: OfferLog = field(default_factory=OfferLog)

    def offers(self, *offers: Offer) -> None:
        cluster = self.service.cluster
        self.log.begin(offers, cluster.now)
        for intent in cluster.offers(*offers):
            self.log.done(intent)
        self.log.end(cluster.world)

    def shown(self) -> list[dict[str, object]]:
        self.service.fates = self.log.fates()
        answer = client(self.service).get("/v1/debug/offers")
        assert answer.status_code == 200
        found: list[dict[str, object]] = answer.json
        return found


def test_an_offer_that_lacks_something_says_what() -> None:
    offering = Offering()
    offering.offers(offer(1, resources=(Resource("cpus", 0.1), Resource("mem", 16384.0))))
    (shown,) = offering.shown()
    assert (shown["hostname"], shown["outcome"]) == ("host-1", "declined")
    assert shown["reasons"] == ["cpus", "disk", "ports"]


def test_an_offer_that_was_used_says_what_for_and_the_newest_comes_first() -> None:
    offering = Offering()
    offering.offers(offer(1), offer(2))
    first, second = offering.shown()
    assert (first["offer_id"], first["outcome"]) == ("O1-0", "accepted")
    assert first["operations"] == ["RESERVE", "CREATE", "LAUNCH"]
    assert (second["offer_id"], second["outcome"], second["operations"]) == ("O2-0", "declined", [])
    offering.offers(offer(3))
    assert [shown["offer_id"] for shown in offering.shown()] == ["O3-0", "O1-0", "O2-0"]


def test_where_no_node_waits_the_offers_say_so() -> None:
    offering = Offering(deployed())
    offering.offers(offer(9))
    assert offering.shown()[0]["reasons"] == ["no node waits for an offer"]


def test_a_node_that_waits_for_its_reservation_is_named() -> None:
    service = deployed()
    service.cluster.update(1, "TASK_FAILED")
    service.cluster.now += 3600
    offering = Offering(service)
    offering.offers(offer(9))
    assert offering.shown()[0]["reasons"] == ["node-1 waits for what is reserved for it on host-2"]


def test_only_so_many_are_remembered() -> None:
    offering = Offering()
    for _ in range(3):
        offering.offers(*(offer(n) for n in range(MOST_OFFERS)))
    assert len(offering.shown()) == MOST_OFFERS


def test_reservations_are_told_with_the_volume_of_each_node() -> None:
    service = deployed()
    answer = client(service).get("/v1/debug/reservations")
    assert [one["node"] for one in answer.json] == ["node-0", "node-1", "node-2"]
    place = service.cluster.node(1).placement
    assert place is not None
    shown = answer.json[1]
    assert (shown["hostname"], shown["volume"], shown["state"]) == ("host-2", place.persistence_id, "in use")
    assert {"name": "cpus", "value": 1.1, "reserved": True, "volume": None} in shown["resources"]


def test_what_a_replacement_gives_up_is_told_until_it_is_gone() -> None:
    service = deployed()
    client(service).put("/v1/nodes/replace?node=1&force=true")
    assert client(service).get("/v1/debug/reservations").json[1]["state"] == "to be given up"
    service.cluster.update(1, "TASK_KILLED")
    states = [one["state"] for one in client(service).get("/v1/debug/reservations").json]
    assert "given up: destroyed wherever it is offered" in states
