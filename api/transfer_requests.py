"""The body of orders on backups, read strictly. Its credentials go nowhere but to executors."""

from __future__ import annotations

import configparser
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.errors import BadRequest
from api.requests import names, refuse, refuse_strange
from backup.location import BadLocation, parse
from backup.names import BadName, check_backup_name
from protocol.backup import BACKUP, DELETE, EXISTING, NEW, RESTORE, VERIFY, Keys, Place
from scheduler.daemon.service import Unavailable
from scheduler.model.operation import Transfer
from scheduler.model.settings import Settings

PLACE_FIELDS = (
    "external_location",
    "s3_access_key",
    "s3_secret_key",
    "s3_session_token",
    "s3_region",
    "s3_endpoint",
    "uses_emc",
)
RATE = "bandwidth_mb_per_second"
FIELDS: Mapping[str, tuple[str, ...]] = {
    BACKUP: ("backup_name", *PLACE_FIELDS, RATE),
    RESTORE: ("backup_name", *PLACE_FIELDS, RATE, "restore_type", "key_spaces", "column_families"),
    VERIFY: ("backup_name", *PLACE_FIELDS, RATE),
    DELETE: ("backup_name", *PLACE_FIELDS, "force", "keep_last", "keep_days"),
    "list": PLACE_FIELDS,
}
MEGABYTE = 1e6
MOST_CHARACTERS = 4096


@dataclass(frozen=True)
class TransferRequest:
    """What was asked for, and with which keys; None for the executors' own."""

    transfer: Transfer
    keys: Keys | None


def read_request(kind: str, fields: Mapping[str, Any]) -> TransferRequest:
    """Read a body. Raises BadRequest naming each wrong field; no value of a key is ever in its text."""
    known = FIELDS[kind]
    refuse_strange(kind, fields, known)
    keys = _keys(fields)
    place = _place(fields)
    keep_last, keep_days = _keeping(fields)
    by_age = keep_last is not None or keep_days is not None
    name = _name(fields) if "backup_name" in known and not by_age else ""
    transfer = Transfer(
        name,
        place,
        restore_type=_restore_type(fields) if kind == RESTORE else "",
        keyspaces=names(fields, "key_spaces"),
        tables=_tables(fields),
        bytes_per_second=rate(fields, RATE),
        own_credentials=keys is None,
        names=(name,) if kind == DELETE and name else (),
        force=_switch(fields, "force"),
        keep_last=keep_last,
        keep_days=keep_days,
    )
    return TransferRequest(transfer, keys)


def own_request(settings: Settings, name: str = "") -> TransferRequest:
    """The same with the service's own place. Raises BadRequest, or Unavailable where it has none."""
    if not settings.backup_location:
        raise Unavailable("the service has no place of its own for backups: set BACKUP_LOCATION")
    keys = _own_keys(settings.backup_credentials_file) if settings.backup_credentials_file else None
    place = _checked(Place(settings.backup_location))
    name = _checked_name(name) if name else ""
    chosen = (name,) if name else ()
    return TransferRequest(Transfer(name, place, own_credentials=keys is None, names=chosen), keys)


def _own_keys(path: str) -> Keys:
    """The section ``default`` of a file as AWS's programs use it. Raises Unavailable."""
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read_string(Path(path).read_text())
        section = found["default"]
        return Keys(
            section["aws_access_key_id"],
            section["aws_secret_access_key"],
            section.get("aws_session_token", ""),
        )
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise Unavailable(
            f"BACKUP_CREDENTIALS_FILE={path} must hold aws_access_key_id and aws_secret_access_key in a "
            "section [default], and cannot be read as that"
        ) from None


def _keys(fields: Mapping[str, Any]) -> Keys | None:
    access, secret, token = (
        _text(fields, name) for name in ("s3_access_key", "s3_secret_key", "s3_session_token")
    )
    if not access and not secret and not token:
        return None
    for name, value in (("s3_access_key", access), ("s3_secret_key", secret)):
        if not value:
            refuse(name, f"{name} is missing: give both keys, or neither for the nodes' own credentials")
    return Keys(access, secret, token)


