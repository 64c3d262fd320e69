"""Checks and deletions on one node, and what is answered of a place at once."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timezone

from backup.damage import Damaged
from backup.location import BadLocation
from backup.manifest import ClusterManifest
from backup.retention import outdated
from backup.s3.failure import NotThere, S3Failed
from backup.s3.patience import Patience
from executor.backup import catalog, collect, publish
from executor.backup.failure import NameTaken
from executor.backup.verify import verify
from executor.transfers.errand import Errand, Unfit, client
from executor.transfers.saving import Outcome
from protocol.backup import Ask, Checked, Listed, Row

SOON = Patience(silence_seconds=5.0, window_seconds=5.0, waits_seconds=(0.2, 1.0, 2.0))
"""For questions that somebody waits for."""

MOST_NAMED = 5
"""So many damaged objects are named in a sentence."""


def check(errand: Errand) -> Outcome:
    """Read this node's share of a backup back, and hash it. Raises S3Failed, Damaged, Stopped, Unfit."""
    task = errand.task
    manifest = catalog.manifest(errand.client(), task.name)
    names = sorted(node.facts.node for node in manifest.nodes)
    index = [member.name for member in task.members].index(task.node)
    share = names[index :: len(task.members)]
    if not share:
        return {"objects": 0, "bytes": 0}
    found = verify(errand.client(), task.name, errand.control, nodes=share)
    if found.damaged:
        texts = [f"{one.object} ({one.reason}; of {', '.join(one.files[:3])})" for one in found.damaged]
        more = f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
        raise Unfit(f"damaged objects: {'; '.join(texts[:MOST_NAMED])}{more}")
    return {"objects": found.objects, "bytes": found.bytes}


def delete(errand: Errand) -> Outcome:
    """Delete backups, and the objects that no other needs. Raises S3Failed, Damaged, Stopped."""
    task = errand.task
    names = task.names or _outdated(errand)
    done = collect.delete(errand.client(), names, errand.control, force=task.force)
    return {"objects": done.objects, "bytes": done.bytes, "message": _kept(done)}


def _outdated(errand: Errand) -> list[str]:
    """The backups of this cluster that are to be kept no longer; damaged ones, of unknown age, are kept."""
    task = errand.task
    rows = [
        row for row in catalog.rows(errand.client()) if row.damage is None and row.cluster == task.cluster
    ]
    found = [(row.name, datetime.fromisoformat(row.created_at.replace("Z", "+00:00"))) for row in rows]
    return outdated(found, task.keep_last, task.keep_days, datetime.now(timezone.utc))


def _kept(done: collect.Deleted) -> str:
    """What was not removed, and why."""
    if done.running:
        return f"all objects stay while backups are in progress there: {', '.join(done.running)}"
    if done.kept_young:
        return f"{done.kept_young} objects younger than a day stay until a later deletion"
    return ""


def look(ask: Ask) -> Checked:
    """Whether a place can be used, and whether a backup is there."""
    try:
        with closing(client(ask.place, ask.keys, SOON)) as s3:
            try:
                manifest = catalog.manifest(s3, ask.name)
            except NotThere:
                if ask.write:
                    publish.check(s3, ask.name)
                return Checked()
            return _described(manifest)
    except NameTaken:
        return Checked(found=True)
    except (S3Failed, Damaged, BadLocation) as error:
        return Checked(str(error))


def _described(manifest: ClusterManifest) -> Checked:
    facts = [node.facts for node in manifest.nodes]
    return Checked(
        found=True,
        nodes=len(facts),
        racks=tuple(sorted(f"{one.data_center}/{one.rack}" for one in facts)),
        num_tokens=manifest.num_tokens,
        partitioner=manifest.partitioner,
    )


def list_all(ask: Ask) -> Listed:
    """All backups at a place."""
    try:
        with closing(client(ask.place, ask.keys, SOON)) as s3:
            rows = catalog.rows(s3)
    except (S3Failed, Damaged, BadLocation) as error:
        return Listed(problem=str(error))
    found = (
        Row(row.name, row.created_at, row.cluster, row.files, row.bytes, row.nodes, row.damage or "")
        for row in rows
    )
    return Listed(tuple(found))
