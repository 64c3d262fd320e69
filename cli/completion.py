"""Completion in shells: the script that a shell loads, and the names that only the service knows."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

import click
from click.shell_completion import get_completion_class

from cli.address import Options, find
from cli.failure import Failure
from cli.http import Service

PROGRAM = "dcos-cassandra"
VARIABLE = "_DCOS_CASSANDRA_COMPLETE"


@click.command(short_help="Print a shell's script of completion.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands, options and names.

    For bash: eval "$(dcos-cassandra completion bash)"
    """
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())


def complete_nodes(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The names of nodes that begin so."""
    return _names(context, "v1/nodes/list", begun)


def complete_plans(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The names of plans that begin so."""
    return _names(context, "v1/plans", begun)


def _names(context: click.Context, path: str, begun: str) -> list[str]:
    """None where the service does not tell: a shell that completes is no place for errors."""
    known = context.find_root().params
    where: dict[str, Any] = {field.name: known.get(field.name) for field in fields(Options)}
    try:
        names = Service(find(Options(**where), os.environ)).get(path)
    except Failure:
        return []
    return [name for name in names if name.startswith(begun)]
