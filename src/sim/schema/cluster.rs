//! Fields of the cluster object (`/v1/cluster`). Values that captures show go before documented defaults.

use super::alert::ALERT_SETTINGS;
use super::bdb_parts::SUBJECT;
use super::kind::PORT;
use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::resources::iso;
use crate::sim::state::Env;
use crate::sim::switch::Switch;
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20, V8_2_0};
use serde_json::{Map, Value, json};

const TLS: Kind = Kind::OneOf(&["1.2", "1.3"]);
const TRISTATE: Kind = Kind::OneOf(&["enabled", "disabled", "auto"]);
const YES: &str = "true";
const NO: &str = "false";

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::Update)
}

const fn ro(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::Read)
}

const fn named(name: &'static str) -> Field {
    ro(name, Kind::Any, "").source(Source::Live)
}

pub(crate) const TABLE: Table = Table::new("cluster", "The cluster.", FIELDS);

pub(crate) const LOGROTATE: Table = Table::part(
    "logrotate_settings",
    "How logs are rotated.",
    &[
        rw("maxage", COUNT, "7"),
        rw("maxsize", Kind::Text, r#""200M""#),
        rw("rotate", COUNT, "10"),
    ],
)
.since(V7_22_2);

/// Every field.
#[rustfmt::skip]
pub(crate) const FIELDS: &[Field] = &[
    ro("name", Kind::Text, ""),
    ro("created_time", Kind::Text, ""),
    ro("uuid", Kind::Text, "").since(V8_0_20).source(Source::Live),
    ro("rack_aware", Kind::Bool, NO),
    rw("alert_settings", Kind::Of(&ALERT_SETTINGS), r#"{"cluster_ca_cert_about_to_expire":{"enabled":true,"threshold":"90"},"cluster_certs_about_to_expire":{"enabled":true,"threshold":"45"},"cluster_license_about_to_expire":{"enabled":true,"threshold":"7"},"cluster_node_operation_failed":true,"cluster_ocsp_query_failed":true,"cluster_ocsp_status_revoked":true,"cluster_users_count_approaches_limit":{"enabled":true,"threshold":"90"},"node_checks_error":true,"node_ephemeral_storage":{"enabled":true,"threshold":"70"},"node_free_flash":{"enabled":true,"threshold":"70"},"node_internal_certs_about_to_expire":{"enabled":true,"threshold":"45"},"node_persistent_storage":{"enabled":true,"threshold":"70"}}"#),
    rw("email_alerts", Kind::Bool, NO),
    rw("email_from", Kind::Text, ""),
    rw("smtp_host", Kind::Text, ""),
    rw("smtp_port", Kind::Int(1, 65535), ""),
    rw("smtp_username", Kind::Text, ""),
    Field::new("smtp_password", Kind::Text, "", Access::Write).since(V8_2_0),
    rw("smtp_password", Kind::Text, "").until(V8_2_0),
    rw("smtp_tls_mode", Kind::OneOf(&["none", "starttls", "tls"]), r#""none""#),
    rw("smtp_use_tls", Kind::Bool, NO),
    rw("cm_port", PORT, "8443"),
    rw("cnm_http_port", PORT, "8080"),
    rw("cnm_https_port", PORT, "9443"),
    rw("cm_session_timeout_minutes", COUNT, "15"),
    ro("cm_server_version", INT, "1").source(Source::Fixture),
    rw("cnm_http_workers", COUNT, "1"),
    rw("cnm_http_max_threads_per_worker", COUNT, "10"),
    rw("cluster_api_internal_port", PORT, "3346").source(Source::Fixture),
    rw("crdb_coordinator_port", PORT, "9081"),
    rw("crdb_coordinator_ignore_requests", Kind::Bool, NO).source(Source::Fixture),
    rw("envoy_admin_port", PORT, "8002"),
    rw("envoy_mgmt_server_port", PORT, "8004"),
    rw("gossip_envoy_admin_port", PORT, "8006"),
    rw("envoy_max_downstream_connections", Kind::Int(100, 2048), "1024"),
    rw("envoy_external_authorization", Kind::Bool, NO).source(Source::Fixture),
    rw("http_support", Kind::Bool, YES),
    rw("handle_redirects", Kind::Bool, NO),
    rw("handle_metrics_redirects", Kind::Bool, NO).source(Source::Fixture),
    rw("options_method_forbidden", Kind::Bool, NO),
    rw("use_external_ipv6", Kind::Bool, YES),
    rw("use_ipv6", Kind::Bool, YES).until(V8_2_0),
    rw("reserved_ports", Kind::Texts, "[]"),
    ro("system_reserved_ports", Kind::ListOf(&INT), "[1968,3333,3334,3335,3336,3339,3340,3341,3342,3343,3344,3345,3346,3348,3349,3350,3351,3352,3353,3354,3355,8000,8001,8002,8004,8006,8070,8071,8080,8443,8444,9080,9081,9091,9125,9443,10050,36379]").source(Source::Fixture),
    rw("control_cipher_suites", Kind::Text, r#""DEFAULT:!3DES""#),
    ro("control_cipher_suites_tls_1_3", Kind::Text, r#""TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256""#),
    rw("data_cipher_list", Kind::Text, r#""DEFAULT:!MD5:!SHA1:!kDH:!kECDH:!aNULL:!3DES""#),
    rw("data_cipher_suites_tls_1_3", Kind::Either(&[Kind::Text, Kind::Texts]), "[]"),
    rw("sentinel_cipher_suites", Kind::Texts, "[]"),
    ro("sentinel_cipher_suites_tls_1_3", Kind::Text, r#""TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256""#),
    rw("sentinel_tls_mode", Kind::OneOf(&["allowed", "disabled", "required"]), r#""allowed""#),
    rw("min_control_TLS_version", TLS, r#""1.2""#),
    rw("min_data_TLS_version", TLS, r#""1.2""#),
    rw("min_sentinel_TLS_version", TLS, r#""1.2""#),
    rw("control_plane_basic_authentication", Kind::Bool, YES).since(V8_2_0),
    rw("mtls_certificate_authentication", Kind::Bool, NO).since(V7_8_6),
    rw("mtls_client_cert_subject_validation_type", Kind::OneOf(&["disabled", "san_cn", "full_subject"]), r#""disabled""#).since(V7_8_6),
    rw("mtls_authorized_subjects", Kind::ListOf(&Kind::Of(&SUBJECT)), "[]").since(V7_8_6),
    ro("proxy_certificate", Kind::Text, ""),
    ro("syncer_certificate", Kind::Text, ""),
    rw("encrypt_pkeys", Kind::Bool, NO),
    rw("ccs_internode_encryption", Kind::Bool, YES).source(Source::Fixture),
    rw("password_complexity", Kind::Bool, NO),
    rw("password_min_length", Kind::Int(8, 256), "8").since(V7_8_6),
    rw("password_expiration_duration", COUNT, "0"),
    ro("password_hashing_algorithm", Kind::OneOf(&["SHA-256", "PBKDF2"]), r#""SHA-256""#).source(Source::Fixture),
    rw("mask_bdb_credentials", Kind::Bool, NO).since(V8_0_20),
    rw("metrics_auth", Kind::Bool, NO).since(V8_0_20),
    ro("metrics_system", INT, "0").source(Source::Fixture),
    rw("entra_id_cache_ttl", COUNT, "30").source(Source::Fixture),
    rw("dmc_external_authentication", Kind::Bool, NO).since(V8_0_20),
    rw("dmc_external_cba_authentication", Kind::Bool, NO).since(V8_0_20),
    rw("dmc_external_entraid_authentication", Kind::Bool, NO).since(V8_0_20),
    rw("dmc_external_ldap_authentication", Kind::Bool, NO).since(V8_0_20),
    rw("disconnect_clients_on_password_removal", TRISTATE, r#""auto""#).since(V8_0_20),
    rw("replica_sconns_on_demand", TRISTATE, r#""auto""#).since(V8_0_20),
    rw("multi_commands_opt", Kind::OneOf(&["disabled", "batch", "force_disabled"]), r#""batch""#).since(V7_22_2),
    rw("availability_lag_tolerance_ms", COUNT, "100").since(V8_0_20),
    rw("client_maint_notifications", Kind::Bool, NO).since(V8_0_20),
    rw("state_machine_smart_client_handoffs_delay_ms", Kind::Int(0, 10000), "2000").since(V8_0_20),
    rw("bigstore_driver", Kind::OneOf(&["speedb", "rocksdb"]), r#""speedb""#),
    rw("allow_modules_upload", Kind::Bool, NO).since(V8_2_0),
    rw("module_upload_max_size_mb", COUNT, "40").source(Source::Fixture),
    rw("debuginfo_path", Kind::Text, r#""/tmp""#),
    rw("logrotate_settings", Kind::Of(&LOGROTATE), r#"{"maxage":7,"maxsize":"200M","rotate":10}"#).since(V7_22_2),
    rw("slowlog_in_sanitized_support", Kind::Bool, YES),
    ro("cluster_ssh_public_key", Kind::Text, r#""ssh-rsa simulated""#),
    rw("s3_url", Kind::Text, ""),
    rw("s3_ca_cert", Kind::Text, ""),
    rw("s3_certificate_verification", Kind::Bool, YES).source(Source::Fixture),
    ro("slave_ha", Kind::Bool, YES),
    ro("slave_ha_grace_period", COUNT, "600"),
    ro("slave_ha_cooldown_period", COUNT, "3600"),
    ro("slave_ha_bdb_cooldown_period", COUNT, "7200"),
    rw("robust_crdt_syncer", Kind::Bool, YES).since(V7_22_2),
    ro("default_non_sharded_proxy_policy", Kind::Text, r#""single""#),
    ro("default_sharded_proxy_policy", Kind::Text, r#""single""#),
    ro("crdt_supported_featureset_version", INT, "8").since(V8_0_20),
    ro("crdt_supported_featureset_version_map", Kind::MapOf(&INT), "").since(V8_0_20),
    ro("crdt_supported_module_featureset_version_map", Kind::Object, "").since(V8_0_20),
    ro("crdt_supported_protocol_versions_map", Kind::MapOf(&Kind::Texts), "").since(V8_0_20),
    ro("crdt_supported_protocol_versions", Kind::Texts, r#"["1"]"#).since(V8_0_20),
    rw("crdt_rest_client_retries", COUNT, ""),
    rw("crdt_rest_client_timeout", COUNT, ""),
    rw("proxy_max_ccs_disconnection_time", COUNT, ""),
    rw("upgrade_mode", Kind::Bool, NO),
    ro("upgrade_in_progress", Kind::Bool, NO).source(Source::Fixture),
    rw("block_cluster_changes", Kind::Bool, NO).source(Source::Fixture),
    ro("wait_command", Kind::Bool, YES),
    ro("availability_api", Kind::Bool, YES).since(V7_22_2).source(Source::Live),
    // Known by name only, hence never shown.
    named("client_eviction").since(V8_0_20),
    named("clusterset_on_topology_changed").since(V8_0_20),
    named("grpc_cluster_wd").since(V8_0_20),
    named("oss_cluster_client_maint_notifications").since(V8_0_20),
    named("pdns_server_type").since(V8_0_20),
    named("redis_flex_multitenant").since(V8_0_20),
    named("shared_strings_enabled").since(V8_0_20),
    named("streamlined_translation").since(V8_0_20),
    named("usage_report_fields").since(V8_0_20),
    named("use_grpc_syncer_communication").since(V8_0_20),
    named("asm_client_maint_notifications").since(V8_2_0),
    named("grpc_gossip").since(V8_2_0),
    named("grpc_gossip_only").since(V8_2_0),
    named("grpc_info_provider").since(V8_2_0),
    named("state_machine_smart_client_handoffs_asm_delay_ms").since(V8_2_0),
];

/// Fields whose documented default is another one than the captured.
const DOCUMENTED: &[(&str, &str)] = &[
    ("http_support", NO),
    ("slave_ha", NO),
    ("slave_ha_grace_period", "900"),
    ("slave_ha_bdb_cooldown_period", "86400"),
    ("robust_crdt_syncer", NO),
    ("multi_commands_opt", r#""disabled""#),
    ("email_from", r#""""#),
    ("smtp_host", r#""""#),
    ("smtp_password", r#""""#),
    ("smtp_port", "25"),
    ("smtp_username", r#""""#),
];

/// Fields whose documented type is another one than the captured.
const DOCUMENTED_TYPES: &[(&str, &str)] = &[("data_cipher_suites_tls_1_3", r#""""#)];

/// Whether a node that is in no cluster serves its API over plain HTTP: as a new cluster would. Documented is only that "by default,
/// the Redis Software API supports communication over HTTP and HTTPS" (rest-api/encryption).
pub(crate) fn http_before_a_cluster(env: &Env) -> bool {
    !env.on(Switch::DefaultsAsDocumented)
}

/// Whether nodes speak TLS 1.3 only by these settings, and the list of their cipher suites for TLS 1.2 ("cluster administration
/// (control plane)", security/encryption/tls). A node that is in no cluster speaks 1.2 as well, with all suites.
pub(crate) fn control_tls(settings: Option<&Map<String, Value>>) -> (bool, &str) {
    let text = |name| settings?.get(name)?.as_str();
    (
        text("min_control_TLS_version") == Some("1.3"),
        text("control_cipher_suites").unwrap_or_default(),
    )
}

/// The settings of a new cluster.
pub(crate) fn fresh(env: &mut Env, name: &str) -> Map<String, Value> {
    let mut settings = super::defaults(FIELDS, env.profile);
    if env.on(Switch::DefaultsAsDocumented) {
        settings.extend(super::defaults_instead(FIELDS, env.profile, DOCUMENTED));
    }
    if env.on(Switch::TypesAsDocumented) {
        settings.extend(super::defaults_instead(FIELDS, env.profile, DOCUMENTED_TYPES));
    }
    settings.insert("name".to_owned(), json!(name));
    settings.insert("created_time".to_owned(), json!(iso(env.now)));
    // Usage reports tell it also where the cluster object does not.
    let uuid = env.ids.uuid();
    settings.insert("uuid".to_owned(), json!(uuid));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::version::Profile;

    #[test]
    fn a_profile_has_the_fields_of_its_version_only() {
        for (name, profile, has) in [
            ("use_ipv6", Profile::V8_0_20, true),
            ("use_ipv6", Profile::V8_2_0, false),
            ("uuid", Profile::V7_22_2, false),
            ("uuid", Profile::V8_0_20, true),
            ("control_plane_basic_authentication", Profile::V8_0_20, false),
            ("control_plane_basic_authentication", Profile::V8_2_0, true),
        ] {
            assert_eq!(
                super::super::find(FIELDS, profile, name).is_some(),
                has,
                "{name} in {profile}"
            );
        }
    }
}
