"""The lock file has what setup.cfg requires."""

from __future__ import annotations

import re

from release.requirements import locked, normalized, required


def test_every_requirement_is_pinned() -> None:
    named = {normalized(match[0]) for line in required() if (match := re.match(r"[A-Za-z0-9._-]+", line))}
    assert named <= locked(), "setup.cfg requires what release/requirements.lock does not pin: run make lock"
