"""Work on a running node, beside its server task: cleanup, upgrade of SSTables, repair."""
