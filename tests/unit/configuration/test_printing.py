"""What is printed: the effective configuration, the default file, the table."""

from pathlib import Path

import pytest
import yaml

from scheduler.daemon import configuration
from scheduler.daemon.configuration import ConfigurationErrors
from scheduler.daemon.configuration.table import SETTINGS

ROOT = Path(__file__).parents[3]
LEAST = {"API_AUTH": "none", "CASSANDRA_URI": "file:///c.tgz", "CASSANDRA_SHA512": "0" * 128}


def test_the_default_file_in_the_repository_is_the_printed_one() -> None:
    assert (ROOT / "conf" / "scheduler.yml").read_text(encoding="utf-8") == configuration.default_file()


def test_the_default_file_changes_nothing() -> None:
    assert configuration.load(LEAST, ROOT / "conf" / "scheduler.yml") == configuration.load(LEAST, None)


def test_the_default_file_names_every_setting_in_short_lines() -> None:
    text = configuration.default_file()
    assert [s.key for s in SETTINGS if f"\n# {s.key}:" not in text] == []
    assert [line for line in text.splitlines() if len(line) > 110 or line != line.rstrip()] == []


def test_its_lines_are_valid_once_they_are_no_comments(tmp_path: Path) -> None:
    derived = {setting.key for setting in SETTINGS if setting.derive}
    keys = {setting.key for setting in SETTINGS} | {"cassandra.yaml"}
    lines = [line[2:] for line in configuration.default_file().splitlines() if line.startswith("# ")]
    live = [
        line
        for line in lines
        if line.startswith("  ") or (line.split(":")[0] in keys and line.split(":")[0] not in derived)
    ]
    file = tmp_path / "scheduler.yml"
    file.write_text("\n".join(live), encoding="utf-8")
    assert configuration.load(LEAST, file) == configuration.load(LEAST, None)


def test_what_is_printed_can_be_read_back(tmp_path: Path) -> None:
    environment = {
        **LEAST,
        "NODES": "5",
        "CASSANDRA_CPUS": "1.5",
        "CASSANDRA_CONCURRENT_READS": "8",
        "CASSANDRA_AUTHENTICATOR": '{"class_name": "PasswordAuthenticator"}',
        "CASSANDRA_CREDENTIALS_VALIDITY": "3s",
        "SERVICE_SECRET_FILE": "/run/secret",
        "PLACEMENT_CONSTRAINT": '[["hostname", "UNIQUE"]]',
    }
    file = tmp_path / "effective.yml"
    file.write_text(configuration.check(environment, None), encoding="utf-8")
    assert configuration.load({}, file) == configuration.load(environment, None)


def test_secrets_are_masked() -> None:
    environment = {
        **LEAST,
        "ZOOKEEPER_AUTH": "user:hunter2",
        "MESOS_MASTER": "zk://user:hunter2@h:2181/mesos",
        "CASSANDRA_URI": "https://user:hunter2@example.org/c.tgz",
        "CASSANDRA_JVM_EXTRA_OPTS": "-Dx=1 -Djavax.net.ssl.trustStorePassword=hunter2 -Dy=2",
    }
    text = configuration.check(environment, None)
    assert "hunter2" not in text
    shown = yaml.safe_load(text)
    assert shown["zookeeper_auth"] == "********"
    assert shown["mesos_master"] == "zk://********@h:2181/mesos"
    assert shown["cassandra_jvm_extra_opts"].startswith("-Dx=1 ")
    assert shown["cassandra_jvm_extra_opts"].endswith(" -Dy=2")


def test_a_configuration_with_errors_is_not_printed() -> None:
    with pytest.raises(ConfigurationErrors):
        configuration.check({}, None)


def test_the_table_tells_all_of_every_setting() -> None:
    rows = configuration.describe()
    assert len({row["name"] for row in rows}) == len(rows) == len(SETTINGS) + 1
    for row in rows:
        assert set(row) == {"name", "key", "type", "default", "rule", "meaning"}
        assert row["meaning"].endswith(".")
        assert not row["rule"].endswith(".")
