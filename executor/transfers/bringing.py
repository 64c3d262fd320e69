"""The first phases of a restore on one node: look whether the backup fits, and bring its files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from backup.manifest import ClusterManifest, NodeSummary
from backup.s3.client import Client
from executor.backup import catalog
from executor.backup.download import DownloadJob, download
from executor.cql import CqlRefused
from executor.failure import NotAnswering
from executor.jolokia import read
from executor.maintenance.disk import free_bytes
from executor.management import STORAGE
from executor.transfers import making, schema
from executor.transfers.errand import Errand, Unfit
from executor.transfers.saving import Outcome, facts
from protocol.backup import NEW, Member
from protocol.schema import is_system

DEFAULT_ROLES = frozenset({"cassandra"})

SCHEMA_SECONDS = 10.0


def prepare(errand: Errand) -> Outcome:
    """See whether the backup fits, and whose data this node takes; with an existing cluster make its schema.

    Raises S3Failed, Damaged, NotAnswering, Unfit.
    """
    errand.control.doing("schema")
    manifest = catalog.manifest(errand.client(), errand.task.name)
    own = facts(errand)
    _require_partitioner(errand, manifest)
    if errand.task.restore_type == NEW:
        require_empty(errand)
        source = _by_place(errand, manifest)
        _require_like(own.cassandra_version, len(own.tokens), source, manifest)
        _require_room(errand, source.bytes)
        return {"source": source.facts.node, "tokens": list(source.facts.tokens)}
    same = _is_ring_of(errand, manifest)
    sources = [_by_tokens(own.tokens, manifest)] if same else _share(errand, manifest)
    text = catalog.schema(errand.client(), manifest)
    choice = schema.choose(text, errand.task.keyspaces, errand.task.tables)
    _require_room(errand, _size(errand, manifest, sources, choice))
    making.make(errand, text, choice)
    names = [source.facts.node for source in sources]
    return {"source": names[0], "tokens": list(own.tokens)} if same else {"loaded": names}


def require_empty(errand: Errand) -> None:
    """Raise Unfit where the cluster holds anything that a restore would put aside for good."""
    with closing(errand.started.management()) as management:
        users = [name for name in management.schema(SCHEMA_SECONDS).keyspaces if not is_system(name)]
    if users:
        raise Unfit(
            f"a restore into a new cluster needs an empty one, and this one has {', '.join(users)}: "
            "drop these keyspaces if nobody needs them, or restore with restore_type existing"
        )
    try:
        with errand.cql() as cql:
            roles = {str(row[0]) for row in cql.rows("SELECT role FROM system_auth.roles")}
    except CqlRefused as error:
        raise NotAnswering(f"Cassandra does not tell its roles: {error}") from None
    if roles - DEFAULT_ROLES:
        raise Unfit(
            "a restore into a new cluster needs an empty one, and this has the roles "
            f"{', '.join(sorted(roles - DEFAULT_ROLES))}: drop them if nobody needs them"
        )


def _by_place(errand: Errand, manifest: ClusterManifest) -> NodeSummary:
    """The node of the backup that stood where this one does: by data center, rack, and number within it."""
    members, sources = errand.task.members, [node.facts for node in manifest.nodes]
    here = _grouped(members)
    there = _grouped([Member(node.node, node.data_center, node.rack) for node in sources])
    if {place: len(names) for place, names in here.items()} != {k: len(v) for k, v in there.items()}:
        raise Unfit(
            f"the backup has {_described(there)}, and this cluster {_described(here)}: a restore into a new "
            "cluster needs the same number of nodes in each data center and rack"
        )
    own = next(member for member in members if member.name == errand.task.node)
    place = (own.data_center, own.rack)
    return manifest.node(there[place][here[place].index(own.name)])


def _grouped(members: Sequence[Member]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for member in sorted(members, key=lambda one: int(one.name.rpartition("-")[2])):
        found.setdefault((member.data_center, member.rack), []).append(member.name)
    return found


def _described(groups: dict[tuple[str, str], list[str]]) -> str:
    return ", ".join(f"{len(names)} nodes in {'/'.join(place)}" for place, names in sorted(groups.items()))


def _require_like(version: str, tokens: int, source: NodeSummary, manifest: ClusterManifest) -> None:
    if len(source.facts.tokens) != tokens:
        raise Unfit(
            f"the backup's nodes have {len(source.facts.tokens)} tokens each and these {tokens}: deploy the "
            f"cluster with CASSANDRA_NUM_TOKENS={len(source.facts.tokens)}"
        )
    then, here = (_release(text) for text in (manifest.cassandra_version, version))
    if then != here:
        raise Unfit(
            f"the backup is of Cassandra {manifest.cassandra_version} and this cluster runs {version}: "
            "deploy it with the same release, and upgrade afterwards"
        )


def _require_partitioner(errand: Errand, manifest: ClusterManifest) -> None:
    (name,) = errand.ask(read(STORAGE, "PartitionerName"))
    here = str(name).rpartition(".")[2]
    if here != manifest.partitioner:
        raise Unfit(
            f"the backup has the partitioner {manifest.partitioner} and this cluster {here}, and nothing "
            "loads rows across partitioners: deploy a cluster with "
            f"CASSANDRA_PARTITIONER={manifest.partitioner}"
        )


def _release(version: str) -> list[str]:
    return version.split(".")[:2]


def _is_ring_of(errand: Errand, manifest: ClusterManifest) -> bool:
    """Whether the ring has the tokens and racks that it had, so that each node's rows are still its own."""
    (ring,) = errand.ask(read(STORAGE, "TokenToEndpointMap"))
    then = sorted(f"{node.facts.data_center}/{node.facts.rack}" for node in manifest.nodes)
    here = sorted(member.place for member in errand.task.members)
    return here == then and set(ring) == {token for node in manifest.nodes for token in node.facts.tokens}


