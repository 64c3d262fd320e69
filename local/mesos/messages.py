"""The messages of the Mesos v1 API that are read here, field by field, in the order of its .proto files.

``"name": "required string"`` is a field; ``repeated`` and ``map`` (string to message) as in protobuf;
``= value`` is a default in JSON, given only where Mesos writes the field even when it is unset.
``object`` is a message that is passed on without being looked into. ``schema`` gives it all a meaning.
"""

from __future__ import annotations

_ID = {"value": "required string"}

_COMMON: dict[str, dict[str, str]] = {
    "ID": _ID,
    "ContainerID": {**_ID, "parent": "ContainerID"},
    "TimeInfo": {"nanoseconds": "required int"},
    "DurationInfo": {"nanoseconds": "required int"},
    "Label": {"key": "required string", "value": "string"},
    "Labels": {"labels": "repeated Label"},
    "Scalar": {"value": "required double"},
    "Range": {"begin": "required int", "end": "required int"},
    "Ranges": {"range": "repeated Range"},
    "Set": {"item": "repeated string"},
    "Text": {"value": "required string"},
    "Attribute": {
        "name": "required string",
        "type": "required ValueType",
        "scalar": "Scalar",
        "ranges": "Ranges",
        "set": "Set",
        "text": "Text",
    },
    "KillPolicy": {"grace_period": "DurationInfo"},
    "Filters": {"refuse_seconds": "double = 5.0"},
}

_RESOURCES = {
    "AllocationInfo": {"role": "string"},
    "ReservationInfo": {
        "type": "ReservationType",
        "role": "string",
        "principal": "string",
        "labels": "Labels",
    },
    "Persistence": {"id": "required string", "principal": "string"},
    "Volume": {"mode": "required VolumeMode", "container_path": "required string", "host_path": "string"},
    "DiskRoot": {"root": "string"},
    "DiskSource": {
        "type": "required DiskSourceType",
        "path": "DiskRoot",
        "mount": "DiskRoot",
        "vendor": "string",
        "id": "string",
        "metadata": "Labels",
        "profile": "string",
    },
    "DiskInfo": {"persistence": "Persistence", "volume": "Volume", "source": "DiskSource"},
    "Empty": {},
    "Resource": {
        "provider_id": "ID",
        "name": "required string",
        "type": "required ValueType",
        "scalar": "Scalar",
        "ranges": "Ranges",
        "set": "Set",
        "role": "string",
        "allocation_info": "AllocationInfo",
        "reservation": "ReservationInfo",
        "reservations": "repeated ReservationInfo",
        "disk": "DiskInfo",
        "revocable": "Empty",
        "shared": "Empty",
    },
}

_TASKS = {
    "URI": {
        "value": "required string",
        "executable": "bool",
        "extract": "bool = true",
        "cache": "bool",
        "output_file": "string",
    },
    "Variable": {
        "name": "required string",
        "type": 'VariableType = "VALUE"',
        "value": "string",
        "secret": "object",
    },
    "Environment": {"variables": "repeated Variable"},
    "CommandInfo": {
        "uris": "repeated URI",
        "environment": "Environment",
        "shell": "bool = true",
        "value": "string",
        "arguments": "repeated string",
        "user": "string",
    },
    "ExecutorInfo": {
        "type": "ExecutorType",
        "executor_id": "required ID",
        "framework_id": "ID",
        "command": "CommandInfo",
        "container": "object",
        "resources": "repeated Resource",
        "name": "string",
        "source": "string",
        "data": "bytes",
        "discovery": "DiscoveryInfo",
        "shutdown_grace_period": "DurationInfo",
        "labels": "Labels",
    },
    "Port": {
        "number": "required int",
        "name": "string",
        "protocol": "string",
        "visibility": "Visibility",
        "labels": "Labels",
    },
    "Ports": {"ports": "repeated Port"},
    "DiscoveryInfo": {
        "visibility": "required Visibility",
        "name": "string",
        "environment": "string",
        "location": "string",
        "version": "string",
        "ports": "Ports",
        "labels": "Labels",
    },
    "TaskInfo": {
        "name": "required string",
        "task_id": "required ID",
        "agent_id": "required ID",
        "resources": "repeated Resource",
        "limits": "map Scalar",
        "executor": "ExecutorInfo",
        "command": "CommandInfo",
        "container": "object",
        "data": "bytes",
        "health_check": "object",
        "check": "object",
        "kill_policy": "KillPolicy",
        "labels": "Labels",
        "discovery": "DiscoveryInfo",
        "max_completion_time": "DurationInfo",
    },
    "IPAddress": {"protocol": "IPProtocol", "ip_address": "string"},
    "NetworkInfo": {
        "ip_addresses": "repeated IPAddress",
        "name": "string",
        "groups": "repeated string",
        "labels": "Labels",
        "port_mappings": "repeated object",
    },
    "ContainerStatus": {
        "container_id": "ContainerID",
        "network_infos": "repeated NetworkInfo",
        "cgroup_info": "object",
        "executor_pid": "int",
    },
    "TaskStatus": {
        "task_id": "required ID",
        "state": "required TaskState",
        "message": "string",
        "source": "StatusSource",
        "reason": "StatusReason",
        "data": "bytes",
        "agent_id": "ID",
        "executor_id": "ID",
        "timestamp": "double",
        "uuid": "bytes",
        "healthy": "bool",
        "check_status": "object",
        "labels": "Labels",
        "container_status": "ContainerStatus",
        "unreachable_time": "TimeInfo",
        "limitation": "object",
    },
}

