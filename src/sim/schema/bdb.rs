//! Every field of a database, as documented.

use super::bdb_parts as parts;
use super::kind::ON_OFF;
use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::state::Env;
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use Access::{Create as C, CreateUpdate as CU, Read as R, Update as U, Write as W};
use Kind::{ListOf, Of};
use Source::{Doc as D, DocFixture as DF, Fixture as F, Inferred as I, Live as L};
use serde_json::{Map, Value};

const BOOL: Kind = Kind::Bool;
const TEXT: Kind = Kind::Text;
/// Left out until set, or computed.
const NO: &str = "";
const EMPTY: &str = "\"\"";
const NONE: &str = "[]";
const DISABLED: &str = "\"disabled\"";
const REPLICA_SYNC: Kind = Kind::OneOf(&["enabled", "disabled", "paused", "stopped"]);
const AUTO: &str = "\"auto\"";
/// The defaults of its parts, and of theirs.
const AUDIT: &str = r#"{"audit_mode":"disabled","username_filter":{"enabled":false,"usernames":[],"filter_type":"inclusive","allow_while_username_unknown":false},"source_ip_filter":{"enabled":false,"ip_addresses":[],"cidr_ranges":[],"filter_type":"inclusive"},"max_total_key_bytes":131072}"#;
/// The defaults of its parts.
const GRADUAL_SYNC: &str =
    r#"{"src_endpoint_limit":1,"dst_endpoint_limit":-1,"dst_shard_limit":-1,"src_node_limit":-1}"#;

const fn field(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    access: Access,
    source: Source,
) -> Field {
    Field::new(name, kind, default, access).source(source)
}

pub(crate) const TABLE: Table = Table::new("bdb", "A database.", FIELDS);

