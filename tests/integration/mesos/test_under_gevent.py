"""The daemon's process is patched by gevent: what holds with threads must hold there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATCHED = (
    "from gevent import monkey; monkey.patch_all(); import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
)


@pytest.mark.parametrize("file", ["test_driver.py", "test_detector.py"])
def test_all_holds_under_gevent(file: str) -> None:
    command = [sys.executable, "-c", PATCHED, "-q", "-p", "no:cacheprovider", str(HERE / file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