def _share(errand: Errand, manifest: ClusterManifest) -> list[NodeSummary]:
    """The nodes of the backup whose rows this one sends to where they belong now."""
    index = [member.name for member in errand.task.members].index(errand.task.node)
    return list(manifest.nodes[index :: len(errand.task.members)])


def _by_tokens(tokens: Sequence[str], manifest: ClusterManifest) -> NodeSummary:
    """The node of the backup that had the same tokens, and so the same rows. Raises Unfit."""
    for node in manifest.nodes:
        if set(node.facts.tokens) == set(tokens):
            return node
    raise Unfit(
        f"no node of the backup {manifest.name} had the tokens of this one, though together they are the same"
    )


def _size(errand: Errand, manifest: ClusterManifest, nodes: list[NodeSummary], choice: schema.Choice) -> int:
    """How many bytes of some nodes are restored."""
    client = errand.client()
    held = [one for node in nodes for one in catalog.contents(client, manifest, node)]
    return sum(one.bytes for one in held if f"{one.keyspace}.{one.table}" in choice.tables)


def _require_room(errand: Errand, needed: int) -> None:
    free = free_bytes(errand.started.layout.volume, errand.task.disk_mb)
    if needed > free:
        raise Unfit(
            f"the backup needs {needed / 1e6:.0f} MB on this node, and {free / 1e6:.0f} MB of its volume "
            "are free"
        )


def bring(errand: Errand) -> Outcome:
    """Bring all files of the source, or of those that are loaded, into folders of their own, hashed.

    Raises S3Failed, Damaged, Stopped, Unfit, NotAnswering.
    """
    task, client = errand.task, errand.client()
    errand.staging.mkdir(parents=True, exist_ok=True)  # stays empty where nothing is to be brought
    brought = [download(client, job, errand.control) for job in _jobs(errand, client)]
    if task.restore_type == NEW:
        require_empty(errand)
    return {"files": sum(done.files for done in brought), "bytes": sum(done.bytes for done in brought)}


def _jobs(errand: Errand, client: Client) -> list[DownloadJob]:
    task = errand.task
    if task.restore_type == NEW:
        return [DownloadJob(task.name, task.source, errand.staging)]
    text = catalog.schema(client, catalog.manifest(client, task.name))
    tables = schema.choose(text, task.keyspaces, task.tables).tables
    if task.source:
        return [DownloadJob(task.name, task.source, errand.staging, tables=tables)]
    return [DownloadJob(task.name, name, errand.staging / name, tables=tables) for name in task.loaded]
