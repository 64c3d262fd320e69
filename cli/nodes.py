"""``node`` and ``connection``: the members of the cluster, and where clients connect."""

from __future__ import annotations

import click

from cli import show
from cli.completion import complete_nodes
from cli.failure import Failure
from cli.http import Json, Service
from cli.session import Session, confirm, pass_session, with_json, with_yes

node_argument = click.argument("node", metavar="NODE", shell_complete=complete_nodes)


@click.group()
def node() -> None:
    """The nodes: how they do, restart and replace them.

    NODE is a name or its number: node-0 or 0.
    """


@node.command(name="list")
@with_json
@pass_session
def names(session: Session) -> None:
    """List the nodes and how each does."""
    service = session.service
    infos = [service.get(f"v1/nodes/{name}/info") for name in service.get("v1/nodes/list")]
    head = ("NODE", "TASK", "MODE", "ADDRESS", "RACK", "HOST", "RESTARTS")
    fields = ("name", "state", "operating_mode", "ip", "rack", "hostname", "restarts")
    session.tell(infos, lambda: show.table(head, [[info[name] for name in fields] for info in infos]))


@node.command()
@node_argument
@with_json
@pass_session
def info(session: Session, node: str) -> None:
    """Show where a node runs, and why it last failed."""
    answer = session.service.get(f"v1/nodes/{node}/info")
    session.tell(answer, lambda: show.pairs(_info(answer)))


def _info(answer: Json) -> list[tuple[str, object]]:
    failure = answer["last_failure"]
    plain = [(name.replace("_", " "), value) for name, value in answer.items() if name != "last_failure"]
    if failure is None:
        return plain
    told = f"{show.moment(failure['at'])}: {failure['state']} {failure['message']}\n{failure['log_tail']}"
    return [*plain, ("last failure", told)]


@node.command()
@node_argument
@with_json
@pass_session
def status(session: Session, node: str) -> None:
    """Ask a node itself how it does."""
    answer = session.service.get(f"v1/nodes/{node}/status")
    session.tell(answer, lambda: show.pairs(_status(answer)))


def _status(answer: Json) -> list[tuple[str, object]]:
    values = dict(answer)
    for name in [name for name in values if name.endswith("_bytes")]:
        values[name] = show.size(values[name])
    values["uptime_seconds"] = show.span(values.get("uptime_seconds"))
    for name in ("live", "unreachable"):
        values[name] = ", ".join(values.get(name) or ())
    units = ("_bytes", "_seconds")
    return [(_without(name, units).replace("_", " "), value) for name, value in values.items()]


def _without(name: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        name = name.removesuffix(ending)
    return name


@node.command()
@node_argument
@with_json
@pass_session
def restart(session: Session, node: str) -> None:
    """Drain and stop a node, and start it again in the same place."""
    answer = session.service.put("v1/nodes/restart", node=node)
    session.tell(answer, f"{node} is restarted; plan show recovery says how far that is")


@node.command()
@node_argument
@click.option("--force", is_flag=True, help="Also where the node is up.")
@with_yes
@with_json
@pass_session
def replace(session: Session, node: str, force: bool, yes: bool) -> None:
    """Give a node's place up for another agent. What is on its old volume is destroyed.

    The new node streams the data of the one that it replaces from the others.
    """
    confirm(f"Give up the place of {_described(session.service, node)}, and destroy its volume?", yes)
    parameters = {"node": node, **({"force": "true"} if force else {})}
    answer = session.service.put("v1/nodes/replace", **parameters)
    session.tell(answer, f"{node} is put elsewhere; plan show recovery says how far that is")


def _described(service: Service, node: str) -> str:
    info = service.get(f"v1/nodes/{node}/info")
    return f"{info['name']} on {info['hostname'] or 'no host yet'}"


@click.command(short_help="Show where CQL clients connect.")
@click.argument("part", required=False, type=click.Choice(["address", "dns", "vip"]))
@with_json
@pass_session
def connection(session: Session, part: str | None) -> None:
    """Show where CQL clients connect: the nodes that take CQL now."""
    answer = session.service.get("v1/connection")
    if part is None:
        # "address" is what "nodes" is, for clients of old.
        told = [(name, _lines(value)) for name, value in answer.items() if name != "address"]
        session.tell(answer, lambda: show.pairs(told))
        return
    if part not in answer:
        raise Failure(f"the service announces no {part}: {part.upper()}_SUFFIX is not set")
    session.tell(answer[part], lambda: _lines(answer[part]))


def _lines(value: Json) -> str:
    return "\n".join(value) if isinstance(value, list) else str(value)
