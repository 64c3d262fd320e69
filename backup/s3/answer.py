"""A store's answers: what an error means, and what a list holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from xml.etree import ElementTree

from backup.location import Location
from backup.s3.failure import (
    Denied,
    Exists,
    NotOffered,
    NotThere,
    Passing,
    S3Failed,
    TooShort,
    WrongBucket,
    WrongKey,
    WrongRegion,
)

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "BadDigest"})
WRONG_KEYS = {
    "InvalidAccessKeyId": "does not know the access key",
    "XAdminUserNotFound": "does not know the access key",  # versitygw
    "SignatureDoesNotMatch": "says that the secret key does not belong to the access key",
    "InvalidToken": "does not accept the session token",
    "ExpiredToken": "says that the session token has expired",
    "TokenRefreshRequired": "says that the session token has expired",
}
ELSEWHERE = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    }
)
NO_OBJECT = frozenset({"", "NoSuchKey", "NotFound"})
WORDS = 200


@dataclass(frozen=True)
class Answer:
    """A store's whole answer, but for a body that was asked for."""

    status: int
    headers: Mapping[str, str]
    data: bytes = b""


@dataclass(frozen=True)
class Listed:
    """An object in a list; ``modified`` is by the store's clock, in UTC."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Page:
    """A page of a list, and the token of the next one."""

    objects: tuple[Listed, ...]
    token: str | None


def failure(answer: Answer, location: Location, what: str) -> Exception:
    """What an answer that is not a success means; ``what`` is what was asked for, in words."""
    fields = _fields(answer.data)
    code, where = fields.get("Code", ""), f"{location.host}:{location.port}"
    if code in WRONG_KEYS:
        return WrongKey(f"the store at {where} {WRONG_KEYS[code]}")
    if code in ELSEWHERE or 300 <= answer.status < 400:
        return WrongRegion(_elsewhere(answer, fields, location))
    if code == "NoSuchBucket":
        return WrongBucket(f"there is no bucket {location.bucket} in the store at {where}")
    if code == "RequestTimeTooSkewed":
        return S3Failed(f"the clocks of this node and of the store at {where} differ too much")
    if answer.status == 404 and code in NO_OBJECT:
        return NotThere(f"{what}: there is no such object at {location.shown}")
    if answer.status == 416:
        return TooShort(f"{what}: the object is shorter than that")
    if answer.status == 412:
        return Exists(f"{what}: it exists already at {location.shown}")
    if answer.status == 501 or code == "NotImplemented":
        return NotOffered(f"{what}: the store at {where} does not offer it")
    told = f"HTTP {answer.status}{code and ' ' + code}{_message(fields)}"
    if answer.status in PASSING or code in PASSING_CODES:
        return Passing(told)
    if answer.status in (401, 403):
        return Denied(f"{what}: the store at {where} denies it to these keys ({told})")
    return S3Failed(f"{what}: the store at {where} answers {told}")


def page(data: bytes) -> Page:
    """Read a page of a list. Raises Passing where it is not one."""
    root = _parse(data)
    if root is None or _tag(root) != "ListBucketResult":
        raise Passing("its list is not one")
    objects = tuple(_listed(element) for element in root if _tag(element) == "Contents")
    fields = {_tag(element): element.text or "" for element in root}
    more = fields.get("IsTruncated") == "true"
    return Page(objects, fields.get("NextContinuationToken") if more else None)


def refused_keys(data: bytes) -> dict[str, str]:
    """Of an answer to deleting many: which keys were not deleted, and why."""
    root = _parse(data)
    if root is None or _tag(root) != "DeleteResult":
        raise Passing("its answer to deleting is not one")
    errors = [
        {_tag(field): field.text or "" for field in element} for element in root if _tag(element) == "Error"
    ]
    return {error.get("Key", ""): error.get("Code") or error.get("Message", "") for error in errors}


def _elsewhere(answer: Answer, fields: Mapping[str, str], location: Location) -> str:
    region = fields.get("Region") or answer.headers.get("x-amz-bucket-region")
    if region and region != location.region:
        return (
            f"the bucket {location.bucket} is in the region {region}, not {location.region}: "
            f"give it as s3_region"
        )
    return (
        f"the store at {location.host}:{location.port} says that the bucket {location.bucket} is elsewhere "
        f"(HTTP {answer.status}): give its region or its own endpoint"
    )


def _message(fields: Mapping[str, str]) -> str:
    text = " ".join(fields.get("Message", "").split())[:WORDS]
    return f": {text}" if text else ""


def _listed(element: ElementTree.Element) -> Listed:
    fields = {_tag(field): field.text or "" for field in element}
    try:
        # Always UTC, and to the second: Python 3.10 does not read fractions of any length.
        modified = datetime.fromisoformat(fields["LastModified"][:19])
        return Listed(fields["Key"], int(fields["Size"]), modified.replace(tzinfo=timezone.utc))
    except (KeyError, ValueError):
        raise Passing("its list cannot be read") from None


def _fields(data: bytes) -> dict[str, str]:
    root = _parse(data)
    return {} if root is None else {_tag(element): element.text or "" for element in root.iter()}


def _parse(data: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError):
        return None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
