"""The daemon as a process, before it has a ZooKeeper: tokens and certificates of its configuration."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

import pytest

from local.running import PROJECT
from tests.certificates import self_signed
from tests.integration.deployment.harness import free_port
from tests.integration.scripted_server import eventually

HOST = "127.0.0.1"
TOKEN = "0123456789abcdef"
END_SECONDS = 60

Ask = Callable[..., tuple[int, dict[str, object]]]


def environment(folder: Path, port: int, **settings: str) -> dict[str, str]:
    """Settings of a daemon whose ZooKeeper is not there."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "TMPDIR": str(folder),
        "API_HOST": HOST,
        "API_PORT": str(port),
        "CASSANDRA_URI": "file:///cassandra.tar.gz",
        "CASSANDRA_SHA512": "0" * 128,
        "ZOOKEEPER_SERVERS": f"{HOST}:1",
        "MESOS_MASTER": f"{HOST}:1",
        **settings,
    }


def certificate(folder: Path) -> dict[str, str]:
    """The settings for a certificate of 127.0.0.1 that signs itself."""
    made, key = self_signed(folder)
    return {"API_TLS_CERT": str(made), "API_TLS_KEY": str(key)}


@contextmanager
def daemon(folder: Path, **settings: str) -> Iterator[Ask]:
    """A daemon, to be asked."""
    port = free_port()
    context = (
        ssl.create_default_context(cafile=settings["API_TLS_CERT"]) if "API_TLS_CERT" in settings else None
    )

    def ask(path: str, **headers: str) -> tuple[int, dict[str, object]]:
        connection = (
            HTTPConnection(HOST, port, timeout=60)
            if context is None
            else HTTPSConnection(HOST, port, timeout=20, context=context)
        )
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body: dict[str, object] = json.loads(answer.read())
            return answer.status, body
        except (OSError, HTTPException):
            return 0, {}
        finally:
            connection.close()

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "scheduler"],
            env=environment(folder, port, **settings),
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: ask("/v1/health")[0] or process.poll() is not None, "the API")
        assert process.poll() is None, (folder / "log").read_text()
        yield ask
    finally:
        process.terminate()
        process.wait(END_SECONDS)
    assert TOKEN not in (folder / "log").read_text()


def test_the_daemon_asks_for_the_tokens_of_its_file_by_tls(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"alice read-only {TOKEN}\n")
    settings = {**certificate(tmp_path), "API_AUTH": "token", "API_TOKENS_FILE": str(tmp_path / "tokens")}
    with daemon(tmp_path, **settings) as ask:
        assert ask("/v1/health")[0] == 503
        assert ask("/v1/plan")[0] == 401
        assert ask("/v1/plan", Authorization=f"token={TOKEN}x")[0] == 401
        status, body = ask("/v1/plan", Authorization=f"token={TOKEN}")
        assert status == 503
        assert "ZooKeeper" in str(body["message"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"API_AUTH": "token", "API_TOKENS_FILE": "/nowhere"}, "API_TOKENS_FILE=/nowhere cannot be read"),
        ({"API_AUTH": "jwt", "API_JWKS": "/nowhere"}, "API_JWKS=/nowhere cannot be read"),
        ({"API_TLS_CERT": "/nowhere", "API_TLS_KEY": "/nowhere"}, "API_TLS_CERT=/nowhere"),
    ],
)
def test_what_cannot_be_used_ends_it_with_2_and_one_line(
    settings: dict[str, str], words: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scheduler"],
        env=environment(tmp_path, free_port(), **settings),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
