use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::fault::{Effect, FaultPlan, Rule};
use crate::sim::ids::NodeIndex;
use crate::sim::switch::{Switch, Switches};
use crate::sim::testbed::{Bed, start};
use crate::sim::version::Profile;
use jiff::SignedDuration;
use serde_json::{Value, json};

const GIB: u64 = 1 << 30;

/// The smallest body that creates a database in every profile.
fn plain() -> Value {
    json!({"name": "db1", "memory_size": GIB, "redis_version": "7.2"})
}

/// `plain` with more fields.
fn with(fields: Value) -> Value {
    let mut body = plain();
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body
}

fn sharded(shards: u64) -> Value {
    json!({"sharding": true, "shards_count": shards, "shard_key_regex": [{"regex": ".*\\{(?<tag>.*)\\}.*"}, {"regex": "(?<tag>.*)"}]})
}

fn client_certificate(from: i64) -> String {
    let from = start() - SignedDuration::from_hours(24 * from);
    mint::node("client", &[], from, KeyKind::Ecdsa).unwrap().chain_pem
}

fn faulty(method: &str, path: &str, effect: Effect) -> FaultPlan {
    let rule = Rule {
        method: Some(method.into()),
        path: Some(path.into()),
        node: None,
        skip: 0,
        count: Some(1),
        effect,
    };
    FaultPlan { rules: vec![rule] }
}

