"""One machine's cluster: a Mesos of its own, ZooKeeper, Cassandra's jars, and the production scheduler."""