_SCHEDULER = {
    "FrameworkCapability": {"type": "FrameworkCapabilityType"},
    "ResourceQuantities": {"quantities": "map Scalar"},
    "MinAllocatableResources": {"quantities": "repeated ResourceQuantities"},
    "OfferFilters": {"min_allocatable_resources": "MinAllocatableResources"},
    "FrameworkInfo": {
        "user": "required string",
        "name": "required string",
        "id": "ID",
        "failover_timeout": "double = 0.0",
        "checkpoint": "bool = false",
        "role": "string",
        "roles": "repeated string",
        "hostname": "string",
        "principal": "string",
        "webui_url": "string",
        "capabilities": "repeated FrameworkCapability",
        "labels": "Labels",
        "offer_filters": "map OfferFilters",
    },
    "OfferConstraints": {"role_constraints": "map object"},
    "Launch": {"task_infos": "repeated TaskInfo"},
    "TaskGroupInfo": {"tasks": "repeated TaskInfo"},
    "LaunchGroup": {"executor": "required ExecutorInfo", "task_group": "required TaskGroupInfo"},
    "Reserve": {"source": "repeated Resource", "resources": "repeated Resource"},
    "Unreserve": {"resources": "repeated Resource"},
    "Volumes": {"volumes": "repeated Resource"},
    "Operation": {
        "type": "OperationType",
        "id": "ID",
        "launch": "Launch",
        "launch_group": "LaunchGroup",
        "reserve": "Reserve",
        "unreserve": "Unreserve",
        "create": "Volumes",
        "destroy": "Volumes",
    },
    "scheduler.Subscribe": {
        "framework_info": "required FrameworkInfo",
        "suppressed_roles": "repeated string",
        "offer_constraints": "OfferConstraints",
    },
    "scheduler.Accept": {
        "offer_ids": "repeated ID",
        "operations": "repeated Operation",
        "filters": "Filters",
    },
    "scheduler.Decline": {"offer_ids": "repeated ID", "filters": "Filters"},
    "scheduler.InverseOffers": {"inverse_offer_ids": "repeated ID", "filters": "Filters"},
    "scheduler.Roles": {"roles": "repeated string"},
    "scheduler.Kill": {"task_id": "required ID", "agent_id": "ID", "kill_policy": "KillPolicy"},
    "scheduler.Shutdown": {"executor_id": "required ID", "agent_id": "required ID"},
    "scheduler.Acknowledge": {"agent_id": "required ID", "task_id": "required ID", "uuid": "required bytes"},
    "scheduler.AcknowledgeOperationStatus": {
        "agent_id": "ID",
        "resource_provider_id": "ID",
        "uuid": "required bytes",
        "operation_id": "required ID",
    },
    "scheduler.ReconcileTask": {"task_id": "required ID", "agent_id": "ID"},
    "scheduler.Reconcile": {"tasks": "repeated scheduler.ReconcileTask"},
    "scheduler.ReconcileOperation": {
        "operation_id": "required ID",
        "agent_id": "ID",
        "resource_provider_id": "ID",
    },
    "scheduler.ReconcileOperations": {"operations": "repeated scheduler.ReconcileOperation"},
    "scheduler.Message": {"agent_id": "required ID", "executor_id": "required ID", "data": "required bytes"},
    "scheduler.ResourceRequest": {"agent_id": "ID", "resources": "repeated Resource"},
    "scheduler.Request": {"requests": "repeated scheduler.ResourceRequest"},
    "scheduler.Call": {
        "framework_id": "ID",
        "type": "SchedulerCallType",
        "subscribe": "scheduler.Subscribe",
        "accept": "scheduler.Accept",
        "decline": "scheduler.Decline",
        "accept_inverse_offers": "scheduler.InverseOffers",
        "decline_inverse_offers": "scheduler.InverseOffers",
        "revive": "scheduler.Roles",
        "kill": "scheduler.Kill",
        "shutdown": "scheduler.Shutdown",
        "acknowledge": "scheduler.Acknowledge",
        "acknowledge_operation_status": "scheduler.AcknowledgeOperationStatus",
        "reconcile": "scheduler.Reconcile",
        "reconcile_operations": "scheduler.ReconcileOperations",
        "message": "scheduler.Message",
        "request": "scheduler.Request",
        "suppress": "scheduler.Roles",
        "update_framework": "scheduler.Subscribe",
    },
}

