"""What is answered of maintenance that another node leads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from executor.answers import Started
from executor.maintenance.questions import Questions
from protocol.codec import Json, decode
from protocol.maintenance import EndValidations
from protocol.message import VALIDATIONS, Message


def replies(started: Callable[[], Started]) -> dict[str, Callable[[Message], Json]]:
    """The answers by their subjects; they raise NotAnswering and DecodeError."""

    def validations(question: Message) -> Json:
        wanted = decode(EndValidations, question.body)
        with closing(Questions(started().jolokia())) as questions:
            questions.end_validations(wanted.tables)
        return {}

    return {VALIDATIONS: validations}
