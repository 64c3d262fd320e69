"""What a call says of itself beside its route: its parameters, its body and its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Parameter:
    """A query parameter; ``kind`` is its type."""

    name: str
    kind: Any
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Text:
    """An answer that is no JSON."""

    content_type: str


@dataclass(frozen=True)
class Call:
    """A call. Answers are types by status, besides those errors that any call may be answered with.

    ``body`` is the type of its body, or types by the value of the path's first parameter where they differ.
    """

    answers: Mapping[int, Any]
    query: tuple[Parameter, ...] = ()
    body: Any = None
    refusals: tuple[int, ...] = field(default=())


def described(
    answers: Mapping[int, Any], *query: Parameter, body: Any = None, refusals: tuple[int, ...] = ()
) -> Callable[[View], View]:
    """Say what a view takes and answers; its docstring says what it does.

    ``refusals`` are the statuses of errors that not every call has.
    """

    def describe(view: View) -> View:
        view.described = Call(answers, query, body, refusals)  # type: ignore[attr-defined]
        return view

    return describe


def call_of(view: Callable[..., Any]) -> Call | None:
    """What a view says of itself; None where it says nothing, for it is no call of the API's."""
    found: Call | None = getattr(view, "described", None)
    return found
