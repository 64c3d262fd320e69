"""The queue of events: what comes when."""

from typing import Any
from unittest.mock import Mock

import pytest

from scheduler.daemon.counts import Counts
from scheduler.daemon.engine import Engine
from scheduler.model.event import OffersReceived, Tick
from tests.unit.decide.cluster import new_world


class Enough(Exception):
    """As many events were taken as a test needs."""


class Busy(Engine):
    """An engine to which further offers have come when it is done with some, a quarter of a second later."""

    def __init__(self) -> None:
        self.now = 0.0
        self.taken: list[Any] = []
        super().__init__(new_world(), Mock(), Mock(), Mock(), lambda: self.now, Counts())
        self.submit(OffersReceived(()))

    def _take(self, item: Any) -> None:
        self.taken.append(item)
        self.now += 0.25
        self.submit(OffersReceived(()))
        if len(self.taken) == 20:
            raise Enough


def test_it_ticks_each_second_however_many_events_come() -> None:
    engine = Busy()
    with pytest.raises(Enough):
        engine.run()
    ticks = [number for number, item in enumerate(engine.taken) if isinstance(item, Tick)]
    assert ticks == [4, 8, 12, 16]
