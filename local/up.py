"""``up``: from nothing, or from what ``down`` left, to a cluster whose nodes all work."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace

from local import addresses, jars, prerequisites, progress
from local.cluster import Cluster, describe
from local.display import INTERVAL_SECONDS, Display
from local.failure import Failure, Refused
from local.interrupts import Interrupted, Interrupts
from local.layout import Layout, Software, agents_for, merged
from local.parts import agent_names
from local.progress import Progress
from local.running import DIED, UP, Pause

DEFAULT_NODES = 3
DETACH_SECONDS = 900.0
"""How long ``--detach`` waits for the plan. Somebody who watches waits for as long as they like."""

REVIVAL_SECONDS = 60.0
"""How long ``--detach`` waits for somebody to start a part again that has ended."""

WATCH_SECONDS = 1.0
INTERRUPTED = 130


@dataclass(frozen=True)
class Wish:
    """What was asked for; None where nothing was said."""

    nodes: int | None
    agents: int | None
    master_port: int | None
    api_port: int | None
    settings: dict[str, str]
    detach: bool
    json: bool


def up(cluster: Cluster, wish: Wish, display: Display) -> int:
    """Run the command; the exit code. Raises Failure."""
    interrupts = Interrupts()
    interrupts.install()
    try:
        if _is_up(cluster):
            return _join(cluster, wish, display, interrupts.pause)
        software = _software(cluster, display, interrupts.pause)
    except Interrupted:
        return INTERRUPTED
    return _run(cluster, wish, software, display, interrupts.pause)


def _is_up(cluster: Cluster) -> bool:
    return cluster.remembered is not None and all(cluster.state(name) == UP for name in cluster.names)


def _join(cluster: Cluster, wish: Wish, display: Display, pause: Pause) -> int:
    """The cluster is up already: say where, once its plan is complete."""
    _require_same(cluster, wish)
    display.say(f"already running in {cluster.data}; python -m local down stops it")
    _await_plan(cluster, wish, display, pause)
    _tell(cluster, wish, display)
    return 0


def _run(cluster: Cluster, wish: Wish, software: Software, display: Display, pause: Pause) -> int:
    """Start, wait, watch; whatever ends this, nothing runs on but what was to be detached."""
    before = cluster.remembered
    try:
        _start(cluster, wish, software, display, pause)
        _await_plan(cluster, wish, display, pause)
        _tell(cluster, wish, display)
        if not wish.detach:
            display.say("\nCtrl-C stops all of it; make run brings it back with the same data.")
            _watch(cluster, display, pause)
        return 0
    except Interrupted:
        display.say("stopping: each node is drained first")
        _stop(cluster, display)
        return INTERRUPTED if wish.detach else 0
    except Failure as failure:
        _stop(cluster, display)
        if isinstance(failure, Refused):
            _forget(cluster, before)
        raise


def _forget(cluster: Cluster, before: Layout | None) -> None:
    """Leave it at what was before, or else the next ``up`` would ask for what was refused again."""
    with cluster.changing():
        cluster.layout = before or replace(cluster.layout, settings={})


def _software(cluster: Cluster, display: Display, pause: Pause) -> Software:
    java_home, program = prerequisites.java_home(), prerequisites.maven()
    prerequisites.require_packages()
    cluster.logs.mkdir(parents=True, exist_ok=True)
    maven = jars.Maven(program, java_home, cluster.log("maven"), pause)
    if not jars.there():
        display.say("fetching Cassandra and ZooKeeper from Maven Central, once for this machine")
    zookeeper, cassandra = jars.zookeeper(maven), jars.cassandra(maven)
    uri = cassandra.path.as_uri()
    return Software(str(java_home), str(zookeeper), cassandra.version, uri, cassandra.sha512)


def _start(cluster: Cluster, wish: Wish, software: Software, display: Display, pause: Pause) -> None:
    with cluster.changing(pause), addresses.choosing(pause):
        if cluster.remembered is not None and cluster.running:
            _require_same(cluster, wish)
        else:
            cluster.sweep(display.say)
            cluster.layout = _settled(cluster.remembered, wish, software)
        agents = agent_names(cluster.layout)
        display.say(f"starting ZooKeeper, S3, a Mesos master and {len(agents)} agents")
        cluster.start(["zookeeper", "s3", "master", *agents], pause)
        cluster.await_agents(pause)
        display.say("starting the scheduler")
        try:
            cluster.start(["scheduler"], pause)
        except Failure as failure:
            raise Refused(str(failure)) from None


def _settled(before: Layout | None, wish: Wish, software: Software) -> Layout:
    nodes = wish.nodes or (before.nodes if before else DEFAULT_NODES)
    agents = agents_for(nodes, wish.agents, before)
    where = addresses.settle(agents, before.addresses if before else None, wish.master_port, wish.api_port)
    return Layout(nodes, agents, where, software, merged(before, wish.settings))


def _require_same(cluster: Cluster, wish: Wish) -> None:
    """What runs cannot be changed by ``up``. Raises Failure."""
    layout = cluster.layout
    asked = replace(
        layout,
        nodes=wish.nodes or layout.nodes,
        agents=wish.agents or layout.agents,
        settings=merged(layout, wish.settings),
        addresses=replace(
            layout.addresses,
            master_port=wish.master_port or layout.addresses.master_port,
            api_port=wish.api_port or layout.addresses.api_port,
        ),
    )
    if asked != layout:
        raise Failure(
            f"the cluster in {cluster.data} runs with other settings: python -m local down stops it first"
        )


def _await_plan(cluster: Cluster, wish: Wish, display: Display, pause: Pause) -> None:
    """Show the plans until every node works. Raises Failure where waiting is in vain."""
    deadline = time.monotonic() + (DETACH_SECONDS if wish.detach else float("inf"))
    deaths = Deaths(cluster, display)
    while True:
        cluster.read()
        if not cluster.running:
            raise Failure("the cluster was stopped by another command")
        deaths.tell()
        if wish.detach:
            deaths.require_none_for(REVIVAL_SECONDS)
        now = progress.ask(cluster.layout)
        display.show(now)
        if now.errors:
            raise Refused("the plan cannot go on: " + "; ".join(now.errors))
        if now.complete and len(progress.contact_points(cluster.layout)) >= cluster.layout.nodes:
            return
        if time.monotonic() > deadline:
            raise Failure(
                f"the plan is not complete after {DETACH_SECONDS:g} s: {_open_steps(now)}; "
                f"the logs are in {cluster.logs}"
            )
        pause(INTERVAL_SECONDS)


class Deaths:
    """Parts that have ended without being stopped: each is told of once, for somebody may start it again."""

    def __init__(self, cluster: Cluster, display: Display) -> None:
        self._cluster = cluster
        self._display = display
        self._since: dict[str, float] = {}

    def tell(self) -> None:
        """Say which parts have ended since the last time."""
        cluster, before = self._cluster, self._since
        died = [name for name in cluster.names if cluster.state(name) == DIED]
        self._since = {name: before.get(name, time.monotonic()) for name in died}
        for name in died:
            if name not in before:
                self._display.say(self._sentence(name))
                self._display.say(f"python -m local start {name} --data {cluster.data} starts it again")

    def require_none_for(self, seconds: float) -> None:
        """Raises Failure where a part has been gone for so long."""
        for name, since in self._since.items():
            if time.monotonic() - since > seconds:
                raise Failure(self._sentence(name))

    def _sentence(self, name: str) -> str:
        cluster = self._cluster
        return f"{name} has ended; its log, {cluster.log(name)}, says:\n{cluster.tail(name)}"


def _open_steps(now: Progress) -> str:
    steps = [step for step in now.steps if step.status != "COMPLETE"]
    return ", ".join(f"{step.name} {step.status} {step.message}".rstrip() for step in steps) or now.reason


def _tell(cluster: Cluster, wish: Wish, display: Display) -> None:
    places = describe(cluster, progress.contact_points(cluster.layout))
    if wish.json:
        print(json.dumps(places), flush=True)
        return
    display.say()
    display.say(f"web page      {places['api']}/")
    display.say(f"REST API      {places['api']}/v1/plan")
    display.say(f"CQL           {', '.join(places['cql'])}")
    display.say(f"Mesos master  {places['mesos_master']}")
    display.say(f"ZooKeeper     {places['zookeeper']}")
    display.say(f"S3 bucket     {places['s3']['external_location']}")
    display.say(f"logs          {places['logs']}")


def _watch(cluster: Cluster, display: Display, pause: Pause) -> None:
    """Until another command stops the cluster; a part that ends meanwhile is told of."""
    deaths = Deaths(cluster, display)
    while True:
        pause(WATCH_SECONDS)
        cluster.read()
        if not cluster.processes:
            display.say("stopped by another command")
            return
        deaths.tell()


def _stop(cluster: Cluster, display: Display) -> None:
    with cluster.changing():
        cluster.down(display.say)
