"""``dcos-cassandra``: the service from a terminal. Knows the REST API only, and nothing else of the house."""
