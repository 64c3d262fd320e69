"""What the API answers, as types: the code that makes the answers is checked against them, and the OpenAPI
description is made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from api.openapi.schemas import Also

Moment = Annotated[str, Also(format="date-time")]
"""ISO 8601 in UTC, to the millisecond."""

OperationStatus = Literal["running", "complete", "failed", "stopped", "none"]
Status = Literal["ERROR", "WAITING", "PENDING", "STARTING", "IN_PROGRESS", "DELAYED", "COMPLETE"]


class FieldError(TypedDict):
    """What is wrong with a field or parameter."""

    field: str
    message: str


class Error(TypedDict):
    """Every error: a sentence that says what is wrong and what to do."""

    message: str
    errors: NotRequired[list[FieldError]]


class Received(TypedDict):
    """A command to a plan was stored."""

    message: str


class Step(TypedDict):
    """A step. One that waits says for what, since when (``message``), and until when (``deadline``)."""

    id: str
    name: str
    status: Status
    message: str
    started_at: Moment | None
    ended_at: Moment | None
    attempts: int
    waiting_for: str | None
    deadline: Moment | None


class Phase(TypedDict):
    """Steps that belong together."""

    id: str
    name: str
    status: Status
    strategy: str
    steps: list[Step]


class Plan(TypedDict):
    """A plan. ``errors`` say why the wanted configuration is not in force."""

    name: str
    status: Status
    interrupted: bool
    errors: list[str]
    phases: list[Phase]


class Preview(TypedDict):
    """The answer to a dry run: the plan as it would be."""

    message: str
    plan: Plan


class Connection(TypedDict):
    """Where clients connect: nodes that take CQL now."""

    nodes: list[str]
    address: list[str]
    dns: NotRequired[list[str]]
    vip: NotRequired[str]


class LastFailure(TypedDict):
    """Why a node's task last ended unasked."""

    at: Moment | None
    state: str
    reason: str
    message: str
    log_tail: str


class NodeInfo(TypedDict):
    """A node as Mesos and the records know it."""

    name: str
    id: str | None
    hostname: str | None
    slave_id: str | None
    state: str | None
    operating_mode: str
    ip: str | None
    agent_id: str | None
    rack: str | None
    config_id: str | None
    started_at: Moment | None
    restarts: int
    last_failure: LastFailure | None


class NodeStatus(TypedDict):
    """What a node says of itself."""

    mode: str
    joined: bool
    native_transport_running: bool
    gossip_initialized: bool
    gossip_running: bool
    host_id: str
    endpoint: str
    token_count: int
    data_center: str
    rack: str
    version: str
    live: list[str]
    unreachable: list[str]
    load_bytes: int
    disk_total_bytes: int
    disk_free_bytes: int
    uptime_seconds: int
    as_of: Moment | None


class SilentNode(TypedDict):
    """A node did not answer; what it said last follows, where it ever said anything."""

    message: str
    mode: Literal["UNKNOWN"]
    joined: NotRequired[bool]
    native_transport_running: NotRequired[bool]
    gossip_initialized: NotRequired[bool]
    gossip_running: NotRequired[bool]
    host_id: NotRequired[str]
    endpoint: NotRequired[str]
    token_count: NotRequired[int]
    data_center: NotRequired[str]
    rack: NotRequired[str]
    version: NotRequired[str]
    live: NotRequired[list[str]]
    unreachable: NotRequired[list[str]]
    load_bytes: NotRequired[int]
    disk_total_bytes: NotRequired[int]
    disk_free_bytes: NotRequired[int]
    uptime_seconds: NotRequired[int]
    as_of: NotRequired[Moment | None]


class Seeds(TypedDict):
    """Addresses of the seeds."""

    isSeed: bool
    seeds: list[str]


class DataCenter(TypedDict):
    """This data center, as others ask for it."""

    data_center: str
    url: str
    seeds: list[str]


class Started(TypedDict):
    """An operation was started, stopped or changed."""

    status: Literal["started", "stopping", "changed"]
    message: str


class Moved(TypedDict):
    """What a backup or restore has moved."""

    bytes_done: NotRequired[int]
    bytes_total: NotRequired[int]
    files_done: NotRequired[int]
    files_total: NotRequired[int]
    bytes_per_second: NotRequired[float]


class OperationProgress(Moved):
    """How far an operation is. Bytes and files are a backup's or restore's."""

    percent: float
    done: int
    nodes_done: int
    nodes_total: int


class OperationNode(Moved):
    """A node's part of an operation."""

    phase: str
    status: Status
    message: str
    percent: float
    done: int
    total: int | None
    doing: str
    since: Moment | None
    waiting_for: str | None
    deadline: Moment | None
    eta_seconds: int | None
    started_at: Moment | None
    ended_at: Moment | None
    attempts: int


