"""Cassandra's own loader, which sends rows to where they belong: for a ring that is another one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from executor.backup.control import Control
from executor.failure import NotAnswering
from executor.jvm import EXPORTS, OPENS
from executor.maintenance.nodetool import Nodetool, NodetoolFailed, heap_mb

LOOK_SECONDS = 0.5


class Loader(Nodetool):
    """Loads one table's folder at a time; ``abort`` may be called from any thread."""

    def load(self, folder: Path) -> None:
        """Send the rows of a folder, which is named as Cassandra names a table's. Raises NotAnswering."""
        try:
            self.run(str(folder))
        except NodetoolFailed as error:
            raise NotAnswering(
                f"the rows of {folder.parent.name}.{folder.name} were not taken: {error}"
            ) from None

    def _command(self) -> list[str]:
        started = self._started
        layout, ports = started.layout, started.task.ports
        return [
            started.programs.java,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Xmx{heap_mb(self._memory_mb)}M",
            *(f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS),
            *(f"--add-opens={name}=ALL-UNNAMED" for name in OPENS),
            f"-Dcassandra.storagedir={layout.run}",
            f"-Djava.io.tmpdir={layout.temporary}",
            "-cp",
            f"{started.programs.cassandra / 'lib'}/*",
            "org.apache.cassandra.tools.BulkLoader",
            "--conf-path",
            str(layout.etc / "cassandra.yaml"),
            "--nodes",
            started.address,
            "--port",
            str(ports.native_transport),
            "--storage-port",
            str(ports.storage),
            "--no-progress",
        ]


@contextmanager
def ended_with(control: Control, loader: Loader) -> Iterator[None]:
    """Abort the loader as soon as its transfer is told to stop."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if control.stopped:
                loader.abort()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
