from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from executor.maintenance.ring import LOWEST, RING, Segment, alike, cut, local_ranges, primary_ranges, share

tokens = st.integers(LOWEST, LOWEST + RING - 1)
bounds = st.sets(tokens, min_size=2, max_size=40).map(sorted)


def ranges_between(ends: list[int]) -> list[Segment]:
    """The whole ring, cut at these tokens; the last range leads over the ring's end."""
    return [Segment(a, b) for a, b in itertools.pairwise([*ends, ends[0]])]


RING_OF_TWO = {
    "[0, 100]": ["127.0.0.1", "127.0.0.2"],
    "[100, 200]": ["127.0.0.2", "127.0.0.1"],
    "[200, 0]": ["127.0.0.2", "127.0.0.3"],
}


def test_primary_ranges_are_those_whose_first_replica_the_node_is() -> None:
    assert primary_ranges(RING_OF_TWO, "127.0.0.1") == [Segment(0, 100)]
    assert primary_ranges(RING_OF_TWO, "127.0.0.2") == [Segment(100, 200), Segment(200, 0)]
    assert primary_ranges(RING_OF_TWO, "127.0.0.3") == []


def test_local_ranges_are_all_that_the_node_holds() -> None:
    assert local_ranges(RING_OF_TWO, "127.0.0.1") == [Segment(0, 100), Segment(100, 200)]


def test_ranges_with_the_same_replicas_are_together() -> None:
    ring = {
        "[0, 1]": ["a", "b"],
        "[1, 2]": ["a", "c"],
        "[2, 3]": ["b", "a"],
        "[3, 0]": ["a", "b"],
    }
    assert alike(ring, [Segment(3, 0), Segment(0, 1), Segment(1, 2)]) == [
        [Segment(0, 1), Segment(3, 0)],
        [Segment(1, 2)],
    ]
    assert alike(ring, []) == []


def test_negative_tokens_are_read() -> None:
    assert primary_ranges({"[-9223372036854775808, -5]": ["a"]}, "a") == [Segment(LOWEST, -5)]


@given(bounds, st.integers(0, 300))
def test_segments_cover_each_range_exactly_and_leave_none(ends: list[int], wanted: int) -> None:
    for part in ranges_between(ends):
        segments = cut([part], wanted)
        assert (segments[0].start, segments[-1].end) == (part.start, part.end)
        assert all(one.end == other.start for one, other in itertools.pairwise(segments))
        assert sum(segment.size for segment in segments) == part.size


@given(bounds, st.integers(0, 300))
def test_there_are_as_many_segments_as_wanted_and_as_there_are_ranges(ends: list[int], wanted: int) -> None:
    ranges = ranges_between(ends)
    segments = cut(ranges, wanted)
    tokens_held = sum(part.size for part in ranges)
    assert len(ranges) <= len(segments)
    assert len(segments) >= min(wanted, tokens_held)
    assert len(segments) < wanted + 2 * len(ranges)


@given(bounds)
def test_the_whole_ring_is_shared_out(ends: list[int]) -> None:
    assert share(ranges_between(ends)) == 1.0


def test_nothing_is_cut_into_nothing() -> None:
    assert cut([], 7) == []
