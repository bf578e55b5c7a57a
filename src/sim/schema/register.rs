//! Every table.

use super::{
    Table, access, action, alert, bdb, bdb_parts, bootstrap, certificate, cluster, event, health, module,
    node, policy, request, settings, shard, stats,
};

/// Every table: the objects that `GET /v1/jsonschema` knows, then their parts and the bodies that are no objects.
pub(crate) const TABLES: &[&Table] = &[
    &bdb::TABLE,
    &access::BDB_GROUP_TABLE,
    &action::ACTION,
    &alert::ALERT,
    &bootstrap::BOOTSTRAP,
    &certificate::UPLOAD,
    &node::CLUSTER_CHECK,
    &cluster::TABLE,
    &policy::TABLE,
    &settings::CM_TABLE,
    &settings::AUDITING_TABLE,
    &alert::BDB_ALERT_SETTINGS,
    &settings::DIAGNOSTICS_TABLE,
    &settings::JOBS_TABLE,
    &request::JWT_AUTHORIZE,
    &settings::LDAP_TABLE,
    &access::LDAP_MAPPING_TABLE,
    &settings::METRICS_TABLE,
    &module::TABLE,
    &module::USER_DEFINED_TABLE,
    &node::TABLE,
    &settings::OCSP_TABLE,
    &settings::OCSP_STATUS,
    &module::PROXY_TABLE,
    &access::REDIS_ACL_TABLE,
    &access::ROLE_TABLE,
    &settings::SERVICES_TABLE,
    &shard::TABLE,
    &settings::SSO_TABLE,
    &action::STATE_MACHINE,
    &settings::SUFFIX_TABLE,
    &access::USER_TABLE,
    &bdb_parts::TAG,
    &bdb_parts::SUBJECT,
    &bdb_parts::CLIENT_CERT,
    &bdb_parts::ROLE_PERMISSION,
    &bdb_parts::REGEX,
    &bdb_parts::SNAPSHOT_POLICY,
    &bdb_parts::BACKGROUND_OP,
    &bdb_parts::ENDPOINT,
    &bdb_parts::MODULE,
    &bdb_parts::RAM_WEIGHT,
    &bdb_parts::BLUEPRINT,
    &bdb_parts::BLUEPRINT_NODE,
    &bdb_parts::LOCATION,
    &bdb_parts::IMPORT_SOURCE,
    &bdb_parts::SYNCER_SOURCE,
    &bdb_parts::AUDIT,
    &bdb_parts::GRADUAL_SYNC,
    &bdb_parts::QUERY_PERFORMANCE,
    &bdb_parts::SEARCH,
    &bdb_parts::TIMESERIES,
    &bdb_parts::PROBABILISTIC,
    &bdb_parts::CERTIFICATE,
    &bdb_parts::SET_CERTIFICATE,
    &request::CREATE_V2,
    &request::EXPORT,
    &request::IMPORT,
    &request::REVAMP,
    &request::RECOVER,
    &request::RECOVERY_PLAN,
    &request::UPGRADE,
    &module::CONFIGURE,
    &module::UPGRADED,
    &request::COMMAND,
    &request::BDB_PASSWORD,
    &shard::LOADING,
    &shard::BACKUP,
    &shard::SYNC,
    &action::FAILOVER,
    &action::MIGRATE,
    &action::SHARD_ACTION,
    &action::TASK_V1,
    &action::PENDING_OP,
    &action::ACTION_V2,
    &action::REMOVE,
    &action::MAINTENANCE_ON,
    &action::MAINTENANCE_OFF,
    &action::ENSLAVE_NODE,
    &action::CHANGE_MASTER,
    &bootstrap::CLUSTER_IDENTITY,
    &bootstrap::CREDENTIALS,
    &bootstrap::NODE_IDENTITY,
    &bootstrap::IDENTITY,
    &bootstrap::LIMITS,
    &bootstrap::PATHS,
    &bootstrap::POLICY,
    &bootstrap::DNS_SUFFIX,
    &bootstrap::USER_DEFINED_MODULE,
    &bootstrap::STATUS,
    &bootstrap::ERROR_DETAILS,
    &bootstrap::LOCAL_NODE,
    &node::DATABASE_VERSION,
    &node::STATUS,
    &node::SNAPSHOT,
    &node::CHECK,
    &node::WATCHDOG,
    &node::HEALTHCHECK,
    &node::SERVICE,
    &node::OPERATE_SERVICES,
    &module::SET_PROXY,
    &module::PACKAGED,
    &module::ARTIFACT,
    &alert::ALERT_SETTINGS,
    &alert::THRESHOLD,
    &alert::OF_CLUSTER,
    &alert::OF_NODE,
    &alert::OF_BDB,
    &alert::OF_SOURCE,
    &alert::OF_CRDT_SOURCE,
    &cluster::LOGROTATE,
    &certificate::LICENSE,
    &certificate::INSTALLED,
    &certificate::BULK_UPLOAD,
    &certificate::ROTATE,
    &certificate::HASHING,
    &request::USER_PASSWORD,
    &request::ROLE_PERMISSIONS,
    &request::VALIDATE_ACL,
    &request::IDP_METADATA,
    &stats::CLUSTER,
    &stats::NODE,
    &stats::BDB,
    &stats::SHARD,
    &stats::ENDPOINT,
    &stats::SOURCE,
    &stats::PEER,
    &health::CLUSTER,
    &health::NODE,
    &health::SHARD,
    &health::DATABASE,
    &event::TABLE,
    &event::MIGRATION,
    &event::SYNCER_STATE,
    &event::WITNESS_DISK,
    &event::USAGE,
    &certificate::ERROR,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::schema::Kind;
    use crate::sim::version::Profile;
    use serde_json::Value;

    #[test]
    fn a_version_has_the_fields_of_its_own_pages() {
        for (object, field, has) in [
            ("bdb", "activedefrag", "00111"),
            ("bdb", "tracking_table_max_keys", "01111"),
            ("bdb", "traffic_manually_disabled", "00011"),
            ("bdb", "gradual_sync_policy", "00001"),
            ("bdb", "search", "00011"),
            ("bdb", "timeseries", "00011"),
            ("bdb", "probabilistic", "00011"),
            ("bdb", "query_performance_factor", "00011"),
            ("cluster", "password_min_length", "01111"),
            ("cluster", "logrotate_settings", "00111"),
            ("cluster", "mask_bdb_credentials", "00011"),
            ("cluster", "use_ipv6", "11110"),
            ("cluster_settings", "default_bigstore_version", "00111"),
            ("cluster_settings", "filter_node_wd_health_metrics", "00011"),
            ("node", "second_rack_id", "00111"),
            ("node", "oss_cluster_ip_mapping", "00011"),
            ("identity", "second_rack_id", "00111"),
            ("credentials", "client_cert", "00001"),
            ("proxy", "client_eviction", "00111"),
            ("module", "platforms", "11100"),
            ("module", "compatible_redis_version", "01111"),
            ("role", "resources", "00001"),
            ("user", "certificate_subject_line", "01111"),
            ("user", "last_login", "00011"),
            ("ldap", "cba", "00011"),
            ("alert_settings", "cluster_inconsistent_redis_sw", "11000"),
            ("alert_settings", "cluster_users_count_approaches_limit", "00011"),
            ("job_scheduler", "bdb_usage_report_job_settings", "01111"),
            ("services_configuration", "sentinel_service", "00111"),
            ("shard", "actual_role", "00011"),
        ] {
            let table = TABLES.iter().find(|table| table.name == object).expect(object);
            let knows = |profile: Profile| table.names(profile).any(|name| name == field);
            let found: String = Profile::ALL
                .map(|profile| if knows(profile) { '1' } else { '0' })
                .iter()
                .collect();
            assert_eq!(found, has, "{field} of {object}");
        }
    }

    #[test]
    fn every_table_is_in_the_register_once_and_has_each_field_once_in_a_profile() {
        let mut names = std::collections::BTreeSet::new();
        for table in TABLES {
            assert!(names.insert(table.name), "{} twice", table.name);
            for profile in Profile::ALL {
                let fields: Vec<&str> = table.names(profile).collect();
                let unique: std::collections::BTreeSet<_> = fields.iter().collect();
                assert_eq!(unique.len(), fields.len(), "{} in {profile}", table.name);
            }
        }
        let answered = crate::sim::route::TABLES.iter().copied().flatten();
        let answered = answered.filter_map(|route| route.answers.kind());
        let fields = TABLES.iter().flat_map(|table| table.fields);
        for kind in fields.map(|field| field.kind).chain(answered) {
            for name in tables_in(kind) {
                assert!(names.contains(name), "{name} is not in the register");
            }
        }
    }

    #[test]
    fn every_default_is_json_that_its_own_row_allows() {
        for (table, field) in TABLES
            .iter()
            .flat_map(|table| table.fields.iter().map(move |field| (table, field)))
        {
            if field.default.is_empty() {
                continue;
            }
            let value: Value = serde_json::from_str(field.default).expect(field.name);
            let latest = field.until.map_or(Profile::V8_2_0, |_| field.since);
            assert_eq!(
                field.kind.check(latest, &value),
                Ok(()),
                "{} of {}",
                field.name,
                table.name
            );
        }
    }

    /// Names of the tables that a kind refers to.
    pub(super) fn tables_in(kind: Kind) -> Vec<&'static str> {
        match kind {
            Kind::Of(table) => vec![table.name],
            Kind::Nested(fields) => fields.iter().flat_map(|field| tables_in(field.kind)).collect(),
            Kind::ListOf(kind) | Kind::MapOf(kind) => tables_in(*kind),
            Kind::Either(kinds) => kinds.iter().flat_map(|kind| tables_in(*kind)).collect(),
            _ => Vec::new(),
        }
    }
}
