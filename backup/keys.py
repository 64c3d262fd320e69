"""Where everything lies at a location, below its prefix."""

from __future__ import annotations

BACKUPS = "backups/"
OBJECTS = "objects/"
MARKERS = "markers/"
RUNNING = "markers/backup/"
COLLECTING = "markers/delete/"
SUFFIX = ".json"


def manifest_key(backup: str) -> str:
    """A cluster's manifest: while it exists, the backup does."""
    return f"{BACKUPS}{backup}{SUFFIX}"


def backup_name(key: str) -> str | None:
    """The backup whose manifest has that key; None where it is no manifest's."""
    name = key.removeprefix(BACKUPS).removesuffix(SUFFIX)
    return name if manifest_key(name) == key and name else None


def object_key(digest: str) -> str:
    """An object, by the SHA-256 of its content in hex."""
    return f"{OBJECTS}{digest[:2]}/{digest}"


def digest_of(key: str) -> str:
    """The SHA-256 that an object's key says."""
    return key.rpartition("/")[2]


def running_key(backup: str, who: str) -> str:
    """The marker that a part of a backup is in progress."""
    return f"{RUNNING}{backup}/{who}"


def collecting_key(deletion: str) -> str:
    """The marker that objects are being removed."""
    return f"{COLLECTING}{deletion}"
