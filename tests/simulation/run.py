"""One run: the models put together, a scenario happening to them, and what came of it."""

from __future__ import annotations

import dataclasses
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from scheduler.decide import operations
from scheduler.decide.plans import plans
from scheduler.mesos import driver as _driver  # noqa: F401  pymesos takes SIGINT when it is imported
from scheduler.model.event import Command, Event, ReplaceNode, StartTransfer
from scheduler.model.plan import Status
from scheduler.model.resource import Resource
from scheduler.model.settings import CassandraSettings, NodeSettings, Settings
from scheduler.model.task import RUNNING
from tests.simulation.agent import Agent, Surroundings
from tests.simulation.cassandra import Rings
from tests.simulation.clock import Clock
from tests.simulation.faults import FAULTS
from tests.simulation.invariants import SECRET, Invariants, Violation
from tests.simulation.mesos import Master
from tests.simulation.objects import Objects
from tests.simulation.orders import ORDERS, attend
from tests.simulation.process import Crash
from tests.simulation.resources import Bag, bag
from tests.simulation.scheduler import KEYS, UNINSTALLED, Order, Scheduler
from tests.simulation.storm import DAY, STORM_SECONDS, Happening, Scenario
from tests.simulation.zookeeper import ZooKeeper

EPOCH = 1_700_000_000.0
FAULTS_A_DAY, ORDERS_A_DAY = 20, 5
"""A day with fewer does not count."""

COMMAND_ATTEMPTS = 30
SETTLING_SECONDS = 300.0
ATTENTION_SECONDS = 300.0


@dataclass
class Result:
    """What came of a run."""

    scenario: Scenario
    seconds: float = 0.0
    days: int = 0
    steps: int = 0
    transitions: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    digest: int = 0
    violation: str | None = None
    violated: str | None = None


