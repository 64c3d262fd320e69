"""Offers from Mesos' JSON.

They come by the thousand in one event, and are read one by one out of its text: as a whole, ten thousand
would be a hundred megabytes of dictionaries for the garbage collector to go over, again and again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scheduler.mesos.resources import read_resources
from scheduler.model.offer import Offer

Json = Mapping[str, Any]

_BEGIN = re.compile(r'\s*\{\s*"type"\s*:\s*"OFFERS"\s*,\s*"offers"\s*:\s*\{\s*"offers"\s*:\s*\[\s*')
_NEXT = re.compile(r"\s*,\s*")
_END = re.compile(r"\s*\]\s*\}\s*\}\s*")

_decode = json.JSONDecoder().raw_decode


def read_offers_event(text: str) -> tuple[Offer, ...] | None:
    """The offers of an OFFERS event written as Mesos does; None for any other text, also of such an event."""
    begin = _BEGIN.match(text)
    if begin is None:
        return None
    offers: list[Offer] = []
    place: re.Match[str] | None = begin
    while place is not None:
        try:
            offer, end = _decode(text, place.end())
        except ValueError:
            return None
        offers.append(_offer(offer))
        place = _NEXT.match(text, end)
    return tuple(offers) if _END.fullmatch(text, end) else None


def read_offers(offers: Iterable[Json]) -> tuple[Offer, ...]:
    """The offers of an OFFERS event."""
    return tuple([_offer(offer) for offer in offers])


def _offer(offer: Json) -> Offer:
    hostname = offer["hostname"]
    region, zone = _fault_domain(offer["domain"]) if "domain" in offer else (None, None)
    return Offer(
        offer["id"]["value"],
        offer["agent_id"]["value"],
        hostname,
        offer["url"]["address"].get("ip", hostname) if "url" in offer else hostname,
        read_resources(offer.get("resources", ())),
        tuple([_attribute(attribute) for attribute in offer.get("attributes", ())]),
        tuple([executor["value"] for executor in offer.get("executor_ids", ())]),
        region,
        zone,
    )


def _fault_domain(domain: Json) -> tuple[str | None, str | None]:
    place = domain.get("fault_domain")
    return (place["region"]["name"], place["zone"]["name"]) if place else (None, None)


def _attribute(attribute: Json) -> tuple[str, str]:
    """Name and text; numbers and ranges as agents are configured with them: ``4``, ``[1-3,7-9]``."""
    name, kind = attribute["name"], attribute["type"]
    if kind == "TEXT":
        return name, attribute["text"]["value"]
    if kind == "SCALAR":
        return name, format(attribute["scalar"]["value"], ".15g")
    if kind == "RANGES":
        parts = attribute["ranges"].get("range", ())
        return name, "[" + ",".join(f"{part['begin']}-{part['end']}" for part in parts) + "]"
    return name, "{" + ",".join(attribute.get("set", {}).get("item", ())) + "}"
