"""``python -m local``: the arguments, and what each verb does."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local import ctl, progress
from local.addresses import API_PORT, MASTER_PORT
from local.cluster import Cluster, describe
from local.display import Display, row
from local.failure import Failure, Missing
from local.layout import LEAST_AGENTS, merged
from local.running import UP
from local.up import DEFAULT_NODES, INTERRUPTED, Wish, up

VERBS = {
    "start": "start a part that is not up",
    "stop": "end a part by SIGTERM; an agent's executors run on",
    "kill": "end a part by SIGKILL; an agent's executors run on",
    "restart": "stop a part and start it",
}

FAILED, WRONG = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 1 where something failed, 2 where something is missing or not valid."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except Missing as error:
        print(error, file=sys.stderr)
        return WRONG
    except Failure as error:
        print(error, file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"{error.filename or 'the system'}: {error.strerror}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Cassandra on Mesos, all of it on this machine."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", type=Path, default=Path(".local"), metavar="DIR", help="where all state is; here in .local"
    )
    _add_up(commands.add_parser("up", parents=[common], help="start the cluster, and wait for its nodes"))
    status = commands.add_parser("status", parents=[common], help="say which parts are up, and the plan")
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(run=_status)
    down = commands.add_parser("down", parents=[common], help="stop all of it; the data stay")
    down.set_defaults(run=_down)
    for verb, text in VERBS.items():
        command = commands.add_parser(verb, parents=[common], help=text)
        command.add_argument("part", help="zookeeper, s3, master, agent-1, agent-2 … or scheduler")
        command.set_defaults(run=_part, verb=verb, nodes=None, env=[])
        if verb == "restart":
            command.add_argument(
                "--nodes", type=_count, metavar="N", help="for the scheduler: how many nodes"
            )
            _add_settings(command)
    ctl.add(commands.add_parser("ctl", help="control a Mesos by itself, for tests of frameworks"))
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--nodes",
        type=_count,
        default=os.environ.get("NODES") or None,
        metavar="N",
        help=f"how many nodes; else NODES in the environment, as before, or {DEFAULT_NODES}",
    )
    parser.add_argument(
        "--agents",
        type=_count,
        metavar="M",
        help="how many agents, with those to spare; else as before, or one for each node, at least "
        f"{LEAST_AGENTS}",
    )
    parser.add_argument("--detach", action="store_true", help="return when the plan is complete")
    parser.add_argument("--json", action="store_true", help="print where everything is as JSON")
    for name, usual in (("--master-port", MASTER_PORT), ("--api-port", API_PORT)):
        text = f"else as before, or {usual}, or the next free"
        parser.add_argument(name, type=_port, metavar="P", help=text)
    _add_settings(parser)
    parser.set_defaults(run=_up)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the scheduler, remembered until NAME= is given",
    )


def _count(text: str) -> int:
    return _between(text, 1, 250)


def _port(text: str) -> int:
    return _between(text, 1, 65535)


def _between(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text} is not a number from {least} to {most}")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def _up(options: argparse.Namespace) -> int:
    cluster = Cluster(options.data)
    wish = Wish(
        options.nodes,
        options.agents,
        options.master_port,
        options.api_port,
        dict(options.env),
        options.detach,
        options.json,
    )
    return up(cluster, wish, Display(sys.stderr if options.json else sys.stdout))


def _status(options: argparse.Namespace) -> int:
    cluster = Cluster(options.data)
    states = {name: cluster.state(name) for name in cluster.names}
    now = progress.ask(cluster.layout)
    whole = all(state == UP for state in states.values())
    if options.json:
        places = describe(cluster, progress.contact_points(cluster.layout))
        print(json.dumps({**places, "parts": states, "plan": dataclasses.asdict(now)}))
    else:
        for name, state in states.items():
            pid = cluster.pid(name)
            print(f"{name:<12}{state}{f', pid {pid}' if pid else ''}")
        print(f"{'plan':<12}{'complete' if now.complete else now.reason or 'not complete'}")
        for step in now.steps:
            print(f"  {row(step)}")
    return 0 if whole and now.complete else FAILED


def _down(options: argparse.Namespace) -> int:
    cluster = Cluster(options.data)
    display = Display(sys.stdout)
    if cluster.remembered is None:
        display.say(f"there is no cluster in {cluster.data}")
        return 0
    with cluster.changing():
        if not cluster.running:
            display.say(f"nothing runs in {cluster.data}")
        cluster.down(display.say)
    return 0


def _part(options: argparse.Namespace) -> int:
    cluster = Cluster(options.data)
    if options.part not in cluster.names:
        raise Missing(f"there is no part {options.part}; the parts are {', '.join(cluster.names)}")
    with cluster.changing():
        _change(options, cluster)
        if options.verb in ("stop", "restart"):
            cluster.end([options.part], signal.SIGTERM)
        if options.verb == "kill":
            cluster.end([options.part], signal.SIGKILL)
        if options.verb in ("start", "restart"):
            cluster.start([options.part], time.sleep)
            if cluster.state("master") == UP:
                cluster.await_agents(time.sleep)
    return 0


def _change(options: argparse.Namespace, cluster: Cluster) -> None:
    """Give the scheduler, which is about to be restarted, other settings. Raises Missing."""
    layout = cluster.layout
    nodes = options.nodes or layout.nodes
    if (options.nodes or options.env) and options.part != "scheduler":
        raise Missing(f"{options.part} has no settings: --nodes and --env are for the scheduler")
    if nodes > layout.agents:
        raise Missing(
            f"there are {layout.agents} agents, one for each node: go down, and up --agents {nodes}"
        )
    settings = merged(layout, dict(options.env))
    cluster.layout = dataclasses.replace(layout, nodes=nodes, settings=settings)
