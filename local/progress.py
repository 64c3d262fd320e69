"""How far the scheduler is: its plans, as it tells them, and whether there is anything left to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local import http
from local.addresses import HOST
from local.layout import Layout

PLANS = ("deploy", "recovery")
"""Deploy is for good complete once every node has worked; recovery, once all of them do now."""


@dataclass(frozen=True)
class Step:
    """A step of a plan. ``message`` is one line, or nothing."""

    phase: str
    name: str
    status: str
    message: str


@dataclass(frozen=True)
class Progress:
    """``reason`` is why there are no steps yet; ``errors`` are what no waiting will mend."""

    steps: tuple[Step, ...] = ()
    complete: bool = False
    errors: tuple[str, ...] = ()
    reason: str = ""


def ask(layout: Layout) -> Progress:
    """Ask the scheduler for its plans."""
    answers = [http.get(HOST, layout.addresses.api_port, f"/v1/plans/{name}") for name in PLANS]
    return read(answers)


def read(answers: list[tuple[int, Any]]) -> Progress:
    """Progress from the plans' HTTP status and body: 200 is complete, 202 is not, 417 has errors."""
    for code, body in answers:
        if code == 0:
            return Progress(reason="the scheduler does not answer yet")
        if not isinstance(body, dict) or "phases" not in body:
            return Progress(reason=_message(code, body))
    steps = tuple(
        Step(phase["name"], step["name"], step["status"], _first_line(step["message"]))
        for _, plan in answers
        for phase in plan["phases"]
        for step in phase["steps"]
    )
    errors = tuple(error for _, plan in answers for error in plan["errors"])
    errors += tuple(f"{step.name}: {step.message}" for step in steps if step.status == "ERROR")
    return Progress(steps, all(code == 200 for code, _ in answers), errors)


def contact_points(layout: Layout) -> list[str]:
    """The nodes that take CQL now, as host:port."""
    code, body = http.get(HOST, layout.addresses.api_port, "/v1/connection")
    return list(body["nodes"]) if code == 200 else []


def _message(code: int, body: Any) -> str:
    text = body.get("message") if isinstance(body, dict) else None
    return _first_line(text) or f"the scheduler answers {code}"


def _first_line(text: object) -> str:
    return next(iter(str(text or "").splitlines()), "")
