"""Checks that calls of all APIs have in common: what must be there, IDs, UUIDs."""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Any

Json = dict[str, Any]

MAX_ID_LENGTH = 255
_UUID_VERSIONS = range(1, 6)


class Invalid(ValueError):
    """Something is not as it must be; the text is that of Mesos."""


def require_body(call: Json, bodiless: Collection[str]) -> None:
    """A call must say its type and carry the field of that name, unless the type needs none."""
    if "type" not in call:
        raise Invalid("Expecting 'type' to be present")
    name = call["type"].lower()
    if call["type"] not in bodiless and name not in call:
        raise Invalid(f"Expecting '{name}' to be present")


def check_uuid(encoded: str) -> None:
    """Sixteen bytes in base64 that are a UUID of a known version."""
    raw = base64.b64decode(encoded)
    if len(raw) != 16 or raw[6] >> 4 not in _UUID_VERSIONS:
        raise Invalid("Not a valid UUID")


def check_id(value: str) -> None:
    """An id that may be the name of a directory."""
    if not value:
        raise Invalid("ID must not be empty")
    if len(value.encode()) > MAX_ID_LENGTH:
        raise Invalid(f"ID must not be greater than {MAX_ID_LENGTH} characters")
    if value in (".", ".."):
        raise Invalid(f"'{value}' is disallowed")
    if any(ord(character) < 32 or character in "\x7f/\\" for character in value):
        raise Invalid(f"'{value}' contains invalid characters")
