"""``python -m local``: the one-machine cluster's command."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from local import addresses, jars
from local.cluster import PROJECT, Cluster, tail
from local.display import Display
from local.failure import Failure, Missing
from local.parts import Plan

DEPLOY_SECONDS = 600.0
POLL_SECONDS = 0.3
DEFAULT_NODES = 3


class _Interrupted(Exception):
    """Ctrl-C or SIGTERM."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0, 1 where something failed, 2 where something is missing or wrong."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options, Cluster(options.data))
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    except Failure as error:
        print(error, file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Cassandra on Mesos, on one machine."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, default=PROJECT / ".local", help="where all state is kept")

    up = commands.add_parser("up", parents=[common], help="start the cluster and wait for its nodes")
    up.add_argument("--nodes", type=_positive, help=f"how many nodes; at first {DEFAULT_NODES}")
    up.add_argument("--detach", action="store_true", help="return when the plan is complete")
    up.add_argument("--json", action="store_true", help="say where everything is as JSON")
    up.add_argument("--master-port", type=int, help="port of the Mesos master; at first 5050 or a free one")
    up.add_argument("--api-port", type=int, help="port of the REST API; at first 9000 or a free one")
    up.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="a setting of the scheduler"
    )
    up.set_defaults(run=_up)

    status = commands.add_parser("status", parents=[common], help="say what runs")
    status.add_argument("--json", action="store_true")
    status.set_defaults(run=_status)

    down = commands.add_parser("down", parents=[common], help="stop everything; data stay")
    down.set_defaults(run=_down)

    for name, text in (
        ("start", "start a part"),
        ("stop", "stop a part cleanly"),
        ("kill", "stop a part by SIGKILL"),
        ("restart", "stop a part cleanly and start it"),
    ):
        verb = commands.add_parser(name, parents=[common], help=text)
        verb.add_argument("part", help="zookeeper, master, agent-1…, scheduler")
        verb.set_defaults(run=_part, verb=name)
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return int(text)


def _up(options: argparse.Namespace, cluster: Cluster) -> int:
    display = Display(sys.stderr if options.json else sys.stdout)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        _start(options, cluster, display)
        _tell(cluster, display, options.json)
        if options.detach:
            return 0
        display.say("Ctrl-C stops everything.")
        while True:
            signal.pause()
    except _Interrupted:
        display.say("stopping; nodes are drained first")
        cluster.down(display.say)
        return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    for other in (signal.SIGTERM, signal.SIGINT):
        signal.signal(other, signal.SIG_IGN)
    raise _Interrupted


def _start(options: argparse.Namespace, cluster: Cluster, display: Display) -> None:
    if "scheduler" in cluster.running:
        display.say(f"already running in {cluster.data}")
    jars.java()
    display.say("fetching Cassandra and ZooKeeper, unless they are there")
    jars.zookeeper()
    jars.cassandra()
    cluster.prepare(lambda: _wanted(options))
    settings = _settings(options)
    if settings:
        cluster.change(settings=settings)
    if options.nodes and cluster.required_plan().nodes != options.nodes:
        cluster.change(nodes=options.nodes)
    for part in cluster.parts():
        cluster.start(part)
    _wait(cluster, display)


def _wanted(options: argparse.Namespace) -> Plan:
    nodes = options.nodes or DEFAULT_NODES
    return Plan(nodes, addresses.choose(nodes, options.master_port, options.api_port), _settings(options))


def _settings(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    pairs = [text.partition("=") for text in options.env]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise Missing(f"--env {wrong[0]} is not NAME=VALUE")
    return tuple((name, value) for name, _, value in pairs)


def _wait(cluster: Cluster, display: Display) -> None:
    """Show the plan until every node is up. Raises Failure where that cannot come to be."""
    deadline = time.monotonic() + DEPLOY_SECONDS
    log = cluster.logs / "scheduler.log"
    while True:
        code, plan = cluster.get("/v1/plan")
        if plan and "phases" in plan:
            display.show(plan)
        if code == 417:
            raise Failure("the plan has errors: " + "; ".join(plan["errors"]))
        if code == 200 and _whole(cluster):
            return
        if cluster.process("scheduler") is None:
            raise Failure(f"the scheduler has ended; the end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise Failure(f"the nodes are not up after {DEPLOY_SECONDS:g} s; GET /v1/plan and {log} say why")
        time.sleep(POLL_SECONDS)


def _whole(cluster: Cluster) -> bool:
    """Whether every node is a working member: after a restart the plan is complete before they are."""
    _, health = cluster.get("/v1/health")
    return bool(health) and health["reconciled"] and health["nodes_up"] >= health["nodes_expected"]


def _tell(cluster: Cluster, display: Display, as_json: bool) -> None:
    places = cluster.describe()
    if as_json:
        print(json.dumps(places), flush=True)
        return
    display.say("")
    display.say(f"REST API      {places['api']}/v1/plan")
    display.say(f"CQL           {', '.join(places['cql'])}")
    display.say(f"Mesos master  http://{places['mesos_master']}")
    display.say(f"ZooKeeper     {places['zookeeper']}")
    display.say(f"logs          {places['logs']}")


def _status(options: argparse.Namespace, cluster: Cluster) -> int:
    cluster.required_plan()
    code, plan = cluster.get("/v1/plan")
    places = cluster.describe()
    state: dict[str, Any] = {**places, "plan": plan["status"] if code else None}
    if options.json:
        print(json.dumps(state))
    else:
        for name, pid in places["pids"].items():
            print(f"{name:<12} {f'up, pid {pid}' if pid else 'down'}")
        print(f"{'plan':<12} {state['plan'] or 'unknown: the API does not answer'}")
    return 0 if all(places["pids"].values()) and code == 200 else 1


def _down(options: argparse.Namespace, cluster: Cluster) -> int:
    cluster.down(lambda text: print(text, flush=True))
    return 0


def _part(options: argparse.Namespace, cluster: Cluster) -> int:
    part = cluster.part(options.part)
    if options.verb in ("stop", "kill", "restart"):
        cluster.end(part, kill=options.verb == "kill")
    if options.verb in ("start", "restart"):
        cluster.start(part)
    return 0
