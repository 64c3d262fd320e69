"""The commands, put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click

from cli import backups, completion, events, nodes, operations, plans
from cli.address import Options
from cli.session import Session, with_json

INFO = "Manage Apache Cassandra on Mesos"

CONFIG_SCHEMA = {
    "$schema": "http://json-schema.org/schema#",
    "type": "object",
    "properties": {
        "url": {"type": "string", "title": "The service's address, where it is not behind the cluster's"},
        "service_name": {"type": "string", "title": "The service's name", "default": "cassandra"},
    },
    "additionalProperties": False,
    "required": [],
}
"""What ``dcos config set cassandra.…`` may set."""


def _printing(text: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    """The callback of an option that prints and ends."""

    def tell(context: click.Context, _option: click.Parameter, value: bool) -> None:
        if value:
            click.echo(text)
            context.exit()

    return tell


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--url", metavar="URL", help="The service's address, as http://10.0.0.1:9000. [env: DCOS_CASSANDRA_URL]"
)
@click.option(
    "--name",
    metavar="NAME",
    help="The service's name in the DC/OS cluster; else cassandra. [env: DCOS_CASSANDRA_SERVICE_NAME]",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File with the token to log in with. [env: DCOS_CASSANDRA_TOKEN, the token itself]",
)
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Certificates of the authorities to trust. [env: DCOS_TLS_CA_PATH]",
)
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@with_json
@click.version_option(version("cassandra-mesos"), prog_name="dcos-cassandra")
@click.option(
    "--info", is_flag=True, is_eager=True, expose_value=False, hidden=True, callback=_printing(INFO)
)
@click.option(
    "--config-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    hidden=True,
    callback=_printing(json.dumps(CONFIG_SCHEMA)),
)
@click.pass_context
def program(
    context: click.Context,
    url: str | None,
    name: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    insecure: bool,
) -> None:
    """Manage Apache Cassandra on Mesos.

    The service is found by --url, by DCOS_CASSANDRA_URL, or as the service cassandra of the cluster that the
    DC/OS CLI is attached to, whose token is used then. For a cluster of make run:

    \b
      export DCOS_CASSANDRA_URL=http://127.0.0.1:9000
      dcos-cassandra plan show

    Exit codes: 0 done; 1 refused or failed; 2 arguments or configuration not valid; 3 nobody answers, try
    again; 4 the token is missing, or does not suffice; 130 interrupted.
    """
    context.ensure_object(Session).options = Options(url, name, token_file, ca_file, insecure)


for _command in (
    plans.plan,
    nodes.node,
    nodes.connection,
    *operations.GROUPS,
    backups.backup,
    backups.restore,
    events.events,
    completion.completion,
):
    program.add_command(_command)