/// Its fields. Order: identity, network, authentication, placement, persistence, engine, replication.
#[rustfmt::skip]
pub(crate) const FIELDS: &[Field] = &[
    // Identity, lifecycle, capacity.
    field("uid", Kind::Int(1, 1 << 31), NO, C, DF),
    field("name", TEXT, NO, CU, DF).needed(),
    field("type", Kind::OneOf(&["redis", "memcached"]), "\"redis\"", C, DF),
    field("status", TEXT, NO, R, DF),
    field("action_uid", TEXT, NO, R, D),
    field("account_id", COUNT, NO, CU, D),
    field("memory_size", COUNT, "0", CU, DF).needed(),
    field("shards_count", Kind::Int(1, 512), "1", CU, DF).code("invalid_sharding").code_of_updates("insufficient_resources"),
    field("shard_list", ListOf(&INT), NO, R, DF),
    field("version", TEXT, NO, C, DF).code("invalid_version"),
    field("redis_version", TEXT, NO, C, DF).code("invalid_version"),
    field("created_time", TEXT, NO, R, DF),
    field("last_changed_time", TEXT, NO, R, DF),
    field("internal", BOOL, "false", R, DF),
    field("tags", ListOf(&Of(&parts::TAG)), NO, CU, D).code("invalid_bdb_tags"),
    field("group_uid", COUNT, "0", R, F),
    field("auto_upgrade", BOOL, "false", CU, DF),
    field("background_op", ListOf(&Of(&parts::BACKGROUND_OP)), NO, R, DF),
    field("topology_epoch", COUNT, NO, R, F),
    field("wait_command", BOOL, "true", R, DF),
    // Endpoint, network, TLS.
    field("port", Kind::Int(0, 65535), "0", C, DF).code("port_unavailable"),
    field("endpoints", ListOf(&Of(&parts::ENDPOINT)), NO, R, DF),
    field("endpoint", TEXT, NO, U, D),
    field("proxy_policy", Kind::OneOf(&["single", "all-master-shards", "all-nodes"]), NO, CU, DF).code("invalid_proxy_policy"),
    field("dns_address_master", TEXT, EMPTY, R, DF),
    field("dns_suffixes", Kind::List, NONE, CU, I),
    field("endpoint_ip", Kind::Texts, NO, R, D),
    field("endpoint_node", COUNT, NO, R, D),
    field("tls_mode", Kind::OneOf(&["enabled", "disabled", "replica_ssl"]), DISABLED, CU, DF),
    field("ssl", BOOL, "false", CU, DF),
    field("enforce_client_authentication", ON_OFF, NO, CU, D),
    field("authentication_ssl_client_certs", ListOf(&Of(&parts::CLIENT_CERT)), NONE, CU, DF).code("invalid_certificate"),
    field("authentication_ssl_crdt_certs", ListOf(&Of(&parts::CLIENT_CERT)), NONE, CU, DF).code("invalid_certificate"),
    field("client_cert_subject_validation_type", Kind::OneOf(&["disabled", "san_cn", "full_subject"]), DISABLED, CU, DF),
    field("authorized_subjects", ListOf(&Of(&parts::SUBJECT)), NONE, CU, DF),
    field("authorized_names", Kind::Texts, NO, CU, D),
    field("mtls_allow_outdated_certs", BOOL, "false", CU, DF),
    field("mtls_allow_weak_hashing", BOOL, "false", CU, DF),
    field("data_internode_encryption", BOOL, "false", CU, DF),
    field("max_connections", COUNT, "0", CU, DF),
    field("maxclients", COUNT, "10000", CU, DF).since(Profile::V7_22_2),
    field("conns", COUNT, "5", CU, DF),
    field("conns_type", Kind::OneOf(&["per-thread", "per-shard"]), "\"per-thread\"", CU, DF),
    field("conns_global_maximum_dedicated", COUNT, "0", CU, D).since(Profile::V8_0_20),
    field("conns_minimum_dedicated", COUNT, "2", CU, D).since(Profile::V8_0_20),
    field("max_client_pipeline", Kind::Int(0, 2047), "200", CU, DF),
    field("max_pipelined", COUNT, "2000", CU, DF),
    field("sched_policy", Kind::OneOf(&["cmp", "mru", "spread", "mnp"]), "\"cmp\"", CU, DF),
    field("link_sconn_on_full_request", Kind::OneOf(&["enabled", "disabled", "ssl_only"]), DISABLED, CU, D).since(Profile::V8_0_20),
    field("multi_commands_opt", Kind::OneOf(&["disabled", "batch", "auto"]), AUTO, CU, DF).since(Profile::V7_22_2),
    field("replica_sconns_on_demand", ON_OFF, "\"enabled\"", CU, D).since(Profile::V8_0_20),
    field("partial_request_timeout_seconds", COUNT, "3", CU, D).since(Profile::V8_0_20),
    field("preemptive_drain_timeout_seconds", COUNT, "2", CU, D).since(Profile::V8_0_20),
    field("throughput_ingress", COUNT, "0", CU, F),
    field("resp3", BOOL, "true", CU, DF),
    field("tracking_table_max_keys", COUNT, "1000000", CU, DF).since(Profile::V7_8_6),
    field("oss_cluster", BOOL, "false", CU, DF),
    field("oss_cluster_api_preferred_endpoint_type", Kind::OneOf(&["ip", "hostname"]), "\"ip\"", CU, DF),
    field("oss_cluster_api_preferred_ip_type", Kind::OneOf(&["internal", "external"]), "\"internal\"", CU, DF),
    field("traffic_manually_disabled", BOOL, "false", R, D).since(Profile::V8_0_20),
    // Authentication.
    field("authentication_admin_pass", TEXT, NO, CU, DF),
    field("authentication_redis_pass", TEXT, EMPTY, CU, DF),
    field("authentication_sasl_uname", TEXT, EMPTY, CU, DF).code("invalid_sasl_credentials"),
    field("authentication_sasl_pass", TEXT, EMPTY, CU, DF).code("invalid_sasl_credentials"),
    field("default_user", BOOL, "true", CU, DF),
    field("roles_permissions", ListOf(&Of(&parts::ROLE_PERMISSION)), NONE, CU, DF),
    field("acl", Kind::List, NONE, R, F),
    field("disabled_commands", TEXT, NO, CU, D),
    field("disconnect_clients_on_password_removal", BOOL, "false", CU, D).since(Profile::V8_0_20),
    field("db_conns_auditing", BOOL, "false", CU, DF),
    field("audit_settings", Of(&parts::AUDIT), AUDIT, CU, D).code("invalid_schema").since(Profile::V8_2_0),
    // Replication, placement, sharding.
    field("replication", BOOL, "false", CU, DF).code("invalid_replication"),
    field("slave_ha", BOOL, NO, CU, DF),
    field("slave_ha_priority", INT, "0", CU, DF),
    field("rack_aware", BOOL, "false", CU, DF),
    field("sharding", BOOL, "false", CU, DF).code("invalid_sharding"),
    field("shard_key_regex", ListOf(&Of(&parts::REGEX)), NONE, CU, DF).code("invalid_sharding"),
    field("implicit_shard_key", BOOL, "false", CU, DF),
    field("hash_slots_policy", Kind::OneOf(&["legacy", "16k"]), "\"16k\"", C, DF),
    field("oss_sharding", BOOL, "false", CU, DF),
    field("redis_cluster_enabled", BOOL, "false", C, F).since(Profile::V8_0_20),
    field("compare_key_hslot", BOOL, "false", CU, F),
    field("shards_placement", Kind::OneOf(&["dense", "sparse"]), NO, CU, DF),
    field("avoid_nodes", Kind::Texts, NO, CU, D),
    field("use_nodes", Kind::Texts, NO, CU, D),
    field("shards_blueprint", ListOf(&Of(&parts::BLUEPRINT)), NO, W, D).code("bad_shards_blueprint"),
    field("mkms", BOOL, "true", CU, DF),
    field("shard_block_crossslot_keys", BOOL, "false", CU, DF),
    field("shard_block_foreign_keys", BOOL, "true", CU, DF),
    field("auto_shards_balancing", BOOL, "false", CU, D).since(Profile::V8_0_20),
    field("auto_shards_balancing_grace_period", COUNT, "120", CU, D).since(Profile::V8_0_20),
    field("shard_imbalance_threshold", Kind::Float, "314572800", CU, D).since(Profile::V8_0_20),
    field("shard_imbalance_threshold_percentage", COUNT, "20", CU, D).since(Profile::V8_0_20),
    field("repl_backlog_size", TEXT, AUTO, CU, DF),
    field("slave_buffer", TEXT, AUTO, CU, DF),
    // Persistence, backup, import, export.
    field("data_persistence", Kind::OneOf(&["disabled", "snapshot", "aof"]), DISABLED, CU, DF).code("invalid_data_persistence"),
    field("aof_policy", Kind::OneOf(&["appendfsync-every-sec", "appendfsync-always"]), "\"appendfsync-every-sec\"", CU, DF).code("invalid_data_persistence"),
    field("snapshot_policy", ListOf(&Of(&parts::SNAPSHOT_POLICY)), NONE, CU, DF).code("invalid_data_persistence"),
    field("master_persistence", BOOL, "false", CU, DF),
    field("max_aof_file_size", Kind::Int(10 << 30, i64::MAX), "322122547200", CU, DF),
    field("max_aof_load_time", Kind::Int(2700, i64::MAX), "3600", CU, DF),
    field("recovery_wait_time", Kind::Int(-1, i64::MAX), "-1", CU, DF),
    field("backup", BOOL, "false", CU, DF),
    field("backup_interval", COUNT, "86400", CU, DF).code("missing_backup_interval"),
    field("backup_interval_offset", COUNT, NO, CU, D),
    field("backup_history", COUNT, "0", CU, DF),
    field("backup_location", Of(&parts::LOCATION), NO, CU, D),
    field("backup_status", TEXT, EMPTY, R, DF),
    field("backup_progress", Kind::Float, "0.0", R, DF),
    field("backup_failure_reason", TEXT, EMPTY, R, DF),
    field("last_backup_time", TEXT, NO, R, D),
    field("last_export_time", TEXT, NO, R, D),
    field("export_status", TEXT, EMPTY, R, DF),
    field("export_progress", Kind::Float, "0.0", R, DF),
    field("export_failure_reason", TEXT, EMPTY, R, DF),
    field("import_status", TEXT, EMPTY, R, DF),
    field("import_progress", Kind::Float, "0.0", R, DF),
    field("import_failure_reason", TEXT, EMPTY, R, DF),
    // What is only written reads as its default.
    field("dataset_import_sources", ListOf(&Of(&parts::IMPORT_SOURCE)), NONE, W, DF),
    field("skip_import_analyze", ON_OFF, DISABLED, CU, DF),
    field("flush_on_fullsync", BOOL, "true", CU, F),
    field("use_selective_flush", BOOL, "true", CU, DF).since(Profile::V8_0_20),
    field("email_alerts", BOOL, "false", CU, DF),
    // Engine, eviction, defragmentation, flash, modules.
    field("eviction_policy", Kind::OneOf(&["volatile-lru", "volatile-ttl", "volatile-random", "volatile-lfu", "allkeys-lru", "allkeys-random", "allkeys-lfu", "noeviction"]), NO, CU, DF).code("eviction_policy_violation").until(Profile::V8_0_20),
    field("eviction_policy", Kind::OneOf(&["volatile-lru", "volatile-ttl", "volatile-random", "volatile-lfu", "volatile-lrm", "allkeys-lru", "allkeys-random", "allkeys-lfu", "allkeys-lrm", "noeviction"]), NO, CU, DF).code("eviction_policy_violation").since(Profile::V8_0_20),
    field("activedefrag", Kind::OneOf(&["yes", "no"]), "\"no\"", CU, DF).since(Profile::V7_22_2),
    field("active_defrag_cycle_min", Kind::Int(1, 99), "1", CU, DF).since(Profile::V7_22_2),
    field("active_defrag_cycle_max", Kind::Int(1, 99), "25", CU, DF).since(Profile::V7_22_2),
    field("active_defrag_ignore_bytes", TEXT, "\"104857600\"", CU, DF).since(Profile::V7_22_2),
    field("active_defrag_max_scan_fields", COUNT, "1000", CU, DF).since(Profile::V7_22_2),
    field("active_defrag_threshold_lower", Kind::Int(0, 1000), "10", CU, DF).since(Profile::V7_22_2),
    field("active_defrag_threshold_upper", Kind::Int(0, 1000), "100", CU, DF).since(Profile::V7_22_2),
    field("bigstore", BOOL, "false", C, DF),
    field("bigstore_ram_size", COUNT, "0", CU, DF),
    field("bigstore_max_ram_ratio", COUNT, "10", CU, F),
    field("bigstore_ram_weights", ListOf(&Of(&parts::RAM_WEIGHT)), NO, U, D),
    field("bigstore_version", Kind::Int(1, 2), "1", C, DF).since(Profile::V7_22_2),
    field("search_on_bigstore", BOOL, "false", C, D).since(Profile::V8_0_20),
    field("module_list", ListOf(&Of(&parts::MODULE)), NO, C, DF).code("missing_module"),
    field("search", Of(&parts::SEARCH), NO, CU, D).since(Profile::V8_0_20),
    field("timeseries", Of(&parts::TIMESERIES), NO, CU, D).since(Profile::V8_0_20),
    field("probabilistic", Of(&parts::PROBABILISTIC), NO, CU, D).since(Profile::V8_0_20),
    field("query_performance_factor", Of(&parts::QUERY_PERFORMANCE), "{\"active\":false,\"scaling_factor\":0}", CU, D).since(Profile::V8_0_20),
    field("metrics_export_all", BOOL, "false", CU, DF),
    field("generate_text_monitor", BOOL, "false", CU, DF),
    // Replica Of and Active-Active.
    field("replica_sources", ListOf(&Of(&parts::SYNCER_SOURCE)), NONE, CU, DF),
    field("replica_sync", REPLICA_SYNC, DISABLED, CU, DF),
    field("replica_read_only", BOOL, "false", C, DF).since(Profile::V7_22_2),
    field("replica_sync_connection_alarm_timeout_seconds", COUNT, "0", CU, DF).since(Profile::V7_8_6),
    field("replica_sync_dist", BOOL, "true", CU, DF),
    field("sync", REPLICA_SYNC, DISABLED, CU, DF),
    field("sync_sources", ListOf(&Of(&parts::SYNCER_SOURCE)), NONE, CU, DF),
    field("sync_dedicated_threads", Kind::Int(0, 10), "5", CU, DF),
    field("syncer_mode", Kind::OneOf(&["distributed", "centralized"]), "\"distributed\"", R, DF),
    field("syncer_log_level", Kind::OneOf(&["crit", "error", "warn", "info", "trace", "debug"]), "\"info\"", CU, DF),
    field("support_syncer_reconf", BOOL, "true", CU, DF),
    field("gradual_src_mode", ON_OFF, DISABLED, CU, DF),
    field("gradual_src_max_sources", COUNT, "1", CU, DF),
    field("gradual_sync_mode", Kind::OneOf(&["enabled", "disabled", "auto"]), AUTO, CU, DF),
    field("gradual_sync_max_shards_per_source", COUNT, "1", CU, DF),
    field("gradual_sync_policy", Kind::OneOf(&["default", "non-gradual", "migration", "replica", "active-active", "custom"]), "\"default\"", CU, D).since(Profile::V8_2_0),
    field("gradual_sync_policy_parameters", Of(&parts::GRADUAL_SYNC), GRADUAL_SYNC, CU, D).since(Profile::V8_2_0),
    field("crdt", BOOL, "false", R, DF),
    field("crdt_guid", TEXT, EMPTY, R, DF),
    field("crdt_replica_id", COUNT, "0", R, DF),
    field("crdt_replicas", TEXT, EMPTY, R, DF),
    field("crdt_ghost_replica_ids", TEXT, EMPTY, R, DF),
    field("crdt_config_version", COUNT, "0", R, DF),
    field("crdt_featureset_version", COUNT, "0", R, DF),
    field("crdt_protocol_version", COUNT, "0", R, DF),
    field("crdt_modules", TEXT, "\"[]\"", R, DF),
    field("crdt_sync", TEXT, DISABLED, R, DF),
    field("crdt_sources", ListOf(&Of(&parts::SYNCER_SOURCE)), NONE, R, DF),
    field("crdt_causal_consistency", BOOL, "false", R, DF),
    field("crdt_repl_backlog_size", TEXT, AUTO, R, DF),
    field("crdt_sync_dist", BOOL, "true", R, DF),
    field("crdt_syncer_auto_oom_unlatch", BOOL, "true", R, DF),
    field("crdt_sync_connection_alarm_timeout_seconds", COUNT, "0", CU, DF).since(Profile::V7_8_6),
    field("crdt_xadd_id_uniqueness_mode", Kind::OneOf(&["liberal", "strict", "semi-strict"]), "\"strict\"", CU, DF),
    field("replication_oom_threshold_percent", Kind::Int(0, 20), "5", CU, D).since(Profile::V8_0_20),
    // Seen on real clusters, not documented.
    field("availability_api", BOOL, "true", R, L).since(Profile::V8_0_20),
    field("is_balanced", BOOL, "true", R, L).since(Profile::V8_0_20),
    field("scaling_in_progress", BOOL, "false", R, L).since(Profile::V8_0_20),
    // Known by name only, hence never shown.
    field("asm_scaling", Kind::Any, NO, R, L).since(Profile::V8_0_20),
    field("dmc_shard_routing_map", Kind::Any, NO, R, L).since(Profile::V8_0_20),
    field("link_sconn_on_full_request_size_limit", Kind::Any, NO, R, L).since(Profile::V8_0_20),
    field("streamlined_translation", Kind::Any, NO, R, L).since(Profile::V8_0_20),
    field("string_sharing", Kind::Any, NO, R, L).since(Profile::V8_0_20),
    field("use_grpc_syncer_communication", Kind::Any, NO, R, L).since(Profile::V8_0_20),
    field("max_pubsub_connections", Kind::Any, NO, R, L).since(Profile::V8_2_0),
    field("maxmemory_rapid_growth", Kind::Any, NO, R, L).since(Profile::V8_2_0),
];

