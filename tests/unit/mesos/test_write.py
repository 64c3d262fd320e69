"""Operations, tasks and executors, written as Mesos wants them.

The ExecutorInfo here is golden: Mesos compares it with that of the running executor, so a scheduler that
writes another one for the same record cannot start tasks on any executor of the version before.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.mesos.convert import executor_json, operation_json
from scheduler.mesos.resources import read_resources, resources_json
from scheduler.model.intent import Create, Destroy, Discovery, Launch, Reserve, Unreserve
from scheduler.model.node import Executor
from scheduler.model.resource import Disk, Reservation, Resource, Source

LEVEL = Reservation("r", "p", (("cluster", "prod"), ("gen", "g1")))
LEVEL_JSON = {
    "type": "DYNAMIC",
    "role": "r",
    "principal": "p",
    "labels": {"labels": [{"key": "cluster", "value": "prod"}, {"key": "gen", "value": "g1"}]},
}
CPUS = Resource("cpus", 0.5, reservations=(LEVEL,))
PORTS = Resource("ports", ranges=((7000, 7001), (9042, 9042)), reservations=(LEVEL,))
VOLUME = Resource("disk", 256.0, reservations=(LEVEL,), disk=Disk("v1", "p", "data"))
MOUNT = VOLUME._replace(disk=Disk("v1", "p", "data", Source("MOUNT", "/mnt/d1")))

CPUS_JSON = {
    "name": "cpus",
    "type": "SCALAR",
    "scalar": {"value": 0.5},
    "allocation_info": {"role": "r"},
    "reservations": [LEVEL_JSON],
}
PORTS_JSON = {
    "name": "ports",
    "type": "RANGES",
    "ranges": {"range": [{"begin": 7000, "end": 7001}, {"begin": 9042, "end": 9042}]},
    "allocation_info": {"role": "r"},
    "reservations": [LEVEL_JSON],
}
VOLUME_JSON = {
    "name": "disk",
    "type": "SCALAR",
    "scalar": {"value": 256.0},
    "allocation_info": {"role": "r"},
    "reservations": [LEVEL_JSON],
    "disk": {
        "persistence": {"id": "v1", "principal": "p"},
        "volume": {"container_path": "data", "mode": "RW"},
    },
}
EXECUTOR = Executor(
    id="node-0_executor_1",
    name="node-0_executor",
    command="exec python3 -I executor.pyz",
    uri="http://scheduler/v1/artifacts/abc/executor.pyz",
    environment=(("LANG", "C.UTF-8"), ("B", "2"), ("A", "1")),
    resources=(CPUS, VOLUME),
    shutdown_grace_seconds=300.0,
)
GOLDEN = {
    "type": "CUSTOM",
    "executor_id": {"value": "node-0_executor_1"},
    "framework_id": {"value": "f"},
    "name": "node-0_executor",
    "command": {
        "value": "exec python3 -I executor.pyz",
        "shell": True,
        "uris": [
            {
                "value": "http://scheduler/v1/artifacts/abc/executor.pyz",
                "extract": False,
                "executable": False,
                "cache": False,
            }
        ],
        "environment": {
            "variables": [
                {"name": "LANG", "type": "VALUE", "value": "C.UTF-8"},
                {"name": "B", "type": "VALUE", "value": "2"},
                {"name": "A", "type": "VALUE", "value": "1"},
            ]
        },
    },
    "resources": [CPUS_JSON, VOLUME_JSON],
    "shutdown_grace_period": {"nanoseconds": 300_000_000_000},
}


def test_the_executor_info_is_golden() -> None:
    assert executor_json(EXECUTOR, "f", "r") == GOLDEN


def test_an_equal_record_gives_the_same_bytes() -> None:
    again = dataclasses.replace(EXECUTOR)
    assert json.dumps(executor_json(again, "f", "r")) == json.dumps(executor_json(EXECUTOR, "f", "r"))


def test_a_launch() -> None:
    launch = Launch(
        task_id="node-0__1",
        name="node-0",
        agent_id="a",
        executor=EXECUTOR,
        resources=(CPUS, PORTS),
        data=b"{}",
        labels=(("node", "node-0"),),
        grace_seconds=1.5,
        discovery=Discovery("node-0", 9042, "native", "node:9042"),
    )
    assert operation_json(launch, "f", "r") == {
        "type": "LAUNCH",
        "launch": {
            "task_infos": [
                {
                    "name": "node-0",
                    "task_id": {"value": "node-0__1"},
                    "agent_id": {"value": "a"},
                    "executor": GOLDEN,
                    "resources": [CPUS_JSON, PORTS_JSON],
                    "data": "e30=",
                    "kill_policy": {"grace_period": {"nanoseconds": 1_500_000_000}},
                    "labels": {"labels": [{"key": "node", "value": "node-0"}]},
                    "discovery": {
                        "visibility": "EXTERNAL",
                        "name": "node-0",
                        "ports": {
                            "ports": [
                                {
                                    "number": 9042,
                                    "name": "native",
                                    "protocol": "tcp",
                                    "labels": {"labels": [{"key": "VIP_0", "value": "node:9042"}]},
                                }
                            ]
                        },
                    },
                }
            ]
        },
    }


def test_a_launch_without_labels_and_discovery_says_nothing_of_them() -> None:
    launch = Launch("t", "n", "a", EXECUTOR, (CPUS,), b"")
    (task,) = operation_json(launch, "f", "r")["launch"]["task_infos"]
    assert not {"labels", "discovery"} & task.keys()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Reserve((CPUS, PORTS)), {"type": "RESERVE", "reserve": {"resources": [CPUS_JSON, PORTS_JSON]}}),
        (Unreserve((CPUS,)), {"type": "UNRESERVE", "unreserve": {"resources": [CPUS_JSON]}}),
        (Create((VOLUME,)), {"type": "CREATE", "create": {"volumes": [VOLUME_JSON]}}),
        (Destroy((VOLUME,)), {"type": "DESTROY", "destroy": {"volumes": [VOLUME_JSON]}}),
    ],
)
def test_operations(operation: Any, expected: dict[str, Any]) -> None:
    assert operation_json(operation, "f", "r") == expected


def test_a_disk_of_its_own_is_named_by_its_source() -> None:
    (entry,) = resources_json([MOUNT], "r")
    assert entry["disk"]["source"] == {"type": "MOUNT", "mount": {"root": "/mnt/d1"}}


def test_scalars_are_written_in_the_thousandths_that_mesos_counts_in() -> None:
    (entry,) = resources_json([Resource("cpus", 0.1 + 0.2)], "r")
    assert entry["scalar"] == {"value": 0.3}


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=1, max_size=6)
LEVELS = st.builds(
    Reservation,
    NAMES,
    st.none() | NAMES,
    st.lists(st.tuples(NAMES, NAMES), max_size=2).map(tuple),
    st.booleans(),
)
SOURCES = st.builds(Source, st.sampled_from(["MOUNT", "PATH"]), st.none() | NAMES)
VOLUMES = st.builds(Disk, NAMES, st.none() | NAMES, NAMES, st.none() | SOURCES)
DISKS = VOLUMES | SOURCES.map(lambda source: Disk(source=source))
STACKS = st.lists(LEVELS, max_size=2).map(tuple)
THOUSANDTHS = st.integers(min_value=1, max_value=10**9).map(lambda n: n / 1000)
SCALARS = st.builds(Resource, NAMES, THOUSANDTHS, st.just(()), STACKS, st.none() | DISKS)
PORT = st.integers(min_value=0, max_value=65535)
RANGES = st.lists(st.tuples(PORT, PORT), min_size=1, max_size=3).map(tuple)
RANGED = st.builds(Resource, NAMES, st.just(0.0), RANGES, STACKS, st.none())


@given(st.lists(SCALARS | RANGED, max_size=4))
def test_what_is_written_is_read_back_the_same(resources: list[Resource]) -> None:
    written = json.loads(json.dumps(resources_json(resources, "r")))
    assert read_resources(written) == tuple(resources)
