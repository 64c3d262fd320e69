"""What a cluster is remembered as."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from local.addresses import Addresses
from local.layout import Layout, Software, agents_for, from_json, merged

LAYOUT = Layout(
    nodes=3,
    agents=3,
    addresses=Addresses("127.0.1", 2182, 5052, 9001),
    software=Software("/java", "/jars", "5.0.9", "file:///cassandra.tar.gz", "ab" * 64),
    settings={"CASSANDRA_NUM_TOKENS": "4"},
)


def test_what_is_stored_comes_back_the_same() -> None:
    assert from_json(json.loads(json.dumps(LAYOUT.to_json()))) == LAYOUT


@pytest.mark.parametrize(
    ("nodes", "wanted", "before", "agents"),
    [
        (1, None, None, 3),
        (3, None, None, 3),
        (5, None, None, 5),
        (1, None, 5, 5),
        (6, None, 5, 6),
        (3, 4, None, 4),
        (3, 4, 3, 4),
        (3, 2, None, 3),
        (3, 4, 5, 5),
        (1, 1, None, 1),
    ],
)
def test_there_are_as_many_agents_as_nodes_and_never_fewer_than_before(
    nodes: int, wanted: int | None, before: int | None, agents: int
) -> None:
    assert agents_for(nodes, wanted, replace(LAYOUT, agents=before) if before else None) == agents


def test_given_settings_stand_above_remembered_ones() -> None:
    given = {"CASSANDRA_NUM_TOKENS": "8", "LOG_LEVEL": "DEBUG"}
    assert merged(LAYOUT, given) == given


def test_a_setting_given_as_nothing_is_forgotten() -> None:
    assert merged(LAYOUT, {"CASSANDRA_NUM_TOKENS": ""}) == {}


def test_without_a_cluster_before_only_given_settings_count() -> None:
    assert merged(None, {"LOG_LEVEL": "DEBUG"}) == {"LOG_LEVEL": "DEBUG"}
