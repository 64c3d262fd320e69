"""Metrics of the service: made of the world, the daemon's counts and its health when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from protocol.backup import BACKUP, UPLOAD
from scheduler.daemon.counts import Counts
from scheduler.daemon.service import Health, Service, Unavailable
from scheduler.decide import operations
from scheduler.decide.plans import plans
from scheduler.model.node import Node
from scheduler.model.operation import COMPLETE, FAILED
from scheduler.model.plan import Plan, Status
from scheduler.model.world import World

PREFIX = "cassandra_mesos_"

Labels = dict[str, str]


class ServiceCollector(Collector):
    """Everything that is known of a service. ``clock`` gives seconds since the epoch."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service = service
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that a registry does not ask before the service has started."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``. What only the leader knows is left out by others."""
        now = self._clock()
        yield from _health(self._service.health(), now)
        yield gauge("queue_events", "Events that wait to be decided on.", self._service.backlog())
        yield from _counts(self._service.counts)
        try:
            world = self._service.world()
        except Unavailable:
            return
        yield from _plans(plans(world, now))
        yield from _nodes(world.ledger.members())
        yield from _reconciliation(world)
        yield from _operations(world)
        yield from _backup(world)


def gauge(name: str, meaning: str, value: float) -> Metric:
    """A gauge without labels."""
    return GaugeMetricFamily(PREFIX + name, meaning, value=float(value))


def counter(name: str, meaning: str, value: float) -> Metric:
    """A counter without labels; ``_total`` is added to its name."""
    return CounterMetricFamily(PREFIX + name, meaning, value=float(value))


def gauges(name: str, meaning: str, values: Iterable[tuple[Labels, float]], *labels: str) -> Metric:
    """A gauge for each set of labels."""
    family = GaugeMetricFamily(PREFIX + name, meaning, labels=labels)
    for of, value in values:
        family.add_metric([of[label] for label in labels], float(value))
    return family


def counters(name: str, meaning: str, values: Iterable[tuple[Labels, float]], *labels: str) -> Metric:
    """A counter for each set of labels; ``_total`` is added to its name."""
    family = CounterMetricFamily(PREFIX + name, meaning, labels=labels)
    for of, value in values:
        family.add_metric([of[label] for label in labels], float(value))
    return family


def _health(health: Health, now: float) -> Iterator[Metric]:
    def since(moment: float | None) -> float:
        return max(0.0, now - moment) if moment is not None else 0.0

    yield gauge("leader", "Whether this instance leads.", health.leader)
    yield gauge("serving", "Whether calls are answered.", health.serving)
    yield gauge("mesos_registered", "Whether Mesos has our subscription.", health.registered)
    yield gauge("mesos_silent_seconds", "For how long there has been none.", since(health.mesos_silent_since))
    yield gauge("zookeeper_connected", "Whether ZooKeeper is connected.", health.zookeeper == "connected")
    yield gauge(
        "zookeeper_silent_seconds",
        "For how long ZooKeeper has not answered.",
        since(health.zookeeper_silent_since),
    )
    if health.leader:
        yield gauge("reconciled", "Whether Mesos has told of every task.", health.reconciled)
        yield gauge("nodes_expected", "Nodes that there shall be.", health.nodes_expected)
        yield gauge("nodes_up", "Nodes that are NORMAL.", health.nodes_up)


def _counts(counts: Counts) -> Iterator[Metric]:
    yield counters(
        "offers",
        "Offers that came, were used, given back or taken back.",
        (
            ({"outcome": word}, counts.offers[word])
            for word in ("received", "accepted", "declined", "rescinded")
        ),
        "outcome",
    )
    yield counter("launches", "Tasks started.", counts.operations["launch"])
    yield counters(
        "offer_operations",
        "Operations on accepted offers.",
        (({"operation": one}, counts.operations[one]) for one in _OPERATIONS),
        "operation",
    )
    yield counter("kills", "Kills that were sent.", counts.kills)
    yield counters(
        "task_updates",
        "Status updates of tasks.",
        (({"state": state}, number) for state, number in sorted(counts.updates.items())),
        "state",
    )
    yield counter("reconciliations", "Questions to Mesos for the state of tasks.", counts.reconciliations)
    yield counter("mesos_subscriptions", "Subscriptions that Mesos has taken.", counts.subscriptions)
    yield counter("mesos_disconnections", "Ends of the event stream.", counts.disconnections)
    yield counter("mesos_failed_calls", "Calls that Mesos refused or that were lost.", counts.failed_calls)
    yield SummaryMetricFamily(
        PREFIX + "zookeeper_write_seconds",
        "Writes of the records.",
        count_value=counts.writes,
        sum_value=counts.write_seconds,
    )


