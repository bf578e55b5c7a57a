//! Fields of the cluster policy (`/v1/cluster/policy`). Defaults are the typical values where none is documented.

use super::{Access, COUNT, Field, INT, Kind, Table};
use crate::sim::state::Env;
use crate::sim::switch::Switch;
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20};
use serde_json::{Map, Value, json};

const PROXY: Kind = Kind::OneOf(&["single", "all-master-shards", "all-nodes"]);
const YES: &str = "true";
const NO: &str = "false";

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::Update)
}

pub(crate) const TABLE: Table = Table::new("cluster_settings", "Cluster-wide policy.", FIELDS);

/// Every field.
#[rustfmt::skip]
pub(crate) const FIELDS: &[Field] = &[
    rw("acl_pubsub_default", Kind::OneOf(&["resetchannels", "allchannels"]), r#""resetchannels""#),
    rw("auto_recovery", Kind::Bool, NO),
    rw("automatic_node_offload", Kind::Bool, YES),
    rw("bigstore_migrate_node_threshold", COUNT, "0"),
    rw("bigstore_migrate_node_threshold_p", Kind::Int(0, 100), "8"),
    rw("bigstore_provision_node_threshold", COUNT, "0"),
    rw("bigstore_provision_node_threshold_p", Kind::Int(0, 100), "12"),
    rw("data_internode_encryption", Kind::Bool, NO),
    rw("db_conns_auditing", Kind::Bool, NO),
    rw("default_bigstore_version", Kind::Int(1, 2), "1").since(V7_22_2),
    rw("default_concurrent_restore_actions", COUNT, "10"),
    rw("default_fork_evict_ram", Kind::Bool, YES),
    rw("default_non_sharded_proxy_policy", PROXY, r#""single""#),
    rw("default_sharded_proxy_policy", PROXY, r#""single""#),
    rw("default_oss_cluster", Kind::Bool, NO).since(V7_22_2),
    rw("default_oss_sharding", Kind::Bool, NO).since(V7_8_6),
    rw("default_provisioned_redis_version", Kind::Text, ""),
    rw("default_recovery_wait_time", INT, "-1").since(V7_8_6),
    rw("default_shards_placement", Kind::OneOf(&["dense", "sparse"]), r#""dense""#),
    rw("default_tracking_table_max_keys_policy", COUNT, "1000000").since(V7_8_6),
    rw("diskless_repl", Kind::OneOf(&["yes", "no"]), r#""yes""#),
    rw("repl_diskless", Kind::Bool, YES).since(V7_8_6),
    rw("endpoint_rebind_propagation_grace_time", COUNT, "15"),
    rw("evict_node_use_free_memory", Kind::Bool, NO),
    rw("expose_hostnames_for_all_suffixes", Kind::Bool, NO),
    rw("failure_detection_sensitivity", Kind::OneOf(&["high", "low"]), r#""high""#),
    rw("filter_node_wd_health_metrics", Kind::Bool, YES).since(V8_0_20),
    rw("hide_user_data_from_log", Kind::Bool, NO),
    rw("login_lockout_threshold", COUNT, "5"),
    rw("login_lockout_duration", COUNT, "1800"),
    rw("login_lockout_counter_reset_after", COUNT, "900"),
    rw("master_healthcheck_api_auth", Kind::Bool, YES),
    rw("max_redis_forks", COUNT, "0"),
    rw("max_saved_events_per_type", COUNT, "10000"),
    rw("max_simultaneous_backups", COUNT, "4"),
    rw("max_slave_full_syncs", COUNT, "0"),
    rw("metrics_exporter_expose_bdb_name", Kind::Bool, NO).since(V7_8_6),
    rw("oss_cluster_api_preferred_endpoint_type", Kind::OneOf(&["ip", "hostname"]), r#""ip""#),
    rw("oss_cluster_api_preferred_ip_type", Kind::OneOf(&["internal", "external"]), r#""internal""#),
    rw("parallel_shards_upgrade", COUNT, "0"),
    rw("persistence_cleanup_grace_time", COUNT, "604800"),
    rw("persistence_cleanup_scan_interval", Kind::Text, r#""*/30 * * * *""#),
    rw("persistent_node_removal", Kind::Bool, NO),
    rw("rack_aware", Kind::Bool, NO),
    rw("redis_migrate_node_threshold", COUNT, "0"),
    rw("redis_migrate_node_threshold_p", Kind::Int(0, 100), "4"),
    rw("redis_provision_node_threshold", COUNT, "0"),
    rw("redis_provision_node_threshold_p", Kind::Int(0, 100), "12"),
    rw("redis_upgrade_policy", Kind::OneOf(&["major", "latest"]), r#""major""#),
    rw("resp3_default", Kind::Bool, YES),
    rw("shards_overbooking", Kind::Bool, NO),
    rw("show_internals", Kind::Bool, NO),
    rw("show_metrics_during_state_machine", Kind::Bool, NO),
    rw("slave_ha", Kind::Bool, YES),
    rw("slave_ha_grace_period", COUNT, "600"),
    rw("slave_ha_cooldown_period", COUNT, "3600"),
    rw("slave_ha_bdb_cooldown_period", COUNT, "7200"),
    rw("slow_log_max_len", COUNT, "1024"),
    rw("use_librdb", Kind::Bool, YES).since(V7_8_6),
    rw("witness_disk_update_frequency_divisor", COUNT, "3").since(V7_8_6),
];

/// Fields whose documented default is another one than the typical value.
const DOCUMENTED: &[(&str, &str)] = &[
    ("default_sharded_proxy_policy", r#""all-master-shards""#),
    ("default_shards_placement", r#""sparse""#),
    ("shards_overbooking", YES),
    ("default_fork_evict_ram", NO),
];

/// The policy of a new cluster.
pub(crate) fn fresh(env: &Env) -> Map<String, Value> {
    let mut policy = super::defaults(FIELDS, env.profile);
    if env.on(Switch::DefaultsAsDocumented) {
        policy.extend(super::defaults_instead(FIELDS, env.profile, DOCUMENTED));
    }
    let latest = env
        .profile
        .database_versions()
        .last()
        .map(|(version, _)| *version);
    policy.insert("default_provisioned_redis_version".to_owned(), json!(latest));
    policy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;

    #[test]
    fn a_policy_starts_with_typical_values_or_as_documented() {
        for (switches, values) in [
            (
                Switches::default(),
                json!(["single", "single", "dense", false, true]),
            ),
            (
                Switches::default().with(Switch::DefaultsAsDocumented),
                json!(["single", "all-master-shards", "sparse", true, false]),
            ),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let policy = sim.admin(0, "GET", "/v1/cluster/policy", Value::Null).json;
            let fields = [
                "default_non_sharded_proxy_policy",
                "default_sharded_proxy_policy",
                "default_shards_placement",
                "shards_overbooking",
                "default_fork_evict_ram",
            ];
            let shown: Vec<&Value> = fields.iter().map(|field| &policy[*field]).collect();
            assert_eq!(json!(shown), values);
        }
    }
}
