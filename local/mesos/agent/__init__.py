"""The agent: starts executors as real processes, keeps their updates, survives its own death."""
