"""The configuration in force, without secrets."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import render
from api.requests import query
from scheduler.daemon.service import NotFound, Service
from scheduler.model.world import World


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/config, /v1/framework and /v1/state."""
    routes = Blueprint("configuration", __name__)

    @routes.get("/v1/config")
    def everything() -> Response:
        query()
        world = service.world()
        target = world.ledger.target
        return jsonify(
            {
                "id": target.config_id,
                "nodes": target.nodes,
                "seed-nodes": target.seed_nodes,
                "placement_constraint": world.settings.placement_constraint,
                "cassandra": _cassandra(world),
                "executor": _executor(world),
            }
        )

    @routes.get("/v1/config/cassandra")
    def cassandra() -> Response:
        query()
        return jsonify(_cassandra(service.world()))

    @routes.get("/v1/config/executor")
    def executor() -> Response:
        query()
        return jsonify(_executor(service.world()))

    @routes.get("/v1/config/nodes")
    def nodes() -> Response:
        query()
        return jsonify(service.world().ledger.target.nodes)

    @routes.get("/v1/config/seed-nodes")
    def seed_nodes() -> Response:
        query()
        return jsonify(service.world().ledger.target.seed_nodes)

    @routes.get("/v1/framework")
    def framework() -> Response:
        query()
        world = service.world()
        named = world.settings.service
        return jsonify(
            {
                "name": named.name,
                "id": world.ledger.framework.id,
                "user": named.user,
                "cluster": named.cluster,
                "role": named.role,
                "principal": named.principal,
                "failover_timeout_s": named.failover_timeout_s,
                "checkpoint": True,
            }
        )

    @routes.get("/v1/state/frameworkId")
    def framework_id() -> Response:
        query()
        ident = service.world().ledger.framework.id
        if ident is None:
            raise NotFound("the framework has never been registered with Mesos")
        return jsonify([ident])

    @routes.get("/v1/state/properties")
    def properties() -> Response:
        query()
        return jsonify(sorted(_properties(service.world())))

    @routes.get("/v1/state/properties/<key>")
    def property_value(key: str) -> Response:
        query()
        known = _properties(service.world())
        if key not in known:
            raise NotFound(f"there is no property {key}; the properties are {', '.join(sorted(known))}")
        return jsonify(known[key])

    return routes


def _properties(world: World) -> render.Json:
    controls = world.ledger.controls
    return {
        "founder": world.ledger.cluster.founder,
        "interrupted": list(controls.interrupted),
        "forced": list(controls.forced),
    }


def _cassandra(world: World) -> render.Json:
    cassandra = world.ledger.target.node.cassandra
    return {
        "version": cassandra.version,
        "cpus": cassandra.cpus,
        "memory_mb": cassandra.memory_mb,
        "disk_mb": cassandra.disk_mb,
        "disk_type": cassandra.disk_type,
        "heap": {
            "size_mb": cassandra.heap_size_mb,
            "new_mb": cassandra.heap_new_mb,
            "gc_type": cassandra.gc_type,
        },
        "location": {"rack": cassandra.rack, "data_center": cassandra.data_center},
        "cluster_name": cassandra.cluster_name,
        "jmx_port": cassandra.jmx_port,
        "jolokia_port": cassandra.jolokia_port,
        "storage_port": cassandra.storage_port,
        "ssl_storage_port": cassandra.ssl_storage_port,
        "native_transport_port": cassandra.native_transport_port,
        "rolling_restart_name": cassandra.rolling_restart_name,
        "uri": cassandra.uri,
        "jvm_extra_opts": cassandra.jvm_extra_opts,
        "application": dict(cassandra.yaml),
    }


def _executor(world: World) -> render.Json:
    node = world.ledger.target.node
    return {
        "cpus": node.executor_cpus,
        "memory_mb": node.executor_memory_mb,
        "java_home": node.cassandra.java_home,
        "jre_location": node.cassandra.jre_uri,
        "executor_location": world.bundle_uri,
        "cassandra_location": node.cassandra.uri,
    }
