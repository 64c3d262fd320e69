"""What backup and restore have a node do: the data of a task, without secrets, and the word that follows it.

A task begins with what its data say and then waits for its ``Word``, a message of the scheduler's, which is
where credentials travel: they rest in the memory of both sides alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.codec import Json

BACKUP, RESTORE, VERIFY, DELETE = "backup", "restore", "verify", "delete"

SNAPSHOT, UPLOAD, BACKUP_SCHEMA, MANIFEST = "Snapshot", "Upload", "BackupSchema", "Manifest"
RESTORE_SCHEMA, DOWNLOAD, RESTORE_PHASE = "RestoreSchema", "Download", "Restore"
VERIFY_PHASE, DELETE_PHASE = "Verify", "Delete"

EXISTING, NEW = "existing", "new"
"""Whether a restore puts rows back into the cluster as it is, or makes an empty cluster the one of then."""


@dataclass(frozen=True)
class Place:
    """Where backups lie: ``location`` as in ``s3://bucket/prefix``, which holds no secret.

    ``endpoint`` and ``region`` are empty where nothing was said of them.
    """

    location: str
    endpoint: str = ""
    region: str = ""
    path_style: bool = False


@dataclass(frozen=True)
class Keys:
    """Credentials of the place. Never stored in clear, never logged."""

    access: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Login:
    """A user of CQL, where the cluster authenticates."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Member:
    """A node of the cluster, and where it stands."""

    name: str
    data_center: str
    rack: str

    @property
    def place(self) -> str:
        """Where it stands, as ``dc1/r1``."""
        return f"{self.data_center}/{self.rack}"


@dataclass(frozen=True)
class BackupTask:
    """One node's part of one phase of a backup, a restore, a check or a deletion.

    ``operation`` is the operation's id; ``name`` the backup's. ``own_credentials``: none come with the word,
    the executor finds some itself. ``members`` are all nodes that take part. ``source`` is the node, as the
    backup calls it, whose data this one takes. ``summaries`` and ``schema`` are what earlier phases have
    found, for the manifest. ``keyspaces`` and ``tables`` (``keyspace.table``) are None for all. A deletion is
    of ``names``, or of those of the cluster's backups that are neither among the newest ``keep_last`` nor
    younger than ``keep_days``. ``loaded`` are the nodes, as the backup calls them, whose rows this one sends
    to wherever they belong now.
    """

    node: str
    operation: str
    kind: str
    phase: str
    name: str
    place: Place
    disk_mb: float
    own_credentials: bool = False
    cluster: str = ""
    members: tuple[Member, ...] = ()
    restore_type: str = ""
    source: str = ""
    summaries: tuple[Json, ...] = ()
    schema: Json = None
    keyspaces: tuple[str, ...] | None = None
    tables: tuple[str, ...] | None = None
    names: tuple[str, ...] = ()
    force: bool = False
    keep_last: int | None = None
    keep_days: float | None = None
    loaded: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """What the operation's snapshot is called on every node."""
        return snapshot_tag(self.operation)


SNAPSHOT_PREFIX = "backup-"
"""Snapshots whose name begins like this are ours to clear."""


def snapshot_tag(operation: str) -> str:
    """What an operation's snapshot is called on every node."""
    return SNAPSHOT_PREFIX + operation


@dataclass(frozen=True)
class Word:
    """What a running task waits for, and what may change while it runs.

    ``go``: all nodes are ready. ``bytes_per_second`` is this node's share of what the operation may move,
    None for no limit.
    """

    task: str
    go: bool = False
    keys: Keys | None = None
    login: Login | None = None
    bytes_per_second: float | None = None


@dataclass(frozen=True)
class Tidy:
    """What is to be left of operations on a node: of all but ``keep`` nothing.

    Where ``abandoned`` names a backup that came to nothing, the markers at ``place`` of the ``operation``
    that was to make it are removed too.
    """

    keep: str = ""
    abandoned: str = ""
    operation: str = ""
    place: Place | None = None
    keys: Keys | None = None
    own_credentials: bool = False


@dataclass(frozen=True)
class Ask:
    """A question on a place, to be answered at once; ``name`` is a backup's where one is asked for.

    ``write``: whether the place may be written to, which is tried.
    """

    place: Place
    keys: Keys | None = None
    name: str = ""
    write: bool = False


@dataclass(frozen=True)
class Checked:
    """Whether a place can be used, else ``problem`` in a sentence; ``found``: the backup is there.

    What a ring must be like to take the backup's files as they are: ``racks``, as ``dc1/r1``, one for each
    node, how many tokens each node has, and the partitioner.
    """

    problem: str = ""
    found: bool = False
    nodes: int = 0
    racks: tuple[str, ...] = ()
    num_tokens: int = 0
    partitioner: str = ""


@dataclass(frozen=True)
class Row:
    """One backup in a list of them; ``created_at`` is in ISO 8601, UTC. ``damage``: why no more is known."""

    name: str
    created_at: str
    cluster: str
    files: int
    bytes: int
    nodes: int
    damage: str = ""


@dataclass(frozen=True)
class Listed:
    """The backups at a place, or ``problem`` in a sentence."""

    rows: tuple[Row, ...] = ()
    problem: str = ""
