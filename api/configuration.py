"""The configuration in force and what is stored of the service, without secrets."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import answers
from api.openapi.described import described
from protocol.codec import Json
from scheduler.daemon.configuration.masking import masked_json
from scheduler.daemon.service import NotFound, Service
from scheduler.model.world import World


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/config, /v1/framework and /v1/state."""
    routes = Blueprint("configuration", __name__)

    @routes.get("/v1/config")
    @described({200: answers.Config})
    def everything() -> Response:
        """The configuration in force."""
        return jsonify(_everything(service.world()))

    @routes.get("/v1/config/cassandra")
    @described({200: answers.CassandraConfig})
    def cassandra() -> Response:
        """The configuration of each node."""
        return jsonify(_cassandra(service.world()))

    @routes.get("/v1/config/executor")
    @described({200: answers.ExecutorConfig})
    def executor() -> Response:
        """What executors are started with."""
        return jsonify(_executor(service.world()))

    @routes.get("/v1/config/nodes")
    @described({200: int})
    def nodes() -> Response:
        """The number of nodes."""
        return jsonify(service.world().ledger.target.nodes)

    @routes.get("/v1/config/seed-nodes")
    @described({200: int})
    def seed_nodes() -> Response:
        """The number of seeds."""
        return jsonify(service.world().ledger.target.seed_nodes)

    @routes.get("/v1/framework")
    @described({200: answers.Framework})
    def framework() -> Response:
        """The framework as Mesos knows it."""
        return jsonify(_framework(service.world()))

    @routes.get("/v1/state/frameworkId")
    @described({200: list[str]}, refusals=(404,))
    def framework_id() -> Response:
        """The framework's id, alone in a list."""
        ident = service.world().ledger.framework.id
        if ident is None:
            raise NotFound("the framework has never been registered with Mesos")
        return jsonify([ident])

    @routes.get("/v1/state/properties")
    @described({200: list[str]})
    def properties() -> Response:
        """The names of the properties."""
        return jsonify(sorted(_properties(service.world())))

    @routes.get("/v1/state/properties/<key>")
    @described({200: str | None | list[str] | bool}, refusals=(404,))
    def property_value(key: str) -> Response:
        """A property."""
        known = _properties(service.world())
        if key not in known:
            raise NotFound(f"there is no property {key}; the properties are {', '.join(sorted(known))}")
        return jsonify(known[key])

    return routes


def _everything(world: World) -> Json:
    target = world.ledger.target
    return {
        "id": target.config_id,
        "nodes": target.nodes,
        "seed_nodes": target.seed_nodes,
        "placement_constraint": world.settings.placement_constraint,
        "cassandra": _cassandra(world),
        "executor": _executor(world),
        "cluster_task": {
            "cpus": target.node.cluster_task_cpus,
            "memory_mb": target.node.cluster_task_memory_mb,
        },
    }


def _framework(world: World) -> Json:
    service = world.settings.service
    return {
        "name": service.name,
        "id": world.ledger.framework.id,
        "user": service.user,
        "cluster": service.cluster,
        "role": service.role,
        "principal": service.principal,
        "failover_timeout_s": service.failover_timeout_s,
        "checkpoint": True,
    }


def _properties(world: World) -> dict[str, Json]:
    controls = world.ledger.controls
    return {
        "founder": world.ledger.cluster.founder,
        "interrupted": list(controls.interrupted),
        "forced": list(controls.forced),
    }


def _cassandra(world: World) -> Json:
    cassandra = world.ledger.target.node.cassandra
    shown = {
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
    return masked_json(shown)


def _executor(world: World) -> Json:
    node = world.ledger.target.node
    shown = {
        "cpus": node.executor_cpus,
        "memory_mb": node.executor_memory_mb,
        "java_home": node.cassandra.java_home,
        "jre_location": node.cassandra.jre_uri,
        "executor_location": world.bundle_uri,
        "cassandra_location": node.cassandra.uri,
    }
    return masked_json(shown)
