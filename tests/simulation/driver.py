"""The scheduler's driver: its subscription at the master, over a network that loses things."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from scheduler.mesos.driver import CallFailed, NotConnected
from scheduler.model.event import Disconnected, FrameworkRefused, MesosEvent, Subscribed
from scheduler.model.intent import Intent, Teardown
from scheduler.model.task import TaskUpdate
from tests.simulation.clock import Clock, Link
from tests.simulation.mesos import Master
from tests.simulation.process import Process

MISSED_HEARTBEATS_SECONDS = 75.0


class Subscription:
    """One event stream; what is on the way when it ends is lost."""

    def __init__(self, driver: Driver, link: Link) -> None:
        self._driver = driver
        self._link = link

    def deliver(self, event: MesosEvent) -> None:
        """See ``mesos.Stream``."""
        self._link.send(self._driver.received, self, event)

    def close(self) -> None:
        """See ``mesos.Stream``."""
        self._link.cut()
        self._driver.closed(self)


class Driver:
    """Stays subscribed and puts events into the scheduler's queue, as scheduler.mesos.driver does."""

    def __init__(
        self,
        process: Process,
        clock: Clock,
        rng: Random,
        master: Master,
        framework_id: str | None,
        on_event: Callable[[MesosEvent], None],
        may_subscribe: Callable[[], bool | None],
    ) -> None:
        """``may_subscribe`` answers None while that cannot be known."""
        self.process = process
        self._clock = clock
        self._rng = rng
        self._master = master
        self._framework_id = framework_id
        self._emit = on_event
        self._may_subscribe = may_subscribe
        self.stream: Subscription | None = None
        self._session: Subscription | None = None
        self._attempts = 0
        self.reachable_at = 0.0
        self.lose_next: str | None = None
        self.calls = 0

    def start(self) -> None:
        """Subscribe, and again whenever that ends."""
        self._clock.after(0.01, self._subscribe)

    def stop(self) -> None:
        """The process has ended: its connection breaks."""
        stream, self.stream, self._session = self.stream, None, None
        if stream is not None:
            self._master.disconnected(stream)

    def _subscribe(self) -> None:
        if self.process.dead or self.stream is not None:
            return
        now = self._clock.now
        may = self._may_subscribe()
        if self.process.stopped or not self._master.up or now < self.reachable_at or may is None:
            self._retry()
        elif not may:
            self.process.kill()
        else:
            self.stream = Subscription(self, Link(self._clock, self._rng))
            self._master.subscribe(self.stream, self._framework_id)

    def _retry(self) -> None:
        self._attempts += 1
        most = min(0.5 * 2**self._attempts, 15.0)
        self._clock.after(0.1 + most * self._rng.random(), self._subscribe)

    def received(self, stream: Subscription, event: MesosEvent) -> None:
        """The stream has brought an event."""
        if stream is not self.stream or self.process.dead:
            return
        if isinstance(event, Subscribed):
            if not self._may_subscribe():
                self.reconnect()
                return
            self._session, self._framework_id, self._attempts = stream, event.framework_id, 0
        elif isinstance(event, FrameworkRefused):
            self.stream, self._session = None, None
        self._emit(event)

    def closed(self, stream: Subscription) -> None:
        """The stream has ended."""
        if stream is self.stream and not self.process.dead:
            was, self.stream, self._session = self._session, None, None
            if was is not None:
                self._emit(Disconnected("the stream has ended"))
            self._retry()

    def cut(self, seconds: float, silent: bool) -> bool:
        """The network to the master breaks for a while; a silent break is noticed late by this side."""
        stream = self.stream
        if stream is None:
            return False
        self.reachable_at = max(self.reachable_at, self._clock.now + seconds)
        self._master.disconnected(stream)
        stream._link.cut()
        self._clock.after(min(seconds, MISSED_HEARTBEATS_SECONDS) if silent else 0.01, self.closed, stream)
        return True

    # What the loop calls.

    def perform(self, intent: Intent) -> None:
        """See ``scheduler.daemon.loop.Mesos``."""
        if isinstance(intent, Teardown):
            self._call(lambda stream, _: self._master.teardown(stream), intent)
            self.stream, self._session = None, None
        else:
            self._call(self._master.call, intent)

    def acknowledge(self, update: TaskUpdate) -> None:
        """See ``scheduler.daemon.loop.Mesos``."""
        if update.uuid is not None and update.agent_id is not None:
            self._call(self._master.acknowledge, update)

    def reconnect(self) -> None:
        """See ``scheduler.daemon.loop.Mesos``."""
        stream, self.stream, self._session = self.stream, None, None
        if stream is not None:
            stream._link.cut()
            self._master.disconnected(stream)
            self._emit(Disconnected("a new subscription is wanted"))
            self._retry()

    def _require(self) -> Subscription:
        if self._session is None:
            raise NotConnected("there is no subscription at a Mesos master")
        return self._session

    def _call(self, call: Callable[..., Any], argument: Any) -> None:
        """On another connection than the stream's; a process may be killed just before and after."""
        stream = self._require()
        self.calls += 1
        self.process.point()
        lost, self.lose_next = self.lose_next, None
        if lost == "before":
            self.process.sleep(10.0)
            raise CallFailed("no answer")
        if not self._master.up or self._clock.now < self.reachable_at:
            raise NotConnected("the master cannot be reached")
        self.process.sleep(0.002)
        call(stream, argument)
        if lost == "after":
            self.process.sleep(10.0)
            raise CallFailed("no answer")
        self.process.point()