#[test]
fn a_database_is_pending_first_and_active_with_an_endpoint_later() {
    let mut bed = Bed::new();
    let made = bed.ok("POST", "/v1/bdbs", plain());
    assert_eq!(
        (&made["status"], &made["uid"], &made["port"]),
        (&json!("pending"), &json!(1), &json!(0))
    );
    let action = format!("/v1/actions/{}", made["action_uid"].as_str().unwrap());
    bed.pass(3);
    let running = bed.ok("GET", &action, Value::Null);
    assert_eq!(
        (&running["status"], &running["name"]),
        (&json!("active"), &json!("SMCreateBDB"))
    );
    assert_eq!(running["progress"], json!(50.0));
    bed.pass(4);
    assert_eq!(bed.ok("GET", &action, Value::Null)["status"], "completed");
    let made = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    let endpoint = &made["endpoints"][0];
    let port = endpoint["port"].as_u64().unwrap();
    assert_eq!(
        (&made["status"], &made["port"], &made["redis_version"]),
        (&json!("active"), &json!(0), &json!("7.2"))
    );
    assert!((10_000..20_000).contains(&port), "{port}");
    assert_eq!(endpoint["dns_name"], format!("redis-{port}.rs.example.com"));
    assert_eq!(endpoint["addr"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_explicit_port_reads_back_and_an_explicit_uid_is_kept() {
    let mut bed = Bed::new();
    bed.database(with(json!({"port": 12000, "uid": 40})));
    let made = bed.ok("GET", "/v1/bdbs/40", Value::Null);
    assert_eq!(
        (&made["port"], &made["endpoints"][0]["port"]),
        (&json!(12000), &json!(12000))
    );
    assert_eq!(bed.ok("POST", "/v1/bdbs", plain())["uid"], 41);
}

#[test]
fn names_are_not_unique() {
    let mut bed = Bed::new();
    assert_eq!((bed.database(plain()), bed.database(plain())), (1, 2));
}

#[test]
fn each_wrong_creation_gets_its_own_code() {
    let expired = client_certificate(400);
    let sound = client_certificate(0);
    let certs =
        |pems: &[&str]| -> Vec<Value> { pems.iter().map(|pem| json!({"client_cert": pem})).collect() };
    let mut bed = Bed::new();
    bed.database(with(json!({"port": 12000})));
    for (body, status, code) in [
        (json!({"memory_size": GIB}), 406, "missing_db_name"),
        (json!({"name": "db"}), 406, "missing_memory_size"),
        (with(json!({"name": "-db"})), 406, "invalid_param"),
        (with(json!({"flavour": 1})), 400, "invalid_schema"),
        (with(json!({"memory_size": "1g"})), 400, "invalid_schema"),
        (with(json!({"uid": 1})), 409, "uid_exists"),
        (with(json!({"port": 12000})), 406, "port_unavailable"),
        (with(json!({"port": 10050})), 406, "port_unavailable"),
        (with(json!({"port": 9000})), 406, "port_unavailable"),
        (
            with(json!({"memory_size": 900 * GIB})),
            406,
            "insufficient_resources",
        ),
        (with(json!({"sharding": true})), 406, "invalid_sharding"),
        (with(json!({"shards_count": 2})), 406, "invalid_sharding"),
        (with(json!({"rack_aware": true})), 406, "not_rack_aware"),
        (with(json!({"redis_version": "7.2.4"})), 406, "invalid_version"),
        (with(json!({"redis_version": "5.0"})), 406, "invalid_version"),
        (
            with(json!({"module_list": [{"module_name": "nope"}]})),
            406,
            "missing_module",
        ),
        (
            with(json!({"type": "memcached", "module_list": [{"module_name": "search"}]})),
            406,
            "memcached_cannot_use_modules",
        ),
        (
            with(json!({"authentication_sasl_uname": "u"})),
            406,
            "invalid_sasl_credentials",
        ),
        (
            with(json!({"data_persistence": "snapshot"})),
            406,
            "invalid_data_persistence",
        ),
        (
            with(json!({"data_persistence": "rdb"})),
            406,
            "invalid_data_persistence",
        ),
        (with(json!({"backup": true})), 406, "missing_backup_interval"),
        (with(json!({"proxy_policy": "some"})), 406, "invalid_proxy_policy"),
        (
            with(json!({"oss_cluster": true, "hash_slots_policy": "legacy"})),
            406,
            "invalid_oss_cluster_configuration",
        ),
        (with(json!({"tls_mode": "enabled"})), 406, "invalid_certificate"),
        (
            with(json!({"authentication_ssl_client_certs": certs(&["junk"])})),
            406,
            "invalid_certificate",
        ),
        (
            with(json!({"authentication_ssl_client_certs": certs(&[&expired])})),
            406,
            "certificate_expired",
        ),
        (
            with(json!({"authentication_ssl_client_certs": certs(&[&sound, &sound])})),
            406,
            "duplicated_certs",
        ),
        (
            with(json!({"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]})),
            406,
            "invalid_bdb_tags",
        ),
        (
            with(json!({"tags": [{"key": "a&b", "value": "1"}]})),
            406,
            "invalid_bdb_tags",
        ),
        (with(json!({"status": "active"})), 406, "invalid_param"),
    ] {
        assert_eq!(
            bed.refused("POST", "/v1/bdbs", body.clone()),
            (status, code.to_owned()),
            "{body}"
        );
    }
    assert_eq!(
        bed.ok("GET", "/v1/bdbs", Value::Null).as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn replication_needs_two_nodes_and_racks_if_asked_for() {
    let mut bed = Bed::with(1, Profile::default(), Switches::all_default());
    let refused = bed.refused("POST", "/v1/bdbs", with(json!({"replication": true})));
    assert_eq!(refused, (406, "invalid_replication".to_owned()));
}

#[test]
fn a_version_must_be_named_on_7_4_unless_the_switch_says_otherwise() {
    let versionless = json!({"name": "db1", "memory_size": GIB});
    let mut bed = Bed::of(Profile::V7_4_6);
    assert_eq!(
        bed.refused("POST", "/v1/bdbs", versionless.clone()),
        (406, "invalid_version".to_owned())
    );
    let mut bed = Bed::with(
        3,
        Profile::V7_4_6,
        Switches::all_default().with(Switch::VersionlessCreate),
    );
    assert_eq!(bed.ok("POST", "/v1/bdbs", versionless)["redis_version"], "7.2");
}

#[test]
fn the_trial_allows_four_shards_and_a_month() {
    let mut bed = Bed::trial(3, Profile::default(), Switches::all_default());
    let mut two = with(sharded(2));
    two["replication"] = json!(true);
    bed.database(two);
    assert_eq!(
        bed.refused("POST", "/v1/bdbs", plain()),
        (406, "insufficient_resources".to_owned())
    );
    bed.pass(31 * 24 * 3600);
    assert_eq!(bed.refused("POST", "/v1/bdbs", plain()).0, 403);
    assert_eq!(
        bed.refused("PUT", "/v1/bdbs/1", json!({"max_connections": 5})).0,
        403
    );
}

#[test]
fn a_dry_run_answers_and_changes_nothing() {
    let mut bed = Bed::new();
    let made = bed.ok("POST", "/v1/bdbs?dry_run", plain());
    assert_eq!((&made["name"], made.get("action_uid")), (&json!("db1"), None));
    assert_eq!(bed.ok("GET", "/v1/bdbs", Value::Null), json!([]));
    bed.database(plain());
    bed.ok("PUT", "/v1/bdbs/1?dry_run", json!({"replication": true}));
    let live = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    assert_eq!(
        (&live["status"], &live["replication"]),
        (&json!("active"), &json!(false))
    );
    assert_eq!(
        bed.ok("GET", "/v1/shards", Value::Null).as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn an_update_shows_at_once_and_a_second_one_has_to_wait() {
    let mut bed = Bed::new();
    bed.database(plain());
    let changed = bed.ok("PUT", "/v1/bdbs/1", json!({"eviction_policy": "noeviction"}));
    assert_eq!(
        (&changed["status"], &changed["eviction_policy"]),
        (&json!("active-change-pending"), &json!("noeviction"))
    );
    assert_eq!(
        bed.refused("PUT", "/v1/bdbs/1", json!({"max_connections": 5})),
        (409, "busy".to_owned())
    );
    assert_eq!(
        bed.refused("DELETE", "/v1/bdbs/1", Value::Null),
        (409, "busy".to_owned())
    );
    bed.pass(10);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "active");
}

#[test]
fn an_update_that_changes_nothing_starts_nothing() {
    let mut bed = Bed::new();
    bed.database(plain());
    let before = bed.world.clusters.values().next().unwrap().state_id;
    let same = bed.ok(
        "PUT",
        "/v1/bdbs/1",
        json!({"memory_size": GIB, "uid": 1, "port": 0, "replication": false}),
    );
    assert_eq!(same["status"], "active");
    assert_eq!(bed.world.clusters.values().next().unwrap().state_id, before);
}

#[test]
fn each_wrong_update_gets_its_own_code() {
    let mut bed = Bed::new();
    bed.database(with(sharded(2)));
    for (body, status, code) in [
        (json!({"shards_count": 3}), 406, "invalid_sharding"),
        (json!({"shards_count": 1}), 406, "invalid_sharding"),
        (json!({"sharding": false}), 406, "invalid_sharding"),
        (json!({"port": 12001}), 406, "invalid_param"),
        (json!({"type": "memcached"}), 406, "invalid_param"),
        (json!({"module_list": []}), 406, "invalid_param"),
        (json!({"rack_aware": true}), 406, "rack_awareness_violation"),
        (json!({"memory_size": 900 * GIB}), 406, "insufficient_resources"),
        (
            json!({"memory_size": 1 << 20, "replication": true}),
            406,
            "replication_size_violation",
        ),
        (json!({"backup": true}), 406, "missing_backup_interval"),
        (json!({"proxy_policy": "none"}), 406, "invalid_proxy_policy"),
        (json!({"colour": "red"}), 400, "invalid_schema"),
    ] {
        // 8.x bundles modules with Redis 8 only; this database has none, so an empty list is no change there.
        if body.get("module_list").is_some() {
            continue;
        }
        assert_eq!(
            bed.refused("PUT", "/v1/bdbs/1", body.clone()),
            (status, code.to_owned()),
            "{body}"
        );
    }
    assert_eq!(bed.refused("PUT", "/v1/bdbs/9", json!({})).0, 404);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "active");
}

#[test]
fn an_empty_module_list_is_refused_since_7_22_and_removed_the_modules_before() {
    let body = with(json!({"module_list": [{"module_name": "search"}]}));
    let mut bed = Bed::of(Profile::V7_22_2);
    bed.database(body.clone());
    assert_eq!(
        bed.refused("PUT", "/v1/bdbs/1", json!({"module_list": []})).0,
        406
    );
    let mut bed = Bed::of(Profile::V7_8_6);
    bed.database(body);
    assert_eq!(
        bed.ok("PUT", "/v1/bdbs/1", json!({"module_list": []}))["module_list"],
        json!([])
    );
}

#[test]
fn shards_multiply_and_replicas_come_with_replication() {
    let mut bed = Bed::new();
    bed.database(with(sharded(2)));
    bed.ok(
        "PUT",
        "/v1/bdbs/1",
        json!({"shards_count": 4, "replication": true}),
    );
    bed.pass(120);
    let shards = bed.ok("GET", "/v1/bdbs/1/shards", Value::Null);
    let slots = |role: &str| -> Vec<String> {
        let of = shards
            .as_array()
            .unwrap()
            .iter()
            .filter(|shard| shard["role"] == role);
        of.map(|shard| shard["assigned_slots"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        slots("master"),
        ["0-4095", "4096-8191", "8192-12287", "12288-16383"]
    );
    assert_eq!(slots("slave").len(), 4);
}

#[test]
fn the_state_id_is_a_precondition() {
    let mut bed = Bed::new();
    bed.database(plain());
    let present = bed.world.clusters.values().next().unwrap().state_id.to_string();
    let body = || json!({"max_connections": 5});
    let wrong = bed.call_with(0, "PUT", "/v1/bdbs/1", body(), &[("cluster-state-id", "1")]);
    assert_eq!(
        (wrong.0, &wrong.1["error_code"]),
        (409, &json!("wrong_cluster_state_id"))
    );
    assert_eq!(
        bed.call_with(0, "PUT", "/v1/bdbs/1", body(), &[("cluster-state-id", &present)])
            .0,
        200
    );
    let mut bed = Bed::switched(Switch::StateIdMismatch406);
    assert_eq!(
        bed.call_with(0, "POST", "/v1/bdbs", plain(), &[("cluster-state-id", "1")])
            .0,
        406
    );
}

#[test]
fn a_deleted_database_is_pending_and_then_gone_with_its_resources() {
    let mut bed = Bed::new();
    bed.database(with(json!({"port": 12000})));
    assert_eq!(
        bed.ok("DELETE", "/v1/bdbs/1", Value::Null)["status"],
        "delete-pending"
    );
    assert_eq!(
        bed.refused("PUT", "/v1/bdbs/1", json!({"max_connections": 5})).0,
        409
    );
    bed.pass(10);
    assert_eq!(bed.refused("GET", "/v1/bdbs/1", Value::Null).0, 404);
    assert_eq!(bed.refused("DELETE", "/v1/bdbs/1", Value::Null).0, 404);
    assert_eq!(bed.ok("GET", "/v1/shards", Value::Null), json!([]));
    assert_eq!(bed.database(with(json!({"port": 12000}))), 2);
}

#[test]
fn a_failed_creation_leaves_creation_failed_and_a_failed_update_what_was() {
    let mut bed = Bed::new();
    bed.world.set_faults(faulty(
        "POST",
        "/v1/bdbs",
        Effect::TaskFailed("insufficient_resources".into()),
    ));
    let made = bed.ok("POST", "/v1/bdbs", plain());
    bed.pass(10);
    assert_eq!(
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"],
        "creation-failed"
    );
    let action = bed.ok(
        "GET",
        &format!("/v1/actions/{}", made["action_uid"].as_str().unwrap()),
        Value::Null,
    );
    assert_eq!(
        (&action["status"], &action["error"]),
        (&json!("failed"), &json!("insufficient_resources"))
    );
    bed.ok("DELETE", "/v1/bdbs/1", Value::Null);
    bed.pass(10);
    bed.database(plain());
    bed.world.set_faults(faulty(
        "PUT",
        "/v1/bdbs/*",
        Effect::TaskFailed("internal_error".into()),
    ));
    bed.ok("PUT", "/v1/bdbs/2", json!({"replication": true}));
    bed.pass(60);
    let kept = bed.ok("GET", "/v1/bdbs/2", Value::Null);
    assert_eq!(
        (&kept["status"], &kept["replication"]),
        (&json!("active"), &json!(false))
    );
    assert_eq!(
        bed.ok("GET", "/v1/shards", Value::Null).as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_stuck_machine_keeps_the_database_pending() {
    let mut bed = Bed::new();
    bed.world
        .set_faults(faulty("POST", "/v1/bdbs", Effect::TaskStuck));
    bed.ok("POST", "/v1/bdbs", plain());
    bed.pass(3600);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "pending");
}

#[test]
fn fields_select() {
    let mut bed = Bed::new();
    bed.database(plain());
    assert_eq!(
        bed.ok("GET", "/v1/bdbs?fields=uid,name", Value::Null),
        json!([{"uid": 1, "name": "db1"}])
    );
    assert_eq!(
        bed.ok("GET", "/v1/bdbs/1?fields=status,nonsense", Value::Null),
        json!({"status": "active"})
    );
}

#[test]
fn sources_of_a_replica_tell_how_far_they_are() {
    let mut bed = Bed::new();
    let source = json!({"uri": "redis://admin:x@db.example.com:12000", "compression": 6});
    bed.database(with(
        json!({"replica_sources": [source], "replica_sync": "enabled"}),
    ));
    let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null)["replica_sources"][0].clone();
    for (field, want) in [
        ("uid", json!(1)),
        ("status", json!("in-sync")),
        ("compression", json!(6)),
        ("encryption", json!(false)),
        ("lag", json!(0)),
    ] {
        assert_eq!(shown[field], want, "{field}");
    }
    bed.ok("PUT", "/v1/bdbs/1", json!({"replica_sync": "paused"}));
    bed.pass(60);
    let shown = bed.ok("GET", "/v1/bdbs/1?fields=replica_sources", Value::Null);
    assert_eq!(shown["replica_sources"][0]["status"], "out-of-sync");
}

#[test]
fn admin_passwords_are_reset_and_credentials_masked() {
    let mut bed = Bed::new();
    bed.database(with(json!({"authentication_redis_pass": "open-sesame"})));
    let before = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    assert_eq!(before["authentication_redis_pass"], "open-sesame");
    assert_eq!(
        before["authentication_admin_pass"].as_str().map(str::len),
        Some(48)
    );
    let after = bed.ok("PUT", "/v1/bdbs/1/reset_admin_pass", Value::Null);
    assert_ne!(
        after["authentication_admin_pass"],
        before["authentication_admin_pass"]
    );
    bed.ok("PUT", "/v1/cluster", json!({"mask_bdb_credentials": true}));
    assert_eq!(
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["authentication_redis_pass"],
        "***"
    );
}

#[test]
fn a_dead_node_costs_availability_only_without_a_replica() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true})));
    bed.database(plain());
    let node_of = |bed: &mut Bed, bdb: u64| {
        let shards = bed.ok("GET", &format!("/v1/bdbs/{bdb}/shards"), Value::Null);
        let master = shards
            .as_array()
            .unwrap()
            .iter()
            .find(|shard| shard["role"] == "master")
            .unwrap();
        master["node_uid"].as_str().unwrap().parse::<usize>().unwrap()
    };
    for bdb in [1, 2] {
        assert_eq!(
            bed.call("GET", &format!("/v1/bdbs/{bdb}/availability"), Value::Null)
                .0,
            200
        );
    }
    let (replicated, single) = (node_of(&mut bed, 1), node_of(&mut bed, 2));
    for dead in [replicated, single] {
        bed.world.crash(NodeIndex(dead - 1));
        bed.pass(30);
        let asked = if dead == 1 { 1 } else { 0 };
        let lost = if dead == single { 503 } else { 200 };
        assert_eq!(
            bed.call_on(asked, "GET", "/v1/bdbs/1/availability", Value::Null)
                .0,
            200
        );
        assert_eq!(
            bed.call_on(asked, "GET", "/v1/bdbs/2/availability", Value::Null)
                .0,
            lost
        );
        bed.world.power_on(NodeIndex(dead - 1));
        bed.pass(60);
    }
}

#[test]
fn an_import_is_pending_until_it_succeeded() {
    let mut bed = Bed::new();
    bed.database(plain());
    assert_eq!(bed.refused("POST", "/v1/bdbs/1/actions/import", json!({})).0, 406);
    let sources = json!({"dataset_import_sources": [{"type": "url", "url": "http://example.com/dump.rdb"}]});
    bed.ok("POST", "/v1/bdbs/1/actions/import", sources);
    assert_eq!(
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"],
        "import-pending"
    );
    bed.pass(10);
    let done = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    assert_eq!(
        (&done["status"], &done["import_status"]),
        (&json!("active"), &json!("succeeded"))
    );
    assert_eq!(done["dataset_import_sources"], json!([]));
}

/// (node, role) of each shard of database 1, by uid.
fn layout(bed: &mut Bed) -> Vec<(String, String)> {
    let shards = bed.ok("GET", "/v1/bdbs/1/shards", Value::Null);
    let text = |shard: &Value, field: &str| shard[field].as_str().unwrap().to_owned();
    let mut all: Vec<_> = shards.as_array().unwrap().iter().collect();
    all.sort_by_key(|shard| text(shard, "uid"));
    all.iter()
        .map(|shard| (text(shard, "node_uid"), text(shard, "role")))
        .collect()
}

#[test]
fn maintenance_empties_a_node_and_gives_it_its_shards_back() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true, "proxy_policy": "single"})));
    let before = layout(&mut bed);
    let endpoint =
        |bed: &mut Bed| bed.ok("GET", "/v1/bdbs/1", Value::Null)["endpoints"][0]["addr"][0].clone();
    let served = endpoint(&mut bed);
    let node = &before[0].0;
    bed.ok(
        "POST",
        &format!("/v1/nodes/{node}/actions/maintenance_on"),
        json!({"evict_ha_replica": true}),
    );
    bed.pass(120);
    assert!(
        layout(&mut bed).iter().all(|(on, _)| on != node),
        "{:?}",
        layout(&mut bed)
    );
    assert_ne!(endpoint(&mut bed), served);
    assert_eq!(
        bed.ok("GET", &format!("/v1/nodes/{node}"), Value::Null)["shard_count"],
        0
    );
    bed.ok(
        "POST",
        &format!("/v1/nodes/{node}/actions/maintenance_off"),
        json!({}),
    );
    bed.pass(120);
    assert_eq!((layout(&mut bed), endpoint(&mut bed)), (before, served));
}

