"""The Mesos HTTP event stream: RecordIO, single calls, and the loop that keeps a subscription alive.

Both sides stand on it: the scheduler's driver towards the master, the executor's towards its agent.
Standard library only, since it ships in the executor's bundle. Works with plain threads and under
gevent's monkey patching alike: it blocks in sockets and ``threading`` and in nothing else.
"""
