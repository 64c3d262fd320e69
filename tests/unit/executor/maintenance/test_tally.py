from __future__ import annotations

import pytest

from executor.maintenance.tally import Tally


def test_what_an_earlier_task_did_counts_as_done_but_not_for_the_time_left() -> None:
    tally = Tally(total=10, left=4, now=0.0)
    assert tally.counted == "6 of 10"
    assert tally.progress(0.0, 1000.0).eta_seconds is None
    tally.begins("cleanup of ks.t", 0.0)
    tally.ends(20.0)
    progress = tally.progress(20.0, 1000.0)
    assert (progress.done, progress.total, progress.fraction) == (7, 10, 0.7)
    assert progress.eta_seconds == pytest.approx(60.0)


def test_the_present_piece_counts_by_its_share() -> None:
    tally = Tally(total=2, left=2, now=0.0)
    tally.begins("a", 0.0)
    tally.share = 0.5
    progress = tally.progress(10.0, 1000.0)
    assert progress.fraction == 0.25
    assert progress.eta_seconds == pytest.approx(30.0)
    assert progress.since == 990.0


def test_pieces_that_are_done_together_count_one_by_one() -> None:
    tally = Tally(total=16, left=16, now=0.0)
    tally.begins("a", 0.0)
    tally.ends(2.0)
    tally.begins("b", 2.0, 10)
    tally.share = 0.5
    progress = tally.progress(12.0, 1000.0)
    assert (progress.done, progress.fraction) == (1, 0.375)
    assert progress.eta_seconds == pytest.approx(20.0)
    tally.ends(22.0)
    assert tally.counted == "11 of 16"
    assert tally.progress(22.0, 1000.0).eta_seconds == pytest.approx(10.0)


def test_a_rest_between_pieces_counts_for_the_time_left() -> None:
    tally = Tally(total=3, left=3, now=0.0)
    tally.begins("a", 0.0)
    tally.ends(10.0)
    tally.begins("b", 20.0)
    tally.ends(30.0)
    assert tally.progress(30.0, 1000.0).eta_seconds == pytest.approx(15.0)


def test_waiting_says_for_what_and_since_when_and_is_not_counted_as_work() -> None:
    tally = Tally(total=3, left=3, now=0.0)
    tally.begins("a", 0.0)
    tally.ends(10.0)
    tally.waits("b", "a node to be up again", 12.0)
    tally.waits("b", "compactions", 50.0)
    progress = tally.progress(100.0, 1000.0)
    assert tally.message == "1 of 3 done; waits for compactions"
    assert progress.waiting_for == "compactions"
    assert progress.since == 1000.0 - 88.0
    assert progress.eta_seconds == pytest.approx(20.0)


def test_nothing_to_do_is_all_done() -> None:
    assert Tally(0, 0, 0.0).progress(0.0, 0.0).fraction == 1.0
