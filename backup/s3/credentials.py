"""Keys of a store: given ones, or the node's own by the usual chain. They live in memory alone."""

from __future__ import annotations

import configparser
import http.client
import ipaddress
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from backup.s3.failure import NoKeys

METADATA = "http://169.254.169.254"
CONTAINER = "http://169.254.170.2"
CONTAINER_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"})
"""Where a container's endpoint may be without TLS, beside loopback addresses."""

ROLES = "/latest/meta-data/iam/security-credentials/"
TIMEOUT_SECONDS = 2.0
EARLY = timedelta(minutes=5)
"""So long before keys expire new ones are fetched."""

ANSWER_LIMIT = 1 << 16


@dataclass(frozen=True, repr=False)
class Keys:
    """What signs requests. Its text says nothing of it: it may stand in a traceback."""

    access: str
    secret: str
    token: str | None = None


class Credentials(Protocol):
    """Where keys come from."""

    def keys(self) -> Keys:
        """The keys to sign with now; for any thread. Raises NoKeys."""


class Given:
    """Keys that came with the order."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def keys(self) -> Keys:
        """See ``Credentials``."""
        return self._keys


class Chain:
    """The node's own: environment, shared file, container endpoint, instance metadata. Nothing else."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._lock = threading.Lock()
        self._found: tuple[Keys, datetime | None] | None = None

    def keys(self) -> Keys:
        """See ``Credentials``."""
        with self._lock:
            if self._found is None or _expires(self._found[1]):
                self._found = self._find()
            return self._found[0]

    def _find(self) -> tuple[Keys, datetime | None]:
        links = (_from_environment, _from_file, _from_container, _from_metadata)
        for link in links:
            found = link(self._environment)
            if found is not None:
                return found
        raise NoKeys(
            "no S3 keys were given and this node has none of its own: not in its environment, its "
            "credentials file, from a container's endpoint or from instance metadata"
        )


Link = Callable[[Mapping[str, str]], "tuple[Keys, datetime | None] | None"]


def _expires(at: datetime | None) -> bool:
    return at is not None and at - datetime.now(timezone.utc) < EARLY


def _from_environment(env: Mapping[str, str]) -> tuple[Keys, None] | None:
    access, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    return (Keys(access, secret, env.get("AWS_SESSION_TOKEN") or None), None) if access and secret else None


def _from_file(env: Mapping[str, str]) -> tuple[Keys, None] | None:
    named = env.get("AWS_SHARED_CREDENTIALS_FILE")
    path = Path(named) if named else Path(env.get("HOME") or "/", ".aws", "credentials")
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text())
        section = parser[env.get("AWS_PROFILE") or "default"]
    except (OSError, ValueError, KeyError, configparser.Error):
        return None
    access, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    return (Keys(access, secret, section.get("aws_session_token")), None) if access and secret else None


def _from_container(env: Mapping[str, str]) -> tuple[Keys, datetime | None] | None:
    relative, full = (env.get(f"AWS_CONTAINER_CREDENTIALS_{kind}_URI") for kind in ("RELATIVE", "FULL"))
    if not relative and not full:
        return None
    address = urlsplit(CONTAINER + relative if relative else full or "")
    if not _may_serve_keys(address):
        raise NoKeys("the container's endpoint for S3 keys must be https, or on this host")
    try:
        return _document(_ask("GET", address, _authorization(env)))
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise NoKeys(f"the container's endpoint gives no S3 keys: {error or type(error).__name__}") from None


def _authorization(env: Mapping[str, str]) -> dict[str, str]:
    token = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if file := env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        token = Path(file).read_text().strip()
    return {"Authorization": token} if token else {}


def _may_serve_keys(address: SplitResult) -> bool:
    host = address.hostname or ""
    if address.scheme == "https" or host in CONTAINER_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _from_metadata(env: Mapping[str, str]) -> tuple[Keys, datetime | None] | None:
    if env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    base = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or METADATA
    try:
        lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
        token = _ask("PUT", urlsplit(f"{base.rstrip('/')}/latest/api/token"), lifetime)
        headers = {"X-aws-ec2-metadata-token": token.decode("ascii")}
        roles = urlsplit(base.rstrip("/") + ROLES)
        role = _ask("GET", roles, headers).decode().split("\n")[0].strip()
        return _document(_ask("GET", roles._replace(path=roles.path + role), headers))
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def _document(data: bytes) -> tuple[Keys, datetime | None]:
    found: dict[str, Any] = json.loads(data)
    expiration = found.get("Expiration")
    # Always UTC; Python 3.10 reads neither the Z nor fractions of any length.
    at = datetime.fromisoformat(expiration[:19]).replace(tzinfo=timezone.utc) if expiration else None
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found.get("Token")), at


def _ask(method: str, address: SplitResult, headers: Mapping[str, str]) -> bytes:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        query = f"?{address.query}" if address.query else ""
        connection.request(method, (address.path or "/") + query, headers=dict(headers))
        answer = connection.getresponse()
        data = answer.read(ANSWER_LIMIT)
        if answer.status != http.client.OK:
            raise ValueError(f"HTTP {answer.status}")
        return data
    finally:
        connection.close()
