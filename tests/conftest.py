"""What all tests share: programs that a test needs, and what happens where they are not installed."""

from __future__ import annotations

import os
import shutil

import pytest

SHARED = frozenset({"shared_cluster", "tarball"})
"""Fixtures that take long to make: the tests that have one of them run in one process."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes long; left to make soak")
    config.addinivalue_line("markers", "needs(*programs): is skipped without them, unless REQUIRE names them")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what is run at one time: tests of what they share, and those of a file."""
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        shared = SHARED.intersection(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group(min(shared, default=item.path.stem)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = {program for marker in item.iter_markers("needs") for program in marker.args}
    missing = sorted(program for program in needed if shutil.which(program) is None)
    if not missing:
        return
    required = {name.strip() for name in os.environ.get("REQUIRE", "").split(",")}
    if required & {"all", *missing}:
        pytest.fail(f"{', '.join(missing)} not on the path, and REQUIRE says that it must be", pytrace=False)
    pytest.skip(f"{', '.join(missing)} not on the path")
