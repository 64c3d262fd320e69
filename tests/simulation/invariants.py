"""What must always hold, checked as the models see it happen; each check bears the name of its invariant.

S13: a record that is damaged is never overwritten, for nobody knows what it was. ``transfer_invariants`` has
those of backups and restores.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from protocol.codec import DecodeError
from protocol.report import decode_report
from scheduler.decide import core
from scheduler.decide.plans import plans
from scheduler.decide.requirement import CLUSTER_LABEL, GENERATION_LABEL
from scheduler.model.event import Event, OffersReceived, Tick, Updated
from scheduler.model.intent import Launch
from scheduler.model.plan import Status
from scheduler.model.task import TERMINAL, TaskUpdate
from scheduler.model.world import World
from tests.simulation.agent import Agent
from tests.simulation.cassandra import Cassandra, Volume
from tests.simulation.executor import Running
from tests.simulation.offers import TaskRecord
from tests.simulation.store import SharedStore
from tests.simulation.transfer_invariants import TransferInvariants
from tests.simulation.zookeeper import Client, ReadingSession, Write, changes

if TYPE_CHECKING:
    from tests.simulation.run import Simulation
    from tests.simulation.scheduler import Scheduler

SECRET = "not-to-be-seen"
"""Stands in the settings where a secret may stand, and nowhere else."""

HUNG_SECONDS = 300.0
"""A member that has not answered for so long is down already: its end takes nothing from anyone."""

HELD_SECONDS = 120.0
"""No offer is held for longer by a leader that runs and is connected."""

TWICE_EVERY, LOOK_EVERY = 4, 12
"""Of so many steps, one is checked in the ways that take time."""


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, name: str, text: str, at: float) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text
        self.at = at


class Invariants:
    """Looks on. Reads the stored records as bytes, so that no code under test stands between."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.checked: Counter[str] = Counter()
        self.steps = 0
        self._epochs = 0
        self._newest: Client | None = None
        self._down_by_us: dict[str, str] = {}
        self.replacements_ordered: set[str] = set()
        self.departures_ordered: set[str] = set()
        self._given_up: set[str] = set()
        self._departing: set[str] = set()
        self.transfers = TransferInvariants(simulation, self._require)

    def _require(self, holds: bool, name: str, text: str) -> None:
        self.checked[name] += 1
        if not holds:
            raise Violation(name, text, self.simulation.clock.now)

    def _stored(self, name: str) -> bytes:
        path = f"{self.simulation.root}/{name}"
        return self.simulation.zookeeper.records(path).get(path, b"")

    def record(self, node: str) -> dict[str, Any] | None:
        """The stored record of a node, as JSON."""
        data = self._stored(f"nodes/{node}")
        record: dict[str, Any] | None = json.loads(data)["record"] if data else None
        return record

    def placed_on(self, agent: Agent) -> list[str]:
        """The nodes that live on an agent, whether or not they run, as far as is stored."""
        folder = f"{self.simulation.root}/nodes/"
        records = [json.loads(d)["record"] for d in self.simulation.zookeeper.records(folder).values()]
        placed = [r for r in records if r["placement"] and r["placement"]["hostname"] == agent.hostname]
        return [f"node-{record['number']}" for record in placed]

    # ZooKeeper.

    def committing(self, client: Client, writes: list[Write]) -> None:
        """A transaction is about to take place."""
        root = self.simulation.root
        for write in changes(writes):
            whole = write.path not in self.simulation.zookeeper.damaged
            self._require(whole, "S13", f"{write.path} is damaged, and overwritten")
            self._require(SECRET.encode() not in write.data, "S12", f"a secret goes into {write.path}")
            name = write.path.removeprefix(f"{root}/")
            if name == "epoch" and write.what == "set":
                self._newest = client
            elif write.path.startswith(root) and "/lock/" not in write.path:
                self._require(client is self._newest, "S5", f"a former leader writes {write.path}")
                if "/nodes/" in write.path and write.what != "delete":
                    self._note_order(write)
        self.transfers.committing(writes)

    def _note_order(self, write: Write) -> None:
        """An order to give a place up, once it is stored, permits the destruction of what is there."""
        if b'"departure": null' in write.data and b'"replacement": null' in write.data:
            return
        record = json.loads(write.data)["record"]
        name, place, departure = f"node-{record['number']}", record["placement"], record["departure"]
        if record["replacement"] is not None:
            ordered = name in self.replacements_ordered
            self._require(ordered, "S2", f"nobody has ordered that {name} be replaced")
            self._given_up.add(record["replacement"]["generation"])
        if departure is not None:
            self._down_by_us.pop(name, None)  # what comes later under this name is another member
            ordered = name in self.departures_ordered or self.simulation.uninstalling
            self._require(ordered, "S2", f"nobody has ordered that {name} be taken away")
            if place is not None and departure["stage"] != "leaving":
                self._given_up.add(place["generation"])
                self._departing.add(place["generation"])

    # Mesos.

    def launching(self, launch: Launch) -> None:
        """A task is to be launched."""
        record = self.record(launch.name) or {}
        task = record.get("task") or {}
        named = task.get("id") == launch.task_id and task.get("executor", {}).get("id") == launch.executor.id
        self._require(named or self._is_work(launch), "S3", f"{launch.task_id} is launched and not stored")
        text = repr((launch.data, launch.labels, launch.executor.command, launch.executor.environment))
        self._require(SECRET not in text, "S12", f"a secret goes into the task of {launch.name}")

    def _is_work(self, launch: Launch) -> bool:
        """Whether the task is a part of a stored operation."""
        prefix, ident = f"{self.simulation.root}/operations/", launch.task_id.encode()
        return any(ident in data for data in self.simulation.zookeeper.records(prefix).values())

    def acknowledging(self, task: TaskRecord | None, update: TaskUpdate) -> None:
        """An update is acknowledged: what it says must be stored, unless a later task has taken its place."""
        name = update.task_id.partition("__")[0]
        record = self.record(name)
        stored = (record or {}).get("task") or {}
        if stored.get("id") != update.task_id:
            return
        if update.state in TERMINAL:
            self._require(stored["state"] in TERMINAL, "S6", f"the end of {update.task_id} is not stored")
        try:
            status = decode_report(update.data).status
        except DecodeError:
            return
        if status is not None and status.mode == "NORMAL" and record is not None:
            kept = record["bootstrapped"] or record["restoration"] is not None
            self._require(kept, "S6", f"{name} is NORMAL, which is not stored")

    def killing(self, task_id: str) -> None:
        """A task is to be killed: nothing to be checked here, for it may be a stray."""

    # Agents.

    def started(self, running: Running) -> None:
        """An executor starts its task."""
        node = running.task.node
        others = [other for other in self._live(node) if other is not running]
        self._require(
            not others, "S1", f"{node} is started while {', '.join(o.task_id for o in others)} runs"
        )

    def _live(self, node: str) -> list[Running]:
        return [
            running
            for agent in self.simulation.agents
            if not agent.retired
            for running in agent.executors.values()
            if running.task.node == node and running.alive and not running.ended
        ]

    def killed(self, running: Running) -> None:
        """A kill has reached an executor whose node was a working member, and will be one again."""
        cassandra = running.cassandra
        if running.killing or cassandra is None or not cassandra.alive or cassandra.mode != "NORMAL":
            return
        if self._makes_way(running.task.node):
            return
        self._down_by_us = {n: t for n, t in self._down_by_us.items() if self._still_down(n)}
        others = [node for node in self._down_by_us if node != running.task.node]
        hangs_since = cassandra.hangs_since
        hung = hangs_since is not None and self.simulation.clock.now - hangs_since >= HUNG_SECONDS
        allowed = self.simulation.uninstalling or hung or not others
        self._require(allowed, "S4", f"{running.task.node} is taken down while {', '.join(others)} is down")
        self._down_by_us[running.task.node] = running.task_id

    def _makes_way(self, node: str) -> bool:
        """Whether it is stored that the node ends, with all others, for restored data."""
        record = self.record(node)
        return record is not None and record["restoration"] is not None

    def _still_down(self, node: str) -> bool:
        live = self._live(node)
        up = any(r.cassandra is not None and r.cassandra.mode == "NORMAL" and not r.killing for r in live)
        record = self.record(node)
        return not up and record is not None and record["departure"] is None

    def reserved(self, agent: Agent, generation: str) -> None:
        """Something is reserved that was not before."""
        prefix = f"{self.simulation.root}/nodes/"
        records = self.simulation.zookeeper.records(prefix).values()
        named = any(generation.encode() in data for data in records)
        self._require(named, "S8", f"{generation} is reserved on {agent.hostname} and no record names it")

    def destroyed(self, volume: Volume) -> None:
        """A volume is destroyed: after an order for that was stored, and a member's only once it has left."""
        ordered = volume.generation in self._given_up or not volume.started
        text = f"the volume of {volume.node}, generation {volume.generation}, is destroyed"
        self._require(ordered, "S2", f"{text} with data, unasked")
        if volume.generation in self._departing and not self.simulation.uninstalling:
            ring = volume.ring
            member = ring is not None and not volume.left and volume.host_id in ring.members
            self._require(not member, "S2", f"{text} while its node is a member")

    # Cassandra.

    def first_boot(self, node: Cassandra) -> None:
        """A node starts without data."""
        seeds = node.task.seeds
        name = node.task.node
        if node.task.founder:
            founder = json.loads(self._stored("cluster"))["record"]["founder"]
            self._require(founder == name, "S11", f"{name} founds and is not stored as the founder")
            return
        self._require(node.address not in seeds, "S11", f"{name} boots with itself as a seed")
        self._require(bool(seeds), "S11", f"{name} boots without a seed")
        replaced = node.task.replace_address
        if replaced is not None:
            target = self.simulation.rings.at(replaced)
            self._require(target is None or target is node, "S11", f"{name} replaces {replaced}, which is up")

    def joined(self, node: Cassandra) -> None:
        """A node is NORMAL: whatever befalls it from now on is not for an earlier kill of ours."""
        self._down_by_us.pop(node.task.node, None)
        others = [other for other in self.simulation.rings.rings if other is not node.ring and other.up]
        self._require(not others, "S11", f"{node.task.node} is NORMAL beside another ring")

    def founded(self, node: Cassandra) -> None:
        """A ring has come to be: the first, or that of restored data, of which no node is left by then."""
        rings = [other for other in self.simulation.rings.rings if other is not node.ring and other.members]
        allowed = not rings or self._makes_way(node.task.node)
        self._require(allowed, "S11", "a second ring is founded")

    # The loop.

    def stepped(self, scheduler: Scheduler, event: Event, before: World) -> None:
        """A leader has taken an event to its end."""
        self.steps += 1
        loop = scheduler.loop
        if loop is None:
            return
        if isinstance(event, Updated) and self.steps % TWICE_EVERY == 0:
            again = core.decide(loop.world, event, scheduler.now()).world.ledger
            same = again in (loop.world.ledger, core.decide(loop.world, Tick(), scheduler.now()).world.ledger)
            self._require(
                same, "S7", f"{event.update.state} of {event.update.task_id} twice differs from once"
            )
        if isinstance(event, OffersReceived):
            self._held(scheduler)
        if self.steps % LOOK_EVERY == 0:
            self._waits(loop.world, scheduler.now())

    def _held(self, scheduler: Scheduler) -> None:
        """Offers are answered, where the answer can be sent at all. Without ZooKeeper nothing is."""
        driver, master, client = scheduler.driver, self.simulation.master, scheduler.client
        if driver is None or driver.stream is None or master.stream is not driver.stream or client is None:
            return
        latest = self.simulation.clock.now - HELD_SECONDS
        old = [o.id for o in master.offers.values() if max(o.since, client.connected_since) < latest]
        self._require(not old, "L2", f"offers {', '.join(old)} are held")

    def _waits(self, world: World, now: float) -> None:
        """Each wait says what for."""
        for plan in plans(world, now).values():
            for phase in plan.phases:
                for step in phase.steps:
                    if step.status in (Status.WAITING, Status.DELAYED):
                        says = bool(step.message and step.waiting_for)
                        where = f"step {step.name} of plan {plan.name} is {step.status.value}"
                        self._require(says, "L3", f"{where} and does not say for what")

    def confirmed(self, scheduler: Scheduler) -> None:
        """The API is to say that a command is stored: a new leader would read the world as it is now.

        Where there is one already, it may have gone on from there.
        """
        if scheduler.client is not self._newest or self.simulation.zookeeper.damaged:
            return
        stored = SharedStore(ReadingSession(self.simulation.zookeeper), self.simulation.root).load()
        loop = scheduler.loop
        same = loop is not None and stored == loop.world.ledger
        self._require(same, "S9", "a command was confirmed and is not stored")

    # After healing.

    def settled(self) -> None:
        """Nothing goes on any more: what is reserved is what the records name."""
        named = self._named()
        for agent in self.simulation.agents:
            if agent.retired:
                continue
            found: dict[str, dict[str, Any]] = {}
            for what, amount in agent.total.items():
                if what.reservations and what.label(CLUSTER_LABEL) == self.simulation.label:
                    generation = what.label(GENERATION_LABEL) or ""
                    name = "volume" if what.persistence_id else what.name
                    found.setdefault(generation, {})[name] = amount
            for generation, amounts in found.items():
                wanted = named.pop(generation, None)
                self._require(
                    wanted == amounts,
                    "S8",
                    f"{agent.hostname} has reserved {amounts} for {generation}, the records say {wanted}",
                )
        self._require(not named, "S8", f"the records name reservations that nobody has: {named}")
        self.transfers.settled()
        held = [o for o in self.simulation.master.offers.values() if self.simulation.clock.now - o.since > 60]
        self._require(not held, "L2", f"offers {', '.join(o.id for o in held)} are held")

    def nothing_left(self) -> None:
        """The service is uninstalled: no reservation, no task, no record."""
        for agent in self.simulation.agents:
            left = [
                w for w in agent.total if w.reservations and w.label(CLUSTER_LABEL) == self.simulation.label
            ]
            self._require(not left, "S8", f"{agent.hostname} has still reserved {left}")
            self._require(not agent.executors, "S8", f"{agent.hostname} still runs {list(agent.executors)}")
        root = self.simulation.root
        records = [p for p in self.simulation.zookeeper.nodes if p.startswith(root) and "/lock" not in p]
        self._require(not records, "S8", f"ZooKeeper still has {records}")

    def _named(self) -> dict[str, dict[str, Any]]:
        prefix = f"{self.simulation.root}/nodes/"
        named: dict[str, dict[str, Any]] = {}
        for path, (data, _) in self.simulation.zookeeper.nodes.items():
            if path.startswith(prefix):
                place = json.loads(data)["record"].get("placement")
                if place is not None:
                    named[place["generation"]] = dict(_amount(r) for r in place["resources"])
        return named


def _amount(resource: dict[str, Any]) -> tuple[str, Any]:
    disk = resource.get("disk") or {}
    name = "volume" if disk.get("persistence_id") else resource["name"]
    ports = frozenset(p for begin, end in resource["ranges"] for p in range(begin, end + 1))
    return name, ports if resource["name"] == "ports" else resource["scalar"]
