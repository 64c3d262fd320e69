"""A Mesos agent: a machine with resources, volumes and executors, and the process that tells the master."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from protocol.task import decode_task, decode_work
from scheduler.decide.requirement import GENERATION_LABEL, NODE_LABEL
from scheduler.model.intent import Launch
from scheduler.model.node import Executor
from scheduler.model.task import TERMINAL, TaskUpdate
from tests.simulation.cassandra import Rings, Volume
from tests.simulation.clock import Clock, Link, Timer
from tests.simulation.executor import Running
from tests.simulation.mesos import Master
from tests.simulation.objects import Objects
from tests.simulation.offers import TaskRecord
from tests.simulation.resources import Bag, bag

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 10.0, 600.0


class Watcher(Protocol):
    """Who looks on."""

    def started(self, running: Running) -> None:
        """An executor starts its task."""

    def killed(self, running: Running) -> None:
        """A kill has reached an executor."""

    def reserved(self, agent: Agent, generation: str) -> None:
        """Something is reserved that was not before."""

    def destroyed(self, volume: Volume) -> None:
        """A volume is destroyed."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an agent has to do with."""

    clock: Clock
    rng: Random
    master: Master
    rings: Rings
    watcher: Watcher
    objects: Objects


@dataclass(slots=True)
class Known:
    """A task as the agent knows it, with the updates that the scheduler has not acknowledged."""

    launch: Launch
    state: str = "TASK_STAGING"
    message: str = ""
    data: bytes = b""
    uuid: str | None = None
    unacknowledged: deque[TaskUpdate] = None  # type: ignore[assignment]
    retry: Timer | None = None
    interval: float = FIRST_RETRY_SECONDS


