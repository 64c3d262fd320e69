"""What a change of leader costs: time to take over, writes to ZooKeeper, and the size of a cluster.

    python -m benchmarks.failover [--rounds 3] [--nodes 1000]

Two schedulers, a real ZooKeeper and the cluster's own Mesos master; the leader is killed by SIGKILL, and the
time counts until the other one has decided on its first event, the subscription. ZooKeeper forgets the one
that was killed after its session's time-out, so the target is that and TARGET_SECONDS.

Then the core and the store deploy a cluster, one node after the other, on the same ZooKeeper: every node is
offered a place, starts, runs, and is NORMAL. Each transition is a transaction, the operations of which are
counted. In the end another process's part is played: epoch, ledger, subscription and the
first decision, from what is stored. A thousand nodes take some minutes, as every event is decided on among
all of them; --nodes takes fewer.

Exits with 1 where a target is not reached.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kazoo.client import KazooClient

from benchmarks.meter import rss_kb
from benchmarks.processes import heed_sigterm
from local import jars, prerequisites
from protocol.report import NodeStatus, Report, encode_report
from scheduler.daemon.loop import Loop
from scheduler.decide.target import first_ledger
from scheduler.model.event import OffersReceived, Subscribed, Updated
from scheduler.model.intent import Intent
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource
from scheduler.model.settings import CassandraSettings, NodeSettings, Settings
from scheduler.model.task import TaskUpdate
from scheduler.model.world import Ledger, World
from scheduler.store.ledger import Store
from scheduler.store.session import SESSION_SECONDS, Session
from tests.integration import scheduler as schedulers
from tests.integration import zookeeper as real
from tests.integration.scheduler import Scheduler
from tests.integration.scripted_server import eventually
from tests.integration.zookeeper import ZooKeeper

TARGET_SECONDS = 2.0
MOST_OPERATIONS = 2
RESUME_SECONDS = 2.0

ROOT = "/dcos-service-benchmark"
CLUSTER_ID = "6f1b3ca8-718a-45ae-a814-1c57843b5683"
NOW = 1000.0


def takeover(zookeeper: ZooKeeper, number: int) -> dict[str, float]:
    """Seconds from the leader's end until the standby leads, and until it has decided."""
    with ExitStack() as stack:
        leader, standby = (_started(zookeeper, f"failover-{number}", stack) for _ in range(2))
        eventually(lambda: leader.leads() or standby.leads(), "a leader")
        if standby.leads():
            leader, standby = standby, leader
        eventually(standby.stands_by, "a standby")
        leader.kill()
        killed = time.monotonic()
        eventually(lambda: standby.health().get("leader"), "the standby to lead")
        leads = time.monotonic() - killed
        eventually(standby.leads, "the first decision")
        return {"leads": leads, "decides": time.monotonic() - killed}


def _started(zookeeper: ZooKeeper, name: str, stack: ExitStack) -> Scheduler:
    scheduler = schedulers.start(zookeeper.cluster, SERVICE_NAME=name)
    stack.callback(scheduler.kill)
    return scheduler


class NoMesos:
    """Counts calls and makes none."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def perform(self, intent: Intent) -> None:
        """See ``Mesos``."""
        self.calls[type(intent).__name__] += 1

    def acknowledge(self, update: TaskUpdate) -> None:
        """See ``Mesos``."""
        self.calls["Acknowledge"] += 1

    def reconnect(self) -> None:
        """See ``Mesos``."""


class CountingClient(KazooClient):  # type: ignore[misc]  # kazoo has no types
    """Notes the size of every transaction: its operations, the fence's own check among them."""

    def __init__(self, hosts: str) -> None:
        super().__init__(hosts, timeout=SESSION_SECONDS)
        self.transactions: list[int] = []

    def _call(self, request: Any, async_object: Any) -> Any:
        operations = getattr(request, "operations", None)
        if operations is not None:
            self.transactions.append(len(operations))
        return super()._call(request, async_object)


class Leader:
    """The store and the loop of one leader, in this process."""

    def __init__(self, zookeeper: ZooKeeper, settings: Settings) -> None:
        self.client = CountingClient(zookeeper.address)
        session = Session(self.client, lambda: None)
        self.client.start(timeout=20)
        lock = self.client.Lock(f"{ROOT}/lock", "benchmark")
        lock.acquire(timeout=60)
        self.store = Store(session, ROOT)
        self.store.take_epoch(f"{ROOT}/lock/{lock.node}")
        ledger = self.store.load()
        if ledger is None:
            ledger = first_ledger(settings, CLUSTER_ID)
            self.store.create(ledger)
        self.now = NOW
        self.loop = Loop(World(settings, ledger, "http://bundle/"), self.store, NoMesos(), self._clock)
        self.loop.step(Subscribed("F1", "m:5050"))

    def _clock(self) -> float:
        self.now += 0.001
        return self.now

    def close(self) -> None:
        """End the session, and with it the lead."""
        self.client.stop()
        self.client.close()


