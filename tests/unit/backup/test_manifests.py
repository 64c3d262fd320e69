"""Manifests say the same after they were written and read, and every change to them is found."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.damage import Damaged
from backup.files import FileEntry, Part, content_digest, decode_node, encode_file, encode_node
from backup.manifest import (
    ClusterManifest,
    NodeFacts,
    NodeSummary,
    decode_cluster,
    encode_cluster,
    summary_from_json,
    summary_to_json,
)
from backup.seal import seal
from tests.unit.backup import examples


@given(examples.clusters)
def test_a_clusters_manifest_is_read_as_it_was_written(manifest: ClusterManifest) -> None:
    assert decode_cluster(encode_cluster(manifest), manifest.name) == manifest


@given(examples.facts, st.lists(examples.entries(), max_size=5))
def test_a_nodes_manifest_is_read_as_it_was_written(facts: NodeFacts, files: list[FileEntry]) -> None:
    found, entries = decode_node(encode_node("b", facts, files), "it")
    assert (found, list(entries)) == (facts, files)


@given(examples.summaries)
def test_a_nodes_part_goes_through_json(summary: NodeSummary) -> None:
    assert summary_from_json(json.loads(json.dumps(summary_to_json(summary)))) == summary


@given(examples.clusters, st.data())
def test_any_flipped_bit_of_a_clusters_manifest_is_found(
    manifest: ClusterManifest, data: st.DataObject
) -> None:
    written = bytearray(encode_cluster(manifest))
    place = data.draw(st.integers(0, len(written) * 8 - 1))
    written[place // 8] ^= 1 << place % 8
    with pytest.raises(Damaged):
        decode_cluster(bytes(written), manifest.name)


@given(st.lists(examples.entries(), max_size=3), st.data())
def test_any_manifest_that_is_cut_off_is_found(files: list[FileEntry], data: st.DataObject) -> None:
    written = encode_node("b", examples.FACTS, files)
    cut = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(Damaged):
        list(decode_node(written[:cut], "it")[1])


@given(st.binary())
def test_any_bytes_under_a_valid_seal_are_read_or_damaged(data: bytes) -> None:
    for written in (data, seal(data + b"\n")):
        for decode in (lambda text: decode_cluster(text, "b"), lambda text: list(decode_node(text, "it")[1])):
            with pytest.raises(Damaged):
                decode(written)


def a_line(**changes: Any) -> bytes:
    entry = FileEntry("ks", "t", "0" * 32, "a.db", 3, "0" * 64, (Part("1" * 64, 0, 3),))._replace(**changes)
    head = encode_node("b", examples.FACTS, []).splitlines()[0]
    return seal(b"\n".join([head, encode_file(entry).encode(), b""]))


@pytest.mark.parametrize(
    "changes",
    [
        {"keyspace": ".."},
        {"table": "a/b"},
        {"table_id": "x"},
        {"name": "../../etc/passwd"},
        {"name": "/etc/passwd"},
        {"sha256": "0"},
        {"size": 4},
        {"size": -1, "parts": ()},
        {"parts": (Part("x", 0, 3),)},
        {"parts": (Part("1" * 64, -1, 3),)},
    ],
)
def test_a_file_that_cannot_be_one_is_refused_even_under_a_valid_seal(changes: dict[str, Any]) -> None:
    assert list(decode_node(a_line(), "it")[1])
    with pytest.raises(Damaged, match="line 2"):
        list(decode_node(a_line(**changes), "it")[1])


def test_the_manifest_of_another_backup_or_of_a_later_format_is_refused() -> None:
    written = encode_cluster(ClusterManifest("b", "c", "t", "5", "p", 1, examples.Stored("0" * 64, 1), ()))
    with pytest.raises(Damaged, match="another backup"):
        decode_cluster(written, "other")
    body = json.loads(written[: written.rfind(b"sha256\t")])
    later = seal(json.dumps({**body, "format": 2}).encode() + b"\n")
    with pytest.raises(Damaged, match="format 2"):
        decode_cluster(later, "b")


def test_the_seal_can_be_checked_by_hand() -> None:
    written = encode_node("b", examples.FACTS, [])
    lines = written.splitlines(keepends=True)
    assert lines[-1] == b"sha256\t" + hashlib.sha256(b"".join(lines[:-1])).hexdigest().encode() + b"\n"


def test_a_file_of_several_objects_has_the_hash_of_their_hashes() -> None:
    one, two = Part("1" * 64, 0, 5), Part("2" * 64, 0, 3)
    assert content_digest((one,)) == one.sha256
    assert content_digest((one, two)) == hashlib.sha256(f"{'1' * 64}\n{'2' * 64}\n".encode()).hexdigest()
    assert content_digest(()) == hashlib.sha256(b"").hexdigest()
