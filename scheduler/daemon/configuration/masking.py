"""Keeping secrets out of what is printed: passwords in URLs, in options and under telling keys."""

from __future__ import annotations

import re

from protocol.codec import Json

MASK = "********"

TELLING = re.compile(r"(password|passwd|secret|private_key|secret_key|token)$", re.IGNORECASE)
LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
OPTION = re.compile(r"((?:password|passwd|secret|token)[^\s=]*=)\S+", re.IGNORECASE)


def masked(text: str) -> str:
    """The text without user and password of URLs and without the values of options that hold secrets."""
    return OPTION.sub(rf"\1{MASK}", LOGIN.sub(f"{MASK}@", text))


def masked_json(value: Json) -> Json:
    """The value with every text masked, and all that stands under a telling key."""
    if isinstance(value, dict):
        return {
            key: MASK if TELLING.search(str(key)) and isinstance(item, str) and item else masked_json(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked_json(item) for item in value]
    return masked(value) if isinstance(value, str) else value
