"""Cassandra, Java and the management agent: brought once, and kept in the volume."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from executor.failure import TaskFailed
from executor.fetch import fetch
from executor.lock import Pause
from executor.unpack import unpack
from protocol.task import Artifact, Distribution

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 2.0
"""The least time between two messages on a transfer."""

JOLOKIA = "jolokia.jar"

_SHA512 = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True)
class Programs:
    """What a node runs: Cassandra's folder with its ``lib``, the ``java`` program, Jolokia's jar."""

    cassandra: Path
    java: str
    jolokia: Path


class Teller(Protocol):
    """Who hears how far it is, and knows when to stop."""

    def starting(self, message: str) -> None:
        """Tell what is being done."""


class Depot:
    """The folder of what was fetched. A subfolder is named by its content's checksum, and is there whole."""

    def __init__(self, folder: Path, teller: Teller, pause: Pause) -> None:
        self._folder = folder
        self._teller = teller
        self._pause = pause

    def programs(self, wanted: Distribution) -> Programs:
        """Bring whatever is not there yet. Raises TaskFailed, or what ``pause`` raises."""
        name = f"Cassandra {wanted.version}"
        cassandra = cassandra_home(self._tarball(wanted.cassandra, name), wanted.version)
        jre = self._tarball(wanted.jre, "Java") if wanted.jre else None
        jolokia = self._file(wanted.jolokia, JOLOKIA, "Jolokia") if wanted.jolokia else jolokia_jar(cassandra)
        return Programs(cassandra, java_program(jre, wanted.java_home), jolokia)

    def keep_only(self, wanted: Distribution) -> None:
        """Remove what other versions and broken attempts have left."""
        artifacts = (wanted.cassandra, wanted.jre, wanted.jolokia)
        keep = {_checksum(artifact) for artifact in artifacts if artifact}
        for path in self._folder.iterdir():
            if path.name not in keep:
                log.info("removing %s", path)
                _remove(path)

    def _tarball(self, artifact: Artifact, what: str) -> Path:
        def fill(fetched: Path, made: Path) -> None:
            self._teller.starting(f"unpacking {what}")
            unpack(fetched, made, lambda: self._pause(0))
            fetched.unlink()

        return self._brought(artifact, what, fill)

    def _file(self, artifact: Artifact, name: str, what: str) -> Path:
        def fill(fetched: Path, made: Path) -> None:
            made.mkdir()
            fetched.rename(made / name)

        return self._brought(artifact, what, fill) / name

    def _brought(self, artifact: Artifact, what: str, fill: Callable[[Path, Path], None]) -> Path:
        """The folder of an artifact. ``fill`` makes it of the fetched file; it appears by one rename."""
        checksum = _checksum(artifact)
        target = self._folder / checksum
        if not target.exists():
            part, making = self._folder / f"{checksum}.part", self._folder / f"{checksum}.new"
            _remove(making)
            self._teller.starting(f"fetching {what}")
            fetch(artifact, part, _Transfer(what, self._teller, self._pause))
            fill(part, making)
            making.rename(target)
        return target


class _Transfer:
    """Follows one transfer, and tells of it now and then."""

    def __init__(self, what: str, teller: Teller, pause: Pause) -> None:
        self._what = what
        self._teller = teller
        self._pause = pause
        self._told_at = time.monotonic()

    def progress(self, done: int, total: int | None) -> None:
        self._pause(0)
        if time.monotonic() - self._told_at >= PROGRESS_SECONDS:
            self._told_at = time.monotonic()
            self._teller.starting(f"fetching {self._what}: {share(done, total)}")

    def waiting(self, seconds: float, reason: str) -> None:
        self._teller.starting(f"fetching {self._what} again in {seconds:g} s: {reason}")
        self._pause(seconds)


def share(done: int, total: int | None) -> str:
    """How much of a transfer is done."""
    if not total:
        return f"{megabytes(done)} MB"
    return f"{100 * done // total} % of {megabytes(total)} MB"


def megabytes(count: int) -> int:
    """Bytes as whole MB."""
    return round(count / 1e6)


def cassandra_home(folder: Path, version: str) -> Path:
    """The folder with ``lib`` in an unpacked tarball: its own or its single top one. Raises TaskFailed."""
    for home in (folder, *sorted(folder.iterdir())):
        if any((home / "lib").glob("*.jar")):
            return home
    raise TaskFailed(f"the tarball of CASSANDRA_URI is no Cassandra {version}: it has no lib/ with jars")


def jolokia_jar(cassandra: Path) -> Path:
    """The management agent that lies in the distribution. Raises TaskFailed."""
    found = sorted((cassandra / "lib").glob("jolokia-agent-jvm*.jar"))
    if not found:
        raise TaskFailed(
            "Cassandra's lib/ has no Jolokia agent (jolokia-agent-jvm*.jar): add it to the tarball, "
            "or set JOLOKIA_URI and JOLOKIA_SHA512"
        )
    return found[-1]


def java_program(jre: Path | None, java_home: str) -> str:
    """The ``java`` of an unpacked JRE, of ``java_home``, or on the path. Raises TaskFailed."""
    if jre is not None:
        found = [home / "bin" / "java" for home in (jre, *sorted(jre.iterdir()))]
        programs = [program for program in found if os.access(program, os.X_OK)]
        if not programs:
            raise TaskFailed("the tarball of JRE_URI has no bin/java")
        return str(programs[0])
    home = java_home or os.environ.get("JAVA_HOME", "")
    if home:
        program = Path(home) / "bin" / "java"
        if not os.access(program, os.X_OK):
            raise TaskFailed(f"there is no {program} on this agent: correct JAVA_HOME, or set JRE_URI")
        return str(program)
    on_path = shutil.which("java")
    if on_path is None:
        raise TaskFailed("there is no java on this agent's path: set JRE_URI, or JAVA_HOME")
    return on_path


def _checksum(artifact: Artifact) -> str:
    """The artifact's checksum, which names its folder. Raises TaskFailed where it is not one."""
    checksum = artifact.sha512.lower()
    if not _SHA512.fullmatch(checksum):
        raise TaskFailed(f"{artifact.sha512!r} is not a SHA-512: it must have 128 hexadecimal digits")
    return checksum


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
