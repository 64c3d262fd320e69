"""The framework scheduler daemon: a pure core that decides, a ledger that remembers, a thin border to Mesos."""
