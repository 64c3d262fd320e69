"""Placement constraints as operators write them."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model.placement import Constraint, ConstraintError, parse

UNIQUE = Constraint("hostname", "UNIQUE")


@pytest.mark.parametrize(
    ("text", "constraints"),
    [
        ("", ()),
        ("hostname:UNIQUE", (UNIQUE,)),
        ("hostname:unique,rack:GROUP_BY:3", (UNIQUE, Constraint("rack", "GROUP_BY", "3"))),
        ("rack:LIKE:a:b", (Constraint("rack", "LIKE", "a:b"),)),
        ('["hostname", "UNIQUE"]', (UNIQUE,)),
        (
            '[["hostname", "UNIQUE"], ["x", "CLUSTER", "a"]]',
            (UNIQUE, Constraint("x", "CLUSTER", "a")),
        ),
    ],
)
def test_constraints_are_read_in_both_forms(text: str, constraints: tuple[Constraint, ...]) -> None:
    assert parse(text) == constraints


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a:b:c",
        ":UNIQUE",
        "a:UNIQUE,",
        "a:LIKE",
        "a:LIKE:(",
        "a:LIKE:a{99999999999}",
        "a:MAX_PER",
        "a:MAX_PER:0",
        "a:MAX_PER:²",
        "a:GROUP_BY:x",
        "[",
        "[1]",
        "[[1]]",
        '[["a"]]',
        "[" * 100000,
    ],
)
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ConstraintError):
        parse(text)


@given(st.text() | st.lists(st.sampled_from(list(':,[]"aLIKE(*²1')), max_size=20).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of regular expressions that may change their meaning
        try:
            found = parse(text)
        except ConstraintError as error:
            assert str(error)
        else:
            assert all(isinstance(one, Constraint) for one in found)
