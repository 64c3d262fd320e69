"""Disks beside the agent's work directory, and what an operator has reserved: whole, in parts, for a role."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import AGENT_FLAGS, MASTER_FLAGS, PRINCIPAL, UNCONTROLLED
from tests.conformance.mesos import Configuration, ControlledMesos, Mesos
from tests.conformance.wire import Subscription
from tests.integration.scripted_server import eventually

Json = dict[str, Any]
Fits = Callable[[list[Json]], object]
Subscribe = Callable[..., Subscription]

STATIC_ROLE = "conformance-static"
WHOLE, PARTS = 500.0, 700.0


def scalar(name: str, amount: float, *reservations: Json, disk: Json | None = None) -> Json:
    resource: Json = {"name": name, "type": "SCALAR", "scalar": {"value": amount}}
    if reservations:
        resource["reservations"] = list(reservations)
    return {**resource, "disk": disk} if disk else resource


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has two disks: ``mount`` is had as a whole, ``path`` in parts."""
    folder: Path = tmp_path_factory.mktemp("disks")
    for name in ("mount", "path"):
        (folder / name).mkdir()
    return folder


def source(root: Path, kind: str) -> Json:
    return {"source": {"type": kind, kind.lower(): {"root": str(root / kind.lower())}}}


@pytest.fixture
def mesos(started: Mesos, root: Path) -> Mesos:
    if not isinstance(started, ControlledMesos):
        pytest.skip(UNCONTROLLED)
    resources = [
        scalar("cpus", 16.0),
        scalar("mem", 8192.0),
        scalar("disk", WHOLE, disk=source(root, "MOUNT")),
        scalar("disk", PARTS, disk=source(root, "PATH")),
        {**scalar("cpus", 2.0), "role": STATIC_ROLE},
    ]
    started.ensure(Configuration(1, json.dumps(resources), MASTER_FLAGS, AGENT_FLAGS))
    return started


class Trader:
    """Takes the agent's offers, and uses them for operations that are followed up."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription.subscribed()
        self._seen = 0

    def accept(self, fits: Fits, *operations: tuple[str, str, list[Json]]) -> list[str]:
        """Carry operations (type, field, resources) out on an offer; how each went."""
        offer = self.offer(fits)
        names = [f"{offer['id']['value']}-{number}" for number in range(len(operations))]
        written = [
            {"type": kind, "id": {"value": name}, kind.lower(): {field: resources}}
            for name, (kind, field, resources) in zip(names, operations, strict=True)
        ]
        self._subscription.ok(
            "ACCEPT", offer_ids=[offer["id"]], operations=written, filters={"refuse_seconds": 0}
        )
        return [self._outcome(name) for name in names]

    def offer(self, fits: Fits) -> Json:
        """The first offer whose resources fit; those before it are declined."""
        found: list[Json] = []

        def look() -> bool:
            events = list(self._subscription.events)
            news, self._seen = events[self._seen :], len(events)
            for offer in (o for e in news if e["type"] == "OFFERS" for o in e["offers"]["offers"]):
                if fits(offer["resources"]):
                    found.append(offer)
                else:
                    ids, none = [offer["id"]], {"refuse_seconds": 0}
                    self._subscription.ok("DECLINE", offer_ids=ids, filters=none)
            return bool(found)

        eventually(look, "an offer that fits")
        return found[0]

    def _outcome(self, name: str) -> str:
        def fits(body: Json) -> bool:
            return bool(body["status"]["operation_id"]["value"] == name)

        status = self._subscription.wait("UPDATE_OPERATION_STATUS", fits)["status"]
        if "uuid" in status:
            ids = {"operation_id": status["operation_id"], "agent_id": status["agent_id"]}
            self._subscription.ok("ACKNOWLEDGE_OPERATION_STATUS", **ids, uuid=status["uuid"]["value"])
        return str(status["state"]).removeprefix("OPERATION_")


def stacks(resources: list[Json], role: str) -> list[list[Json]]:
    """The reservations of what is reserved for a role."""
    found = [r.get("reservations", []) for r in resources]
    return [stack for stack in found if stack and stack[-1]["role"] == role]


def volume(amount: float, reservation: Json, disk: Json) -> Json:
    """A volume of that size, on that disk."""
    mounted = {"container_path": "data", "mode": "RW"}
    persistence = {"id": "v", "principal": PRINCIPAL}
    return scalar("disk", amount, reservation, disk={**disk, "persistence": persistence, "volume": mounted})


def dynamic(role: str) -> Json:
    """A reservation of the framework's own."""
    return {"type": "DYNAMIC", "role": role, "principal": PRINCIPAL}


