"""Cassandra and ZooKeeper, as Maven brings them: once a machine, into the user's cache."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from local.failure import Failure, Missing

MAVEN = Path(__file__).parent / "maven"
LEAST_JAVA = 17


@dataclass(frozen=True)
class Tarball:
    """Cassandra's distribution as the executor fetches it."""

    version: str
    path: Path
    sha512: str


def cache() -> Path:
    """Where jars and tarballs are kept for all clusters of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "cassandra-mesos"


def java() -> Path:
    """The Java program of ``JAVA_HOME`` or the path. Raises Missing where it is none or too old."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not found or not Path(found).exists():
        raise Missing("Java is not installed: install a JDK of version 17, or set JAVA_HOME")
    run = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', run.stderr)
    if version is None or int(version[1]) < LEAST_JAVA:
        said = version[1] if version else "an unknown version"
        raise Missing(
            f"{found} is Java {said}, and Cassandra 5.0 needs {LEAST_JAVA}: set JAVA_HOME to such a one"
        )
    return Path(found).resolve()


def zookeeper() -> Path:
    """The folder with ZooKeeper's jars. Raises Failure."""
    return _jars("zookeeper")


def cassandra() -> Tarball:
    """Cassandra's tarball, built from its jars unless it is there. Raises Failure."""
    version = _version("cassandra")
    path = cache() / f"apache-cassandra-{version}-bin.tar.gz"
    if not path.exists():
        _build_tarball(_jars("cassandra"), path, f"apache-cassandra-{version}/lib")
    return Tarball(version, path, _sha512(path))


def _version(name: str) -> str:
    root = ElementTree.parse(MAVEN / name / "pom.xml").getroot()
    found = root.find("{*}version")
    if found is None or not found.text:
        raise Failure(f"{MAVEN / name / 'pom.xml'} names no version")
    return found.text


def _jars(name: str) -> Path:
    """The folder with the jars that a pom names. Two at once are no harm: the first one's folder stays."""
    folder = cache() / f"{name}-{_version(name)}"
    if folder.exists():
        return folder
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as temporary:
        jars = Path(temporary) / "jars"
        _maven(MAVEN / name / "pom.xml", jars)
        _rename_unless_there(jars, folder)
    return folder


def _maven(pom: Path, target: Path) -> None:
    program = shutil.which("mvn")
    if program is None:
        raise Missing("Maven is not installed: install it so that mvn is on the path")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    run = subprocess.run(
        [program, "-B", "-q", "-f", str(pom), *goal], capture_output=True, text=True, check=False
    )
    if run.returncode:
        lines = [line for line in run.stdout.splitlines() if "ERROR" in line]
        raise Failure(
            f"Maven could not fetch the jars of {pom.parent.name}: {lines[0] if lines else run.stderr}"
        )


def _rename_unless_there(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.exists():
            raise


def _build_tarball(jars: Path, path: Path, inside: str) -> None:
    """Pack the jars; the same jars give the same bytes. They are compressed already, so hardly any more."""
    with (
        tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for jar in sorted(jars.glob("*.jar")):
            entry = tarfile.TarInfo(f"{inside}/{jar.name}")
            entry.size = jar.stat().st_size
            with jar.open("rb") as content:
                tar.addfile(entry, content)
    Path(raw.name).replace(path)


def _sha512(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()
