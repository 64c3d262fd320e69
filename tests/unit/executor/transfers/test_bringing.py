"""Which node's data a node takes, and what does not fit together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backup.manifest import ClusterManifest, NodeFacts, NodeSummary, Stored
from executor.transfers.bringing import _by_place, _by_tokens, _require_like
from executor.transfers.errand import Errand, Unfit
from executor.transfers.intake import take_in
from protocol.backup import Member

DIGEST = "0" * 64


def summary(name: str, rack: str = "r1", tokens: tuple[str, ...] = ("1", "2")) -> NodeSummary:
    facts = NodeFacts(name, f"id-{name}", "dc1", rack, tokens, "10.0.0.1", "5.0.9")
    return NodeSummary(facts, Stored(DIGEST, 1), 1, 1)


def manifest(*nodes: NodeSummary) -> ClusterManifest:
    return ClusterManifest(
        "b", "c", "2026-01-05T10:00:00Z", "5.0.9", "Murmur3Partitioner", 2, Stored(DIGEST, 1), nodes
    )


def errand(node: str, *members: tuple[str, str]) -> Errand:
    found: Any = SimpleNamespace(
        task=SimpleNamespace(node=node, members=[Member(name, "dc1", rack) for name, rack in members])
    )
    return cast(Errand, found)


def test_nodes_are_matched_by_rack_and_then_by_number() -> None:
    backup = manifest(summary("node-10", "r1"), summary("node-2", "r1"), summary("node-1", "r2"))
    members = (("node-0", "r2"), ("node-1", "r1"), ("node-2", "r1"))
    found = {name: _by_place(errand(name, *members), backup).facts.node for name, _ in members}
    assert found == {"node-0": "node-1", "node-1": "node-2", "node-2": "node-10"}


def test_other_numbers_of_nodes_in_a_rack_are_refused() -> None:
    backup = manifest(summary("node-0"), summary("node-1"))
    with pytest.raises(
        Unfit, match=r"has 2 nodes in dc1/r1, and this cluster 1 nodes in dc1/r1, 1 nodes in dc1/r2"
    ):
        _by_place(errand("node-0", ("node-0", "r1"), ("node-1", "r2")), backup)


def test_an_existing_node_takes_the_data_of_the_one_with_its_tokens() -> None:
    backup = manifest(summary("node-0", tokens=("1", "2")), summary("node-1", tokens=("3", "4")))
    assert _by_tokens(("4", "3"), backup).facts.node == "node-1"
    with pytest.raises(Unfit, match="no node of the backup b had the tokens of this one"):
        _by_tokens(("1", "3"), backup)


def test_other_numbers_of_tokens_and_other_releases_are_refused() -> None:
    node = summary("node-0")
    _require_like("5.0.2", 2, node, manifest(node))
    with pytest.raises(Unfit, match="CASSANDRA_NUM_TOKENS=2"):
        _require_like("5.0.9", 16, node, manifest(node))
    with pytest.raises(Unfit, match=r"is of Cassandra 5.0.9 and this cluster runs 4.1.3"):
        _require_like("4.1.3", 2, node, manifest(node))


def test_what_was_brought_to_a_volume_that_is_lost_is_not_taken_for_taken_in(tmp_path: Path) -> None:
    found: Any = SimpleNamespace(staging=tmp_path / "restores" / "op", task=SimpleNamespace(loaded=()))
    with pytest.raises(Unfit, match="has lost its volume"):
        take_in(cast(Errand, found))
