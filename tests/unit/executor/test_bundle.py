"""The bundle's contents; that it runs is an integration test."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from executor import bundle


@pytest.fixture
def built(tmp_path: Path) -> Path:
    path, _ = bundle.build(tmp_path)
    return path


def test_equal_sources_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    one, digest = bundle.build(tmp_path)
    other, again = bundle.build(tmp_path / "again")
    assert one.read_bytes() == other.read_bytes()
    assert digest == again == hashlib.sha256(one.read_bytes()).hexdigest()


def test_it_is_pure_python_and_small(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    assert all(name.endswith(".py") for name in names)
    assert names == ["__main__.py", *sorted(names[1:])]
    assert built.stat().st_size < 10_000_000


def test_it_holds_all_of_the_executor_and_nothing_of_the_scheduler(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    folder = Path(bundle.__file__).parent
    own = {f"executor/{path.name}" for path in folder.glob("*.py")} - {"executor/bundle.py"}
    assert own <= names
    assert {name.partition("/")[0] for name in names} == {
        "__main__.py",
        "addict",
        "backup",
        "executor",
        "http_parser",
        "protocol",
        "pymesos",
        "six.py",
        "transport",
    }


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "MODULES", ("no_such_module",))
    with pytest.raises(RuntimeError, match="no_such_module is not installed"):
        bundle.build(tmp_path)
