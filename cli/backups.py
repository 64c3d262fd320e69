"""``backup`` and ``restore``: to and from an object store."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli import credentials, operations, show
from cli.failure import WRONG, Failure
from cli.http import Json
from cli.operations import with_wait
from cli.session import Function, Session, confirm, pass_session, with_json, with_yes

KEYS = """
The keys of the store are those in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN), in --credentials-file, or asked for with --ask-credentials; where there are none the nodes
use their own. They are no options, for command lines can be read by everybody on a machine.
"""

OWN = "Without --location, the service's own store is meant: its BACKUP_LOCATION and BACKUP_CREDENTIALS_FILE."


@dataclass(frozen=True)
class Store:
    """Where backups are, as the options say."""

    location: str | None
    region: str | None
    endpoint: str | None
    path_style: bool
    credentials_file: Path | None
    ask_credentials: bool

    def body(self, backup: str | None = None) -> dict[str, Any]:
        """A request's body, keys included. Raises Failure."""
        if self.location is None:
            text = "give --location s3://BUCKET[/PREFIX], or set DCOS_CASSANDRA_BACKUP_LOCATION"
            raise Failure(text, WRONG)
        named = {
            "backup_name": backup,
            "external_location": self.location,
            "s3_region": self.region,
            "s3_endpoint": self.endpoint,
            "uses_emc": self.path_style,
        }
        keys = credentials.read(self.credentials_file, self.ask_credentials, os.environ)
        return {**{name: value for name, value in named.items() if value}, **keys}


STORE_OPTIONS = (
    click.option(
        "--location",
        envvar="DCOS_CASSANDRA_BACKUP_LOCATION",
        metavar="URL",
        help="s3://BUCKET[/PREFIX], or http(s)://HOST[:PORT]/BUCKET[/PREFIX] of an S3-compatible store. "
        "[env: DCOS_CASSANDRA_BACKUP_LOCATION]",
    ),
    click.option("--region", metavar="NAME", help="The bucket's region."),
    click.option("--endpoint", metavar="URL", help="The store's address, where it is not AWS's."),
    click.option("--path-style", is_flag=True, help="The bucket's name stands in the path, not in the host."),
    click.option(
        "--credentials-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Keys, as in ~/.aws/credentials: its section [default].",
    ),
    click.option("--ask-credentials", is_flag=True, help="Ask for the keys in the terminal."),
)


def with_store(function: Function) -> Function:
    """Give a command the options that say where backups are, and with which keys."""
    decorated: Function = function
    for option in reversed(STORE_OPTIONS):
        decorated = option(decorated)
    return decorated


@click.group(short_help="Back up to an object store; list, verify, delete.")
def backup() -> None:
    """Back the cluster up to an object store; list, verify and delete backups.

    \b
    For example:
      export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
      dcos-cassandra backup start nightly-1 --location s3://bucket --wait
      dcos-cassandra backup list --location s3://bucket
      dcos-cassandra restore start nightly-1 --location s3://bucket --wait
    """


@click.group()
def restore() -> None:
    """Bring a backup back, into a cluster of as many nodes.

    \b
    For example:
      export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
      dcos-cassandra restore start nightly-1 --location s3://bucket --wait
    """


with_bandwidth = click.option(
    "--bandwidth",
    type=float,
    metavar="MB",
    help="What all nodes together may move in a second, in megabytes.",
)


@backup.command(name="start", help=f"Back all keyspaces up under a name.\n{KEYS}")
@click.argument("backup", metavar="BACKUP")
@with_store
@with_bandwidth
@with_wait
@with_json
@pass_session
def start_backup(
    session: Session, /, backup: str, bandwidth: float | None, wait: bool, **options: Any
) -> None:
    """See the help."""
    body = {**_store(options).body(backup), **_given(bandwidth_mb_per_second=bandwidth)}
    operations.start(session, "backup", body, wait)


INTO = """
Into a new cluster, with as many nodes as the backup has and no keyspace of users' yet, it brings everything.
With --type existing it brings rows back that were lost, into the cluster as it is.
"""


@restore.command(name="start", help=f"Bring a backup back.\n{INTO}{KEYS}")
@click.argument("backup", metavar="BACKUP")
@with_store
@click.option("--type", "restore_type", type=click.Choice(["new", "existing"]), help="Into which; else new.")
@operations.with_keyspaces("Which keyspaces, with --type existing; else all.")
@operations.with_tables("Which tables, as KEYSPACE.TABLE, with --type existing; else all.")
@with_bandwidth
@with_wait
@with_json
@pass_session
def start_restore(
    session: Session,
    /,
    backup: str,
    restore_type: str | None,
    key_spaces: list[str] | None,
    column_families: list[str] | None,
    bandwidth: float | None,
    wait: bool,
    **options: Any,
) -> None:
    """See the help."""
    more = _given(
        restore_type=restore_type,
        key_spaces=key_spaces,
        column_families=column_families,
        bandwidth_mb_per_second=bandwidth,
    )
    operations.start(session, "restore", {**_store(options).body(backup), **more}, wait)


operations.add_stop_and_status(backup, "backup", "verify", "delete")
operations.add_stop_and_status(restore, "restore")


@backup.command(name="list", help=f"List the backups of a store.\n\n{OWN}\n{KEYS}")
@with_store
@with_json
@pass_session
def list_backups(session: Session, /, **options: Any) -> None:
    """See the help."""
    store = _store(options)
    own = store.location is None
    answer = (
        session.service.get("v1/backups") if own else session.service.put("v1/backups/list", store.body())
    )
    session.tell(answer, lambda: _listing(answer))


def _listing(answer: Json) -> str:
    found = answer["backups"]
    if not found:
        return f"there are no backups at {answer['external_location']}"
    rows = [
        (
            one["name"],
            show.moment(one["ended_at"]),
            show.size(one["bytes"]),
            one["nodes"],
            one["cluster"],
            one["damage"],
        )
        for one in found
    ]
    return show.table(("BACKUP", "ENDED", "SIZE", "NODES", "CLUSTER", "DAMAGE"), rows)


@backup.command(help=f"Check that a backup is whole: every byte of it is read and hashed.\n{KEYS}")
@click.argument("backup", metavar="BACKUP")
@with_store
@with_wait
@with_json
@pass_session
def verify(session: Session, /, backup: str, wait: bool, **options: Any) -> None:
    """See the help."""
    answer = session.service.put("v1/backup/verify", _store(options).body(backup))
    operations.begun(session, "verify", answer, wait)


@backup.command(help=f"Delete a backup from its store.\n\n{OWN}\n{KEYS}")
@click.argument("backup", metavar="BACKUP")
@with_store
@with_yes
@with_wait
@with_json
@pass_session
def delete(session: Session, /, backup: str, yes: bool, wait: bool, **options: Any) -> None:
    """See the help."""
    store = _store(options)
    confirm(f"Delete the backup {backup} from {store.location or 'the service’s own store'}?", yes)
    if store.location is None:
        answer = session.service.delete(f"v1/backups/{backup}")
    else:
        answer = session.service.put("v1/backups/delete", store.body(backup))
    operations.begun(session, "delete", answer, wait)


def _store(options: dict[str, Any]) -> Store:
    return Store(**options)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