/// Fields that the documentation writes otherwise than captures show them before anything has happened.
const DOCUMENTED_TYPES: &[(&str, &str)] = &[
    ("backup_status", r#""idle""#),
    ("export_status", r#""idle""#),
    ("import_status", r#""idle""#),
    ("active_defrag_ignore_bytes", r#""100mb""#),
];

/// What a database has that nobody set.
pub(crate) fn fresh(env: &Env) -> Map<String, Value> {
    let mut fresh = super::defaults(FIELDS, env.profile);
    if env.on(Switch::TypesAsDocumented) {
        fresh.extend(super::defaults_instead(FIELDS, env.profile, DOCUMENTED_TYPES));
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::schema::{Ignored, Phase, accept, defaults};
    use serde_json::json;

    #[test]
    fn defaults_differ_between_profiles_where_the_documentation_says_so() {
        let has = |profile, name| defaults(FIELDS, profile).contains_key(name);
        for name in ["audit_settings", "gradual_sync_policy"] {
            assert!(
                has(Profile::V8_2_0, name) && !has(Profile::V8_0_20, name),
                "{name}"
            );
        }
        for name in [
            "conns_minimum_dedicated",
            "query_performance_factor",
            "traffic_manually_disabled",
        ] {
            assert!(
                has(Profile::V8_0_20, name) && !has(Profile::V7_22_2, name),
                "{name}"
            );
        }
    }

    #[test]
    fn values_outside_the_table_get_the_documented_code() {
        for (body, status, code) in [
            (json!({"proxy_policy": "some"}), 406, "invalid_proxy_policy"),
            (
                json!({"data_persistence": "rdb"}),
                406,
                "invalid_data_persistence",
            ),
            (json!({"shards_count": 513}), 406, "invalid_sharding"),
            (json!({"replication": "yes"}), 400, "invalid_schema"),
            (json!({"status": "active"}), 406, "invalid_param"),
            (json!({"flavour": 1}), 400, "invalid_schema"),
        ] {
            let Value::Object(map) = body.clone() else {
                panic!("not an object")
            };
            let (profile, ignored) = (Profile::V8_2_0, Ignored::default());
            let error = accept(FIELDS, profile, Phase::Create, ignored, &Map::new(), &map).unwrap_err();
            assert_eq!(
                (error.status.as_u16(), error.code.as_str()),
                (status, code),
                "{body}"
            );
        }
    }
}
