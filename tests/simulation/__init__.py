"""A deterministic simulation: the real core, loop and store among small models of all that is around them.

One virtual clock, one queue of events, one seed. What ``decide`` and the store do is real; ZooKeeper,
Mesos, agents, executors and Cassandra are models that behave, and fail, as the real ones do.
"""
