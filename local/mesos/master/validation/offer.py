"""The offers that an ACCEPT names."""

from __future__ import annotations

from local.mesos.master.model import Framework, Offer
from local.mesos.master.state import State
from local.mesos.validation import Invalid


def check_offers(state: State, framework: Framework, offer_ids: list[str]) -> list[Offer]:
    """The offers: of this framework, of one role and one agent."""
    if not offer_ids:
        raise Invalid("No offers specified")
    for offer_id in offer_ids:
        if offer_ids.count(offer_id) > 1:
            raise Invalid(f"Duplicate offer {offer_id} in offer list")
    offers = [_find(state, offer_id) for offer_id in offer_ids]
    first = offers[0]
    for offer in offers:
        if offer.framework is not framework:
            raise Invalid(
                f"Offer {offer.id} has invalid framework {offer.framework.id} while framework {framework.id} "
                "is expected"
            )
    for offer in offers:
        if offer.role != first.role:
            raise Invalid(
                f"Aggregated offers must be allocated to the same role. Offer {offer.id} uses role "
                f"'{offer.role} but another is using role '{first.role}"
            )
    for offer in offers:
        if offer.agent is not first.agent:
            raise Invalid(
                f"Aggregated offers must belong to one single agent. Offer {offer.id} uses agent "
                f"{offer.agent.id} and agent {first.agent.id}"
            )
    return offers


def _find(state: State, offer_id: str) -> Offer:
    if offer_id not in state.offers:
        raise Invalid(f"Offer {offer_id} is no longer valid")
    return state.offers[offer_id]
