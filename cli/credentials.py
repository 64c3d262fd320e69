"""The keys of an object store: from the environment, a file or a prompt, never from an argument.

What stands on a command line can be read by every user of the machine.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

import click

from cli.failure import WRONG, Failure

FIELDS = {
    "s3_access_key": "aws_access_key_id",
    "s3_secret_key": "aws_secret_access_key",
    "s3_session_token": "aws_session_token",
}
"""The API's names, and those of AWS's own files; in the environment they are upper case."""

BOTH = ("s3_access_key", "s3_secret_key")


def read(file: Path | None, ask: bool, environment: Mapping[str, str]) -> dict[str, str]:
    """The fields of a request's body; none where the nodes are to use their own. Raises Failure."""
    if ask:
        return _asked()
    if file is not None:
        return _of_file(file)
    found = {field: environment.get(name.upper(), "") for field, name in FIELDS.items()}
    return _whole(found, "the environment")


def _asked() -> dict[str, str]:
    return {
        "s3_access_key": click.prompt("Access key", err=True),
        "s3_secret_key": click.prompt("Secret key", hide_input=True, err=True),
    }


def _of_file(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text())
        section = dict(parser["default"])
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", WRONG) from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        # The parser's own words would quote what is in the file.
        text = f"{file} must have a section [default] with {FIELDS[BOTH[0]]} and {FIELDS[BOTH[1]]}"
        raise Failure(text, WRONG) from None
    found = _whole({field: section.get(name, "") for field, name in FIELDS.items()}, str(file))
    if not found:
        raise Failure(f"there are no keys in the section [default] of {file}", WRONG)
    return found


def _whole(found: Mapping[str, str], where: str) -> dict[str, str]:
    given = {field: value for field, value in found.items() if value}
    missing = [FIELDS[field] for field in BOTH if field not in given]
    if len(missing) == 1:
        raise Failure(f"{where} has one of the two keys and lacks {missing[0]}", WRONG)
    return {} if missing else given
