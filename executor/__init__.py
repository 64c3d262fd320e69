"""The custom executor: runs one Cassandra node for its agent. Plain threads, standard library and pymesos."""

__version__ = "0.1.0"
