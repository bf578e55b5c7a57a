//! A probe for every switch: what a client sees of it, on either side. A switch without a probe fails here, and so does one that
//! changes nothing.

use super::{SWITCHES, Switch, Switches};
use crate::sim::fixture::{Fixture, LOGIN, credentials};
use crate::sim::ids::NodeIndex;
use crate::sim::license_text::License;
use crate::sim::storage::FileState;
use crate::sim::testbed::{Bed, server_only};
use crate::sim::version::Profile;
use serde_json::{Value, json};

struct Probe {
    switch: Switch,
    /// What is seen in a world with these switches.
    look: fn(&Switches) -> Value,
    /// JSON text of what is seen unless the switch is set.
    usual: &'static str,
    /// The same when it is set.
    other: &'static str,
}

const fn probe(
    switch: Switch,
    look: fn(&Switches) -> Value,
    usual: &'static str,
    other: &'static str,
) -> Probe {
    Probe {
        switch,
        look,
        usual,
        other,
    }
}

#[rustfmt::skip]
const PROBES: &[Probe] = &[
    probe(Switch::ErrorMessageKey, keys_of_an_error, r#"["description","error_code"]"#, r#"["error_code","message"]"#),
    probe(Switch::UnknownFieldsIgnored, unknown_fields, "[400,400,400,400,400]", "[200,200,200,200,200]"),
    probe(Switch::StateIdMismatch406, wrong_state_id, "409", "406"),
    probe(Switch::ClientCertificateRequired, |on| create(on, json!({"tls_mode": "enabled"})), "200", "406"),
    probe(Switch::VersionlessCreate, create_on_7_4, "406", "200"),
    probe(Switch::RedisPassIsStale, password_after_put, r#""two""#, r#""one""#),
    probe(Switch::NoPasswordOverlap, second_password, "200", "406"),
    probe(Switch::SamePasswordRefused, |on| status(on, "PUT", "/v1/users/password", json!({"new_password": "secret"})), "200", "400"),
    probe(Switch::LenientCertificateUsage, certificate_for_servers_only, "[400,400]", "[200,200]"),
    probe(Switch::LockedAccount403, locked_account, "401", "403"),
    probe(Switch::RestartResets, restarting, "503", "0"),
    probe(Switch::RemovedNodeLooksIdle, bootstrap_of_a_removed_node, r#"["completed",409]"#, r#"["idle",200]"#),
    probe(Switch::JoinReplacesDeadNode, join_beside_a_dead_node, r#""repair_required""#, r#""""#),
    probe(Switch::ConcurrentJoinFails, second_join, r#""""#, r#""internal_error""#),
    probe(
        Switch::TypesAsDocumented,
        types,
        r#"["1",false,"0","1760400126",1,"","","","104857600",[],"",null]"#,
        r#"[1,true,0.0,1760400126,"1","idle","idle","idle","100mb","",[],100.0]"#,
    ),
    probe(Switch::SameRackIdAccepted, same_rack_id, "406", "200"),
    probe(Switch::PolicyPutAnswersObject, |on| json!(one(on).admin(0, "PUT", "/v1/cluster/policy", json!({})).json.is_object()), "false", "true"),
    probe(Switch::RefusedLicenseDropsOld, licence_after_a_refusal, "200", "404"),
    probe(Switch::DisabledAlertKeepsState, |on| get(on, "/v1/cluster/alerts/cluster_too_few_nodes_for_replication")["state"].take(), "false", "true"),
    probe(Switch::ReadOnlyFieldsIgnored, read_only_fields, "[400,406,406,400]", "[200,200,200,200]"),
    probe(Switch::UnknownNode406, |on| status(on, "PUT", "/v1/nodes/9", json!({})), "404", "406"),
    probe(
        Switch::DefaultsAsDocumented,
        defaults,
        r#"[true,true,true,600,7200,true,"batch",null,"single","dense",false,true,"16k"]"#,
        r#"[false,false,false,900,86400,false,"disabled",25,"all-master-shards","sparse",true,false,"legacy"]"#,
    ),
    probe(Switch::RemovingNodeStaysActive, node_that_is_removed, r#"["decommissioning","decommissioning"]"#, r#"["active","active"]"#),
    probe(Switch::AclUserRulesAccepted, |on| status(on, "POST", "/v1/redis_acls", json!({"name": "a", "acl": "on ~*"})), "400", "200"),
    probe(Switch::BootstrapAcceptServersInverted, joined_with_accept_servers, "true", "false"),
    probe(Switch::V4BdbPath, paths_of_health, "[200,404]", "[404,200]"),
    probe(Switch::DeleteBusy406, delete_while_busy, "409", "406"),
    probe(Switch::RebalanceByViewers, |on| by_role(on, "db_viewer", "PUT", "/v1/bdbs/1/actions/rebalance?dry_run"), "403", "200"),
    probe(Switch::SsoViewForAll, |on| by_role(on, "db_viewer", "GET", "/v1/cluster/sso"), "403", "200"),
    probe(Switch::SsoConfigAdminOnly, |on| by_role(on, "user_manager", "PUT", "/v1/cluster/sso"), "200", "403"),
    probe(Switch::PermissionsByRole, rights_of_user_manager, "[200,404]", "[403,403]"),
    probe(Switch::OwnAccountReadable, |on| by_role(on, "db_viewer", "GET", "/v1/users/2"), "403", "200"),
    probe(Switch::AlertStateIsText, |on| get(on, "/v1/cluster/alerts/cluster_multiple_nodes_down")["state"].take(), "false", r#""off""#),
    probe(Switch::CheckUidIsNumber, |on| get(on, "/v1/cluster/check")["nodes"][0]["node_uid"].take(), r#""1""#, "1"),
    probe(Switch::RecoveryFailsLate, recovery_without_files, "409", "200"),
    probe(Switch::V2BdbPut, |on| json!(with_database(on).admin(0, "PUT", "/v2/bdbs/1", json!({})).status), "404", "200"),
    probe(Switch::UserNeedsEmail, |on| status(on, "POST", "/v1/users", json!({"name": "a", "password": "p", "role": "admin"})), "200", "400"),
    probe(Switch::PlainLists, |on| get(on, "/v1/bdb_groups"), r#"{"bdb_groups":[]}"#, "[]"),
    probe(Switch::CrdbListsEmpty, |on| json!([status(on, "GET", "/v1/crdbs", Value::Null), status(on, "GET", "/v1/crdb_tasks", Value::Null)]), "[501,501]", "[200,200]"),
    probe(Switch::PerformanceFactorExtendedOnly, performance_factor, "[true,true]", "[false,true]"),
    probe(Switch::ModuleSettingsReplaced, setting_that_is_left_out, "9", "500"),
    probe(Switch::TrailingSlashServed, |on| status(on, "GET", "/v1/bdbs/", Value::Null), "404", "200"),
    probe(Switch::UnversionedPathsServed, |on| status(on, "GET", "/bootstrap", Value::Null), "404", "200"),
    probe(Switch::NodeAcceptServersInverted, updated_with_accept_servers, "false", "true"),
    probe(Switch::JwtSchemeOnly, schemes_of_a_token, "[200,200]", "[200,401]"),
    probe(Switch::AclInUse409, acl_in_use, "406", "409"),
    probe(Switch::UpdateCertInvalid404, |on| status(on, "PUT", "/v1/cluster/update_cert", json!({"name": "proxy", "certificate": "x", "key": "x"})), "400", "404"),
    probe(Switch::RbacHidesRole, |on| get(on, "/v1/users/1")["role"].take(), r#""admin""#, "null"),
    probe(Switch::NodeActionsEmpty404, |on| status(on, "GET", "/v1/nodes/1/actions", Value::Null), "200", "404"),
    probe(Switch::CheckResultInverted, |on| get(on, "/v1/cluster/check")["cluster_test_result"].take(), "true", "false"),
    probe(Switch::BdbDeleteAnswersNothing, |on| with_database(on).admin(0, "DELETE", "/v1/bdbs/1", Value::Null).json["uid"].take(), "1", "null"),
    probe(Switch::UsedAuthorityDeletable, delete_authority_in_use, "406", "200"),
    probe(Switch::DeletedUserLingers, user_after_its_deletion, "404", "200"),
    probe(Switch::ContentTypeRequired, put_without_content_type, "200", "400"),
];

#[test]
fn every_switch_has_a_probe_that_sees_both_of_its_sides() {
    let mut wrong = Vec::new();
    for row in SWITCHES {
        let mut probes = PROBES.iter().filter(|probe| probe.switch == row.switch);
        let probe = probes
            .next()
            .unwrap_or_else(|| panic!("{} has no probe", row.name));
        assert!(probes.next().is_none(), "{} has two probes", row.name);
        let wanted = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (usual, other) = (wanted(probe.usual), wanted(probe.other));
        assert_ne!(usual, other, "{}", row.name);
        let set = Switches::all_default().with(row.switch);
        for (switches, wanted) in [(Switches::all_default(), usual), (set, other)] {
            let seen = (probe.look)(&switches);
            if seen != wanted {
                wrong.push(format!("{} {switches:?}: {seen}, not {wanted}", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A cluster of one node.
fn one(switches: &Switches) -> Fixture {
    Fixture::cluster_with(1, 1, switches.clone())
}

/// The same with a database.
fn with_database(switches: &Switches) -> Fixture {
    let mut sim = one(switches);
    sim.database(None);
    sim
}

fn get(switches: &Switches, path: &str) -> Value {
    one(switches).admin(0, "GET", path, Value::Null).json
}

fn status(switches: &Switches, method: &str, path: &str, body: Value) -> Value {
    json!(one(switches).admin(0, method, path, body).status)
}

/// Status of a call by user 2, who has this role, in a cluster with a database.
fn by_role(switches: &Switches, role: &str, method: &str, path: &str) -> Value {
    let mut sim = with_database(switches);
    sim.user("other@example.com", role);
    let user = Some(("other@example.com", "other-pass"));
    json!(sim.send(0, method, path, user, json!({})).status)
}

/// Status of the creation of a database with these fields.
fn create(switches: &Switches, fields: Value) -> Value {
    let mut body = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    status(switches, "POST", "/v1/bdbs", body)
}

fn create_on_7_4(switches: &Switches) -> Value {
    let mut bed = Bed::with(1, Profile::V7_4_6, switches.clone());
    let body = json!({"name": "db", "memory_size": 1 << 28});
    json!(bed.call("POST", "/v1/bdbs", body).0)
}

fn keys_of_an_error(switches: &Switches) -> Value {
    let error = get(switches, "/v1/nodes/9");
    json!(error.as_object().unwrap().keys().collect::<Vec<_>>())
}

/// One call for each way in which bodies are checked.
fn unknown_fields(switches: &Switches) -> Value {
    let mut sim = with_database(switches);
    let calls = [
        ("PUT", "/v1/cluster"),
        ("PUT", "/v1/bdbs/1"),
        ("PUT", "/v1/users/1"),
        ("POST", "/v1/bdb_groups"),
        ("POST", "/v1/nodes/1/actions/maintenance_on"),
    ];
    let body = || json!({"nonsense": 1});
    json!(calls.map(|(method, path)| sim.admin(0, method, path, body()).status))
}

/// One call for each way in which bodies are checked.
fn read_only_fields(switches: &Switches) -> Value {
    let mut sim = with_database(switches);
    let database = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "crdt": true});
    let acl = json!({"name": "a", "acl": "+@read ~*", "action_uid": "x"});
    let calls = [
        ("PUT", "/v1/cluster", json!({"name": "other.example.com"})),
        ("PUT", "/v1/bdbs/1", json!({"status": "pending"})),
        ("POST", "/v1/bdbs", database),
        ("POST", "/v1/redis_acls", acl),
    ];
    json!(calls.map(|(method, path, body)| sim.admin(0, method, path, body).status))
}

fn wrong_state_id(switches: &Switches) -> Value {
    let headers = [
        ("authorization", LOGIN.to_owned()),
        ("cluster-state-id", "0".to_owned()),
    ];
    json!(
        one(switches)
            .raw(0, "PUT", "/v1/bdbs/9", &headers, json!({}))
            .status
    )
}

fn put_without_content_type(switches: &Switches) -> Value {
    let headers = [
        ("authorization", LOGIN.to_owned()),
        ("content-type", String::new()),
    ];
    json!(
        one(switches)
            .raw(0, "PUT", "/v1/cluster", &headers, json!({}))
            .status
    )
}

/// A database with password `one`.
fn with_password(switches: &Switches) -> Fixture {
    let mut sim = one(switches);
    sim.database_with_data(&[&json!({"authentication_redis_pass": "one"})]);
    sim
}

fn password_after_put(switches: &Switches) -> Value {
    let mut sim = with_password(switches);
    sim.admin(0, "PUT", "/v1/bdbs/1/passwords", json!({"password": "two"}));
    sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json["authentication_redis_pass"].take()
}

fn second_password(switches: &Switches) -> Value {
    let body = json!({"password": "two"});
    json!(
        with_password(switches)
            .admin(0, "POST", "/v1/bdbs/1/passwords", body)
            .status
    )
}

/// As the cluster's and as a database's own.
fn certificate_for_servers_only(switches: &Switches) -> Value {
    let identity = server_only();
    let (certificate, key) = (identity.chain_pem, identity.key_pem);
    let mut bed = Bed::with(1, Profile::default(), switches.clone());
    bed.database(json!({"name": "db", "memory_size": 1 << 28}));
    let entry = json!({"name": "proxy", "certificate": certificate, "key": key});
    let bulk = json!({"certificates": [entry]});
    let own = json!({"cert": certificate, "private_key": key});
    json!([
        bed.call("PUT", "/v1/cluster/certificates", bulk).0,
        bed.call("POST", "/v1/bdbs/1/certificates", own).0,
    ])
}

fn delete_authority_in_use(switches: &Switches) -> Value {
    let mut bed = Bed::with(1, Profile::default(), switches.clone());
    let authority = json!({"name": "mtls_trusted_ca", "certificate": server_only().chain_pem});
    bed.ok("PUT", "/v1/cluster/update_cert", authority);
    bed.ok(
        "PUT",
        "/v1/cluster",
        json!({"mtls_certificate_authentication": true}),
    );
    json!(
        bed.call("DELETE", "/v1/cluster/certificates/mtls_trusted_ca", Value::Null)
            .0
    )
}

fn user_after_its_deletion(switches: &Switches) -> Value {
    let mut sim = one(switches);
    sim.user("other@example.com", "db_viewer");
    sim.admin(0, "DELETE", "/v1/users/2", Value::Null);
    json!(sim.admin(0, "GET", "/v1/users/2", Value::Null).status)
}

fn locked_account(switches: &Switches) -> Value {
    let mut sim = one(switches);
    for _ in 0..5 {
        let wrong = Some(("admin@example.com", "wrong"));
        sim.send(0, "GET", "/v1/cluster", wrong, Value::Null);
    }
    json!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status)
}

fn restarting(switches: &Switches) -> Value {
    let mut sim = one(switches);
    sim.world.crash(NodeIndex(0));
    sim.world.power_on(NodeIndex(0));
    json!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status)
}

fn node_that_is_removed(switches: &Switches) -> Value {
    let mut sim = Fixture::cluster_with(3, 3, switches.clone());
    sim.admin(0, "POST", "/v1/nodes/3/actions/remove", json!({}));
    sim.pass(3);
    let node = sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json;
    let status = sim.admin(0, "GET", "/v1/nodes/3/status", Value::Null).json;
    json!([node["status"], status["node_status"]])
}

fn bootstrap_of_a_removed_node(switches: &Switches) -> Value {
    let mut sim = Fixture::cluster_with(3, 3, switches.clone());
    sim.admin(0, "POST", "/v1/nodes/3/actions/remove", json!({}));
    sim.pass(60);
    let shown = sim.send(2, "GET", "/v1/bootstrap", None, Value::Null).json;
    let body = sim.join_body(2);
    let join = sim.send(2, "POST", "/v1/bootstrap/join_cluster", None, body);
    json!([shown["bootstrap_status"]["state"], join.status])
}

fn join_beside_a_dead_node(switches: &Switches) -> Value {
    let mut sim = Fixture::cluster_with(3, 4, switches.clone());
    sim.world.crash(NodeIndex(1));
    sim.pass(30);
    let body = sim.join_body(3);
    json!(sim.bootstrap_error(3, body))
}

fn second_join(switches: &Switches) -> Value {
    let mut sim = Fixture::cluster_with(1, 3, switches.clone());
    let first = sim.join_body(1);
    sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, first);
    sim.pass(5);
    let second = sim.join_body(2);
    json!(sim.bootstrap_error(2, second))
}

fn joined_with_accept_servers(switches: &Switches) -> Value {
    let mut sim = Fixture::cluster_with(1, 2, switches.clone());
    let mut body = sim.join_body(1);
    body["node"]["identity"]["accept_servers"] = json!(true);
    assert_eq!(sim.bootstrap_error(1, body), "");
    sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["accept_servers"].take()
}

fn updated_with_accept_servers(switches: &Switches) -> Value {
    let mut sim = one(switches);
    sim.admin(0, "PUT", "/v1/nodes/1", json!({"accept_servers": false}));
    sim.admin(0, "GET", "/v1/nodes/1", Value::Null).json["accept_servers"].take()
}

/// What captures show otherwise than the documentation, of a cluster that has run an action.
fn types(switches: &Switches) -> Value {
    let mut sim = one(switches);
    sim.admin(0, "POST", "/v1/nodes/1/actions/maintenance_off", json!({}));
    sim.pass(60);
    let module = json!({"module_list": [{"module_name": "search"}]});
    sim.database_with_data(&[&module]);
    let mut look = |path: &str| sim.admin(0, "GET", path, Value::Null).json;
    let node = look("/v1/bootstrap")["local_node_info"].take();
    let action = look("/v1/actions")["actions"][0].take();
    let (cluster, database) = (look("/v1/cluster"), look("/v1/bdbs/1"));
    json!([
        node["uid"],
        node.get("available_addrs").is_some(),
        action["progress"],
        action["creation_time"],
        look("/v1/nodes/stats")[0]["uid"],
        database["backup_status"],
        database["export_status"],
        database["import_status"],
        database["active_defrag_ignore_bytes"],
        cluster["data_cipher_suites_tls_1_3"],
        database["module_list"][0]["module_args"],
        look("/v1/actions")["state-machines"][0]["progress"],
    ])
}

/// Settings that nobody set: of a machine in no cluster, the cluster, its policy, a proxy and a sharded database.
fn defaults(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let sharded = json!({
        "sharding": true, "shards_count": 2, "shard_key_regex": [{"regex": "(?<tag>.*)"}],
    });
    sim.database_with_data(&[&sharded]);
    let fresh = Fixture::with(1, Profile::default(), switches.clone());
    let mut look = |path: &str| sim.admin(0, "GET", path, Value::Null).json;
    let (cluster, policy) = (look("/v1/cluster"), look("/v1/cluster/policy"));
    json!([
        fresh.world.serves_http(NodeIndex(0)),
        cluster["http_support"],
        cluster["slave_ha"],
        cluster["slave_ha_grace_period"],
        cluster["slave_ha_bdb_cooldown_period"],
        cluster["robust_crdt_syncer"],
        cluster["multi_commands_opt"],
        cluster["smtp_port"],
        policy["default_sharded_proxy_policy"],
        policy["default_shards_placement"],
        policy["shards_overbooking"],
        policy["default_fork_evict_ram"],
        look("/v1/bdbs/1")["hash_slots_policy"],
    ])
}

fn same_rack_id(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let mut put = || sim.admin(0, "PUT", "/v1/nodes/1", json!({"rack_id": "a"})).status;
    assert_eq!(put(), 200);
    json!(put())
}

fn licence_after_a_refusal(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let other = License::bought("other.example.com", 20, sim.world.now(), 30);
    let put = sim.admin(0, "PUT", "/v1/license", json!({"license": other.text}));
    assert_eq!(put.status, 406);
    json!(sim.admin(0, "GET", "/v1/license", Value::Null).status)
}

fn paths_of_health(switches: &Switches) -> Value {
    let mut sim = with_database(switches);
    let paths = ["/v4/db/1/health", "/v4/bdb/1/health"];
    json!(paths.map(|path| sim.admin(0, "GET", path, Value::Null).status))
}

fn delete_while_busy(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let body = json!({"name": "db", "memory_size": 1 << 28});
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    json!(sim.admin(0, "DELETE", "/v1/bdbs/1", Value::Null).status)
}

/// What the two lists of permissions differ about: an archive for support, and the recovery plan of a database, which there is not.
fn rights_of_user_manager(switches: &Switches) -> Value {
    let paths = ["/v1/cluster/debuginfo", "/v1/bdbs/9/actions/recover"];
    json!(paths.map(|path| by_role(switches, "user_manager", "GET", path)))
}

/// A database whose file is gone, in a cluster that is recovered.
fn recovery_without_files(switches: &Switches) -> Value {
    let mut sim = one(switches);
    sim.database_with_data(&[&json!({"data_persistence": "aof"})]);
    let node = NodeIndex(0);
    sim.world.reinstall(node);
    let files = sim.world.files(node);
    let data = files.iter().find(|file| file.path.ends_with(".aof")).unwrap();
    assert!(sim.world.spoil(node, &data.path, FileState::Missing));
    let body = json!({
        "action": "recover_cluster", "recovery_filename": "/var/opt/redislabs/persist/ccs/ccs-redis.rdb",
        "node": {"identity": {"uid": 1}}, "credentials": credentials(),
    });
    let path = "/v1/bootstrap/recover_cluster";
    assert_eq!(sim.send(0, "POST", path, None, body).status, 200);
    sim.pass(120);
    json!(
        sim.admin(0, "POST", "/v1/bdbs/1/actions/recover", Value::Null)
            .status
    )
}

/// Whether a database shows it, without and with `extended`.
fn performance_factor(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let body = json!({"name": "db", "memory_size": 1 << 28});
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    let paths = ["/v1/bdbs/1", "/v1/bdbs/1?extended=true"];
    json!(paths.map(|path| {
        let shown = sim.admin(0, "GET", path, Value::Null).json;
        shown.get("query_performance_factor").is_some()
    }))
}

fn setting_that_is_left_out(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let body = json!({"name": "db", "memory_size": 1 << 28, "search": {"search-timeout": 9}});
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    sim.pass(60);
    let update = json!({"search": {"search-workers": 4}});
    assert_eq!(sim.admin(0, "PUT", "/v1/bdbs/1", update).status, 200);
    let shown = sim.admin(0, "GET", "/v1/bdbs/1?extended=true", Value::Null).json;
    shown["search"]["search-timeout"].clone()
}

fn schemes_of_a_token(switches: &Switches) -> Value {
    let mut sim = one(switches);
    let token = sim.admin(0, "POST", "/v1/users/authorize", json!({})).json["access_token"].take();
    let token = token.as_str().unwrap();
    json!(["JWT", "Bearer"].map(|scheme| {
        let headers = [("authorization", format!("{scheme} {token}"))];
        sim.raw(0, "GET", "/v1/cluster", &headers, Value::Null).status
    }))
}

fn acl_in_use(switches: &Switches) -> Value {
    let mut sim = with_database(switches);
    let acl = json!({"name": "own", "acl": "+@read ~*"});
    let uid = sim.admin(0, "POST", "/v1/redis_acls", acl).json["uid"].take();
    let permissions = json!([{"role_uid": 4, "redis_acl_uid": uid}]);
    let body = json!({"roles_permissions": permissions});
    assert_eq!(sim.admin(0, "PUT", "/v1/bdbs/1", body).status, 200);
    json!(
        sim.admin(0, "DELETE", &format!("/v1/redis_acls/{uid}"), Value::Null)
            .status
    )
}
