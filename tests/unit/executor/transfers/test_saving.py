"""What a backup says of its nodes."""

from __future__ import annotations

from executor.transfers.saving import in_order


def test_tokens_are_in_the_order_of_the_ring_whatever_the_partitioner() -> None:
    assert in_order(["10", "-3", "9"]) == ("-3", "9", "10")
    assert in_order(["7f", "0a10", "70"]) == ("0a10", "70", "7f")
