"""The keys of cassandra.yaml that Cassandra 5.0.9 knows, by the kind of their values.

Taken from the public fields of ``org.apache.cassandra.config.Config`` and their ``@Replaces`` annotations;
``tests/integration/configuration`` compares the two. ``duration in ms``: whole milliseconds at least.
"""

from __future__ import annotations

KEYS_BY_KIND = {
    "flag": """
        allow_extra_insecure_udfs allow_filtering_enabled allow_insecure_udfs alter_table_enabled
        auth_cache_warming_enabled auto_bootstrap auto_hints_cleanup_enabled
        auto_optimise_full_repair_streams auto_optimise_inc_repair_streams
        auto_optimise_preview_repair_streams auto_snapshot autocompaction_on_startup_enabled
        automatic_sstable_upgrade back_pressure_enabled block_for_peers_in_remote_dcs
        buffer_pool_use_heap_if_exhausted cdc_block_writes cdc_enabled cdc_on_repair_enabled
        check_for_duplicate_rows_during_compaction check_for_duplicate_rows_during_reads
        client_request_size_metrics_enabled compact_tables_enabled credentials_cache_active_update
        default_secondary_index_enabled denylist_range_reads_enabled denylist_reads_enabled
        denylist_writes_enabled diagnostic_events_enabled drop_compact_storage_enabled
        drop_keyspace_enabled drop_truncate_table_enabled dump_heap_on_uncaught_exception
        dynamic_data_masking_enabled dynamic_snitch enforce_native_deadline_for_hints file_cache_enabled
        file_cache_round_up force_new_prepared_statement_behaviour force_optimized_index_status_format
        group_by_enabled hint_window_persistent_enabled hinted_handoff_enabled incremental_backups
        inter_dc_tcp_nodelay internode_timeout intersect_filtering_query_enabled
        intersect_filtering_query_warned invalid_legacy_protocol_magic_no_spam_enabled
        key_cache_invalidate_after_sstable_deletion key_cache_migrate_during_compaction
        listen_interface_prefer_ipv6 listen_on_broadcast_address log_out_of_token_range_requests
        materialized_views_enabled materialized_views_on_repair_enabled
        native_transport_allow_older_protocols native_transport_flush_in_batches_legacy
        native_transport_rate_limiting_enabled native_transport_throw_on_overload
        non_partition_restricted_index_query_enabled partition_denylist_enabled paxos_repair_enabled
        paxos_repair_race_wait paxos_topology_repair_no_dc_checks paxos_topology_repair_strict_each_quorum
        permissions_cache_active_update read_before_write_list_operations_enabled read_thresholds_enabled
        reject_out_of_token_range_requests repaired_data_tracking_for_partition_reads_enabled
        repaired_data_tracking_for_range_reads_enabled report_unconfirmed_repaired_data_mismatches
        roles_cache_active_update rpc_interface_prefer_ipv6 rpc_keepalive sasi_indexes_enabled
        scripted_user_defined_functions_enabled secondary_indexes_enabled simplestrategy_enabled
        skip_paxos_repair_on_topology_change skip_stream_disk_space_check snapshot_before_compaction
        snapshot_on_duplicate_row_detection snapshot_on_repaired_data_mismatch
        sstable_read_rate_persistence_enabled start_native_transport stream_entire_sstables
        streaming_stats_enabled top_partitions_enabled transfer_hints_on_decommission
        transient_replication_enabled traverse_auth_from_root trickle_fsync uncompressed_tables_enabled
        use_creation_time_for_hint_ttl use_deterministic_table_id use_offheap_merkle_trees
        use_statements_enabled user_defined_functions_enabled user_defined_functions_threads_enabled
        user_timestamps_enabled uuid_sstable_identifiers_enabled vector_type_enabled
        zero_ttl_on_twcs_enabled zero_ttl_on_twcs_warned
    """,
    "int": """
        allocate_tokens_for_local_replication_factor available_processors block_for_peers_timeout_in_secs
        columns_per_table_fail_threshold columns_per_table_warn_threshold
        commitlog_max_compression_buffers_in_pool concurrent_compactors concurrent_counter_writes
        concurrent_index_builders concurrent_materialized_view_builders
        concurrent_materialized_view_writes concurrent_merkle_tree_requests concurrent_reads
        concurrent_validations concurrent_writes consecutive_message_errors_threshold
        counter_cache_keys_to_save credentials_cache_max_entries data_disk_usage_percentage_fail_threshold
        data_disk_usage_percentage_warn_threshold default_keyspace_rf denylist_max_keys_per_table
        denylist_max_keys_total fields_per_udt_fail_threshold fields_per_udt_warn_threshold
        in_select_cartesian_product_fail_threshold in_select_cartesian_product_warn_threshold
        initial_range_tombstone_list_allocation_size items_per_collection_fail_threshold
        items_per_collection_warn_threshold key_cache_keys_to_save keyspaces_fail_threshold
        keyspaces_warn_threshold materialized_views_per_table_fail_threshold
        materialized_views_per_table_warn_threshold max_concurrent_automatic_sstable_upgrades
        max_hints_delivery_threads max_streaming_retries max_top_size_partition_count
        max_top_tombstone_partition_count maximum_replication_factor_fail_threshold
        maximum_replication_factor_warn_threshold memtable_flush_writers
        minimum_replication_factor_fail_threshold minimum_replication_factor_warn_threshold
        native_transport_max_auth_threads native_transport_max_requests_per_second
        native_transport_max_threads native_transport_port native_transport_port_ssl num_tokens
        otc_backlog_expiration_interval_ms otc_coalescing_enough_coalesced_messages
        otc_coalescing_window_us page_size_fail_threshold page_size_warn_threshold
        partition_keys_in_select_fail_threshold partition_keys_in_select_warn_threshold
        paxos_repair_parallelism permissions_cache_max_entries reject_repair_compaction_threshold
        repair_command_pool_size repair_session_max_tree_depth repair_state_size roles_cache_max_entries
        row_cache_keys_to_save sai_sstable_indexes_per_query_fail_threshold
        sai_sstable_indexes_per_query_warn_threshold secondary_indexes_per_table_fail_threshold
        secondary_indexes_per_table_warn_threshold ssl_storage_port storage_port
        streaming_connections_per_host tables_fail_threshold tables_warn_threshold
        tombstone_failure_threshold tombstone_warn_threshold
        unlogged_batch_across_partitions_warn_threshold vector_dimensions_fail_threshold
        vector_dimensions_warn_threshold windows_timer_interval
    """,
    "long": """
        min_tracked_partition_tombstone_count native_transport_max_concurrent_connections
        native_transport_max_concurrent_connections_per_ip partition_tombstones_fail_threshold
        partition_tombstones_warn_threshold snapshot_links_per_second
    """,
    "number": """
        disk_optimization_estimate_percentile disk_optimization_page_cross_chance
        dynamic_snitch_badness_threshold max_space_usable_for_compactions_in_percentage
        memtable_cleanup_threshold native_transport_queue_max_item_age_threshold phi_convict_threshold
        range_tombstone_list_growth_factor repair_disk_headroom_reject_ratio severity_during_decommission
    """,
    "text": """
        allocate_tokens_for_keyspace auth_read_consistency_level auth_write_consistency_level
        auto_snapshot_ttl broadcast_address broadcast_rpc_address cdc_raw_directory cluster_name
        commitlog_directory default_secondary_index endpoint_snitch failure_detector heap_dump_path
        hints_directory initial_token listen_address listen_interface local_system_data_file_directory
        otc_coalescing_strategy partitioner paxos_contention_max_wait paxos_contention_min_delta
        paxos_contention_min_wait paxos_contention_wait_randomizer row_cache_class_name rpc_address
        rpc_interface saved_caches_directory
    """,
    "seconds": "counter_cache_save_period key_cache_save_period row_cache_save_period",
    "class": """
        authenticator authorizer back_pressure_strategy cidr_authorizer commitlog_compression
        crypto_provider default_compaction hints_compression internode_authenticator network_authorizer
        role_manager seed_provider
    """,
    "duration in m": "index_summary_resize_interval",
    "duration in ms": """
        cas_contention_timeout cdc_free_space_check_interval commitlog_sync_group_window
        commitlog_sync_period counter_write_request_timeout credentials_update_interval
        credentials_validity dynamic_snitch_reset_interval dynamic_snitch_update_interval gc_log_threshold
        gc_warn_threshold hints_flush_period internode_streaming_tcp_user_timeout
        internode_tcp_connect_timeout internode_tcp_user_timeout max_hint_window
        native_transport_idle_timeout native_transport_max_backoff_on_queue_overload
        native_transport_min_backoff_on_queue_overload native_transport_timeout
        periodic_commitlog_sync_lag_block permissions_update_interval permissions_validity
        range_request_timeout read_request_timeout repair_request_timeout request_timeout
        roles_update_interval roles_validity slow_query_log_timeout stream_transfer_task_timeout
        truncate_request_timeout user_defined_functions_fail_timeout user_defined_functions_warn_timeout
        write_request_timeout
    """,
    "duration in ns": "repair_state_expires streaming_state_expires",
    "duration in s": """
        cache_load_timeout denylist_initial_load_retry denylist_refresh paxos_purge_grace_period
        streaming_keep_alive_period streaming_slow_events_log_timeout trace_type_query_ttl
        trace_type_repair_ttl validation_preview_purge_head_start
    """,
    "duration in us": """
        maximum_timestamp_fail_threshold maximum_timestamp_warn_threshold minimum_timestamp_fail_threshold
        minimum_timestamp_warn_threshold
    """,
    "list": """
        data_file_directories hinted_handoff_disabled_datacenters read_consistency_levels_disallowed
        read_consistency_levels_warned skip_paxos_repair_on_topology_change_keyspaces
        table_properties_disallowed table_properties_ignored table_properties_warned
        write_consistency_levels_disallowed write_consistency_levels_warned
    """,
    "map": """
        audit_logging_options auto_repair client_encryption_options client_error_reporting_exclusions
        full_query_logging_options internode_error_reporting_exclusions memtable repair
        replica_filtering_protection sai_options server_encryption_options sstable startup_checks
        transparent_data_encryption_options
    """,
    (
        "one of ANY ONE TWO THREE QUORUM ALL LOCAL_QUORUM EACH_QUORUM SERIAL LOCAL_SERIAL LOCAL_ONE "
        "NODE_LOCAL"
    ): "denylist_consistency_level ideal_consistency_level",
    "one of CASSANDRA_4 UPGRADING NONE": "storage_compatibility_mode",
    "one of REQUEST QUEUE": "cql_start_time",
    "one of all none dc": "internode_compression",
    "one of auto mmap mmap_index_only standard legacy direct": "commitlog_disk_access_mode disk_access_mode",
    "one of best_effort stop ignore stop_paranoid die": "disk_failure_policy",
    "one of disabled warn exception": "corrupted_tombstone_strategy",
    "one of fail log ignore": "paxos_on_linearizability_violations",
    "one of ignore die die_immediate": "user_function_timeout_policy",
    "one of legacy gc_grace repaired": "paxos_state_purging",
    "one of none fast table": "flush_compression",
    "one of periodic batch group": "commitlog_sync",
    "one of queue reject": "repair_command_pool_full_strategy",
    "one of random_remote prefer_local dynamic_remote dynamic": "batchlog_endpoint_strategy",
    "one of ssd spinning": "disk_optimization_strategy",
    "one of stop stop_commit ignore die": "commit_failure_policy",
    (
        "one of unslabbed_heap_buffers unslabbed_heap_buffers_logged heap_buffers offheap_buffers "
        "offheap_objects"
    ): "memtable_allocation_type",
    (
        "one of v1_without_linearizable_reads_or_rejected_writes v1 v2_without_linearizable_reads "
        "v2_without_linearizable_reads_or_rejected_writes v2"
    ): "paxos_variant",
    "rate": """
        compaction_throughput entire_sstable_inter_dc_stream_throughput_outbound
        entire_sstable_stream_throughput_outbound inter_dc_stream_throughput_outbound
        stream_throughput_outbound
    """,
    "size in B": """
        collection_size_fail_threshold collection_size_warn_threshold column_value_size_fail_threshold
        column_value_size_warn_threshold coordinator_read_size_fail_threshold
        coordinator_read_size_warn_threshold data_disk_usage_max_disk_size
        internode_application_receive_queue_capacity
        internode_application_receive_queue_reserve_endpoint_capacity
        internode_application_receive_queue_reserve_global_capacity
        internode_application_send_queue_capacity
        internode_application_send_queue_reserve_endpoint_capacity
        internode_application_send_queue_reserve_global_capacity internode_max_message_size
        internode_socket_receive_buffer_size internode_socket_send_buffer_size
        local_read_size_fail_threshold local_read_size_warn_threshold max_hints_size_per_host
        min_tracked_partition_size native_transport_max_message_size
        native_transport_max_request_data_in_flight native_transport_max_request_data_in_flight_per_ip
        native_transport_receive_queue_capacity partition_size_fail_threshold
        partition_size_warn_threshold row_index_read_size_fail_threshold
        row_index_read_size_warn_threshold sai_frozen_term_size_fail_threshold
        sai_frozen_term_size_warn_threshold sai_string_term_size_fail_threshold
        sai_string_term_size_warn_threshold sai_vector_term_size_fail_threshold
        sai_vector_term_size_warn_threshold streaming_state_size
    """,
    "size in KiB": """
        batch_size_fail_threshold batch_size_warn_threshold batchlog_replay_throttle
        column_index_cache_size column_index_size compressed_read_ahead_buffer_size
        hinted_handoff_throttle max_mutation_size trickle_fsync_interval
    """,
    "size in MiB": """
        cdc_total_space commitlog_segment_size commitlog_total_space counter_cache_size file_cache_size
        index_summary_capacity key_cache_size max_hints_file_size max_value_size memtable_heap_space
        memtable_offheap_space min_free_space_per_drive native_transport_max_frame_size
        networking_cache_size paxos_cache_size prepared_statements_cache_size repair_session_space
        row_cache_size sstable_preemptive_open_interval
    """,
}
"""Kind to the names of the keys, separated by blanks."""

