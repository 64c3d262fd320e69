"""Every line of curl that the published reference prints, run as it is printed by a shell.

Filled in are only the service's address (under the name of the master, as behind the router), its token, the
number of a node, and in the bodies the names that the reference leaves open. The last line is misprinted, as
``curl -X -H …``, and so has the GET here that it lacks.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gevent import subprocess

from api.app import create_app
from api.auth.tokens import read_tokens
from api.server import Server
from protocol.backup import Checked
from protocol.schema import Schema
from tests.unit.api.service import MemoryService, deployed

pytestmark = pytest.mark.needs("curl", "bash")

TOKEN = "uSeR_t0k3n_of_20_chr"

MAINTENANCE = """{
    "nodes":["*"],
    "key_spaces":["my_keyspace"],
    "column_families":["my_cf_1", "my_cf_w"]
}"""

BACKUP = """{
    "backup_name":"<backup-name>",
    "external_location":"s3://<bucket-name>",
    "s3_access_key":"<s3-access-key>",
    "s3_secret_key":"<s3-secret-key>"
}"""

RESTORE = """{
    "backup_name":"<backup-name-to-restore>",
    "external_location":"s3://<bucket-name-where-backups-are-stored>",
    "s3_access_key":"<s3-access-key>",
    "s3_secret_key":"<s3-secret-key>"
}"""

BODIES = {
    "cleanup.json": MAINTENANCE,
    "repair.json": MAINTENANCE,
    "backup.json": BACKUP,
    "restore.json": RESTORE,
}

OPEN_NAMES = {
    "<backup-name>": "nightly-1",
    "<backup-name-to-restore>": "nightly-1",
    "<bucket-name>": "backups",
    "<bucket-name-where-backups-are-stored>": "backups",
    "<s3-access-key>": "AKIA",
    "<s3-secret-key>": "hunter2",
}

# As printed, quotes, blanks and all.
LINES = [
    (
        'curl -H "Authorization: token=$AUTH_TOKEN" <master-IP>/service/cassandra/v1/plan',
        200,
        '"COMPLETE"',
    ),
    (
        'curl -H "Authorization: token=$AUTH_TOKEN" <master-IP>/cassandra/v1/connection',
        200,
        '"nodes":["10.0.0.1:9042","10.0.0.2:9042","10.0.0.3:9042"]',
    ),
    (
        'curl -X POST -H "Authorization: token=$AUTH_TOKEN" '
        "<master-IP>/service/cassandra/v1/plan?cmd=interrupt",
        200,
        '{"message":"Received cmd: interrupt"}',
    ),
    (
        'curl -X PUT -H "Authorization: token=$AUTH_TOKEN" <master-IP>/service/cassandra/v1/plan?cmd=proceed',
        200,
        '{"message":"Received cmd: proceed"}',
    ),
    (
        'curl -H "Authorization: token=$AUTH_TOKEN" <master-IP>/service/cassandra/v1/nodes/<node-#>/status',
        200,
        '"native_transport_running":true',
    ),
    (
        'curl -H "Authorization: token=$AUTH_TOKEN" <master-IP>/service/cassandra/v1/nodes/</node-#>/info',
        200,
        '"operating_mode":"NORMAL"',
    ),
    (
        'curl -X PUT -H "Authorization: token=$AUTH_TOKEN" "Content-Type:application/json" '
        "<master-IP>/service/cassandra/v1/cleanup/start --data @cleanup.json",
        202,
        '{"status":"started","message":""}',
    ),
    (
        'curl -X PUT -H "Authorization: token=$AUTH_TOKEN" "Content-Type:application/json" '
        "<master-IP>/service/cassandra/v1/repair/start --data @repair.json",
        202,
        '{"status":"started","message":""}',
    ),
    (
        'curl -X PUT -H "Authorization: token=$AUTH_TOKEN" "Content-Type: application/json" '
        "-d @backup.json <master-IP>/service/cassandra/v1/backup/start",
        202,
        '{"status":"started","message":""}',
    ),
    (
        'curl -X GET -H "Authorization: token=$AUTH_TOKEN" '
        "http://cassandra.marathon.mesos:9000/v1/backup/status",
        200,
        '"kind":"backup"',
    ),
    (
        'curl -X PUT -H "Authorization: token=$AUTH_TOKEN" "Content-Type: application/json" '
        "-d @restore.json <master-IP>/service/cassandra/v1/restore/start",
        202,
        '{"status":"started","message":""}',
    ),
    (
        'curl -X GET -H "Authorization: token=$AUTH_TOKEN" <master-IP>/service/cassandra/v1/restore/status',
        200,
        '"kind":"restore"',
    ),
]


@pytest.fixture
def service() -> MemoryService:
    return deployed()


@pytest.fixture
def master(service: MemoryService) -> Iterator[str]:
    identify = read_tokens(f"operator read-write {TOKEN}")
    server = Server(create_app(service, lambda: service.cluster.now, identify), "127.0.0.1", 0)
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.stop()


def filled_in(line: str, master: str) -> str:
    for left_open, value in (
        ("<master-IP>", master),
        ("cassandra.marathon.mesos:9000", master),
        ("</node-#>", "0"),
        ("<node-#>", "node-0"),
    ):
        line = line.replace(left_open, value)
    return line


def run(line: str, master: str, folder: Path, token: str = TOKEN) -> list[tuple[int, str]]:
    """Run a line in a shell; the status and body of each answer.

    curl is told by its own configuration to say the status too. A header without -H, as some lines have it,
    is an address to curl, at which nothing answers.
    """
    for name, body in BODIES.items():
        for left_open, value in OPEN_NAMES.items():
            body = body.replace(left_open, value)
        (folder / name).write_text(body)
    (folder / ".curlrc").write_text(r"silent" + "\n" + r'write-out = "\n%{http_code}\n"' + "\n")
    environment = {
        "AUTH_TOKEN": token,
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
        "CURL_HOME": str(folder),
    }
    command = ["bash", "-c", filled_in(line, master)]
    result = subprocess.run(command, env=environment, cwd=folder, stdout=-1, timeout=60)
    lines = [line for line in result.stdout.decode().splitlines() if line not in ("", "000")]
    return [(int(code), body) for body, code in zip(lines[0::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("line", "code", "words"), LINES)
def test_a_line_of_the_reference_is_answered(
    line: str, code: int, words: str, service: MemoryService, master: str, tmp_path: Path
) -> None:
    if "restore/start" in line:
        service.there = {"nightly-1": Checked(found=True, nodes=3)}
        service.schemas = Schema({})
    ((found, body),) = run(line, master, tmp_path)
    assert found == code, body
    assert isinstance(json.loads(body), dict)
    assert words in body


@pytest.mark.parametrize(("line", "_code", "_words"), LINES)
def test_with_another_token_the_same_line_is_refused(
    line: str, _code: int, _words: str, service: MemoryService, master: str, tmp_path: Path
) -> None:
    ((found, body),) = run(line, master, tmp_path, "another_token_of_this")
    assert found == 401
    assert "token" in json.loads(body)["message"]
    assert service.orders == []