_EXECUTOR = {
    "executor.Update": {"status": "required TaskStatus"},
    "executor.Subscribe": {
        "unacknowledged_tasks": "repeated TaskInfo",
        "unacknowledged_updates": "repeated executor.Update",
    },
    "executor.Message": {"data": "required bytes"},
    "executor.Call": {
        "executor_id": "required ID",
        "framework_id": "required ID",
        "type": "ExecutorCallType",
        "subscribe": "executor.Subscribe",
        "update": "executor.Update",
        "message": "executor.Message",
    },
}

_OPERATOR = {
    "operator.GetMetrics": {"timeout": "DurationInfo"},
    "operator.ListFiles": {"path": "required string"},
    "operator.ReadFile": {"path": "required string", "offset": "required int", "length": "int"},
    "operator.AgentResources": {"agent_id": "required ID", "resources": "repeated Resource"},
    "operator.AgentVolumes": {"agent_id": "required ID", "volumes": "repeated Resource"},
    "operator.Agent": {"agent_id": "required ID"},
    "operator.Framework": {"framework_id": "required ID"},
    "master.Call": {
        "type": "MasterCallType",
        "get_metrics": "operator.GetMetrics",
        "list_files": "operator.ListFiles",
        "read_file": "operator.ReadFile",
        "reserve_resources": "operator.AgentResources",
        "unreserve_resources": "operator.AgentResources",
        "create_volumes": "operator.AgentVolumes",
        "destroy_volumes": "operator.AgentVolumes",
        "teardown": "operator.Framework",
        "mark_agent_gone": "operator.Agent",
    },
    "agent.Call": {
        "type": "AgentCallType",
        "get_metrics": "operator.GetMetrics",
        "list_files": "operator.ListFiles",
        "read_file": "operator.ReadFile",
    },
}

MESSAGES: dict[str, dict[str, str]] = {
    **_COMMON,
    **_RESOURCES,
    **_TASKS,
    **_SCHEDULER,
    **_EXECUTOR,
    **_OPERATOR,
}

TERMINAL_STATES = frozenset(
    {
        "TASK_FINISHED",
        "TASK_FAILED",
        "TASK_KILLED",
        "TASK_ERROR",
        "TASK_LOST",
        "TASK_DROPPED",
        "TASK_GONE",
        "TASK_GONE_BY_OPERATOR",
    }
)
"""States that a task never leaves."""

_READS = """GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL LIST_FILES READ_FILE GET_STATE
    GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS GET_TASKS"""

