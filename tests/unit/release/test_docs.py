"""The pages: every message that they explain is one that the programs say, every example is valid."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from release.requirements import PROJECT
from tests.unit.release.cosmos import render
from tests.unit.release.schemas import APP, problems, read

DOCS = PROJECT / "docs"
PROGRAMS = ("scheduler", "executor", "api", "backup")
OUTSIDE = {"Framework has been removed", "it is no Cassandra"}
"""Messages of Mesos."""

SHORTEST = 6


def test_every_message_that_is_explained_is_said_by_a_program() -> None:
    said = "\n".join([*_texts(), (PROJECT / "release" / "launcher.sh").read_text()])
    explained = [
        message for line in _first_cells(DOCS / "failures.md") for message in re.findall(r"`([^`]+)`", line)
    ]
    assert len(explained) > 80
    unknown = [
        message
        for message in explained
        if message not in OUTSIDE and not all(part in said for part in _parts(message))
    ]
    assert unknown == []


def _first_cells(page: Path) -> Iterator[str]:
    for line in page.read_text().splitlines():
        if line.startswith("| `"):
            yield line.split(" | ")[0]


def _parts(message: str) -> list[str]:
    """What stands between the names and numbers of a message."""
    words = re.sub(r"\b40[013] ", "", message).split("…")
    return [part.strip() for part in words if len(part.strip()) >= SHORTEST]


def _texts() -> Iterator[str]:
    """All texts of the programs, with … for what is filled in."""
    for program in PROGRAMS:
        for file in (PROJECT / program).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(v.value if isinstance(v, ast.Constant) else "…" for v in node.values)  # type: ignore[misc]
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_example_of_options_renders() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (DOCS / "dcos.md").read_text(), re.DOTALL)
    assert problems(render(json.loads(example)), read(APP)) == []


def test_the_app_with_the_image_of_the_example_is_valid() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (DOCS / "image.md").read_text(), re.DOTALL)
    app = {**read(PROJECT / "conf" / "marathon.json"), **json.loads(example)}
    del app["fetch"]
    assert problems(app, read(APP)) == []
