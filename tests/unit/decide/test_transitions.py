"""What an event brings about is stored and done piece by piece, each piece about one node at the most."""

from dataclasses import dataclass, fields
from itertools import islice

from scheduler.decide.core import transitions
from scheduler.model.event import Event, Tick
from scheduler.model.intent import Intent
from scheduler.model.world import Ledger
from tests.unit.decide.cluster import Cluster, settings
from tests.unit.decide.test_configuration import changed, configure, kills, restart


def written(before: Ledger, after: Ledger) -> list[str]:
    """The records that differ, by their folders, or their names where they are in none."""
    found: list[str] = []
    for field in fields(Ledger):
        was, now = getattr(before, field.name), getattr(after, field.name)
        if field.name in ("nodes", "operations", "events"):
            found += [field.name for key in was.keys() | now.keys() if was.get(key) != now.get(key)]
        elif was != now:
            found.append(field.name)
    return found


@dataclass
class Counting(Cluster):
    """Takes what an event brings about piece by piece, at most so many, and looks at what each writes."""

    most: int | None = None

    def tell(self, event: Event, seconds: float = 1.0) -> tuple[Intent, ...]:
        self.now += seconds
        done: tuple[Intent, ...] = ()
        for decision in islice(transitions(self.world, event, self.now), self.most):
            records = written(self.world.ledger, decision.world.ledger)
            assert records.count("nodes") <= 1, records
            self.world = decision.world
            done += decision.intents
        self.intents += done
        return done


def rolling_out(nodes: int = 3) -> Counting:
    """The first of the nodes has been stopped for a new configuration, and started with it."""
    cluster = Counting()
    cluster.deploy(nodes)
    configure(cluster, changed(settings(), yaml={"concurrent_reads": 16}))
    restart(cluster, 0)
    return cluster


def test_a_node_that_is_ready_and_the_next_that_is_stopped_for_it_are_written_one_after_the_other() -> None:
    cluster = rolling_out()
    cluster.normal(0)
    assert kills(cluster.intents)[-1] == "node-1"


def test_what_a_crash_cuts_off_the_next_event_brings_about() -> None:
    cluster = rolling_out()
    cluster.most = 1
    cluster.normal(0)
    assert kills(cluster.intents)[-1] == "node-0"
    cluster.most = None
    cluster.tell(Tick())
    assert kills(cluster.intents)[-1] == "node-1"
