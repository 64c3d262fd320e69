"""Writing the event log, a page after the other: only the last one is written again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from scheduler.model.eventlog import Entry, Page
from scheduler.model.world import Ledger

PAGE_ENTRIES = 16
"""So few that it costs little to write a page again with every entry."""

PAGES = 32
"""So many are kept, the newest."""

LONGEST_TEXT = 400


def entries(ledger: Ledger, since: int = 0) -> tuple[Entry, ...]:
    """The entries that are kept with numbers above ``since``, the oldest first."""
    pages = [ledger.events[number] for number in sorted(ledger.events)]
    return tuple(entry for page in pages for entry in page.entries if entry.number > since)


def last_number(ledger: Ledger) -> int:
    """The number of the newest entry; 0 where there is none."""
    return ledger.events[max(ledger.events)].entries[-1].number if ledger.events else 0


def append(ledger: Ledger, new: Sequence[Entry]) -> Ledger:
    """With more entries, which are numbered here; the oldest page is forgotten where there are too many."""
    if not new:
        return ledger
    pages = dict(ledger.events)
    number = last_number(ledger)
    for entry in new:
        number += 1
        _write(pages, _numbered(entry, number))
    kept = {number: pages[number] for number in sorted(pages)[-PAGES:]}
    return dataclasses.replace(ledger, events=kept)


def _write(pages: dict[int, Page], entry: Entry) -> None:
    last = max(pages, default=0)
    if last not in pages or len(pages[last].entries) >= PAGE_ENTRIES:
        pages[last + 1] = Page(last + 1, (entry,))
    else:
        pages[last] = Page(last, (*pages[last].entries, entry))


def _numbered(entry: Entry, number: int) -> Entry:
    return dataclasses.replace(
        entry,
        number=number,
        what=_one_line(entry.what),
        why=_one_line(entry.why),
        who=_one_line(entry.who),
        origin=_one_line(entry.origin),
    )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"