class TransferOf(TypedDict):
    """What a backup, restore, check or deletion is of."""

    name: NotRequired[str]
    external_location: NotRequired[str]
    bandwidth_mb_per_second: NotRequired[float | None]
    restore_type: NotRequired[str]
    names: NotRequired[list[str]]


class Operation(TransferOf):
    """An operation. Of status ``none``, with few fields, where there has been none of the kind."""

    id: str | None
    kind: str
    status: OperationStatus
    message: str
    started_at: NotRequired[Moment | None]
    ended_at: NotRequired[Moment | None]
    eta_seconds: NotRequired[int | None]
    progress: NotRequired[OperationProgress]
    key_spaces: NotRequired[dict[str, list[str]]]
    nodes: dict[str, OperationNode]


class Backup(TypedDict):
    """A backup at a location. ``damage`` says what is wrong with it, where anything is."""

    name: str
    cluster: str
    ended_at: str
    files: int
    bytes: int
    nodes: int
    damage: str


class Backups(TypedDict):
    """The backups at a location."""

    external_location: str
    backups: list[Backup]


class Heap(TypedDict):
    """The Java heap of a node."""

    size_mb: int
    new_mb: int
    gc_type: str


class Location(TypedDict):
    """Where the nodes are, to Cassandra."""

    rack: str
    data_center: str


class CassandraConfig(TypedDict):
    """The configuration of each node; ``application`` are keys of cassandra.yaml. Secrets are masked."""

    version: str
    cpus: float
    memory_mb: float
    disk_mb: float
    disk_type: str
    heap: Heap
    location: Location
    cluster_name: str
    jmx_port: int
    jolokia_port: int
    storage_port: int
    ssl_storage_port: int
    native_transport_port: int
    rolling_restart_name: str
    uri: str
    jvm_extra_opts: str
    application: dict[str, Any]


class ExecutorConfig(TypedDict):
    """What executors are started with."""

    cpus: float
    memory_mb: float
    java_home: str
    jre_location: str
    executor_location: str
    cassandra_location: str


class ClusterTaskConfig(TypedDict):
    """The slot of maintenance tasks."""

    cpus: float
    memory_mb: float


class Config(TypedDict):
    """The configuration in force."""

    id: str
    nodes: int
    seed_nodes: int
    placement_constraint: str
    cassandra: CassandraConfig
    executor: ExecutorConfig
    cluster_task: ClusterTaskConfig


class Framework(TypedDict):
    """The framework as Mesos knows it; ``id`` is null until it was registered."""

    name: str
    id: str | None
    user: str
    cluster: str
    role: str
    principal: str
    failover_timeout_s: float
    checkpoint: bool


class Health(TypedDict):
    """How an instance does; ``reasons`` say what keeps it from serving, or the cluster from being whole."""

    message: NotRequired[str]
    serving: bool
    leader: bool
    leader_url: str | None
    registered: bool
    zookeeper: str
    reconciled: bool
    nodes_up: int
    nodes_expected: int
    mesos_silent_since: Moment | None
    zookeeper_silent_since: Moment | None
    reasons: list[str]


class Check(TypedDict):
    """One of Dropwizard's health checks."""

    healthy: bool
    message: NotRequired[str]


class HealthChecks(TypedDict):
    """The health in the form of Dropwizard's health checks."""

    serving: Check
    registered: Check
    reconciled: Check
    serverCount: Check


class Ready(TypedDict):
    """Whether the plan deploy is complete."""

    message: NotRequired[str]
    ready: bool
    status: NotRequired[Status]


Event = TypedDict(
    "Event",
    {
        "cursor": str,
        "at": Moment | None,
        "kind": str,
        "subject": str,
        "what": str,
        "why": str,
        "who": str,
        "from": str,  # a name that no attribute of a class can have
    },
)
"""Something that happened; ``from`` says where an order came from."""


class Events(TypedDict):
    """Events, the oldest first; ``cursor`` is the next call's ``since``."""

    events: list[Event]
    cursor: str


class Resource(TypedDict):
    """A resource as offered or reserved: a number, or ranges of ports."""

    name: str
    value: float | str
    reserved: bool
    volume: str | None


class Offer(TypedDict):
    """An offer and what became of it."""

    offer_id: str
    agent_id: str
    hostname: str
    at: Moment | None
    outcome: Literal["accepted", "declined"]
    reasons: list[str]
    operations: list[str]
    resources: list[Resource]


class Reservation(TypedDict):
    """What is reserved for a node, or a generation of it that was given up."""

    node: str
    generation: str
    state: str
    agent_id: NotRequired[str]
    hostname: NotRequired[str]
    volume: NotRequired[str]
    resources: NotRequired[list[Resource]]
