"""Backups and deletions of two clusters at one location, in any order, cut off anywhere, one in the other.

Whatever happens, each backup that is visible has all that it names, unchanged. The store may be any that
calls a hook before each request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st

from backup.files import Part
from backup.keys import BACKUPS, OBJECTS, object_key
from backup.manifest import ClusterManifest
from backup.s3.failure import S3Failed
from executor.backup import catalog, collect, publish, upload, verify
from executor.backup.control import Control
from executor.failure import Stopped
from tests.unit.executor.backup.store import HookedStore, facts, write_snapshot

HOUR = 3600.0
CLUSTERS = ("north", "south")
NAMES = ("one", "two", "three")


class Killed(Exception):
    """The process is gone in the middle of what it did."""


class Impatient(Control):
    """Waits for nobody: a test has one thread, and whom it would wait for is interrupted by it."""

    def pause(self, seconds: float) -> None:
        raise Stopped("it would wait")


@dataclass(frozen=True)
class Step:
    """What happens: ``kind`` to ``name``, by ``cluster``, whose files are those of ``version``.

    At its request number ``at`` something else comes in between, or it is killed there.
    """

    kind: str
    cluster: str = "north"
    name: str = "one"
    version: int = 0
    seconds: float = 0.0
    at: int | None = None
    inside: Step | None = None


orders = st.one_of(
    st.builds(
        Step,
        st.sampled_from(["back up", "upload", "publish"]),
        cluster=st.sampled_from(CLUSTERS),
        name=st.sampled_from(NAMES),
        version=st.integers(0, 2),
    ),
    st.builds(Step, st.just("delete"), name=st.sampled_from(NAMES)),
)
waits = st.builds(Step, st.just("pass time"), seconds=st.sampled_from([60.0, 1200.0, 23 * HOUR, 25 * HOUR]))


def disturbed(plain: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    """Steps as they are, and such that are cut off or have another come in between."""
    return st.one_of(
        plain,
        st.builds(
            lambda step, at, inside: replace(step, at=at, inside=inside),
            plain,
            st.integers(0, 20),
            st.one_of(st.none(), plain),
        ),
    )


class Location:
    """Two clusters of one node each, and what a look at the location must find."""

    def __init__(self, folder: Path, store: HookedStore) -> None:
        self.folder = folder
        self.store = store
        self.uploaded: dict[tuple[str, str], ClusterManifest] = {}
        self.published: dict[str, dict[str, bytes]] = {}
        self.operations = 0
        for cluster in CLUSTERS:
            for version in range(3):
                # One file that all have, one of each cluster, one of the version.
                files = {"nb-1-big-Data.db": b"all", "nb-2-big-Data.db": cluster.encode()}
                files[f"nb-{version + 3}-big-Data.db"] = f"{cluster} {version}".encode()
                write_snapshot(folder / cluster, str(version), files)

    def take(self, step: Step) -> None:
        try:
            with self._disturbed(step):
                self._do(step)
        except (Killed, Stopped, S3Failed):
            return

    def _do(self, step: Step) -> None:
        if step.kind == "pass time":
            self.store.pass_time(step.seconds)
        elif step.kind == "delete":
            collect.delete(self.store, [step.name], Impatient(), grace_seconds=-1)
        elif step.kind == "upload":
            self._upload(step)
        elif step.kind == "publish":
            self._publish(step)
        else:
            self._upload(step)
            self._publish(step)

    def _upload(self, step: Step) -> None:
        self.operations += 1
        data, cache = self.folder / step.cluster, self.folder / f"{step.cluster}-cache"
        job = upload.UploadJob(
            step.name, self._operation(step), facts("node-0"), data, str(step.version), cache, threads=1
        )
        summary = upload.upload(self.store, job, Impatient())
        schema = publish.put_schema(self.store, f"{step.cluster} {step.version}")
        self.uploaded[step.cluster, step.name] = ClusterManifest(
            step.name, step.cluster, str(self.operations), "5.0.9", "p", 1, schema, (summary,)
        )

    def _publish(self, step: Step) -> None:
        found = self.uploaded.get((step.cluster, step.name))
        if found is not None:
            publish.publish(self.store, found, self._operation(step), Impatient())

    def _operation(self, step: Step) -> str:
        return f"{step.cluster}-{step.name}"

    @contextmanager
    def _disturbed(self, step: Step) -> Iterator[None]:
        if step.at is None:
            yield
            return
        left = [step.at]

        def hook(method: str, key: str) -> None:
            left[0] -= 1
            if left[0] >= 0 or not self._may_be_disturbed(method, key, step.inside):
                return
            self.store.go_on()
            if step.inside is None:
                raise Killed
            self.take(replace(step.inside, at=None))

        self.store.interrupt(hook)
        try:
            yield
        finally:
            self.store.go_on()

    def _may_be_disturbed(self, method: str, key: str, inside: Step | None) -> bool:
        """A request that was on its way for longer than a marker lives is beyond what markers can do."""
        late = inside is not None and inside.kind == "pass time"
        final = ("DELETE", OBJECTS) if method == "DELETE" else ("PUT", BACKUPS)
        return not (late and method == final[0] and key.startswith(final[1]))

    def check(self) -> None:
        for name in catalog.names(self.store):
            assert verify.verify(self.store, name, Control()).damaged == ()
            found = catalog.manifest(self.store, name)
            content = {
                entry.path: b"".join(content_of(self.store, part) for part in entry.parts)
                for entry in catalog.files(self.store, found, found.nodes[0])
            }
            assert self.published.setdefault(f"{name} {found.created_at}", content) == content


def content_of(store: HookedStore, part: Part) -> bytes:
    return store.read(object_key(part.sha256), 1 << 20)[part.offset : part.offset + part.size]


def run(location: Location, sequence: list[Step]) -> None:
    """Take all steps, and look at the location after each."""
    for step in sequence:
        location.take(step)
        location.check()