RENAMED_BY_SUFFIX = {
    "_in_ms": """
        cas_contention_timeout commitlog_sync_group_window commitlog_sync_period
        counter_write_request_timeout credentials_update_interval credentials_validity
        dynamic_snitch_reset_interval dynamic_snitch_update_interval gc_log_threshold gc_warn_threshold
        hints_flush_period internode_streaming_tcp_user_timeout internode_tcp_connect_timeout
        internode_tcp_user_timeout max_hint_window native_transport_idle_timeout
        periodic_commitlog_sync_lag_block permissions_update_interval permissions_validity
        range_request_timeout read_request_timeout repair_request_timeout request_timeout
        roles_update_interval roles_validity slow_query_log_timeout truncate_request_timeout
        write_request_timeout
    """,
    "_in_mb": """
        cdc_total_space commitlog_segment_size commitlog_total_space counter_cache_size file_cache_size
        index_summary_capacity key_cache_size max_hints_file_size max_value_size memtable_heap_space
        memtable_offheap_space min_free_space_per_drive native_transport_max_frame_size
        networking_cache_size repair_session_space row_cache_size sstable_preemptive_open_interval
    """,
    "_in_kb": """
        batch_size_fail_threshold batch_size_warn_threshold batchlog_replay_throttle
        column_index_cache_size column_index_size hinted_handoff_throttle max_mutation_size
        trickle_fsync_interval
    """,
    "_in_bytes": """
        internode_application_receive_queue_capacity
        internode_application_receive_queue_reserve_endpoint_capacity
        internode_application_receive_queue_reserve_global_capacity
        internode_application_send_queue_capacity
        internode_application_send_queue_reserve_endpoint_capacity
        internode_application_send_queue_reserve_global_capacity internode_max_message_size
        internode_socket_receive_buffer_size internode_socket_send_buffer_size
        native_transport_receive_queue_capacity
    """,
    "_in_secs": "streaming_keep_alive_period",
    "_in_sec": "validation_preview_purge_head_start",
    "_in_minutes": "index_summary_resize_interval",
    "_megabits_per_sec": "inter_dc_stream_throughput_outbound stream_throughput_outbound",
    "_mb_per_sec": "compaction_throughput",
    "_seconds": "cache_load_timeout",
    "_ms": "cdc_free_space_check_interval",
    "_mb": "prepared_statements_cache_size",
}
"""Keys whose older name, still understood, had this suffix and a bare number in that unit."""

