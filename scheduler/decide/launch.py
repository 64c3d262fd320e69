"""Starting a node: on a new place in one ACCEPT (RESERVE, CREATE, LAUNCH), or again where it lives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from protocol.task import Artifact, Distribution, Heap, Ports, ServerTask, encode_task
from scheduler.decide import ids, owner, seeds
from scheduler.decide.decision import Decision
from scheduler.decide.matching import Held, disk_for
from scheduler.decide.requirement import (
    VOLUME_PATH,
    needed,
    reservation,
    resized,
    shares,
    without_volume,
)
from scheduler.decide.resizing import Change, certain
from scheduler.model.intent import Accept, Create, Discovery, Launch, Operation, Reserve
from scheduler.model.node import Executor, Node, Placement, Task
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource
from scheduler.model.settings import CassandraSettings, NodeSettings
from scheduler.model.task import STAGING
from scheduler.model.world import World, config_id

GRACE_SECONDS = 300.0
"""How long a node may take to drain and stop before it is killed."""

REFUSE_REST_SECONDS = 1.0
"""What an ACCEPT leaves of an offer comes again soon: the next node may want it."""

EXECUTOR_COMMAND = "exec python3 -I executor.pyz"


def launch_anew(decision: Decision, node: Node, offer: Offer, rack: str, now: float) -> Decision:
    """Reserve a place for a node that has none, make its volume and start it in that rack."""
    world = decision.world
    settings = owner.settings_for(world, node)
    node = dataclasses.replace(node, generations=node.generations + 1, rack=rack)
    placement = _placement(world, node, settings, offer)
    plain = tuple(without_volume(resource) for resource in placement.resources)
    operations = (Reserve(plain), Create(_volumes(placement)))
    node = dataclasses.replace(node, placement=placement)
    return _launch(decision, node, settings, (offer,), operations, now)


def launch_again(
    decision: Decision, node: Node, settings: NodeSettings, found: Held, change: Change, now: float
) -> Decision:
    """Start a node on what is reserved for it, ``change`` making that what its settings need.

    Its volume is made where that never came to be.
    """
    place, first = node.placement, found.offers[0]
    if place is None:
        raise ValueError(f"{node.name} has no place")
    here = dataclasses.replace(
        place,
        agent_id=first.agent_id,
        hostname=first.hostname,
        address=first.address,
        resources=certain(resized(place, settings), change),
    )
    operations = (*change.operations, *(() if found.volume else (Create(_volumes(here)),)))
    node = dataclasses.replace(node, placement=here)
    return _launch(decision, node, settings, found.offers, operations, now)


def _placement(world: World, node: Node, settings: NodeSettings, offer: Offer) -> Placement:
    service = world.settings.service
    free = [resource for resource in offer.resources if not resource.reservations]
    disk = disk_for(free, settings)
    if disk is None:
        raise ValueError("the offer was not matched before")
    generation = ids.generation_id(world, node)
    volume = ids.persistence_id(world, node)
    levels = reservation(service, node.name, generation)
    return Placement(
        generation=generation,
        agent_id=offer.agent_id,
        hostname=offer.hostname,
        address=offer.address,
        persistence_id=volume,
        resources=needed(settings, service, levels, volume, disk),
        attributes=offer.attributes,
        region=offer.region,
        zone=offer.zone,
    )


def _volumes(placement: Placement) -> tuple[Resource, ...]:
    return tuple(r for r in placement.resources if r.persistence_id)


def _launch(
    decision: Decision,
    node: Node,
    settings: NodeSettings,
    offers: Iterable[Offer],
    before: tuple[Operation, ...],
    now: float,
) -> Decision:
    world, placement = decision.world, node.placement
    if placement is None:
        raise ValueError(f"{node.name} has no place")
    node = dataclasses.replace(node, launches=node.launches + 1)
    share = shares(placement, settings)
    executor = _executor(world, node, share.executor)
    task_id = ids.task_id(world, node)
    task = Task(task_id, placement.agent_id, executor, config_id(settings), now, STAGING, now)
    first_seeds = seeds.boot_seeds(world, node, placement.address)
    server = _server_task(world, node, settings, first_seeds)
    launch = Launch(
        task_id=task_id,
        name=node.name,
        agent_id=placement.agent_id,
        executor=executor,
        resources=share.server,
        data=encode_task(server),
        labels=placement.resources[0].reservations[-1].labels,
        grace_seconds=GRACE_SECONDS,
        discovery=_discovery(node, settings.cassandra),
    )
    accept = Accept(tuple(offer.id for offer in offers), (*before, launch), REFUSE_REST_SECONDS)
    decision = decision.with_node(_begun(world, node, task, now)).plus(accept)
    decision = _found(decision, node) if server.founder else decision
    return seeds.launched_with(decision, node, first_seeds, now)


def _begun(world: World, node: Node, task: Task, now: float) -> Node:
    """The node's record with its new task; the deploy plan begins on it once per configuration."""
    restarts = node.restarts + (1 if node.launches > 1 else 0)
    begins = owner.owner(world, node) == owner.DEPLOY and node.begun != task.config_id
    node = dataclasses.replace(node, task=task, restarts=restarts, status=None, restart_ordered=False)
    return dataclasses.replace(node, begun=task.config_id, begun_at=now) if begins else node


