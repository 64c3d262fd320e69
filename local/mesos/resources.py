"""Sets of resources and what is done with them: add, take away, compare, allocate, convert.

A resource is a dict in the form of the v1 API after reservation refinement: ``reservations`` is the stack
of its reservations, innermost last, and neither ``role`` nor ``reservation`` is there. ``formats`` reads
and writes the other forms.

Two resources are of one kind when they agree in all but their amount: name, type, reservations with
principals and labels, disk source, persistence id, allocation role. How a volume is mounted is no part of
it. Amounts of one kind merge, except persistent volumes and MOUNT disks, which exist once and as a whole.

The order of the entries is that of Mesos: new kinds go to the end, and the last entry takes the place of
one that has been used up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from local.mesos import schema, values

Resource = dict[str, Any]
Json = dict[str, Any]
Conversion = tuple[Resource, Resource]
"""What an operation takes away, and what it puts there instead."""

VALUE_FIELDS = frozenset(values.FIELDS.values())


class ResourceError(ValueError):
    """An operation does not fit the resources it is applied to."""


def kind(resource: Resource) -> str:
    """What a resource is regardless of its amount, as a key."""
    identity = {key: value for key, value in resource.items() if key not in VALUE_FIELDS}
    if "disk" in identity:
        disk = {key: value for key, value in identity["disk"].items() if key != "volume"}
        if "persistence" in disk:
            disk["persistence"] = disk["persistence"]["id"]
        identity["disk"] = disk
    return json.dumps(identity, sort_keys=True)


def amount(resource: Resource) -> Json:
    """The value of a resource."""
    value: Json = resource.get(values.FIELDS[resource["type"]], {})
    return value


def with_amount(resource: Resource, value: Json) -> Resource:
    """The same kind of resource, another amount of it."""
    return {**resource, values.FIELDS[resource["type"]]: value}


def is_volume(resource: Resource) -> bool:
    """Whether this is a persistent volume."""
    return "persistence" in resource.get("disk", {})


def is_whole(resource: Resource) -> bool:
    """Whether this can only be had as a whole: persistent volumes and MOUNT disks."""
    disk = resource.get("disk", {})
    return "persistence" in disk or disk.get("source", {}).get("type") == "MOUNT"


def is_reserved(resource: Resource) -> bool:
    """Whether a role has this for itself."""
    return bool(resource.get("reservations"))


def reservation_role(resource: Resource) -> str:
    """The role of the innermost reservation; ``*`` when unreserved."""
    stack = resource.get("reservations")
    role: str = stack[-1]["role"] if stack else "*"
    return role


def is_available_to(resource: Resource, role: str) -> bool:
    """Whether a role may use this: unreserved, or reserved for the role or one above it."""
    owner = reservation_role(resource)
    return owner in ("*", role) or role.startswith(owner + "/")


class Resources:
    """An immutable set of resources."""

    __slots__ = ("_entries",)

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._entries: list[tuple[str, Resource]] = []
        for resource in resources:
            self._add(resource)

    def __iter__(self) -> Iterator[Resource]:
        return (resource for _, resource in self._entries)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resources) and self.contains(other) and other.contains(self)

    __hash__ = None  # type: ignore[assignment] # equal sets may be in different order

    def __repr__(self) -> str:
        return f"Resources({list(self)!r})"

    def __add__(self, other: Iterable[Resource]) -> Resources:
        result = self._copy()
        for resource in other:
            result._add(resource)
        return result

    def __sub__(self, other: Iterable[Resource]) -> Resources:
        result = self._copy()
        for resource in other:
            result._subtract(resource)
        return result

    def contains(self, other: Iterable[Resource]) -> bool:
        """Whether all of the others can be taken out of this."""
        rest = self._copy()
        for resource in Resources(other):
            if not rest._has(resource):
                return False
            rest._subtract(resource)
        return True

    def filter(self, test: Callable[[Resource], bool]) -> Resources:
        """Those for which the test is true."""
        result = Resources()
        result._entries = [entry for entry in self._entries if test(entry[1])]
        return result

    def scalar(self, name: str) -> float:
        """How much there is of a scalar resource, whatever it is reserved for."""
        found = (amount(r)["value"] for r in self if r["name"] == name and r["type"] == "SCALAR")
        return round(sum(found, 0.0), 3)

    def allocated_to(self, role: str) -> Resources:
        """The same, allocated to a role."""
        allocation = {"allocation_info": {"role": role}}
        return Resources(schema.ordered("Resource", {**resource, **allocation}) for resource in self)

    def unallocated(self) -> Resources:
        """The same without saying to whom they are allocated."""
        return Resources(_without(resource, "allocation_info") for resource in self)

    def convert(self, conversions: Iterable[Conversion]) -> Resources:
        """After these conversions, in order. Raises ResourceError where one finds too little."""
        result = self
        for consumed, converted in conversions:
            if not result.contains([consumed]):
                raise ResourceError(consumed)
            result = result - [consumed] + [converted]
        return result

    def _copy(self) -> Resources:
        return self.filter(lambda _: True)

    def _find(self, resource: Resource) -> int | None:
        """Index of the entry that the resource can be taken out of, wholly or (if divisible) in part."""
        key, value = kind(resource), values.normal(resource["type"], amount(resource))
        for index, (own, entry) in enumerate(self._entries):
            if own == key and (not is_whole(resource) or value == amount(entry)):
                return index
        return None

    def _has(self, resource: Resource) -> bool:
        index = self._find(resource)
        return index is not None and values.covers(
            resource["type"], amount(self._entries[index][1]), amount(resource)
        )

    def _add(self, resource: Resource) -> None:
        key, value = kind(resource), values.normal(resource["type"], amount(resource))
        if values.is_empty(resource["type"], value):
            return
        if not is_whole(resource):
            for index, (own, entry) in enumerate(self._entries):
                if own == key:
                    total = values.add(resource["type"], amount(entry), value)
                    self._entries[index] = (key, with_amount(entry, total))
                    return
        self._entries.append((key, with_amount(resource, value)))

    def _subtract(self, resource: Resource) -> None:
        """Take away as much of it as there is."""
        index = self._find(resource)
        if index is None:
            return
        key, entry = self._entries[index]
        value = values.normal(resource["type"], amount(resource))
        rest = values.subtract(resource["type"], amount(entry), value)
        if values.is_empty(resource["type"], rest):
            self._entries[index] = self._entries[-1]
            self._entries.pop()
        else:
            self._entries[index] = (key, with_amount(entry, rest))


def joined(parts: Iterable[Iterable[Resource]]) -> Resources:
    """The sum of several sets of resources."""
    total = Resources()
    for part in parts:
        total += part
    return total


def _without(resource: Resource, *keys: str) -> Resource:
    return {key: value for key, value in resource.items() if key not in keys}


def reserving(resources: Iterable[Resource]) -> list[Conversion]:
    """RESERVE: each resource was there with one reservation less."""
    return [(_popped(resource), resource) for resource in resources]


def unreserving(resources: Iterable[Resource]) -> list[Conversion]:
    """UNRESERVE: each resource will be there with one reservation less."""
    return [(resource, _popped(resource)) for resource in resources]


def creating(volumes: Iterable[Resource]) -> list[Conversion]:
    """CREATE: each volume was plain disk."""
    return [(_plain(volume), volume) for volume in volumes]


def destroying(volumes: Iterable[Resource]) -> list[Conversion]:
    """DESTROY: each volume will be plain disk."""
    return [(volume, _plain(volume)) for volume in volumes]


def _popped(resource: Resource) -> Resource:
    stack = resource["reservations"][:-1]
    return {**resource, "reservations": stack} if stack else _without(resource, "reservations")


def _plain(volume: Resource) -> Resource:
    source = volume["disk"].get("source")
    return {**volume, "disk": {"source": source}} if source else _without(volume, "disk")


def conversions(operation: Json) -> list[Conversion]:
    """What an Offer.Operation of type RESERVE, UNRESERVE, CREATE or DESTROY converts."""
    name = operation["type"]
    body = operation[name.lower()]
    resources = body.get("resources", body.get("volumes", []))
    convert = {"RESERVE": reserving, "UNRESERVE": unreserving, "CREATE": creating, "DESTROY": destroying}
    return convert[name](resources)
