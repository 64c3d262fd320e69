"""The framework scheduler daemon: a pure core decides, a ledger remembers, a thin border to Mesos acts."""
