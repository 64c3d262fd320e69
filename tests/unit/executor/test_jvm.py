"""Cassandra's command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from executor import jvm
from executor.distribution import Programs
from executor.failure import TaskFailed
from executor.layout import Layout
from protocol.task import Heap
from tests.unit.executor.examples import a_task


@pytest.fixture
def cassandra(tmp_path: Path) -> Path:
    libraries = tmp_path / "dist" / "lib"
    libraries.mkdir(parents=True)
    for name in ("apache-cassandra-5.0.9.jar", "jamm-0.4.0.jar"):
        (libraries / name).touch()
    return libraries.parent


def command(cassandra: Path, volume: str = "/v", address: str = "127.0.0.1", **changes: Any) -> list[str]:
    programs = Programs(cassandra, "/java/bin/java", Path("/jolokia.jar"))
    return jvm.command(programs, a_task(**changes), Layout(Path(volume)), address)


def test_it_runs_cassandra_with_its_libraries_and_configuration(cassandra: Path) -> None:
    line = command(cassandra)
    assert line[0] == "/java/bin/java"
    assert line[-3:] == ["-cp", f"/v/etc:{cassandra}/lib/*", "org.apache.cassandra.service.CassandraDaemon"]
    assert f"-javaagent:{cassandra}/lib/jamm-0.4.0.jar" in line
    assert "-javaagent:/jolokia.jar=config=/v/etc/jolokia.properties" in line


def test_all_that_is_written_lies_in_the_volume(cassandra: Path) -> None:
    line = command(cassandra)
    assert {
        "-Dcassandra.config=file:///v/etc/cassandra.yaml",
        "-Dcassandra.storagedir=/v/cassandra",
        "-Dcassandra.logdir=/v/log",
        "-Djava.io.tmpdir=/v/run/tmp",
        "-XX:ErrorFile=/v/log/hs_err_pid%p.log",
    } <= set(line)


def test_a_volume_with_a_space_in_its_path_is_given_as_a_uri(cassandra: Path) -> None:
    line = command(cassandra, volume="/roles/a b/1")
    assert "-Dcassandra.config=file:///roles/a%20b/1/etc/cassandra.yaml" in line


def test_jmx_is_bound_to_one_address_and_asks_for_a_password(cassandra: Path) -> None:
    options = {option for option in command(cassandra, address="127.0.0.3") if "jmxremote" in option}
    prefix = "-Dcom.sun.management.jmxremote"
    assert options == {
        f"{prefix}.port=7199",
        f"{prefix}.rmi.port=7199",
        f"{prefix}.host=127.0.0.3",
        f"{prefix}.ssl=false",
        f"{prefix}.authenticate=true",
        f"{prefix}.password.file=/v/etc/jmxremote.password",
        f"{prefix}.access.file=/v/etc/jmxremote.access",
        f"{prefix}.password.toHashes=false",
    }


@pytest.mark.parametrize(
    ("gc", "flag", "new"),
    [
        ("G1", "-XX:+UseG1GC", False),
        ("ZGC", "-XX:+UseZGC", False),
        ("SHENANDOAH", "-XX:+UseShenandoahGC", False),
        ("SERIAL", "-XX:+UseSerialGC", True),
        ("PARALLEL", "-XX:+UseParallelGC", True),
    ],
)
def test_each_collector_gets_its_options(cassandra: Path, gc: str, flag: str, new: bool) -> None:
    line = command(cassandra, heap=Heap(1024, 200, gc))
    assert {"-Xms1024M", "-Xmx1024M", flag} <= set(line)
    assert ("-Xmn200M" in line) == new
    assert sum(option.startswith("-XX:+Use") and option.endswith("GC") for option in line) == 1


def test_an_unknown_collector_is_named(cassandra: Path) -> None:
    with pytest.raises(TaskFailed, match="'CMS' is no garbage collector that is known here: G1"):
        command(cassandra, heap=Heap(1024, 200, "CMS"))


def test_the_operators_options_are_split_as_a_shell_does_and_win(cassandra: Path) -> None:
    line = command(cassandra, jvm_extra_opts="-Xmx3G -Dname='two words'")
    assert line.index("-Xmx3G") > line.index("-Xmx2048M")
    assert "-Dname=two words" in line


def test_options_that_cannot_be_split_are_named(cassandra: Path) -> None:
    with pytest.raises(TaskFailed, match="CASSANDRA_JVM_EXTRA_OPTS cannot be read: No closing quotation"):
        command(cassandra, jvm_extra_opts="-Dname='two")


def test_a_replacement_says_whom_it_replaces(cassandra: Path) -> None:
    assert "-Dcassandra.replace_address_first_boot=10.0.0.7" in command(cassandra, replace_address="10.0.0.7")
    assert not [option for option in command(cassandra) if "replace_address" in option]
