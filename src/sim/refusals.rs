//! Every error code that the documentation names, with a request that earns it. One test for each row; the fidelity page
//! lists them.

use super::version::Profile;

/// How sure it is that this request gets this status and this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    /// The page of the call has the status and, if there is one, the code, and leaves no doubt that they belong together; or
    /// both were captured together.
    Documented,
    /// The code is documented; which of the documented statuses it comes with, or the exact occasion, is deduced. Without a
    /// code: the status is known from elsewhere.
    Deduced,
    /// The page of the call has the status and names no code for it: the code is the simulator's own, one that is
    /// documented for other calls, or one that clients of real clusters wait for.
    OwnCode,
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
    /// There is one more machine, which belongs to no cluster.
    Spare,
    /// This machine, counted from 1, is not as the others are.
    Odd(usize, Oddity),
    /// The request goes to this machine instead of the first.
    At(usize),
    /// This node, counted from 1, loses power.
    Crash(usize),
    /// Database 1 holds so many bytes.
    Fill(u64),
    /// One rule of a fault plan.
    Fault(&'static str),
    /// The request comes from this user.
    As(&'static str, &'static str),
}

/// In what a machine differs from the others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Oddity {
    /// Bytes of memory.
    Memory(u64),
    /// Bytes of flash.
    Flash(u64),
    /// Seconds that its clock is ahead.
    ClockAhead(i64),
    /// It keeps its sockets elsewhere.
    SocketDirectory,
    /// It was installed with other settings.
    Installation,
    /// It runs in FIPS mode.
    Fips,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) sure: Sure,
    /// The page of the documentation that it rests on: `requests/bdbs`, `api-reference` for the schema; empty if there is none.
    pub(crate) page: &'static str,
    pub(crate) before: &'static [Step],
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// JSON text; empty for none. `<expired>`, `<sound>` stand for certificates in PEM, `<512 ranges>` for a list of so many,
    /// `<package ...>` for an upload of a module with this description.
    pub(crate) body: &'static str,
    pub(crate) status: u16,
    /// `error_code`; empty for a refusal without one.
    pub(crate) code: &'static str,
}

/// Codes that are left out, each with the page that lists it and the reason.
#[rustfmt::skip]
pub(crate) const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("requests/bdbs", "not_supported_action_on_crdt", ACTIVE_ACTIVE),
    ("requests/bdbs", "name_violation", ACTIVE_ACTIVE),
    ("requests/bdbs", "replication_violation", ACTIVE_ACTIVE),
    ("requests/bdbs", "crdt_sharding_violation", ACTIVE_ACTIVE),
    ("requests/cluster/auditing-db-conns", "db_conns_auditing_unsupported_by_capability", OLD_NODES),
    ("requests/ldap_mappings", "unsupported_resource", OLD_NODES),
    ("requests/ocsp", "ocsp_unsupported_by_capability", OLD_NODES),
    ("requests/ocsp/status", "ocsp_unsupported_by_capability", OLD_NODES),
    ("requests/ocsp/test", "ocsp_unsupported_by_capability", OLD_NODES),
    ("requests/redis_acls", "unsupported_resource", OLD_NODES),
    ("requests/roles", "unsupported_resource", OLD_NODES),
];
const ACTIVE_ACTIVE: &str = "Active-Active";
const OLD_NODES: &str = "clusters with nodes of an old version";

