"""The running API against its description: whatever is asked, nothing fails and all answers are described."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gevent import subprocess

from api.app import create_app
from api.server import Server
from tests.unit.api.service import deployed

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)

DEADLINE_SECONDS = 500


@pytest.fixture
def address() -> Iterator[str]:
    service = deployed()
    service.settings = replace(service.settings, backup_location="s3://backups/cassandra")
    server = Server(create_app(service, lambda: service.cluster.now), "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


def explore(address: str, folder: Path, *options: str) -> None:
    """Ask what Schemathesis thinks of. It takes the described answer 501 for a failure."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{address}/v1/openapi.json",
        "--checks",
        ",".join(CHECKS),
        "--exclude-operation-id",
        "putDatacenter",
        "--generation-deterministic",
        "--continue-on-failure",
        "--no-color",
        "--warnings",
        "off",
        *options,
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stdout.decode()[-5000:]


def test_nothing_fails_and_nothing_is_answered_that_is_not_described(address: str, tmp_path: Path) -> None:
    explore(address, tmp_path, "--phases", "fuzzing", "--max-examples", "3")


@pytest.mark.soak
def test_nor_in_many_more_ways(address: str, tmp_path: Path) -> None:
    explore(address, tmp_path, "--phases", "coverage,fuzzing", "--max-examples", "30")
