"""A small Mesos of our own: one master and any number of agents on one machine, v1 HTTP API, no containers.

Master and agent are one process each. Both are single-threaded gevent programs: greenlets share their
state without locks, because a greenlet gives way only where it waits (socket, queue, sleep, subprocess).
Code that changes several things that belong together must not wait in between; modules that hold state
say so again where it matters. ``__main__`` of each package patches the standard library first.
"""
