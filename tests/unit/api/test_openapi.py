"""The OpenAPI description: made from routes and types, kept in docs/, served, and true of bodies' fields."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import pytest

from api import bodies
from api.app import create_app
from api.maintenance_requests import FIELDS, REPAIR_FIELDS
from api.openapi.__main__ import text
from api.openapi.described import call_of
from api.openapi.schemas import Schemas
from api.transfer_requests import FIELDS as TRANSFER_FIELDS
from api.transfer_requests import RATE
from tests.unit.api.service import client, deployed

KEPT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_description_that_is_kept_is_the_present_one() -> None:
    assert KEPT.read_text() == text(), "run python -m api.openapi > docs/openapi.json"


def test_it_is_served_as_it_is_kept() -> None:
    assert client(deployed()).get("/v1/openapi.json").json == json.loads(KEPT.read_text())


def test_every_call_but_the_pages_is_described() -> None:
    app = create_app(deployed())
    silent = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if call_of(app.view_functions[rule.endpoint]) is None
    }
    assert {endpoint.partition(".")[0] for endpoint in silent} == {"page"}


def test_no_two_calls_have_the_same_name_and_each_says_what_it_does() -> None:
    operations = [one for path in json.loads(text())["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert [one for one in operations if not one["summary"]] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (bodies.Maintenance, FIELDS),
        (bodies.Repair, (*FIELDS, *REPAIR_FIELDS)),
        (bodies.Backup, TRANSFER_FIELDS["backup"]),
        (bodies.Backup, TRANSFER_FIELDS["verify"]),
        (bodies.Restore, TRANSFER_FIELDS["restore"]),
        (bodies.Deletion, TRANSFER_FIELDS["delete"]),
        (bodies.Place, TRANSFER_FIELDS["list"]),
        (bodies.Bandwidth, (RATE,)),
    ],
)
def test_a_body_is_described_with_the_fields_that_its_reader_takes(
    body: Any, fields: tuple[str, ...]
) -> None:
    assert set(typing.get_type_hints(body)) == set(fields)


def test_types_become_schemas() -> None:
    schemas = Schemas()
    assert schemas.of(str | None) == {"type": ["string", "null"]}
    assert schemas.of(list[int] | bool) == {
        "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "boolean"}]
    }
    assert schemas.of(bodies.Repair) == {"$ref": "#/components/schemas/RepairBody"}
    assert schemas.named["RepairBody"]["required"] == ["nodes"]
    assert schemas.named["RepairBody"]["additionalProperties"] is False
    with pytest.raises(TypeError, match="no schema is known"):
        schemas.of(object)
