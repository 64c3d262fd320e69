"""Resources as Mesos reckons with them: amounts by what distinguishes one resource from another."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.model.resource import Disk, Resource, ranges_from

Amount = float | frozenset[int]
Bag = dict[Resource, Amount]

VOLUME_PATH = "volume"


def bag(resources: Iterable[Resource]) -> Bag:
    """The amounts of resources in a list."""
    found: Bag = {}
    for resource in resources:
        if resource.name == "ports":
            ports = frozenset(p for begin, end in resource.ranges for p in range(begin, end + 1))
            add(found, {key(resource): ports})
        else:
            add(found, {key(resource): resource.scalar})
    return found


def key(resource: Resource) -> Resource:
    """What makes it differ from other resources: all but how much, and where a volume is mounted."""
    disk = resource.disk
    if disk is not None:
        disk = Disk(disk.persistence_id, disk.principal, None, disk.source)
        if disk == Disk():
            disk = None
    return Resource(resource.name, 0.0, (), resource.reservations, disk)


def add(one: Bag, other: Bag) -> None:
    """Put the other into the one."""
    for what, amount in other.items():
        before = one.get(what)
        if before is None:
            one[what] = amount
        elif isinstance(amount, frozenset):
            one[what] = before | amount  # type: ignore[operator]
        else:
            one[what] = round(before + amount, 3)  # type: ignore[operator]


def take(one: Bag, other: Bag) -> None:
    """Take the other out of the one, which holds it."""
    for what, amount in other.items():
        left = one[what] - amount if isinstance(amount, frozenset) else round(one[what] - amount, 3)  # type: ignore[operator]
        if left:
            one[what] = left
        else:
            del one[what]


def holds(one: Bag, other: Bag) -> bool:
    """Whether all of the other is in the one."""
    for what, amount in other.items():
        found = one.get(what)
        if found is None:
            return False
        if not (found >= amount if isinstance(amount, frozenset) else found >= amount - 0.0005):  # type: ignore[operator]
            return False
    return True


def listed(found: Bag) -> tuple[Resource, ...]:
    """As an offer lists them."""
    return tuple(_resource(what, amount) for what, amount in found.items())


def _resource(what: Resource, amount: Amount) -> Resource:
    if isinstance(amount, frozenset):
        return what._replace(ranges=ranges_from(sorted(amount)))
    if what.persistence_id:
        return what._replace(scalar=amount, disk=what.disk._replace(container_path=VOLUME_PATH))  # type: ignore[union-attr]
    return what._replace(scalar=amount)


def allocatable(found: Bag) -> bool:
    """Whether it is worth an offer: the master's default for the least."""
    cpus = sum(a for w, a in found.items() if w.name == "cpus")  # type: ignore[misc]
    mem = sum(a for w, a in found.items() if w.name == "mem")  # type: ignore[misc]
    return cpus >= 0.01 or mem >= 32.0
