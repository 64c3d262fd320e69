"""Resources between Mesos' JSON and the model.

Read in all three formats that Mesos prints: with ``reservations`` (post-refinement), with ``role`` and
``reservation`` (pre-refinement), and with both at once. Written with ``reservations`` only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from scheduler.model.resource import Disk, Range, Reservation, Resource, Source

Json = Mapping[str, Any]

_UNUSABLE = frozenset({"revocable", "shared", "provider_id"})
"""Fields of resources that this framework never uses: Mesos takes these away, shares them, or has them
from a storage provider, whose resources can only be named together with the provider."""

_SOURCES = {"MOUNT": "mount", "PATH": "path"}


def read_resources(entries: Iterable[Json]) -> tuple[Resource, ...]:
    """Read a list of resources; those of kinds that the model has no place for are left out."""
    return tuple([resource for entry in entries if (resource := _read(entry)) is not None])


def _read(entry: Json) -> Resource | None:
    """One resource, None where it is of no use.

    Reading offers is what the scheduler spends its time on, and most resources are plain: of their four
    fields one is the role they are offered to. Those go a short way and are shared where they are equal.
    """
    name, kind = entry["name"], entry["type"]
    plain = len(entry) == 4 and "allocation_info" in entry
    if kind == "SCALAR":
        scalar = entry["scalar"]["value"]
        return _plain(name, scalar) if plain else _special(entry, name, scalar, ())
    if kind == "RANGES":
        ranges = _ranges(entry["ranges"])
        return _plain(name, 0.0, ranges) if plain else _special(entry, name, 0.0, ranges)
    return None


_plain = functools.lru_cache(maxsize=4096)(Resource)


def _special(entry: Json, name: str, scalar: float, ranges: tuple[Range, ...]) -> Resource | None:
    """One that is reserved, a disk of its own, or of no use."""
    if not _UNUSABLE.isdisjoint(entry):
        return None
    levels = _reservations(entry)
    if "disk" not in entry:
        return Resource(name, scalar, ranges, levels)
    disk = entry["disk"]
    if "source" in disk and disk["source"]["type"] not in _SOURCES:
        return None
    return Resource(name, scalar, ranges, levels, _disk(disk))


def _ranges(ranges: Json) -> tuple[Range, ...]:
    return tuple([(part["begin"], part["end"]) for part in ranges.get("range", ())])


def _reservations(entry: Json) -> tuple[Reservation, ...]:
    if "reservations" in entry:
        return tuple([_reservation(level) for level in entry["reservations"]])
    role = entry.get("role", "*")
    if role == "*":
        return ()
    if "reservation" in entry:
        level = entry["reservation"]
        return (Reservation(role, level.get("principal"), _labels(level)),)
    return (Reservation(role, dynamic=False),)


def _reservation(level: Json) -> Reservation:
    dynamic = level["type"] == "DYNAMIC"
    return Reservation(level["role"], level.get("principal"), _labels(level), dynamic)


def _labels(owner: Json) -> tuple[tuple[str, str], ...]:
    if "labels" not in owner:
        return ()
    return tuple([(label["key"], label.get("value", "")) for label in owner["labels"].get("labels", ())])


def _disk(disk: Json) -> Disk:
    persistence, volume = disk.get("persistence", {}), disk.get("volume", {})
    source = disk.get("source")
    return Disk(
        persistence.get("id"),
        persistence.get("principal"),
        volume.get("container_path"),
        _source(source) if source else None,
    )


def _source(source: Json) -> Source:
    kind = source["type"]
    return Source(kind, source.get(_SOURCES[kind], {}).get("root"))


def resources_json(resources: Iterable[Resource], role: str) -> list[dict[str, Any]]:
    """Write resources that are allocated to ``role``, as offers to it are."""
    return [_json(resource, role) for resource in resources]


def _json(resource: Resource, role: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": resource.name}
    if resource.ranges:
        parts = [{"begin": begin, "end": end} for begin, end in resource.ranges]
        entry |= {"type": "RANGES", "ranges": {"range": parts}}
    else:
        # Mesos counts in thousandths.
        entry |= {"type": "SCALAR", "scalar": {"value": round(resource.scalar, 3)}}
    entry["allocation_info"] = {"role": role}
    if resource.reservations:
        entry["reservations"] = [_reservation_json(level) for level in resource.reservations]
    if resource.disk is not None:
        entry["disk"] = _disk_json(resource.disk)
    return entry


def _reservation_json(level: Reservation) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "DYNAMIC" if level.dynamic else "STATIC", "role": level.role}
    if level.principal is not None:
        entry["principal"] = level.principal
    if level.labels:
        entry["labels"] = labels_json(level.labels)
    return entry


def labels_json(labels: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Write labels, in their order."""
    return {"labels": [{"key": key, "value": value} for key, value in labels]}


def _disk_json(disk: Disk) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if disk.persistence_id is not None:
        entry["persistence"] = {"id": disk.persistence_id}
        if disk.principal is not None:
            entry["persistence"]["principal"] = disk.principal
    if disk.container_path is not None:
        entry["volume"] = {"container_path": disk.container_path, "mode": "RW"}
    if disk.source is not None:
        root = {} if disk.source.root is None else {"root": disk.source.root}
        entry["source"] = {"type": disk.source.kind, _SOURCES[disk.source.kind]: root}
    return entry
