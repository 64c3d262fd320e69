"""The effective configuration: where values come from, what is derived, what is refused."""

from pathlib import Path

import pytest

from scheduler.daemon import configuration
from scheduler.daemon.configuration import ConfigurationErrors
from scheduler.daemon.configuration.table import SETTINGS
from scheduler.model.settings import Settings

SHA512 = "ab" * 64
LEAST = {
    "API_AUTH": "none",
    "CASSANDRA_URI": "https://example.org/c.tgz",
    "CASSANDRA_SHA512": SHA512,
}


def load(file: Path | None = None, **environment: str) -> Settings:
    return configuration.load({**LEAST, **environment}, file)


def errors(file: Path | None = None, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationErrors) as caught:
        load(file, **environment)
    return caught.value.lines


def written(folder: Path, text: str) -> Path:
    path = folder / "scheduler.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_those_of_the_settings_but_for_what_is_derived() -> None:
    found, plain = load(), Settings()
    assert (found.nodes, found.seed_nodes, found.api.port) == (3, 2, 9000)
    assert found.mesos_master == plain.mesos_master
    assert found.node.cassandra.ports == plain.node.cassandra.ports
    assert found.node.cassandra.yaml == {"num_tokens": 16, "allocate_tokens_for_local_replication_factor": 3}


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, "nodes: 5\nseed_nodes: 3\n")
    found = load(file, NODES="4")
    assert (found.nodes, found.seed_nodes, found.dc_sync_ms) == (4, 3, 60000)


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.path], ids=lambda s: s.name)
def test_every_setting_is_read_from_the_environment_and_alike_from_the_file(setting, tmp_path: Path) -> None:
    value = EXAMPLES[setting.name]
    needed = {k: v for k, v in NEEDS.get(setting.name, {}).items() if k != setting.name}
    other = {name: text for name, text in LEAST.items() if name != setting.name}
    by_environment = configuration.load({**other, **needed, setting.name: str(value)}, None)
    file = written(tmp_path, f"{setting.key}: {value}\n")
    by_file = configuration.load({**other, **needed}, file)
    assert by_environment == by_file
    found: object = by_file
    for name in setting.path.split("."):
        found = getattr(found, name)
    assert found == (value if not isinstance(value, str) else EXPECTED.get(setting.name, value))