def test_a_mounted_disk_is_reserved_used_and_given_back_as_a_whole(
    subscribe: Subscribe, role: str, root: Path
) -> None:
    trader = Trader(subscribe())
    level = dynamic(role)
    disk = source(root, "MOUNT")
    part, whole = (scalar("disk", amount, level, disk=disk) for amount in (100.0, WHOLE))
    reserving = [("RESERVE", "resources", [part]), ("RESERVE", "resources", [whole])]
    assert trader.accept(lambda r: True, *reserving) == ["ERROR", "FINISHED"]
    creating = [("CREATE", "volumes", [volume(amount, level, disk)]) for amount in (100.0, WHOLE)]
    assert trader.accept(lambda r: stacks(r, role), *creating) == ["ERROR", "FINISHED"]
    (root / "mount" / "file").write_text("data")
    ending = [("DESTROY", "volumes", [volume(WHOLE, level, disk)]), ("UNRESERVE", "resources", [whole])]
    assert trader.accept(lambda r: stacks(r, role), *ending) == ["FINISHED", "FINISHED"]
    assert list((root / "mount").iterdir()) == [], "the contents are gone, the disk is not"


def test_a_disk_with_a_path_is_had_in_parts(subscribe: Subscribe, role: str, root: Path) -> None:
    trader = Trader(subscribe())
    level = dynamic(role)
    disk = source(root, "PATH")
    reserved, created = scalar("disk", 100.0, level, disk=disk), volume(60.0, level, disk)
    beginning = [("RESERVE", "resources", [reserved]), ("CREATE", "volumes", [created])]
    assert trader.accept(lambda r: True, *beginning) == ["FINISHED", "FINISHED"]
    folder = root / "path" / "volumes" / "roles" / role / "v"
    assert folder.is_dir()
    ending = [("DESTROY", "volumes", [created]), ("UNRESERVE", "resources", [reserved])]
    assert trader.accept(lambda r: stacks(r, role), *ending) == ["FINISHED", "FINISHED"]
    assert not folder.exists()


def test_a_static_reservation_is_offered_to_its_role_alone(subscribe: Subscribe) -> None:
    other = Trader(subscribe())
    assert stacks(other.offer(lambda r: True)["resources"], STATIC_ROLE) == []
    trader = Trader(subscribe(roles=[STATIC_ROLE]))
    level = {"type": "STATIC", "role": STATIC_ROLE}
    assert stacks(trader.offer(lambda r: True)["resources"], STATIC_ROLE) == [[level]]


def test_a_role_below_refines_a_static_reservation(subscribe: Subscribe) -> None:
    below = f"{STATIC_ROLE}/below"
    trader = Trader(subscribe(roles=[below]))
    static = {"type": "STATIC", "role": STATIC_ROLE}
    plain, refined = scalar("cpus", 1.0, static), scalar("cpus", 1.0, static, dynamic(below))
    operations = [
        ("UNRESERVE", "resources", [plain]),
        ("RESERVE", "resources", [refined]),
    ]
    assert trader.accept(lambda r: stacks(r, STATIC_ROLE), *operations) == ["ERROR", "FINISHED"]
    giving_back = ("UNRESERVE", "resources", [refined])
    assert trader.accept(lambda r: stacks(r, below), giving_back) == ["FINISHED"]