RENAMED = {
    "compaction_large_partition_warning_threshold": "partition_size_warn_threshold",
    "compaction_large_partition_warning_threshold_mb": "partition_size_warn_threshold",
    "compaction_tombstone_warning_threshold": "partition_tombstones_warn_threshold",
    "cross_node_timeout": "internode_timeout",
    "enable_drop_compact_storage": "drop_compact_storage_enabled",
    "enable_materialized_views": "materialized_views_enabled",
    "enable_sasi_indexes": "sasi_indexes_enabled",
    "enable_scripted_user_defined_functions": "scripted_user_defined_functions_enabled",
    "enable_transient_replication": "transient_replication_enabled",
    "enable_user_defined_functions": "user_defined_functions_enabled",
    "enable_user_defined_functions_threads": "user_defined_functions_threads_enabled",
    "internode_recv_buff_size_in_bytes": "internode_socket_receive_buffer_size",
    "internode_send_buff_size_in_bytes": "internode_socket_send_buffer_size",
    "keyspace_count_warn_threshold": "keyspaces_warn_threshold",
    "native_transport_max_concurrent_requests_in_bytes": "native_transport_max_request_data_in_flight",
    "native_transport_max_concurrent_requests_in_bytes_per_ip": (
        "native_transport_max_request_data_in_flight_per_ip"
    ),
    "table_count_warn_threshold": "tables_warn_threshold",
    "tracetype_query_ttl": "trace_type_query_ttl",
    "tracetype_repair_ttl": "trace_type_repair_ttl",
    "user_defined_function_fail_timeout": "user_defined_functions_fail_timeout",
    "user_defined_function_warn_timeout": "user_defined_functions_warn_timeout",
}
"""Other older names that are still understood, and the key that each stands for."""

RENAMED_KINDS = {
    "commitlog_sync_group_window_in_ms": "number",
    "compaction_large_partition_warning_threshold": "size in MiB",
}
"""Older names whose values are neither whole numbers nor of the newer key's kind."""
