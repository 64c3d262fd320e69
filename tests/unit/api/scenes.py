"""States of a service in memory that the page is to show."""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.maintenance import Progress
from protocol.report import Failure, NodeStatus, Report, encode_report
from scheduler.decide import uninstall
from scheduler.model.event import Interrupt, StartOperation
from tests.unit.api.service import SCHEMA, MemoryService
from tests.unit.decide.cluster import offer

GIB = 1 << 30
LOG = (
    "ERROR [main] 2026-11-24 10:00:00 CassandraDaemon.java:600 - Exception\njava.lang.OutOfMemoryError: heap"
)


@dataclass
class LiveService(MemoryService):
    """Nodes that tell their load and disk, of which `free` percent may be left."""

    asked: int = 0
    free: int | None = None

    def node_status(self, number: int) -> NodeStatus:
        self.asked += 1
        status = super().node_status(number)
        load, total = (number + 1) * 7 * GIB, 100 * GIB
        return replace(
            status,
            load_bytes=load,
            disk_total_bytes=total,
            disk_free_bytes=total - load - 3 * GIB if self.free is None else self.free * GIB,
            uptime_seconds=4000 + 90000 * number,
            as_of=self.cluster.now,
        )


def idle(nodes: int = 3) -> LiveService:
    """All nodes are up."""
    service = LiveService()
    service.cluster.now = 1_795_000_000.0
    service.cluster.deploy(nodes)
    return service


def deploying() -> LiveService:
    """One node is up, the next boots."""
    service = LiveService()
    cluster = service.cluster
    cluster.now = 1_795_000_000.0
    cluster.subscribe()
    cluster.offers(offer(1))
    cluster.normal(0)
    cluster.offers(offer(2))
    status = NodeStatus("JOINING", endpoint=cluster.address(1), as_of=cluster.now)
    cluster.update(1, "TASK_RUNNING", encode_report(Report(status)))
    return service


def interrupted() -> LiveService:
    """Interrupted after the first node."""
    service = deploying()
    service.cluster.tell(Interrupt("deploy"))
    return service


def node_down(log: str = LOG) -> LiveService:
    """A node has failed and left a log."""
    service = idle()
    report = Report(failure=Failure("Cassandra ended with exit code 3", 3, log))
    message = "Cassandra ended with exit code 3"
    service.cluster.update(1, "TASK_FAILED", encode_report(report), message=message)
    return service


def repairing() -> LiveService:
    """A repair of all nodes has come to the first one's middle."""
    service = idle()
    cluster = service.cluster
    tables = {name: one.tables for name, one in SCHEMA.users().items() if one.tables}
    cluster.tell(StartOperation("repair", None, tables))
    (operation,) = cluster.world.ledger.operations.values()
    progress = Progress(9, 24, 0.38, "other.t, segment 10 of 24", cluster.now, None, 210.0)
    part = replace(operation.parts[0], progress=progress, started_at=cluster.now)
    operation = replace(operation, parts=(part, *operation.parts[1:]))
    ledger = cluster.world.ledger
    cluster.world = replace(cluster.world, ledger=replace(ledger, operations={operation.id: operation}))
    return service


def leaving() -> LiveService:
    """The service is being uninstalled."""
    service = idle()
    world = service.cluster.world
    service.cluster.world = replace(world, ledger=uninstall.order(world.ledger))
    return service
