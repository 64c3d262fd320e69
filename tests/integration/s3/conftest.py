"""An S3 server for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.s3_server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Runs for the whole session: whoever stops it starts it again, and keeps to a prefix of its own."""
    found = Server(tmp_path_factory.mktemp("s3"))
    yield found
    found.stop()
