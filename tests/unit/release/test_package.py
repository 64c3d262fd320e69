"""The DC/OS package: its files are valid, and so are the apps that they render, which set what was asked."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from release.options import LEFT_OUT, options
from release.package import UNIVERSE
from release.tarball import version
from scheduler.daemon import configuration
from scheduler.daemon.configuration.table import SETTINGS
from scheduler.model.settings import Settings
from tests.unit.release.cosmos import NEEDED, NotValid, render
from tests.unit.release.schemas import APP, CONFIG, PACKAGE, RESOURCE, problems, read

Json = Any

EVERYTHING_UNUSUAL: Json = {
    "service": {
        "name": "data/cassandra-2",
        "service_account": "cassandra-account",
        "service_account_secret": "data/cassandra-2/secret",
        "user": "cassandra",
        "standby": True,
        "cpus": 1.5,
        "mem": 1024,
        "docker_image": "registry.example.com/cassandra-mesos:0.1.0",
    },
    "mesos": {"master": "zk://10.0.0.1:2181,10.0.0.2:2181/mesos", "zookeeper_servers": "10.0.0.1:2181"},
    "api": {
        "auth": "token",
        "tokens_secret": "data/cassandra-2/tokens",
        "port": 19000,
        "tls_cert": "/etc/tls/cert.pem",
        "tls_key": "/etc/tls/key.pem",
        "metrics_auth": True,
    },
    "nodes": {"count": 5, "seed_nodes": 3, "placement_constraint": '[["rack", "LIKE", "r[12]\\\\d"]]'},
    "cassandra": {
        "cpus": 2.5,
        "heap_size_mb": 3000,
        "jvm_extra_opts": '-Dname="a & b" -Dpath=C:\\x',
        "disk_type": "MOUNT",
    },
    "cassandra_yaml": {
        "concurrent_reads": 64,
        "auto_snapshot": False,
        "write_request_timeout": "3s",
        "num_tokens": 8,
        "authenticator": '{"class_name": "PasswordAuthenticator", "parameters": {}}',
    },
    "operations": {"log_format": "json"},
}


def merged(options: Json) -> Json:
    """With the options that have no default."""
    return {**options, "cassandra": {**NEEDED["cassandra"], **options.get("cassandra", {})}}


def settings(app: Json) -> Settings:
    """What a scheduler makes of an app's environment; values of secrets are not given."""
    given = {name: value for name, value in app["env"].items() if isinstance(value, str)}
    return configuration.load({"API_PORT": str(app["portDefinitions"][0]["port"]), **given}, None)


@pytest.mark.parametrize(
    ("file", "schema"), [("package.json", PACKAGE), ("config.json", CONFIG), ("resource.json", RESOURCE)]
)
def test_the_files_of_the_package_are_valid(file: str, schema: Any) -> None:
    assert problems(read(UNIVERSE / file), read(schema)) == []


def test_every_setting_is_an_option_or_left_out_with_a_reason() -> None:
    named = {option.variable for option in options()}
    assert {setting.name for setting in SETTINGS} - named == LEFT_OUT


def test_every_option_is_described_typed_and_bounded() -> None:
    for name, group in read(UNIVERSE / "config.json")["properties"].items():
        for key, schema in group["properties"].items():
            where = f"{name}.{key}"
            assert len(schema["description"]) > 10, where
            bounded = {
                "boolean": True,
                "integer": {"minimum", "maximum"} <= schema.keys(),
                "number": {"minimum", "maximum"} <= schema.keys(),
                "string": "enum" in schema or "maxLength" in schema,
            }
            assert bounded[schema["type"]], where
            if "default" in schema:
                assert problems(schema["default"], schema) == [], where


def test_with_defaults_the_scheduler_has_its_own_defaults_but_for_what_dcos_has_else() -> None:
    app = render(NEEDED)
    assert problems(app, read(APP)) == []
    own = {"API_AUTH": "none", "SERVICE_USER": "nobody"}
    cassandra = {f"CASSANDRA_{name.upper()}": value for name, value in NEEDED["cassandra"].items()}
    expected = configuration.load({**own, **cassandra}, None)
    dcos = {"dns_suffix": "mesos", "vip_suffix": "l4lb.thisdcos.directory"}
    assert settings(app) == dataclasses.replace(expected, **dcos)
    assert (app["id"], app["instances"], app["secrets"]) == ("/cassandra", 1, {})
    assert app["labels"]["MARATHON_SINGLE_INSTANCE_APP"] == "true"


