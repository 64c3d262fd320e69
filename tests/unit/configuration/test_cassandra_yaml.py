"""Keys of cassandra.yaml: what an operator may set, in which form, and what the node then gets."""

from pathlib import Path

import pytest

from protocol.codec import Json
from scheduler.daemon import configuration
from scheduler.daemon.configuration import ConfigurationErrors, cassandra_yaml

LEAST = {"API_AUTH": "none", "CASSANDRA_URI": "file:///c.tgz", "CASSANDRA_SHA512": "0" * 128}
DEFAULTS = {"num_tokens": 16, "allocate_tokens_for_local_replication_factor": 3}


def set_by(environment: dict[str, str], file: Path | None = None) -> dict[str, Json]:
    """The keys beyond the defaults."""
    found = configuration.load({**LEAST, **environment}, file).node.cassandra.yaml
    return {key: value for key, value in found.items() if DEFAULTS.get(key) != value}


def refused(environment: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(ConfigurationErrors) as caught:
        set_by(environment, file)
    (line,) = caught.value.lines
    return line


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("concurrent_reads", "16", 16),
        ("num_tokens", "4", 4),
        ("auto_snapshot", "false", False),
        ("phi_convict_threshold", "8", 8.0),
        ("dynamic_snitch_badness_threshold", "0.5", 0.5),
        ("partitioner", "org.apache.cassandra.dht.Murmur3Partitioner", None),
        ("read_request_timeout", "5s", "5s"),
        ("key_cache_size", "100MiB", "100MiB"),
        ("compaction_throughput", "64MiB/s", "64MiB/s"),
        ("commitlog_sync", "batch", "batch"),
        ("key_cache_save_period", "4h", "4h"),
        ("key_cache_save_period", "14400", 14400),
        ("hinted_handoff_disabled_datacenters", "dc2, dc3", ["dc2", "dc3"]),
        ("hinted_handoff_disabled_datacenters", '["dc2"]', ["dc2"]),
        ("authenticator", "PasswordAuthenticator", "PasswordAuthenticator"),
        ("authenticator", '{"class_name": "PasswordAuthenticator"}', {"class_name": "PasswordAuthenticator"}),
        ("client_encryption_options", '{"enabled": false}', {"enabled": False}),
        ("native_transport_max_concurrent_connections", "-1", -1),
        ("credentials_validity", "2000ms", "2000ms"),
    ],
)
def test_a_key_takes_values_of_its_kind(key: str, text: str, value: Json) -> None:
    assert set_by({f"CASSANDRA_{key.upper()}": text}) == {key: text if value is None else value}


@pytest.mark.parametrize(
    ("older", "text", "key", "value"),
    [
        ("read_request_timeout_in_ms", "5000", "read_request_timeout", "5000ms"),
        ("commitlog_sync_period_in_ms", "10000", "commitlog_sync_period", "10000ms"),
        ("max_hints_file_size_in_mb", "128", "max_hints_file_size", "128MiB"),
        ("column_index_size_in_kb", "64", "column_index_size", "64KiB"),
        ("compaction_throughput_mb_per_sec", "16", "compaction_throughput", "16MiB/s"),
        ("index_summary_resize_interval_in_minutes", "60", "index_summary_resize_interval", "60m"),
        ("cross_node_timeout", "true", "internode_timeout", True),
        ("enable_user_defined_functions", "false", "user_defined_functions_enabled", False),
    ],
)
def test_an_older_name_becomes_todays(older: str, text: str, key: str, value: Json) -> None:
    assert set_by({f"CASSANDRA_{older.upper()}": text}) == {key: value}


@pytest.mark.parametrize(
    ("older", "text", "value"),
    [
        ("stream_throughput_outbound_megabits_per_sec", "200", 200),
        ("sstable_preemptive_open_interval_in_mb", "-1", -1),
        ("tracetype_query_ttl", "86400", 86400),
    ],
)
def test_a_value_that_only_the_older_name_takes_keeps_it(older: str, text: str, value: Json) -> None:
    assert set_by({f"CASSANDRA_{older.upper()}": text}) == {older: value}


