"""What each format of the records looks like in ZooKeeper: one ledger, by the name of the znode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scheduler.model.world import Ledger
from scheduler.store.migration import up_to_date
from scheduler.store.records import from_bytes
from scheduler.store.znodes import FOLDERS, KINDS

PATH = Path(__file__).parent


def stored(number: int) -> dict[str, bytes]:
    """The bytes of a format."""
    texts: dict[str, str] = json.loads((PATH / f"{number}.json").read_text())
    return {name: text.encode() for name, text in texts.items()}


def records_of(number: int) -> dict[str, Any]:
    """The records of a format, one by one as the present version reads them."""
    return {name: from_bytes(kind_of(name), data, name) for name, data in stored(number).items()}


def ledger_of(number: int) -> Ledger:
    """The ledger of a format, as the present version takes it."""
    records = records_of(number)
    nodes = {record.number: record for name, record in records.items() if name.startswith("nodes/")}
    operations = {record.id: record for name, record in records.items() if name.startswith("operations/")}
    events = {record.number: record for name, record in records.items() if name.startswith("events/")}
    whole = {name: records[name] for name in KINDS}
    return up_to_date(
        Ledger(nodes=nodes, operations=operations, events=events, **whole), stored(number)["target"]
    )


def kind_of(name: str) -> type[Any]:
    """The type of the record that a znode holds."""
    return KINDS[name] if name in KINDS else FOLDERS[name.partition("/")[0]]
