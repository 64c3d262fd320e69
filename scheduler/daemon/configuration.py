"""Reading the configuration: a file, the environment above it, rules, and what depends on other values."""

from __future__ import annotations

import getpass
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from scheduler.daemon import cassandra_yaml
from scheduler.daemon.options import OPTIONS, SECRET, Option, value_at, with_value
from scheduler.model.settings import CassandraSettings, Settings

YAML_KEY = "cassandra.yaml"
YAML_PREFIX = "CASSANDRA_"

IGNORED = frozenset({"EXECUTOR_API_PORT"})
"""Accepted from older app definitions, without effect."""


class ConfigurationErrors(Exception):
    """What is wrong, one line each, naming key, value and rule."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def load(environment: Mapping[str, str], file: Path | None) -> Settings:
    """Read the effective configuration. Raises ConfigurationErrors."""
    return _Reader(environment, _file(file)).read()


def _file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationErrors([f"{path} cannot be read: {error}"]) from None
    except yaml.YAMLError as error:
        raise ConfigurationErrors([f"{path} is not YAML: {' '.join(str(error).split())}"]) from None
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigurationErrors([f"{path} is not a mapping of settings"])
    return data


class _Reader:
    """Collects values and errors. What is set anywhere is noted by its variable."""

    def __init__(self, environment: Mapping[str, str], file: dict[str, Any]) -> None:
        self._environment = environment
        self._file = file
        self._errors: list[str] = []
        self._set: set[str] = set()

    def read(self) -> Settings:
        settings = Settings()
        self._check_keys()
        for option in OPTIONS:
            settings = self._take(settings, option)
        settings = with_value(settings, "node.cassandra.yaml", self._cassandra_yaml())
        settings = self._derived(settings)
        if not self._errors:
            self._errors += cross_rules(settings)
        if self._errors:
            raise ConfigurationErrors(self._errors)
        return settings

    def _check_keys(self) -> None:
        known = {option.key for option in OPTIONS} | {YAML_KEY} | {name.lower() for name in IGNORED}
        self._errors += [f"{key} is not a setting" for key in self._file if key not in known]

    def _take(self, settings: Settings, option: Option) -> Settings:
        raw = self._environment.get(option.variable)
        if raw is None and option.key not in self._file:
            return settings
        self._set.add(option.variable)
        value = self._converted(option, self._file.get(option.key) if raw is None else raw)
        if value is None:
            return settings
        problem = option.rule(value) if option.rule else None
        if problem:
            shown = "…" if option.variable in SECRET else value
            self._errors.append(f"{option.variable}={shown} {problem}")
            return settings
        changed: Settings = with_value(settings, option.path, value)
        return changed

    def _converted(self, option: Option, raw: Any) -> Any:
        """The value in the option's type; None, and an error noted, where it is none."""
        try:
            return _convert(option.kind, raw)
        except ValueError:
            words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
            shown = "…" if option.variable in SECRET else raw
            self._errors.append(f"{option.variable}={shown} is not {words[option.kind]}")
            return None

    def _cassandra_yaml(self) -> dict[str, Any]:
        from_file = self._file.get(YAML_KEY) or {}
        if not isinstance(from_file, dict):
            self._errors.append(f"{YAML_KEY} is not a mapping")
            from_file = {}
        values = {**cassandra_yaml.DEFAULTS, **from_file, **self._yaml_variables()}
        for key, value in values.items():
            problem = cassandra_yaml.problem(str(key), value)
            if problem:
                self._errors.append(f"{YAML_PREFIX}{str(key).upper()} {problem}")
        return {str(key): value for key, value in values.items()}

    def _yaml_variables(self) -> dict[str, Any]:
        """``CASSANDRA_<KEY>`` of the environment that are no settings of our own."""
        ours = {option.variable for option in OPTIONS}
        return {
            variable.removeprefix(YAML_PREFIX).lower(): cassandra_yaml.read_value(text)
            for variable, text in self._environment.items()
            if variable.startswith(YAML_PREFIX) and variable not in ours
        }

    def _derived(self, settings: Settings) -> Settings:
        """Defaults that follow from other values."""
        name = settings.service.name
        flat = name.strip("/").replace("/", "__")
        defaults: dict[str, tuple[str, Any]] = {
            "SERVICE_PRINCIPAL": ("service.principal", f"{flat}-principal"),
            "SERVICE_ROLE": ("service.role", f"{flat}-role"),
            "SERVICE_CLUSTER": ("service.cluster", f"{flat}-cluster"),
            "SERVICE_USER": ("service.user", getpass.getuser()),
            "CASSANDRA_CLUSTER_NAME": ("node.cassandra.cluster_name", name),
            "SEED_NODES": ("seed_nodes", min(2, settings.nodes)),
            "MESOS_MASTER": ("mesos_master", self._mesos_master(settings)),
            "API_URL": ("api.url", self._marathon_url(settings)),
        }
        for variable, (path, value) in defaults.items():
            if variable not in self._set:
                settings = with_value(settings, path, value)
        return settings

    def _mesos_master(self, settings: Settings) -> str:
        servers, path = self._environment.get("MESOS_SERVERS"), self._environment.get("MESOS_PATH", "/mesos")
        return f"zk://{servers}{path}" if servers else settings.mesos_master

    def _marathon_url(self, settings: Settings) -> str:
        if "MARATHON_APP_ID" not in self._environment:
            return ""
        host = ".".join(reversed(settings.service.name.strip("/").split("/")))
        return f"http://{host}.marathon.mesos:{settings.api.port}"


