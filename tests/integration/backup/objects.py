"""The objects at a place, for tests that damage them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3


class Objects:
    """What lies at ``http://host:port/bucket/prefix``."""

    def __init__(self, location: str) -> None:
        endpoint, self._bucket, self._prefix = location.rsplit("/", 2)
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def largest(self) -> str:
        """The key of the largest object."""
        pages = self._client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}/objects/")
        objects = [one for page in found for one in page["Contents"]]
        key: str = max(objects, key=lambda one: one["Size"])["Key"]
        return key

    def name(self, key: str) -> str:
        """What an object is called in messages."""
        return key.removeprefix(f"{self._prefix}/")

    @contextmanager
    def flipped(self, key: str) -> Iterator[None]:
        """An object with one bit of it turned, and as it was afterwards."""
        content = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        middle = len(content) // 2
        turned = bytes((content[middle] ^ 1,))
        self._put(key, content[:middle] + turned + content[middle + 1 :])
        try:
            yield
        finally:
            self._put(key, content)

    def _put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
