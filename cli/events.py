"""``events``: who did what, when and why."""

from __future__ import annotations

import json
import time

import click

from cli import show
from cli.failure import UNREACHED, Failure
from cli.http import Json, Service
from cli.session import Session, pass_session, with_json

WAIT_SECONDS = 30
"""How long the service is asked to hold its answer back until there is an event."""

PATIENCE, RETRY_SECONDS = 60, 3.0
"""So many failures in a row are waited out, for so long each: a leader may be changing."""


@click.command(short_help="Show who did what, when and why.")
@click.option("--since", metavar="CURSOR", help="Those after this cursor; else the newest hundred.")
@click.option("--follow", "-f", is_flag=True, help="Go on with events as they come, until Ctrl-C.")
@with_json
@pass_session
def events(session: Session, since: str | None, follow: bool) -> None:
    """Show who did what, when and why, the oldest first.

    With --json and --follow, one event a line.
    """
    answer = session.service.get("v1/events", **({"since": since} if since else {}))
    if not follow:
        session.tell(answer, lambda: "\n".join(map(line, answer["events"])) or "nothing has happened yet")
        return
    while True:
        for event in answer["events"]:
            click.echo(json.dumps(event) if session.as_json else line(event))
        answer = _next(session.service, answer["cursor"])


def _next(service: Service, cursor: str) -> Json:
    for _ in range(PATIENCE):
        try:
            return service.get("v1/events", since=cursor, wait=str(WAIT_SECONDS))
        except Failure as error:
            if error.code != UNREACHED:
                raise
            click.echo(f"{error}; asking again", err=True)
            time.sleep(RETRY_SECONDS)
    raise Failure(f"nobody answers; events --since {cursor} goes on from here", UNREACHED)


def line(event: Json) -> str:
    """An event in one line."""
    who = f"  ({event['who']}{_from(event)})" if event.get("who") else ""
    why = f": {event['why']}" if event.get("why") else ""
    what = " ".join(f"{event['what']}{why}".split())
    return f"{show.moment(event['at'])}  {what}{who}"


def _from(event: Json) -> str:
    return f" from {event['from']}" if event.get("from") else ""
