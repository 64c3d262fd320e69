"""Write the stored bytes of the present format, from those of the one before.

To be run whenever ``FORMAT`` was raised, or a field was added to a format that was not released yet. What is
there of earlier formats is never written again.
"""

from __future__ import annotations

import json

from protocol.backup import Place
from protocol.maintenance import Progress
from scheduler.model.eventlog import Entry, Page
from scheduler.model.node import Node, Replacement, Restoration
from scheduler.model.operation import Operation, Part, Transfer, WorkTask
from scheduler.store.records import FORMAT, to_bytes
from scheduler.store.znodes import KINDS
from tests.unit.store.formats import PATH, ledger_of

NEW = {
    "nodes/node-3": Node(3, replacement=Replacement("g", "S1", "host", "10.0.0.3", 1000.0)),
    "events/00000001": Page(1, (Entry(1, 1000.0, "order", "deploy", "interrupt", "", "alice", "10.0.0.9"),)),
    "operations/7d0c": Operation(
        "7d0c",
        1,
        "repair",
        {"ks": ("t",)},
        (Part(0, task=WorkTask("t", "S1", "TASK_RUNNING", 1000.0), progress=Progress()),),
        1000.0,
    ),
    "nodes/node-4": Node(4, tokens=("-42", "7"), restoration=Restoration("8e1f", begun=True)),
    "operations/8e1f": Operation(
        "8e1f",
        2,
        "backup",
        {},
        (Part(0, "Upload", task=WorkTask("t", "S1", "TASK_RUNNING", 1000.0), outcome={"files": 1}),),
        1000.0,
        transfer=Transfer("nightly", Place("s3://bucket"), sealed="c2VhbGVk"),
    ),
}
"""What the format before could not say."""

if __name__ == "__main__":
    before = ledger_of(FORMAT - 1)
    nodes = {f"nodes/{node.name}": node for node in before.nodes.values()}
    records = {**nodes, **{name: getattr(before, name) for name in KINDS}, **NEW}
    stored = {name: to_bytes(record).decode() for name, record in records.items()}
    (PATH / f"{FORMAT}.json").write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
