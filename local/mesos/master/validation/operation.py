"""Operations of an ACCEPT, and the same ones of operators.

``role`` is the role that a framework's offer is allocated to, None for an operator. ``principal`` is whose
name reservations and volumes must bear, None where nobody has one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from local.mesos import formats
from local.mesos.master.model import Agent
from local.mesos.master.validation.resources import (
    check_disks,
    check_one_role,
    check_unique_volumes,
    check_volumes,
)
from local.mesos.resources import Resource, Resources, is_volume, reservation_role
from local.mesos.validation import Invalid


def check_reserve(
    resources: list[Resource], principal: str | None, framework_roles: Collection[str] | None
) -> None:
    """RESERVE. ``framework_roles`` is None for an operator, whose resources are allocated to nobody."""
    _check(resources)
    for resource in resources:
        _check_dynamic(resource)
        _check_reserver(resource, principal)
        if framework_roles is not None:
            _check_reserved_role(resource, framework_roles)
        elif "allocation_info" in resource:
            raise Invalid(
                "A reserve operation was attempted with an allocated resource, but the operator API only "
                "allows reservations to be made to unallocated resources"
            )
    if framework_roles is not None:
        _check_single_role("reservation", resources)


def _check_reserver(resource: Resource, principal: str | None) -> None:
    if principal is None:
        return
    owner = resource["reservations"][-1].get("principal")
    if owner is None:
        raise Invalid(
            f"A reserve operation was attempted by principal '{principal}', but there is a reserved resource "
            "in the request with no principal set"
        )
    if owner != principal:
        raise Invalid(
            f"A reserve operation was attempted by authenticated principal '{principal}', which does not "
            f"match a reserved resource in the request with principal '{owner}'"
        )


def _check_reserved_role(resource: Resource, framework_roles: Collection[str]) -> None:
    allocated, reserved = resource["allocation_info"]["role"], reservation_role(resource)
    if allocated != reserved:
        raise Invalid(
            f"A reserve operation was attempted for a resource with role '{reserved}', but the resource was "
            f"allocated to role '{allocated}'"
        )
    if allocated not in framework_roles:
        names = ", ".join(framework_roles)
        raise Invalid(
            f"A reserve operation was attempted for a resource allocated to role '{allocated}', but the "
            f"framework only has roles '{{ {names} }}'"
        )


def check_unreserve(resources: list[Resource]) -> None:
    """UNRESERVE."""
    _check(resources)
    for resource in resources:
        _check_dynamic(resource)
        if is_volume(resource):
            raise Invalid(
                f"A dynamically reserved persistent volume {formats.describe([resource])} cannot be "
                "unreserved directly. Please destroy the persistent volume first then unreserve the resource"
            )


def check_create(volumes: list[Resource], agent: Agent, principal: str | None, *, allocated: bool) -> None:
    """CREATE. ``allocated`` is true for a framework."""
    _check(volumes)
    _check_are_volumes(volumes)
    existing = agent.total.filter(is_volume)
    check_unique_volumes([*existing, *volumes])
    for volume in volumes:
        _check_creator(volume, principal)
    if allocated:
        _check_single_role("volume", volumes)


def _check_creator(volume: Resource, principal: str | None) -> None:
    if principal is None:
        return
    owner = volume["disk"]["persistence"].get("principal")
    if owner is None:
        raise Invalid(
            f"Create volume operation attempted by principal '{principal}', but there is a volume in the "
            "operation with no principal set in 'disk.persistence'"
        )
    if owner != principal:
        raise Invalid(
            f"Create volume operation attempted by authenticated principal '{principal}', which does not "
            f"match a volume in the operation with principal '{owner}' set in 'disk.persistence'"
        )


def check_destroy(volumes: list[Resource], agent: Agent) -> None:
    """DESTROY."""
    plain = Resources(volumes).unallocated()
    _check(plain)
    _check_are_volumes(plain)
    if not agent.total.contains(plain):
        raise Invalid("Persistent volumes not found")
    used = agent.used.unallocated()
    if any(used.contains([volume]) for volume in plain):
        raise Invalid("Persistent volumes in use")


def _check(resources: Iterable[Resource]) -> None:
    try:
        check_disks(resources)
    except Invalid as error:
        raise Invalid(f"Invalid resources: {error}") from error


def _check_are_volumes(volumes: Iterable[Resource]) -> None:
    try:
        check_volumes(volumes)
    except Invalid as error:
        raise Invalid(f"Not a persistent volume: {error}") from error


def _check_dynamic(resource: Resource) -> None:
    stack = resource.get("reservations")
    if not stack or stack[-1]["type"] != "DYNAMIC":
        raise Invalid(f"Resource {formats.describe([resource])} is not dynamically reserved")


def _check_single_role(what: str, resources: list[Resource]) -> None:
    try:
        check_one_role(resources)
    except Invalid as error:
        raise Invalid(f"Invalid {what} resources: {error}") from error