def _found(decision: Decision, node: Node) -> Decision:
    """Store the founder's name with its launch, where it is not stored yet: one in a cluster's life."""
    ledger = decision.world.ledger
    if ledger.cluster.founder == node.name:
        return decision
    cluster = dataclasses.replace(ledger.cluster, founder=node.name)
    world = dataclasses.replace(decision.world, ledger=dataclasses.replace(ledger, cluster=cluster))
    return Decision(world, decision.intents)


def _executor(world: World, node: Node, resources: tuple[Resource, ...]) -> Executor:
    return Executor(
        id=ids.executor_id(world, node),
        name=f"{node.name}_executor",
        command=EXECUTOR_COMMAND,
        uri=world.bundle_uri,
        # An agent passes nothing of its own environment on; Python needs a locale to print in.
        environment=(("LANG", "C.UTF-8"),),
        resources=resources,
        shutdown_grace_seconds=GRACE_SECONDS,
    )


def _server_task(
    world: World, node: Node, settings: NodeSettings, first_seeds: tuple[str, ...]
) -> ServerTask:
    cassandra = settings.cassandra
    return ServerTask(
        node=node.name,
        cluster_name=cassandra.cluster_name,
        data_center=cassandra.data_center,
        rack=node.rack or cassandra.rack,
        distribution=_distribution(cassandra),
        ports=Ports(*cassandra.ports),
        heap=Heap(cassandra.heap_size_mb, cassandra.heap_new_mb, cassandra.gc_type),
        seeds=first_seeds,
        volume=VOLUME_PATH,
        jvm_extra_opts=cassandra.jvm_extra_opts,
        yaml=dict(cassandra.yaml),
        founder=seeds.founds(world, node),
        replace_address=_replace_address(node),
        tokens=node.tokens,
        restored=node.restoration.operation if node.restoration else "",
    )


def _replace_address(node: Node) -> str | None:
    """Whose part the node takes, until it has joined: a first boot that broke off is done again."""
    return node.replacement.address if node.replacement and not node.bootstrapped else None


def _distribution(cassandra: CassandraSettings) -> Distribution:
    def artifact(uri: str, sha512: str) -> Artifact | None:
        return Artifact(uri, sha512) if uri else None

    return Distribution(
        version=cassandra.version,
        cassandra=Artifact(cassandra.uri, cassandra.sha512),
        jre=artifact(cassandra.jre_uri, cassandra.jre_sha512),
        jolokia=artifact(cassandra.jolokia_uri, cassandra.jolokia_sha512),
        java_home=cassandra.java_home,
    )


def _discovery(node: Node, cassandra: CassandraSettings) -> Discovery:
    return Discovery(node.name, cassandra.native_transport_port, "native", "node:9042")
