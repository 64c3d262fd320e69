"""Frozen dataclasses to JSON and back, strictly.

Supported field types: bool, int, float, str, None, enumerations of strings, ``Json`` (anything JSON),
tuples of one type, dictionaries with string keys, other dataclasses, and unions of these with None.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, Union

Json = Any
T = TypeVar("T")


class DecodeError(ValueError):
    """JSON that is not what its type says; the message names the place."""


def encode(value: object) -> Json:
    """Return ``value`` as what ``json.dumps`` takes; fields that hold their default stay in, for readers."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: encode(getattr(value, name)) for name in value._fields}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T], data: Json, where: str = "") -> T:
    """Read ``data`` as ``kind``. Fields that ``kind`` lacks are ignored, missing ones take their default.

    Raises DecodeError where a value has another type or a field without default is missing.
    """
    return typing.cast(T, _decode(kind, data, where or kind.__name__))


def _decode(kind: Any, data: Json, where: str) -> Any:
    if kind is Any:
        return data
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(kind, data, where)
    if origin is tuple:
        return _decode_tuple(kind, data, where)
    if origin in (dict, Mapping):
        item, entries = typing.get_args(kind)[1], _expect(dict, data, where)
        return {key: _decode(item, value, f"{where}.{key}") for key, value in entries.items()}
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _decode_record(kind, data, where)
    if issubclass(kind, enum.Enum):
        try:
            return kind(data)
        except ValueError:
            raise DecodeError(f"{where}: unknown value {data!r}") from None
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    return _expect(kind, data, where)


def _decode_union(kind: Any, data: Json, where: str) -> Any:
    others = [item for item in typing.get_args(kind) if item is not type(None)]
    if data is None and len(others) < len(typing.get_args(kind)):
        return None
    return _decode(others[0], data, where)


def _decode_tuple(kind: Any, data: Json, where: str) -> tuple[Any, ...]:
    items, kinds = _expect(list, data, where), typing.get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if len(items) != len(kinds):
        raise DecodeError(f"{where}: expected {len(kinds)} items, found {len(items)}")
    pairs = enumerate(zip(kinds, items, strict=True))
    return tuple(_decode(one, item, f"{where}[{i}]") for i, (one, item) in pairs)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode_record(kind: Any, data: Json, where: str) -> Any:
    known, hints = _expect(dict, data, where), _hints(kind)
    fields = {name: _decode(hints[name], known[name], f"{where}.{name}") for name in hints if name in known}
    try:
        return kind(**fields)
    except TypeError as error:
        raise DecodeError(f"{where}: {error}") from None


def _expect(kind: Any, data: Json, where: str) -> Any:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise DecodeError(f"{where}: expected {kind.__name__}, found {type(data).__name__}")
    return data
