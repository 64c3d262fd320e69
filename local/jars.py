"""Cassandra's distribution and ZooKeeper's jars, as Maven brings them, once, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from local.failure import Failure

POMS = Path(__file__).parent / "maven"
POLL_SECONDS = 0.1

PACKED = b"tar"
"""How what is in the cache is packed."""

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Tarball:
    """A distribution as the executor fetches it."""

    version: str
    path: Path
    sha512: str


@dataclass(frozen=True)
class Maven:
    """How Maven is run. ``pause`` is called while waiting for it, and may raise to give up."""

    program: str
    java_home: Path
    log: Path
    pause: Pause

    def copy_jars(self, pom: Path, target: Path) -> None:
        """Copy the jars of a pom, and all that they need, into a folder. Raises Failure."""
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}")
        command = (self.program, "-B", "-q", "-f", str(pom), *goal)
        environment = {**os.environ, "JAVA_HOME": str(self.java_home)}
        with self.log.open("wb") as output:
            child = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while child.poll() is None:
                self.pause(POLL_SECONDS)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait()
        if child.returncode:
            raise Failure(f"Maven could not bring the jars of {pom.parent.name}: {self._error()}")

    def _error(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
        return next(iter(errors or lines[-1:]), "it says nothing")


def there() -> bool:
    """Whether all is in the cache, so that Maven is not needed."""
    return all(_folder(POMS / name / "pom.xml").exists() for name in ("zookeeper", "cassandra"))


def zookeeper(maven: Maven) -> Path:
    """The folder with ZooKeeper's jars. Raises Failure."""
    pom = POMS / "zookeeper" / "pom.xml"
    return _cached(pom, lambda folder: maven.copy_jars(pom, folder))


def cassandra(maven: Maven) -> Tarball:
    """Cassandra's tarball: its jars, and the management agent's. Raises Failure."""
    pom = POMS / "cassandra" / "pom.xml"
    version = _version(pom)
    name = f"apache-cassandra-{version}"

    def build(folder: Path) -> None:
        jars = folder / "lib"
        maven.copy_jars(pom, jars)
        pack(jars, folder / f"{name}-bin.tar", f"{name}/lib")
        shutil.rmtree(jars)

    tarball = _cached(pom, build) / f"{name}-bin.tar"
    return Tarball(version, tarball, _sha512(tarball))


def cache() -> Path:
    """Where this is kept for all clusters of the user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cassandra-mesos"


def _version(pom: Path) -> str:
    found = ElementTree.parse(pom).getroot().findtext("{*}version")
    if not found:
        raise Failure(f"{pom} names no version")
    return found


def _folder(pom: Path) -> Path:
    """Where the cache has what is built from a pom; another pom or way to pack, another folder."""
    digest = hashlib.sha256(pom.read_bytes() + PACKED).hexdigest()[:12]
    return cache() / f"{pom.parent.name}-{_version(pom)}-{digest}"


def _cached(pom: Path, build: Callable[[Path], None]) -> Path:
    """The folder of what is built from a pom. It is there whole or not at all, whoever else builds it."""
    folder = _folder(pom)
    if folder.exists():
        return folder
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="building-") as temporary:
        built = Path(temporary) / folder.name
        built.mkdir()
        build(built)
        _rename_unless_there(built, folder)
    return folder


def _rename_unless_there(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.exists():
            raise


def pack(folder: Path, tarball: Path, inside: str) -> None:
    """Pack the files of a folder; the same files give the same bytes. Jars are compressed as they are."""
    with tarfile.open(tarball, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(f"{inside}/{path.name}")
            entry.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(entry, content)


def _sha512(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()
