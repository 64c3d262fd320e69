"""Messages as text for people, in the text format of protobuf, as Mesos puts them into its messages.

Fields come in the order of their numbers in the .proto files, which for some messages is not that of their
declaration, and so not that of ``messages``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from local.mesos import schema, values
from local.mesos.enums import ENUMS
from local.mesos.messages import MESSAGES

Json = dict[str, Any]

BY_NUMBER = {
    name: fields.split()
    for name, fields in {
        "CommandInfo": "uris environment value user shell arguments",
        "ExecutorInfo": """executor_id data resources command framework_id name source container discovery
            shutdown_grace_period labels type""",
        "Resource": """name type scalar ranges set role disk reservation revocable shared allocation_info
            provider_id reservations""",
        "ReservationInfo": "principal labels role type",
        "Variable": "name value type secret",
        "Volume": "container_path host_path mode",
    }.items()
}
"""Where it differs from the declaration."""

DEFAULTS = {("CommandInfo", "shell"): True, ("URI", "extract"): True}
"""Values of fields that are not set, and so not written."""


_ESCAPES = {ord(sign): f"\\{name}" for sign, name in zip("\"'\\\n\r\t", "\"'\\nrt", strict=True)}


def write(message: str, value: Json) -> str:
    """The message, each field on a line of its own."""
    return "".join(f"{line}\n" for line in _lines(message, value))


def _lines(message: str, value: Json) -> Iterator[str]:
    kinds = {field.name: field.type for field in schema.fields(message)}
    for name in BY_NUMBER.get(message, kinds):
        if name in value and DEFAULTS.get((message, name)) != value[name]:
            items = value[name] if isinstance(value[name], list) else [value[name]]
            for item in items:
                yield from _field(name, kinds[name], item)


def _field(name: str, kind: str, item: Any) -> Iterator[str]:
    if kind in MESSAGES:
        yield f"{name} {{"
        yield from (f"  {line}" for line in _lines(kind, item))
        yield "}"
    else:
        yield f"{name}: {_scalar(kind, item)}"


def _scalar(kind: str, item: Any) -> str:
    if kind in ENUMS:
        return str(item)
    if kind == "double":
        return values.number(item)
    if kind == "bytes":
        return _quoted(base64.b64decode(item))
    return _quoted(item.encode()) if isinstance(item, str) else json.dumps(item)


def _quoted(data: bytes) -> str:
    """In double quotes; each byte that is no plain ASCII as three octal digits."""
    return '"' + "".join(_ESCAPES.get(byte) or _shown(byte) for byte in data) + '"'


def _shown(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