_OPERATIONS = ("reserve", "unreserve", "create", "destroy", "launch")


def _plans(known: dict[str, Plan]) -> Iterator[Metric]:
    yield gauges(
        "plan_status",
        "1 for the status that a plan has.",
        (
            ({"plan": name, "status": status.value}, plan.status is status)
            for name, plan in known.items()
            for status in Status
        ),
        "plan",
        "status",
    )
    yield gauges(
        "plan_steps",
        "Steps of a plan by their status.",
        (
            ({"plan": name, "status": status.value}, _steps(plan, status))
            for name, plan in known.items()
            for status in Status
        ),
        "plan",
        "status",
    )
    yield gauges(
        "plan_interrupted",
        "Whether an operator has interrupted the plan.",
        (({"plan": name}, plan.interrupted) for name, plan in known.items()),
        "plan",
    )
    yield gauges(
        "plan_errors",
        "Reasons why the wanted configuration is not in force.",
        (({"plan": name}, len(plan.errors)) for name, plan in known.items()),
        "plan",
    )


def _steps(plan: Plan, status: Status) -> int:
    return sum(step.status is status for phase in plan.phases for step in phase.steps)


def _nodes(nodes: Iterable[Node]) -> Iterator[Metric]:
    members = [(node, {"node": node.name}) for node in nodes]
    told = [(node.status, labels) for node, labels in members if node.status is not None]
    yield gauges("node_up", "Whether a node is NORMAL.", ((of, node.normal) for node, of in members), "node")
    yield counters("node_restarts", "Restarts of a node.", ((of, n.restarts) for n, of in members), "node")
    yield gauges(
        "node_failures", "Ends unasked in a row of a node.", ((of, n.failures) for n, of in members), "node"
    )
    for name, meaning in _MEASURES.items():
        values = ((of, getattr(status, name)) for status, of in told)
        yield gauges(f"node_{name}", meaning, values, "node")
    yield gauges(
        "node_told_timestamp_seconds", "When a node last told.", ((of, s.as_of) for s, of in told), "node"
    )


_MEASURES = {
    "load_bytes": "Data that a node holds.",
    "disk_total_bytes": "Size of a node's disk.",
    "disk_free_bytes": "What is free of it.",
    "uptime_seconds": "For how long a node has run, when it last told.",
}


def _reconciliation(world: World) -> Iterator[Metric]:
    progress = world.session.reconciliation
    outstanding = len(progress.outstanding) if progress else 0
    yield gauge("reconciliation_outstanding", "Tasks that Mesos has yet to tell of.", outstanding)
    if progress is not None and progress.completed_at is not None:
        yield gauge(
            "reconciliation_completed_timestamp_seconds",
            "When Mesos had told of every task.",
            progress.completed_at,
        )


def _operations(world: World) -> Iterator[Metric]:
    running = operations.active(world)
    kinds = sorted(operations.PHASES)
    yield gauges(
        "operation_running",
        "Whether an operation of a kind runs.",
        (({"kind": kind}, running is not None and running.kind == kind) for kind in kinds),
        "kind",
    )
    latest = [(kind, one) for kind in kinds if (one := operations.latest(world, kind)) is not None]
    yield gauges(
        "operation_progress_ratio",
        "How much of the latest operation of a kind is done.",
        (({"kind": kind}, one.fraction) for kind, one in latest),
        "kind",
    )
    for status, name in ((COMPLETE, "completed"), (FAILED, "failed")):
        ends = _last_ends(world, status)
        yield gauges(
            f"operation_last_{name}_timestamp_seconds",
            f"When an operation of a kind last {name}.",
            (({"kind": kind}, ends[kind]) for kind in kinds if kind in ends),
            "kind",
        )


def _backup(world: World) -> Iterator[Metric]:
    """The last backup that is complete; its age is since ``backup_last_success_timestamp_seconds``."""
    complete = [
        one for one in world.ledger.operations.values() if one.kind == BACKUP and one.status == COMPLETE
    ]
    last = max(complete, key=lambda one: one.number, default=None)
    if last is None:
        return
    moved = [part.progress for part in last.parts if part.phase == UPLOAD and part.progress is not None]
    yield gauge("backup_last_success_timestamp_seconds", "When it was complete.", last.ended_at or 0.0)
    yield gauge("backup_last_bytes", "Bytes of its files.", sum(one.bytes_total for one in moved))
    yield gauge("backup_last_files", "Number of its files.", sum(one.files_total for one in moved))


def _last_ends(world: World, status: str) -> dict[str, float]:
    ended = [one for one in world.ledger.operations.values() if one.status == status and one.ended_at]
    return {one.kind: one.ended_at or 0.0 for one in sorted(ended, key=lambda one: one.number)}