@pytest.mark.parametrize("key", sorted(cassandra_yaml.OWNED))
def test_what_the_executor_owns_is_refused(key: str) -> None:
    assert refused({f"CASSANDRA_{key.upper()}": "x"}).startswith(
        f"CASSANDRA_{key.upper()} is set by the executor"
    )


def test_what_has_a_setting_of_its_own_is_refused_in_the_map(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.yml"
    file.write_text("cassandra.yaml:\n  storage_port: 7002\n")
    assert "CASSANDRA_STORAGE_PORT" in refused({}, file)


@pytest.mark.parametrize("key", ["start_rpc", "thrift_framed_transport_size_in_mb", "rpc_port", "", "é"])
def test_a_key_that_this_cassandra_does_not_know_is_refused(key: str) -> None:
    line = refused({f"CASSANDRA_{key.upper()}": "1"})
    assert line.startswith(f"CASSANDRA_{key.upper()} is no key of cassandra.yaml")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("concurrent_reads", "many"),
        ("concurrent_reads", "2147483648"),
        ("auto_snapshot", "1"),
        ("read_request_timeout", "5000"),
        ("read_request_timeout", "5us"),
        ("read_request_timeout", "5 s"),
        ("key_cache_size", "100MB"),
        ("key_cache_size", "1KiB"),
        ("compaction_throughput", "64MiB"),
        ("commitlog_sync", "sometimes"),
        ("client_encryption_options", "true"),
        ("client_encryption_options", '{"enabled": NaN}'),
        ("client_encryption_options", '{"a": ' * 9 + "1" + "}" * 9),
        ("client_encryption_options", "[" * 100000),
        ("authenticator", '{"name": "x"}'),
        ("hinted_handoff_disabled_datacenters", "[1]"),
        ("hinted_handoff_disabled_datacenters", "dc2,,dc3"),
        ("num_tokens", "0"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_rule(key: str, text: str) -> None:
    line = refused({f"CASSANDRA_{key.upper()}": text})
    assert line.startswith(f"CASSANDRA_{key.upper()}=")
    assert " is not " in line


def test_a_password_is_refused_since_it_would_be_stored_in_clear() -> None:
    options = '{"enabled": true, "keystore_password": "hunter2"}'
    line = refused({"CASSANDRA_CLIENT_ENCRYPTION_OPTIONS": options})
    assert "password" in line
    assert "hunter2" not in line


def test_the_environment_wins_over_the_map_of_the_file_under_either_name(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.yml"
    file.write_text("cassandra.yaml:\n  read_request_timeout: 7s\n  concurrent_reads: 8\n")
    assert set_by({"CASSANDRA_READ_REQUEST_TIMEOUT_IN_MS": "5000"}, file) == {
        "read_request_timeout": "5000ms",
        "concurrent_reads": 8,
    }
    assert set_by({"CASSANDRA_READ_REQUEST_TIMEOUT_IN_MS": "-1"}, file) == {
        "read_request_timeout_in_ms": -1,
        "concurrent_reads": 8,
    }


def test_a_key_under_both_its_names_is_refused() -> None:
    both = {"CASSANDRA_READ_REQUEST_TIMEOUT_IN_MS": "5000", "CASSANDRA_READ_REQUEST_TIMEOUT": "5s"}
    assert "given twice, as read_request_timeout" in refused(both)


def test_the_file_has_values_in_their_types(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.yml"
    file.write_text("cassandra.yaml:\n  concurrent_reads: '8'\n")
    assert "cassandra.yaml: concurrent_reads=8 is not a whole number" in refused({}, file)
    file.write_text("cassandra.yaml:\n  1: 8\n")
    assert "cassandra.yaml: 1 is no key" in refused({}, file)


def test_names_in_the_lists_are_keys() -> None:
    for names in (cassandra_yaml.OWNED, cassandra_yaml.ELSEWHERE, cassandra_yaml.NEWER_NAMES.values()):
        assert not set(names) - set(cassandra_yaml.KINDS)


def test_every_key_has_a_rule_in_words() -> None:
    rules = {key: cassandra_yaml.kind_of(key).rule for key in cassandra_yaml.KINDS}
    assert [key for key, rule in rules.items() if not rule.isprintable() or rule.endswith(".")] == []
