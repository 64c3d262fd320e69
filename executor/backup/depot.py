"""Objects at a location: written once under the SHA-256 of their content, and never again."""

from __future__ import annotations

import hashlib

from backup.keys import object_key
from backup.manifest import Stored
from backup.s3.body import Body, Bytes
from backup.s3.client import Client
from backup.s3.failure import Exists, NotOffered


class Depot:
    """For any number of threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._conditional = True

    def put(self, body: Body) -> None:
        """Have the content be there."""
        key = object_key(body.digest)
        if self._conditional:
            try:
                self._client.put(key, body)
                return
            except Exists:
                pass
            except NotOffered:
                self._conditional = False
        # One that was cut off is mended. It is the same content: whoever else writes it changes nothing.
        if self._client.size(key) != body.size:
            self._client.put(key, body, only_new=False)

    def put_bytes(self, data: bytes | bytearray) -> Stored:
        """Have some bytes be there, and say what they are known by."""
        digest = hashlib.sha256(data).hexdigest()
        self.put(Bytes(data, digest))
        return Stored(digest, len(data))

    def size(self, digest: str) -> int | None:
        """An object's size; None where it is not there."""
        return self._client.size(object_key(digest))
