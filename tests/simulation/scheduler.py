"""A scheduler's process: gets the lead, reads the ledger, serves, as scheduler.daemon.daemon does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kazoo.exceptions import KazooException

from protocol.backup import Keys
from scheduler.daemon.engine import STANDSTILL_SECONDS
from scheduler.daemon.loop import Loop, Refusal, Unconfirmed, Uninstalled
from scheduler.decide import uninstall
from scheduler.decide.decision import Refused
from scheduler.decide.target import first_ledger, in_force, retarget
from scheduler.model.event import Command, Event, Tick
from scheduler.model.operation import Operation
from scheduler.model.settings import Settings
from scheduler.model.world import Ledger, World
from scheduler.store.ledger import Store
from scheduler.store.records import UnreadableRecord
from scheduler.store.session import Fenced
from tests.simulation.driver import Driver
from tests.simulation.invariants import SECRET
from tests.simulation.process import Crash, Process
from tests.simulation.store import SharedStore
from tests.simulation.zookeeper import Client, SimulatedSession

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

CLUSTER_ID = "6f1b3ca8-718a-45ae-a814-1c57843b5683"
BUNDLE = "http://10.9.1.1:9000/v1/artifacts/x/executor.pyz"

UNINSTALLED = "uninstalled"
"""How a process ends that has left nothing of the service."""

KEYS = Keys("access", SECRET)
"""Of the store of backups."""

STAND_BACK_SECONDS = 30.0

FIRST_TICK_SECONDS, LAST_TICK_SECONDS = 1.0, 240.0
"""The real loop ticks each second. Here the pauses grow while nothing changes."""


@dataclass(eq=False)
class Order:
    """A command of an operator's on its way. ``answer``: None while there is none, "" when it is stored."""

    command: Command
    answered: Callable[[str], None]


