"""The tarball that jars are packed into, and the cache it lies in."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from local import jars


def write(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.jar").write_bytes(content)
    return folder


def test_a_tarball_holds_the_files_below_its_top_folder(tmp_path: Path) -> None:
    jars.pack(write(tmp_path / "lib", a=b"1", b=b"22"), tmp_path / "t.tar", "apache-cassandra-1/lib")
    with tarfile.open(tmp_path / "t.tar") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert found == {"apache-cassandra-1/lib/a.jar": b"1", "apache-cassandra-1/lib/b.jar": b"22"}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = write(tmp_path / name, b=b"22", a=b"1")
        (folder / "a.jar").chmod(0o600 if name == "one" else 0o755)
        jars.pack(folder, tmp_path / f"{name}.tar", "top")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "other.tar").read_bytes()


@pytest.fixture
def pom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "thing" / "pom.xml"
    path.parent.mkdir()
    path.write_text('<project xmlns="http://maven.apache.org/POM/4.0.0"><version>1.2</version></project>')
    return path


def test_what_is_in_the_cache_is_not_built_again(pom: Path) -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "a").touch()

    first = jars._cached(pom, build)
    assert first == jars._cached(pom, build)
    assert len(built) == 1
    assert (first / "a").exists()


def test_another_pom_is_built_anew(pom: Path) -> None:
    first = jars._cached(pom, lambda folder: None)
    pom.write_text(pom.read_text().replace("1.2", "1.3"))
    assert jars._cached(pom, lambda folder: None) != first


def test_a_build_that_fails_leaves_nothing(pom: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        jars._cached(pom, build)
    assert list(jars.cache().iterdir()) == []


def test_of_two_builders_at_once_the_first_wins_and_both_have_it(pom: Path) -> None:
    def build(folder: Path) -> None:
        jars._cached(pom, lambda other: (other / "first").touch())
        (folder / "second").touch()

    folder = jars._cached(pom, build)
    assert [path.name for path in folder.iterdir()] == ["first"]
    assert [path.name for path in jars.cache().iterdir()] == [folder.name]