class Simulation:
    """A cluster and its operators, in virtual time."""

    counts_points = False

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = Clock(EPOCH)
        self.rng = Random(f"run {scenario.seed}")
        self.valid = _settings(scenario.nodes)
        self._forbidden: Callable[[Settings], Settings] | None = None
        self.root, self.label = self.settings.service.zk_root, self.settings.service.cluster
        self.invariants = Invariants(self)
        self.zookeeper = ZooKeeper(self.clock, self.rng)
        self.zookeeper.on_commit = self.invariants.committing
        self.master = Master(self.clock, self.rng, self.invariants)
        self.rings = Rings(self.clock, self.rng, self.invariants)
        self.objects = Objects(self.invariants.transfers)
        self._surroundings = Surroundings(
            self.clock, self.rng, self.master, self.rings, self.invariants, self.objects
        )
        self.agents: list[Agent] = []
        self.schedulers: list[Scheduler] = []
        self.backups = 0
        self.uninstalling = False
        self.uninstalled = False
        self.result = Result(scenario)
        self._today = [0, 0]
        self._over = False

    # The whole run.

    def run(self) -> Result:
        """Let it happen. The result has the violation, if there was one."""
        try:
            self._start()
            for day in range(self.scenario.days):
                self._day(day)
            if self.scenario.uninstalls:
                self._last_hours()
        except Violation as violation:
            at = violation.at - EPOCH
            self.result.violated = violation.name
            self.result.violation = f"{violation} (after {at:.3f} s)"
        finally:
            self._end()
        return self.result

    def _start(self) -> None:
        for _ in range(self.scenario.agents):
            self.add_agent()
        for number in range(self.scenario.schedulers):
            self._start_scheduler(number)
        for happening in self.scenario.happenings:
            self.clock.at(EPOCH + happening.at, self.happen, happening)

    def add_agent(self) -> None:
        """One machine more."""
        agent = Agent(len(self.agents) + 1, _machine(), self._surroundings)
        self.agents.append(agent)
        agent.boot()

    def _end(self) -> None:
        self._over = True
        for scheduler in self.schedulers:
            scheduler.process.discard()
        self.result.seconds = self.clock.now - EPOCH
        self.result.steps = self.invariants.steps
        self.result.transitions = self.zookeeper.transactions
        self.result.ends = self.invariants.transfers.ends
        self.result.checked = self.invariants.checked
        self.result.digest = zlib.crc32(str(self.invariants.steps).encode(), self.zookeeper.digest)

    def _day(self, day: int) -> None:
        self._today = [0, 0]
        begin = EPOCH + day * DAY
        self.clock.run(begin + STORM_SECONDS)
        self.heal()
        self.until_complete(DAY - STORM_SECONDS - SETTLING_SECONDS)
        self.clock.run(self.clock.now + SETTLING_SECONDS)
        self.invariants.settled()
        self.clock.run(begin + DAY)
        if self._today[0] >= FAULTS_A_DAY and self._today[1] >= ORDERS_A_DAY:
            self.result.days += 1

    def _last_hours(self) -> None:
        """The service is uninstalled, and not undisturbed."""
        self.uninstall()
        self.clock.run(self.clock.now + 1200.0)
        self.heal()
        self.until_uninstalled(2 * 3600.0)

    def happen(self, happening: Happening) -> None:
        """A fault or an order."""
        kind, numbers = happening.kind, (happening.which, happening.how, happening.long)
        if kind in ORDERS:
            ORDERS[kind](self, *numbers)
        elif FAULTS[kind](self, *numbers):
            self.result.faults[kind] += 1
            self._today[0] += 1

    # After the storm.

    def heal(self) -> None:
        """All faults end."""
        self.master.drop_next, self.master.rescind_next, self.master.split_next = None, False, 0
        self.rings.slow = 1.0
        self.objects.heal()
        self.zookeeper.latency = 0.004
        for path in list(self.zookeeper.damaged):
            self.zookeeper.restore(path)
        for agent in self.agents:
            agent.heal()
        for scheduler in self.schedulers:
            scheduler.heal()
        if self._forbidden is not None:
            self.forbid(None)

    def until_complete(self, seconds: float) -> None:
        """Let time pass until every plan is complete; operators do what waits for them."""
        end = self.clock.now + seconds
        while not (self.complete() and not self.invariants.transfers.leftovers()) and self.clock.now < end:
            attend(self)
            self.clock.run(min(self.clock.now + ATTENTION_SECONDS, end))
        self._require_complete()

    def complete(self) -> bool:
        """Whether every plan is complete, and nothing hinders."""
        leader = self.leader()
        if leader is None or leader.loop is None or leader.settings != self.settings:
            return False
        world = leader.loop.world
        if world.ledger.target.nodes != self.settings.nodes:
            return False
        found = plans(world, leader.now())
        main = [plan for name, plan in found.items() if name not in operations.PHASES]
        return (
            all(plan.status is Status.COMPLETE for plan in main)
            and operations.active(world) is None
            and all(node.normal for node in world.ledger.members())
        )

    def _require_complete(self) -> None:
        leader = self.leader()
        if self.complete():
            return
        if leader is None or leader.loop is None:
            raise Violation("L1", "nobody leads after the storm", self.clock.now)
        found = plans(leader.loop.world, leader.now())
        left = [
            f"{plan.name}: {step.name} {step.status.value} {step.message}"
            for plan in found.values()
            for phase in plan.phases
            for step in phase.steps
            if step.status is not Status.COMPLETE
        ]
        raise Violation("L1", f"not complete after the storm: {'; '.join(left)}", self.clock.now)

    # Schedulers and their operators.

    def leader(self) -> Scheduler | None:
        """The scheduler that leads and serves, as far as it knows itself."""
        leading = [s for s in self.schedulers if s.loop is not None and not s.process.dead]
        return max(leading, key=lambda s: s.epoch or 0, default=None)

    def _start_scheduler(self, number: int) -> None:
        if self._over:
            return
        scheduler = Scheduler(self, self.settings, f"scheduler-{number}")
        self.schedulers.append(scheduler)
        scheduler.start()

    def ended(self, scheduler: Scheduler, outcome: Any) -> None:
        """A scheduler's process has ended: it is started again, as Marathon would."""
        if scheduler in self.schedulers:
            self.schedulers.remove(scheduler)
        if outcome == UNINSTALLED:
            self.uninstalled = True
            return
        if not isinstance(outcome, (Crash, Exception)):
            raise AssertionError(f"a scheduler has ended with {outcome!r}")
        number = int(scheduler.name.rpartition("-")[2])
        self.clock.after(2 + 10 * self.rng.random(), self._start_scheduler, number)

    def point(self) -> bool:
        """A process has come to a place where it could be killed; whether it is."""
        return False

    def can_replace(self) -> bool:
        """Whether there is an agent to spare."""
        return self.valid.nodes < len(self.agents)

    def data_live_elsewhere(self, nodes: list[str]) -> bool:
        """Whether all other nodes hold their data, on agents that nobody has given up."""
        if any(agent.retired for agent in self.agents):
            return False
        names = [f"node-{number}" for number in range(self.valid.nodes)]
        others = [self.invariants.record(name) for name in names if name not in nodes]
        return bool(others) and all(record is not None and _works(record) for record in others)

    def replace(self, node: str, force: bool) -> None:
        """Order a replacement."""
        self.invariants.replacements_ordered.add(node)
        self.command(ReplaceNode(node, force))

    def command(self, command: Command, attempt: int = 1) -> None:
        """Order something of whoever leads; again where nobody answers."""
        leader = self.leader()
        if leader is None or leader.loop is None:
            if attempt < COMMAND_ATTEMPTS:
                self.clock.after(10.0, self.command, command, attempt + 1)
            return
        kind = type(command).__name__

        def answered(refusal: str) -> None:
            self.result.orders[f"{kind} refused" if refusal else kind] += 1
            self._today[1] += 1

        leader.submit(Order(command, answered))

    def bring_keys(self) -> None:
        """Order the same once more, where what was begun waits for credentials that a leader has lost."""
        leader = self.leader()
        if leader is None or leader.loop is None:
            return
        running = operations.active(leader.loop.world)
        if running is not None and running.transfer is not None and running.id not in leader.loop.world.keys:
            self.command(StartTransfer(running.kind, running.transfer, KEYS))

    @property
    def settings(self) -> Settings:
        """The configuration with which schedulers are started now."""
        return self.valid if self._forbidden is None else self._forbidden(self.valid)

    def configure(self, change: Callable[[Settings], Settings]) -> None:
        """Change the configuration, which takes starting the schedulers anew."""
        self.valid = change(self.valid)
        self._restart_schedulers("configuration")

    def scale_in(self, nodes: int) -> None:
        """Want so many nodes alone: an order to take the others away, with their data."""
        self.invariants.departures_ordered |= {f"node-{n}" for n in range(nodes, self.valid.nodes)}
        self.configure(lambda settings: dataclasses.replace(settings, nodes=nodes))

    def uninstall(self) -> None:
        """Take the whole service away."""
        self.uninstalling = True
        self.configure(lambda settings: dataclasses.replace(settings, uninstall=True))

    def until_uninstalled(self, seconds: float) -> None:
        """Let time pass until nothing is left."""
        end = self.clock.now + seconds
        while not self.uninstalled and self.clock.now < end:
            self.clock.run(min(self.clock.now + ATTENTION_SECONDS, end))
        if not self.uninstalled:
            raise Violation("L1", "the service is not uninstalled", self.clock.now)
        self.clock.run(self.clock.now + SETTLING_SECONDS)
        self.invariants.nothing_left()

    def forbid(self, change: Callable[[Settings], Settings] | None) -> None:
        """Add to the configuration what cannot be taken over; None takes that back."""
        self._forbidden = change
        self._restart_schedulers("forbidden configuration" if change is not None else "configuration")

    def _restart_schedulers(self, kind: str) -> None:
        """One after the other. Any that starts meanwhile has the new configuration already."""
        self.result.orders[kind] += 1
        self._today[1] += 1
        for index, scheduler in enumerate(list(self.schedulers)):
            self.clock.after(index * 5 * self.rng.random(), scheduler.kill)

    def event(self, event: Event) -> None:
        """Tell whoever leads."""
        leader = self.leader()
        if leader is not None:
            leader.submit(event)


def _works(record: dict[str, Any]) -> bool:
    """Whether a node's stored record tells of a member that runs."""
    running = record["task"] is not None and record["task"]["state"] == RUNNING
    return running and record["bootstrapped"] and record["replacement"] is None


def _settings(nodes: int) -> Settings:
    cassandra = CassandraSettings(uri="file:///cassandra.tar.gz", sha512="0" * 128, version="5.0.9")
    return Settings(
        nodes=nodes,
        allow_shrink=9,
        zookeeper_auth=f"user:{SECRET}",
        metrics_auth=False,
        node=NodeSettings(cassandra=cassandra),
    )


def _machine() -> Bag:
    return bag(
        (
            Resource("cpus", 4.0),
            Resource("mem", 16384.0),
            Resource("disk", 51200.0),
            Resource("ports", ranges=((7000, 7003), (7199, 7200), (8778, 8779), (9042, 9043))),
        )
    )
