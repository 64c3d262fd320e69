"""Framework messages: questions and answers. Mesos may lose them, so who asks repeats until answered.

Subjects, all asked by the scheduler:

``status``  body empty; the answer is a NodeStatus, live from the node, or ``{"error": sentence}``.
``seeds``   body ``{"seeds": [address, ...]}``; the executor writes them into cassandra.yaml and has the
            node read them again; the answer is ``{"seeds": [...]}`` as applied, or an error.
``schema``  body empty; the answer is a Schema, or an error.
``decommission``  body empty; the node leaves the ring, if it does not yet or has not already; the answer
            is a Leaving, or an error.
``word``    body a Word; the task that it names takes it; the answer has ``{"task": ...}``, or an error.
``tidy``    body a Tidy; the answer is ``{}`` once all that it names is gone, or an error.
``validations``  body an EndValidations; the answer is ``{}`` once Cassandra was told, or an error.
``place``   body an Ask; the answer is a Checked, or an error.
``backups`` body an Ask; the answer is a Listed, or an error.

``word``, ``tidy``, ``place`` and ``backups`` may carry credentials, which therefore travel in messages alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from protocol.codec import DecodeError, Json, decode, encode

VERSION = 1
STATUS = "status"
SEEDS = "seeds"
SCHEMA = "schema"
DECOMMISSION = "decommission"
WORD = "word"
TIDY = "tidy"
VALIDATIONS = "validations"
PLACE = "place"
BACKUPS = "backups"


@dataclass(frozen=True)
class Message:
    """One question or its answer, which has the same ``id`` and ``subject``. ``node`` as in node-0."""

    id: str
    node: str
    subject: str
    answer: bool = False
    body: dict[str, Json] = field(default_factory=dict, repr=False)


def encode_message(message: Message) -> bytes:
    """Return the message as the data of a Mesos MESSAGE."""
    return json.dumps({"version": VERSION, "message": encode(message)}).encode()


def decode_message(data: bytes) -> Message:
    """Read the data of a Mesos MESSAGE. Raises DecodeError on anything else."""
    try:
        body = json.loads(data)
    except ValueError:
        raise DecodeError("the message is not JSON") from None
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise DecodeError(f"the message is not of version {VERSION}")
    return decode(Message, body.get("message"))
