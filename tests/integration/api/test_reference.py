"""The calls that clients of the published reference make, by curl as they make them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gevent import subprocess

from api.app import create_app
from api.server import Server
from protocol.backup import Checked
from protocol.schema import Schema
from tests.unit.api.service import MemoryService, deployed

pytestmark = pytest.mark.needs("curl", "bash")

V1 = "$MASTER/service/cassandra/v1"
TOKEN = '-H "Authorization: token=$AUTH_TOKEN"'

BODY = """{
    "nodes":["*"],
    "key_spaces":["my_keyspace"],
    "column_families":["my_cf_1", "my_cf_w"]
}"""

BACKUP = """{
    "backup_name":"%s",
    "external_location":"s3://<bucket-name>",
    "s3_access_key":"<s3-access-key>",
    "s3_secret_key":"<s3-secret-key>"
}"""

CALLS = [
    (f"curl {TOKEN} {V1}/plan", 200, "COMPLETE"),
    (f"curl {TOKEN} $MASTER/cassandra/v1/connection", 200, "10.0.0.1:9042"),
    (f"curl -X POST {TOKEN} {V1}/plan?cmd=interrupt", 200, "Received cmd: interrupt"),
    (f"curl -X PUT {TOKEN} {V1}/plan?cmd=proceed", 200, "Received cmd: proceed"),
    (f"curl {TOKEN} {V1}/nodes/0/status", 200, "native_transport_running"),
    (f"curl {TOKEN} {V1}/nodes/node-0/info", 200, "operating_mode"),
    (f'curl -X PUT {TOKEN} "Content-Type:application/json" {V1}/cleanup/start --data @body', 202, "started"),
    (f'curl -X PUT {TOKEN} "Content-Type:application/json" {V1}/repair/start --data @body', 202, "started"),
    (f'curl -X PUT {TOKEN} "Content-Type: application/json" -d @backup {V1}/backup/start', 202, "started"),
    (f"curl -X GET {TOKEN} $MASTER/v1/backup/status", 200, "none"),
    (f"curl {TOKEN} {V1}/restore/status", 200, "none"),
]

COMING = [f"curl -X PUT {TOKEN} {V1}/datacenter -d @body"]


RESTORE = f'curl -X PUT {TOKEN} "Content-Type: application/json" -d @restore {V1}/restore/start'


@pytest.fixture
def service() -> MemoryService:
    return deployed()


@pytest.fixture
def master(service: MemoryService) -> Iterator[str]:
    server = Server(create_app(service, lambda: service.cluster.now), "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


def run(command: str, master: str, folder: Path) -> list[tuple[int, str]]:
    """Run a line in a shell; the status and body of each answer.

    A header without -H, as some lines have it, is an address to curl, at which nothing answers.
    """
    (folder / "body").write_text(BODY)
    for name in ("backup", "restore"):
        (folder / name).write_text((BACKUP % name).replace("<bucket-name>", "bucket"))
    environment = {"AUTH_TOKEN": "uSeR_t0k3n", "MASTER": master, "PATH": "/usr/bin:/bin"}
    shown = command.replace("curl ", r"curl -s -w '\n%{http_code}\n' ", 1)
    result = subprocess.run(["bash", "-c", shown], env=environment, cwd=folder, stdout=-1, timeout=30)
    lines = [line for line in result.stdout.decode().splitlines() if line not in ("", "000")]
    return [(int(code), body) for body, code in zip(lines[0::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("command", "code", "word"), CALLS)
def test_a_call_of_the_reference_is_answered(
    command: str, code: int, word: str, master: str, tmp_path: Path
) -> None:
    ((found, body),) = run(command, master, tmp_path)
    assert found == code
    assert isinstance(json.loads(body), dict)
    assert word in body


def test_a_restore_is_started_into_a_new_cluster(service: MemoryService, master: str, tmp_path: Path) -> None:
    service.schemas = Schema({})
    service.there = {"restore": Checked(found=True, nodes=3)}
    ((found, body),) = run(RESTORE, master, tmp_path)
    assert (found, json.loads(body)) == (202, {"status": "started", "message": ""})


@pytest.mark.parametrize("command", COMING)
def test_a_call_that_is_still_to_come_says_so_whatever_its_content_type(
    command: str, master: str, tmp_path: Path
) -> None:
    ((found, body),) = run(command, master, tmp_path)
    assert found == 501
    assert "not there yet" in json.loads(body)["message"]
