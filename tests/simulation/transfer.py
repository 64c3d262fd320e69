"""A task of a backup, a restore, a check or a deletion: it waits for its word, works, and tells of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocol import backup
from protocol.backup import NEW, BackupTask, Word
from protocol.codec import Json
from protocol.maintenance import Progress
from protocol.report import Failure, Report
from scheduler.model.intent import Launch
from tests.simulation.objects import Manifest, Upload

if TYPE_CHECKING:
    from tests.simulation.executor import Running

PIECES = 2

TRANSFERS_DATA = frozenset({backup.UPLOAD, backup.DOWNLOAD, backup.VERIFY_PHASE, backup.RESTORE_PHASE})
"""Phases that take their time."""


class Failed(Exception):
    """The work cannot go on; ``final``: nor could it if it were tried again."""

    def __init__(self, reason: str, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Transfer:
    """One such task in an executor, beside its server task."""

    def __init__(self, running: Running, launch: Launch, task: BackupTask) -> None:
        self.running = running
        self.task_id = launch.task_id
        self.task = task
        self.ended = False
        self._word = Word("")
        self._at_work = False
        self._done = 0
        self._phases: dict[str, Callable[[], Json]] = {
            backup.SNAPSHOT: self._snapshot,
            backup.UPLOAD: self._upload,
            backup.BACKUP_SCHEMA: lambda: {"sha256": self.task.operation, "size": 1},
            backup.MANIFEST: self._publish,
            backup.RESTORE_SCHEMA: self._prepare,
            backup.DOWNLOAD: self._bring,
            backup.RESTORE_PHASE: self._take_in,
            backup.VERIFY_PHASE: self._verify,
            backup.DELETE_PHASE: self._delete,
        }

    @property
    def _objects(self):  # type: ignore[no-untyped-def]
        return self.running.agent.surroundings.objects

    def start(self) -> None:
        """Begin, and wait for the word."""
        if not self.ended:
            self._say("TASK_RUNNING", "waits for the scheduler's word")
            self._go_on()

    def word(self, word: Word) -> None:
        """Take a new word; none takes credentials away."""
        self._word = dataclasses.replace(word, keys=word.keys or self._word.keys)
        self._go_on()

    def _go_on(self) -> None:
        if self._word.go and (self.task.own_credentials or self._word.keys) and not self._at_work:
            self._at_work = True
            self._later()

    def _later(self) -> None:
        most = 60.0 * self._objects.slow if self.task.phase in TRANSFERS_DATA else 5.0
        self.running.after(1 + most * self.running.agent.rng.random(), self._piece)

    def _piece(self) -> None:
        if self.ended:
            return
        try:
            self._require_working()
            self._done += 1
            if self.task.phase in TRANSFERS_DATA and self._done < PIECES:
                self._say("TASK_RUNNING", self.task.phase)
                self._later()
            else:
                outcome = self._phases[self.task.phase]()
                self._end("TASK_FINISHED", "done", Report(progress=self._progress(), outcome=outcome))
        except Failed as error:
            failure = Failure(str(error), final=error.final)
            self._end("TASK_FAILED", str(error), Report(progress=self._progress(), failure=failure))

    def _require_working(self) -> None:
        cassandra, agent = self.running.cassandra, self.running.agent
        if cassandra is None or cassandra.mode != "NORMAL" or cassandra.hangs:
            raise Failed("Cassandra does not answer", final=False)
        if agent.flaps_until > agent.clock.now:
            raise Failed("the volume is full", final=False)
        if self.task.phase != backup.SNAPSHOT:
            problem = self._objects.problem(self._word.keys, self.task.own_credentials)
            if problem is not None:
                raise Failed(*problem)

    # What the phases do.

    def _snapshot(self) -> Json:
        self.running.volume.snapshots.add(self.task.operation)
        self._objects.watcher.snapped(self.task.operation, self.running.cassandra)
        return {"files": 1, "bytes": 1}

    def _upload(self) -> Json:
        volume, task = self.running.volume, self.task
        if task.operation not in volume.snapshots:
            raise Failed("the snapshot is gone, so this node has lost its volume: begin anew", final=True)
        upload = Upload(task.node, volume.host_id, volume.tokens)
        self._objects.uploads.setdefault(task.operation, {})[volume.host_id] = upload
        return {"node": task.node, "host_id": volume.host_id, "tokens": list(volume.tokens)}

    def _publish(self) -> Json:
        task, objects = self.task, self._objects
        nodes = {
            str(one["node"]): Upload(str(one["node"]), str(one["host_id"]), tuple(one["tokens"]))
            for one in task.summaries
            if isinstance(one, dict)
        }
        before, manifest = objects.manifests.get(task.name), Manifest(task.operation, nodes)
        if before is not None and before != manifest:
            raise Failed(f"there is a backup {task.name} already", final=True)
        objects.watcher.published(task, before, manifest)
        objects.manifests[task.name] = manifest
        return {"files": len(nodes), "bytes": len(nodes)}

    def _manifest(self) -> Manifest:
        found: Manifest | None = self._objects.manifests.get(self.task.name)
        if found is None:
            raise Failed(f"there is no backup {self.task.name}", final=True)
        return found

    def _require_empty(self) -> None:
        if self.running.rings.used:
            raise Failed("a restore into a new cluster needs an empty one, and this one has shop", final=True)

    def _prepare(self) -> Json:
        """Whose data the node takes: by its number; or into the ring as it is, by its tokens."""
        manifest, task = self._manifest(), self.task
        names = sorted(manifest.nodes, key=lambda name: int(name.rpartition("-")[2]))
        own = [member.name for member in task.members].index(task.node)
        if task.restore_type == NEW:
            self._require_empty()
            if len(names) != len(task.members):
                raise Failed(f"the backup has {len(names)} nodes, this cluster {len(task.members)}", True)
            return {"source": names[own], "tokens": list(manifest.nodes[names[own]].tokens)}
        by_tokens = {manifest.nodes[name].tokens: name for name in names}
        ring = self.running.volume.ring
        if ring is not None and set(by_tokens) == set(ring.tokens.values()):
            own_tokens = self.running.volume.tokens
            return {"source": by_tokens[own_tokens], "tokens": list(own_tokens)}
        return {"loaded": names[own :: len(task.members)]}

    def _bring(self) -> Json:
        self._manifest()
        sources = (self.task.source,) if self.task.source else self.task.loaded
        self.running.volume.brought[self.task.operation] = sources
        if self.task.restore_type == NEW:
            self._require_empty()
        return {"files": len(sources), "bytes": len(sources)}

    def _take_in(self) -> Json:
        brought = self.running.volume.brought.get(self.task.operation)
        if brought is None:
            raise Failed("nothing was brought to this volume: begin anew", final=True)
        self._objects.watcher.took_in(self.task, brought)
        return {"tables": len(brought)}

    def _verify(self) -> Json:
        self._manifest()
        return {"objects": 1, "bytes": 1}

    def _delete(self) -> Json:
        for name in self.task.names:
            self._objects.manifests.pop(name, None)
        return {"backups": len(self.task.names)}

    # How it ends.

    def kill(self, grace_seconds: float) -> None:
        """End, which takes a moment, in which it may yet be done."""
        self.running.after(0.2 + self.running.agent.rng.random(), self.end, "TASK_KILLED")

    def end(self, state: str, reason: str | None = None) -> None:
        """End, for the first time."""
        self._end(state, "stopped", Report(progress=self._progress()), reason)

    def _end(self, state: str, message: str, report: Report, reason: str | None = None) -> None:
        if not self.ended:
            self.ended = True
            self.running.say(self.task_id, state, message, report, reason)
            self.running.works.pop(self.task_id, None)

    def _progress(self) -> Progress:
        return Progress(self._done, PIECES, min(1.0, self._done / PIECES), self.task.phase)

    def _say(self, state: str, message: str) -> None:
        self.running.say(self.task_id, state, message, Report(progress=self._progress()))
