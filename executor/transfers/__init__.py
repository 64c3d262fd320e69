"""Backup and restore as tasks beside a node: ``executor.backup``, in the phases of a plan."""
