"""How long a repair takes by the service and by nodetool, on the same data of the same three nodes.

    python -m benchmarks.repair [--mib 2048] [--rounds 3]

``service``   ``PUT /v1/repair/start`` for all nodes, from the call to the operation's end: offers, tasks, and
              for each node's 16 segments a few Cassandra repairs, sized by how long the former took;
``nodetool``  ``nodetool repair -pr -full`` on each node in turn: a JVM and one Cassandra repair for each.

They take turns on data that are in order, so both compare all of them and neither streams. Each node holds
``--mib`` of data, at a replication factor of 3. Then the same of a table without rows shows what each costs
beside the work: a node, and a segment, of which many are cut there. Exits with 1 where the goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from cassandra.cluster import Cluster, Session

from benchmarks.processes import heed_sigterm

OVERHEAD = 0.25
KEYSPACE, EMPTY = "benchmark", "benchmark_empty"
NODES, SEGMENTS, MANY_SEGMENTS = 3, 16, 160
"""A node has as many segments as ranges where no more are wanted."""

ROW_BYTES = 16_384
POLL_SECONDS = 0.05
AHEAD = 64
"""So many writes are under way at a time."""

SETTINGS = ("CASSANDRA_WRITE_REQUEST_TIMEOUT=60s", "CASSANDRA_DISK_MB=8192")
REPOSITORY = Path(__file__).resolve().parent.parent

Json = dict[str, Any]


def main() -> int:
    """Measure, print, judge."""
    heed_sigterm()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mib", type=int, default=2048, help="data on each node, in MiB")
    parser.add_argument("--rounds", type=int, default=3, help="how often each of the two is measured")
    options = parser.parse_args()
    service, nodetool = [], []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home, _cluster(Path(home)) as places:
        _fill(places, options.mib)
        for _ in range(options.rounds):
            service.append(_by_service(places["api"], KEYSPACE))
            nodetool.append(_by_nodetool(places, KEYSPACE))
            print(f"service {service[-1]:6.1f} s   nodetool {nodetool[-1]:6.1f} s", flush=True)
        fixed = [_without_data(places) for _ in range(options.rounds)]
    ours, plain = statistics.median(service), statistics.median(nodetool)
    overhead = ours / plain - 1
    print(f"median: service {ours:.1f} s, nodetool {plain:.1f} s, overhead {overhead:+.0%}")
    _explain(ours, plain, *(statistics.median(column) for column in zip(*fixed, strict=True)))
    if overhead > OVERHEAD:
        print(f"the overhead is over {OVERHEAD:.0%}")
        return 1
    return 0


def _without_data(places: Json) -> tuple[float, float, float]:
    """Seconds by the service, by it in many segments, and by nodetool, where there is nothing to compare."""
    service = _by_service(places["api"], EMPTY)
    many = _by_service(places["api"], EMPTY, segments_per_node=MANY_SEGMENTS)
    return service, many, _by_nodetool(places, EMPTY)


def _explain(ours: float, plain: float, service: float, many: float, nodetool: float) -> None:
    segment = (many - service) / NODES / (MANY_SEGMENTS - SEGMENTS)
    print("of which a repair of no rows takes")
    print(f"  service   {service:5.1f} s: {service / NODES:.2f} s a node of {SEGMENTS} segments")
    print(f"            {many:5.1f} s in {MANY_SEGMENTS}: {1000 * segment:.0f} ms for each further segment")
    print(f"  nodetool  {nodetool:5.1f} s: {nodetool / NODES:.2f} s a node, most of it to start Java")
    print(f"and the rows: service {ours - service:.1f} s, nodetool {plain - nodetool:.1f} s")


@contextmanager
def _cluster(home: Path) -> Iterator[Json]:
    """Three nodes, ended and forgotten afterwards."""
    local = [sys.executable, "-m", "local"]
    data = ["--data", str(home / "data")]
    settings = [f"--env={one}" for one in SETTINGS]
    up = [*local, "up", *data, "--detach", "--json", "--nodes", str(NODES), *settings]
    try:
        done = subprocess.run(up, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
        yield json.loads(done.stdout)
    finally:
        subprocess.run([*local, "down", *data], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def _fill(places: Json, mib: int) -> None:
    """Rows of random bytes, which do not compress, on all nodes; flushed, so that all are in SSTables."""
    hosts = [node.rpartition(":")[0] for node in places["cql"]]
    cluster = Cluster(hosts, protocol_version=5)
    try:
        _insert(cluster.connect(), mib * 2**20 // ROW_BYTES)
    finally:
        cluster.shutdown()
    for agent in places["agents"]:
        subprocess.run([*_nodetool(agent), "flush", KEYSPACE], check=True)


def _insert(session: Session, rows: int) -> None:
    replication = "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"
    for keyspace in (KEYSPACE, EMPTY):
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        session.execute(f"CREATE TABLE {keyspace}.t (id int PRIMARY KEY, v blob)")
    insert = session.prepare(f"INSERT INTO {KEYSPACE}.t (id, v) VALUES (?, ?)")
    for first in range(0, rows, AHEAD):
        ids = range(first, min(first + AHEAD, rows))
        for result in [session.execute_async(insert, (number, os.urandom(ROW_BYTES))) for number in ids]:
            result.result()


def _by_service(api: str, keyspace: str, **options: int) -> float:
    begun = time.monotonic()
    body = json.dumps({"nodes": ["*"], "key_spaces": [keyspace], **options}).encode()
    urlopen(Request(f"{api}/v1/repair/start", data=body, method="PUT")).close()
    while (status := _get(f"{api}/v1/repair/status")["status"]) == "running":
        time.sleep(POLL_SECONDS)
    if status != "complete":
        raise SystemExit(f"the repair is {status}")
    return time.monotonic() - begun


def _by_nodetool(places: Json, keyspace: str) -> float:
    begun = time.monotonic()
    for agent in places["agents"]:
        command = [*_nodetool(agent), "repair", "-pr", "-full", keyspace]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def _nodetool(agent: Json) -> list[str]:
    """Nodetool for the node on an agent, as an operator would run it there."""
    (volume,) = Path(agent["work_dir"]).glob("volumes/roles/*/*")
    (libraries,) = {jar.parent for jar in volume.glob("dist/**/lib/cassandra-all-*.jar")}
    password = volume / "etc" / "jmxremote.password"
    user = password.read_text().split()[0]
    host = agent["url"].removeprefix("http://").rpartition(":")[0]
    return [
        "java",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx64M",
        "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
        "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
        f"-Duser.home={volume / 'run'}",
        "-cp",
        f"{libraries}/*",
        "org.apache.cassandra.tools.NodeTool",
        *("-h", host, "-p", "7199", "-u", user, "-pwf", str(password)),
    ]


def _get(url: str) -> Json:
    with urlopen(url, timeout=30) as answer:
        told: Json = json.load(answer)
        return told


if __name__ == "__main__":
    sys.exit(main())
