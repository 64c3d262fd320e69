"""Whatever stands in the environment or the file: settings, or errors of one line each, and no traceback."""

import warnings
from pathlib import Path

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scheduler.daemon import configuration
from scheduler.daemon.configuration import ConfigurationErrors, cassandra_yaml
from scheduler.daemon.configuration.table import SETTINGS

NAMES = st.sampled_from(
    [setting.name for setting in SETTINGS] + [f"CASSANDRA_{key.upper()}" for key in cassandra_yaml.KINDS]
)
KEYS = st.sampled_from([setting.key for setting in SETTINGS] + ["cassandra.yaml", "other"]) | st.text()
LIKELY = st.sampled_from(
    [
        "0",
        "-1",
        "1",
        "3",
        "true",
        "none",
        "h:1",
        "zk://h:1/x",
        "a:LIKE:(",
        "{}",
        "[]",
        "1ms",
        "ROOT",
        "/x",
        "",
    ]
)
LEAST = {"API_AUTH": "none", "CASSANDRA_URI": "file:///c.tgz", "CASSANDRA_SHA512": "0" * 128}
TEXTS = st.text() | LIKELY | st.integers().map(str) | st.characters(categories=["Cs"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=5,
)
QUICK = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(environment: dict[str, str], file: Path | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of regular expressions that may change their meaning
        try:
            text = configuration.check(environment, file)
        except ConfigurationErrors as error:
            assert error.lines
            assert [line for line in error.lines if "\n" in line or not line.strip()] == []
        else:
            assert isinstance(yaml.safe_load(text), dict)


@QUICK
@given(st.dictionaries(NAMES, TEXTS, max_size=6))
@example({"PLACEMENT_CONSTRAINT": "0\n0"})
def test_any_environment(environment: dict[str, str]) -> None:
    check({**LEAST, **environment}, None)


@QUICK
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_map_as_file(tmp_path: Path, data: dict[str, object]) -> None:
    file = tmp_path / "scheduler.yml"
    try:
        file.write_text(yaml.safe_dump(data), encoding="utf-8")
    except (yaml.YAMLError, UnicodeEncodeError):
        return
    check(LEAST, file)


@QUICK
@given(st.dictionaries(st.sampled_from(sorted(cassandra_yaml.KINDS)), VALUES, max_size=4))
def test_any_map_of_cassandra_keys(tmp_path: Path, data: dict[str, object]) -> None:
    file = tmp_path / "scheduler.yml"
    try:
        file.write_text(yaml.safe_dump({"cassandra.yaml": data}), encoding="utf-8")
    except (yaml.YAMLError, UnicodeEncodeError):
        return
    check(LEAST, file)


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_as_file(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "scheduler.yml"
    file.write_bytes(data)
    check(LEAST, file)


def test_a_file_that_holds_itself(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.yml"
    file.write_text("cassandra.yaml: &a\n  repair: *a\n")
    check(LEAST, file)
