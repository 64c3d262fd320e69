"""A cluster with a store beside it, and the calls that order and watch backups."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cassandra.auth import PlainTextAuthProvider

from executor.lock import holders
from local.parts import FAST_START, SMALL_JVM
from local.running import PROJECT
from tests.certificates import self_signed
from tests.integration.conftest import LocalCluster
from tests.integration.maintenance.conftest import Service

log = logging.getLogger(__name__)

SECRET = "canary-secret-4f0c9a7be1"

NO_FLUSH_OF_SCHEMA = "-Dcassandra.test.flush_local_schema_changes=false"

ADMIN = PlainTextAuthProvider("cassandra", "cassandra")


@dataclass
class Backups(Service):
    """Orders with the store's address and keys in them."""

    def body(self, name: str | None = None, **more: Any) -> dict[str, Any]:
        """A request's body."""
        location = self.places["s3"]["external_location"]
        keys = {"s3_access_key": "canary-access-key", "s3_secret_key": SECRET}
        named = {} if name is None else {"backup_name": name}
        return {**named, "external_location": location, **keys, **more}

    def order(self, path: str, name: str, **more: Any) -> Any:
        """Give an order that is to be taken."""
        status, told = self.call("PUT", path, self.body(name, **more))
        assert status == 202, told
        return told

    def done(self, kind: str) -> Any:
        """Wait until an operation has ended, well."""
        before = time.monotonic()
        told = self.completed(kind)
        log.info("%s %s: another %.1f s", kind, told["name"], time.monotonic() - before)
        return told

    def failed(self, kind: str) -> str:
        """Wait until an operation has failed; all that its nodes say of it."""
        told = self.until(f"/v1/{kind}/status", lambda told: told["status"] != "running")
        assert told["status"] == "failed", told
        return " ".join([told["message"], *(node["message"] for node in told["nodes"].values())])

    def kill_scheduler(self) -> None:
        """End the scheduler by SIGKILL, and start it again."""
        self._kill("scheduler")
        self.until("/v1/backup/status", lambda told: True)

    def kill_agent(self, node: int) -> None:
        """The same with the agent that a node runs on, whose executor runs on."""
        self._kill(f"agent-{self.agent(node)}")

    def _kill(self, part: str) -> None:
        for verb in ("kill", "start"):
            done = self.local.command(verb, part)
            assert done.returncode == 0, done.stderr

    def executor(self, node: int) -> int | None:
        """The process of a node's executor, if there is one now."""
        found = [one.pid for one in holders(self.volume(node) / "lock") if one.name != "java"]
        return found[0] if found else None

    def kill_executor(self, node: int) -> None:
        """End a node's executor by SIGKILL, as soon as there is one."""
        deadline = time.monotonic() + 300
        while (pid := self.executor(node)) is None:
            assert time.monotonic() < deadline, f"node-{node} has no executor"
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)

    def set(self, **settings: str) -> None:
        """Start the scheduler again with other settings, and wait until it leads."""
        given = [f"--env={name}={value}" for name, value in settings.items()]
        done = self.local.command("restart", "scheduler", *given)
        assert done.returncode == 0, done.stderr
        self.until("/v1/plan", lambda told: told["status"] == "COMPLETE")

    def names(self) -> list[str]:
        """The backups at the place, the oldest first."""
        status, told = self.call("PUT", "/v1/backups/list", self.body())
        assert status == 200, told
        return [row["name"] for row in sorted(told["backups"], key=lambda row: row["ended_at"])]

    def snapshots(self) -> list[str]:
        """The folders of snapshots on all nodes."""
        found = self.local.data.glob("agent-*/volumes/roles/*/*/cassandra/data/*/*/snapshots/backup-*")
        return [str(path) for path in found]


def processes(data: Path) -> list[Path]:
    """Where the kernel tells of each process of a cluster, Cassandra's too: all have paths below its data."""
    own, mark = str(os.getpid()), f"={data}/".encode()
    folders = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name != own]
    return [found for found in folders if mark in _environment(found)]


def _environment(process: Path) -> bytes:
    """Nothing where it is somebody else's, and so none of a cluster of ours."""
    try:
        return content(process / "environ")
    except PermissionError:
        return b""


def content(path: Path) -> bytes:
    """What is in a file; nothing where it is gone, for processes end and Cassandra compacts its own."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture
def backups(shared_cluster: LocalCluster) -> Iterator[Backups]:
    """The cluster that tests share."""
    yield Backups(shared_cluster, shared_cluster.up())


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """A bucket that outlives clusters."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "local.s3", "--host=127.0.0.1", f"--port={port}", "--bucket=kept"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/kept/prefix"
    process.terminate()
    process.wait()


def by_tls(folder: Path) -> dict[str, str]:
    """The setting for nodes that take CQL by TLS alone."""
    folder.mkdir()
    certificate, key = self_signed(folder)
    both = folder / "both"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    options = {
        "enabled": True,
        "optional": False,
        "require_client_auth": False,
        # Unlike a keystore of Java's it needs no password, which would stand in the settings.
        "ssl_context_factory": {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"},
        "keystore": str(both),
        "truststore": str(certificate),
    }
    return {"CASSANDRA_CLIENT_ENCRYPTION_OPTIONS": json.dumps(options)}


def trusting() -> ssl.SSLContext:
    """What a client of such nodes needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextlib.contextmanager
def everything_on(
    data: Path, store: str, *, nodes: int = 3, tls: bool = False, **more: str
) -> Iterator[Backups]:
    """Nodes that know users, views and functions, and back up to the store; ended afterwards."""
    local, files = LocalCluster(data), data.parent
    password, key = files / "password", files / "key"
    password.write_text("cassandra\n")
    key.write_text("a key that is long enough to be one, and so is not refused\n")
    settings = {
        "CASSANDRA_AUTHENTICATOR": "PasswordAuthenticator",
        "CASSANDRA_AUTHORIZER": "CassandraAuthorizer",
        "CASSANDRA_MATERIALIZED_VIEWS_ENABLED": "true",
        "CASSANDRA_USER_DEFINED_FUNCTIONS_ENABLED": "true",
        # So a hundred tables are made sooner; a snapshot flushes all that it is of.
        "CASSANDRA_JVM_EXTRA_OPTS": f"{SMALL_JVM} {FAST_START} {NO_FLUSH_OF_SCHEMA}",
        "CASSANDRA_READ_REQUEST_TIMEOUT": "30s",
        "CASSANDRA_WRITE_REQUEST_TIMEOUT": "30s",
        "CQL_USER": "cassandra",
        "CQL_PASSWORD_FILE": str(password),
        "SECRETS_KEY_FILE": str(key),
        **(by_tls(files / "tls") if tls else {}),
        **more,
    }
    try:
        before = time.monotonic()
        given = [f"--env={name}={value}" for name, value in settings.items()]
        places = local.up("--nodes", str(nodes), "--agents", "4", *given)
        log.info("%d nodes are up after %.1f s", nodes, time.monotonic() - before)
        places["s3"] = {"external_location": store}
        yield Backups(local, places, ADMIN, trusting() if tls else None)
    finally:
        local.down()
