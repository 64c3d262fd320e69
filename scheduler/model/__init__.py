"""Frozen, typed records: what the rest of the scheduler talks about. No I/O, no clock, no Mesos JSON."""