class Agent:
    """One machine. ``total`` is all it has, with what is reserved and created on it by now."""

    def __init__(self, number: int, total: Bag, surroundings: Surroundings, zone: str | None = None) -> None:
        self.number = number
        self.hostname = f"host-{number}"
        self.address = f"10.0.0.{number}"
        self.attributes = (("rack", f"rack-{number % 3}"),)
        self.region: str | None = None
        self.zone = zone
        self.total = total
        self.surroundings = surroundings
        self.clock, self.rng, self.master = surroundings.clock, surroundings.rng, surroundings.master
        self.volumes: dict[str, Volume] = {}
        self.executors: dict[str, Running] = {}
        self.id: str | None = None
        self.up = False
        self.reachable = True
        self.linked = False
        self.retired = False
        self.flaps_until = 0.0
        self.fail_launches = 0
        self.lose_checkpoints = 0
        self.lose_messages = 0.0
        self.double_messages = 0.0
        self._known: dict[str, Known] = {}
        self._outbox: list[Callable[[], None]] = []
        self._to_master = Link(self.clock, self.rng)
        self._from_master = Link(self.clock, self.rng)
        self._count = 0

    # Its process and its link to the master.

    def boot(self) -> None:
        """Start the agent's process."""
        self.up = True
        outbox, self._outbox = self._outbox, []
        for call in outbox:
            call()
        self._seek()

    def _seek(self) -> None:
        if not self.up or not self.reachable or self.linked or self.retired:
            return
        if not self.master.up:
            self.clock.after(1 + 4 * self.rng.random(), self._seek)
            return
        ident = self.master.register(self, self.id)
        if ident is None:
            self.marked_gone()
            return
        self.id, self.linked = ident, True
        for known in self._known.values():
            self._forward(known)

    def master_lost(self) -> None:
        """The master has failed over: look for the next."""
        self._unlink()
        self.clock.after(1 + 20 * self.rng.random(), self._seek)

    def _unlink(self) -> None:
        self.linked = False
        self._to_master.cut()
        self._from_master.cut()

    def stop(self, seconds: float, lose: bool = False) -> bool:
        """The agent's process ends and comes back; executors run on, unless they are ``lose``-d."""
        if not self.up:
            return False
        self.up = False
        self._unlink()
        self.master.link_broken(self.id or "")
        self.clock.after(seconds, self._recover, lose)
        return True

    def _recover(self, lose: bool) -> None:
        if self.up or self.retired:
            return
        if lose:
            for running in list(self.executors.values()):
                if running.cassandra is not None:
                    running.cassandra.end()
                for task_id in (running.task_id, *running.works):
                    self.update(task_id, "TASK_GONE", "late", b"", "REASON_EXECUTOR_REREGISTRATION_TIMEOUT")
                running.ended, running.alive = True, False
                del self.executors[running.info.id]
        self.clock.after(2.0, self.boot)

    def partition(self, seconds: float) -> bool:
        """Nothing reaches the master, or comes from it, for a while; nobody is told of it."""
        if not self.reachable or not self.linked:
            return False
        self.reachable = False
        self._unlink()
        self.master.silence(self.id or "")
        self.clock.after(seconds, self._reachable)
        return True

    def _reachable(self) -> None:
        self.reachable = True
        self._seek()

    def reboot(self, seconds: float, new_id: bool) -> bool:
        """The machine restarts: nothing that ran on it is left. It may come back under a new id."""
        if self.retired:
            return False
        for running in list(self.executors.values()):
            running.ended, running.alive = True, False
        for volume in self.volumes.values():
            if volume.holder is not None:
                volume.holder.end()
        self.executors.clear()
        for known in self._known.values():
            self._cancel(known)
        self._known.clear()
        self._outbox.clear()
        was_up, self.up = self.up, False
        self._unlink()
        if was_up:
            self.master.link_broken(self.id or "")
        self.clock.after(seconds, self._rebooted, new_id)
        return True

    def _rebooted(self, new_id: bool) -> None:
        if not self.up and not self.retired:
            if new_id:
                self.id = None
            self.boot()

    def marked_gone(self) -> None:
        """An operator has said that it never comes back: it ends, and all on it."""
        self.reboot(1e9, new_id=True)
        self.retired = True

    def revive(self) -> None:
        """The machine is put into service again after all, as a new agent."""
        if self.retired:
            self.retired = False
            self.id = None
            self.boot()

    def heal(self) -> None:
        """Whatever was wrong with it, is not any more."""
        self.flaps_until, self.fail_launches, self.lose_checkpoints = 0.0, 0, 0
        self.lose_messages, self.double_messages = 0.0, 0.0
        self.reachable = True
        for running in list(self.executors.values()):
            if running.hangs:
                running.move_again()
        if self.retired:
            self.revive()
        elif not self.up:
            self.boot()
        else:
            self._seek()

    # What the master orders.

    def order(self, call: Callable[..., None], *args: Any) -> None:
        """Called by the master: something to be done here, if the message arrives."""
        if self.linked:
            self._from_master.send(call, *args)

    def checkpoint(self, total: Bag) -> None:
        """Take over what is reserved and created."""
        if self.lose_checkpoints > 0:
            self.lose_checkpoints -= 1
            self._unlink()
            self.master.link_broken(self.id or "")
            self.clock.after(1.0, self._seek)
            return
        before, self.total = self.total, total
        self._note_reservations(before)
        wanted = {what.persistence_id: what for what in total if what.persistence_id}
        for ident in [ident for ident in self.volumes if ident not in wanted]:
            self.surroundings.watcher.destroyed(self.volumes.pop(ident))
        for ident, what in wanted.items():
            if ident not in self.volumes:
                node, generation = what.label(NODE_LABEL) or "", what.label(GENERATION_LABEL) or ""
                self.volumes[ident] = Volume(ident, node, generation)

    def _note_reservations(self, before: Bag) -> None:
        old = {what.label(GENERATION_LABEL) for what in before if what.reservations}
        new = {what.label(GENERATION_LABEL): None for what in self.total if what.reservations}
        for generation in new:
            if generation is not None and generation not in old:
                self.surroundings.watcher.reserved(self, generation)

    def launch(self, launch: Launch) -> None:
        """Start a task, with an executor of its own."""
        self._known[launch.task_id] = Known(launch, unacknowledged=deque())
        wanted = bag((*launch.resources, *launch.executor.resources))
        volume = next((r.persistence_id for r in launch.executor.resources if r.persistence_id), None)
        if any(what not in self.total for what in wanted) or volume not in self.volumes:
            self._refuse(launch, "TASK_DROPPED", "REASON_RESOURCES_UNKNOWN")
            return
        if self.fail_launches > 0:
            self.fail_launches -= 1
            self._refuse(launch, "TASK_FAILED", "REASON_CONTAINER_LAUNCH_FAILED")
            return
        running = self.executors.get(launch.executor.id)
        if running is not None and running.alive and not running.ended:
            running.work(launch, decode_work(launch.data))
        elif not launch.name.startswith("node-"):
            self._refuse(launch, "TASK_FAILED", "REASON_EXECUTOR_TERMINATED")
        else:
            running = Running(self, launch, decode_task(launch.data), self.volumes[volume])
            self.surroundings.watcher.started(running)
            self.executors[launch.executor.id] = running
            running.after(1 + 4 * self.rng.random(), running.start)

    def _refuse(self, launch: Launch, state: str, reason: str) -> None:
        self._update(self._known[launch.task_id], state, "refused by the agent", b"", reason)
        if launch.executor.id not in self.executors:
            self._to_master.send(self.master.executor_exited, self.id, launch.executor.id, -1)

    def kill(self, task_id: str, grace_seconds: float) -> None:
        """Pass a kill on."""
        for running in list(self.executors.values()):
            running.kill_task(task_id, grace_seconds)

    def shutdown_executor(self, executor_id: str) -> None:
        """End an executor and its task."""
        running = self.executors.get(executor_id)
        if running is not None:
            self.surroundings.watcher.killed(running)
            running.kill(300.0)

    def message(self, executor_id: str, data: bytes) -> None:
        """Pass a message on; it may be lost, or come once more."""
        running = self.executors.get(executor_id)
        if running is None or self.rng.random() < self.lose_messages:
            return
        running.message(data)
        if self.double_messages and self.rng.random() < self.double_messages:
            self.clock.after(60 * self.rng.random(), running.message, data)

    def acknowledged(self, task_id: str, uuid: str | None) -> None:
        """The scheduler has an update: the next one of its task comes, and after its last it is forgotten."""
        known = self._known.get(task_id)
        if known is None or not known.unacknowledged or known.unacknowledged[0].uuid != uuid:
            return
        done = known.unacknowledged.popleft()
        self._cancel(known)
        if done.state in TERMINAL:
            del self._known[task_id]
        else:
            self._forward(known)

    # What its executors tell.

    def update(self, task_id: str, state: str, message: str, data: bytes, reason: str | None = None) -> None:
        """An executor tells of a task; while the agent's process is down it is told later."""
        known = self._known.get(task_id)
        if known is None:
            return
        if self.up:
            self._update(known, state, message, data, reason)
        else:
            self._outbox.append(lambda: self._update(known, state, message, data, reason))

    def _update(self, known: Known, state: str, message: str, data: bytes, reason: str | None = None) -> None:
        if known.state in TERMINAL:
            return
        self._count += 1
        uuid = f"uuid-{self.number}-{self._count}"
        known.state, known.message, known.data, known.uuid = state, message, data, uuid
        known.unacknowledged.append(
            TaskUpdate(
                known.launch.task_id,
                state,
                self.id,
                known.launch.executor.id,
                uuid,
                reason,
                message,
                "SOURCE_EXECUTOR",
                self.clock.now,
                data,
            )
        )
        if len(known.unacknowledged) == 1:
            self._forward(known)

    def _forward(self, known: Known) -> None:
        self._cancel(known)
        if known.unacknowledged and self.linked:
            known.interval = FIRST_RETRY_SECONDS
            self._send(known)

    def _send(self, known: Known) -> None:
        if known.unacknowledged and self.linked:
            self._to_master.send(self.master.updated, self.id, known.unacknowledged[0])
            known.retry = self.clock.after(known.interval, self._send, known)
            known.interval = min(known.interval * 2, LAST_RETRY_SECONDS)

    def _cancel(self, known: Known) -> None:
        if known.retry is not None:
            known.retry.cancel()
            known.retry = None

    def from_executor(self, executor_id: str, data: bytes) -> None:
        """Pass an executor's message on; it may be lost."""
        if self.linked and self.up and self.rng.random() >= self.lose_messages:
            self._to_master.send(self.master.from_executor, self.id, executor_id, data)
            if self.double_messages and self.rng.random() < self.double_messages:
                self._to_master.send(self.master.from_executor, self.id, executor_id, data)

    def executor_ended(self, running: Running, status: int) -> None:
        """An executor has ended; the master learns it, by a new registration where it is away."""
        self.executors.pop(running.info.id, None)
        if self.linked:
            self._to_master.send(self.master.executor_exited, self.id, running.info.id, status)

    # What it tells on registration.

    def tasks(self) -> list[TaskRecord]:
        """Its tasks: those that run, and those whose end nobody has acknowledged."""
        return [
            TaskRecord(
                known.launch.task_id,
                known.launch.name,
                known.launch.executor,
                {} if known.state in TERMINAL else bag(known.launch.resources),
                known.state,
                known.uuid,
                known.data,
                known.message,
            )
            for known in self._known.values()
        ]

    def running_executors(self) -> dict[str, tuple[Executor, Bag]]:
        """Its executors, with their resources."""
        return {i: (run.info, bag(run.info.resources)) for i, run in self.executors.items() if run.alive}
