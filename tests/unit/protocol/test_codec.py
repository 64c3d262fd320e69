"""Records to JSON and back: what comes back is equal, and what does not fit is named by its place."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from protocol.codec import DecodeError, Json, decode, encode


class Colour(str, enum.Enum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: str | None = None


@dataclass(frozen=True)
class Tree:
    name: str
    share: float = 0.0
    colour: Colour = Colour.RED
    pairs: tuple[Pair, ...] = ()
    span: tuple[int, str] = (0, "")
    by_key: dict[str, Pair] = field(default_factory=dict)
    anything: Json = None
    child: Tree | None = None


FULL = Tree(
    "oak", 1.5, Colour.RED, (Pair(1), Pair(2, "b")), (3, "c"), {"k": Pair(4)}, {"x": [1, None]}, Tree("twig")
)


def test_a_record_comes_back_as_it_was() -> None:
    assert decode(Tree, encode(FULL)) == FULL


def test_whole_numbers_are_read_where_any_number_may_be() -> None:
    assert decode(Tree, {"name": "oak", "share": 2}).share == 2.0


def test_unknown_fields_are_ignored_and_missing_ones_take_their_default() -> None:
    assert decode(Tree, {"name": "oak", "later": 1}) == Tree("oak")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 1}, "Tree.name: expected str, found int"),
        ({"share": True}, "Tree.share: expected float, found bool"),
        ({"colour": "blue"}, "Tree.colour: unknown value 'blue'"),
        ({"pairs": {}}, "Tree.pairs: expected list, found dict"),
        ({"pairs": [{"left": 1}, {"left": None}]}, "Tree.pairs[1].left: expected int, found NoneType"),
        ({"span": [1]}, "Tree.span: expected 2 items, found 1"),
        ({"span": [1, 2]}, "Tree.span[1]: expected str, found int"),
        ({"by_key": {"k": {"left": "1"}}}, "Tree.by_key.k.left: expected int, found str"),
        ({"child": {"name": "twig", "child": []}}, "Tree.child.child: expected dict, found list"),
        ({"child": {}}, "Tree.child: Tree.__init__() missing 1 required positional argument: 'name'"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(change: dict[str, Json], message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(Tree, {**encode(FULL), **change})
    assert str(caught.value) == message


def test_the_place_may_be_named_by_who_reads() -> None:
    with pytest.raises(DecodeError, match=r"^the body\.name: expected str, found NoneType$"):
        decode(Tree, {"name": None}, "the body")
