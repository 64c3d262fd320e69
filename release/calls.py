"""The page of all calls, docs/calls.md, from the API's own description, docs/openapi.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release.reference import cell

Json = Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "calls.md"
DESCRIPTION = DOCS / "openapi.json"
METHODS = ("get", "post", "put", "delete")

INTRODUCTION = """\
# Calls

<!-- Made by make generate from openapi.json; do not edit. -->

Every call of the API, as [openapi.json](openapi.json) describes it: what it takes, and what it answers.
[REST API](api.md) says what holds for all of them. Errors (400 and above) are `{"message": …}`, with `errors`
for fields.
"""


def generated() -> dict[Path, str]:
    """The page and what is in it."""
    described = json.loads(DESCRIPTION.read_text())
    calls = (_call(described, *call) for call in _calls(described))
    schemas = (_schema(*schema) for schema in sorted(described["components"]["schemas"].items()))
    return {PAGE: INTRODUCTION + "".join(calls) + "\n## What they carry\n" + "".join(schemas)}


def _calls(described: Json) -> Iterator[tuple[str, Json]]:
    """Each call's title and description, by path."""
    for path, item in sorted(described["paths"].items()):
        yield from ((f"{method.upper()} {path}", item[method]) for method in METHODS if method in item)


def _call(described: Json, title: str, call: Json) -> str:
    open_to_all = " No token is needed." if {} in call.get("security", []) else ""
    lines = [f"\n## {title}\n", f"{call['summary']}.{open_to_all}\n"]
    parameters = [_resolved(described, parameter) for parameter in call.get("parameters", [])]
    if parameters:
        lines += ["| Parameter | | Value | Meaning |", "|---|---|---|---|", *map(_parameter, parameters), ""]
    if "requestBody" in call:
        lines.append(f"Body: {_content(call['requestBody'])}\n")
    lines += ["| Answer | |", "|---|---|"]
    for code, answer in sorted(call["responses"].items()):
        found = _resolved(described, answer)
        what = _content(found)
        lines.append(
            f"| {code} | {cell(found['description'])}{f' {what}' if what and code < '400' else ''} |"
        )
    return "\n".join(lines) + "\n"


def _resolved(described: Json, item: Json) -> Json:
    if "$ref" not in item:
        return item
    found = described
    for name in item["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _parameter(parameter: Json) -> str:
    needed = "needed" if parameter.get("required") else ""
    meaning = cell(parameter.get("description", ""))
    return (
        f"| `{parameter['name']}` ({parameter['in']}) | {needed} | {_type(parameter['schema'])} | {meaning} |"
    )


def _content(item: Json) -> str:
    return " or ".join(
        _type(media["schema"]) if "schema" in media else f"`{kind}`"
        for kind, media in item.get("content", {}).items()
    )


def _type(schema: Json) -> str:
    """A type in a few words, with a link where it has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(_type(part) for part in schema[word])
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _schema(name: str, schema: Json) -> str:
    head = (
        f"\n### {name}\n\n{cell(schema['description'])}\n" if "description" in schema else f"\n### {name}\n"
    )
    properties = schema.get("properties", {})
    if not properties:
        return f"{head}\n{_type({k: v for k, v in schema.items() if k != 'description'})}\n"
    rows = [_field(name, name in schema.get("required", []), of) for name, of in properties.items()]
    return "\n".join([head, "| Field | | Value | Meaning |", "|---|---|---|---|", *rows]) + "\n"


def _field(name: str, required: bool, schema: Json) -> str:
    presence = "" if required else "may be missing"
    return f"| `{name}` | {presence} | {_type(schema)} | {cell(schema.get('description', ''))} |"
