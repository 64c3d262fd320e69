"""What the framework adds to the time that three Cassandra nodes take to boot, and what it costs at rest.

    python -m benchmarks.deployment [--rounds 5] [--idle-seconds 600]

``framework``  from the start of the scheduler's process to the end of the last node's step, on a one-machine
               cluster whose master and agents are up. Bundle, reservations, volumes, the transfer of
               Cassandra to each node and its check are part of it;
``bare``       the same nodes with the same configuration, flags and rule of readiness, booted one after
               the other from a Cassandra that lies unpacked (``benchmarks.bare``).

They take turns, each on empty volumes. Then the last cluster is left alone for a while, and what its
scheduler spends meanwhile is counted. Exits with 1 where a goal below is missed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks import bare, processes
from benchmarks.bare import Bare
from benchmarks.processes import heed_sigterm
from executor.bundle import NAME as BUNDLE
from local.process import belonging_to
from protocol.task import decode_task

NODES = 3
OVERHEAD = 0.2
SCHEDULER_MB = 120.0
EXECUTOR_MB = 60.0
IDLE_CPU = 0.01

REPOSITORY = Path(__file__).resolve().parent.parent

Json = dict[str, Any]


def main() -> int:
    """Measure, print, judge."""
    heed_sigterm()
    options = _options()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        failures = _compare(Path(home), options.rounds) + _rest(Path(home), options.idle_seconds)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each of the two is measured")
    parser.add_argument(
        "--idle-seconds", type=float, default=600.0, help="how long the cluster is left alone"
    )
    return parser.parse_args()


def _compare(home: Path, rounds: int) -> list[str]:
    """Measure both in turn. A first deployment, which is not counted, tells what the nodes' tasks are."""
    with _cluster(home / "data") as places:
        _deployed(places)
        nodes = _nodes(places)
    what = bare.programs(nodes[0].task.distribution, home / "cassandra")
    ours, plain = [], []
    for _ in range(rounds):
        plain.append(_measure_bare(nodes, what, home / "bare"))
        ours.append(_measure_framework(home / "data"))
        print(f"framework {ours[-1]:6.1f} s   bare {plain[-1]:6.1f} s", flush=True)
    framework_seconds, bare_seconds = statistics.median(ours), statistics.median(plain)
    overhead = framework_seconds / bare_seconds - 1
    print(
        f"median of {rounds}: framework {framework_seconds:.1f} s, bare {bare_seconds:.1f} s, "
        f"overhead {overhead:.1%}"
    )
    return [f"the overhead is not below {OVERHEAD:.0%}"] if overhead >= OVERHEAD else []


def _measure_bare(nodes: list[Bare], what: bare.Programs, home: Path) -> float:
    try:
        return bare.boot(nodes, what, home)
    finally:
        shutil.rmtree(home)


def _measure_framework(data: Path) -> float:
    with _cluster(data) as places:
        return _deployed(places)


@contextmanager
def _cluster(data: Path) -> Iterator[Json]:
    """A cluster on empty volumes; where its parts are. It leaves nothing."""
    try:
        yield json.loads(_local("up", data, "--detach", "--json", "--nodes", str(NODES)))
    finally:
        _local("down", data)
        shutil.rmtree(data)


def _local(verb: str, data: Path, *arguments: str) -> str:
    # Whatever the environment says is for others: what is measured has the defaults.
    environment = {name: value for name, value in os.environ.items() if name != "NODES"}
    command = [sys.executable, "-m", "local", verb, "--data", str(data), *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def _deployed(places: Json) -> float:
    """Seconds from the scheduler's start until all nodes were ready. Raises RuntimeError if they are not."""
    (steps,) = (phase["steps"] for phase in _get(places, "/v1/plan")["phases"] if phase["name"] == "Deploy")
    last = max(datetime.fromisoformat(step["ended_at"]).timestamp() for step in steps)
    for step in steps:
        status = _get(places, f"/v1/nodes/{step['name']}/status")
        if (status["mode"], status["native_transport_running"], len(status["live"])) != (
            "NORMAL",
            True,
            NODES,
        ):
            raise RuntimeError(f"{step['name']} was not ready: {status}")
    return last - processes.started_at(places["pids"]["scheduler"])


def _get(places: Json, path: str) -> Json:
    with urlopen(places["api"] + path, timeout=10) as answer:
        found: Json = json.load(answer)
    return found


def _nodes(places: Json) -> list[Bare]:
    """The nodes' tasks, as the agents wrote them down, in the order in which they were started."""
    found = []
    for agent in places["agents"]:
        address = agent["url"].removeprefix("http://").rpartition(":")[0]
        for path in Path(agent["work_dir"]).glob("meta/slaves/latest/frameworks/*/executors/*/executor.json"):
            for task in json.loads(path.read_text())["tasks"]:
                found.append(Bare(decode_task(base64.b64decode(task["info"]["data"])), address))
    return sorted(found, key=lambda node: node.task.node)


def _rest(home: Path, seconds: float) -> list[str]:
    """Leave a cluster alone once its plan is complete, and see what it holds and spends."""
    with _cluster(home / "data") as places:
        scheduler = places["pids"]["scheduler"]
        executors = [
            process.pid
            for process in belonging_to(home / "data")
            if any(Path(argument).name == BUNDLE for argument in processes.arguments(process.pid))
        ]
        spent, begun = processes.cpu_seconds(scheduler), time.monotonic()
        time.sleep(seconds)
        cpu = (processes.cpu_seconds(scheduler) - spent) / (time.monotonic() - begun)
        memory = processes.resident_mb(scheduler)
        executor_memory = max(processes.resident_mb(pid) for pid in executors)
    print(f"after {seconds:g} idle seconds: scheduler {memory:.0f} MB, {cpu:.2%} of a core")
    print(f"the largest of {len(executors)} executors {executor_memory:.0f} MB")
    return [
        f"{what} {limit}"
        for missed, what, limit in (
            (memory >= SCHEDULER_MB, "the scheduler holds not less than", f"{SCHEDULER_MB:g} MB"),
            (executor_memory >= EXECUTOR_MB, "an executor holds not less than", f"{EXECUTOR_MB:g} MB"),
            (cpu >= IDLE_CPU, "the idle scheduler spends not less than", f"{IDLE_CPU:.0%} of a core"),
        )
        if missed
    ]


if __name__ == "__main__":
    sys.exit(main())
