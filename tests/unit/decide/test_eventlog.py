"""The event log: its pages, and what of a node's and an operation's life is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from scheduler.decide import eventlog, telling
from scheduler.decide.core import decide
from scheduler.model.event import Interrupt, Ordered, RestartNode
from scheduler.model.eventlog import Entry, Page
from tests.unit.decide.cluster import Cluster, decided, new_world


def told(cluster: Cluster, since: int = 0) -> list[str]:
    return [entry.what for entry in eventlog.entries(cluster.world.ledger, since)]


@given(st.lists(st.integers(0, 40), max_size=60))
def test_entries_are_numbered_without_gaps_and_the_newest_are_kept(batches: list[int]) -> None:
    ledger = new_world().ledger
    for size in batches:
        ledger = eventlog.append(ledger, [Entry(0, 1.0, "node", "node-0", "x")] * size)
    kept = eventlog.entries(ledger)
    least = (eventlog.PAGES - 1) * eventlog.PAGE_ENTRIES
    assert eventlog.last_number(ledger) == sum(batches)
    assert [entry.number for entry in kept] == list(range(sum(batches) - len(kept) + 1, sum(batches) + 1))
    assert len(kept) >= min(sum(batches), least)
    assert all(1 <= number <= eventlog.PAGES for number in ledger.events)


def test_what_a_decision_tells_is_one_record_to_write_however_long_the_log() -> None:
    ledger = new_world().ledger
    for size in [1, 2, 1, 7, 1, 20] * 30:
        after = eventlog.append(ledger, [Entry(0, 1.0, "node", "node-0", "x")] * size)
        assert len([n for n in after.events if ledger.events.get(n) is not after.events[n]]) == 1
        assert ledger.events.keys() <= after.events.keys()
        ledger = after


def test_very_many_entries_at_once_are_spread_over_pages() -> None:
    ledger = eventlog.append(new_world().ledger, [Entry(0, 1.0, "node", "node-0", "x")] * 1000)
    assert max(len(page.entries) for page in ledger.events.values()) <= eventlog.TOGETHER
    assert eventlog.last_number(ledger) == 1000


def test_pages_that_were_numbered_without_end_make_room_for_the_ring() -> None:
    old = {
        number: Page(number, tuple(Entry(16 * number + i, 1.0, "node", "node-0", "x") for i in range(16)))
        for number in range(100, 132)
    }
    ledger = replace(new_world().ledger, events=old)
    for _ in range(eventlog.PAGES * eventlog.PAGE_ENTRIES):
        ledger = eventlog.append(ledger, [Entry(0, 1.0, "node", "node-0", "x")])
        numbers = [entry.number for entry in eventlog.entries(ledger)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert set(ledger.events) == set(range(1, eventlog.PAGES + 1))


def test_a_failure_is_told_with_its_reason() -> None:
    cluster = Cluster()
    cluster.deploy()
    mark = eventlog.last_number(cluster.world.ledger)
    cluster.update(1, "TASK_FAILED", reason="REASON_EXECUTOR_TERMINATED", message="it\nfell over")
    (entry,) = eventlog.entries(cluster.world.ledger, mark)
    assert (entry.kind, entry.subject, entry.what) == ("node", "node-1", "node-1 has ended: TASK_FAILED")
    assert entry.why == "REASON_EXECUTOR_TERMINATED: it fell over"


def test_what_was_ordered_and_what_came_of_it_are_told_in_order() -> None:
    cluster = Cluster()
    cluster.deploy()
    mark = eventlog.last_number(cluster.world.ledger)
    cluster.tell(Ordered(RestartNode("node-1"), "alice", "10.0.0.9"))
    cluster.update(1, "TASK_KILLED")
    assert told(cluster, mark) == ["restart node-1", "node-1 has ended: TASK_KILLED"]
    assert eventlog.entries(cluster.world.ledger, mark)[1].why == "as ordered"


def test_an_order_decides_the_same_whoever_gives_it() -> None:
    cluster = Cluster()
    cluster.deploy()
    plain = decide(cluster.world, Interrupt("deploy"), 2000.0)
    ordered = decide(cluster.world, Ordered(Interrupt("deploy"), "alice", "10.0.0.9"), 2000.0)
    assert decided(plain.world.ledger) == decided(ordered.world.ledger)
    assert plain.intents == ordered.intents


def test_an_order_that_was_refused_is_kept_with_the_reason() -> None:
    world = telling.refused(
        new_world(), Ordered(RestartNode("node-9"), "bob", "10.0.0.9"), "no such node", 5.0
    )
    (entry,) = eventlog.entries(world.ledger)
    assert (entry.what, entry.why, entry.who) == ("refused: restart node-9", "no such node", "bob")


@dataclass(frozen=True)
class StartSomething:
    """An order that nothing is known of here, with a secret in it."""

    kind: str
    secret_key: str


def test_of_an_order_that_is_not_known_no_field_but_its_subject_is_told() -> None:
    order = StartSomething("backup", "hunter2")
    assert telling.sentence(order) == "start something"  # type: ignore[arg-type]
    assert telling.subject(order) == "backup"  # type: ignore[arg-type]


def test_texts_are_one_line_of_bounded_length() -> None:
    entry = replace(Entry(0, 1.0, "node", "node-0", "x" * 5000), why="a\nb")
    (kept,) = eventlog.entries(eventlog.append(new_world().ledger, [entry]))
    assert len(kept.what) == eventlog.LONGEST_TEXT
    assert kept.why == "a b"
