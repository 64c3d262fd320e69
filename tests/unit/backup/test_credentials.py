"""The chain of a node's own keys: environment, file, container, instance metadata, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backup.s3.credentials import Chain, Keys
from backup.s3.failure import NoKeys

NOWHERE = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}


class Endpoint:
    """Serves keys as a container's endpoint and as instance metadata do, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.lifetime = timedelta(hours=1)
        self.count = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                data = outer.content(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def content(self, path: str) -> bytes:
        if path == "/latest/api/token":
            return b"imds-token"
        if path.endswith("/security-credentials/"):
            return b"the-role"
        self.count += 1
        expires = (datetime.now(timezone.utc) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = {"AccessKeyId": f"A{self.count}", "SecretAccessKey": "S", "Token": "T", "Expiration": expires}
        return json.dumps(found).encode()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def a_file(folder: Path) -> str:
    path = folder / "credentials"
    path.write_text(
        "[default]\naws_access_key_id = FA\naws_secret_access_key = FS%x\n"
        "[other]\naws_access_key_id=OA\naws_secret_access_key=OS\naws_session_token=OT\n"
    )
    return str(path)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    environment = {
        **NOWHERE,
        "AWS_ACCESS_KEY_ID": "EA",
        "AWS_SECRET_ACCESS_KEY": "ES",
        "AWS_SESSION_TOKEN": "ET",
        "AWS_SHARED_CREDENTIALS_FILE": a_file(tmp_path),
    }
    assert Chain(environment).keys() == Keys("EA", "ES", "ET")


def test_the_file_comes_next_with_the_profile_that_is_chosen(tmp_path: Path) -> None:
    environment = {**NOWHERE, "AWS_SHARED_CREDENTIALS_FILE": a_file(tmp_path)}
    assert Chain(environment).keys() == Keys("FA", "FS%x")
    assert Chain({**environment, "AWS_PROFILE": "other"}).keys() == Keys("OA", "OS", "OT")


def test_a_containers_endpoint_is_asked_with_its_token(endpoint: Endpoint, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    environment = {
        **NOWHERE,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.address}/creds?x=1",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }
    assert Chain(environment).keys() == Keys("A1", "S", "T")
    assert [(method, path) for method, path, _ in endpoint.asked] == [("GET", "/creds?x=1")]
    assert endpoint.asked[0][2]["authorization"] == "secret"


def test_keys_go_to_no_container_endpoint_elsewhere_without_tls() -> None:
    environment = {**NOWHERE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/creds"}
    with pytest.raises(NoKeys, match="must be https, or on this host"):
        Chain(environment).keys()


def test_instance_metadata_are_asked_with_a_token_of_a_session(endpoint: Endpoint) -> None:
    environment = {"HOME": "/nonexistent", "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.address}
    assert Chain(environment).keys() == Keys("A1", "S", "T")
    methods = [(method, path.rpartition("/")[2]) for method, path, _ in endpoint.asked]
    assert methods == [("PUT", "token"), ("GET", ""), ("GET", "the-role")]
    assert all(headers["x-aws-ec2-metadata-token"] == "imds-token" for _, _, headers in endpoint.asked[1:])


def test_keys_are_kept_until_shortly_before_they_expire(endpoint: Endpoint) -> None:
    chain = Chain({"HOME": "/nonexistent", "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.address})
    assert [chain.keys().access for _ in range(3)] == ["A1", "A1", "A1"]
    endpoint.lifetime = timedelta(minutes=1)
    expiring = Chain({"HOME": "/nonexistent", "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.address})
    assert [expiring.keys().access for _ in range(2)] == ["A2", "A3"]


def test_no_keys_anywhere_is_one_sentence() -> None:
    with pytest.raises(NoKeys, match="no S3 keys were given and this node has none"):
        Chain(NOWHERE).keys()
