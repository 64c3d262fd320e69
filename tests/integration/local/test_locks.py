"""Locks between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.locks import locked

HOLDER = """\
import pathlib, sys
from local.locks import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class GaveUp(Exception):
    """Raised by a pause of ours."""


def give_up(seconds: float) -> None:
    raise GaveUp


def test_a_lock_is_had_when_its_holder_has_ended_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(GaveUp), locked(path, give_up):
            pass
        holder.kill()
        holder.wait()
    with locked(path, give_up):
        pass
