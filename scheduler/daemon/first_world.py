"""What a new leader begins with: the stored records, and the configuration it was started with."""

from __future__ import annotations

import dataclasses
import logging
import uuid

from scheduler.daemon.loop import Uninstalled
from scheduler.daemon.secrets import Secrets
from scheduler.decide import uninstall
from scheduler.decide.target import first_ledger, in_force, retarget
from scheduler.model.settings import Settings
from scheduler.model.world import Ledger, World
from scheduler.store.ledger import Store

log = logging.getLogger(__name__)


def first_world(store: Store, wanted: Settings, secrets: Secrets, bundle_uri: str) -> World:
    """The world as it is stored, once the target is that of ``wanted`` where that is allowed.

    ``bundle_uri`` is where agents fetch the executor, unless the settings name another place. Raises
    Uninstalled where the service is to end and there is nothing left of it, UnreadableRecord and Fenced.
    """
    ledger = store.load()
    if wanted.uninstall or (ledger is not None and ledger.controls.uninstall):
        return _last_world(store, wanted, ledger, bundle_uri)
    errors: tuple[str, ...] = ()
    if ledger is None:
        ledger = first_ledger(wanted, str(uuid.uuid4()))
        store.create(ledger)
    else:
        changed, errors = retarget(ledger, wanted)
        store.commit(ledger, changed)
        ledger = changed
    for error in errors:
        log.error("the new configuration is not in force: %s", error)
    settings, keys = in_force(ledger, wanted), secrets.opened(ledger)
    uri = settings.executor_uri or bundle_uri
    return World(settings, ledger, uri, errors=errors, keys=keys, login=secrets.login)


def _last_world(store: Store, wanted: Settings, ledger: Ledger | None, bundle_uri: str) -> World:
    """The world that is to end, the order being stored. Raises Uninstalled where there is none."""
    if ledger is None:
        raise Uninstalled
    ordered = uninstall.order(ledger)
    store.commit(ledger, ordered)
    log.warning("the service is being uninstalled, as was ordered: that cannot be recalled")
    settings = in_force(ordered, wanted)
    return World(settings, ordered, settings.executor_uri or bundle_uri)


def no_world(wanted: Settings, bundle_uri: str) -> World:
    """The world of a service that is uninstalled, as there are no records of it."""
    settings = dataclasses.replace(wanted, nodes=0)
    return World(wanted, first_ledger(settings, str(uuid.uuid4())), wanted.executor_uri or bundle_uri)
