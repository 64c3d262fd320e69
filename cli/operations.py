"""What all operations share: ``stop``, ``status`` and waiting for their end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from cli import show, waiting
from cli.http import Json
from cli.session import Function, Session, pass_session, with_json

EVERY_NODE = "*"

Option = Callable[[Any], Any]
"""What click.option gives: it decorates a command."""


def with_wait(function: Function) -> Function:
    """Give a command the option ``--wait``."""
    text = "Wait for its end, and show how far it is; exit code 1 unless it is complete."
    return click.option("--wait", is_flag=True, help=text)(function)


def start(session: Session, kind: str, body: Json, wait: bool) -> None:
    """Start an operation, and wait for its end where that is wanted."""
    begun(session, kind, session.service.put(f"v1/{kind}/start", body), wait)


def begun(session: Session, kind: str, answer: Json, wait: bool) -> None:
    """Tell that an operation has begun, or wait for its end where that is wanted."""
    if wait:
        watch(session, kind)
    else:
        told = f"the {waiting.called(kind)} has begun; {waiting.command('status', kind)} --wait watches it"
        session.tell(answer, told)


def watch(session: Session, kind: str) -> None:
    """Wait for an operation's end, and tell it. Raises Failure unless it is complete."""
    operation = waiting.until_done(session.service, kind)
    session.tell(operation, lambda: describe(operation))
    waiting.judge(operation)


def add_stop_and_status(group: click.Group, *kinds: str) -> None:
    """Add both commands to a group. Of several kinds one may be named; else it is the first."""
    several = f"\n\nKIND is {', '.join(kinds)}; else {kinds[0]}." if len(kinds) > 1 else ""
    which = click.argument("kind", type=click.Choice(kinds), default=kinds[0], metavar="[KIND]")
    with_kind: Option = which if several else functools.partial(_of_kind, kinds[0])

    @group.command(help=f"Stop it, on the nodes too.{several}")
    @with_kind
    @with_json
    @pass_session
    def stop(session: Session, /, kind: str) -> None:
        answer = session.service.put(f"v1/{kind}/stop")
        session.tell(answer, answer.get("message") or f"the {waiting.called(kind)} stops")

    @group.command(help=f"Show how far it is, or how the last one ended.{several}")
    @with_kind
    @with_wait
    @with_json
    @pass_session
    def status(session: Session, /, kind: str, wait: bool) -> None:
        operation = session.service.get(f"v1/{kind}/status")
        if wait and operation["status"] == waiting.RUNNING:
            watch(session, kind)
            return
        session.tell(operation, lambda: describe(operation))
        if wait:
            waiting.judge(operation)


def _of_kind(kind: str, function: Any) -> Any:
    """A command whose kind is not to be chosen."""

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, kind=kind, **options)

    return command


def describe(operation: Json) -> str:
    """An operation and its nodes' parts."""
    if operation["status"] == "none":
        return f"there has been no {waiting.called(operation['kind'])}"
    name = operation.get("name")
    begun, ended = show.moment(operation.get("started_at")), show.moment(operation.get("ended_at"))
    lines = [
        waiting.line(operation),
        f"{f'{name}, ' if name else ''}since {begun}{f', ended {ended}' if ended else ''}",
    ]
    parts = operation.get("nodes") or {}
    rows = [(node, part.get("phase"), part["status"], _how_far(part)) for node, part in parts.items()]
    return "\n".join([*lines, show.table(("NODE", "PHASE", "STATUS", ""), rows)] if rows else lines)


def _how_far(part: Json) -> str:
    share = f"{part['percent']:g} %" if part.get("percent") is not None else ""
    moved = (
        f"{show.size(part['bytes_done'])} of {show.size(total)}" if (total := part.get("bytes_total")) else ""
    )
    return "  ".join(text for text in (share, moved, part.get("message")) if text)


def maintenance(kind: str, text: str, *more: Option) -> click.Group:
    """The group of a kind of maintenance; ``more`` are options of its start beside the usual ones."""
    group = click.Group(
        kind, short_help=text, help=f"{text}\n\nOne operation runs at a time, on one node after the other."
    )

    @pass_session
    def begin(session: Session, /, wait: bool, **options: Any) -> None:
        start(session, kind, {name: value for name, value in options.items() if value is not None}, wait)

    decorated: Any = begin
    options: tuple[Option, ...] = (with_json, with_wait, *more, *reversed(SCOPE))
    for option in options:
        decorated = option(decorated)
    text = "Start it on all nodes, or on some."
    group.add_command(click.command("start", help=text)(decorated))
    add_stop_and_status(group, kind)
    return group


def _list(_context: click.Context, _option: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


def with_keyspaces(text: str) -> Option:
    """The option ``--key-spaces``."""
    return click.option(
        "--key-spaces", "--key_spaces", "key_spaces", callback=_list, metavar="NAME,…", help=text
    )


def with_tables(text: str) -> Option:
    """The option ``--column-families``."""
    names = ("--column-families", "--column_families", "column_families")
    return click.option(*names, callback=_list, metavar="NAME,…", help=text)


SCOPE = (
    click.option(
        "--nodes", default=EVERY_NODE, callback=_list, metavar="NODE,…", help="Which nodes; else all."
    ),
    with_keyspaces("Which keyspaces; else all but Cassandra's own."),
    with_tables("Which tables, in each keyspace that has them; else all."),
)

REPAIR = (
    click.option("--incremental", is_flag=True, default=None, help="Only what was never repaired so before."),
    click.option("--parallelism", type=click.Choice(["parallel", "sequential", "dc_parallel"])),
    click.option("--segments-per-node", type=int, metavar="N", help="Cut a node's ranges into so many."),
    click.option(
        "--intensity", type=float, metavar="SHARE", help="Of the time to repair in, from 0.01 to 1."
    ),
)

GROUPS = (
    maintenance("cleanup", "Drop what a node holds of ranges that are others' by now."),
    maintenance("repair", "Have the replicas agree, range by range.", *reversed(REPAIR)),
    maintenance("upgradesstables", "Write SSTables of older versions anew."),
)
