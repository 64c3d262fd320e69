"""What is kept in the volume, and what a node runs of it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from executor.distribution import Depot, java_program, share
from executor.failure import Stopped, TaskFailed
from protocol.task import Artifact, Distribution


class Teller:
    def __init__(self) -> None:
        self.told: list[str] = []

    def starting(self, message: str) -> None:
        self.told.append(message)


def go_on(seconds: float) -> None:
    """Never waits, never stops."""


def artifact(path: Path) -> Artifact:
    return Artifact(path.as_uri(), hashlib.sha512(path.read_bytes()).hexdigest())


def tarball(path: Path, **files: str) -> Artifact:
    """A tarball of programs; double underscores in names stand for slashes, one at the end for ``.jar``."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_jar", ".jar"))
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content.encode()))
    return artifact(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def depot(folder: Path, teller: Teller) -> Depot:
    return Depot(folder, teller, go_on)


@pytest.fixture
def cassandra(tmp_path: Path) -> Artifact:
    return tarball(tmp_path / "c.tgz", **{"top__lib__c_jar": "c", "top__lib__jolokia-agent-jvm-2_jar": "j"})


@pytest.fixture
def jre(tmp_path: Path) -> Artifact:
    return tarball(tmp_path / "jre.tgz", jdk__bin__java="#!")


def test_a_distribution_is_brought_into_a_folder_named_by_its_checksum(
    depot: Depot, folder: Path, teller: Teller, cassandra: Artifact, jre: Artifact
) -> None:
    programs = depot.programs(Distribution("5.0.9", cassandra, jre))
    assert programs.cassandra == folder / cassandra.sha512 / "top"
    assert programs.java == str(folder / jre.sha512 / "jdk/bin/java")
    assert programs.jolokia == programs.cassandra / "lib/jolokia-agent-jvm-2.jar"
    assert teller.told == [
        "fetching Cassandra 5.0.9",
        "unpacking Cassandra 5.0.9",
        "fetching Java",
        "unpacking Java",
    ]
    assert {path.name for path in folder.iterdir()} == {cassandra.sha512, jre.sha512}


def test_what_is_there_is_not_fetched_again(
    depot: Depot, teller: Teller, tmp_path: Path, cassandra: Artifact, jre: Artifact
) -> None:
    wanted = Distribution("5.0.9", cassandra, jre)
    first = depot.programs(wanted)
    teller.told.clear()
    for path in tmp_path.glob("*.tgz"):
        path.unlink()
    assert depot.programs(wanted) == first
    assert not teller.told


def test_an_attempt_that_broke_off_is_begun_anew(
    depot: Depot, folder: Path, cassandra: Artifact, jre: Artifact
) -> None:
    (folder / f"{cassandra.sha512}.new" / "lib").mkdir(parents=True)
    (folder / f"{cassandra.sha512}.new" / "lib" / "half.jar").touch()
    (folder / f"{cassandra.sha512}.part").write_text("half")
    programs = depot.programs(Distribution("5.0.9", cassandra, jre))
    assert {path.name for path in (programs.cassandra / "lib").iterdir()} == {
        "c.jar",
        "jolokia-agent-jvm-2.jar",
    }
    assert {path.name for path in folder.iterdir()} == {cassandra.sha512, jre.sha512}


def test_an_agents_jar_of_its_own_is_brought_as_it_is(
    depot: Depot, folder: Path, tmp_path: Path, cassandra: Artifact, jre: Artifact
) -> None:
    (tmp_path / "own.jar").write_text("jolokia")
    own = artifact(tmp_path / "own.jar")
    programs = depot.programs(Distribution("5.0.9", cassandra, jre, jolokia=own))
    assert programs.jolokia == folder / own.sha512 / "jolokia.jar"
    assert programs.jolokia.read_text() == "jolokia"


def test_only_what_is_wanted_is_kept(
    depot: Depot, folder: Path, tmp_path: Path, cassandra: Artifact, jre: Artifact
) -> None:
    depot.programs(Distribution("5.0.9", cassandra, jre))
    newer = tarball(tmp_path / "n.tgz", **{"lib__c_jar": "new", "lib__jolokia-agent-jvm-2_jar": "j"})
    (folder / "old.part").touch()
    wanted = Distribution("5.0.10", newer, jre)
    depot.programs(wanted)
    depot.keep_only(wanted)
    assert {path.name for path in folder.iterdir()} == {newer.sha512, jre.sha512}


def test_a_tarball_of_something_else_is_named(depot: Depot, jre: Artifact) -> None:
    with pytest.raises(TaskFailed, match=r"CASSANDRA_URI is no Cassandra 5\.0\.9: it has no lib/ with jars"):
        depot.programs(Distribution("5.0.9", jre))


def test_without_a_management_agent_it_says_how_to_give_one(depot: Depot, tmp_path: Path) -> None:
    bare = tarball(tmp_path / "bare.tgz", top__lib__c_jar="c")
    with pytest.raises(TaskFailed, match=r"no Jolokia agent .* set JOLOKIA_URI and JOLOKIA_SHA512"):
        depot.programs(Distribution("5.0.9", bare))


@pytest.mark.parametrize("checksum", ["", "abc", "../" * 40, "g" * 128, "0" * 127])
def test_what_is_no_checksum_is_refused_before_it_names_a_folder(depot: Depot, checksum: str) -> None:
    with pytest.raises(TaskFailed, match="is not a SHA-512"):
        depot.programs(Distribution("5.0.9", Artifact("file:///c.tgz", checksum)))


def test_it_can_be_stopped_between_pieces(folder: Path, teller: Teller, cassandra: Artifact) -> None:
    def stop(seconds: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        Depot(folder, teller, stop).programs(Distribution("5.0.9", cassandra))


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.touch(0o755)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: executable(tmp_path / name / "bin" / "java")


def test_java_is_that_of_the_jre_then_of_the_setting_then_of_the_agent(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Callable[[str], Path]
) -> None:
    jre, setting, agent, path = (elsewhere(name) for name in ("jre", "setting", "agent", "path"))
    monkeypatch.setenv("PATH", str(path.parent))
    monkeypatch.setenv("JAVA_HOME", str(agent.parent.parent))
    assert java_program(jre.parent.parent, str(setting.parent.parent)) == str(jre)
    assert java_program(None, str(setting.parent.parent)) == str(setting)
    assert java_program(None, "") == str(agent)
    monkeypatch.delenv("JAVA_HOME")
    assert java_program(None, "") == str(path)


def test_a_lack_of_java_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(TaskFailed, match="no java on this agent's path: set JRE_URI, or JAVA_HOME"):
        java_program(None, "")
    with pytest.raises(TaskFailed, match="there is no /nowhere/bin/java on this agent: correct JAVA_HOME"):
        java_program(None, "/nowhere")
    with pytest.raises(TaskFailed, match="the tarball of JRE_URI has no bin/java"):
        java_program(tmp_path, "")


def test_a_share_is_told_in_words() -> None:
    assert share(30_150_000, 67_000_000) == "45 % of 67 MB"
    assert share(30_150_000, None) == "30 MB"