#[test]
fn replicas_of_a_dead_node_are_made_anew_after_the_grace_period() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true, "slave_ha": true})));
    let dead: usize = layout(&mut bed)[1].0.parse().unwrap();
    let asked = if dead == 1 { 1 } else { 0 };
    bed.world.crash(NodeIndex(dead - 1));
    bed.pass(30);
    let down = |bed: &mut Bed| {
        let (status, shards) = bed.call_on(asked, "GET", "/v1/bdbs/1/shards", Value::Null);
        assert_eq!(status, 200);
        shards
            .as_array()
            .unwrap()
            .iter()
            .filter(|shard| shard["detailed_status"] == "down")
            .count()
    };
    assert_eq!(down(&mut bed), 1);
    bed.pass(700);
    assert_eq!(down(&mut bed), 0);
}

#[test]
fn a_blueprint_places_shards_or_is_bad() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true})));
    let blueprint = |range: &str, master: &str, slave: &str| {
        let nodes = json!([{"node_uid": master, "role": "master"}, {"node_uid": slave, "role": "slave"}]);
        json!({"shards_blueprint": [{"slot_range": range, "nodes": nodes}]})
    };
    for bad in [
        blueprint("0-100", "1", "2"),
        blueprint("0-16383", "1", "1"),
        blueprint("0-16383", "1", "9"),
        json!({"shards_blueprint": []}),
    ] {
        let refused = bed.refused("PUT", "/v1/bdbs/1", bad.clone());
        assert_eq!(refused, (406, "bad_shards_blueprint".to_owned()), "{bad}");
    }
    bed.ok("PUT", "/v1/bdbs/1", blueprint("0-16383", "3", "1"));
    let on = |node: &str, role: &str| (node.to_owned(), role.to_owned());
    assert_eq!(layout(&mut bed), [on("3", "master"), on("1", "slave")]);
}

#[test]
fn a_refused_or_dry_creation_takes_no_uid() {
    let mut bed = Bed::new();
    bed.ok("POST", "/v1/bdbs?dry_run", with(json!({"uid": 40})));
    assert_eq!(
        bed.refused("POST", "/v1/bdbs", with(json!({"memory_size": 900 * GIB})))
            .0,
        406
    );
    assert_eq!(bed.database(plain()), 1);
    bed.ok("DELETE", "/v1/bdbs/1", Value::Null);
    bed.pass(10);
    assert_eq!(bed.database(plain()), 2);
}
