"""Reads JSON as the protobuf messages that Mesos takes it for, as strictly as Mesos does.

``parse`` returns the message as a plain dict in the form in which Mesos writes messages: the fields it
knows, in order of declaration, with bytes in canonical base64, whole numbers for integers, and also the
unset fields that have a default. Empty repeated fields are left out. Unknown fields are ignored. The
definitions are in ``messages``.

Tolerated, as by Mesos: a number given as a string, one element of a repeated field without the brackets,
null for an unset field, an unknown value of an optional enum (which is then unset).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from local.mesos.enums import ENUMS
from local.mesos.messages import MESSAGES

Json = dict[str, Any]


class SchemaError(ValueError):
    """The JSON is not such a message; the text is that of Mesos."""


@dataclass(frozen=True)
class Field:
    """One declared field. ``type`` is a scalar's name, an enum's or a message's."""

    name: str
    type: str
    label: str
    """``required``, ``repeated``, ``map`` or nothing (optional)."""
    default: object

    @classmethod
    def declared(cls, name: str, text: str) -> Field:
        """From a declaration such as ``required string``, ``repeated Resource``, ``bool = false``."""
        kind, _, default = text.partition(" = ")
        label, _, kind = kind.rpartition(" ")
        return cls(name, kind, label, json.loads(default) if default else None)


@cache
def fields(message: str) -> tuple[Field, ...]:
    """The declared fields of a message, in order."""
    return tuple(Field.declared(name, text) for name, text in MESSAGES[message].items())


@cache
def _positions(message: str) -> Mapping[str, int]:
    return {field.name: position for position, field in enumerate(fields(message))}


def ordered(message: str, value: Json) -> Json:
    """The same message with its fields in the order in which Mesos writes them."""
    positions = _positions(message)
    return dict(sorted(value.items(), key=lambda item: positions[item[0]]))


def parse(message: str, value: object) -> Json:
    """Read a JSON value as a message. Raises SchemaError."""
    if not isinstance(value, dict):
        raise SchemaError("Expecting a JSON object")
    parsed, missing = _message(message, value, "")
    if missing:
        raise SchemaError(f"Missing required fields: {', '.join(missing)}")
    return parsed


def _message(message: str, value: Json, path: str) -> tuple[Json, list[str]]:
    """The message, and the paths of the required fields it lacks (Mesos tells of them last)."""
    parsed: Json = {}
    missing: list[str] = []
    for field in fields(message):
        items, lacking = _items(field, value.get(field.name), path + field.name)
        missing += lacking
        if items:
            parsed[field.name] = items if field.label == "repeated" else items[0]
        elif field.label == "required":
            missing.append(path + field.name)
        elif field.default is not None:
            parsed[field.name] = field.default
    return parsed, missing


def _items(field: Field, value: object, path: str) -> tuple[list[Any], list[str]]:
    """The elements given for a field: at most one unless it is repeated."""
    if value is None:
        return [], []
    if isinstance(value, list):
        if field.label != "repeated":
            raise _unexpected(field, value)
        return _gather(_items(field, item, f"{path}[{index}]") for index, item in enumerate(value))
    if field.label == "map":
        return _map(field, _object(field, value), path)
    if field.type in MESSAGES:
        item, missing = _message(field.type, _object(field, value), path + ".")
        return [item], missing
    scalar = _enum(field, value) if field.type in ENUMS else _SCALARS[field.type](field, value)
    return ([] if scalar is None else [scalar]), []


def _map(field: Field, value: Json, path: str) -> tuple[list[Any], list[str]]:
    """A map is one item, and unset when empty."""
    of_value = replace(field, label="")
    found = {key: _items(of_value, item, f'{path}["{key}"]') for key, item in value.items()}
    _, missing = _gather(found.values())
    return [{key: items[0] for key, (items, _) in found.items() if items}] if found else [], missing


def _gather(parts: Iterable[tuple[list[Any], list[str]]]) -> tuple[list[Any], list[str]]:
    found: list[Any] = []
    missing: list[str] = []
    for items, lacking in parts:
        found += items
        missing += lacking
    return found, missing


_JSON_NAMES: Mapping[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
}


def _unexpected(field: Field, value: object) -> SchemaError:
    return SchemaError(f"Not expecting a JSON {_JSON_NAMES[type(value)]} for field '{field.name}'")


def _object(field: Field, value: object) -> Json:
    if not isinstance(value, dict):
        raise _unexpected(field, value)
    return value


def _enum(field: Field, value: object) -> str | None:
    if not isinstance(value, str):
        raise _unexpected(field, value)
    if value in ENUMS[field.type]:
        return value
    if field.label == "required":
        raise SchemaError(f"Failed to find enum for '{value}'")
    return None


def _string(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise _unexpected(field, value)
    return value


def _bytes(field: Field, value: object) -> str:
    text = _string(field, value)
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode()
    except binascii.Error as error:
        raise SchemaError(f"Failed to base64 decode bytes field '{field.name}': {error}") from error


def _bool(field: Field, value: object) -> bool:
    if not isinstance(value, bool):
        raise _unexpected(field, value)
    return value


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def _number(field: Field, value: object) -> int | float:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise SchemaError(f"Failed to parse '{value}' as a JSON number for field '{field.name}'")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(field, value)
    if not math.isfinite(value):
        raise SchemaError(f"The number of field '{field.name}' is out of range")
    return value


def _integer(field: Field, value: object) -> int:
    return int(_number(field, value))


def _double(field: Field, value: object) -> float:
    return float(_number(field, value))


_SCALARS: Mapping[str, Callable[[Field, object], object]] = {
    "string": _string,
    "bytes": _bytes,
    "bool": _bool,
    "int": _integer,
    "double": _double,
    "object": _object,
}
