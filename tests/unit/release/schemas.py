"""The schemas of Marathon and of DC/OS packages, and what breaks them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator

from release.requirements import PROJECT

Json = Any
SCHEMAS = PROJECT / "tests" / "schemas"
APP = SCHEMAS / "marathon" / "AppDefinition.json"
PACKAGE = SCHEMAS / "universe" / "package-schema.json"
CONFIG = SCHEMAS / "universe" / "config-schema.json"
RESOURCE = SCHEMAS / "universe" / "v3-resource-schema.json"


def read(path: Path) -> Json:
    """A file of JSON."""
    return json.loads(path.read_text())


def problems(value: Json, schema: Json) -> list[str]:
    """What breaks a schema, a line each."""
    errors = Draft4Validator(schema).iter_errors(value)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
