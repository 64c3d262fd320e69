"""What the commands share: the service, and how they print."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from cli.address import Options, find
from cli.failure import WRONG, Failure
from cli.http import Json, Service

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Session:
    """One run of the program. ``as_json``: print what the service answered rather than tables."""

    options: Options = field(default_factory=Options)
    as_json: bool = False

    @functools.cached_property
    def service(self) -> Service:
        """The service. Raises Failure where it is not known where that is."""
        return Service(find(self.options, os.environ))

    def tell(self, answer: Json, text: str | Callable[[], str]) -> None:
        """Print an answer: as JSON where that is wanted, else the text."""
        if self.as_json:
            click.echo(json.dumps(answer, indent=2))
        else:
            click.echo(text if isinstance(text, str) else text())


pass_session = click.make_pass_decorator(Session, ensure=True)


def with_json(function: Function) -> Function:
    """Give a command the option ``--json``, which so may stand at its end too."""
    decorated: Function = click.option(
        "--json",
        "as_json",
        is_flag=True,
        expose_value=False,
        help="Print the service's answer as JSON.",
        callback=_remember_json,
    )(function)
    return decorated


def _remember_json(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Session).as_json = True


def with_yes(function: Function) -> Function:
    """Give a command the option ``--yes``."""
    decorated: Function = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")(function)
    return decorated


def confirm(question: str, yes: bool) -> None:
    """Ask before what cannot be undone. Raises Failure where the answer is no, or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure("this cannot be undone, and nobody is there to confirm it: give --yes", WRONG)
    if not click.confirm(question, err=True):
        raise Failure("nothing was changed")
