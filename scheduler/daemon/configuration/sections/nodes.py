"""Settings of the nodes: how many, and where they may run."""

from __future__ import annotations

from scheduler.daemon.configuration.kinds import PlacementConstraint, Whole
from scheduler.daemon.configuration.setting import Section, Setting
from scheduler.daemon.configuration.values import ARTIFACT, CORES, MEMORY

NODES = Section(
    "The nodes and where they may run",
    (
        Setting("NODES", "nodes", Whole(1, 1000), "Number of nodes."),
        Setting(
            "SEED_NODES",
            "seed_nodes",
            Whole(1, 1000),
            "How many of them are seeds.",
            derived="2, or 1 where there is one node",
            derive=lambda values: min(2, values["NODES"]),
        ),
        Setting(
            "SERVICE_ALLOW_SHRINK",
            "allow_shrink",
            Whole(1, 1000),
            "Number of nodes that one change may take away.",
        ),
        Setting(
            "PLACEMENT_CONSTRAINT",
            "placement_constraint",
            PlacementConstraint(),
            "Where nodes may run, Marathon style: field:OPERATOR[:parameter],… or JSON lists.",
        ),
        Setting("EXECUTOR_CPUS", "node.executor_cpus", CORES, "Cores of each executor."),
        Setting("EXECUTOR_MEMORY_MB", "node.executor_memory_mb", MEMORY, "Memory of each executor, in MB."),
        Setting(
            "EXECUTOR_URI",
            "executor_uri",
            ARTIFACT,
            "Where agents fetch the executor, if not from this scheduler.",
        ),
        Setting(
            "CLUSTER_TASK_CPUS",
            "node.cluster_task_cpus",
            CORES,
            "Cores kept free on each node's agent for maintenance.",
        ),
        Setting(
            "CLUSTER_TASK_MEMORY_MB",
            "node.cluster_task_memory_mb",
            MEMORY,
            "Memory kept free there for maintenance, in MB.",
        ),
    ),
)
