"""AWS Signature Version 4, for S3: the content's SHA-256 is signed too, so the store checks what it takes.

It stands in the signature's own header, or in that of a checksum.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from backup.s3.credentials import Keys

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY = hashlib.sha256(b"").hexdigest()
"""The SHA-256 of a request without a body."""

UNSIGNED = "UNSIGNED-PAYLOAD"
"""In place of the SHA-256 of a body whose checksum is among the signed headers."""


def signed(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    digest: str,
    keys: Keys,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """All headers of a request, its signature among them.

    ``path`` is as it is sent; ``headers`` are all signed and must hold Host; ``digest`` is the body's
    SHA-256, or UNSIGNED; ``now`` is in UTC.
    """
    time = now.strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "x-amz-content-sha256": digest, "x-amz-date": time}
    if keys.token:
        sent["x-amz-security-token"] = keys.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(canonical))
    lines = "".join(f"{name}:{canonical[name]}\n" for name in sorted(canonical))
    request = f"{method}\n{path}\n{query_string(query)}\n{lines}\n{names}\n{digest}"
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    text = f"{ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(_key(keys.secret, time[:8], region), text.encode(), hashlib.sha256).hexdigest()
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def query_string(query: Mapping[str, str]) -> str:
    """A query as it is signed and sent: sorted, everything but letters, digits and -._~ escaped."""
    pairs = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


@functools.lru_cache(maxsize=4)
def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
