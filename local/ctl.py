"""``python -m local ctl``: a Mesos by itself, whose parts tests of frameworks crash and start again."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from local.failure import Missing
from local.mesos_cluster import MesosCluster
from local.parts import AGENT_RESOURCES

DATA_VARIABLE = "MESOS_CLUSTER_DATA"
"""The environment variable that chooses the data directory where no option does."""

MOST_AGENTS = 250

AGENT_VERBS = {
    "kill-agent": "end an agent by SIGKILL; its executors run on",
    "shutdown-agent": "have an agent shut its executors down, leave the master and end",
    "forget-agent": "take its id from an agent that is not up; its reservations and volumes stay",
    "start-agent": "start an agent again, as it was",
}

Verb = Callable[[MesosCluster, argparse.Namespace], None]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs to a parser."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data",
        type=Path,
        default=os.environ.get(DATA_VARIABLE) or _default_data(),
        metavar="DIR",
        help=f"where all state is; else {DATA_VARIABLE} in the environment, or {_default_data()}",
    )

    def verb(name: str, text: str, action: Verb) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, parents=[common], help=text, description=text)
        added.set_defaults(run=lambda options: _run(action, options))
        return added

    _add_fresh(verb("fresh", "wipe all state and start a master and agents", _fresh))
    verb("stop-master", "crash the master", lambda cluster, _: cluster.crash("master"))
    verb("start-master", "start the master again, as it was", lambda cluster, _: _start(cluster, "master"))
    actions: Mapping[str, Verb] = {
        "kill-agent": lambda cluster, options: cluster.crash(cluster.agent(options.agent)),
        "shutdown-agent": lambda cluster, options: _shut_down(cluster, cluster.agent(options.agent)),
        "forget-agent": lambda cluster, options: cluster.forget(cluster.agent(options.agent)),
        "start-agent": _start_agent,
    }
    for name, action in actions.items():
        parser = verb(name, AGENT_VERBS[name], action)
        parser.add_argument("agent", type=int, metavar="I", help="which agent, counted from 1")
        if name == "start-agent":
            parser.add_argument("--no-wait", action="store_true", help="do not wait until it is registered")
    verb("down", "stop everything and remove all state", lambda cluster, _: cluster.remove())
    verb("info", "print where everything is, as JSON", _info)


def _default_data() -> Path:
    return Path(tempfile.gettempdir()) / f"mesos-cluster-{os.getuid()}"


def _add_fresh(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agents", type=_count, default=1, metavar="N", help="how many; else 1")
    parser.add_argument(
        "--resources",
        type=_resources,
        default=AGENT_RESOURCES,
        metavar="S",
        help="of each agent, in Mesos' text form or as a JSON list",
    )
    for option, text in (("--master-flag", "of the master"), ("--agent-flag", "of every agent")):
        parser.add_argument(
            option, type=_flag, action="append", default=[], metavar="K=V", help=f"a flag {text}"
        )
    parser.add_argument(
        "--agent-flag-for",
        type=_agent_flag,
        action="append",
        default=[],
        metavar="I:K=V",
        help="a flag of one agent",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_AGENTS:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to {MOST_AGENTS}")
    return int(text)


def _resources(text: str) -> str:
    if text.lstrip().startswith("["):
        try:
            json.loads(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"the resources are not a JSON list: {error}") from None
    return text


def _flag(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text} is not K=V")
    return name, value


def _agent_flag(text: str) -> tuple[int, tuple[str, str]]:
    index, colon, flag = text.partition(":")
    if not index.isdecimal() or not colon:
        raise argparse.ArgumentTypeError(f"{text} is not I:K=V")
    return int(index), _flag(flag)


def _run(action: Verb, options: argparse.Namespace) -> int:
    options.data.mkdir(mode=0o755, parents=True, exist_ok=True)
    cluster = MesosCluster(options.data)
    with cluster.changing():
        action(cluster, options)
    return 0


def _fresh(cluster: MesosCluster, options: argparse.Namespace) -> None:
    for index, _ in options.agent_flag_for:
        if not 1 <= index <= options.agents:
            raise Missing(f"--agent-flag-for: there is no agent {index} of {options.agents}")
    agent_flags = tuple(_agent_flags(options, index) for index in range(1, options.agents + 1))
    cluster.fresh(dict(options.master_flag), agent_flags, time.sleep)


def _agent_flags(options: argparse.Namespace, index: int) -> dict[str, str]:
    own = dict(flag for number, flag in options.agent_flag_for if number == index)
    attributes = f"host:h{index};rack:r{(index + 1) // 2};zone:z{index}"
    return {"resources": options.resources, "attributes": attributes, **dict(options.agent_flag), **own}


def _start(cluster: MesosCluster, name: str) -> None:
    cluster.start([name], time.sleep)
    cluster.await_agents(time.sleep)


def _start_agent(cluster: MesosCluster, options: argparse.Namespace) -> None:
    name = cluster.agent(options.agent)
    if options.no_wait:
        cluster.launch([name])
    else:
        _start(cluster, name)


def _shut_down(cluster: MesosCluster, name: str) -> None:
    cluster.end([name])


def _info(cluster: MesosCluster, options: argparse.Namespace) -> None:
    print(json.dumps(cluster.describe()))
