//! Objects of which a cluster has one besides itself: LDAP, single sign-on, services, jobs, diagnostics, metrics, OCSP.

use super::{Access, COUNT, Field, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20, V8_2_0};

const NO: &str = "false";

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

/// A search below a node of the directory: nothing, or all three.
pub(crate) const QUERY: &[Field] = &[
    rw("base", Kind::Text, ""),
    rw("filter", Kind::Text, ""),
    rw("scope", Kind::OneOf(&["base", "one", "subtree"]), ""),
];

/// `/v1/cluster/ldap`
#[rustfmt::skip]
pub(crate) const LDAP: &[Field] = &[
    rw("bind_dn", Kind::Text, r#""""#),
    rw("bind_pass", Kind::Text, r#""""#),
    rw("ca_cert", Kind::Text, r#""""#),
    rw("cache_ttl", Kind::Int(0, i64::MAX), "300"),
    rw("cba", Kind::Bool, NO).since(V8_0_20),
    rw("cba_identity_source", Kind::OneOf(&["subject_cn", "subject_oid"]), "").since(V8_0_20),
    rw("cba_identity_oid", Kind::Text, "").since(V8_0_20),
    rw("control_plane", Kind::Bool, NO),
    rw("data_plane", Kind::Bool, NO),
    rw("directory_timeout_s", Kind::Int(5, 60), "5"),
    rw("dn_group_attr", Kind::Text, r#""""#),
    rw("dn_group_query", Kind::Nested(QUERY), "{}"),
    rw("starttls", Kind::Bool, NO),
    rw("uris", Kind::Texts, "[]"),
    rw("user_dn_query", Kind::Nested(QUERY), "{}"),
    rw("user_dn_template", Kind::Text, r#""""#),
];

const ISSUER: &[Field] = &[
    rw("id", Kind::Text, ""),
    rw("login_url", Kind::Text, ""),
    rw("logout_url", Kind::Text, ""),
    Field::new("metadata", Kind::Text, "", Access::Read),
];

const fn ro(name: &'static str) -> Field {
    Field::new(name, Kind::Text, "", Access::Read)
}

const SAML: &[Field] = &[ro("entity_id"), ro("acs_url"), ro("slo_url")];

const SERVICE: &[Field] = &[
    rw("address", Kind::Text, ""),
    Field::new("saml2", Kind::Nested(SAML), "", Access::Read),
];

/// `/v1/cluster/sso`
pub(crate) const SSO: &[Field] = &[
    rw("control_plane", Kind::Bool, NO),
    rw("enforce_control_plane", Kind::Bool, NO),
    rw("protocol", Kind::OneOf(&["saml2"]), r#""saml2""#),
    rw("issuer", Kind::Nested(ISSUER), "{}"),
    rw("service", Kind::Nested(SERVICE), "{}"),
];

const MODE: Kind = Kind::Nested(&[rw("operating_mode", Kind::OneOf(&["enabled", "disabled"]), "")]);
const ON: &str = r#"{"operating_mode":"enabled"}"#;

/// `/v1/cluster/services_configuration`
#[rustfmt::skip]
pub(crate) const SERVICES: &[Field] = &[
    rw("alert_mgr", MODE, ON),
    rw("call_home_agent", MODE, ON).since(V7_22_2),
    rw("cm_server", MODE, ON),
    rw("crdb_coordinator", MODE, ON),
    rw("crdb_worker", MODE, ON),
    rw("entraid_agent_mgr", MODE, ON).since(V7_8_6),
    rw("ldap_agent_mgr", MODE, ON).since(V7_8_6),
    rw("mdns_server", MODE, r#"{"operating_mode":"disabled"}"#),
    rw("pdns_server", MODE, ON),
    rw("sentinel_service", MODE, ON).since(V7_22_2),
    rw("stats_archiver", MODE, ON),
];

/// `/v1/cluster/auditing/db_conns`
pub(crate) const AUDITING: &[Field] = &[
    rw("audit_protocol", Kind::OneOf(&["TCP", "local"]), ""),
    rw("audit_address", Kind::Text, ""),
    rw("audit_port", Kind::Int(1, 65535), ""),
    rw("audit_reconnect_interval", COUNT, "1"),
    rw("audit_reconnect_max_attempts", COUNT, "0"),
    rw("audit_queue_max_bytes", COUNT, "524288").since(V8_2_0),
];

const CRON: Field = rw("cron_expression", Kind::Text, "");
const ENABLED: Field = rw("enabled", Kind::Bool, "").since(V7_8_6);
const JOB: Kind = Kind::Nested(&[CRON, ENABLED]);

/// `/v1/job_scheduler`
#[rustfmt::skip]
pub(crate) const JOBS: &[Field] = &[
    rw("backup_job_settings", JOB, r#"{"cron_expression":"*/5 * * * *","enabled":true}"#),
    rw("bdb_usage_report_job_settings", Kind::Nested(&[CRON, ENABLED, rw("file_retention_days", Kind::Int(1, 1000), "")]), r#"{"cron_expression":"0 */1 * * *","enabled":false,"file_retention_days":365}"#).since(V7_8_6),
    rw("cert_rotation_job_settings", Kind::Nested(&[CRON, ENABLED, rw("expiry_days_before_rotation", Kind::Int(1, 90), "")]), r#"{"cron_expression":"0 * * * *","enabled":true,"expiry_days_before_rotation":60}"#),
    rw("log_rotation_job_settings", JOB, r#"{"cron_expression":"*/5 * * * *","enabled":true}"#),
    rw("node_checks_job_settings", JOB, r#"{"cron_expression":"0 * * * *","enabled":true}"#),
    rw("redis_cleanup_job_settings", Kind::Nested(&[CRON]), r#"{"cron_expression":"0 * * * *"}"#).until(V8_2_0),
    rw("rotate_ccs_job_settings", Kind::Nested(&[CRON, ENABLED, rw("file_suffix", Kind::Text, ""), rw("rotate_max_num", Kind::Int(1, 100), "")]), r#"{"cron_expression":"*/5 * * * *","enabled":true,"file_suffix":"5min","rotate_max_num":24}"#),
];

/// `/v1/cm_settings`
pub(crate) const CM: &[Field] = &[rw("timezone", Kind::Text, r#""UTC""#)];

const TARGET: Kind = Kind::Nested(&[CRON]);
const TEN: &str = r#"{"cron_expression":"*/10 * * * *"}"#;
const THIRTY: &str = r#"{"cron_expression":"*/30 * * * *"}"#;

/// `/v1/diagnostics`
#[rustfmt::skip]
pub(crate) const DIAGNOSTICS: &[Field] = &[
    rw("bdb_client_list_target", TARGET, TEN),
    rw("bdb_info_target", TARGET, TEN),
    rw("bdb_target", TARGET, TEN),
    rw("command_stats_target", TARGET, THIRTY),
    rw("network_stats_target", TARGET, THIRTY),
    rw("persistent_files_target", TARGET, TEN),
    rw("rladmin_status_target", TARGET, TEN),
    rw("shard_info_target", TARGET, TEN),
    rw("shard_latency_histogram_target", TARGET, TEN),
    rw("shard_latency_target", TARGET, TEN),
    rw("shard_target", TARGET, TEN),
    rw("slowlog_target", Kind::Nested(&[CRON, rw("max_entries", COUNT, "")]), r#"{"cron_expression":"*/10 * * * *","max_entries":100}"#),
    rw("socket_files_target", TARGET, TEN),
];

/// `/v1/metrics_config`
pub(crate) const METRICS: &[Field] = &[
    rw("key_distribution_enabled", Kind::Bool, NO),
    rw("key_size_buckets", Kind::Text, r#""""#),
    rw("key_items_buckets", Kind::Text, r#""""#),
    rw("local_storage_max_size_mb", Kind::Int(1, i64::MAX), "1024"),
    rw("local_storage_retention_days", Kind::Int(1, i64::MAX), "8"),
    rw("expose_db_tags", Kind::Bool, NO).since(V8_2_0),
    rw("metrics_tag_keys_exposed", Kind::Texts, "[]").since(V8_2_0),
    rw("max_requests_in_flight", COUNT, "2"),
];

/// `/v1/ocsp`
pub(crate) const OCSP: &[Field] = &[
    rw("ocsp_functionality", Kind::Bool, NO).source(Source::DocFixture),
    rw("query_frequency", Kind::Int(60, 86400), "3600").source(Source::DocFixture),
    rw("recovery_frequency", Kind::Int(60, 86400), "60").source(Source::DocFixture),
    rw("recovery_max_tries", Kind::Int(1, 100), "5").source(Source::DocFixture),
    Field::new("responder_url", Kind::Text, r#""""#, Access::Read).source(Source::DocFixture),
    rw("response_timeout", Kind::Int(1, 60), "1").source(Source::DocFixture),
];

/// `/v1/suffix/{name}`
pub(crate) const SUFFIX: &[Field] = &[
    Field::new("name", Kind::Text, "", Access::Read),
    Field::new("default", Kind::Bool, "", Access::Read),
    Field::new("internal", Kind::Bool, "", Access::Read),
    Field::new("mdns", Kind::Bool, "", Access::Read),
    rw("slaves", Kind::Texts, ""),
    Field::new("use_aaaa_ns", Kind::Bool, "", Access::Read),
];

pub(crate) const LDAP_TABLE: Table = Table::new("ldap", "Connection to a directory.", LDAP);
pub(crate) const SSO_TABLE: Table = Table::new("sso", "Single sign-on.", SSO).since(V8_0_20);
pub(crate) const SERVICES_TABLE: Table = Table::new("services_configuration", "Optional services.", SERVICES);
pub(crate) const AUDITING_TABLE: Table = Table::new(
    "db_conns_auditing_config",
    "Where connections are audited.",
    AUDITING,
);
pub(crate) const JOBS_TABLE: Table = Table::new("job_scheduler", "Jobs that run by themselves.", JOBS);
pub(crate) const CM_TABLE: Table =
    Table::new("cm_settings", "Settings of the Cluster Manager.", CM).since(V7_8_6);
pub(crate) const DIAGNOSTICS_TABLE: Table = Table::new(
    "diagnostics",
    "What the diagnostic logging service collects.",
    DIAGNOSTICS,
)
.since(V7_8_6);
pub(crate) const METRICS_TABLE: Table =
    Table::new("metrics_config", "What is measured and kept.", METRICS).since(V8_0_20);
pub(crate) const OCSP_TABLE: Table = Table::new("ocsp", "Status queries about the proxy certificate.", OCSP);
pub(crate) const SUFFIX_TABLE: Table = Table::new("suffix", "A DNS suffix.", SUFFIX);

pub(crate) const OCSP_STATUS: Table = Table::new(
    "ocsp_status",
    "What the responder said of the proxy certificate.",
    &[
        Field::new(
            "cert_status",
            Kind::OneOf(&["GOOD", "REVOKED", "UNKNOWN"]),
            "",
            Access::Read,
        ),
        ro("responder_url"),
        ro("next_update"),
        ro("produced_at"),
        ro("revocation_time"),
        ro("this_update"),
    ],
);
