"""Cassandra's configuration files, written anew at each start."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from executor.failure import TaskFailed
from executor.layout import Layout
from protocol.task import ServerTask

LOGBACK = """<configuration>
  <appender name="FILE" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>${cassandra.logdir}/system.log</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.SizeAndTimeBasedRollingPolicy">
      <fileNamePattern>${cassandra.logdir}/system.log.%d{yyyy-MM-dd}.%i.zip</fileNamePattern>
      <maxFileSize>20MB</maxFileSize>
      <maxHistory>7</maxHistory>
      <totalSizeCap>200MB</totalSizeCap>
    </rollingPolicy>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"""
"""All goes to system.log, in the volume; standard output is left to what Java itself prints."""


@dataclass(frozen=True)
class Credentials:
    """The login of JMX and Jolokia: made at each start, known to this process and 0600 files alone."""

    user: str = "executor"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


def management_address(address: str) -> str:
    """Where management ports are bound: loopback; on a loopback agent its own, so that nodes don't clash."""
    return address if ipaddress.ip_address(address).is_loopback else "127.0.0.1"


def write_all(layout: Layout, task: ServerTask, address: str, credentials: Credentials) -> None:
    """Write every file for a node at ``address``. Raises TaskFailed."""
    write_cassandra_yaml(layout, task, address, _first_seeds(task, address))
    _write(layout.etc / "cassandra-rackdc.properties", _properties(dc=task.data_center, rack=task.rack))
    _write(layout.etc / "logback.xml", LOGBACK)
    _write_secrets(layout, task, management_address(address), credentials)


def write_cassandra_yaml(layout: Layout, task: ServerTask, address: str, seeds: Sequence[str]) -> None:
    """Write cassandra.yaml, whole or not at all. JSON is YAML, and needs no library."""
    text = json.dumps(cassandra_yaml(layout, task, address, seeds), indent=2)
    _write(layout.etc / "cassandra.yaml", f"# Written by the executor; changes are lost.\n{text}\n")


def _first_seeds(task: ServerTask, address: str) -> Sequence[str]:
    if task.founder:
        return (address,)
    if not task.seeds:
        raise TaskFailed(f"{task.node} was launched without seeds, so there is no cluster to join")
    return task.seeds


def cassandra_yaml(layout: Layout, task: ServerTask, address: str, seeds: Sequence[str]) -> dict[str, Any]:
    """The operator's keys, over them those that the executor owns, and what Cassandra needs besides."""
    base = layout.cassandra
    provider = {
        "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
        "parameters": [{"seeds": ",".join(seeds)}],
    }
    owned = {
        "cluster_name": task.cluster_name,
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "listen_address": address,
        "rpc_address": address,
        "storage_port": task.ports.storage,
        "ssl_storage_port": task.ports.ssl_storage,
        "native_transport_port": task.ports.native_transport,
        "seed_provider": [provider],
        "data_file_directories": [str(base / "data")],
        "commitlog_directory": str(base / "commitlog"),
        "saved_caches_directory": str(base / "saved_caches"),
        "hints_directory": str(base / "hints"),
        "cdc_raw_directory": str(base / "cdc_raw"),
    }
    return {**_defaults(task.yaml), **task.yaml, **owned, **_tokens(task)}


def _tokens(task: ServerTask) -> dict[str, Any]:
    """A restored node has the tokens that its data are of, and so nothing to fetch from anybody."""
    if not task.tokens:
        return {}
    tokens = ",".join(task.tokens)
    return {"num_tokens": len(task.tokens), "initial_token": tokens, "auto_bootstrap": False}


def _defaults(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that Cassandra does not start without. A period goes with periodic syncs alone."""
    defaults = {"partitioner": "org.apache.cassandra.dht.Murmur3Partitioner", "commitlog_sync": "periodic"}
    if wanted.get("commitlog_sync", "periodic") == "periodic":
        defaults["commitlog_sync_period"] = "10000ms"
    return defaults


def _write_secrets(layout: Layout, task: ServerTask, bound: str, credentials: Credentials) -> None:
    user, password = credentials.user, credentials.password
    jolokia = _properties(
        host=bound,
        port=str(task.ports.jolokia),
        discoveryEnabled="false",
        # One thread for all would keep every question waiting for as long as a decommission takes.
        executor="cached",
        user=user,
        password=password,
    )
    _write(layout.etc / "jolokia.properties", jolokia, mode=0o600)
    _write(layout.etc / "jmxremote.password", f"{user} {password}\n", mode=0o600)
    _write(layout.etc / "jmxremote.access", f"{user} readwrite\n", mode=0o600)


def _properties(**values: str) -> str:
    # Java's escapes for values are among JSON's: \\, \n, \t, \uXXXX for all that is not ASCII.
    return "".join(f"{key}={json.dumps(value)[1:-1]}\n" for key, value in values.items())


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Put a file in place by a rename: a reader finds the old one or the new one, whole."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    temporary.replace(path)
