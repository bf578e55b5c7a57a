//! Every error code that the documentation names, with a request that earns it. One test for each row; the fidelity page
//! lists them.

use super::version::Profile;

/// How sure it is that this request gets this status and this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    /// Code and status are documented or captured together.
    Documented,
    /// The code is documented; the status or the exact occasion is deduced.
    Deduced,
    /// Nothing that the simulator holds can bring it about; a fault plan does.
    ByFault,
}

/// What happens before the request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Another version than the newest.
    In(Profile),
    /// So many nodes instead of three.
    Nodes(usize),
    /// None of the nodes belongs to a cluster.
    Fresh,
    /// The administrator sends this to the first node, and it succeeds.
    Do(&'static str, &'static str, &'static str),
    /// Seconds pass.
    Pass(i64),
    /// This node, counted from 1, loses power.
    Crash(usize),
    /// Database 1 holds so many bytes.
    Fill(u64),
    /// One rule of a fault plan.
    Fault(&'static str),
    /// The request comes from this user.
    As(&'static str, &'static str),
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) sure: Sure,
    pub(crate) before: &'static [Step],
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// JSON text; empty for none. `<expired>`, `<sound>` stand for certificates in PEM.
    pub(crate) body: &'static str,
    pub(crate) status: u16,
    /// `error_code`; empty for a refusal without one.
    pub(crate) code: &'static str,
}

/// Codes that are left out, with the reason.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("not_supported_action_on_crdt", "Active-Active"),
    ("name_violation", "Active-Active"),
    ("replication_violation", "Active-Active"),
    ("crdt_sharding_violation", "Active-Active"),
    (
        "ocsp_unsupported_by_capability",
        "clusters with nodes of an old version",
    ),
    (
        "db_conns_auditing_unsupported_by_capability",
        "clusters with nodes of an old version",
    ),
];

macro_rules! refusals {
    ($($name:ident: $sure:ident [$($step:expr),*] $method:literal $path:literal $body:literal => $status:literal $code:literal;)*) => {
        /// Every row.
        pub(crate) const REFUSALS: &[Refusal] = &[$(Refusal {
            name: stringify!($name),
            sure: Sure::$sure,
            before: &[$($step),*],
            method: $method,
            path: $path,
            body: $body,
            status: $status,
            code: $code,
        }),*];

        #[cfg(test)]
        mod rows {
            $(#[test]
            fn $name() {
                super::tests::play(stringify!($name));
            })*
        }
    };
}

use Profile::{V7_4_6, V7_22_2};
use Step::{As, Crash, Do, Fault, Fill, Fresh, In, Nodes, Pass};