def deploy(leader: Leader, nodes: int) -> Counter[int]:
    """Deploy all nodes; how many transitions wrote so many znodes, the fence's check not counted."""
    addresses = tuple(f"10.0.{number // 250}.{number % 250 + 1}" for number in range(nodes))
    before = len(leader.client.transactions)
    for number, address in enumerate(addresses):
        leader.loop.step(OffersReceived((_offer(number, address),)))
        task = leader.loop.world.ledger.nodes[number].task
        if task is None:
            raise SystemExit(f"node-{number} was not started")
        status = NodeStatus(
            "NORMAL", True, True, True, True, endpoint=address, live=addresses, as_of=leader.now + 1
        )
        for state, data in (
            ("TASK_STARTING", b""),
            ("TASK_RUNNING", b""),
            ("TASK_RUNNING", encode_report(Report(status))),
        ):
            leader.loop.step(
                Updated(TaskUpdate(task.id, state, task.agent_id, uuid="u", timestamp=leader.now, data=data))
            )
    undone = [node.name for node in leader.loop.world.ledger.members() if node.deployed is None]
    if undone:
        raise SystemExit(f"not deployed: {undone[:5]}")
    return Counter(operations - 1 for operations in leader.client.transactions[before:])


def _offer(number: int, address: str) -> Offer:
    resources = (
        Resource("cpus", 8.0),
        Resource("mem", 16384.0),
        Resource("disk", 100000.0),
        Resource("ports", ranges=((7000, 9999),)),
    )
    return Offer(f"O{number}", f"S{number}", f"host-{number}", address, resources)


def settings_for(nodes: int) -> Settings:
    """Settings of so many nodes."""
    cassandra = CassandraSettings(uri="file:///cassandra.tar.gz", sha512="0" * 128, version="5.0.9")
    return dataclasses.replace(Settings(nodes=nodes), node=NodeSettings(cassandra=cassandra))


def plan(zookeeper: ZooKeeper, nodes: int) -> dict[str, Any]:
    """Deploy, and resume."""
    settings = settings_for(nodes)
    before = rss_kb()
    leader = Leader(zookeeper, settings)
    began = time.monotonic()
    taken = deploy(leader, nodes)
    seconds = time.monotonic() - began
    memory = rss_kb() - before
    deployed = leader.loop.world.ledger
    leader.close()
    began, worked = time.monotonic(), time.process_time()
    again = Leader(zookeeper, settings)
    resumed, worked = time.monotonic() - began, time.process_time() - worked
    if _without_events(again.loop.world.ledger) != _without_events(deployed):
        raise SystemExit("what was resumed is not what was stored")
    again.close()
    return {
        "nodes": nodes,
        "transitions": sum(taken.values()),
        "transitions_by_operations": dict(sorted(taken.items())),
        "deploy_seconds": round(seconds, 2),
        "memory_mb": round(memory / 1024, 1),
        "resume_seconds": round(resumed, 2),
        "resume_cpu_seconds": round(worked, 2),
    }


def _without_events(ledger: Ledger) -> Ledger:
    """All but the event log, which tells of the new registration."""
    return dataclasses.replace(ledger, events={})


def main() -> int:
    """Run all of it and print one line of JSON for each."""
    heed_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failover")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="failover-") as folder:
        log = Path(folder) / "maven.log"
        maven = jars.Maven(prerequisites.maven(), prerequisites.java_home(), log, time.sleep)
        with real.running(Path(folder), jars.zookeeper(maven)) as zookeeper:
            zookeeper.cluster.start(["master"], time.sleep)
            return _measure(zookeeper, options.rounds, options.nodes)


def _measure(zookeeper: ZooKeeper, rounds: int, nodes: int) -> int:
    slowest = 0.0
    for number in range(rounds):
        took = takeover(zookeeper, number)
        slowest = max(slowest, took["decides"])
        print(
            json.dumps({"takeover_seconds": {name: round(value, 2) for name, value in took.items()}}),
            flush=True,
        )
    found = plan(zookeeper, nodes)
    print(json.dumps(found), flush=True)
    misses = [
        (slowest > SESSION_SECONDS + TARGET_SECONDS, f"a takeover took {slowest:.1f} s"),
        (max(found["transitions_by_operations"]) > MOST_OPERATIONS, "a transition took more operations"),
        (found["resume_seconds"] > RESUME_SECONDS, f"resuming took {found['resume_seconds']} s"),
    ]
    for missed, what in misses:
        if missed:
            print(f"missed: {what}", file=sys.stderr)
    return int(any(missed for missed, _ in misses))


if __name__ == "__main__":
    sys.exit(main())
