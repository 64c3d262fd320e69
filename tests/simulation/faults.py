"""The faults: each is done to the models at its time, and says whether there was anything to do it to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from scheduler.model.task import TaskUpdate

if TYPE_CHECKING:
    from tests.simulation.agent import Agent
    from tests.simulation.executor import Running
    from tests.simulation.run import Simulation
    from tests.simulation.scheduler import Scheduler

Fault = Callable[["Simulation", float, float, float], bool]
"""Takes the simulation and three numbers in [0, 1) that the seed has drawn for it."""


def _span(part: float, least: float, most: float) -> float:
    """Seconds between the two, short ones more often."""
    return least * (most / least) ** part


def _one(items: list[Any], part: float) -> Any:
    return items[int(part * len(items))] if items else None


def _scheduler(simulation: Simulation, which: float) -> Scheduler | None:
    """Mostly the leader."""
    leader = simulation.leader()
    if leader is not None and which < 0.8:
        return leader
    found: Scheduler | None = _one([s for s in simulation.schedulers if not s.process.dead], which)
    return found


def _agent(simulation: Simulation, which: float) -> Agent:
    found: Agent = _one(simulation.agents, which)
    return found


def _running(simulation: Simulation, which: float) -> Running | None:
    found: Running | None = _one([r for a in simulation.agents for r in a.executors.values()], which)
    return found


# Schedulers.


def scheduler_killed(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """kill -9, now."""
    found = _scheduler(simulation, which)
    if found is not None:
        found.kill()
    return found is not None


def scheduler_crashes_between_steps(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """kill -9 before or after one of the next store writes or Mesos calls."""
    found = _scheduler(simulation, which)
    if found is None:
        return False
    found.process.fuse, found.process.stop_seconds = found.process.points + 1 + int(how * 25), None
    return True


def scheduler_stopped_between_steps(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """SIGSTOP before or after one of the next store writes or Mesos calls, SIGCONT later."""
    found = _scheduler(simulation, which)
    if found is None:
        return False
    found.process.fuse = found.process.points + 1 + int(how * 12)
    found.process.stop_seconds = _span(long, 2.0, 120.0)
    return True


def scheduler_stopped(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """SIGSTOP, and SIGCONT when another one leads."""
    found = _scheduler(simulation, which)
    if found is not None:
        found.stop(_span(long, 2.0, 120.0))
    return found is not None


def clock_jumps(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """A scheduler's machine corrects its clock."""
    found = _scheduler(simulation, which)
    if found is not None:
        found.skew += (1 if how < 0.5 else -1) * _span(long, 5.0, 7200.0)
    return found is not None


# ZooKeeper.