EXAMPLES = {
    "SERVICE_NAME": "data/cassandra",
    "SERVICE_PRINCIPAL": "someone",
    "SERVICE_ROLE": "a/b",
    "SERVICE_CLUSTER": "c1",
    "SERVICE_SECRET_FILE": "/run/secret",
    "SERVICE_USER": "nobody",
    "SERVICE_FAILOVER_TIMEOUT_S": 60,
    "MESOS_MASTER": "10.0.0.1:5050",
    "MESOS_REFUSE_SECONDS": 1.5,
    "ZOOKEEPER_SERVERS": "zk1:2181,zk2:2181",
    "ZOOKEEPER_AUTH": "user:secret",
    "ZOOKEEPER_AUTH_FILE": "/run/zk",
    "API_HOST": "127.0.0.1",
    "API_PORT": 9001,
    "API_URL": "https://example.org/cassandra",
    "API_AUTH": "none",
    "API_TOKENS_FILE": "/run/tokens",
    "API_JWKS": "/run/jwks",
    "METRICS_AUTH": True,
    "DNS_SUFFIX": "mesos",
    "VIP_SUFFIX": "l4lb.thisdcos.directory",
    "NODES": 7,
    "SEED_NODES": 1,
    "SERVICE_ALLOW_SHRINK": 2,
    "SERVICE_UNINSTALL": True,
    "PLACEMENT_CONSTRAINT": "rack:MAX_PER:2",
    "EXECUTOR_CPUS": 0.2,
    "EXECUTOR_MEMORY_MB": 300,
    "EXECUTOR_URI": "file:///executor.pyz",
    "CLUSTER_TASK_CPUS": 1,
    "CLUSTER_TASK_MEMORY_MB": 1024,
    "CASSANDRA_CLUSTER_NAME": "Test Cluster",
    "CASSANDRA_CPUS": 2,
    "CASSANDRA_MEMORY_MB": 8192,
    "CASSANDRA_DISK_MB": 20480,
    "CASSANDRA_DISK_TYPE": "MOUNT",
    "CASSANDRA_HEAP_SIZE_MB": 1024,
    "CASSANDRA_HEAP_NEW_MB": 200,
    "CASSANDRA_GC_TYPE": "SERIAL",
    "CASSANDRA_JVM_EXTRA_OPTS": "-Xss512k -Dx=y",
    "CASSANDRA_VERSION": "5.0.9",
    "CASSANDRA_URI": "http://example.org/c.tgz",
    "CASSANDRA_SHA512": "cd" * 64,
    "JRE_URI": "http://example.org/jre.tgz",
    "JRE_SHA512": "cd" * 64,
    "JOLOKIA_URI": "http://example.org/jolokia.jar",
    "JOLOKIA_SHA512": "cd" * 64,
    "JAVA_HOME": "/usr/lib/jvm/17",
    "CASSANDRA_STORAGE_PORT": 17000,
    "CASSANDRA_SSL_STORAGE_PORT": 17001,
    "CASSANDRA_NATIVE_TRANSPORT_PORT": 19042,
    "CASSANDRA_JMX_PORT": 17199,
    "CASSANDRA_JOLOKIA_PORT": 18778,
    "CASSANDRA_LOCATION_DATA_CENTER": "dc2",
    "CASSANDRA_LOCATION_RACK": "rack_2",
    "CASSANDRA_ROLLING_RESTART_NAME": "again",
    "CQL_USER": "backup",
    "CQL_PASSWORD_FILE": "/run/cql",
    "CQL_CA_FILE": "/run/ca",
    "BACKUP_LOCATION": "s3://bucket/prefix",
    "BACKUP_CREDENTIALS_FILE": "/run/s3",
    "EXTERNAL_DCS": "http://a/v1/datacenter,http://b/v1/datacenter",
    "DC_URL": "http://c/v1/datacenter",
    "DC_SYNC_MS": 5000,
    "SECRETS_KEY_FILE": "/run/key",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "json",
    "API_TLS_CERT": "",
    "API_TLS_KEY": "",
}
EXPECTED = {"LOG_LEVEL": "DEBUG"}
NEEDS = {
    "JRE_URI": {"JRE_SHA512": SHA512},
    "JOLOKIA_URI": {"JOLOKIA_SHA512": SHA512},
}


def test_names_follow_from_the_services_name() -> None:
    found = load(SERVICE_NAME="orders")
    assert (found.service.principal, found.service.role, found.service.cluster) == (
        "orders-principal",
        "orders-role",
        "orders-cluster",
    )
    assert found.node.cassandra.cluster_name == "orders"
    assert found.service.zk_root == "/dcos-service-orders"


def test_a_service_in_a_folder_has_no_slash_where_mesos_takes_none() -> None:
    found = load(SERVICE_NAME="/data/orders", MARATHON_APP_ID="/data/orders")
    assert found.service.role == "data__orders-role"
    assert found.service.zk_root == "/dcos-service-data__orders"
    assert found.api.url == "http://orders-data.marathon.mesos:9000"


def test_the_address_under_marathon_is_that_of_mesos_dns() -> None:
    found = load(MARATHON_APP_ID="/cassandra", API_PORT="9001")
    assert found.api.url == "http://cassandra.marathon.mesos:9001"
    assert found.dc_url == "http://cassandra.marathon.mesos:9001/v1/datacenter"
    assert (load().api.url, load().dc_url) == ("", "")


def test_the_older_variables_of_the_master_are_read_where_the_new_one_is_not_set() -> None:
    assert load(MESOS_SERVERS="z1:2181,z2:2181", MESOS_PATH="/m").mesos_master == "zk://z1:2181,z2:2181/m"
    assert load(MESOS_SERVERS="z1:2181", MESOS_MASTER="m:5050").mesos_master == "m:5050"


@pytest.mark.parametrize(("nodes", "seeds"), [("1", 1), ("2", 2), ("9", 2)])
def test_there_are_never_more_seeds_than_nodes_by_default(nodes: str, seeds: int) -> None:
    assert load(NODES=nodes).seed_nodes == seeds


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.3", "localhost", "::1"])
def test_on_loopback_the_api_needs_no_word_on_authentication(host: str) -> None:
    assert load(API_HOST=host, API_AUTH="").api.auth == "none"


def test_elsewhere_it_does_and_the_choices_are_named() -> None:
    (line,) = errors(API_HOST="0.0.0.0", API_AUTH="")
    for word in ("API_AUTH", "0.0.0.0", "none", "token", "jwt"):
        assert word in line


