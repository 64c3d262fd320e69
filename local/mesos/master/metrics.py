"""``/metrics/snapshot``: numbers under the names of Mesos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from local.mesos import system
from local.mesos.enums import ENUMS, TERMINAL_STATES
from local.mesos.master import views
from local.mesos.master.model import Framework
from local.mesos.master.offers import Offers
from local.mesos.master.state import State
from local.mesos.resources import Resources, joined


def _words(text: str) -> list[str]:
    return text.split()


SCALARS = ("cpus", "disk", "gpus", "mem")
CALLS = sorted(name.lower() for name in ENUMS["SchedulerCallType"])
EVENTS = _words(
    """error failure heartbeat inverse_offers message offers rescind rescind_inverse_offer subscribed update
    update_operation_status"""
)
OPERATIONS = sorted(name.lower() for name in ENUMS["OperationType"] if name != "UNKNOWN")
FOLLOWED_OPERATIONS = [name for name in OPERATIONS if not name.startswith("launch")]
OUTCOMES = _words("dropped error failed finished gone_by_operator pending recovering total unreachable")
ACTIVE_STATES = _words("killing running staging starting unknown unreachable")
COUNTED = _words(
    """dropped_messages event_queue_dispatches event_queue_http_requests event_queue_messages
    http_cache_hits invalid_executor_to_framework_messages invalid_framework_to_executor_messages
    invalid_operation_status_update_acknowledgements invalid_operation_status_updates
    invalid_status_update_acknowledgements invalid_status_updates messages_authenticate
    messages_deactivate_framework messages_decline_offers messages_executor_to_framework
    messages_exited_executor messages_framework_to_executor messages_kill_task messages_launch_tasks
    messages_operation_status_update messages_operation_status_update_acknowledgement
    messages_reconcile_operations messages_reconcile_tasks messages_register_framework
    messages_register_slave messages_reregister_framework messages_reregister_slave
    messages_resource_request messages_revive_offers messages_status_update
    messages_status_update_acknowledgement messages_suppress_offers messages_unregister_framework
    messages_unregister_slave messages_update_slave operator_event_stream_subscribers
    recovery_slave_removals slave_registrations slave_removals slave_removals/reason_registered
    slave_removals/reason_unhealthy slave_removals/reason_unregistered slave_reregistrations
    slave_shutdowns_canceled slave_shutdowns_completed slave_shutdowns_scheduled
    slave_unreachable_canceled slave_unreachable_completed slave_unreachable_scheduled
    tasks_dropped tasks_error tasks_failed tasks_finished tasks_gone tasks_gone_by_operator tasks_killed
    tasks_lost valid_executor_to_framework_messages valid_framework_to_executor_messages
    valid_operation_status_update_acknowledgements valid_operation_status_updates
    valid_status_update_acknowledgements valid_status_updates"""
)
"""What only counts up, 0 until it happens."""


class Metrics:
    """Takes all numbers together."""

    def __init__(self, state: State, offers: Offers) -> None:
        self._state = state
        self._offers = offers

    def snapshot(self) -> dict[str, float]:
        """All numbers as of now, by name."""
        parts = (
            self._counts(),
            self._gauges(),
            self._resources(),
            self._operations(),
            self._allocator(),
            self._quota(),
            self._registrar(),
            self._frameworks(),
            system.metrics(),
        )
        return dict(sorted((name, float(value)) for part in parts for name, value in part))

    def _counts(self) -> Iterator[tuple[str, float]]:
        for name in COUNTED:
            yield f"master/{name}", 0
        for name, value in self._state.counts.items():
            if not name.startswith("operations/"):
                yield f"master/{name}", value

    def _gauges(self) -> Iterator[tuple[str, float]]:
        agents = self._state.agents.values()
        frameworks = self._state.frameworks.values()
        connected = sum(agent.connected for agent in agents)
        subscribed = sum(framework.connected for framework in frameworks)
        yield "master/elected", 1
        yield "master/uptime_secs", time.time() - self._state.start_time
        yield "master/outstanding_offers", len(self._state.offers)
        for up, down, part, total in (
            ("connected", "disconnected", connected, len(agents)),
            ("active", "inactive", connected, len(agents)),
        ):
            yield f"master/slaves_{up}", part
            yield f"master/slaves_{down}", total - part
        yield "master/slaves_unreachable", len(self._state.registry.unreachable)
        for up, down in (("connected", "disconnected"), ("active", "inactive")):
            yield f"master/frameworks_{up}", subscribed
            yield f"master/frameworks_{down}", len(frameworks) - subscribed
        states = _states(frameworks)
        for name in ACTIVE_STATES:
            if name != "unknown":
                yield f"master/tasks_{name}", states[f"TASK_{name.upper()}"]

    def _resources(self) -> Iterator[tuple[str, float]]:
        agents = self._state.agents.values()
        total = joined(agent.total for agent in agents)
        used = joined(agent.used for agent in agents)
        for name in SCALARS:
            amount, held = total.scalar(name), used.scalar(name)
            yield f"master/{name}_total", amount
            yield f"master/{name}_used", held
            yield f"master/{name}_percent", held / amount if amount else 0
            for kind in ("total", "used", "percent"):
                yield f"master/{name}_revocable_{kind}", 0

    def _operations(self) -> Iterator[tuple[str, float]]:
        sums: Counter[str] = Counter()
        for kind in FOLLOWED_OPERATIONS:
            for outcome in OUTCOMES:
                value = self._state.counts[f"operations/{kind}/{outcome}"]
                sums[outcome] += value
                yield f"master/operations/{kind}/{outcome}", value
        for outcome in OUTCOMES:
            yield f"master/operations/{outcome}", sums[outcome]

    def _allocator(self) -> Iterator[tuple[str, float]]:
        agents = self._state.agents.values()
        yield "allocator/event_queue_dispatches", 0
        yield "allocator/mesos/event_queue_dispatches", 0
        run_times = dict(self._offers.run_times.snapshot())
        yield "allocator/mesos/allocation_runs", run_times.get("/count", 0)
        yield from _prefixed("allocator/mesos/allocation_run_ms", run_times.items())
        yield from _prefixed("allocator/mesos/allocation_run_latency_ms", self._offers.delays.snapshot())
        total = joined(agent.total for agent in agents)
        held = joined([*(agent.used for agent in agents), *(agent.offered for agent in agents)])
        for name in ("cpus", "disk", "mem"):
            yield f"allocator/mesos/resources/{name}/total", total.scalar(name)
            yield f"allocator/mesos/resources/{name}/offered_or_allocated", held.scalar(name)
        for role in {role for framework in self._state.frameworks.values() for role in framework.roles}:
            used, offered = views.role_resources(self._state, role)
            yield (
                f"allocator/mesos/offer_filters/roles/{role}/active",
                self._offers.allocator.active_filters(role),
            )
            yield f"allocator/mesos/roles/{role}/shares/dominant", _share(used + offered, total)

    def _quota(self) -> Iterator[tuple[str, float]]:
        """What counts against the quota of each role, and of the root of all."""
        total: Counter[str] = Counter()
        for role in views.roles(self._state)["roles"]:
            consumed = role["quota"]["consumed"]
            total.update(consumed)
            yield from _consumed(role["name"], consumed)
        yield from _consumed("", total)

    def _registrar(self) -> Iterator[tuple[str, float]]:
        registry = self._state.registry
        yield "registrar/log/ensemble_size", 1
        yield "registrar/log/recovered", 1
        yield "registrar/queued_operations", 0
        yield "registrar/registry_size_bytes", registry.size
        yield "registrar/state_fetch_ms", next(registry.load_times.snapshot(), ("", 0.0))[1]
        yield from _prefixed("registrar/state_store_ms", registry.store_times.snapshot())

    def _frameworks(self) -> Iterator[tuple[str, float]]:
        for framework in self._state.frameworks.values():
            prefix = f"master/frameworks/{framework.info['name']}/{framework.id}"
            for name, value in self._framework(framework):
                yield f"{prefix}/{name}", value

    def _framework(self, framework: Framework) -> Iterator[tuple[str, float]]:
        counts = framework.counts
        for group, names in (("calls", CALLS), ("events", EVENTS), ("operations", OPERATIONS)):
            yield group, sum(counts[f"{group}/{name}"] for name in names)
            for name in names:
                yield f"{group}/{name}", counts[f"{group}/{name}"]
        for name in ("accepted", "declined", "rescinded", "sent"):
            yield f"offers/{name}", counts[f"offers/{name}"]
        for role in framework.roles:
            yield f"roles/{role}/suppressed", self._offers.allocator.is_suppressed(framework, role)
        yield "subscribed", framework.connected
        states = _states([framework])
        for name in ACTIVE_STATES:
            yield f"tasks/active/task_{name}", states[f"TASK_{name.upper()}"]
        for name in sorted(TERMINAL_STATES):
            yield f"tasks/terminal/{name.lower()}", counts[f"tasks/terminal/{name.lower()}"]


def _states(frameworks: Iterable[Framework]) -> Counter[str]:
    """How many tasks are in each state."""
    groups = (group for item in frameworks for group in (item.tasks, item.unreachable_tasks))
    return Counter(task.state for group in groups for task in group.values())


def _prefixed(prefix: str, items: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    return ((f"{prefix}{name}", value) for name, value in items)


def _consumed(role: str, quantities: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    prefix = f"allocator/mesos/quota/roles/{role}/resources"
    scalars = {name: value for name, value in quantities.items() if name in SCALARS and value}
    return ((f"{prefix}/{name}/consumed", value) for name, value in scalars.items())


def _share(held: Resources, total: Resources) -> float:
    names = [name for name in SCALARS if total.scalar(name)]
    return max((held.scalar(name) / total.scalar(name) for name in names), default=0.0)
