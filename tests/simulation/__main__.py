"""``python -m tests.simulation``: run seeds, tell what was run and which seed has failed, if any."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SEEDS = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 where an invariant was violated."""
    options = _parser().parse_args(arguments)
    if options.coverage:
        return _covered(options)
    return _run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, metavar="N", help=f"how many seeds (default {SEEDS})")
    parser.add_argument("--seed", type=int, metavar="S", help="the first seed; without --seeds the only one")
    parser.add_argument("--nodes", type=int, metavar="K", help="how many nodes; the seed says without it")
    parser.add_argument("--days", type=int, default=2, metavar="D", help="simulated days a seed (default 2)")
    parser.add_argument("--jobs", type=int, metavar="J", help="processes (default: one for each core)")
    parser.add_argument(
        "--coverage", action="store_true", help="tell the share of decide/'s branches reached"
    )
    parser.add_argument(
        "--enumerate", action="store_true", help="scenarios with a crash at every single point"
    )
    parser.add_argument(
        "--shrink", type=Path, metavar="FILE", help="make the first failure small, keep it there"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run a scenario that was kept")
    return parser


def _run(options: argparse.Namespace) -> int:
    # Not before coverage has begun to look.
    from tests.simulation.campaign import Campaign, run_all, run_one
    from tests.simulation.storm import Scenario, scenario

    begun = time.monotonic()
    found = Campaign()
    if options.enumerate:
        from tests.simulation.crash_points import enumerate_all

        found, text = enumerate_all(options.jobs)
        print(text)
    elif options.replay is not None:
        found.add(run_one(Scenario.from_json(options.replay.read_text())))
    else:
        seeds = _seeds(options)
        scenarios = (scenario(seed, options.nodes, options.days) for seed in seeds)
        for result in run_all(run_one, scenarios, 1 if options.coverage or len(seeds) == 1 else options.jobs):
            found.add(result)
            if len(seeds) == 1:
                print(f"seed {result.scenario.seed}: digest {result.digest:08x}")
    print(found.report())
    print(f"took {time.monotonic() - begun:.0f} s")
    if found.failed and options.shrink is not None:
        _shrink(found.failed[0], options.shrink)
    return 1 if found.failed else 0


def _seeds(options: argparse.Namespace) -> range:
    first, count = options.seed, options.seeds
    if first is None:
        return range(SEEDS if count is None else count)
    return range(first, first + (1 if count is None else count))


def _shrink(failed: Any, path: Path) -> None:
    from tests.simulation.shrink import shrink

    small = shrink(failed.scenario, failed.violated)
    path.write_text(dataclasses.replace(small).to_json() + "\n")
    print(f"seed {failed.scenario.seed} still violates {failed.violated} with {len(small.happenings)} of")
    print(f"{len(failed.scenario.happenings)} things happening: kept in {path}")


def _covered(options: argparse.Namespace) -> int:
    """Look at which branches are taken. Slow, and in one process."""
    import coverage

    looking = coverage.Coverage(
        branch=True, source=["scheduler.decide"], concurrency="greenlet", data_file=None
    )
    looking.start()
    code = _run(options)
    looking.stop()
    print("branches and lines of decide/ reached:")
    looking.report(file=sys.stdout, show_missing=True, skip_empty=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