const DB: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2"}"#,
);
const TWIN: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","replication":true}"#,
);
const MINUTE: Step = Pass(60);
const VIEWER: Step = Do(
    "POST",
    "/v1/users",
    r#"{"email":"v@example.com","name":"v","password":"v-pass","role":"cluster_viewer"}"#,
);
const AS_VIEWER: Step = As("v@example.com", "v-pass");
const UPLOADS: Step = Do("PUT", "/v1/cluster", r#"{"allow_modules_upload":true}"#);
const COMPLEX: Step = Do("PUT", "/v1/cluster", r#"{"password_complexity":true}"#);

#[rustfmt::skip]
refusals! {
    // Transport.
    wrong_accept: Documented [] "GET" "/v1/cluster?accept=text/html" "" => 400 "invalid_schema";
    unknown_path: Documented [] "GET" "/v1/nonsense" "" => 404 "";
    wrong_method: Documented [] "PATCH" "/v1/cluster" "" => 405 "";
    no_credentials: Documented [As("", "")] "GET" "/v1/cluster" "" => 401 "";
    wrong_password: Documented [As("admin@example.com", "wrong")] "GET" "/v1/cluster" "" => 401 "";
    lacking_permission: Documented [VIEWER, AS_VIEWER] "PUT" "/v1/cluster" r#"{"email_alerts":true}"# => 403 "unauthorized_action";
    not_a_member: Documented [Fresh] "GET" "/v1/cluster" "" => 503 "";
    unknown_version: Documented [] "GET" "/v1/cluster?x-api-version=9" "" => 505 "unsupported_api_version";
    malformed_body: Documented [] "PUT" "/v1/cluster" "[1]" => 400 "invalid_schema";
    no_quorum: Documented [DB, MINUTE, Crash(2), Crash(3), Pass(30)] "GET" "/v1/bdbs/1/availability" "" => 503 "no_quorum";
    old_cluster_resource: Deduced [] "GET" "/v1/crdbs" "" => 501 "unsupported_resource";

    // Bootstrap.
    config_error: Deduced [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"not a name"},"credentials":{"username":"a","password":"b"}}"# => 406 "config_error";
    connect_error: Documented [Fresh] "POST" "/v1/bootstrap/validate/join_cluster" r#"{"action":"join_cluster","cluster":{"name":"c.example.com","nodes":["10.9.9.9"]},"credentials":{"username":"a","password":"b"}}"# => 406 "connect_error";
    invalid_license: Documented [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"c.example.com"},"credentials":{"username":"a","password":"b"},"license":"junk"}"# => 406 "invalid_license";
    path_error: Documented [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"c.example.com"},"node":{"paths":{"persistent_path":"here"}},"credentials":{"username":"a","password":"b"}}"# => 406 "path_error";
    rack_id_required: Documented [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"c.example.com"},"policy":{"rack_aware":true},"credentials":{"username":"a","password":"b"}}"# => 406 "rack_id_required";
    access_denied: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"access_denied"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "access_denied";
    repair_required: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"repair_required"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "repair_required";
    insufficient_node_memory: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"insufficient_node_memory"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "insufficient_node_memory";
    insufficient_node_flash: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"insufficient_node_flash"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "insufficient_node_flash";
    time_not_sync: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"time_not_sync"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "time_not_sync";
    socket_directory_mismatch: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"socket_directory_mismatch"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "socket_directory_mismatch";
    node_config_mismatch: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"node_config_mismatch"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "node_config_mismatch";
    internal_error: ByFault [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"internal_error"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "internal_error";

    // Nodes and their actions.
    node_not_found: Documented [] "GET" "/v1/nodes/9" "" => 404 "node_not_found";
    node_not_offline: Documented [] "PUT" "/v1/nodes/1" r#"{"addr":"10.0.0.9"}"# => 406 "node_not_offline";
    node_already_populated: Documented [DB, MINUTE] "PUT" "/v1/nodes/1" r#"{"accept_servers":false}"# => 406 "node_already_populated";
    node_already_has_rack_id: Documented [Do("PUT", "/v1/nodes/1", r#"{"rack_id":"a"}"#)] "PUT" "/v1/nodes/1" r#"{"rack_id":"b"}"# => 406 "node_already_has_rack_id";
    invalid_oss_cluster_port_mapping: ByFault [Fault(r#"{"method":"PUT","effect":{"status":{"code":406,"body":"{\"error_code\":\"invalid_oss_cluster_port_mapping\"}"}}}"#)] "PUT" "/v1/nodes/1" r#"{"accept_servers":true}"# => 406 "invalid_oss_cluster_port_mapping";
    second_removal: Documented [Do("POST", "/v1/nodes/2/actions/remove", "{}")] "POST" "/v1/nodes/3/actions/remove" "{}" => 409 "action_already_running";
    removal_without_room: Documented [Nodes(2), TWIN, MINUTE, Do("POST", "/v1/nodes/2/actions/remove", "{}"), MINUTE] "GET" "/v1/nodes/2/actions/remove" "" => 200 "insufficient_resources";
    failed_action: ByFault [Fault(r#"{"method":"POST","path":"/v1/nodes/2/actions/*","effect":{"task_failed":"internal_error"}}"#), Do("POST", "/v1/nodes/2/actions/maintenance_on", "{}"), MINUTE] "GET" "/v1/nodes/2/actions/maintenance_on" "" => 200 "internal_error";
    action_never_run: Documented [] "GET" "/v1/nodes/1/actions/remove" "" => 404 "not_found";

    // Cluster, directory, sign-on, auditing.
    bad_nginx_conf: Documented [] "PUT" "/v1/cluster" r#"{"cm_port":9443}"# => 400 "bad_nginx_conf";
    bad_debuginfo_path: Documented [] "PUT" "/v1/cluster" r#"{"debuginfo_path":"tmp"}"# => 400 "bad_debuginfo_path";
    config_edit_conflict: ByFault [Fault(r#"{"method":"PUT","effect":{"status":{"code":409,"body":"{\"error_code\":\"config_edit_conflict\"}"}}}"#)] "PUT" "/v1/cluster" "{}" => 409 "config_edit_conflict";
    tls_cipher_update_not_allowed: ByFault [Fault(r#"{"method":"PUT","effect":{"status":{"code":400,"body":"{\"error_code\":\"tls_cipher_update_not_allowed\"}"}}}"#)] "PUT" "/v1/cluster" "{}" => 400 "tls_cipher_update_not_allowed";
    illegal_fields_combination: Documented [] "PUT" "/v1/cluster/ldap" r#"{"dn_group_attr":"memberOf","dn_group_query":{"base":"a","filter":"b","scope":"one"}}"# => 400 "illegal_fields_combination";
    missing_param: Documented [] "PUT" "/v1/cluster/sso" r#"{"control_plane":true}"# => 400 "missing_param";
    missing_certificate: Documented [] "PUT" "/v1/cluster/sso" r#"{"control_plane":true,"issuer":{"id":"i","login_url":"l","logout_url":"o"},"service":{"address":"https://c"}}"# => 406 "missing_certificate";
    missing_service_certificate: Documented [] "GET" "/v1/cluster/sso/saml/metadata/sp" "" => 406 "missing_certificate";
    saml_metadata_parsing_error: Documented [] "POST" "/v1/cluster/sso/saml/metadata/idp" r#"{"idp_metadata":"!"}"# => 400 "saml_metadata_parsing_error";
    saml_metadata_validation_error: Documented [] "POST" "/v1/cluster/sso/saml/metadata/idp" r#"{"idp_metadata":"PGEvPg=="}"# => 400 "saml_metadata_validation_error";
    saml_metadata_generation_error: ByFault [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"saml_metadata_generation_error\"}"}}}"#)] "GET" "/v1/cluster/sso/saml/metadata/sp" "" => 500 "saml_metadata_generation_error";
    delete_certificate_error: ByFault [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"delete_certificate_error\"}"}}}"#)] "DELETE" "/v1/cluster/sso" "" => 500 "delete_certificate_error";
    db_conns_audit_config_not_found: Documented [] "DELETE" "/v1/cluster/auditing/db_conns" "" => 404 "db_conns_audit_config_not_found";
    cannot_delete_audit_config_when_policy_enabled: Documented [Do("PUT", "/v1/cluster/auditing/db_conns", r#"{"audit_protocol":"local"}"#), Do("PUT", "/v1/cluster/policy", r#"{"db_conns_auditing":true}"#)] "DELETE" "/v1/cluster/auditing/db_conns" "" => 406 "cannot_delete_audit_config_when_policy_enabled";
    cannot_delete_audit_config_when_bdb_enabled: Documented [Do("PUT", "/v1/cluster/auditing/db_conns", r#"{"audit_protocol":"local"}"#), Do("POST", "/v1/bdbs", r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","db_conns_auditing":true}"#), MINUTE] "DELETE" "/v1/cluster/auditing/db_conns" "" => 406 "cannot_delete_audit_config_when_bdb_enabled";
    same_hashing: Documented [] "PATCH" "/v1/cluster/change_password_hashing_algorithm" r#"{"algorithm":"SHA-256"}"# => 400 "invalid_schema";
    master_of_unknown_node: Documented [] "POST" "/v1/cluster/actions/change_master" r#"{"node_uid":"9"}"# => 404 "not_found";

    // Licence and certificates.
    corrupt_license: Documented [] "PUT" "/v1/license" r#"{"license":"junk"}"# => 400 "invalid_license";
    expired_license: Documented [Pass(2_700_000)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2"}"# => 403 "license_expired";
    unknown_certificate: Documented [] "PUT" "/v1/cluster/certificates" r#"{"certificates":[{"name":"moon","certificate":"x","key":"y"}]}"# => 403 "forbidden";
    bad_cluster_certificate: Documented [] "PUT" "/v1/cluster/certificates" r#"{"certificates":[{"name":"api","certificate":"x","key":"y"}]}"# => 400 "invalid_certificate";
    required_certificate: Documented [] "DELETE" "/v1/cluster/certificates/api" "" => 403 "forbidden";
    absent_certificate: Documented [] "DELETE" "/v1/cluster/certificates/ldap_client" "" => 404 "not_found";
    rotation_of_api: Documented [] "POST" "/v1/cluster/certificates/rotate" r#"{"name":"api"}"# => 403 "forbidden";

    // Creating databases.
    missing_db_name: Documented [] "POST" "/v1/bdbs" r#"{"memory_size":268435456}"# => 406 "missing_db_name";
    missing_memory_size: Documented [] "POST" "/v1/bdbs" r#"{"name":"db"}"# => 406 "missing_memory_size";
    uid_exists: Documented [DB, MINUTE] "POST" "/v1/bdbs" r#"{"uid":1,"name":"db","memory_size":268435456,"redis_version":"7.2"}"# => 409 "uid_exists";
    port_unavailable: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","port":10050}"# => 406 "port_unavailable";
    insufficient_resources: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":26843545600000,"redis_version":"7.2"}"# => 406 "insufficient_resources";
    over_the_license: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","sharding":true,"shards_count":5,"shard_key_regex":[{"regex":"(?<tag>.*)"}]}"# => 406 "insufficient_resources";
    invalid_replication: Deduced [Nodes(1)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","replication":true}"# => 406 "invalid_replication";
    invalid_sharding: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","shards_count":2}"# => 406 "invalid_sharding";
    bad_shards_blueprint: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","shards_blueprint":[]}"# => 406 "bad_shards_blueprint";
    not_rack_aware: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","rack_aware":true}"# => 406 "not_rack_aware";
    rack_awareness_violation: Deduced [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"rack_aware":true}"# => 406 "rack_awareness_violation";
    invalid_version: Documented [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2.4"}"# => 406 "invalid_version";
    versionless: Documented [In(V7_4_6)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456}"# => 406 "invalid_version";
    missing_module: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","module_list":[{"module_name":"moon"}]}"# => 406 "missing_module";
    unsupported_module_capabilities: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","bigstore":true,"bigstore_ram_size":100000000,"module_list":[{"module_name":"bf"}]}"# => 406 "unsupported_module_capabilities";
    memcached_cannot_use_modules: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","type":"memcached","memory_size":268435456,"module_list":[{"module_name":"bf"}]}"# => 406 "memcached_cannot_use_modules";
    invalid_data_persistence: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","data_persistence":"snapshot"}"# => 406 "invalid_data_persistence";
    missing_backup_interval: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","backup":true}"# => 406 "missing_backup_interval";
    invalid_proxy_policy: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","proxy_policy":"some"}"# => 406 "invalid_proxy_policy";
    invalid_oss_cluster_configuration: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","oss_cluster":true,"hash_slots_policy":"legacy"}"# => 406 "invalid_oss_cluster_configuration";
    invalid_certificate: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","authentication_ssl_client_certs":[{"client_cert":"junk"}]}"# => 406 "invalid_certificate";
    certificate_expired: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","authentication_ssl_client_certs":[{"client_cert":"<expired>"}]}"# => 406 "certificate_expired";
    duplicated_certs: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","authentication_ssl_client_certs":[{"client_cert":"<sound>"},{"client_cert":"<sound>"}]}"# => 406 "duplicated_certs";
    invalid_sasl_credentials: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","type":"memcached","memory_size":268435456,"authentication_sasl_uname":"x"}"# => 406 "invalid_sasl_credentials";
    eviction_policy_violation: Deduced [In(V7_22_2)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","eviction_policy":"allkeys-lrm"}"# => 406 "eviction_policy_violation";
    invalid_bdb_tags: Documented [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","tags":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}"# => 406 "invalid_bdb_tags";
    redis_acl_unsupported: Deduced [] "POST" "/v1/bdbs" r#"{"name":"db","type":"memcached","memory_size":268435456,"roles_permissions":[{"role_uid":1,"redis_acl_uid":1}]}"# => 406 "redis_acl_unsupported";
    wrong_cluster_state_id: Deduced [] "POST" "/v1/bdbs?cluster-state-id=1" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2"}"# => 409 "wrong_cluster_state_id";

    // Changing databases.
    busy: Documented [DB] "PUT" "/v1/bdbs/1" r#"{"name":"other"}"# => 409 "busy";
    busy_at_delete: Documented [DB] "DELETE" "/v1/bdbs/1" "" => 409 "busy";
    unknown_database: Documented [] "PUT" "/v1/bdbs/9" "{}" => 404 "not_found";
    replication_node_violation: Documented [Nodes(1), DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"replication":true}"# => 406 "replication_node_violation";
    replication_size_violation: Documented [Do("POST", "/v1/bdbs", r#"{"name":"db","memory_size":10485760,"redis_version":"7.2"}"#), MINUTE] "PUT" "/v1/bdbs/1" r#"{"replication":true}"# => 406 "replication_size_violation";
    import_with_other_fields: Documented [DB, MINUTE] "POST" "/v1/bdbs/1/actions/import" r#"{"name":"x"}"# => 406 "invalid_param";
    syncerless: Documented [DB, MINUTE] "GET" "/v1/bdbs/1/syncer_state" "" => 404 "not_found";
    peers_of_no_crdb: Documented [DB, MINUTE] "GET" "/v1/bdbs/1/peer_stats" "" => 406 "not_crdt";
    alert_that_does_not_exist: Documented [DB, MINUTE] "POST" "/v1/bdbs/alerts/1" r#"{"moon":{"enabled":true}}"# => 406 "invalid_param";
    database_certificate: Documented [DB, MINUTE] "POST" "/v1/bdbs/1/certificates" r#"{"cert":"x","private_key":"y"}"# => 400 "invalid_certificate";

    // Modules of databases.
    db_not_exist: Documented [] "POST" "/v1/bdbs/9/modules/config" r#"{"modules":[]}"# => 404 "db_not_exist";
    missing_field: Documented [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" r#"{"modules":[{"module_name":"search"}]}"# => 400 "missing_field";
    invalid_schema: Documented [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" "[1]" => 400 "invalid_schema";
    param_error: Documented [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" r#"{"modules":[{"module_name":"search","module_args":"a&b"}]}"# => 400 "param_error";
    module_not_exist: Deduced [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" r#"{"modules":[{"module_name":"search","module_args":"MINPREFIX 3"}]}"# => 400 "module_not_exist";
    upgrade_to_missing_module: Deduced [DB, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"new_module":"0"}]}"# => 406 "missing_module";
    module_downgrade_unsupported: Deduced [UPLOADS, Do("POST", "/v2/modules/user-defined", r#"{"module_name":"bf","semantic_version":"0.0.1"}"#), DB, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"new_module":"<module bf 0.0.1>"}]}"# => 406 "module_downgrade_unsupported";
    redis_incompatible_version: Deduced [UPLOADS, Do("POST", "/v2/modules/user-defined", r#"{"module_name":"bf","semantic_version":"99.0.0","min_redis_version":"8.4"}"#), DB, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"new_module":"<module bf 99.0.0>"}]}"# => 406 "redis_incompatible_version";
    redis_pack_incompatible_version: Deduced [UPLOADS, Do("POST", "/v2/modules/user-defined", r#"{"module_name":"bf","semantic_version":"99.0.0","min_redis_pack_version":"99.0"}"#), DB, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"new_module":"<module bf 99.0.0>"}]}"# => 406 "redis_pack_incompatible_version";
    upgrade_lacks_capabilities: Deduced [UPLOADS, Do("POST", "/v2/modules/user-defined", r#"{"module_name":"bf","semantic_version":"99.0.0"}"#), TWIN, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"new_module":"<module bf 99.0.0>"}]}"# => 406 "unsupported_module_capabilities";
    upgrade_that_loses_data: Deduced [DB, MINUTE, Fill(4096)] "POST" "/v1/bdbs/1/upgrade" "{}" => 400 "invalid_schema";
    modules_upload_disabled: Documented [] "POST" "/v2/modules/user-defined" r#"{"module_name":"x","semantic_version":"1.0.0"}"# => 403 "modules_upload_disabled";

    // Availability and shards.
    db_not_found: Documented [] "GET" "/v1/bdbs/9/availability" "" => 404 "db_not_found";
    bdb_endpoint_unavailable: Documented [DB, MINUTE, Do("POST", "/v1/bdbs/1/actions/stop_traffic", "{}")] "GET" "/v1/local/bdbs/1/endpoint/availability" "" => 503 "bdb_endpoint_unavailable_port_unbound";
    bdb_unavailable: Documented [DB] "GET" "/v1/bdbs/1/availability" "" => 503 "bdb_unavailable_shard_unreachable_port_unbound";
    db_busy: Documented [TWIN] "POST" "/v1/shards/1/actions/failover" "{}" => 409 "db_busy";
    failover_shards_different_bdb: Deduced [DB, MINUTE, DB, MINUTE] "POST" "/v1/shards/actions/failover" r#"{"shard_uids":["1","2"]}"# => 400 "failover_shards_different_bdb";
    shard_is_slave: Documented [TWIN, MINUTE] "POST" "/v1/shards/2/actions/failover" "{}" => 400 "shard_is_slave";
    shard_not_exist: Documented [] "POST" "/v1/shards/9/actions/failover" "{}" => 404 "shard_not_exist";
    shard_uids_required: Documented [] "POST" "/v1/shards/actions/failover" "{}" => 404 "shard_uids_required";
    proxy_of_a_dead_node: Documented [Crash(3), MINUTE] "PUT" "/v1/proxies/3" r#"{"proxy":{"threads":4}}"# => 504 "proxy_timeout";

    // Users, roles, ACLs, LDAP mappings.
    password_not_complex: Documented [COMPLEX] "POST" "/v1/users" r#"{"email":"a@example.com","name":"a","password":"simple","role":"admin"}"# => 400 "password_not_complex";
    new_password_same_as_current: Documented [] "PUT" "/v1/users/password" r#"{"new_password":"secret"}"# => 400 "new_password_same_as_current";
    cannot_delete_last_password: Documented [] "DELETE" "/v1/users/password" r#"{"old_password":"secret"}"# => 400 "cannot_delete_last_password";
    email_already_exists: Documented [VIEWER] "POST" "/v1/users" r#"{"email":"v@example.com","name":"w","password":"p","role":"admin"}"# => 409 "email_already_exists";
    user_name_already_exists: Documented [VIEWER] "POST" "/v1/users" r#"{"email":"w@example.com","name":"v","password":"p","role":"admin"}"# => 409 "name_already_exists";
    change_last_admin_role_not_allowed: Documented [] "PUT" "/v1/users/1" r#"{"role":"db_viewer"}"# => 406 "change_last_admin_role_not_allowed";
    user_not_exist: Documented [] "GET" "/v1/users/9" "" => 404 "user_not_exist";
    unauthorized_action: Documented [VIEWER, AS_VIEWER] "PUT" "/v1/users/1" r#"{"name":"x"}"# => 403 "unauthorized_action";
    password_expired: Documented [Do("PUT", "/v1/cluster", r#"{"password_expiration_duration":1}"#), Pass(200_000)] "GET" "/v1/cluster" "" => 401 "password_expired";
    role_of_last_admin: Documented [] "PUT" "/v1/roles/1" r#"{"management":"db_viewer"}"# => 406 "change_last_admin_role_not_allowed";
    role_without_name: Documented [] "POST" "/v1/roles" r#"{"management":"db_viewer"}"# => 400 "missing_field";
    role_name_exists: Documented [] "POST" "/v1/roles" r#"{"name":"Admin"}"# => 409 "name_already_exists";
    role_in_use: Documented [] "DELETE" "/v1/roles/1" "" => 406 "role_in_use";
    invalid_param: Documented [] "POST" "/v1/redis_acls" r#"{"name":"x","acl":"everything"}"# => 400 "invalid_param";
    read_only_acl: Documented [] "DELETE" "/v1/redis_acls/1" "" => 409 "read_only";
    acl_without_rules: Documented [] "POST" "/v1/redis_acls" r#"{"name":"x"}"# => 400 "missing_field";
    ldap_mapping_not_exist: Documented [] "GET" "/v1/ldap_mappings/9" "" => 404 "ldap_mapping_not_exist";
    mapping_without_dn: Documented [] "POST" "/v1/ldap_mappings" r#"{"name":"x","role_uids":[1]}"# => 400 "missing_field";
    invalid_dn_param: Documented [] "POST" "/v1/ldap_mappings" r#"{"name":"x","dn":" ","role_uids":[1]}"# => 400 "invalid_dn_param";
    invalid_name_param: Documented [] "POST" "/v1/ldap_mappings" r#"{"name":"<","dn":"cn=x","role_uids":[1]}"# => 400 "invalid_name_param";
    invalid_role_uids_param: Documented [] "POST" "/v1/ldap_mappings" r#"{"name":"x","dn":"cn=x","role_uids":[]}"# => 400 "invalid_role_uids_param";
    invalid_account_id_param: Documented [] "POST" "/v1/ldap_mappings" r#"{"name":"x","dn":"cn=x","role_uids":[1],"account_id":"x"}"# => 400 "invalid_account_id_param";

    // The rest.
    no_responder_url: Documented [] "POST" "/v1/ocsp/test" "{}" => 500 "no_responder_url";
    task_queued_for_too_long: ByFault [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"task_queued_for_too_long\"}"}}}"#)] "POST" "/v1/ocsp/test" "{}" => 500 "task_queued_for_too_long";
    invalid_ocsp_response: ByFault [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"invalid_ocsp_response\"}"}}}"#)] "POST" "/v1/ocsp/test" "{}" => 500 "invalid_ocsp_response";
    busy_job_scheduler: ByFault [Fault(r#"{"effect":{"status":{"code":409,"body":"{\"error_code\":\"busy\"}"}}}"#)] "PUT" "/v1/job_scheduler" "{}" => 409 "busy";
    unknown_suffix: Documented [] "GET" "/v1/suffix/moon.example.com" "" => 404 "not_found";
    unknown_schema: Documented [] "GET" "/v1/jsonschema?object=moon" "" => 406 "invalid_object";
    empty_metrics_config: Documented [] "PUT" "/v1/metrics_config" "" => 400 "invalid_schema";
    stats_of_a_new_database: Documented [DB] "GET" "/v1/bdbs/stats/1" "" => 406 "db_not_active";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;
    use crate::sim::resources::catalog;
    use crate::sim::switch::Switches;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use rcgen::{CertificateParams, KeyPair};
    use serde_json::{Value, json};

    /// Plays the row of this name.
    pub(super) fn play(name: &str) {
        let row = REFUSALS.iter().find(|row| row.name == name).unwrap();
        let profile = row.before.iter().find_map(|step| {
            if let In(profile) = step {
                Some(*profile)
            } else {
                None
            }
        });
        let nodes = row.before.iter().find_map(|step| {
            if let Nodes(count) = step {
                Some(*count)
            } else {
                None
            }
        });
        let mut sim = Fixture::with(
            nodes.unwrap_or(3),
            profile.unwrap_or_default(),
            Switches::default(),
        );
        if !row.before.iter().any(|step| matches!(step, Fresh)) {
            form(&mut sim, nodes.unwrap_or(3));
        }
        let mut user = Some(("admin@example.com", "secret"));
        for step in row.before {
            match *step {
                In(_) | Nodes(_) | Fresh => {}
                Do(method, path, body) => {
                    let body = filled(body, &sim);
                    let reply = sim.admin(0, method, path, body);
                    assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
                }
                Pass(secs) => sim.pass(secs),
                Crash(node) => sim.world.crash(NodeIndex(node - 1)),
                Fill(bytes) => assert!(sim.world.fill(NodeIndex(0), 1, bytes)),
                Fault(rule) => sim.faults(json!([serde_json::from_str::<Value>(rule).unwrap()])),
                As("", _) => user = None,
                As(name, password) => user = Some((name, password)),
            }
        }
        let (path, headers) = headers(row.path, user);
        let got = sim.raw(0, row.method, &path, &headers, filled(row.body, &sim));
        let pointer = if path == "/v1/bootstrap" {
            "/bootstrap_status/error_code"
        } else {
            "/error_code"
        };
        let code = got
            .json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert_eq!((got.status, code), (row.status, row.code), "{got:?}");
    }

    fn form(sim: &mut Fixture, members: usize) {
        let body = sim.create_body();
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
        sim.pass(60);
        for node in 1..members {
            let body = sim.join_body(node);
            assert_eq!(sim.bootstrap_error(node, body), "");
        }
    }

    /// Headers that the row writes as query parameters, and credentials.
    fn headers(path: &str, user: Option<(&str, &str)>) -> (String, Vec<(&'static str, String)>) {
        let mut headers = Vec::new();
        headers.extend(user.map(|(name, password)| {
            (
                "authorization",
                format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))),
            )
        }));
        for name in ["accept", "x-api-version", "cluster-state-id"] {
            if let Some((bare, value)) = path.split_once(&format!("?{name}=")) {
                headers.push((name, value.to_owned()));
                return (bare.to_owned(), headers);
            }
        }
        (path.to_owned(), headers)
    }

    /// The body, with what its placeholders stand for.
    fn filled(body: &str, sim: &Fixture) -> Value {
        if body.is_empty() {
            return Value::Null;
        }
        if body == "<create>" {
            return sim.create_body();
        }
        let mut text = body.to_owned();
        let sound = if body.contains("<sound>") {
            pem(2030)
        } else {
            String::new()
        };
        let expired = if body.contains("<expired>") {
            pem(2024)
        } else {
            String::new()
        };
        text = text.replace("<sound>", &sound).replace("<expired>", &expired);
        if let Some((_, rest)) = body.split_once("<module ") {
            let (module, _) = rest.split_once('>').unwrap();
            let (name, version) = module.split_once(' ').unwrap();
            text = text.replace(&format!("<module {module}>"), &catalog::uid(name, version));
        }
        serde_json::from_str(&text).unwrap()
    }

    /// A certificate until that year, as it stands in JSON text.
    fn pem(until: i32) -> String {
        let mut params = CertificateParams::new(vec!["client.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .pem()
            .replace('\n', "\\n")
    }

    #[test]
    fn no_code_is_both_reached_and_left_out() {
        for (code, _) in LEFT_OUT {
            assert!(!REFUSALS.iter().any(|row| row.code == *code), "{code}");
        }
    }
}
