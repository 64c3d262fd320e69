"""Writing the event log on a ring of pages: what a decision tells is one record to write, the last page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from scheduler.model.eventlog import Entry, Page
from scheduler.model.world import Ledger

PAGE_ENTRIES = 16
"""A page with so many is full. So few that it costs little to write a page again with every entry."""

PAGES = 32
"""So many are kept, the newest: the next page takes the place of the oldest."""

TOGETHER = 64
"""So many entries of one decision go to the same page, though it be full before: they are one write."""

LONGEST_TEXT = 400


def entries(ledger: Ledger, since: int = 0) -> tuple[Entry, ...]:
    """The entries that are kept with numbers above ``since``, the oldest first."""
    pages = sorted(ledger.events.values(), key=_last)
    return tuple(entry for page in pages for entry in page.entries if entry.number > since)


def last_number(ledger: Ledger) -> int:
    """The number of the newest entry; 0 where there is none."""
    return max(map(_last, ledger.events.values()), default=0)


def append(ledger: Ledger, new: Sequence[Entry]) -> Ledger:
    """With more entries, which are numbered here; the oldest page makes room where there are too many."""
    if not new:
        return ledger
    pages = dict(ledger.events)
    numbered = [_numbered(entry, number) for number, entry in enumerate(new, last_number(ledger) + 1)]
    for start in range(0, len(numbered), TOGETHER):
        _write(pages, numbered[start : start + TOGETHER])
    return dataclasses.replace(ledger, events=_newest(pages))


def _write(pages: dict[int, Page], together: Iterable[Entry]) -> None:
    last = max(pages.values(), key=_last, default=Page(0, ()))
    if last.number and len(last.entries) < PAGE_ENTRIES:
        pages[last.number] = Page(last.number, (*last.entries, *together))
    else:
        number = last.number % PAGES + 1
        pages[number] = Page(number, tuple(together))


def _newest(pages: Mapping[int, Page]) -> dict[int, Page]:
    """All of them, but where state is older than the ring and has pages of other numbers."""
    kept = sorted(pages.values(), key=_last)[-PAGES:]
    return {page.number: page for page in kept}


def _last(page: Page) -> int:
    return page.entries[-1].number


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
