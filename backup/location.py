"""Where backups lie: ``external_location`` taken apart, and the addresses that are refused."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
FORM = "s3://bucket[/prefix] or http(s)://host[:port]/bucket[/prefix]"
PREFIX_LIMIT = 256
DEFAULT_REGION = "us-east-1"

METADATA = tuple(
    ipaddress.ip_network(network) for network in ("100.100.100.200/32", "fd00:ec2::/32", "192.0.0.192/32")
)
"""Addresses of instance metadata that are not link-local."""


class BadLocation(ValueError):
    """A location that cannot be one; the message is one sentence for whoever gave it."""


@dataclass(frozen=True)
class Location:
    """A bucket of an S3 store, and the prefix of all keys in it: empty, or ending in a slash."""

    secure: bool
    host: str
    port: int
    bucket: str
    prefix: str = ""
    region: str = DEFAULT_REGION
    path_style: bool = True

    @property
    def authority(self) -> str:
        """The Host header: the port stands in it where it is not the scheme's."""
        name = self.host if self.path_style else f"{self.bucket}.{self.host}"
        shown = f"[{name}]" if ":" in name else name
        return shown if self.port == _port(self.secure) else f"{shown}:{self.port}"

    @property
    def root(self) -> str:
        """The path of the bucket itself."""
        return f"/{self.bucket}" if self.path_style else ""

    @property
    def shown(self) -> str:
        """How messages name it; there is no secret in it."""
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.authority}{self.root}/{self.prefix}".rstrip("/")


def parse(
    external_location: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    path_style: bool = False,
) -> Location:
    """Take an ``external_location`` apart.

    ``endpoint`` (http(s)://host[:port]) goes with an s3:// location; ``path_style`` has the bucket stand in
    the path with one as well. Raises BadLocation.
    """
    if region is not None and not REGION.fullmatch(region):
        raise BadLocation("s3_region must be a region's name, such as eu-central-1")
    parts = _split(external_location, "external_location")
    if parts.scheme == "s3":
        return _of_bucket(parts, endpoint, region or DEFAULT_REGION, path_style)
    if endpoint is not None:
        raise BadLocation("s3_endpoint goes with an external_location of the form s3://bucket[/prefix] only")
    bucket, _, prefix = parts.path.lstrip("/").partition("/")
    secure, host, port = _server(parts, "external_location")
    return Location(secure, host, port, _bucket(bucket), _prefix(prefix), region or DEFAULT_REGION)


def refused(address: str) -> str | None:
    """Why nothing may connect to an address, in a few words; None where it may."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or found
    if mapped.is_link_local:
        return "it is link-local, where instance metadata are served"
    if mapped.is_multicast or mapped.is_unspecified:
        return "it is not the address of a host"
    if any(mapped in network for network in METADATA if network.version == mapped.version):
        return "instance metadata are served there"
    return None


def _of_bucket(parts: SplitResult, endpoint: str | None, region: str, path_style: bool) -> Location:
    bucket, prefix = _bucket(parts.netloc), _prefix(parts.path.removeprefix("/"))
    if endpoint is not None:
        server = _split(endpoint, "s3_endpoint")
        if server.path not in ("", "/") or server.scheme == "s3":
            raise BadLocation("s3_endpoint must be of the form http(s)://host[:port]")
        return Location(*_server(server, "s3_endpoint"), bucket, prefix, region, True)
    # The certificate of a bucket's own host does not hold for one with dots.
    in_path = path_style or "." in bucket
    return Location(True, f"s3.{region}.amazonaws.com", 443, bucket, prefix, region, in_path)


def _split(text: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise BadLocation(f"{what} must be of the form {FORM}") from None
    if parts.scheme not in ("s3", "http", "https") or not parts.netloc or not text.isprintable():
        raise BadLocation(f"{what} must be of the form {FORM}")
    if "@" in parts.netloc:
        raise BadLocation(f"{what} must hold no login: give the keys as s3_access_key and s3_secret_key")
    if parts.query or parts.fragment:
        raise BadLocation(f"{what} must have no query and no fragment")
    return parts


def _server(parts: SplitResult, what: str) -> tuple[bool, str, int]:
    secure = parts.scheme == "https"
    try:
        host, port = parts.hostname or "", parts.port or _port(secure)
    except ValueError:
        raise BadLocation(f"{what} must have a port from 1 to 65535") from None
    try:
        reason = refused(host)
    except ValueError:  # a name: looked at again when it is resolved
        if not HOST.fullmatch(host):
            raise BadLocation(f"{what} must have a host's name or address") from None
        reason = None
    if reason is not None:
        raise BadLocation(f"{what} may not be at {host}: {reason}")
    return secure, host, port


def _port(secure: bool) -> int:
    return 443 if secure else 80


def _bucket(name: str) -> str:
    if not BUCKET.fullmatch(name) or ".." in name:
        raise BadLocation(
            "the bucket in external_location must be 2 to 63 letters, digits, dots, dashes and underscores"
        )
    return name


def _prefix(text: str) -> str:
    stripped = text.removesuffix("/")
    if not stripped:
        return ""
    folders = stripped.split("/")
    if len(stripped) > PREFIX_LIMIT or not all(FOLDER.fullmatch(folder) for folder in folders):
        raise BadLocation(
            "the prefix in external_location must be folders of letters, digits, dots, dashes and "
            f"underscores, none beginning with a dot, {PREFIX_LIMIT} characters at most"
        )
    return stripped + "/"
