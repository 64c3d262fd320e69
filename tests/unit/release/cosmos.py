"""Renders the package as DC/OS' package manager does."""

from __future__ import annotations

import json
from typing import Any

import chevron

from release.package import UNIVERSE
from tests.unit.release.schemas import problems, read

Json = Any

NEEDED: Json = {"cassandra": {"uri": "https://downloads.example.com/c.tar.gz", "sha512": "a" * 128}}
"""The options without defaults."""


class NotValid(Exception):
    """Options that break config.json."""


def render(options: Json) -> Json:
    """The Marathon app of some options over the defaults. Raises NotValid."""
    schema = read(UNIVERSE / "config.json")
    merged = _merged(_defaults(schema), options)
    if found := problems(merged, schema):
        raise NotValid(found)
    context = {**merged, "resource": read(UNIVERSE / "resource.json")}
    template = (UNIVERSE / "marathon.json.mustache").read_text()
    return json.loads(chevron.render(template, _escaped(context)))


def _defaults(schema: Json) -> Json:
    """All defaults that a schema names."""
    found = {}
    for name, property_ in schema["properties"].items():
        if "properties" in property_:
            found[name] = _defaults(property_)
        elif "default" in property_:
            found[name] = property_["default"]
    return found


def _merged(below: Json, above: Json) -> Json:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    common = {name: _merged(below[name], above[name]) for name in below.keys() & above.keys()}
    return {**below, **above, **common}


def _escaped(value: Json) -> Json:
    """Strings as they stand between the quotes of JSON."""
    if isinstance(value, dict):
        return {name: _escaped(item) for name, item in value.items()}
    return json.dumps(value)[1:-1] if isinstance(value, str) else value