@pytest.mark.parametrize(("mode", "needed"), [("token", "API_TOKENS_FILE"), ("jwt", "API_JWKS")])
def test_authentication_needs_to_know_its_tokens_or_keys(mode: str, needed: str) -> None:
    (line,) = errors(API_AUTH=mode)
    assert line.startswith(f"{needed} must be set")
    assert load(API_AUTH=mode, **{needed: "/run/secrets/it"}).api.auth == mode


@pytest.mark.parametrize("alone", ["API_TLS_CERT", "API_TLS_KEY"])
def test_a_certificate_and_its_key_go_together(alone: str) -> None:
    (line,) = errors(**{alone: "/run/it"})
    assert "API_TLS_CERT and API_TLS_KEY go together" in line


def test_with_a_certificate_the_address_under_marathon_is_https() -> None:
    settings = load(API_TLS_CERT="/run/cert", API_TLS_KEY="/run/key", MARATHON_APP_ID="/cassandra")
    assert settings.api.url == "https://cassandra.marathon.mesos:9000"


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    file = written(tmp_path, "nodes: 5\nservice_principal:\n")
    assert load(file, NODES="", SERVICE_PRINCIPAL="", API_URL="", MARATHON_APP_ID="/x").nodes == 5
    assert load(SERVICE_PRINCIPAL="").service.principal == "cassandra-principal"


def test_an_empty_placement_constraint_is_none() -> None:
    assert load(PLACEMENT_CONSTRAINT="").placement_constraint == ""


@pytest.mark.parametrize(
    "variable",
    ["EXECUTOR_API_PORT", "CASSANDRA_HEAP_GC", "CASSANDRA_PERSISTENT_VOLUME", "CASSANDRA_VOLUME_SIZE_MB"],
)
def test_variables_of_older_app_definitions_without_effect_are_ignored(variable: str) -> None:
    assert load(**{variable: "anything"}) == load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NODES", "0"),
        ("NODES", "three"),
        ("NODES", "3.0"),
        ("NODES", "٣"),
        ("NODES", "1_0"),
        ("NODES", "9" * 5000),
        ("CASSANDRA_CPUS", "0"),
        ("CASSANDRA_CPUS", "nan"),
        ("CASSANDRA_CPUS", "inf"),
        ("CASSANDRA_CPUS", "1e3"),
        ("API_PORT", "65536"),
        ("API_PORT", "0"),
        ("CASSANDRA_DISK_TYPE", "PATH"),
        ("CASSANDRA_GC_TYPE", "CMS"),
        ("CASSANDRA_SHA512", "ab" * 63),
        ("CASSANDRA_SHA512", "xy" * 64),
        ("CASSANDRA_URI", "ftp://example.org/c.tgz"),
        ("CASSANDRA_URI", "cassandra.tgz"),
        ("SERVICE_NAME", "a//b"),
        ("SERVICE_NAME", "../x"),
        ("SERVICE_NAME", "a b"),
        ("SERVICE_ROLE", "*"),
        ("SERVICE_ROLE", "-role"),
        ("SERVICE_ROLE", "a/../b"),
        ("MESOS_MASTER", "zk://h:2181"),
        ("MESOS_MASTER", "http://h:5050"),
        ("MESOS_MASTER", "h:port"),
        ("MESOS_SERVERS", "h1:1,"),
        ("MESOS_PATH", "mesos"),
        ("ZOOKEEPER_SERVERS", "h1:2181;h2:2181"),
        ("METRICS_AUTH", "maybe"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("DC_SYNC_MS", "5"),
        ("BACKUP_LOCATION", "s3:/bucket"),
        ("BACKUP_LOCATION", "http://host"),
        ("EXTERNAL_DCS", "a,b"),
        ("JAVA_HOME", "java"),
        ("CASSANDRA_LOCATION_RACK", "a b"),
        ("CASSANDRA_LOCATION_DATA_CENTER", "a=b"),
        ("CASSANDRA_JVM_EXTRA_OPTS", "-Xmx1g\n-Dx=y"),
        ("PLACEMENT_CONSTRAINT", "hostname"),
        ("PLACEMENT_CONSTRAINT", "hostname:NEAR"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_variable_value_and_rule(variable: str, value: str) -> None:
    (line,) = errors(**{variable: value})
    assert line.startswith(f"{variable}=")
    assert " is not " in line
    assert len(line) < 400
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("nodes: three", "nodes=three is not a whole number"),
        ("nodes: '3'", "nodes=3 is not a whole number"),
        ("nodes: true", "nodes=True is not a whole number"),
        ("nodes: [3]", "nodes=[3] is not a whole number"),
        ("cassandra_cpus: .inf", "cassandra_cpus=inf is not a number"),
        ("metrics_auth: 1", "metrics_auth=1 is not true or false"),
        ("service_name: 2020-01-01", "service_name=datetime.date(2020, 1, 1) is not"),
        ("node: 3", "node is no setting"),
        ("NODES: 3", "NODES is no setting"),
        ("3: 4", "3 is no setting"),
        ("cassandra.yaml: 5", "cassandra.yaml=5 is not a map"),
        ("- nodes", ""),
        ("just text", ""),
        ("a: b: c", ""),
        ("\tx", ""),
        ("\x00", ""),
        ("[" * 1000, ""),
    ],
)
def test_a_wrong_file_is_told_by_its_keys(tmp_path: Path, text: str, start: str) -> None:
    file = written(tmp_path, text)
    (line,) = errors(file)
    assert line.startswith(start or str(file))