ENUMS: dict[str, frozenset[str]] = {
    name: frozenset(values.split())
    for name, values in {
        "ValueType": "SCALAR RANGES SET TEXT",
        "ReservationType": "UNKNOWN STATIC DYNAMIC",
        "VolumeMode": "RW RO",
        "DiskSourceType": "UNKNOWN PATH MOUNT BLOCK RAW",
        "VariableType": "UNKNOWN VALUE SECRET",
        "ExecutorType": "UNKNOWN DEFAULT CUSTOM",
        "Visibility": "FRAMEWORK CLUSTER EXTERNAL",
        "IPProtocol": "IPv4 IPv6",
        "FrameworkCapabilityType": """UNKNOWN REVOCABLE_RESOURCES TASK_KILLING_STATE GPU_RESOURCES
            SHARED_RESOURCES PARTITION_AWARE MULTI_ROLE RESERVATION_REFINEMENT REGION_AWARE""",
        "TaskState": """TASK_STAGING TASK_STARTING TASK_RUNNING TASK_KILLING TASK_FINISHED TASK_FAILED
            TASK_KILLED TASK_ERROR TASK_LOST TASK_DROPPED TASK_UNREACHABLE TASK_GONE TASK_GONE_BY_OPERATOR
            TASK_UNKNOWN""",
        "StatusSource": "SOURCE_MASTER SOURCE_AGENT SOURCE_EXECUTOR",
        "StatusReason": """REASON_COMMAND_EXECUTOR_FAILED REASON_CONTAINER_LAUNCH_FAILED
            REASON_CONTAINER_LIMITATION REASON_CONTAINER_LIMITATION_DISK REASON_CONTAINER_LIMITATION_MEMORY
            REASON_CONTAINER_PREEMPTED REASON_CONTAINER_UPDATE_FAILED
            REASON_MAX_COMPLETION_TIME_REACHED REASON_EXECUTOR_REGISTRATION_TIMEOUT
            REASON_EXECUTOR_REREGISTRATION_TIMEOUT REASON_EXECUTOR_TERMINATED
            REASON_EXECUTOR_UNREGISTERED REASON_FRAMEWORK_REMOVED REASON_GC_ERROR REASON_INVALID_FRAMEWORKID
            REASON_INVALID_OFFERS REASON_IO_SWITCHBOARD_EXITED REASON_MASTER_DISCONNECTED
            REASON_RECONCILIATION REASON_RESOURCES_UNKNOWN REASON_AGENT_DISCONNECTED REASON_AGENT_DRAINING
            REASON_AGENT_REMOVED REASON_AGENT_REMOVED_BY_OPERATOR REASON_AGENT_REREGISTERED
            REASON_AGENT_RESTARTED REASON_AGENT_UNKNOWN REASON_TASK_CHECK_STATUS_UPDATED
            REASON_TASK_HEALTH_CHECK_STATUS_UPDATED REASON_TASK_GROUP_INVALID
            REASON_TASK_GROUP_UNAUTHORIZED REASON_TASK_INVALID REASON_TASK_KILLED_DURING_LAUNCH
            REASON_TASK_UNAUTHORIZED REASON_TASK_UNKNOWN""",
        "OperationType": """UNKNOWN LAUNCH LAUNCH_GROUP RESERVE UNRESERVE CREATE DESTROY GROW_VOLUME
            SHRINK_VOLUME CREATE_DISK DESTROY_DISK""",
        "SchedulerCallType": """SUBSCRIBE TEARDOWN ACCEPT DECLINE ACCEPT_INVERSE_OFFERS
            DECLINE_INVERSE_OFFERS REVIVE KILL SHUTDOWN ACKNOWLEDGE ACKNOWLEDGE_OPERATION_STATUS RECONCILE
            RECONCILE_OPERATIONS MESSAGE REQUEST SUPPRESS UPDATE_FRAMEWORK""",
        "ExecutorCallType": "SUBSCRIBE UPDATE MESSAGE HEARTBEAT",
        "MasterCallType": _READS
        + """ GET_AGENTS GET_ROLES GET_MASTER RESERVE_RESOURCES UNRESERVE_RESOURCES
            CREATE_VOLUMES DESTROY_VOLUMES TEARDOWN MARK_AGENT_GONE""",
        "AgentCallType": _READS + " GET_CONTAINERS GET_AGENT",
    }.items()
}