def zookeeper_connection_lost(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """A scheduler is cut off; the session may expire meanwhile."""
    found = _scheduler(simulation, which)
    if found is None or found.client is None or found.client.expired:
        return False
    found.client.cut(_span(long, 0.5, 40.0))
    return True


def zookeeper_session_expired(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """A scheduler's session ends while its connection stands."""
    found = _scheduler(simulation, which)
    if found is None or found.client is None or found.client.expired:
        return False
    found.client.expire()
    return True


def zookeeper_quorum_lost(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Nobody is served for a while."""
    simulation.zookeeper.lose_quorum(_span(long, 1.0, 300.0))
    return True


def zookeeper_slow(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Each call takes up to seconds."""
    before = 0.004
    simulation.zookeeper.latency = _span(how, 0.1, 3.0)
    simulation.clock.after(_span(long, 10.0, 300.0), setattr, simulation.zookeeper, "latency", before)
    return True


def zookeeper_write_of_unknown_fate(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The connection breaks during the next write: it took place, or it did not."""
    found = _scheduler(simulation, which)
    if found is None or found.client is None:
        return False
    found.client.lose_next = "before" if how < 0.5 else "after"
    return True


# The master and the way to it.


def master_fails_over(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The next master knows the agents alone."""
    if not simulation.master.up:
        return False
    simulation.master.fail_over(_span(long, 1.0, 120.0))
    return True


def stream_cut(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The leader's event stream breaks, which it may notice late."""
    leader = simulation.leader()
    if leader is None or leader.driver is None:
        return False
    return leader.driver.cut(_span(long, 0.1, 300.0), silent=how < 0.5)


def call_lost(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """No answer comes to the leader's next call: it was received, or it was not."""
    leader = simulation.leader()
    if leader is None or leader.driver is None:
        return False
    leader.driver.lose_next = "before" if how < 0.5 else "after"
    return True


def operation_dropped(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The master drops the next operation of a kind."""
    simulation.master.drop_next = ("Reserve", "Create", "Launch", "Unreserve", "Destroy")[int(how * 5)]
    return True


def offers_rescinded(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The next offers are void as soon as they are made."""
    simulation.master.rescind_next = True
    simulation.master.allocate_soon()
    return True


def offers_split(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The next offers hold only a part of what is free, the rest in another offer or later."""
    simulation.master.split_next = 1 + int(how * 6)
    return True


def update_doubled(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """A recent update comes once more."""
    update = _one(list(simulation.master.history), how)
    if update is not None:
        simulation.master.replay(update)
    return update is not None


def update_late(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """A recent update comes once more, up to an hour late."""
    update = _one(list(simulation.master.history), how)
    if update is not None:
        simulation.clock.after(_span(long, 1.0, 3600.0), simulation.master.replay, update)
    return update is not None


def update_of_unknown_task(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """An update comes of a task that nobody has launched."""
    agent = _one([a for a in simulation.agents if a.linked], which)
    if agent is None:
        return False
    state = ("TASK_RUNNING", "TASK_FAILED", "TASK_LOST", "TASK_KILLED")[int(how * 4)]
    task = f"node-{int(long * 9)}__unknown-{int(simulation.clock.now)}"
    simulation.master.replay(
        TaskUpdate(task, state, agent.id, uuid="unknown", timestamp=simulation.clock.now)
    )
    return True


def record_damaged(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """A record is cut off, until it is restored from a copy."""
    zookeeper = simulation.zookeeper
    records = zookeeper.records(f"{simulation.root}/")
    pages = sorted(path for path in records if "/events/" in path)
    present = [path for path in records if b'"record"' in records[path] and path not in pages[:-1]]
    path = _one(sorted(present), which)
    if path is None or zookeeper.damaged:
        return False
    zookeeper.damage(path, how)
    simulation.clock.after(_span(long, 5.0, 3600.0), zookeeper.restore, path)
    return True


# Agents and executors.


def agent_restarts(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The agent's process ends and comes back; its executors run on, or come back too late."""
    return _agent(simulation, which).stop(_span(long, 1.0, 600.0), lose=how < 0.3)


def agent_partitioned(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Nothing is heard of an agent for a while."""
    return _agent(simulation, which).partition(_span(long, 5.0, 3000.0))


def agent_rebooted(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The machine restarts, and its agent has the same id after that, or a new one."""
    return _agent(simulation, which).reboot(_span(long, 30.0, 3000.0), new_id=how < 0.5)


def agent_marked_gone(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """An operator gives an agent up, and replaces its node; the machine comes back as a new agent."""
    agent = _agent(simulation, which)
    if agent.retired or agent.id is None or not simulation.can_replace():
        return False
    nodes = simulation.invariants.placed_on(agent)
    if not simulation.data_live_elsewhere(nodes) or not simulation.master.mark_gone(agent.id):
        return False
    for node in nodes:
        simulation.clock.after(_span(how, 10.0, 1800.0), simulation.replace, node, False)
    simulation.clock.after(_span(long, 300.0, 14400.0), agent.revive)
    return True


def messages_lost(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Framework messages to and from an agent are lost."""
    agent = _agent(simulation, which)
    agent.lose_messages = 0.3 + 0.7 * how
    simulation.clock.after(_span(long, 60.0, 1800.0), setattr, agent, "lose_messages", 0.0)
    return True


def messages_doubled(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Framework messages to and from an agent come again, a minute late."""
    agent = _agent(simulation, which)
    agent.double_messages = 0.3 + 0.7 * how
    simulation.clock.after(_span(long, 60.0, 3600.0), setattr, agent, "double_messages", 0.0)
    return True


def operations_do_not_reach_the_agent(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The master has done them, but the agent goes away before it hears of it."""
    _agent(simulation, which).lose_checkpoints = 1 + int(how * 2)
    return True


def launches_fail(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The agent cannot start the next executors."""
    _agent(simulation, which).fail_launches = 1 + int(how * 4)
    return True


def executor_crashes(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """An executor dies; Cassandra with it, or it is left behind."""
    found = _running(simulation, which)
    if found is not None:
        found.crash(leave_behind=how < 0.4)
    return found is not None


def executor_hangs(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """An executor does nothing for a while."""
    found = _running(simulation, which)
    if found is not None:
        found.hang(_span(long, 5.0, 1800.0))
    return found is not None


# Cassandra.


def cassandra_crashes(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Cassandra ends by itself."""
    found = _running(simulation, which)
    if found is None or found.cassandra is None or not found.cassandra.alive:
        return False
    found.crash_cassandra("OutOfMemoryError: Java heap space")
    return True


def cassandra_flaps(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Each Cassandra started on an agent crashes soon, for a while."""
    agent = _one(simulation.agents, which)
    if agent is None:
        return False
    agent.flaps_until = simulation.clock.now + _span(long, 60.0, 1800.0)
    return True


def cassandra_does_not_answer(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Management calls hang for a while, and then answer."""
    found = _running(simulation, which)
    if found is None or found.cassandra is None or not found.cassandra.alive:
        return False
    cassandra = found.cassandra
    if cassandra.hangs_since is None:
        cassandra.hangs_since = simulation.clock.now
    cassandra.tell()

    def answer() -> None:
        cassandra.hangs_since = None
        cassandra.tell()

    simulation.clock.after(_span(long, 5.0, 900.0), answer)
    return True


def cassandra_joins_slowly(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """Joins take up to an hour, for a while."""
    simulation.rings.slow = 1 + 40 * how
    simulation.clock.after(_span(long, 600.0, 7200.0), setattr, simulation.rings, "slow", 1.0)
    return True


# The store of backups.


def store_breaks_off(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The next requests of tasks fail."""
    simulation.objects.fail_next = 1 + int(how * 6)
    return True


def store_is_slow(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """What moves data takes up to an hour, for a while."""
    simulation.objects.slow = 1 + 30 * how
    simulation.clock.after(_span(long, 600.0, 7200.0), setattr, simulation.objects, "slow", 1.0)
    return True


def store_is_away(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The store does not answer for a while."""
    simulation.objects.away = True
    simulation.clock.after(_span(long, 5.0, 1800.0), setattr, simulation.objects, "away", False)
    return True


def store_refuses(simulation: Simulation, which: float, how: float, long: float) -> bool:
    """The store takes no credentials for a while."""
    simulation.objects.refuses = True
    simulation.clock.after(_span(long, 5.0, 900.0), setattr, simulation.objects, "refuses", False)
    return True


FAULTS: Mapping[str, Fault] = {
    fault.__name__: fault
    for fault in (
        scheduler_killed,
        scheduler_crashes_between_steps,
        scheduler_stopped_between_steps,
        scheduler_stopped,
        clock_jumps,
        zookeeper_connection_lost,
        zookeeper_session_expired,
        zookeeper_quorum_lost,
        zookeeper_slow,
        zookeeper_write_of_unknown_fate,
        master_fails_over,
        stream_cut,
        call_lost,
        operation_dropped,
        offers_rescinded,
        offers_split,
        update_doubled,
        update_late,
        update_of_unknown_task,
        record_damaged,
        agent_restarts,
        agent_partitioned,
        agent_rebooted,
        agent_marked_gone,
        messages_lost,
        messages_doubled,
        operations_do_not_reach_the_agent,
        launches_fail,
        executor_crashes,
        executor_hangs,
        cassandra_crashes,
        cassandra_flaps,
        cassandra_does_not_answer,
        cassandra_joins_slowly,
        store_breaks_off,
        store_is_slow,
        store_is_away,
        store_refuses,
    )
}