def _place(fields: Mapping[str, Any]) -> Place:
    location = _text(fields, "external_location")
    if not location:
        refuse("external_location", "external_location is missing: s3://bucket[/prefix], for example")
    return _checked(
        Place(
            location,
            _text(fields, "s3_endpoint"),
            _text(fields, "s3_region"),
            _switch(fields, "uses_emc"),
        )
    )


def _checked(place: Place) -> Place:
    try:
        parse(
            place.location,
            endpoint=place.endpoint or None,
            region=place.region or None,
            path_style=place.path_style,
        )
    except BadLocation as error:
        refuse(
            next((n for n in ("s3_endpoint", "s3_region") if n in str(error)), "external_location"),
            str(error),
        )
    return place


def _name(fields: Mapping[str, Any]) -> str:
    name = _text(fields, "backup_name")
    if not name:
        refuse("backup_name", "backup_name is missing")
    return _checked_name(name)


def _checked_name(name: str) -> str:
    try:
        return check_backup_name(name)
    except BadName as error:
        raise BadRequest(str(error), {"backup_name": str(error)}) from None


def _restore_type(fields: Mapping[str, Any]) -> str:
    wanted = fields.get("restore_type") or NEW
    if wanted not in (EXISTING, NEW):
        refuse("restore_type", f"restore_type must be {EXISTING} or {NEW}, which it is where it is left out")
    if wanted == NEW and (fields.get("key_spaces") or fields.get("column_families")):
        refuse("key_spaces", f"a restore into a new cluster brings everything; choose with {EXISTING} only")
    return str(wanted)


def _tables(fields: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Tables with their keyspaces; bare names go with each keyspace that is named."""
    tables, keyspaces = names(fields, "column_families"), names(fields, "key_spaces")
    if tables is None:
        return None
    bare = [name for name in tables if "." not in name]
    if bare and keyspaces is None:
        refuse("column_families", f"say which keyspace {bare[0]} is of: keyspace.table, or name key_spaces")
    return tuple(
        full
        for name in tables
        for full in ([name] if "." in name else [f"{keyspace}.{name}" for keyspace in keyspaces or ()])
    )


def rate(fields: Mapping[str, Any], field: str) -> float | None:
    """Bytes a second, from megabytes; None for no limit. Raises BadRequest."""
    value = fields.get(field)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0.01 <= value <= 1e6:
        refuse(field, f"{field} must be a number from 0.01 to 1000000; leave it out for no limit")
    return float(value) * MEGABYTE


def _keeping(fields: Mapping[str, Any]) -> tuple[int | None, float | None]:
    """How many, and how old ones, a deletion by count and age keeps. Raises BadRequest."""
    last, days = fields.get("keep_last"), fields.get("keep_days")
    if last is not None and (type(last) is not int or not 1 <= last <= 1_000_000):
        refuse("keep_last", "keep_last must be a whole number from 1 to 1000000")
    if days is not None and (type(days) not in (int, float) or not 0 < days <= 100_000):
        refuse("keep_days", "keep_days must be a number over 0, and at most 100000")
    if (last is not None or days is not None) and fields.get("backup_name") is not None:
        refuse("backup_name", "give backup_name, or keep_last and keep_days; not both")
    return last, None if days is None else float(days)


def _switch(fields: Mapping[str, Any], field: str) -> bool:
    value = fields.get(field)
    if value is not None and not isinstance(value, bool):
        refuse(field, f"{field} must be true or false")
    return bool(value)


def _text(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS or not value.isprintable():
        refuse(field, f"{field} must be a text without line breaks and control characters")
    return str(value)


def with_keys_sealed(request: TransferRequest, sealed: str) -> Transfer:
    """What is stored of it."""
    return dataclasses.replace(request.transfer, sealed=sealed)
