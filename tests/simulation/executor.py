"""An executor on its agent: starts Cassandra for its one task, tells how it does, drains and stops it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocol.backup import BackupTask, Tidy, Word
from protocol.codec import decode, encode
from protocol.leaving import Leaving
from protocol.maintenance import MaintenanceTask
from protocol.message import Message, decode_message, encode_message
from protocol.report import Failure, NodeStatus, Report, encode_report
from protocol.schema import Keyspace, Schema
from protocol.task import ServerTask
from scheduler.model.intent import Launch
from tests.simulation.cassandra import LEFT, Cassandra, Volume
from tests.simulation.transfer import Transfer
from tests.simulation.work import Work

if TYPE_CHECKING:
    from tests.simulation.agent import Agent


SCHEMA = Schema(
    {
        "system": Keyspace(("local", "peers"), {"class": "LocalStrategy"}),
        "system_auth": Keyspace(("roles",), {"class": "SimpleStrategy", "replication_factor": "1"}),
        "shop": Keyspace(("baskets", "orders"), {"class": "NetworkTopologyStrategy", "dc1": "1"}),
    }
)


class Running:
    """One run of an executor, with its task."""

    def __init__(self, agent: Agent, launch: Launch, task: ServerTask, volume: Volume) -> None:
        self.agent = agent
        self.launch = launch
        self.info = launch.executor
        self.task_id = launch.task_id
        self.task: ServerTask = task
        self.works: dict[str, Work | Transfer] = {}
        self.volume = volume
        self.cassandra: Cassandra | None = None
        self.alive = True
        self.ended = False
        self.hangs = False
        self.killing = False
        self._told: NodeStatus | None = None
        self._tidied: set[str] = set()
        self._late: list[Callable[[], None]] = []

    @property
    def rings(self):  # type: ignore[no-untyped-def]
        """All of Cassandra."""
        return self.agent.surroundings.rings

    def after(self, seconds: float, call: Callable[..., None], *args: object) -> None:
        """Call later, unless the executor has ended by then; a hanging one does it when it moves again."""
        self.agent.clock.after(seconds, self._if_alive, call, args)

    def _if_alive(self, call: Callable[..., None], args: tuple[object, ...]) -> None:
        if not self.alive:
            return
        if self.hangs:
            self._late.append(lambda: self._if_alive(call, args))
            return
        call(*args)

    def hang(self, seconds: float) -> None:
        """Do nothing for a while."""
        self.hangs = True
        self.agent.clock.after(seconds, self.move_again)

    def move_again(self) -> None:
        """Do what was to be done meanwhile."""
        self.hangs = False
        late, self._late = self._late, []
        for call in late:
            call()

    def start(self) -> None:
        """Fetched and registered: make ready."""
        self._say("TASK_STARTING", "fetching")
        self.after(1 + 5 * self.agent.rng.random(), self._take_volume)

    def _take_volume(self) -> None:
        if self.killing:
            return
        holder = self.volume.holder
        if holder is not None and holder.alive:
            self._say("TASK_STARTING", "ended a Cassandra left behind on the volume")
            holder.end()
            self.after(2.0, self._take_volume)
            return
        if self.task.restored and not self.volume.swap(self.task.restored):
            self._finish(
                "TASK_FAILED", f"the data of the restore {self.task.restored} are not in this volume"
            )
            return
        self.cassandra = Cassandra(
            self.rings, self.task, self.volume, self.agent.address, self._tell, self._cassandra_failed
        )
        if self.task.restored:
            self.agent.surroundings.objects.watcher.swapped(self.cassandra)
        self.cassandra.start()
        if self.agent.flaps_until > self.agent.clock.now:
            self.after(5 + 60 * self.agent.rng.random(), self.crash_cassandra, "flapping")

    def _tell(self) -> None:
        if self.hangs:
            self._late.append(self._tell)
            return
        cassandra = self.cassandra
        if cassandra is None or not self.alive or self.ended or self.killing or cassandra.mode == "UNKNOWN":
            return
        status = cassandra.status()
        lasting = dataclasses.replace(status, as_of=0.0)
        if lasting != self._told:
            self._told = lasting
            self._say("TASK_RUNNING", status.mode, Report(status))

    def _say(self, state: str, message: str, report: Report | None = None, reason: str | None = None) -> None:
        if not self.ended:
            self.say(self.task_id, state, message, report, reason)

    def say(
        self, task_id: str, state: str, message: str, report: Report | None = None, reason: str | None = None
    ) -> None:
        """Tell of one of its tasks."""
        data = b"" if report is None else encode_report(report)
        self.agent.update(task_id, state, message, data, reason)

    def work(self, launch: Launch, task: MaintenanceTask | BackupTask) -> None:
        """Do maintenance, or a part of a backup and its like, beside the server task."""
        if self.works:
            failure = Failure("another maintenance task runs on this node")
            self.say(launch.task_id, "TASK_FAILED", failure.reason, Report(failure=failure))
            return
        work = Transfer(self, launch, task) if isinstance(task, BackupTask) else Work(self, launch, task)
        self.works[launch.task_id] = work
        self.after(0.5, work.start)

    def kill_task(self, task_id: str, grace_seconds: float) -> None:
        """End one of its tasks."""
        if task_id in self.works:
            self.works[task_id].kill(grace_seconds)
        elif task_id == self.task_id:
            self.agent.surroundings.watcher.killed(self)
            self.kill(grace_seconds)

    def kill(self, grace_seconds: float) -> None:
        """Drain and stop."""
        if self.hangs:
            self._late.append(lambda: self.kill(grace_seconds))
            return
        if self.killing or not self.alive or self.ended:
            return
        self.killing = True
        self._say("TASK_KILLING", "stopping Cassandra")
        if self.cassandra is None:
            self._finish("TASK_KILLED", "killed before Cassandra was started")
            return
        self.cassandra.drain()
        self.after(min(1 + 8 * self.agent.rng.random(), grace_seconds), self._stopped)

    def _stopped(self) -> None:
        if self.cassandra is not None:
            self.cassandra.end()
        self._finish("TASK_KILLED", "drained, stopped with exit code 143")

    def _cassandra_failed(self, reason: str, code: int) -> None:
        if self.hangs:
            self._late.append(lambda: self._cassandra_failed(reason, code))
            return
        if self.killing:
            self._finish("TASK_KILLED", "stopped")
            return
        failure = Failure(f"Cassandra ended with exit code {code}: {reason}", code, f"ERROR {reason}")
        left = NodeStatus(mode=LEFT, as_of=self.agent.clock.now) if self.volume.left else None
        self._finish("TASK_FAILED", failure.reason, Report(left, failure))

    def crash_cassandra(self, reason: str) -> None:
        """Cassandra ends by itself."""
        if self.cassandra is not None and self.cassandra.alive:
            self.cassandra.fail(reason, 1)

    def crash(self, leave_behind: bool) -> None:
        """The executor ends without a word; Cassandra with it, or it is left behind."""
        if not self.alive:
            return
        if self.cassandra is not None and not leave_behind:
            self.cassandra.end()
        if not self.ended:
            self._say("TASK_FAILED", "Executor terminated", reason="REASON_EXECUTOR_TERMINATED")
        self._exit(9)

    def _finish(self, state: str, message: str, report: Report | None = None) -> None:
        if self.ended:
            return
        self._say(state, message, report)
        self.ended = True
        self.after(0.2 + self.agent.rng.random(), self._exit, 0)

    def _exit(self, status: int) -> None:
        if self.alive:
            for work in list(self.works.values()):
                work.end("TASK_FAILED", "REASON_EXECUTOR_TERMINATED")
            self.ended, self.alive = True, False
            self.agent.executor_ended(self, status)

    def message(self, data: bytes) -> None:
        """Answer a question."""
        if self.hangs or not self.alive or self.ended:
            return
        message = decode_message(data)
        body = self._answer(message)
        answer = Message(message.id, message.node, message.subject, True, body)
        self.after(0.05, self.agent.from_executor, self.info.id, encode_message(answer))

    def _word(self, word: Word) -> dict[str, object]:
        work = self.works.get(word.task)
        if not isinstance(work, Transfer):
            return {"error": f"the task {word.task} does not run here, or not yet"}
        work.word(word)
        return {"task": word.task}

    def _tidy(self, cassandra: Cassandra, ident: str, tidy: Tidy) -> dict[str, object]:
        if ident in self._tidied:
            return {}
        self.volume.snapshots &= {tidy.keep}
        if cassandra.mode != "NORMAL":
            return {"error": "Cassandra is not NORMAL, so what was put aside may be needed"}
        self.agent.surroundings.objects.watcher.tidied(self.volume, tidy.keep)
        self.volume.tidy(tidy.keep)
        self._tidied.add(ident)
        return {}

    def _answer(self, message: Message) -> dict[str, object]:
        if message.subject == "word":
            return self._word(decode(Word, message.body))
        cassandra = self.cassandra
        if cassandra is None or not cassandra.alive or cassandra.hangs or cassandra.mode == "UNKNOWN":
            return {"error": "Cassandra does not answer"}
        match message.subject:
            case "seeds":
                return {"seeds": message.body["seeds"]}
            case "status":
                return dict(encode(cassandra.status()))
            case "tidy":
                return self._tidy(cassandra, message.id, decode(Tidy, message.body))
            case "schema":
                return dict(encode(SCHEMA))
            case "validations":
                return {}
            case "decommission":
                problem = cassandra.decommission()
                return dict(encode(Leaving(cassandra.mode, 0, 0, problem or "")))
        return {"error": f"unknown subject {message.subject}"}
