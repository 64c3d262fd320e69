"""The table of cassandra.yaml's keys against the class that Cassandra reads them into."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from scheduler.daemon.configuration import cassandra_yaml

CASSANDRA = "org.apache.cassandra:cassandra-all:5.0.9"
PROGRAM = Path(__file__).with_name("CassandraKeys.java")
SECONDS = 300

SIMPLE = {
    "boolean": "flag",
    "java.lang.Boolean": "flag",
    "int": "int",
    "java.lang.Integer": "int",
    "long": "long",
    "double": "number",
    "java.lang.Double": "number",
    "java.lang.Float": "number",
    "java.lang.String": "text",
    "java.util.Set": "list",
    "[Ljava.lang.String;": "list",
    "org.apache.cassandra.config.ParameterizedClass": "class",
}
UNITS = {
    "Nanoseconds": "duration in ns",
    "Microseconds": "duration in us",
    "Milliseconds": "duration in ms",
    "Seconds": "duration in s",
    "Minutes": "duration in m",
    "BytesPerSecond": "rate",
    "Bytes": "size in B",
    "Kibibytes": "size in KiB",
    "Mebibytes": "size in MiB",
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What the program prints, as words."""
    folder = tmp_path_factory.mktemp("cassandra")
    copy = ["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={CASSANDRA}", f"-DoutputDirectory={folder}"]
    subprocess.run(copy, check=True, timeout=SECONDS)
    run = ["java", "-cp", str(next(folder.glob("*.jar"))), str(PROGRAM)]
    result = subprocess.run(run, check=True, timeout=SECONDS, capture_output=True, text=True)
    return [line.split(maxsplit=2) for line in result.stdout.splitlines()]


def kind(java_type: str) -> str:
    if java_type.startswith("one of "):
        return java_type
    unit = re.search(r"\$(?:Int|Long)(\w+)Bound$", java_type)
    return UNITS[unit[1]] if unit else SIMPLE.get(java_type, "map")


@pytest.mark.needs("java", "javac", "mvn")
def test_every_key_of_cassandra_is_known_with_its_kind(printed: list[list[str]]) -> None:
    theirs = {name: kind(rest) for what, name, rest in printed if what == "key"}
    renamed_in_place = {name for what, name, rest in printed if what == "older" and rest.split()[0] == name}
    theirs |= dict.fromkeys(renamed_in_place, "seconds")
    ours = {name: k for name, k in cassandra_yaml.KINDS.items() if name not in cassandra_yaml.NEWER_NAMES}
    assert ours == theirs


@pytest.mark.needs("java", "javac", "mvn")
def test_every_older_name_is_known_with_todays(printed: list[list[str]]) -> None:
    theirs = {name: rest.split()[0] for what, name, rest in printed if what == "older"}
    assert {older: newer for older, newer in theirs.items() if older != newer} == cassandra_yaml.NEWER_NAMES
