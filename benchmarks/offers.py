"""How many offers a second of CPU the scheduler reads and decides on, next to stock pymesos.

    python -m benchmarks.offers [--seconds 5] [--no-stock]

A process of its own sends the same offers over and over (``benchmarks.offer_stream``). Each measurement is
a process too, and counts offers against all CPU time it spends: sockets, RecordIO, JSON, records, decision.

``read``    our driver, patched by gevent as in the daemon, up to the model's records;
``match``   and every offer is matched with the node that waits, which must find just those that fit;
``decide``  and each batch is decided on as the daemon does, which must accept one that fits where one does;
``stock``   pymesos' own driver and loop, up to its callback. It decides nothing.

Exits with 1 where a fitting offer is missed, an unfit one taken, memory grows, or TARGET is not reached.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.offer_stream import offer_master
from benchmarks.processes import heed_sigterm
from benchmarks.stock_environment import StockUnavailable, make

BATCHES = (10, 1_000, 10_000)
TARGET = 20_000
GROWTH = 1.1
"""From the first half of a run to the second, memory may grow by so much, for the allocator's sake."""

REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure, print a table, judge."""
    heed_sigterm()
    options = _options()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        python, parser = (None, "") if options.no_stock else _stock(Path(home))
        for batch in BATCHES:
            with offer_master(batch) as address:
                for mode in ("read", "match", "decide"):
                    command = [sys.executable, "-m", "benchmarks.reading", mode, address]
                    failures += _judge(batch, mode, _measure(command, options.seconds))
                if python is not None:
                    command = [str(python), "-m", "benchmarks.stock_pymesos", address]
                    _print(batch, f"stock ({parser})", _measure(command, options.seconds))
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="CPU seconds of each measurement")
    parser.add_argument("--no-stock", action="store_true", help="leave stock pymesos out")
    return parser.parse_args()


def _stock(home: Path) -> tuple[Path | None, str]:
    try:
        return make(home)
    except StockUnavailable as error:
        print(f"stock pymesos is left out: {error}")
        return None, ""


def _measure(command: list[str], seconds: float) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    run = subprocess.run([*command, str(seconds)], env=environment, check=True, stdout=subprocess.PIPE)
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def _print(batch: int, mode: str, report: dict[str, Any]) -> None:
    print(
        f"{batch:6d} offers a batch  {mode:20s} {report['per_cpu_second']:10,.0f} offers per CPU second"
        f"  {report['early_rss_kb'] // 1024:5d} MB early {report['late_rss_kb'] // 1024:5d} MB late",
        flush=True,
    )


def _judge(batch: int, mode: str, report: dict[str, Any]) -> list[str]:
    _print(batch, mode, report)
    where = f"{mode} at {batch} offers a batch"
    failures = []
    if report["wrong"]:
        failures.append(f"{where}: {report['wrong']} batches were decided on wrongly")
    if report["early_rss_kb"] and report["late_rss_kb"] > report["early_rss_kb"] * GROWTH:
        failures.append(f"{where}: memory grows, {report['early_rss_kb']} kB to {report['late_rss_kb']} kB")
    if report["per_cpu_second"] < TARGET:
        failures.append(f"{where}: {report['per_cpu_second']:.0f} offers per CPU second, less than {TARGET}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
