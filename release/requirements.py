"""The runtime requirements as setup.cfg has them, and the lock file that pins each with its checksums.

``python -m release.requirements`` writes the lock file anew, for ``make lock``; it needs pip-tools.
"""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCK = Path(__file__).with_name("requirements.lock")
STAND_IN = PROJECT / "vendor" / "http-parser"

HEADER = "# Every runtime requirement, pinned. Made from setup.cfg by make lock; do not edit.\n"
UNPINNED = "# WARNING"
"""Where pip-compile begins to say that the stand-in has no checksum."""


def required() -> list[str]:
    """The requirements of setup.cfg, without the stand-in for http-parser, which is a part of the project."""
    config = ConfigParser()
    config.read(PROJECT / "setup.cfg")
    lines = config["options"]["install_requires"].splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def locked() -> set[str]:
    """The names that the lock file pins, normalized."""
    return {
        normalized(match[1])
        for line in LOCK.read_text().splitlines()
        if (match := re.match(r"([A-Za-z0-9._-]+)==", line))
    }


def normalized(name: str) -> str:
    """A distribution's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Write the lock file."""
    wanted = "\n".join([*required(), f"http-parser @ {STAND_IN.as_uri()}"])
    command = (
        *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras"),
        *("--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"),
        *("--unsafe-package", "http-parser", "--unsafe-package", "setuptools", "--output-file", "-", "-"),
    )
    done = subprocess.run(command, input=wanted, stdout=subprocess.PIPE, text=True, check=True)
    LOCK.write_text(HEADER + done.stdout.partition(UNPINNED)[0].rstrip() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
