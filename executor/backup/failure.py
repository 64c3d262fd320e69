"""What can go wrong with a backup, beside the store. Each message is one sentence for the operator."""

from __future__ import annotations

from backup.s3.failure import S3Failed


class NameTaken(S3Failed):
    """There is a backup of that name at the location."""


class Incomplete(S3Failed):
    """Something that the backup relies on is not at the location: its nodes have to upload again."""


class DamagedObject(S3Failed):
    """An object is missing, or has another content than its name says."""


class NeedsForce(S3Failed):
    """The store does not offer what makes a deletion safe beside a backup."""
