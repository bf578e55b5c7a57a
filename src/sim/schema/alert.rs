//! Alerts: which there are, how they are set, and how they are shown.

use super::{Access, Field, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20};
use Kind::{Bool, Either, Object, Of, OneOf, Text};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

pub(crate) const ALERT: Table = Table::new(
    "alert",
    "Whether something is wrong, and whether anybody wants to know.",
    &[
        ro("change_time", Text),
        ro("change_value", Object),
        rw("enabled", Bool, ""),
        ro(
            "severity",
            OneOf(&["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
        ),
        ro("state", Either(&[Bool, OneOf(&["on", "off"])])),
        rw("threshold", Text, ""),
    ],
);

pub(crate) const THRESHOLD: Table = Table::part(
    "alert_settings_with_threshold",
    "An alert that depends on a figure.",
    &[rw("enabled", Bool, "false"), rw("threshold", Text, "")],
);

const ON_OFF: Kind = Bool;
const AT: Kind = Of(&THRESHOLD);

const fn flag(name: &'static str) -> Field {
    rw(name, ON_OFF, "false")
}

const fn at(name: &'static str) -> Field {
    rw(name, AT, "")
}

#[rustfmt::skip]
pub(crate) const ALERT_SETTINGS: Table = Table::part("alert_settings", "Alerts of the cluster and of nodes.", &[
    at("cluster_ca_cert_about_to_expire").source(Source::Fixture).since(V8_0_20),
    at("cluster_certs_about_to_expire"),
    flag("cluster_even_node_count"),
    flag("cluster_flash_overcommit"),
    flag("cluster_inconsistent_redis_sw").until(V7_22_2),
    flag("cluster_inconsistent_rl_sw"),
    flag("cluster_internal_bdb"),
    at("cluster_license_about_to_expire").since(V7_8_6),
    flag("cluster_multiple_nodes_down"),
    flag("cluster_node_joined"),
    flag("cluster_node_operation_failed").source(Source::Fixture).since(V8_0_20),
    flag("cluster_node_remove_abort_completed"),
    flag("cluster_node_remove_abort_failed"),
    flag("cluster_node_remove_completed"),
    flag("cluster_node_remove_failed"),
    flag("cluster_ocsp_query_failed"),
    flag("cluster_ocsp_status_revoked"),
    flag("cluster_ram_overcommit"),
    flag("cluster_too_few_nodes_for_replication"),
    at("cluster_users_count_approaches_limit").since(V8_0_20),
    flag("node_aof_slow_disk_io"),
    flag("node_checks_error"),
    at("node_cpu_utilization"),
    at("node_ephemeral_storage"),
    flag("node_failed"),
    at("node_free_flash"),
    flag("node_insufficient_disk_aofrw"),
    at("node_internal_certs_about_to_expire"),
    at("node_memory"),
    at("node_net_throughput"),
    at("node_persistent_storage"),
]);

#[rustfmt::skip]
pub(crate) const BDB_ALERT_SETTINGS: Table = Table::new("db_alerts_settings", "Alerts of a database.", &[
    at("bdb_backup_delayed"),
    at("bdb_crdt_src_high_syncer_lag"),
    at("bdb_crdt_src_syncer_connection_error"),
    at("bdb_crdt_src_syncer_general_error"),
    at("bdb_high_latency"),
    at("bdb_high_syncer_lag"),
    at("bdb_high_throughput"),
    at("bdb_long_running_action"),
    at("bdb_low_throughput"),
    at("bdb_ram_dataset_overhead"),
    at("bdb_ram_values"),
    at("bdb_replica_src_high_syncer_lag"),
    at("bdb_replica_src_syncer_connection_error"),
    at("bdb_replica_src_syncer_general_error"),
    at("bdb_shard_num_ram_values"),
    at("bdb_size"),
    at("bdb_syncer_connection_error"),
    at("bdb_syncer_general_error"),
]);

/// Alerts of databases that no figure decides: they need no threshold.
pub(crate) const WITHOUT_FIGURE: [&str; 7] = [
    "bdb_crdt_src_syncer_connection_error",
    "bdb_crdt_src_syncer_general_error",
    "bdb_long_running_action",
    "bdb_replica_src_syncer_connection_error",
    "bdb_replica_src_syncer_general_error",
    "bdb_syncer_connection_error",
    "bdb_syncer_general_error",
];

const fn state(name: &'static str) -> Field {
    ro(name, Of(&ALERT))
}

#[rustfmt::skip]
pub(crate) const OF_CLUSTER: Table = Table::part("cluster_alerts", "The cluster's alerts by name.", &[
    state("cluster_ca_cert_about_to_expire").source(Source::Fixture).since(V8_0_20),
    state("cluster_certs_about_to_expire"),
    state("cluster_even_node_count"),
    state("cluster_flash_overcommit"),
    state("cluster_inconsistent_redis_sw").until(V7_22_2),
    state("cluster_inconsistent_rl_sw"),
    state("cluster_internal_bdb"),
    state("cluster_license_about_to_expire").since(V7_8_6),
    state("cluster_multiple_nodes_down"),
    state("cluster_node_joined"),
    state("cluster_node_remove_abort_completed"),
    state("cluster_node_remove_abort_failed"),
    state("cluster_node_remove_completed"),
    state("cluster_node_remove_failed"),
    state("cluster_ocsp_query_failed"),
    state("cluster_ocsp_status_revoked"),
    state("cluster_ram_overcommit"),
    state("cluster_too_few_nodes_for_replication"),
    state("cluster_users_count_approaches_limit").since(V8_0_20),
]);

#[rustfmt::skip]
pub(crate) const OF_NODE: Table = Table::part("node_alerts", "A node's alerts by name.", &[
    state("node_failed"),
    state("node_memory"),
    state("node_persistent_storage"),
    state("node_ephemeral_storage"),
    state("node_free_flash"),
    state("node_cpu_utilization"),
    state("node_net_throughput"),
    state("node_insufficient_disk_aofrw"),
    state("node_aof_slow_disk_io"),
    state("node_checks_error"),
    state("node_internal_certs_about_to_expire"),
]);

#[rustfmt::skip]
pub(crate) const OF_BDB: Table = Table::part("bdb_alerts", "A database's alerts by name.", &[
    state("bdb_backup_delayed"),
    state("bdb_crdt_src_high_syncer_lag"),
    state("bdb_crdt_src_syncer_connection_error"),
    state("bdb_crdt_src_syncer_general_error"),
    state("bdb_high_latency"),
    state("bdb_high_syncer_lag"),
    state("bdb_high_throughput"),
    state("bdb_long_running_action"),
    state("bdb_low_throughput"),
    state("bdb_ram_dataset_overhead"),
    state("bdb_ram_values"),
    state("bdb_replica_src_high_syncer_lag"),
    state("bdb_replica_src_syncer_connection_error"),
    state("bdb_replica_src_syncer_general_error"),
    state("bdb_shard_num_ram_values"),
    state("bdb_size"),
    state("bdb_syncer_connection_error"),
    state("bdb_syncer_general_error"),
]);

pub(crate) const OF_SOURCE: Table = Table::part(
    "source_alerts",
    "Alerts of a source of replication by name.",
    &[
        state("replica_src_high_syncer_lag"),
        state("replica_src_syncer_connection_error"),
        state("replica_src_syncer_general_error"),
    ],
);

pub(crate) const OF_CRDT_SOURCE: Table = Table::part(
    "crdt_source_alerts",
    "Alerts of a source of an Active-Active database by name.",
    &[
        state("crdt_src_high_syncer_lag"),
        state("crdt_src_syncer_connection_error"),
        state("crdt_src_syncer_general_error"),
    ],
);

/// Of either kind of source.
pub(crate) const OF_SOURCES: Kind = Either(&[Of(&OF_SOURCE), Of(&OF_CRDT_SOURCE)]);
