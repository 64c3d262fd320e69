"""The bundle on Pythons that have nothing installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from executor import __version__, bundle

OLDEST, NEWEST = (3, 10), (3, 13)


def _pythons() -> list[str]:
    """Interpreters of every version from 3.10 to 3.13 that is installed, this one at least."""
    found = {sys.version_info[:2]: sys.executable}
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        builds = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
        managed = sorted(builds.glob(f"3.{minor}.*/bin/python3"))
        on_path = shutil.which(f"python3.{minor}")
        if managed or on_path:
            found[(3, minor)] = str(managed[-1] if managed else on_path)
    return [found[version] for version in sorted(found)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, _ = bundle.build(tmp_path_factory.mktemp("bundle"))
    return path


def run(python: str, built: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in its folder, where nothing else is, with an empty environment."""
    command = [python, "-I", built.name, *arguments]
    return subprocess.run(command, cwd=built.parent, env={}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("python", _pythons())
def test_it_tells_its_version(python: str, built: Path) -> None:
    done = run(python, built, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("python", _pythons())
def test_without_an_agent_it_says_so_in_one_sentence(python: str, built: Path) -> None:
    done = run(python, built)
    assert (done.returncode, done.stdout) == (2, "")
    sentence = "MESOS_AGENT_ENDPOINT is not set: an executor is started by a Mesos agent, not by hand\n"
    assert done.stderr == sentence
    assert [path.name for path in built.parent.iterdir()] == [built.name]