def test_a_file_that_is_missing_or_no_text_is_an_error(tmp_path: Path) -> None:
    assert "cannot be read" in errors(tmp_path / "missing.yml")[0]
    assert "cannot be read" in errors(tmp_path)[0]
    (tmp_path / "bytes.yml").write_bytes(b"\xff\xfe\xfa")
    assert "is not YAML" in errors(tmp_path / "bytes.yml")[0]


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load(written(tmp_path, "")) == load(written(tmp_path, "# nothing\n")) == load()


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"NODES": "2", "SEED_NODES": "3"}, ["SEED_NODES=3", "NODES", "2"]),
        ({"CASSANDRA_HEAP_SIZE_MB": "5000"}, ["CASSANDRA_HEAP_SIZE_MB=5000", "CASSANDRA_MEMORY_MB", "4096"]),
        ({"CASSANDRA_HEAP_NEW_MB": "3000"}, ["CASSANDRA_HEAP_NEW_MB=3000", "CASSANDRA_HEAP_SIZE_MB"]),
        ({"CASSANDRA_URI": ""}, ["CASSANDRA_URI"]),
        ({"CASSANDRA_SHA512": ""}, ["CASSANDRA_SHA512", "CASSANDRA_URI"]),
        ({"JRE_URI": "file:///jre.tgz"}, ["JRE_SHA512", "JRE_URI"]),
        ({"JOLOKIA_URI": "file:///j.jar"}, ["JOLOKIA_SHA512", "JOLOKIA_URI"]),
        ({"CASSANDRA_JMX_PORT": "7000"}, ["CASSANDRA_STORAGE_PORT, CASSANDRA_JMX_PORT", "7000"]),
        ({"ZOOKEEPER_AUTH": "u:p", "ZOOKEEPER_AUTH_FILE": "/x"}, ["ZOOKEEPER_AUTH and ZOOKEEPER_AUTH_FILE"]),
    ],
)
def test_values_that_do_not_go_together_are_named(environment: dict[str, str], names: list[str]) -> None:
    (line,) = errors(**environment)
    assert [name for name in names if name not in line] == []


def test_all_that_is_wrong_is_told_at_once_but_nothing_that_only_follows() -> None:
    lines = errors(NODES="none", SEED_NODES="9", API_PORT="x", CASSANDRA_NONSENSE="1", API_AUTH="jwt")
    assert [line.split("=")[0].split(" ")[0] for line in lines] == [
        "API_PORT",
        "NODES",
        "CASSANDRA_NONSENSE",
        "API_JWKS",
    ]


def test_no_error_tells_a_secret() -> None:
    assert "hunter2" not in "".join(errors(ZOOKEEPER_AUTH="hunter2"))
    assert "hunter2" not in "".join(errors(CASSANDRA_URI="ftp://user:hunter2@host/x"))
    assert "hunter2" not in "".join(errors(CASSANDRA_JVM_EXTRA_OPTS="-Dpassword=hunter2\n"))


def test_checksums_are_compared_in_one_spelling() -> None:
    assert load(CASSANDRA_SHA512="AB" * 64) == load(CASSANDRA_SHA512="ab" * 64)


def test_without_a_name_for_the_running_user_one_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4242424242)
    assert "SERVICE_USER" in errors()[0]
    assert load(SERVICE_USER="nobody").service.user == "nobody"
