"""``plan``: what is done and comes next, and the orders that plans take."""

from __future__ import annotations

import click

from cli import show
from cli.completion import complete_plans
from cli.session import Session, pass_session, with_json

DEFAULT = "deploy"

plan_argument = click.argument("plan", default=DEFAULT, metavar="[PLAN]", shell_complete=complete_plans)
plan_option = click.option(
    "--plan",
    default=DEFAULT,
    show_default=True,
    metavar="PLAN",
    shell_complete=complete_plans,
    help="Which plan.",
)


@click.group()
def plan() -> None:
    """What is done and what comes next; interrupt it, go on.

    PLAN is deploy where none is named; plan list has the others.
    """


@plan.command(name="list")
@with_json
@pass_session
def names(session: Session) -> None:
    """List the plans."""
    answer = session.service.get("v1/plans")
    session.tell(answer, "\n".join(answer))


@plan.command(name="show")
@plan_argument
@with_json
@pass_session
def show_plan(session: Session, plan: str) -> None:
    """Show a plan: phases and steps, and what each waits for."""
    answer = session.service.get(f"v1/plans/{plan}")
    session.tell(answer, lambda: show.plan(answer))


@plan.command()
@plan_argument
@with_json
@pass_session
def interrupt(session: Session, plan: str) -> None:
    """Let the running step finish, then wait."""
    answer = session.service.put(f"v1/plans/{plan}", cmd="interrupt")
    session.tell(answer, f"the plan {plan} waits once its running step is done; plan proceed goes on")


@plan.command()
@plan_argument
@with_json
@pass_session
def proceed(session: Session, plan: str) -> None:
    """Go on with an interrupted plan."""
    answer = session.service.put(f"v1/plans/{plan}", cmd="proceed")
    session.tell(answer, f"the plan {plan} goes on")


@plan.command()
@click.argument("phase")
@click.argument("step", required=False)
@plan_option
@with_json
@pass_session
def restart(session: Session, phase: str, step: str | None, plan: str) -> None:
    """Do a step, or all steps of a phase, again.

    PHASE and STEP are names or ids, as plan show has them: Deploy node-0.
    """
    _order(session, "restart", (plan, phase, step), "is done again")


@plan.command()
@click.argument("phase")
@click.argument("step", required=False)
@plan_option
@with_json
@pass_session
def force(session: Session, phase: str, step: str | None, plan: str) -> None:
    """Take a step, or all steps of a phase, as complete.

    PHASE and STEP are names or ids, as plan show has them: Deploy node-0.
    """
    _order(session, "forceComplete", (plan, phase, step), "is taken as complete")


def _order(session: Session, verb: str, where: tuple[str, str, str | None], outcome: str) -> None:
    plan, phase, step = where
    parameters = {"phase": phase, **({"step": step} if step else {})}
    answer = session.service.put(f"v1/plans/{plan}/{verb}", **parameters)
    session.tell(answer, f"{step or f'the phase {phase}'} of the plan {plan} {outcome}")
