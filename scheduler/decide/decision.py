"""What a decision is: the world after it, and what shall be done once it is stored."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from scheduler.model.intent import Intent
from scheduler.model.node import Node
from scheduler.model.world import World


@dataclass(frozen=True)
class Decision:
    """The new world and the intents, to be carried out in their order after the world's ledger is stored."""

    world: World
    intents: tuple[Intent, ...] = ()

    def plus(self, *intents: Intent) -> Decision:
        """With more to do."""
        return Decision(self.world, self.intents + intents)

    def with_node(self, node: Node) -> Decision:
        """With this node's record replaced; the very same where it says nothing new."""
        if self.world.ledger.nodes.get(node.number) == node:
            return self
        ledger = self.world.ledger.with_node(node)
        return Decision(dataclasses.replace(self.world, ledger=ledger), self.intents)

    def with_session(self, **changes: Any) -> Decision:
        """With fields of the session replaced."""
        session = dataclasses.replace(self.world.session, **changes)
        return Decision(dataclasses.replace(self.world, session=session), self.intents)


class Refused(Exception):
    """A command that does not fit; the message says why and what to do instead."""


class UnknownName(Refused):
    """A command names what does not exist."""
