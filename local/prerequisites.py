"""What has to be on the machine: Java, Maven, and this project's Python requirements."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from local.failure import Missing

JAVA = 17
"""Cassandra 5.0 runs on no newer one."""

REQUIREMENTS = ("gevent", "kazoo", "flask", "pymesos", "yaml", "moto")
"""What master, agents and scheduler import."""


def java_home() -> Path:
    """The home of Java 17: ``JAVA_HOME``, or that of the java on the path. Raises Missing."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not found or not Path(found).exists():
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is no java on the path"
        raise Missing(f"{where}: install Java {JAVA}, or set JAVA_HOME to where it is")
    version = _java_version(found)
    if version != JAVA:
        what = f"Java {version}" if version else "no Java that tells its version"
        raise Missing(f"{found} is {what}, and Cassandra 5.0 needs Java {JAVA}: set JAVA_HOME to such a one")
    return Path(found).resolve().parent.parent


def _java_version(program: str) -> int | None:
    """The feature version, 17 for 17.0.15 and 8 for 1.8.0_402."""
    try:
        run = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr)
    return int(found[1]) if found else None


def maven() -> str:
    """The mvn program. Raises Missing."""
    found = shutil.which("mvn")
    if found is None:
        raise Missing("there is no mvn on the path: install Maven, which fetches Cassandra and ZooKeeper")
    return found


def require_packages() -> None:
    """See that this Python has what the parts import. Raises Missing."""
    lacking = [name for name in REQUIREMENTS if importlib.util.find_spec(name) is None]
    if lacking:
        raise Missing(f"this Python lacks {', '.join(lacking)}: use make run, or .venv/bin/python after it")


def main() -> int:
    """See that programs are there that must be, before anything is installed; the exit code."""
    try:
        java_home()
        maven()
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
