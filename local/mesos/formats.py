"""The other forms in which resources are written: before refinement, at endpoints, as text, as totals.

* Before reservation refinement a resource has at most one reservation: ``role`` alone is a static one,
  ``role`` with ``reservation`` a dynamic one, ``role`` ``*`` none.
* Endpoints for operators print both forms at once.
* Flags take text (``cpus:8;mem:1024;ports:[7000-7999]``, ``cpus(role):1``) or a JSON list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from local.mesos import schema, values
from local.mesos.resources import Resource, Resources, amount

Json = dict[str, Any]


class FormatError(ValueError):
    """Text that does not describe resources."""


def refined(resource: Resource) -> Resource:
    """A resource given in either form, in the form after refinement. It must be valid."""
    result = {key: value for key, value in resource.items() if key not in ("role", "reservation")}
    role = resource.get("role", "*")
    if "reservations" not in result and role != "*":
        reservation: Json = {"type": "STATIC", "role": role}
        if "reservation" in resource:
            reservation = {"type": "DYNAMIC", "role": role, **_details(resource["reservation"])}
        result["reservations"] = [reservation]
    return result


def unrefined(resource: Resource) -> Resource:
    """In the form before refinement. There may be no more than one reservation."""
    result = {key: value for key, value in resource.items() if key != "reservations"}
    return schema.ordered("Resource", {**result, **_old_fields(resource)})


def endpoint(resource: Resource) -> Resource:
    """In both forms; a refined reservation has no old form."""
    if len(resource.get("reservations", [])) > 1:
        return resource
    return schema.ordered("Resource", {**resource, **_old_fields(resource)})


def _old_fields(resource: Resource) -> Json:
    stack = resource.get("reservations")
    if not stack:
        return {"role": "*"}
    fields: Json = {"role": stack[0]["role"]}
    if stack[0]["type"] == "DYNAMIC":
        fields["reservation"] = _details(stack[0])
    return fields


def _details(reservation: Json) -> Json:
    return {key: reservation[key] for key in ("principal", "labels") if key in reservation}


_ENTRY = re.compile(r"(?P<name>[^(:\s]+)\s*(\((?P<role>[^)]*)\))?\s*:\s*(?P<value>.+)", re.DOTALL)
_RANGE = re.compile(r"\s*([0-9]+)\s*-\s*([0-9]+)\s*")


def parse(text: str) -> Resources:
    """What a flag says, as text or as a JSON list of Resource objects. Raises FormatError."""
    if text.lstrip().startswith("["):
        try:
            return Resources(refined(schema.parse("Resource", item)) for item in json.loads(text))
        except ValueError as error:
            raise FormatError(f"this is no JSON list of resources: {error}") from error
    return Resources(_entry(part.strip()) for part in text.split(";") if part.strip())


def _entry(text: str) -> Resource:
    match = _ENTRY.fullmatch(text)
    if not match:
        raise FormatError(f"expected name:value or name(role):value, not '{text}'")
    resource = {"name": match["name"], **value(match["value"].strip())}
    role = match["role"] or "*"
    return refined({**resource, "role": role})


def value(text: str) -> Json:
    """The type of a value in a flag, and the value. Raises FormatError."""
    if text.startswith("[") and text.endswith("]"):
        matches = [_RANGE.fullmatch(part) for part in text[1:-1].split(",")]
        spans = [{"begin": int(match[1]), "end": int(match[2])} for match in matches if match]
        if len(spans) == len(matches):
            return {"type": "RANGES", "ranges": {"range": spans}}
    elif text.startswith("{") and text.endswith("}"):
        return {"type": "SET", "set": {"item": [part.strip() for part in text[1:-1].split(",")]}}
    elif re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return {"type": "SCALAR", "scalar": {"value": float(text)}}
    raise FormatError(f"expected a number, [ranges] or {{a set}}, not '{text}'")


def describe(resources: Iterable[Resource]) -> str:
    """For messages, as Mesos prints it: ``cpus(allocated: r)(reservations: [(DYNAMIC,r)]):1; mem...``."""
    return "; ".join(_describe(resource) for resource in resources) or "{}"


def _describe(resource: Resource) -> str:
    text: str = resource["name"]
    if role := resource.get("allocation_info", {}).get("role"):
        text += f"(allocated: {role})"
    if stack := resource.get("reservations"):
        text += f"(reservations: [{','.join(_describe_reservation(item) for item in stack)}])"
    if "disk" in resource:
        text += f"[{_describe_disk(resource['disk'])}]"
    return f"{text}:{values.text(resource['type'], amount(resource))}"


def _describe_reservation(reservation: Json) -> str:
    parts = [reservation["type"], reservation["role"]]
    if "principal" in reservation:
        parts.append(reservation["principal"])
    if labels := reservation.get("labels", {}).get("labels"):
        pairs = (
            f"{label['key']}: {label['value']}" if "value" in label else label["key"] for label in labels
        )
        parts.append("{" + ", ".join(pairs) + "}")
    return f"({','.join(parts)})"


def _describe_disk(disk: Json) -> str:
    parts = []
    if source := disk.get("source"):
        root = source.get(source["type"].lower(), {}).get("root")
        parts.append(f"{source['type']}:{root}" if root else source["type"])
    if persistence := disk.get("persistence"):
        path = disk.get("volume", {}).get("container_path")
        parts.append(f"{persistence['id']}:{path}" if path else persistence["id"])
    return ",".join(parts)


def totals(resources: Iterable[Resource]) -> Json:
    """By name, as the state endpoints show it: the four usual scalars always, ranges and sets as text."""
    result: dict[str, Any] = {"disk": 0.0, "mem": 0.0, "gpus": 0.0, "cpus": 0.0}
    others: dict[str, tuple[str, Json]] = {}
    for resource in resources:
        name, kind, value = resource["name"], resource["type"], amount(resource)
        if kind == "SCALAR":
            result[name] = round(result.get(name, 0.0) + value["value"], 3)
        else:
            others[name] = (kind, values.add(kind, others[name][1], value) if name in others else value)
    return {**result, **{name: values.text(kind, value) for name, (kind, value) in others.items()}}


def quantities(resources: Iterable[Resource]) -> dict[str, float]:
    """By name in alphabetical order, with ranges and sets counted."""
    result: dict[str, float] = {}
    for resource in resources:
        result[resource["name"]] = round(result.get(resource["name"], 0.0) + _size(resource), 3)
    return dict(sorted(result.items()))


def _size(resource: Resource) -> float:
    value = amount(resource)
    if resource["type"] == "SCALAR":
        return float(value["value"])
    if resource["type"] == "RANGES":
        return float(sum(item["end"] - item["begin"] + 1 for item in value["range"]))
    return float(len(value["item"]))
