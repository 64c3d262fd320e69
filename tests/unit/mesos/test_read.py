"""Offers and status updates, as Mesos prints them, made into the model's records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scheduler.mesos.convert import read_update
from scheduler.mesos.offers import read_offers, read_offers_event
from scheduler.mesos.resources import read_resources
from scheduler.model.offer import Offer
from scheduler.model.resource import Disk, Reservation, Resource, Source
from scheduler.model.task import TaskUpdate

ALLOCATED = {"allocation_info": {"role": "r"}}
LABELS = {"labels": [{"key": "cluster", "value": "prod"}, {"key": "node", "value": "node-0"}]}
PAIRS = (("cluster", "prod"), ("node", "node-0"))


def scalar(name: str, value: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **ALLOCATED, **more}


def ports(*ranges: tuple[int, int]) -> dict[str, Any]:
    parts = [{"begin": begin, "end": end} for begin, end in ranges]
    return {"name": "ports", "type": "RANGES", "ranges": {"range": parts}, **ALLOCATED}


def test_plain_resources() -> None:
    assert read_resources(
        [scalar("cpus", 8.0), scalar("mem", 8192.0), ports((7000, 7999), (9000, 9099))]
    ) == (
        Resource("cpus", 8.0),
        Resource("mem", 8192.0),
        Resource("ports", ranges=((7000, 7999), (9000, 9099))),
    )


DYNAMIC = {"type": "DYNAMIC", "role": "r", "principal": "p", "labels": LABELS}


@pytest.mark.parametrize(
    "reserved",
    [
        {"reservations": [DYNAMIC]},
        {"role": "r", "reservation": {"principal": "p", "labels": LABELS}},
        {"role": "r", "reservation": {"principal": "p", "labels": LABELS}, "reservations": [DYNAMIC]},
    ],
    ids=["post-refinement", "pre-refinement", "mixed"],
)
def test_a_dynamic_reservation_in_every_format(reserved: dict[str, Any]) -> None:
    assert read_resources([scalar("cpus", 1.0, **reserved)]) == (
        Resource("cpus", 1.0, reservations=(Reservation("r", "p", PAIRS, dynamic=True),)),
    )


@pytest.mark.parametrize(
    "reserved",
    [
        {"reservations": [{"type": "STATIC", "role": "r"}]},
        {"role": "r"},
        {"role": "r", "reservations": [{"type": "STATIC", "role": "r"}]},
    ],
    ids=["post-refinement", "pre-refinement", "mixed"],
)
def test_a_static_reservation_in_every_format(reserved: dict[str, Any]) -> None:
    assert read_resources([scalar("cpus", 1.0, **reserved)]) == (
        Resource("cpus", 1.0, reservations=(Reservation("r", dynamic=False),)),
    )


@pytest.mark.parametrize(
    "unreserved", [{"role": "*"}, {"reservations": []}, {"role": "*", "reservations": []}, {}]
)
def test_nothing_reserved_in_every_format(unreserved: dict[str, Any]) -> None:
    assert read_resources([scalar("cpus", 1.0, **unreserved)]) == (Resource("cpus", 1.0),)


def test_a_refined_reservation_keeps_its_levels_in_order() -> None:
    levels = [{"type": "STATIC", "role": "r"}, {"type": "DYNAMIC", "role": "r/sub", "principal": "p"}]
    (resource,) = read_resources([scalar("cpus", 1.0, reservations=levels)])
    assert resource.reservations == (Reservation("r", dynamic=False), Reservation("r/sub", "p"))


def test_a_label_may_have_no_value() -> None:
    level = {"type": "DYNAMIC", "role": "r", "labels": {"labels": [{"key": "flag"}]}}
    (resource,) = read_resources([scalar("cpus", 1.0, reservations=[level])])
    assert resource.label("flag") == ""


def test_a_persistent_volume() -> None:
    disk = {
        "persistence": {"id": "v1", "principal": "p"},
        "volume": {"mode": "RW", "container_path": "data"},
    }
    (resource,) = read_resources([scalar("disk", 256.0, reservations=[DYNAMIC], disk=disk)])
    assert resource.disk == Disk("v1", "p", "data")
    assert resource.persistence_id == "v1"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "MOUNT", "mount": {"root": "/mnt/d1"}}, Source("MOUNT", "/mnt/d1")),
        ({"type": "PATH", "path": {"root": "/var/d"}}, Source("PATH", "/var/d")),
        ({"type": "PATH", "path": {}}, Source("PATH", None)),
    ],
)
def test_disks_of_their_own(source: dict[str, Any], expected: Source) -> None:
    (resource,) = read_resources([scalar("disk", 1e6, disk={"source": source})])
    assert resource.source == expected


@pytest.mark.parametrize(
    "entry",
    [
        scalar("cpus", 1.0, revocable={}),
        scalar("disk", 1.0, shared={}, reservations=[DYNAMIC]),
        scalar("disk", 1.0, provider_id={"value": "csi"}),
        scalar("disk", 1.0, disk={"source": {"type": "RAW"}}),
        scalar("disk", 1.0, disk={"source": {"type": "BLOCK"}}),
        {"name": "colours", "type": "SET", "set": {"item": ["red"]}, **ALLOCATED},
        {"name": "x", "type": "OF_LATER_TIMES", **ALLOCATED},
    ],
)
def test_resources_of_no_use_are_left_out(entry: dict[str, Any]) -> None:
    assert read_resources([entry, scalar("mem", 64.0)]) == (Resource("mem", 64.0),)


def offer(**more: Any) -> dict[str, Any]:
    return {
        "id": {"value": "m-O0"},
        "framework_id": {"value": "f"},
        "agent_id": {"value": "m-S0"},
        "hostname": "agent-1",
        "allocation_info": {"role": "r"},
        **more,
    }


def test_an_offer_with_everything() -> None:
    full = offer(
        url={
            "scheme": "http",
            "address": {"hostname": "agent-1", "ip": "10.0.0.1", "port": 5051},
            "path": "/slave(1)",
        },
        domain={"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}},
        resources=[scalar("cpus", 8.0)],
        attributes=[
            {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
            {"name": "rack", "type": "TEXT", "text": {"value": "r2"}},
            {"name": "slots", "type": "SCALAR", "scalar": {"value": 4.0}},
            {"name": "load", "type": "SCALAR", "scalar": {"value": 0.25}},
            {
                "name": "vlans",
                "type": "RANGES",
                "ranges": {"range": [{"begin": 1, "end": 3}, {"begin": 7, "end": 9}]},
            },
            {"name": "tags", "type": "SET", "set": {"item": ["a", "b"]}},
        ],
        executor_ids=[{"value": "e1"}, {"value": "e2"}],
    )
    assert read_offers([full]) == (
        Offer(
            id="m-O0",
            agent_id="m-S0",
            hostname="agent-1",
            address="10.0.0.1",
            resources=(Resource("cpus", 8.0),),
            attributes=(
                ("rack", "r1"),
                ("rack", "r2"),
                ("slots", "4"),
                ("load", "0.25"),
                ("vlans", "[1-3,7-9]"),
                ("tags", "{a,b}"),
            ),
            executor_ids=("e1", "e2"),
            region="eu",
            zone="eu-1",
        ),
    )


def test_an_offer_with_the_least() -> None:
    assert read_offers([offer()]) == (Offer("m-O0", "m-S0", "agent-1", "agent-1", ()),)


def test_a_status_with_everything() -> None:
    status = {
        "task_id": {"value": "t"},
        "state": "TASK_FAILED",
        "message": "why",
        "source": "SOURCE_EXECUTOR",
        "reason": "REASON_EXECUTOR_TERMINATED",
        "agent_id": {"value": "a"},
        "executor_id": {"value": "e"},
        "timestamp": 1795454149.579717,
        "uuid": "zy//U/F3TpmOWDeZnTpyfA==",
        "data": "eyJhIjogMX0=",
        "healthy": True,
        "container_status": {"container_id": {"value": "c"}},
    }
    assert read_update(status) == TaskUpdate(
        task_id="t",
        state="TASK_FAILED",
        agent_id="a",
        executor_id="e",
        uuid="zy//U/F3TpmOWDeZnTpyfA==",
        reason="REASON_EXECUTOR_TERMINATED",
        message="why",
        source="SOURCE_EXECUTOR",
        timestamp=1795454149.579717,
        data=b'{"a": 1}',
    )


def test_a_status_that_the_master_made_up_has_no_uuid() -> None:
    assert read_update({"task_id": {"value": "t"}, "state": "TASK_UNKNOWN"}) == TaskUpdate(
        "t", "TASK_UNKNOWN"
    )


OFFERS = [offer(id={"value": f"o{n}"}, resources=[scalar("cpus", n + 0.5)]) for n in range(3)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    "layout", [{"separators": (",", ":")}, {}, {"indent": 2}], ids=["as Mesos does", "spaced", "indented"]
)
def test_an_event_of_offers_is_read_out_of_its_text(count: int, layout: dict[str, Any]) -> None:
    text = json.dumps({"type": "OFFERS", "offers": {"offers": OFFERS[:count]}}, **layout)
    assert read_offers_event(text) == read_offers(OFFERS[:count])


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "OFFERS", "offers": {}}',
        '{"type": "OFFERS", "offers": {"offers": []}}',
        '{"offers": {"offers": []}, "type": "OFFERS"}',
        '{"type": "OFFERS", "offers": {"offers": [' + json.dumps(offer()) + '], "later": 1}}',
        '{"type": "OFFERS", "offers": {"offers": [' + json.dumps(offer()) + ",",
        '{"type": "OFFERS", "offers": {"offers": [' + json.dumps(offer())[:-9],
        '{"type": "HEARTBEAT"}',
        "",
    ],
)
def test_another_text_is_left_to_who_reads_the_whole(text: str) -> None:
    assert read_offers_event(text) is None


def test_equal_plain_resources_are_one_and_the_same() -> None:
    first, second = read_resources([scalar("cpus", 8.25), scalar("cpus", 8.25)])
    assert first is second