class Scheduler:
    """One process of the daemon, with the configuration that it was started with."""

    def __init__(self, simulation: Simulation, settings: Settings, name: str) -> None:
        self.simulation = simulation
        self.settings = settings
        self.name = name
        self.skew = 0.0
        self.process = Process(simulation.clock, self._main, self._ended)
        self.process.on_stop = self._stopped
        self.process.crashes_here = simulation.point if simulation.counts_points else None
        self.client: Client | None = None
        self.session: SimulatedSession | None = None
        self.driver: Driver | None = None
        self.loop: Loop | None = None
        self.epoch: int | None = None
        self._inbox: deque[Event | Order] = deque()

    def start(self) -> None:
        """Begin."""
        self.process.start()

    def now(self) -> float:
        """What its machine's clock shows."""
        return self.simulation.clock.now + self.skew

    def submit(self, item: Event | Order) -> None:
        """Queue an event or order."""
        self._inbox.append(item)
        self.process.wake()

    def stop(self, seconds: float) -> None:
        """SIGSTOP for a while: ZooKeeper hears nothing of it."""
        self.process.stop(seconds)

    def _stopped(self, seconds: float) -> None:
        if self.client is not None:
            self.client.silent(seconds)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def heal(self) -> None:
        """Whatever was to befall it, does not any more; its clock is right."""
        self.process.fuse = None
        self.process.go_on()
        self.skew = 0.0
        if self.client is not None:
            self.client.lose_next = None
        if self.driver is not None:
            self.driver.lose_next, self.driver.reachable_at = None, 0.0

    def _main(self) -> Any:
        try:
            self._lead()
        except (Fenced, Refusal, Unconfirmed, KazooException) as error:
            return error
        except UnreadableRecord as error:
            self._stand_back()
            return error
        return UNINSTALLED

    def _stand_back(self) -> None:
        """Let others lead, and look again after a while."""
        self.loop = None
        if self.driver is not None:
            self.driver.stop()
        if self.client is not None:
            self.client.close()
        self.process.sleep(STAND_BACK_SECONDS)

    def _ended(self, outcome: Any) -> None:
        if self.driver is not None:
            self.driver.stop()
        if self.client is not None:
            if isinstance(outcome, Crash):
                self.client.silent(60.0)
            else:
                self.client.close()
        self.simulation.ended(self, outcome)

    def _lead(self) -> None:
        simulation, root = self.simulation, self.settings.service.zk_root
        self.client = client = simulation.zookeeper.connect(self.process, self.kill)
        self.session = session = SimulatedSession(client)
        store = SharedStore(session, root)
        store.refuse_foreign_state()
        lock = session.patiently(lambda _: client.lock(f"{root}/lock", self.name))
        self.epoch = store.take_epoch(lock)
        try:
            self._serve_first(store, client)
        except Uninstalled:
            store.remove(lambda: session.patiently(lambda _: client.delete(lock)))

    def _serve_first(self, store: Store, client: Client) -> None:
        simulation, lock = self.simulation, f"{self.settings.service.zk_root}/lock"
        world = self._first_world(store)
        self.driver = Driver(
            self.process,
            simulation.clock,
            simulation.rng,
            simulation.master,
            world.ledger.framework.id,
            self.submit,
            lambda: (simulation.zookeeper.first(lock) is client) if client.connected else None,
        )
        self.loop = Loop(world, store, self.driver, self.now)
        self.loop.finish()
        self.driver.start()
        self._serve(self.loop, store)

    def _first_world(self, store: Store) -> World:
        """As the daemon does."""
        ledger = store.load()
        errors: tuple[str, ...] = ()
        if self.settings.uninstall or (ledger is not None and ledger.controls.uninstall):
            return self._last_world(store, ledger)
        if ledger is None:
            ledger = first_ledger(self.settings, CLUSTER_ID)
            store.create(ledger)
        else:
            changed, errors = retarget(ledger, self.settings)
            store.commit(ledger, changed)
            ledger = changed
        keys = {one.id: KEYS for one in ledger.operations.values() if _is_sealed(one)}
        return World(in_force(ledger, self.settings), ledger, BUNDLE, errors=errors, keys=keys)

    def _last_world(self, store: Store, ledger: Ledger | None) -> World:
        if ledger is None:
            raise Uninstalled
        ordered = uninstall.order(ledger)
        store.commit(ledger, ordered)
        return World(in_force(ordered, self.settings), ordered, BUNDLE)

    def _serve(self, loop: Loop, store: Store) -> None:
        clock, pause = self.simulation.clock, FIRST_TICK_SECONDS
        tick_at = clock.now + pause
        while True:
            before = loop.world
            if clock.now >= tick_at:
                self._make_sure(store)
                self._take(loop, Tick())
                pause = pause if loop.world is not before else min(pause * 3, LAST_TICK_SECONDS)
                tick_at = clock.now + pause
            elif self._inbox:
                item = self._inbox.popleft()
                self._make_sure(store)
                self._take(loop, item)
                if loop.world is not before:
                    pause = FIRST_TICK_SECONDS
                    tick_at = min(tick_at, clock.now + pause)
            else:
                self.process.wait(tick_at - clock.now)

    def _make_sure(self, store: Store) -> None:
        """As the engine does: nothing without ZooKeeper, and after a standstill only what is certain."""
        if self.session is not None:
            self.session.wait()
        if self.process.stood_still > STANDSTILL_SECONDS:
            store.confirm()
        self.process.stood_still = 0.0

    def _take(self, loop: Loop, item: Event | Order) -> None:
        if isinstance(item, Order):
            self._obey(loop, item)
            return
        before = loop.world
        loop.step(item)
        self.simulation.invariants.stepped(self, item, before)

    def _obey(self, loop: Loop, order: Order) -> None:
        before = loop.world
        try:
            loop.step(order.command)
        except Refused as error:
            order.answered(str(error))
        else:
            self.simulation.invariants.stepped(self, order.command, before)
            self.simulation.invariants.confirmed(self)
            order.answered("")


def _is_sealed(operation: Operation) -> bool:
    """Whether the operation goes on, and a new leader finds its credentials stored."""
    transfer = operation.transfer
    return operation.ended_at is None and transfer is not None and bool(transfer.sealed)
