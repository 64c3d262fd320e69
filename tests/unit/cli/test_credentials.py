"""The keys of an object store: where they are taken from, and that they are never shown."""

from pathlib import Path

import pytest

from cli import credentials
from cli.failure import Failure

KEYS = {"s3_access_key": "AK", "s3_secret_key": "SK"}


def test_keys_are_those_of_the_environment() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_SESSION_TOKEN": ""}
    assert credentials.read(None, False, environment) == KEYS
    environment["AWS_SESSION_TOKEN"] = "T"
    assert credentials.read(None, False, environment) == {**KEYS, "s3_session_token": "T"}


def test_without_keys_the_nodes_use_their_own() -> None:
    assert credentials.read(None, False, {}) == {}


def test_half_a_pair_of_keys_is_refused() -> None:
    with pytest.raises(Failure, match="lacks aws_secret_access_key"):
        credentials.read(None, False, {"AWS_ACCESS_KEY_ID": "AK"})


def test_a_file_goes_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AK\naws_secret_access_key = SK\n[other]\n")
    assert credentials.read(file, False, {"AWS_ACCESS_KEY_ID": "X", "AWS_SECRET_ACCESS_KEY": "Y"}) == KEYS


@pytest.mark.parametrize("text", ["", "SECRET", "[default]\nSECRET", "[default]\n", "[other]\na = SECRET"])
def test_a_file_that_has_no_keys_is_refused_without_being_quoted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(text)
    with pytest.raises(Failure) as raised:
        credentials.read(file, False, {})
    assert "[default]" in str(raised.value)
    assert "SECRET" not in str(raised.value)
