"""Frozen dataclasses to JSON and back, strictly.

Supported field types: bool, int, float, str, None, enumerations of strings, ``Json`` (anything JSON),
tuples of one type, dictionaries with string keys, other dataclasses, and unions of these with None.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, Union

Json = Any
T = TypeVar("T")


class DecodeError(ValueError):
    """JSON that is not what its type says; the message names the place."""


def encode(value: object) -> Json:
    """Return ``value`` as what ``json.dumps`` takes; fields that hold their default stay in, for readers."""
    kind: Any = type(value)
    return value if kind in _PLAIN else _writer(kind)(value)


def decode(kind: type[T], data: Json, where: str = "", complete: bool = False) -> T:
    """Read ``data`` as ``kind``. Fields that ``kind`` lacks are ignored, missing ones take their default.

    Raises DecodeError where a value has another type or a field without default is missing; where it has to
    be ``complete``, any field.
    """
    try:
        reader: _Reader = _reader(typing.cast(Any, kind), complete)
        return typing.cast(T, reader(data))
    except _Misfit as misfit:
        raise DecodeError(f"{where or kind.__name__}{misfit.place}: {misfit.reason}") from None


_PLAIN = frozenset({str, int, float, bool, type(None)})

_Writer = Callable[[Any], Json]
_Reader = Callable[[Json], Any]


class _Misfit(Exception):
    """What does not fit, and at which place below the one that is being read."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place

    def below(self, place: str) -> _Misfit:
        """As seen from one level further up."""
        return _Misfit(self.reason, place + self.place)


# Records are written and read by the thousand, so how to do it is found out once for each type.


@functools.cache
def _writer(kind: Any) -> _Writer:
    if issubclass(kind, enum.Enum):
        return lambda value: value.value
    if dataclasses.is_dataclass(kind):
        return _record_writer(tuple(field.name for field in dataclasses.fields(kind)))
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _record_writer(kind._fields)
    if issubclass(kind, (tuple, list)):
        return lambda value: [item if type(item) in _PLAIN else encode(item) for item in value]
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(item) for key, item in value.items()}
    return lambda value: value


def _record_writer(names: tuple[str, ...]) -> _Writer:
    def write(value: Any) -> Json:
        record: dict[str, Json] = {}
        for name in names:
            item = getattr(value, name)
            record[name] = item if type(item) in _PLAIN else encode(item)
        return record

    return write


@functools.cache
def _reader(kind: Any, complete: bool) -> _Reader:
    if kind is Any:
        return lambda data: data
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(typing.get_args(kind), complete)
    if origin is tuple:
        return _tuple_reader(typing.get_args(kind), complete)
    if origin in (dict, Mapping):
        return _dict_reader(_reader(typing.get_args(kind)[1], complete))
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record_reader(kind, complete)
    if issubclass(kind, enum.Enum):
        return _enum_reader(kind)
    return _float if kind is float else functools.partial(_expect, kind)


def _union_reader(kinds: tuple[Any, ...], complete: bool) -> _Reader:
    others = [item for item in kinds if item is not type(None)]
    read, optional = _reader(others[0], complete), len(others) < len(kinds)
    return lambda data: None if data is None and optional else read(data)


def _tuple_reader(kinds: tuple[Any, ...], complete: bool) -> _Reader:
    if kinds == (str, Ellipsis):
        return _texts
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return functools.partial(_items, itertools.repeat(_reader(kinds[0], complete)))
    readers = [_reader(kind, complete) for kind in kinds]
    read_items = _texts if set(kinds) == {str} else functools.partial(_items, readers)

    def read(data: Json) -> tuple[Any, ...]:
        found = len(_expect(list, data))
        if found != len(readers):
            raise _Misfit(f"expected {len(readers)} items, found {found}")
        return read_items(data)

    return read


def _texts(data: Json) -> tuple[str, ...]:
    """A tuple of texts: each node of a large cluster has told of all the others, and all bear labels."""
    if type(data) is list and set(map(type, data)) <= {str}:
        return tuple(data)
    return _items(itertools.repeat(functools.partial(_expect, str)), data)


def _items(readers: Iterable[_Reader], data: Json) -> tuple[Any, ...]:
    found: list[Any] = []
    try:
        for read, item in zip(readers, _expect(list, data), strict=False):
            found.append(read(item))
    except _Misfit as misfit:
        if isinstance(data, list):
            raise misfit.below(f"[{len(found)}]") from None
        raise
    return tuple(found)


def _dict_reader(read: _Reader) -> _Reader:
    def read_all(data: Json) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in _expect(dict, data).items():
            try:
                found[key] = read(value)
            except _Misfit as misfit:
                raise misfit.below(f".{key}") from None
        return found

    return read_all


def _record_reader(kind: Any, complete: bool) -> _Reader:
    hints = typing.get_type_hints(kind)
    readers: dict[str, _Reader] = {}

    def read(data: Json) -> Any:
        if not readers:  # filled late: a record may hold others of its own kind
            readers.update({name: _reader(hint, complete) for name, hint in hints.items()})
        known = _expect(dict, data)
        fields: dict[str, Any] = {}
        for name, read_field in readers.items():
            if name in known:
                try:
                    fields[name] = read_field(known[name])
                except _Misfit as misfit:
                    raise misfit.below(f".{name}") from None
            elif complete:
                raise _Misfit(f"it has no {name}")
        try:
            return kind(**fields)
        except TypeError as error:
            raise _Misfit(str(error)) from None

    return read


def _enum_reader(kind: type[enum.Enum]) -> _Reader:
    def read(data: Json) -> enum.Enum:
        try:
            return kind(data)
        except ValueError:
            raise _Misfit(f"unknown value {data!r}") from None

    return read


def _float(data: Json) -> float:
    if type(data) is float:
        return data
    return float(data) if type(data) is int else typing.cast(float, _expect(float, data))


def _expect(kind: Any, data: Json) -> Any:
    if type(data) is kind:
        return data
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise _Misfit(f"expected {kind.__name__}, found {type(data).__name__}")
    return data
