"""What state of older formats needs beyond the defaults of the fields that it lacks."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from scheduler.model.node import Node
from scheduler.model.world import Ledger


def up_to_date(ledger: Ledger, target: bytes) -> Ledger:
    """The ledger as the present version would have stored it; ``target`` are that record's bytes.

    Format 1 named a configuration by all of its fields, those of the version that wrote it: nodes that run
    with it get the name that it has now, for they must not be restarted for another one.
    """
    body = json.loads(target)
    if body["format"] > 1:
        return ledger
    text = json.dumps(body["record"]["node"], sort_keys=True)
    before, now = hashlib.sha256(text.encode()).hexdigest()[:16], ledger.target.config_id
    nodes = {number: _renamed(node, before, now) for number, node in ledger.nodes.items()}
    return dataclasses.replace(ledger, nodes=nodes)


def _renamed(node: Node, before: str, now: str) -> Node:
    task = node.task
    if task is not None and task.config_id == before:
        task = dataclasses.replace(task, config_id=now)
    deployed = now if node.deployed == before else node.deployed
    begun = now if node.begun == before else node.begun
    return dataclasses.replace(node, task=task, deployed=deployed, begun=begun)
