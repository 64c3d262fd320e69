"""What is said where a program is missing or too old."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import prerequisites
from local.failure import Missing


@pytest.fixture
def bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def java(folder: Path, version: str) -> None:
    """A java that says what a real one says, with something before it."""
    program = folder / "java"
    program.write_text(
        f"#!/bin/sh\necho Picked up JAVA_TOOL_OPTIONS >&2\necho 'openjdk version \"{version}\"' >&2\n"
    )
    program.chmod(0o755)


def test_java_17_is_found_on_the_path(bin: Path) -> None:
    java(bin, "17.0.15")
    assert prerequisites.java_home() == bin.parent


def test_java_home_wins_over_the_path(bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(bin, "25")
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    java(home / "bin", "17")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert prerequisites.java_home() == home


@pytest.mark.parametrize(
    ("version", "told"), [("11.0.2", "Java 11"), ("1.8.0_402", "Java 8"), ("25", "Java 25"), ("x", "no Java")]
)
def test_another_java_is_named(bin: Path, version: str, told: str) -> None:
    java(bin, version)
    with pytest.raises(Missing, match=f"is {told}.* needs Java 17"):
        prerequisites.java_home()


def test_no_java_at_all(bin: Path) -> None:
    with pytest.raises(Missing, match="no java on the path: install Java 17"):
        prerequisites.java_home()


def test_a_java_home_that_is_none(bin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(Missing, match="JAVA_HOME=/nowhere has no bin/java"):
        prerequisites.java_home()


def test_no_maven(bin: Path) -> None:
    with pytest.raises(Missing, match="no mvn on the path: install Maven"):
        prerequisites.maven()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "REQUIREMENTS", ("json", "no_such_package"))
    with pytest.raises(Missing, match="lacks no_such_package: use make run"):
        prerequisites.require_packages()
