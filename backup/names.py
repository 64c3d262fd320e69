"""Which names may stand in a backup. All else is refused: names become object keys and file paths."""

from __future__ import annotations

import functools
import re

BACKUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
SCHEMA_NAME = re.compile(r"[A-Za-z0-9_]{1,222}")
TABLE_ID = re.compile(r"[0-9a-f]{32}")
COMPONENT = re.compile(r"(?:\.[A-Za-z0-9_]{1,222}/)?[A-Za-z0-9][A-Za-z0-9_.+-]{0,250}")
DIGEST = re.compile(r"[0-9a-f]{64}")
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BadName(ValueError):
    """A name that may not be used; the message is one sentence for whoever gave it."""


def check_backup_name(name: str) -> str:
    """The name itself. Raises BadName."""
    if not BACKUP_NAME.fullmatch(name):
        raise BadName(
            "backup_name must be 1 to 128 letters, digits, dots, dashes and underscores, "
            "and begin with a letter or a digit"
        )
    return name


def is_component(name: str) -> bool:
    """Whether a table's folder may hold a file of that name, in a secondary index's folder or not."""
    return COMPONENT.fullmatch(name) is not None


@functools.lru_cache(maxsize=1024)  # a table has many files
def is_table_folder(keyspace: str, table: str, table_id: str) -> bool:
    """Whether ``<keyspace>/<table>-<id>`` may be a table's folder."""
    return bool(
        SCHEMA_NAME.fullmatch(keyspace) and SCHEMA_NAME.fullmatch(table) and TABLE_ID.fullmatch(table_id)
    )
