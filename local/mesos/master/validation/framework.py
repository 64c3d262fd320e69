"""FrameworkInfo and the roles in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from local.mesos.duration import MAX_SECONDS
from local.mesos.master.model import Json, roles
from local.mesos.validation import Invalid, check_id

_BAD_ROLE_CHARACTERS = frozenset("\b\t\n\v\f\r ")


def check_framework(info: Json, allowed_roles: frozenset[str] | None) -> None:
    """A FrameworkInfo by itself. ``allowed_roles`` are those of the flag, None without it."""
    _check_roles(info)
    if framework_id := info.get("id", {}).get("value"):
        check_id(framework_id)
    timeout = info["failover_timeout"]
    if not -MAX_SECONDS <= timeout <= MAX_SECONDS:
        raise Invalid(f"The framework failover_timeout ({timeout:g}) is invalid")
    if allowed_roles is not None:
        forbidden = [role for role in roles(info) if role not in allowed_roles]
        if forbidden:
            names = ", ".join(forbidden)
            raise Invalid(f"Roles {{ {names} }} are not present in the master's --roles")


def _check_roles(info: Json) -> None:
    multi_role = {"type": "MULTI_ROLE"} in info.get("capabilities", [])
    if multi_role and "role" in info:
        raise Invalid("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")
    if not multi_role and "roles" in info:
        raise Invalid("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")
    times = Counter(str(role) for role in info.get("roles", []))
    duplicates = [role for role, number in times.items() if number > 1]
    if duplicates:
        raise Invalid(f"'FrameworkInfo.roles' contains duplicate items: {{ {', '.join(duplicates)} }}")
    for role in roles(info):
        try:
            check_role(role)
        except Invalid as error:
            field = "roles' contains invalid role" if multi_role else "role' is not a valid role"
            raise Invalid(f"'FrameworkInfo.{field}: {error}") from error


def check_role(role: str) -> None:
    """A role's name: ``*``, or elements separated by slashes."""
    if role == "*":
        return
    if role.startswith("/"):
        raise Invalid(f"Role '{role}' cannot start with a slash")
    if role.endswith("/"):
        raise Invalid(f"Role '{role}' cannot end with a slash")
    if "//" in role:
        raise Invalid(f"Role '{role}' cannot contain two adjacent slashes")
    if not role:
        raise Invalid("Role names cannot be the empty string")
    for component in role.split("/"):
        _check_component(role, component)


def _check_component(role: str, component: str) -> None:
    if component in (".", "..", "*"):
        raise Invalid(f"Role '{role}' cannot include '{component}' as a component")
    if component.startswith("-"):
        raise Invalid(f"Role component '{component}' is invalid because it starts with a dash")
    if _BAD_ROLE_CHARACTERS & set(component):
        raise Invalid(f"Role component '{component}' is invalid because it contains backspace or whitespace")


def check_suppressed(info: Json, suppressed: Iterable[str], constraints: Json) -> None:
    """Suppressed roles, and roles with constraints, are roles of the framework."""
    strange = sorted(set(suppressed) - set(roles(info)))
    if strange:
        names = ", ".join(strange)
        raise Invalid(f"Suppressed roles {{ {names} }} are not contained in the set of roles")
    for role in constraints.get("role_constraints", {}):
        if role not in roles(info):
            raise Invalid(
                f"Offer constraints specify `role_constraints` for a role '{role}'not contained in the "
                "set of roles"
            )


def check_principal_kept(old: Json, new: Json) -> None:
    """A framework stays the same principal's."""
    if old.get("principal") != new.get("principal"):
        raise Invalid("Changing framework's principal is not allowed.")


def check_update(old: Json, new: Json) -> None:
    """What UPDATE_FRAMEWORK may change. A SUBSCRIBE is not refused for ``user`` and ``checkpoint``."""
    check_principal_kept(old, new)
    for field in ("user", "checkpoint"):
        if old[field] != new[field]:
            old_value, new_value = (
                str(info[field]).lower() if field == "checkpoint" else info[field] for info in (old, new)
            )
            raise Invalid(
                f"Updating 'FrameworkInfo.{field}' is unsupported; attempted to update from '{old_value}' to "
                f"'{new_value}'"
            )