def test_unusual_options_come_through_whatever_characters_are_in_them() -> None:
    asked = merged(EVERYTHING_UNUSUAL)
    app = render(asked)
    assert problems(app, read(APP)) == []
    got = settings(app)
    assert (got.service.name, got.service.principal) == ("data/cassandra-2", "cassandra-account")
    assert (got.api.port, got.api.auth, got.api.tokens_file) == (19000, "token", "API_TOKENS")
    assert (got.nodes, got.seed_nodes, got.metrics_auth) == (5, 3, True)
    assert got.placement_constraint == asked["nodes"]["placement_constraint"]
    assert got.node.cassandra.jvm_extra_opts == asked["cassandra"]["jvm_extra_opts"]
    yaml = got.node.cassandra.yaml
    assert (yaml["concurrent_reads"], yaml["auto_snapshot"], yaml["num_tokens"]) == (64, False, 8)
    assert yaml["authenticator"] == {"class_name": "PasswordAuthenticator", "parameters": {}}
    assert got.log_format == "json"


def test_unusual_options_reach_marathon() -> None:
    app = render(merged(EVERYTHING_UNUSUAL))
    assert (app["id"], app["instances"], app["cpus"], app["mem"]) == ("/data/cassandra-2", 2, 1.5, 1024)
    assert "MARATHON_SINGLE_INSTANCE_APP" not in app["labels"]
    assert app["labels"]["DCOS_SERVICE_SCHEME"] == "https"
    assert {check["protocol"] for check in app["healthChecks"]} == {"MESOS_HTTPS"}
    assert app["container"]["docker"]["image"].endswith("cassandra-mesos:0.1.0")
    assert "fetch" not in app
    assert app["cmd"].endswith(" /opt/cassandra-mesos/bin/cassandra-scheduler")


@pytest.mark.parametrize(
    ("named", "variables"),
    [
        ({}, set()),
        ({"service": {"service_account_secret": "a"}}, {"SERVICE_SECRET"}),
        ({"api": {"tokens_secret": "b"}}, {"API_TOKENS"}),
        (
            {"service": {"service_account_secret": "a"}, "api": {"tokens_secret": "b"}},
            {"SERVICE_SECRET", "API_TOKENS"},
        ),
    ],
)
def test_secrets_are_named_and_never_reach_the_schedulers_environment(
    named: Json, variables: set[str]
) -> None:
    app = render(merged(named))
    assert problems(app, read(APP)) == []
    references = {name: value["secret"] for name, value in app["env"].items() if isinstance(value, dict)}
    assert set(references) == variables
    assert set(references.values()) == set(app["secrets"])
    for name in variables:
        assert f'printf %s "${name}" > {name}; ' in app["cmd"]
        assert f"-u {name} " in app["cmd"]
        assert app["env"][f"{name}_FILE"] == name


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        merged({"nodes": {"count": 0}}),
        merged({"nodes": {"count": "3"}}),
        merged({"service": {"name": "Cassandra!"}}),
        merged({"cassandra": {"sha512": "abc"}}),
        merged({"cassandra": {"disk_type": "SSD"}}),
        merged({"cassandra_yaml": {"seed_provider": "x"}}),
        merged({"service": {"colour": "blue"}}),
    ],
)
def test_what_the_scheduler_would_refuse_is_refused_before(wrong: Json) -> None:
    with pytest.raises(NotValid):
        render(wrong)


def test_the_version_is_the_projects_and_cassandras() -> None:
    assert read(UNIVERSE / "package.json")["version"].startswith(f"{version()}-")
    tarball = read(UNIVERSE / "resource.json")["assets"]["uris"]["scheduler-tarball"]
    assert f"/cassandra-mesos-{version()}-py3." in tarball
