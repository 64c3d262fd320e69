"""JSON Schema of the types that answers and bodies have."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Annotated, Any, Literal, NotRequired, Required, Union

from protocol.codec import Json

PLAIN: dict[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


class Also:
    """What a schema says beside the type: the metadata of ``Annotated``."""

    def __init__(self, **keywords: Json) -> None:
        self.keywords = keywords


class Schemas:
    """Makes schemas, and keeps those of records by their names, to be referred to."""

    def __init__(self) -> None:
        self.named: dict[str, Json] = {}

    def of(self, kind: Any) -> Json:
        """The schema of a type: plain ones, lists, dictionaries by text, literals, unions, TypedDicts."""
        if kind in PLAIN:
            return dict(PLAIN[kind])
        if typing.is_typeddict(kind):
            return self._record(kind)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is Annotated:
            return self._annotated(arguments[0], arguments[1])
        if origin in (NotRequired, Required):
            return self.of(arguments[0])
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        raise TypeError(f"no schema is known for {kind}")

    def _union(self, kinds: tuple[Any, ...]) -> Json:
        schemas = [self.of(kind) for kind in kinds]
        simple = all(set(one) <= {"type", "format"} and isinstance(one.get("type"), str) for one in schemas)
        if not simple:
            return {"anyOf": schemas}
        merged = {key: value for one in schemas for key, value in one.items()}
        return {**merged, "type": [one["type"] for one in schemas]}

    def _annotated(self, kind: Any, more: Also) -> Json:
        return {**self.of(kind), **more.keywords}

    def _record(self, kind: Any) -> Json:
        name = f"{kind.__name__}Body" if kind.__module__.endswith(".bodies") else kind.__name__
        if name not in self.named:
            self.named[name] = {}  # a record may hold others of its own kind
            hints = typing.get_type_hints(kind, include_extras=True)
            self.named[name] = {
                "type": "object",
                "description": " ".join(inspect.cleandoc(kind.__dict__.get("__doc__") or "").split()),
                "properties": {field: self.of(hint) for field, hint in sorted(hints.items())},
                "required": sorted(
                    f for f, hint in hints.items() if typing.get_origin(hint) is not NotRequired
                ),
                "additionalProperties": False,
            }
        return {"$ref": f"#/components/schemas/{name}"}
