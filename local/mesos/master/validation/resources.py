"""Resources as frameworks and operators send them, in either form."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from local.mesos import formats
from local.mesos.master.model import Json
from local.mesos.master.validation.framework import check_role
from local.mesos.resources import Resource, Resources, is_reserved, is_volume, reservation_role
from local.mesos.validation import Invalid, check_id
from local.mesos.values import FIELDS


def check_format(resources: Iterable[Resource]) -> None:
    """Each one by itself, as it was sent. Only after this, ``formats.refined`` may be asked."""
    for resource in resources:
        try:
            _check_value(resource)
            _check_disk_name(resource)
            _check_reservations(resource)
        except Invalid as error:
            raise Invalid(f"Resource '{formats.describe([resource])}' is invalid: {error}") from error


def _check_value(resource: Resource) -> None:
    if not resource["name"]:
        raise Invalid("Empty resource name")
    if resource["type"] not in FIELDS:
        raise Invalid("Unsupported resource type")
    field = FIELDS[resource["type"]]
    if [name for name in FIELDS.values() if name in resource] != [field]:
        raise Invalid(f"Invalid {field} resource")
    value = resource[field]
    if field == "scalar" and value["value"] != 0 and round(value["value"], 3) <= 0:
        raise Invalid("Invalid scalar resource: value <= 0")
    if field == "ranges":
        _check_ranges(value.get("range", []))
    if field == "set" and len(set(value.get("item", []))) < len(value.get("item", [])):
        raise Invalid("Invalid set resource: duplicated elements")


def _check_ranges(spans: list[Json]) -> None:
    if any(span["begin"] > span["end"] for span in spans):
        raise Invalid("Invalid ranges resource: begin > end")
    ordered = sorted(spans, key=lambda span: (span["begin"], span["end"]))
    if any(left["end"] >= right["begin"] for left, right in pairwise(ordered)):
        raise Invalid("Invalid ranges resource: overlapping ranges")


def _check_disk_name(resource: Resource) -> None:
    if "disk" in resource and resource["name"] != "disk":
        raise Invalid(f"DiskInfo should not be set for {resource['name']} resource")
    if "shared" in resource:
        if resource["name"] != "disk":
            raise Invalid(f"Resource {resource['name']} cannot be shared")
        if not is_volume(resource):
            raise Invalid("Only persistent volumes can be shared")


def _check_reservations(resource: Resource) -> None:
    stack = resource.get("reservations")
    if not stack:
        _check_old_form(resource)
        return
    for reservation in stack:
        _check_reservation(reservation)
    for outer, inner in pairwise(stack):
        if inner["type"] == "STATIC":
            raise Invalid("Invalid refined reservation: A refined reservation cannot be STATIC")
        if not inner["role"].startswith(outer["role"] + "/"):
            raise Invalid(
                f"Invalid refined reservation: role '{inner['role']}' is not a refinement of "
                f"'{outer['role']}'"
            )
    if len(stack) == 1:
        _check_both_forms(resource, stack[0])
    else:
        for field in ("role", "reservation"):
            if field in resource:
                raise Invalid(
                    f"Invalid resource format: 'Resource.{field}' must not be set if there is more than one "
                    "reservation in 'Resource.reservations'"
                )


def _check_old_form(resource: Resource) -> None:
    role = resource.get("role", "*")
    check_role(role)
    for field in ("type", "role"):
        if field in resource.get("reservation", {}):
            raise Invalid(
                f"'Resource.ReservationInfo.{field}' must not be set for the 'Resource.reservation' field"
            )
    if "reservation" in resource and role == "*":
        raise Invalid('Invalid reservation: role "*" cannot be dynamically reserved')


def _check_reservation(reservation: Json) -> None:
    for field in ("type", "role"):
        if field not in reservation:
            raise Invalid(f"Invalid reservation: 'Resource.ReservationInfo.{field}' field must be set.")
    check_role(reservation["role"])
    if reservation["role"] == "*":
        raise Invalid('Invalid reservation: role "*" cannot be reserved')
    if reservation["type"] == "UNKNOWN":
        raise Invalid("Unsupported 'Resource.ReservationInfo.Type'")


def _check_both_forms(resource: Resource, reservation: Json) -> None:
    """Where a resource is written in both forms at once, both must say the same."""
    if resource.get("role", reservation["role"]) != reservation["role"]:
        raise Invalid(
            f"Invalid resource format: 'Resource.role' field with '{resource['role']}' does not match the "
            f"role '{reservation['role']}' in 'Resource.reservations'"
        )
    if reservation["type"] == "STATIC":
        if "reservation" in resource:
            raise Invalid(
                "Invalid resource format: 'Resource.reservation' must not be set if the single reservation "
                "in 'Resource.reservations' is STATIC"
            )
        return
    if ("role" in resource) != ("reservation" in resource):
        raise Invalid(
            "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or "
            "both not set if the single reservation in 'Resource.reservations' is DYNAMIC"
        )
    for field in ("principal", "labels"):
        if "reservation" in resource and resource["reservation"].get(field) != reservation.get(field):
            raise Invalid(
                f"Invalid resource format: 'Resource.reservation.{field}' field does not match that in "
                "'Resource.reservations'"
            )


def check_disks(resources: Iterable[Resource]) -> None:
    """What disks with a source or a volume must have. The resources are in the form after refinement."""
    try:
        for resource in resources:
            if "disk" in resource:
                _check_disk(resource, resource["disk"])
    except Invalid as error:
        raise Invalid(f"Invalid DiskInfo: {error}") from error


def _check_disk(resource: Resource, disk: Json) -> None:
    if "persistence" not in disk:
        if "volume" in disk:
            raise Invalid("Non-persistent volume not supported")
        if "source" not in disk:
            raise Invalid("DiskInfo is set but empty")
        return
    if "revocable" in resource:
        raise Invalid("Persistent volumes cannot be created from revocable resources")
    if not is_reserved(resource):
        raise Invalid("Persistent volumes cannot be created from unreserved resources")
    if "volume" not in disk:
        raise Invalid("Expecting 'volume' to be set for persistent volume")
    if "host_path" in disk["volume"]:
        raise Invalid("Expecting 'host_path' to be unset for persistent volume")
    try:
        check_id(disk["persistence"]["id"])
    except Invalid as error:
        raise Invalid(f"Invalid persistence ID for persistent volume: {error}") from error


def check_volumes(resources: Iterable[Resource]) -> None:
    """All are persistent volumes that may be created or destroyed."""
    for resource in resources:
        disk = resource.get("disk")
        if disk is None:
            raise Invalid(f"Resource {formats.describe([resource])} does not have DiskInfo")
        if "persistence" not in disk:
            raise Invalid("'persistence' is not set in DiskInfo")
        if "volume" not in disk:
            raise Invalid("Expecting 'volume' to be set for persistent volume")
        if disk["volume"]["mode"] == "RO":
            raise Invalid("Read-only persistent volume not supported")


def check_unique_volumes(resources: Iterable[Resource]) -> None:
    """A persistence id is used once per role."""
    names = [(reservation_role(r), r["disk"]["persistence"]["id"]) for r in resources if is_volume(r)]
    for role, name in names:
        if names.count((role, name)) > 1:
            raise Invalid(f"Persistence ID '{name}' is not unique")


def check_one_role(resources: Iterable[Resource]) -> None:
    """All are allocated to one and the same role."""
    first: str | None = None
    for resource in resources:
        role = resource.get("allocation_info", {}).get("role")
        if role is None:
            raise Invalid("The resources are not allocated to a role")
        if first not in (None, role):
            raise Invalid(
                f"The resources have multiple allocation roles ('{role}' and '{first}') but only one "
                "allocation role is allowed"
            )
        first = role


def overlap(left: Resources, right: Resources) -> bool:
    """Whether both have some port (or element of a set) in common: then the sum is less than the parts."""
    return formats.quantities([*left, *right]) != formats.quantities(left + right)