def _convert(kind: type, raw: Any) -> Any:
    if kind is bool:
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        if str(raw).lower() not in words:
            raise ValueError(raw)
        return words[str(raw).lower()]
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise ValueError(raw)
    if kind is str:
        return str(raw)
    number = float(raw)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(raw)
    if kind is int:
        if number != int(number):
            raise ValueError(raw)
        return int(number)
    return number


def cross_rules(settings: Settings) -> list[str]:
    """What is wrong between values that are each right by themselves."""
    cassandra = settings.node.cassandra
    errors = []
    if settings.seed_nodes > settings.nodes:
        errors.append(f"SEED_NODES={settings.seed_nodes} is above NODES={settings.nodes}")
    if cassandra.heap_size_mb > cassandra.memory_mb:
        errors.append(
            f"CASSANDRA_HEAP_SIZE_MB={cassandra.heap_size_mb} is above "
            f"CASSANDRA_MEMORY_MB={cassandra.memory_mb:g}"
        )
    if len(set(cassandra.ports)) < len(cassandra.ports):
        errors.append(f"the CASSANDRA_*_PORT settings repeat a port: {sorted(cassandra.ports)}")
    if not cassandra.uri:
        errors.append("CASSANDRA_URI is not set: name Cassandra's tarball, as the agents reach it")
    return errors + _checksum_errors(cassandra) + _auth_errors(settings)


def _checksum_errors(cassandra: CassandraSettings) -> list[str]:
    pairs = (
        ("CASSANDRA", cassandra.uri, cassandra.sha512),
        ("JRE", cassandra.jre_uri, cassandra.jre_sha512),
        ("JOLOKIA", cassandra.jolokia_uri, cassandra.jolokia_sha512),
    )
    return [
        f"{name}_SHA512 is not set, and {name}_URI is" for name, uri, digest in pairs if uri and not digest
    ]


def _auth_errors(settings: Settings) -> list[str]:
    api = settings.api
    if api.auth in ("token", "jwt"):
        return [f"API_AUTH={api.auth} is not there yet: set none, and let only those reach the API who may"]
    if not api.auth and not _is_loopback(api.host):
        return [
            f"API_AUTH is not set, and API_HOST={api.host} is not a loopback address: set none (a proxy such "
            "as Admin Router in front checks who asks), token or jwt"
        ]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def effective(settings: Settings) -> str:
    """The effective configuration as YAML, secrets masked."""
    values = {option.key: _shown(option, settings) for option in OPTIONS}
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text + yaml.safe_dump({YAML_KEY: dict(settings.node.cassandra.yaml)}, sort_keys=True)


def _shown(option: Option, settings: Settings) -> Any:
    value = value_at(settings, option.path)
    return "…" if option.variable in SECRET and value else value


def default_file() -> str:
    """The commented default file, conf/scheduler.yml."""
    lines = [
        "# Settings of the scheduler. A line that is commented out shows the default.",
        "# An environment variable with the key's name in upper case wins over this file.",
        "",
    ]
    for option in OPTIONS:
        value = yaml.safe_dump(option.default, default_flow_style=True).removesuffix("...\n").strip()
        lines += [f"# {option.meaning}.", f"# {option.key}: {value}", ""]
    lines += ["# Keys of cassandra.yaml but those that the executor owns."]
    defaults = yaml.safe_dump({YAML_KEY: dict(cassandra_yaml.DEFAULTS)}, sort_keys=False)
    return "\n".join(lines + [f"# {line}" for line in defaults.splitlines()]) + "\n"
