"""The tarball that Marathon fetches: the scheduler with all its libraries, for one version of Python.

``python -m release.tarball`` (``make dist``) writes it to ``dist/``. It unpacks into one folder, with
``bin/cassandra-scheduler`` to start, ``lib`` with what that imports, ``executor.pyz`` and ``conf``.
Equal sources and requirements give equal bytes.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from configparser import ConfigParser
from pathlib import Path

from release.requirements import LOCK, PROJECT, STAND_IN

FOLDER = "cassandra-mesos"
"""What it unpacks into; no version in it, so that commands of apps stay as they are."""

LAUNCHER = Path(__file__).with_name("launcher.sh")
HEALTH = Path(__file__).with_name("health.py")
PYTHON = ".".join(map(str, sys.version_info[:2]))
EPOCH = 315532800
"""The time of every file: 1980."""

MAIN = """\
import sys

from scheduler.__main__ import main

sys.exit(main())
"""

BUNDLE = """\
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from executor import bundle

bundle.build(Path(sys.argv[2]))
"""
"""Packs the executor. Run with the staged libraries, so that it is made of nothing else."""

QUIETLY = (
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--no-compile",
    "--no-deps",
    "--use-pep517",
)
SOURCES = ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")
LEFT_OUT = ("local", "bin", "*.dist-info/direct_url.json", "*.dist-info/RECORD", "*.dist-info/REQUESTED")
"""Of ``lib``: the one-machine cluster, pip's scripts, and what tells where and how pip was run."""


def version() -> str:
    """The project's version."""
    return _setup()["metadata"]["version"]


def name() -> str:
    """The file's name: version, Python and platform."""
    platform = sysconfig.get_platform().replace("-", "_")
    return f"{FOLDER}-{version()}-py{PYTHON}-{platform}.tar.gz"


def _setup() -> ConfigParser:
    config = ConfigParser()
    config.read(PROJECT / "setup.cfg")
    return config


def stage(folder: Path) -> None:
    """Fill a folder with what the tarball unpacks into. Raises CalledProcessError."""
    _fill_libraries(folder / "lib")
    launcher = folder / "bin" / "cassandra-scheduler"
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER.read_text().replace("@VERSION@", PYTHON))
    launcher.chmod(0o755)
    _health(folder / "bin" / "cassandra-scheduler-health")
    subprocess.run((sys.executable, "-I", "-S", "-B", "-c", BUNDLE, folder / "lib", folder), check=True)
    shutil.copytree(PROJECT / "conf", folder / "conf")
    shutil.copy(PROJECT / "LICENSE", folder)


def _health(path: Path) -> None:
    path.write_text(f"#!/usr/bin/env python{PYTHON}\n{HEALTH.read_text()}")
    path.chmod(0o755)


def _fill_libraries(lib: Path) -> None:
    _install(lib, "--require-hashes", "--requirement", str(LOCK))
    shutil.rmtree(lib / "bin", ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        _install(lib, *map(str, _copies(Path(scratch))))
    for path in [path for pattern in LEFT_OUT for path in lib.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for metadata in lib.glob("*.dist-info/METADATA"):
        lines = metadata.read_text().splitlines(keepends=True)
        metadata.write_text("".join(line for line in lines if " @ file:" not in line))
    (lib / "__main__.py").write_text(MAIN)


def _install(lib: Path, *arguments: str) -> None:
    command = (sys.executable, "-m", "pip", "install", *QUIETLY, "--target", str(lib), *arguments)
    subprocess.run(command, check=True)


def _copies(folder: Path) -> tuple[Path, Path]:
    """The project and its stand-in for http-parser without what builds have left in them."""
    own, stand_in = folder / "own", folder / "http-parser"
    own.mkdir()
    unwanted = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__")
    for source in SOURCES:
        shutil.copy(PROJECT / source, own)
    for pattern in _setup()["options.packages.find"]["include"].split():
        package = pattern.rstrip("*")
        shutil.copytree(PROJECT / package, own / package, ignore=unwanted)
    shutil.copytree(STAND_IN, own / "vendor" / "http-parser", ignore=unwanted)
    shutil.copytree(STAND_IN, stand_in, ignore=unwanted)
    return own, stand_in


def pack(folder: Path, target: Path) -> None:
    """Pack a folder under the tarball's own name for it."""
    with gzip.GzipFile(target, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, f"{FOLDER}/{path.relative_to(folder)}", recursive=False, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what differs from machine to machine."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = EPOCH
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def main() -> int:
    """Write the tarball, or with ``--stage`` its folder alone."""
    parser = argparse.ArgumentParser(prog="python -m release.tarball", description=__doc__)
    parser.add_argument("--stage", type=Path, metavar="FOLDER", help="fill this folder, and pack nothing")
    parser.add_argument("--target", type=Path, default=PROJECT / "dist", metavar="FOLDER")
    options = parser.parse_args()
    if options.stage:
        stage(options.stage)
        return 0
    options.target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        stage(Path(scratch))
        pack(Path(scratch), options.target / name())
    print(options.target / name())
    return 0


if __name__ == "__main__":
    sys.exit(main())
