"""Which backups are kept no longer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta


def outdated(
    backups: Iterable[tuple[str, datetime]], keep_last: int | None, keep_days: float | None, now: datetime
) -> list[str]:
    """The names to delete of a cluster's backups, given with their times; the oldest first.

    The newest ``keep_last`` are kept, and those younger than ``keep_days``; with neither all are.
    """
    if keep_last is None and keep_days is None:
        return []
    ordered = sorted(backups, key=lambda backup: (backup[1], backup[0]))
    older = ordered[: max(0, len(ordered) - (keep_last or 0))]
    if keep_days is not None:
        older = [backup for backup in older if now - backup[1] > timedelta(days=keep_days)]
    return [name for name, _ in older]
