"""Progress as lines and as a table."""

from __future__ import annotations

import io

import pytest

from local.display import Display, bar, table
from local.progress import Progress, Step

RECONCILED = Step("Reconciliation", "Reconciliation", "COMPLETE", "")
FETCHING = Step("Deploy", "node-0", "STARTING", "fetching Cassandra 5.0.9: 40 % of 67 MB")
PENDING = Step("Deploy", "node-1", "PENDING", "node-0 comes first")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("os.get_terminal_size", lambda descriptor: (40, 24))
    return Terminal()


def test_a_table_has_a_bar_and_each_step_under_its_phase() -> None:
    lines = table(Progress((RECONCILED, FETCHING, PENDING)), 12)
    assert lines[0].endswith("1 of 3 steps, 12 s")
    assert lines[1:3] == ["Reconciliation", "  ✔ Reconciliation  COMPLETE"]
    assert lines[3] == "Deploy"
    assert lines[4].split() == ["…", "node-0", "STARTING", *FETCHING.message.split()]
    assert lines[5].split() == ["·", "node-1", "PENDING", *PENDING.message.split()]


def test_a_bar_is_full_only_when_every_step_is_complete() -> None:
    many = tuple(Step("Deploy", f"node-{number}", "COMPLETE", "") for number in range(99))
    assert "░" in bar((*many, FETCHING), 1)
    assert "░" not in bar(many, 1)


def test_before_there_is_a_plan_the_reason_is_shown() -> None:
    assert table(Progress(reason="connecting to ZooKeeper"), 3) == ["connecting to ZooKeeper (3 s)"]


def test_without_a_terminal_each_change_is_one_line_and_nothing_is_told_twice() -> None:
    out = io.StringIO()
    display = Display(out)
    display.show(Progress(reason="the scheduler does not answer yet"))
    display.show(Progress((FETCHING, PENDING)))
    display.show(Progress((FETCHING, PENDING)))
    display.show(Progress((Step("Deploy", "node-0", "COMPLETE", ""), PENDING)))
    told = [line.split(" s  ")[1].split()[:2] for line in out.getvalue().splitlines()]
    assert told == [
        ["the", "scheduler"],
        ["node-0", "STARTING"],
        ["node-1", "PENDING"],
        ["node-0", "COMPLETE"],
    ]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_is_drawn_anew_and_lines_said_stay_above(terminal: Terminal) -> None:
    display = Display(terminal)
    display.show(Progress((FETCHING,)))
    display.say("done")
    display.say("really")
    assert terminal.getvalue().count("\x1b[3F\x1b[J") == 1
    assert terminal.getvalue().endswith("\x1b[3F\x1b[Jdone\nreally\n")


def test_no_drawn_line_is_wider_than_the_terminal(terminal: Terminal) -> None:
    Display(terminal).show(Progress((FETCHING, PENDING)))
    assert max(len(line) for line in terminal.getvalue().splitlines()) == 39


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    monkeypatch.setenv("TERM", "dumb")
    display = Display(terminal)
    display.show(Progress((FETCHING,)))
    display.show(Progress((PENDING,)))
    assert "\x1b" not in terminal.getvalue()


def test_a_reader_that_has_gone_does_not_stop_the_work() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Display(Closed()).say("nobody reads this")