macro_rules! refusals {
    ($($name:ident: $sure:ident $page:literal [$($step:expr),*] $method:literal $path:literal $body:expr => $status:literal $code:literal;)*) => {
        /// Every row.
        pub(crate) const REFUSALS: &[Refusal] = &[$(Refusal {
            name: stringify!($name),
            sure: Sure::$sure,
            page: $page,
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
use Step::{As, At, Crash, Do, Fault, Fill, Fresh, In, Nodes, Odd, Pass, Spare};

/// A description of a module with this name, semantic version and least version of Redis, and more fields.
macro_rules! module {
    ($name:literal $version:literal $redis:literal $more:literal) => {
        concat!(
            r#"{"module_name":""#,
            $name,
            r#"","version":1,"semantic_version":""#,
            $version,
            r#"","display_name":"","commands":[],"command_line_args":"","capabilities":[],"min_redis_version":""#,
            $redis,
            r#"""#,
            $more,
            "}"
        )
    };
}

pub(super) const DB: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2"}"#,
);
const TWIN: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","replication":true}"#,
);
const WITH_BF: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","module_list":[{"module_name":"bf"}]}"#,
);
const TWIN_WITH_BF: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","replication":true,"module_list":[{"module_name":"bf"}]}"#,
);
pub(super) const MINUTE: Step = Pass(60);
pub(super) const VIEWER: Step = Do(
    "POST",
    "/v1/users",
    r#"{"email":"v@example.com","name":"v","password":"v-pass","role":"cluster_viewer"}"#,
);
const AS_VIEWER: Step = As("v@example.com", "v-pass");
const UPLOADS: Step = Do("PUT", "/v1/cluster", r#"{"allow_modules_upload":true}"#);
/// A module that can do nothing besides what it is for.
const UNSAVABLE: Step = Do("POST", "/v2/modules/user-defined", module!("m" "1.0.0" "7.2" ""));
const WITH_UNSAVABLE: Step = Do(
    "POST",
    "/v1/bdbs",
    r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","module_list":[{"module_name":"m"}]}"#,
);
const ACL: Step = Do("POST", "/v1/redis_acls", r#"{"name":"geo","acl":"~* +@geo"}"#);
const MAPPING: Step = Do(
    "POST",
    "/v1/ldap_mappings",
    r#"{"name":"m","dn":"cn=x","role_uids":[1]}"#,
);
const JOIN: &str = r#"{"action":"join_cluster","cluster":{"name":"cluster.example.com","nodes":["10.0.0.1"]},"credentials":{"username":"admin@example.com","password":"secret"}}"#;
const JOIN_AS_NOBODY: &str = r#"{"action":"join_cluster","cluster":{"name":"cluster.example.com","nodes":["10.0.0.1"]},"credentials":{"username":"admin@example.com","password":"wrong"}}"#;
const REPLACE: &str = r#"{"action":"join_cluster","cluster":{"name":"cluster.example.com","nodes":["10.0.0.1"]},"node":{"identity":{"uid":3}},"credentials":{"username":"admin@example.com","password":"secret"}}"#;
const PACKAGE: &str = r#"<package {"module_name":"m","semantic_version":"1.0.0"}>"#;
const DEPENDENT: &str = r#"<package {"module_name":"m","semantic_version":"1.0.0","dependencies":{"d":{"url":"https://example.com/d","sha256":"0"}}}>"#;
const AUDITED: Step = Do(
    "PUT",
    "/v1/cluster/auditing/db_conns",
    r#"{"audit_protocol":"local","audit_address":"/tmp/audit"}"#,
);
const COMPLEX: Step = Do("PUT", "/v1/cluster", r#"{"password_complexity":true}"#);

#[rustfmt::skip]
refusals! {
    // Transport.
    wrong_accept: OwnCode "references/rest-api" [] "GET" "/v1/cluster?accept=text/html" "" => 400 "invalid_schema";
    unknown_path: Documented "references/rest-api" [] "GET" "/v1/nonsense" "" => 404 "";
    wrong_method: Deduced "" [] "PATCH" "/v1/cluster" "" => 405 "";
    no_credentials: Documented "references/rest-api" [As("", "")] "GET" "/v1/cluster" "" => 401 "";
    wrong_password: Documented "references/rest-api" [As("admin@example.com", "wrong")] "GET" "/v1/cluster" "" => 401 "";
    lacking_permission: OwnCode "references/rest-api" [VIEWER, AS_VIEWER] "PUT" "/v1/cluster" r#"{"email_alerts":true}"# => 403 "unauthorized_action";
    not_a_member: OwnCode "references/rest-api" [Fresh] "GET" "/v1/cluster" "" => 503 "no_cluster";
    unknown_version: OwnCode "references/rest-api" [] "GET" "/v1/cluster?x-api-version=9" "" => 505 "unsupported_api_version";
    malformed_body: OwnCode "requests/cluster" [] "PUT" "/v1/cluster" "[1]" => 400 "invalid_schema";
    no_quorum: Documented "requests/bdbs/availability" [DB, MINUTE, Crash(2), Crash(3), Pass(30)] "GET" "/v1/bdbs/1/availability" "" => 503 "no_quorum";
    endpoint_without_quorum: Documented "requests/bdbs/availability" [DB, MINUTE, Crash(2), Crash(3), Pass(30)] "GET" "/v1/local/bdbs/1/endpoint/availability" "" => 503 "no_quorum";
    active_active: OwnCode "requests/crdbs" [] "GET" "/v1/crdbs" "" => 501 "unsupported_resource";

    // Bootstrap.
    config_error: Deduced "requests/bootstrap" [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"not a name"},"credentials":{"username":"a","password":"b"}}"# => 406 "config_error";
    connect_error: Documented "requests/bootstrap" [Fresh] "POST" "/v1/bootstrap/validate/join_cluster" r#"{"action":"join_cluster","cluster":{"name":"c.example.com","nodes":["10.9.9.9"]},"credentials":{"username":"a","password":"b"}}"# => 406 "connect_error";
    invalid_license: Documented "requests/bootstrap" [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"c.example.com"},"credentials":{"username":"a","password":"b"},"license":"junk"}"# => 406 "invalid_license";
    path_error: Documented "requests/bootstrap" [Fresh] "POST" "/v1/bootstrap/validate/create_cluster" r#"{"action":"create_cluster","cluster":{"name":"c.example.com"},"node":{"paths":{"persistent_path":"here"}},"credentials":{"username":"a","password":"b"}}"# => 406 "path_error";
    recovery_file_missing: Documented "requests/bootstrap" [Fresh] "POST" "/v1/bootstrap/validate/recover_cluster" r#"{"recovery_filename":"/nowhere/ccs-redis.rdb"}"# => 406 "path_error";
    recovery_without_file: Documented "requests/bootstrap" [Fresh] "POST" "/v1/bootstrap/validate/recover_cluster" r#"{"node":{"identity":{"uid":1}}}"# => 406 "config_error";
    rack_id_required: Documented "requests/bootstrap" [Nodes(1), Spare, Do("PUT", "/v1/nodes/1", r#"{"rack_id":"a"}"#), Do("PUT", "/v1/cluster/policy", r#"{"rack_aware":true}"#), At(2)] "POST" "/v1/bootstrap/validate/join_cluster" JOIN => 406 "rack_id_required";
    access_denied: Documented "requests/bootstrap" [Spare, At(4)] "POST" "/v1/bootstrap/validate/join_cluster" JOIN_AS_NOBODY => 406 "access_denied";
    repair_required: Documented "requests/bootstrap" [Spare, Crash(3), Pass(30), At(4)] "POST" "/v1/bootstrap/validate/join_cluster" JOIN => 406 "repair_required";
    insufficient_node_memory: Documented "requests/bootstrap" [Spare, Odd(4, Oddity::Memory(1 << 30)), Crash(3), Pass(30), At(4)] "POST" "/v1/bootstrap/validate/join_cluster" REPLACE => 406 "insufficient_node_memory";
    insufficient_node_flash: Documented "requests/bootstrap" [Spare, Odd(3, Oddity::Flash(1 << 30)), Crash(3), Pass(30), At(4)] "POST" "/v1/bootstrap/validate/join_cluster" REPLACE => 406 "insufficient_node_flash";
    time_not_sync: Documented "requests/bootstrap" [Spare, Odd(4, Oddity::ClockAhead(90)), At(4)] "POST" "/v1/bootstrap/validate/join_cluster" JOIN => 406 "time_not_sync";
    socket_directory_mismatch: Documented "requests/bootstrap" [Spare, Odd(4, Oddity::SocketDirectory), At(4)] "POST" "/v1/bootstrap/validate/join_cluster" JOIN => 406 "socket_directory_mismatch";
    node_config_mismatch: Documented "requests/bootstrap" [Spare, Odd(4, Oddity::Installation), At(4)] "POST" "/v1/bootstrap/validate/join_cluster" JOIN => 406 "node_config_mismatch";
    internal_error: ByFault "requests/bootstrap" [Fresh, Fault(r#"{"path":"/v1/bootstrap/*","effect":{"task_failed":"internal_error"}}"#), Do("POST", "/v1/bootstrap/create_cluster", "<create>"), MINUTE, As("", "")] "GET" "/v1/bootstrap" "" => 200 "internal_error";
    bootstrap_in_progress: OwnCode "requests/bootstrap" [] "POST" "/v1/bootstrap/create_cluster" "<create>" => 409 "bootstrap_in_progress";

    // Nodes and their actions.
    node_not_found: Deduced "requests/nodes" [] "PUT" "/v1/nodes/9" "{}" => 404 "node_not_found";
    unknown_node: OwnCode "requests/nodes" [] "GET" "/v1/nodes/9" "" => 404 "node_not_found";
    debuginfo_of_a_dead_node: OwnCode "requests/nodes/debuginfo" [Crash(3)] "GET" "/v1/nodes/3/debuginfo" "" => 500 "debuginfo_failed";
    maintenance_snapshot: OwnCode "requests/nodes/snapshots" [Do("POST", "/v1/nodes/2/actions/maintenance_on", "{}"), MINUTE] "DELETE" "/v1/nodes/2/snapshots/<snapshot>" "" => 403 "maintenance_snapshot";
    node_not_offline: Deduced "requests/nodes" [] "PUT" "/v1/nodes/1" r#"{"addr":"10.0.0.9"}"# => 406 "node_not_offline";
    node_already_populated: Deduced "requests/nodes" [DB, MINUTE] "PUT" "/v1/nodes/1" r#"{"accept_servers":false}"# => 406 "node_already_populated";
    node_already_has_rack_id: Deduced "requests/nodes" [Do("PUT", "/v1/nodes/1", r#"{"rack_id":"a"}"#)] "PUT" "/v1/nodes/1" r#"{"rack_id":"b"}"# => 406 "node_already_has_rack_id";
    invalid_oss_cluster_port_mapping: ByFault "requests/nodes" [Fault(r#"{"method":"PUT","effect":{"status":{"code":406,"body":"{\"error_code\":\"invalid_oss_cluster_port_mapping\"}"}}}"#)] "PUT" "/v1/nodes/1" r#"{"accept_servers":true}"# => 406 "invalid_oss_cluster_port_mapping";
    second_removal: OwnCode "requests/nodes/actions" [Do("POST", "/v1/nodes/2/actions/remove", "{}")] "POST" "/v1/nodes/3/actions/remove" "{}" => 409 "action_already_running";
    removal_without_room: Deduced "requests/nodes/actions" [Nodes(2), TWIN, MINUTE, Do("POST", "/v1/nodes/2/actions/remove", "{}"), MINUTE] "GET" "/v1/nodes/2/actions/remove" "" => 200 "insufficient_resources";
    failed_action: ByFault "requests/nodes/actions" [Fault(r#"{"method":"POST","path":"/v1/nodes/2/actions/*","effect":{"task_failed":"internal_error"}}"#), Do("POST", "/v1/nodes/2/actions/maintenance_on", "{}"), MINUTE] "GET" "/v1/nodes/2/actions/maintenance_on" "" => 200 "internal_error";
    action_never_run: OwnCode "requests/nodes/actions" [] "GET" "/v1/nodes/1/actions/remove" "" => 404 "not_found";

    // Cluster, directory, sign-on, auditing.
    bad_nginx_conf: Documented "requests/cluster" [] "PUT" "/v1/cluster" r#"{"cm_port":9443}"# => 400 "bad_nginx_conf";
    bad_debuginfo_path: Documented "requests/cluster" [] "PUT" "/v1/cluster" r#"{"debuginfo_path":"tmp"}"# => 400 "bad_debuginfo_path";
    config_edit_conflict: ByFault "requests/cluster" [Fault(r#"{"method":"PUT","effect":{"status":{"code":400,"body":"{\"error_code\":\"config_edit_conflict\"}"}}}"#)] "PUT" "/v1/cluster" "{}" => 400 "config_edit_conflict";
    certificate_login_without_authority: OwnCode "requests/cluster" [] "PUT" "/v1/cluster" r#"{"mtls_certificate_authentication":true}"# => 400 "invalid_schema";
    tls_cipher_update_not_allowed: Deduced "release-notes/rs-8-2-0-25" [Odd(1, Oddity::Fips)] "PUT" "/v1/cluster" r#"{"control_cipher_suites":"HIGH"}"# => 400 "tls_cipher_update_not_allowed";
    illegal_fields_combination: Documented "requests/cluster/ldap" [] "PUT" "/v1/cluster/ldap" r#"{"dn_group_attr":"memberOf","dn_group_query":{"base":"a","filter":"b","scope":"one"}}"# => 400 "illegal_fields_combination";
    directory_without_address: Deduced "requests/cluster/ldap" [] "PUT" "/v1/cluster/ldap" r#"{"control_plane":true}"# => 400 "illegal_fields_combination";
    missing_param: Documented "requests/cluster/sso" [] "PUT" "/v1/cluster/sso" r#"{"control_plane":true}"# => 400 "missing_param";
    missing_certificate: Documented "requests/cluster/sso" [] "PUT" "/v1/cluster/sso" r#"{"control_plane":true,"issuer":{"id":"i","login_url":"l"}}"# => 406 "missing_certificate";
    missing_service_certificate: Documented "requests/cluster/sso" [] "GET" "/v1/cluster/sso/saml/metadata/sp" "" => 406 "missing_certificate";
    issuer_before_service: Documented "requests/cluster/sso" [] "POST" "/v1/cluster/sso/saml/metadata/idp" r#"{"idp_metadata":"PEVudGl0eURlc2NyaXB0b3IgZW50aXR5SUQ9ImkiPjxTaW5nbGVTaWduT25TZXJ2aWNlIExvY2F0aW9uPSJsIi8+PC9FbnRpdHlEZXNjcmlwdG9yPg=="}"# => 406 "missing_certificate";
    saml_metadata_parsing_error: Documented "requests/cluster/sso" [] "POST" "/v1/cluster/sso/saml/metadata/idp" r#"{"idp_metadata":"!"}"# => 400 "saml_metadata_parsing_error";
    saml_metadata_validation_error: Documented "requests/cluster/sso" [] "POST" "/v1/cluster/sso/saml/metadata/idp" r#"{"idp_metadata":"PGEvPg=="}"# => 400 "saml_metadata_validation_error";
    saml_metadata_generation_error: ByFault "requests/cluster/sso" [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"saml_metadata_generation_error\"}"}}}"#)] "GET" "/v1/cluster/sso/saml/metadata/sp" "" => 500 "saml_metadata_generation_error";
    delete_certificate_error: ByFault "requests/cluster/sso" [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"delete_certificate_error\"}"}}}"#)] "DELETE" "/v1/cluster/sso" "" => 500 "delete_certificate_error";
    db_conns_audit_config_not_found: Documented "requests/cluster/auditing-db-conns" [] "DELETE" "/v1/cluster/auditing/db_conns" "" => 404 "db_conns_audit_config_not_found";
    db_conns_auditing_missing_config: Deduced "security/audit-events" [] "PUT" "/v1/cluster/auditing/db_conns" r#"{"audit_protocol":"TCP","audit_address":"127.0.0.1"}"# => 400 "db_conns_auditing_missing_config";
    db_conns_auditing_bad_config: Deduced "security/audit-events" [] "PUT" "/v1/cluster/auditing/db_conns" r#"{"audit_protocol":"local","audit_address":"/tmp/audit","audit_port":1}"# => 400 "db_conns_auditing_bad_config";
    db_conns_auditing_bad_address: Deduced "security/audit-events" [] "PUT" "/v1/cluster/auditing/db_conns" r#"{"audit_protocol":"local","audit_address":"audit"}"# => 400 "db_conns_auditing_bad_address";
    audit_settings_config_missing: Deduced "security/audit-events" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","audit_settings":{"audit_mode":"connection"}}"# => 406 "audit_settings_config_missing";
    audit_settings_empty_filter_list: Deduced "security/audit-events" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"audit_settings":{"username_filter":{"enabled":true}}}"# => 406 "audit_settings_empty_filter_list";
    audit_settings_invalid_ip_address: Deduced "security/audit-events" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"audit_settings":{"source_ip_filter":{"ip_addresses":["10.0.0.0/8"]}}}"# => 406 "audit_settings_invalid_ip_address";
    audit_settings_invalid_cidr_range: Deduced "security/audit-events" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"audit_settings":{"source_ip_filter":{"cidr_ranges":["10.0.0.1"]}}}"# => 406 "audit_settings_invalid_cidr_range";
    audit_settings_filter_list_too_large: Deduced "security/audit-events" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"audit_settings":{"source_ip_filter":{"ip_addresses":["10.0.0.1"],"cidr_ranges":"<512 ranges>"}}}"# => 406 "audit_settings_filter_list_too_large";
    unknown_audit_mode: Deduced "security/audit-events" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"audit_settings":{"audit_mode":"all"}}"# => 400 "invalid_schema";
    db_conns_auditing_without_a_sink: Deduced "security/audit-events" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"db_conns_auditing":true}"# => 406 "audit_settings_config_missing";
    negative_audit_queue: Deduced "security/audit-events" [] "PUT" "/v1/cluster/auditing/db_conns" r#"{"audit_queue_max_bytes":-1}"# => 400 "invalid_schema";
    cannot_delete_audit_config_when_policy_enabled: Deduced "requests/cluster/auditing-db-conns" [AUDITED, Do("PUT", "/v1/cluster/policy", r#"{"db_conns_auditing":true}"#)] "DELETE" "/v1/cluster/auditing/db_conns" "" => 406 "cannot_delete_audit_config_when_policy_enabled";
    cannot_delete_audit_config_when_bdb_enabled: Deduced "requests/cluster/auditing-db-conns" [AUDITED, Do("POST", "/v1/bdbs", r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","db_conns_auditing":true}"#), MINUTE] "DELETE" "/v1/cluster/auditing/db_conns" "" => 406 "cannot_delete_audit_config_when_bdb_enabled";
    hashing_without_body: OwnCode "requests/cluster/change_password_hashing_algorithm" [] "PATCH" "/v1/cluster/change_password_hashing_algorithm" "" => 400 "empty_request";
    same_hashing: OwnCode "requests/cluster/change_password_hashing_algorithm" [] "PATCH" "/v1/cluster/change_password_hashing_algorithm" r#"{"algorithm":"SHA-256"}"# => 400 "invalid_schema";
    master_of_unknown_node: OwnCode "requests/cluster/actions" [] "POST" "/v1/cluster/actions/change_master" r#"{"node_uid":"9"}"# => 404 "not_found";

    // Licence and certificates.
    corrupt_license: OwnCode "requests/license" [] "PUT" "/v1/license" r#"{"license":"junk"}"# => 400 "invalid_license";
    expired_license: OwnCode "requests/bdbs" [Pass(2_700_000)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2"}"# => 403 "license_expired";
    unknown_certificate: OwnCode "requests/cluster/certificates" [] "PUT" "/v1/cluster/certificates" r#"{"certificates":[{"name":"moon","certificate":"x","key":"y"}]}"# => 403 "forbidden";
    bad_cluster_certificate: OwnCode "requests/cluster/certificates" [] "PUT" "/v1/cluster/certificates" r#"{"certificates":[{"name":"api","certificate":"x","key":"y"}]}"# => 400 "invalid_certificate";
    required_certificate: OwnCode "requests/cluster/certificates" [] "DELETE" "/v1/cluster/certificates/api" "" => 403 "forbidden";
    absent_certificate: OwnCode "requests/cluster/certificates" [] "DELETE" "/v1/cluster/certificates/ldap_client" "" => 404 "not_found";
    rotation_of_api: OwnCode "requests/cluster/certificates/rotate" [] "POST" "/v1/cluster/certificates/rotate" r#"{"name":"api"}"# => 403 "forbidden";

    // Creating databases.
    missing_db_name: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"memory_size":268435456}"# => 406 "missing_db_name";
    missing_memory_size: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db"}"# => 406 "missing_memory_size";
    uid_exists: Documented "requests/bdbs" [DB, MINUTE] "POST" "/v1/bdbs" r#"{"uid":1,"name":"db","memory_size":268435456,"redis_version":"7.2"}"# => 409 "uid_exists";
    port_unavailable: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","port":10050}"# => 406 "port_unavailable";
    insufficient_resources: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":26843545600000,"redis_version":"7.2"}"# => 406 "insufficient_resources";
    over_the_license: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","sharding":true,"shards_count":5,"shard_key_regex":[{"regex":"(?<tag>.*)"}]}"# => 406 "insufficient_resources";
    invalid_replication: Deduced "requests/bdbs" [Nodes(1)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","replication":true}"# => 406 "invalid_replication";
    invalid_sharding: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","shards_count":2}"# => 406 "invalid_sharding";
    bad_shards_blueprint: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","shards_blueprint":[]}"# => 406 "bad_shards_blueprint";
    not_rack_aware: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","rack_aware":true}"# => 406 "not_rack_aware";
    rack_awareness_violation: Deduced "requests/bdbs" [DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"rack_aware":true}"# => 406 "rack_awareness_violation";
    invalid_version: Documented "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2.4"}"# => 406 "invalid_version";
    flash_of_redis_8_0: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"8.0","bigstore":true,"bigstore_ram_size":100000000}"# => 406 "invalid_version";
    versionless: Documented "requests/bdbs" [In(V7_4_6)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456}"# => 406 "invalid_version";
    missing_module: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","module_list":[{"module_name":"moon"}]}"# => 406 "missing_module";
    unsupported_module_capabilities: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","bigstore":true,"bigstore_ram_size":100000000,"module_list":[{"module_name":"bf"}]}"# => 406 "unsupported_module_capabilities";
    module_of_another_version: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","module_list":[{"module_name":"search","semantic_version":"1.0.0"}]}"# => 406 "missing_module";
    module_of_another_uid: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","module_list":[{"module_name":"search","module_id":"<module bf 2.6.15>"}]}"# => 406 "missing_module";
    module_that_cannot_be_replicated: Deduced "requests/bdbs" [UPLOADS, UNSAVABLE, WITH_UNSAVABLE, MINUTE] "PUT" "/v1/bdbs/1" r#"{"replication":true}"# => 406 "unsupported_module_capabilities";
    memcached_cannot_use_modules: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","type":"memcached","memory_size":268435456,"module_list":[{"module_name":"bf"}]}"# => 406 "memcached_cannot_use_modules";
    invalid_data_persistence: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","data_persistence":"snapshot"}"# => 406 "invalid_data_persistence";
    missing_backup_interval: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","backup":true}"# => 406 "missing_backup_interval";
    invalid_proxy_policy: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","proxy_policy":"some"}"# => 406 "invalid_proxy_policy";
    invalid_oss_cluster_configuration: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","oss_cluster":true,"hash_slots_policy":"legacy"}"# => 406 "invalid_oss_cluster_configuration";
    invalid_certificate: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","authentication_ssl_client_certs":[{"client_cert":"junk"}]}"# => 406 "invalid_certificate";
    certificate_expired: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","authentication_ssl_client_certs":[{"client_cert":"<expired>"}]}"# => 406 "certificate_expired";
    duplicated_certs: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","authentication_ssl_client_certs":[{"client_cert":"<sound>"},{"client_cert":"<sound>"}]}"# => 406 "duplicated_certs";
    invalid_sasl_credentials: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","type":"memcached","memory_size":268435456,"authentication_sasl_uname":"x"}"# => 406 "invalid_sasl_credentials";
    eviction_policy_violation: Deduced "requests/bdbs" [In(V7_22_2)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","eviction_policy":"allkeys-lrm"}"# => 406 "eviction_policy_violation";
    invalid_bdb_tags: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","tags":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}"# => 406 "invalid_bdb_tags";
    redis_acl_unsupported: Deduced "requests/bdbs" [] "POST" "/v1/bdbs" r#"{"name":"db","type":"memcached","memory_size":268435456,"roles_permissions":[{"role_uid":1,"redis_acl_uid":1}]}"# => 406 "redis_acl_unsupported";
    acl_without_syntax: Deduced "requests/bdbs" [Do("POST", "/v1/redis_acls", r#"{"name":"keys","acl":"+@read %R~app*"}"#)] "POST" "/v1/bdbs" r#"{"name":"db","memory_size":268435456,"redis_version":"6.2","roles_permissions":[{"role_uid":4,"redis_acl_uid":7}]}"# => 406 "redis_acl_unsupported";
    wrong_cluster_state_id: Deduced "requests/bdbs" [] "POST" "/v1/bdbs?cluster-state-id=1" r#"{"name":"db","memory_size":268435456,"redis_version":"7.2"}"# => 409 "wrong_cluster_state_id";

    // Changing databases.
    busy: Deduced "requests/bdbs" [DB] "PUT" "/v1/bdbs/1" r#"{"name":"other"}"# => 409 "busy";
    busy_at_delete: Deduced "requests/bdbs" [DB] "DELETE" "/v1/bdbs/1" "" => 409 "busy";
    unknown_database: OwnCode "requests/bdbs" [] "PUT" "/v1/bdbs/9" "{}" => 404 "db_not_exist";
    replication_node_violation: Deduced "requests/bdbs" [Nodes(1), DB, MINUTE] "PUT" "/v1/bdbs/1" r#"{"replication":true}"# => 406 "replication_node_violation";
    replication_size_violation: Deduced "requests/bdbs" [Do("POST", "/v1/bdbs", r#"{"name":"db","memory_size":10485760,"redis_version":"7.2"}"#), MINUTE] "PUT" "/v1/bdbs/1" r#"{"replication":true}"# => 406 "replication_size_violation";
    import_with_other_fields: OwnCode "requests/bdbs/actions/import" [DB, MINUTE] "POST" "/v1/bdbs/1/actions/import" r#"{"name":"x"}"# => 406 "invalid_param";
    export_without_capability: OwnCode "requests/bdbs/actions/export" [UPLOADS, UNSAVABLE, WITH_UNSAVABLE, MINUTE] "POST" "/v1/bdbs/1/actions/export" r#"{"export_location":{"type":"mount_point","path":"/backup"}}"# => 406 "unsupported_module_capabilities";
    import_without_capability: OwnCode "requests/bdbs/actions/import" [UPLOADS, UNSAVABLE, WITH_UNSAVABLE, MINUTE] "POST" "/v1/bdbs/1/actions/import" r#"{"dataset_import_sources":[{"type":"mount_point","path":"/backup"}]}"# => 406 "unsupported_module_capabilities";
    reset_of_export_without_capability: OwnCode "requests/bdbs/actions/export_reset_status" [UPLOADS, UNSAVABLE, WITH_UNSAVABLE, MINUTE] "PUT" "/v1/bdbs/1/actions/export_reset_status" "" => 406 "unsupported_module_capabilities";
    reset_of_import_without_capability: OwnCode "requests/bdbs/actions/import_reset_status" [UPLOADS, UNSAVABLE, WITH_UNSAVABLE, MINUTE] "PUT" "/v1/bdbs/1/actions/import_reset_status" "" => 406 "unsupported_module_capabilities";
    reset_of_backup_without_capability: OwnCode "requests/bdbs/actions/backup_reset_status" [UPLOADS, UNSAVABLE, WITH_UNSAVABLE, MINUTE] "PUT" "/v1/bdbs/1/actions/backup_reset_status" "" => 406 "unsupported_module_capabilities";
    syncerless: OwnCode "requests/bdbs/syncer_state" [DB, MINUTE] "GET" "/v1/bdbs/1/syncer_state" "" => 404 "not_found";
    peers_of_no_crdb: OwnCode "requests/bdbs/peer_stats" [DB, MINUTE] "GET" "/v1/bdbs/1/peer_stats" "" => 406 "not_crdt";
    alert_that_does_not_exist: OwnCode "requests/bdbs/alerts" [DB, MINUTE] "POST" "/v1/bdbs/alerts/1" r#"{"moon":{"enabled":true}}"# => 406 "invalid_param";
    database_certificate: OwnCode "api-reference" [DB, MINUTE] "POST" "/v1/bdbs/1/certificates" r#"{"cert":"x","private_key":"y"}"# => 400 "invalid_certificate";

    // Modules of databases.
    db_not_exist: Documented "requests/bdbs/modules/config" [] "POST" "/v1/bdbs/9/modules/config" r#"{"modules":[]}"# => 404 "db_not_exist";
    missing_field: Documented "requests/bdbs/modules/config" [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" r#"{"modules":[{"module_name":"search"}]}"# => 400 "missing_field";
    invalid_schema: Documented "requests/bdbs/modules/config" [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" "[1]" => 400 "invalid_schema";
    param_error: Documented "requests/bdbs/modules/config" [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" r#"{"modules":[{"module_name":"search","module_args":"a&b"}]}"# => 400 "param_error";
    module_not_exist: Deduced "requests/bdbs/modules/config" [DB, MINUTE] "POST" "/v1/bdbs/1/modules/config" r#"{"modules":[{"module_name":"search","module_args":"MINPREFIX 3"}]}"# => 400 "module_not_exist";
    config_of_no_database: Documented "requests/modules/config" [] "POST" "/v1/modules/config/bdb/9" r#"{"modules":[]}"# => 404 "db_not_exist";
    config_without_arguments: Documented "requests/modules/config" [DB, MINUTE] "POST" "/v1/modules/config/bdb/1" r#"{"modules":[{"module_name":"search"}]}"# => 400 "missing_field";
    config_that_is_a_list: Documented "requests/modules/config" [DB, MINUTE] "POST" "/v1/modules/config/bdb/1" "[1]" => 400 "invalid_schema";
    config_that_is_not_parsed: Documented "requests/modules/config" [DB, MINUTE] "POST" "/v1/modules/config/bdb/1" r#"{"modules":[{"module_name":"search","module_args":"a&b"}]}"# => 400 "param_error";
    config_of_absent_module: Deduced "requests/modules/config" [DB, MINUTE] "POST" "/v1/modules/config/bdb/1" r#"{"modules":[{"module_name":"search","module_args":"MINPREFIX 3"}]}"# => 400 "module_not_exist";
    upgrade_to_missing_module: Deduced "requests/bdbs/modules/upgrade" [WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"module_name":"bf","new_module":"0"}]}"# => 406 "missing_module";
    module_downgrade_unsupported: Deduced "requests/bdbs/modules/upgrade" [UPLOADS, Do("POST", "/v2/modules/user-defined", module!("bf" "0.0.1" "7.2" "")), WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 0.0.1>"}]}"# => 406 "module_downgrade_unsupported";
    redis_incompatible_version: Deduced "requests/bdbs/modules/upgrade" [UPLOADS, Do("POST", "/v2/modules/user-defined", module!("bf" "99.0.0" "8.4" "")), WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 99.0.0>"}]}"# => 406 "redis_incompatible_version";
    redis_pack_incompatible_version: Deduced "requests/bdbs/modules/upgrade" [UPLOADS, Do("POST", "/v2/modules/user-defined", module!("bf" "99.0.0" "7.2" r#","min_redis_pack_version":"99.0""#)), WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 99.0.0>"}]}"# => 406 "redis_pack_incompatible_version";
    upgrade_lacks_capabilities: Deduced "requests/bdbs/modules/upgrade" [UPLOADS, Do("POST", "/v2/modules/user-defined", module!("bf" "99.0.0" "7.2" "")), TWIN_WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 99.0.0>"}]}"# => 406 "unsupported_module_capabilities";
    upgrade_of_no_module: OwnCode "requests/bdbs/modules/upgrade" [WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"new_module":"0"}]}"# => 400 "missing_field";
    upgrade_of_absent_module: OwnCode "requests/bdbs/modules/upgrade" [WITH_BF, MINUTE] "POST" "/v1/bdbs/1/modules/upgrade" r#"{"modules":[{"current_module":"0","new_module":"0"}]}"# => 400 "module_not_exist";
    upgrade_that_loses_data: OwnCode "requests/bdbs/upgrade" [DB, MINUTE, Fill(4096)] "POST" "/v1/bdbs/1/upgrade" "{}" => 400 "invalid_schema";
    module_lacks_fields: OwnCode "requests/modules/user-defined" [UPLOADS] "POST" "/v2/modules/user-defined" r#"{"module_name":"m","semantic_version":"1.0.0"}"# => 406 "invalid_module";
    artifact_missing: OwnCode "requests/modules/user-defined" [UPLOADS] "POST" "/v2/local/modules/user-defined/artifacts" "" => 400 "no_module";
    artifact_with_bad_metadata: OwnCode "requests/modules/user-defined" [UPLOADS] "POST" "/v2/local/modules/user-defined/artifacts" PACKAGE => 406 "invalid_module";
    modules_upload_disabled: Documented "release-notes/rs-8-2-0-25" [] "POST" "/v2/modules/user-defined" r#"{"module_name":"x","semantic_version":"1.0.0"}"# => 403 "modules_upload_disabled";

    // Uploads of modules before 8.
    no_module: Documented "requests/modules" [In(V7_22_2)] "POST" "/v1/modules" "" => 400 "no_module";
    invalid_module: Documented "requests/modules" [In(V7_22_2)] "POST" "/v1/modules" "<package []>" => 400 "invalid_module";
    module_exists: Documented "requests/modules" [In(V7_22_2), Do("POST", "/v1/modules", PACKAGE)] "POST" "/v1/modules" PACKAGE => 400 "module_exists";
    min_redis_pack_version: Documented "requests/modules" [In(V7_22_2)] "POST" "/v1/modules" r#"<package {"module_name":"m","semantic_version":"1.0.0","min_redis_pack_version":"99.0"}>"# => 400 "min_redis_pack_version";
    os_not_supported: Documented "requests/modules" [In(V7_22_2)] "POST" "/v1/modules" r#"<package {"module_name":"m","semantic_version":"1.0.0","platforms":{"rhel8":{}}}>"# => 400 "os_not_supported";
    bundled_module: OwnCode "requests/modules" [In(V7_22_2)] "DELETE" "/v1/modules/<module bf 2.8.5>" "" => 406 "bundled_module";
    dependencies_not_supported: Documented "requests/modules" [In(V7_22_2)] "POST" "/v1/modules" DEPENDENT => 400 "dependencies_not_supported";
    deletion_of_dependencies: Deduced "requests/modules" [In(V7_22_2), Do("POST", "/v2/modules", DEPENDENT)] "DELETE" "/v1/modules/<module m 1.0.0>" "" => 406 "dependencies_not_supported";
    invalid_dependency_data: Documented "requests/modules" [In(V7_22_2)] "POST" "/v2/modules" r#"<package {"module_name":"m","semantic_version":"1.0.0","dependencies":["x"]}>"# => 400 "invalid_dependency_data";
    upload_lacks_capabilities: ByFault "requests/modules" [In(V7_22_2), Fault(r#"{"method":"POST","path":"/v1/modules","effect":{"status":{"code":400,"body":"{\"error_code\":\"unsupported_module_capabilities\"}"}}}"#)] "POST" "/v1/modules" PACKAGE => 400 "unsupported_module_capabilities";
    old_upgrade_to_missing_module: Deduced "requests/modules/upgrade" [In(V7_22_2), WITH_BF, MINUTE] "POST" "/v1/modules/upgrade/bdb/1" r#"{"modules":[{"module_name":"bf","new_module":"0"}]}"# => 406 "missing_module";
    old_module_downgrade: Deduced "requests/modules/upgrade" [In(V7_22_2), Do("POST", "/v1/modules", r#"<package {"module_name":"bf","semantic_version":"0.0.1"}>"#), WITH_BF, MINUTE] "POST" "/v1/modules/upgrade/bdb/1" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 0.0.1>"}]}"# => 406 "module_downgrade_unsupported";
    old_upgrade_needs_newer_redis: Deduced "requests/modules/upgrade" [In(V7_22_2), Do("POST", "/v1/modules", r#"<package {"module_name":"bf","semantic_version":"99.0.0","min_redis_version":"7.4"}>"#), WITH_BF, MINUTE] "POST" "/v1/modules/upgrade/bdb/1" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 99.0.0>"}]}"# => 406 "redis_incompatible_version";
    old_upgrade_needs_newer_cluster: ByFault "requests/modules/upgrade" [In(V7_22_2), Fault(r#"{"method":"POST","path":"/v1/modules/upgrade/*","effect":{"status":{"code":406,"body":"{\"error_code\":\"redis_pack_incompatible_version\"}"}}}"#)] "POST" "/v1/modules/upgrade/bdb/1" r#"{"modules":[]}"# => 406 "redis_pack_incompatible_version";
    old_upgrade_lacks_capabilities: Deduced "requests/modules/upgrade" [In(V7_22_2), Do("POST", "/v1/modules", r#"<package {"module_name":"bf","semantic_version":"99.0.0"}>"#), TWIN_WITH_BF, MINUTE] "POST" "/v1/modules/upgrade/bdb/1" r#"{"modules":[{"module_name":"bf","new_module":"<module bf 99.0.0>"}]}"# => 406 "unsupported_module_capabilities";

    // Availability and shards.
    db_not_found: Documented "requests/bdbs/availability" [] "GET" "/v1/bdbs/9/availability" "" => 404 "db_not_found";
    nothing_to_recover: OwnCode "requests/bdbs/actions/recover" [DB, MINUTE] "POST" "/v1/bdbs/1/actions/recover" "" => 409 "busy";
    bdb_endpoint_unavailable: Documented "requests/bdbs/availability" [DB, MINUTE, Do("POST", "/v1/bdbs/1/actions/stop_traffic", "{}")] "GET" "/v1/local/bdbs/1/endpoint/availability" "" => 503 "bdb_endpoint_unavailable";
    bdb_unavailable: Documented "requests/bdbs/availability" [Fault(r#"{"method":"POST","path":"/v1/bdbs","effect":{"task_failed":"internal_error"}}"#), DB, MINUTE] "GET" "/v1/bdbs/1/availability" "" => 503 "bdb_unavailable_shard_unreachable_port_unbound";
    db_busy: Documented "requests/shards/actions/failover" [TWIN] "POST" "/v1/shards/1/actions/failover" "{}" => 409 "db_busy";
    failover_shards_different_bdb: Documented "requests/shards/actions/failover" [DB, MINUTE, DB, MINUTE] "POST" "/v1/shards/actions/failover" r#"{"shard_uids":["1","2"]}"# => 400 "failover_shards_different_bdb";
    shard_is_slave: Documented "requests/shards/actions/failover" [TWIN, MINUTE] "POST" "/v1/shards/2/actions/failover" "{}" => 400 "shard_is_slave";
    shard_not_exist: Documented "requests/shards/actions/failover" [] "POST" "/v1/shards/9/actions/failover" "{}" => 404 "shard_not_exist";
    shard_uids_required: Documented "requests/shards/actions/failover" [] "POST" "/v1/shards/actions/failover" "{}" => 404 "shard_uids_required";
    proxy_that_does_not_confirm: OwnCode "requests/proxies" [Crash(3)] "PUT" "/v1/proxies/3" r#"{"proxy":{"threads":4}}"# => 504 "proxy_timeout";

    // Users, roles, ACLs, LDAP mappings.
    password_not_complex: Documented "requests/users" [COMPLEX] "POST" "/v1/users" r#"{"email":"a@example.com","name":"a","password":"simple","role":"admin"}"# => 400 "password_not_complex";
    new_password_same_as_current: Documented "requests/users/password" [In(V7_22_2)] "PUT" "/v1/users/password" r#"{"new_password":"secret"}"# => 400 "new_password_same_as_current";
    own_new_password_not_complex: Documented "requests/users/password" [COMPLEX] "PUT" "/v1/users/password" r#"{"new_password":"simple"}"# => 400 "password_not_complex";
    adding_the_same_password: Documented "requests/users/password" [] "POST" "/v1/users/password" r#"{"new_password":"secret"}"# => 400 "new_password_same_as_current";
    update_to_the_same_password: Deduced "requests/users" [In(V7_22_2)] "PUT" "/v1/users/1" r#"{"password":"secret"}"# => 400 "new_password_same_as_current";
    cannot_delete_last_password: Documented "requests/users/password" [] "DELETE" "/v1/users/password" r#"{"old_password":"secret"}"# => 400 "cannot_delete_last_password";
    email_already_exists: Documented "requests/users" [VIEWER] "POST" "/v1/users" r#"{"email":"v@example.com","name":"w","password":"p","role":"admin"}"# => 409 "email_already_exists";
    user_name_already_exists: Documented "requests/users" [VIEWER] "POST" "/v1/users" r#"{"email":"w@example.com","name":"v","password":"p","role":"admin"}"# => 409 "name_already_exists";
    email_of_another_user: Deduced "requests/users" [VIEWER] "PUT" "/v1/users/1" r#"{"email":"v@example.com"}"# => 406 "email_already_exists";
    name_of_another_user: Deduced "requests/users" [VIEWER] "PUT" "/v1/users/1" r#"{"name":"v"}"# => 406 "name_already_exists";
    change_last_admin_role_not_allowed: Deduced "requests/users" [] "PUT" "/v1/users/1" r#"{"role":"db_viewer"}"# => 406 "change_last_admin_role_not_allowed";
    user_not_exist: Documented "requests/users/password" [] "PUT" "/v1/users/password" r#"{"username":"nobody@example.com","new_password":"x"}"# => 404 "user_not_exist";
    unknown_user: OwnCode "requests/users" [] "GET" "/v1/users/9" "" => 404 "user_not_exist";
    unauthorized_action: Documented "requests/users/password" [VIEWER, AS_VIEWER] "PUT" "/v1/users/password" r#"{"username":"admin@example.com","new_password":"x"}"# => 403 "unauthorized_action";
    foreign_account: OwnCode "requests/users" [VIEWER, AS_VIEWER] "PUT" "/v1/users/1" r#"{"name":"x"}"# => 403 "unauthorized_action";
    password_expired: Documented "requests/users/authorize" [Do("PUT", "/v1/cluster", r#"{"password_expiration_duration":1}"#), Pass(200_000)] "POST" "/v1/users/authorize" "" => 401 "password_expired";
    call_with_an_expired_password: OwnCode "references/rest-api" [Do("PUT", "/v1/cluster", r#"{"password_expiration_duration":1}"#), Pass(200_000)] "GET" "/v1/cluster" "" => 401 "password_expired";
    role_of_last_admin: Deduced "requests/roles" [] "PUT" "/v1/roles/1" r#"{"management":"db_viewer"}"# => 406 "change_last_admin_role_not_allowed";
    role_without_name: Documented "requests/roles" [] "POST" "/v1/roles" r#"{"management":"db_viewer"}"# => 400 "missing_field";
    role_name_exists: Documented "requests/roles" [] "POST" "/v1/roles" r#"{"name":"Admin"}"# => 409 "name_already_exists";
    role_in_use: OwnCode "requests/roles" [] "DELETE" "/v1/roles/1" "" => 406 "role_in_use";
    unknown_role: OwnCode "requests/roles" [] "GET" "/v1/roles/99" "" => 404 "not_found";
    invalid_param: Documented "requests/redis_acls" [] "POST" "/v1/redis_acls" r#"{"name":"x","acl":"everything"}"# => 400 "invalid_param";
    acl_with_nested_selectors: Deduced "requests/redis_acls" [] "POST" "/v1/redis_acls" r#"{"name":"x","acl":"+get ~a (+set (+set ~b) ~c)"}"# => 400 "invalid_param";
    acl_with_parentheses_in_a_pattern: Deduced "requests/redis_acls" [] "POST" "/v1/redis_acls" r#"{"name":"x","acl":"+get ~a(b)"}"# => 400 "invalid_param";
    read_only_acl: OwnCode "requests/redis_acls" [] "DELETE" "/v1/redis_acls/1" "" => 409 "read_only";
    acl_without_rules: Documented "requests/redis_acls" [] "POST" "/v1/redis_acls" r#"{"name":"x"}"# => 400 "missing_field";
    acl_name_exists: Documented "requests/redis_acls" [] "POST" "/v1/redis_acls" r#"{"name":"Read Only","acl":"+@all"}"# => 409 "name_already_exists";
    acl_in_use: OwnCode "requests/redis_acls" [ACL, Do("POST", "/v1/bdbs", r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","roles_permissions":[{"role_uid":4,"redis_acl_uid":7}]}"#), MINUTE] "DELETE" "/v1/redis_acls/7" "" => 406 "redis_acl_in_use";
    ldap_mapping_not_exist: Documented "requests/ldap_mappings" [] "GET" "/v1/ldap_mappings/9" "" => 404 "ldap_mapping_not_exist";
    mapping_without_dn: Documented "requests/ldap_mappings" [] "POST" "/v1/ldap_mappings" r#"{"name":"x","role_uids":[1]}"# => 400 "missing_field";
    invalid_dn_param: Documented "requests/ldap_mappings" [] "POST" "/v1/ldap_mappings" r#"{"name":"x","dn":" ","role_uids":[1]}"# => 400 "invalid_dn_param";
    invalid_name_param: Documented "requests/ldap_mappings" [] "POST" "/v1/ldap_mappings" r#"{"name":"<","dn":"cn=x","role_uids":[1]}"# => 400 "invalid_name_param";
    invalid_role_uids_param: Documented "requests/ldap_mappings" [] "POST" "/v1/ldap_mappings" r#"{"name":"x","dn":"cn=x","role_uids":[]}"# => 400 "invalid_role_uids_param";
    invalid_account_id_param: Documented "requests/ldap_mappings" [MAPPING] "PUT" "/v1/ldap_mappings/1" r#"{"account_id":"x"}"# => 400 "invalid_account_id_param";
    mapping_name_exists: Documented "requests/ldap_mappings" [MAPPING] "POST" "/v1/ldap_mappings" r#"{"name":"m","dn":"cn=y","role_uids":[1]}"# => 409 "name_already_exists";

    // The rest.
    no_responder_url: Documented "requests/ocsp/test" [] "POST" "/v1/ocsp/test" "{}" => 500 "no_responder_url";
    ocsp_without_responder: Documented "requests/ocsp" [] "PUT" "/v1/ocsp" r#"{"ocsp_functionality":true}"# => 400 "no_responder_url";
    wrong_ocsp_setting: Documented "requests/ocsp" [] "PUT" "/v1/ocsp" r#"{"query_frequency":1}"# => 400 "invalid_schema";
    task_queued_for_too_long: ByFault "requests/ocsp/test" [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"task_queued_for_too_long\"}"}}}"#)] "POST" "/v1/ocsp/test" "{}" => 500 "task_queued_for_too_long";
    invalid_ocsp_response: ByFault "requests/ocsp/test" [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"invalid_ocsp_response\"}"}}}"#)] "POST" "/v1/ocsp/test" "{}" => 500 "invalid_ocsp_response";
    invalid_ocsp_status: ByFault "requests/ocsp/status" [Fault(r#"{"effect":{"status":{"code":500,"body":"{\"error_code\":\"invalid_ocsp_response\"}"}}}"#)] "GET" "/v1/ocsp/status" "" => 500 "invalid_ocsp_response";
    busy_job_scheduler: ByFault "requests/job_scheduler" [Fault(r#"{"effect":{"status":{"code":409}}}"#)] "PUT" "/v1/job_scheduler" "{}" => 409 "";
    busy_diagnostics: ByFault "requests/diagnostics" [Fault(r#"{"effect":{"status":{"code":409}}}"#)] "PUT" "/v1/diagnostics" "{}" => 409 "";
    unknown_suffix: OwnCode "requests/suffix" [] "GET" "/v1/suffix/moon.example.com" "" => 404 "not_found";
    unknown_schema: OwnCode "requests/jsonschema" [] "GET" "/v1/jsonschema?object=moon" "" => 406 "invalid_object";
    empty_metrics_config: OwnCode "requests/metrics_config" [] "PUT" "/v1/metrics_config" "" => 400 "invalid_schema";
    stats_of_a_dead_node: OwnCode "requests/nodes/stats" [Crash(3), MINUTE] "GET" "/v1/nodes/stats/3" "" => 406 "node_not_active";
    last_stats_of_a_dead_node: OwnCode "requests/nodes/stats/last" [Crash(3), MINUTE] "GET" "/v1/nodes/stats/last/3" "" => 406 "node_not_active";
    stats_of_a_dead_shard: OwnCode "requests/shards/stats" [TWIN, MINUTE, Crash(2), MINUTE] "GET" "/v1/shards/stats/2" "" => 406 "shard_not_active";
    last_stats_of_a_dead_shard: OwnCode "requests/shards/stats/last" [TWIN, MINUTE, Crash(2), MINUTE] "GET" "/v1/shards/stats/last/2" "" => 406 "shard_not_active";
    stats_of_a_new_database: OwnCode "requests/bdbs/stats" [DB] "GET" "/v1/bdbs/stats/1" "" => 406 "db_not_active";
}

#[cfg(test)]
mod register;

#[cfg(test)]
pub(super) mod tests;
