"""Where everything lies at a location, below its prefix."""

from __future__ import annotations

from backup.names import DIGEST

BACKUPS = "backups/"
OBJECTS = "objects/"
PROBE = "markers/probe"
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


def digest_of(key: str) -> str | None:
    """The SHA-256 that an object's key says; None where it is no object's."""
    digest = key.rpartition("/")[2]
    return digest if object_key(digest) == key and DIGEST.fullmatch(digest) else None


def running_key(backup: str, operation: str, who: str = "") -> str:
    """The marker that a node's part of a backup is in progress; without ``who`` the prefix of all of them.

    Two clusters may be at backups of the same name: their operations differ.
    """
    return f"{RUNNING}{backup}/{operation}/{who}"


def collecting_key(deletion: str) -> str:
    """The marker that objects are being removed."""
    return f"{COLLECTING}{deletion}"
