"""The client on a real S3 server: what it does, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup.location import parse
from backup.s3.body import Bytes, FilePart
from backup.s3.client import Client
from backup.s3.credentials import Given, Keys
from backup.s3.failure import (
    Exists,
    NotThere,
    S3Failed,
    TooShort,
    Unreachable,
    WrongBucket,
    WrongKey,
    WrongRegion,
)
from executor.backup import publish
from executor.backup.hashing import digest_of_range
from tests.integration.s3_server import HASTY, KEYS, Server

pytestmark = pytest.mark.needs("go")


def a_body(data: bytes) -> Bytes:
    return Bytes(data, hashlib.sha256(data).hexdigest())


def test_objects_are_written_once_read_whole_and_in_parts_and_deleted(server: Server) -> None:
    client = server.client("basics")
    client.put("a/b", a_body(b"0123456789"))
    with pytest.raises(Exists):
        client.put("a/b", a_body(b"other"))
    assert client.read("a/b", 100) == b"0123456789"
    assert client.size("a/b") == 10
    with pytest.raises(S3Failed, match="larger"):
        client.read("a/b", 5)
    parts: list[bytes] = []

    class Sink:
        def begin(self) -> None:
            parts.clear()

        def write(self, data: memoryview) -> None:
            parts.append(bytes(data))

    client.get("a/b", Sink(), 3, 4)
    assert b"".join(parts) == b"3456"
    with pytest.raises(TooShort):
        client.get("a/b", Sink(), 8, 4)
    with pytest.raises(TooShort):
        client.get("a/b", Sink(), 20, 4)
    client.delete(["a/b", "never/was"])
    assert client.size("a/b") is None
    with pytest.raises(NotThere):
        client.read("a/b", 100)
    client.close()


def test_what_arrives_with_another_content_is_not_taken(server: Server) -> None:
    client = server.client("damaged")
    with pytest.raises(Unreachable, match="BadDigest"):
        client.put("a", Bytes(b"0123456789", hashlib.sha256(b"012345678!").hexdigest()))
    assert client.size("a") is None
    client.close()


def test_a_part_of_a_file_is_sent_as_it_is(server: Server, tmp_path: Path) -> None:
    client = server.client("files")
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3 << 20))
    with path.open("rb") as file:
        digest = digest_of_range(file.fileno(), 1000, 2 << 20, lambda: None)
        client.put("part", FilePart(file.fileno(), 1000, 2 << 20, digest))
    assert client.read("part", 4 << 20) == path.read_bytes()[1000 : 1000 + (2 << 20)]
    client.close()


def test_lists_come_in_pages(server: Server) -> None:
    client = server.client("pages")
    keys = [f"list/{number:03}" for number in range(25)]
    for key in keys:
        client.put(key, a_body(key.encode()))
    assert [entry.key for entry in client.list("list/", limit=10)] == keys
    assert [entry.key for entry in client.list("list/", after="list/019", limit=3)] == keys[20:]
    assert list(client.list("nothing/")) == []
    client.delete(keys)
    assert list(client.list()) == []
    client.close()


def test_the_store_refuses_what_is_not_what_its_hash_says(server: Server) -> None:
    client = server.client("hashes")
    with pytest.raises(S3Failed):
        client.put("x", Bytes(b"changed on the way", hashlib.sha256(b"original").hexdigest()))
    assert client.size("x") is None
    client.close()


def check(server: Server, keys: Keys = KEYS, bucket: str = "backups", region: str | None = None) -> str:
    """What the check before a backup says."""
    location = parse(f"http://{server.address}/{bucket}/checks", region=region)
    client = Client(location, Given(keys), patience=HASTY)
    try:
        publish.check(client, "nightly")
        return "good"
    finally:
        client.close()


def test_a_right_location_is_good(server: Server) -> None:
    assert check(server) == "good"


@pytest.mark.parametrize("keys", [Keys("nobody", "a-secret"), Keys("a-key", "wrong")])
def test_wrong_keys_are_one_sentence_without_them(server: Server, keys: Keys) -> None:
    with pytest.raises(WrongKey, match="access key") as told:
        check(server, keys)
    assert keys.secret not in str(told.value)


def test_a_wrong_bucket_is_named(server: Server) -> None:
    with pytest.raises(WrongBucket, match="there is no bucket nowhere in the store"):
        check(server, bucket="nowhere")


def test_a_wrong_region_is_told_with_the_right_one(server: Server) -> None:
    with pytest.raises(WrongRegion, match=r"us-east-1.*, not eu-west-1: give it as s3_region"):
        check(server, region="eu-west-1")


def test_a_name_that_leads_to_instance_metadata_is_not_connected_to(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*arguments: object, **options: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(S3Failed, match=r"169\.254\.169\.254, where no store may be: it is link-local"):
        check(server)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Server]:
    """A server with a certificate of its own making."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key)]
    subprocess.run([*made, "-out", str(certificate), *subject], check=True, capture_output=True)
    found = Server(tmp_path / "store", (certificate, key))
    yield found
    found.stop()


@pytest.mark.needs("openssl")
def test_by_tls_files_go_both_ways(secure: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    client = secure.client("tls")
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3 << 20))
    with path.open("rb") as file:
        digest = digest_of_range(file.fileno(), 0, 3 << 20, lambda: None)
        client.put("file", FilePart(file.fileno(), 0, 3 << 20, digest))
    assert client.read("file", 4 << 20) == path.read_bytes()
    client.close()


@pytest.mark.needs("openssl")
def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Server) -> None:
    client = secure.client("tls")
    with pytest.raises(S3Failed, match=r"the certificate of 127\.0\.0\.1 cannot be trusted"):
        client.size("file")
    client.close()
