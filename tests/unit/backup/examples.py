"""Strategies for what stands in manifests."""

from __future__ import annotations

from hypothesis import strategies as st

from backup.files import FileEntry, Part
from backup.manifest import ClusterManifest, NodeFacts, NodeSummary, Stored

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
counts = st.integers(0, 2**62)
names = st.from_regex(r"[A-Za-z0-9_]{1,40}", fullmatch=True)
texts = st.text(max_size=30)
stored = st.builds(Stored, digests, counts)
facts = st.builds(
    NodeFacts,
    node=st.integers(0, 999).map("node-{}".format),
    host_id=texts,
    data_center=texts,
    rack=texts,
    tokens=st.lists(st.integers(-(2**63), 2**63 - 1).map(str), max_size=4).map(tuple),
    address=texts,
    cassandra_version=texts,
)
summaries = st.builds(NodeSummary, facts, stored, counts, counts)
clusters = st.builds(
    ClusterManifest,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True),
    cluster=texts,
    created_at=texts,
    cassandra_version=texts,
    partitioner=texts,
    num_tokens=counts,
    schema=stored,
    nodes=st.lists(summaries, max_size=3).map(tuple),
)
parts = st.lists(st.builds(Part, digests, counts, counts), max_size=3).map(tuple)


@st.composite
def entries(draw: st.DrawFn) -> FileEntry:
    found = draw(parts)
    index = draw(st.sampled_from(["", ".by_name/"]))
    return FileEntry(
        keyspace=draw(names),
        table=draw(names),
        table_id=draw(st.binary(min_size=16, max_size=16).map(bytes.hex)),
        name=index + draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,40}", fullmatch=True)),
        size=sum(part.size for part in found),
        sha256=draw(digests),
        parts=found,
    )


FACTS = NodeFacts("node-0", "id-0", "dc1", "rac1", ("-5", "7"), "10.0.0.1", "5.0.9")
