"""Whether a cluster can take the files of a backup: the ring that it is must be like the one that was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from protocol.backup import NEW, Checked
from scheduler.decide.transfers import member
from scheduler.model.world import World

LOADED = "or give restore_type existing, which loads the rows into any ring, but no roles"


def misfit(world: World, restore_type: str, found: Checked) -> str:
    """What does not fit, and what to do, in a sentence; nothing where all that is known does."""
    if not found.nodes:
        return ""
    partitioner = world.ledger.target.node.cassandra.partitioner
    if found.partitioner not in ("", partitioner):
        return (
            f"the backup has the partitioner {found.partitioner} and this cluster {partitioner}, and nothing "
            f"loads rows across partitioners: deploy a cluster with CASSANDRA_PARTITIONER={found.partitioner}"
        )
    return _unlike(world, found) if restore_type == NEW else ""


def _unlike(world: World, found: Checked) -> str:
    nodes = world.ledger.staying()
    if found.nodes != len(nodes):
        return (
            f"the backup has {found.nodes} nodes and this cluster {len(nodes)}, and a restore into a new "
            f"cluster needs the same number: deploy it with NODES={found.nodes}, {LOADED}"
        )
    racks = [member(world, node).place for node in nodes]
    if found.racks and sorted(found.racks) != sorted(racks):
        return (
            f"the backup has {_counted(found.racks)} and this cluster {_counted(racks)}, and a restore into "
            f"a new cluster needs as many nodes in each rack: deploy it so, {LOADED}"
        )
    num_tokens = world.ledger.target.node.cassandra.num_tokens
    if found.num_tokens not in (0, num_tokens):
        return (
            f"the backup's nodes have {found.num_tokens} tokens each and these {num_tokens}: deploy the "
            f"cluster with CASSANDRA_NUM_TOKENS={found.num_tokens}, {LOADED}"
        )
    return ""


def _counted(racks: Iterable[str]) -> str:
    return ", ".join(f"{count} in {rack}" for rack, count in sorted(Counter(racks).items()))
