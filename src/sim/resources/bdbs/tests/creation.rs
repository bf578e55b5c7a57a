//! What is created, and what is refused.

use super::{GIB, client_certificate, plain, sharded, with};
use crate::sim::switch::{Switch, Switches};
use crate::sim::testbed::Bed;
use crate::sim::version::Profile;
use serde_json::{Value, json};

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
fn a_database_can_have_every_module_that_the_cluster_has_and_no_other() {
    let mut bed = Bed::new();
    let all = bed.ok("GET", "/v1/modules", Value::Null);
    let all = all.as_array().unwrap().clone();
    for module in all.iter().filter(|module| module["min_redis_version"] == "7.2") {
        let entry = json!({"module_name": module["module_name"], "module_id": module["uid"]});
        let uid = bed.database(with(json!({"module_list": [entry]})));
        let shown = bed.ok("GET", &format!("/v1/bdbs/{uid}"), Value::Null)["module_list"][0].take();
        assert_eq!(shown["module_id"], module["uid"]);
        assert_eq!(shown["semantic_version"], module["semantic_version"]);
    }
    for entry in [
        json!({"module_name": "graph"}),
        json!({"module_name": "mine"}),
        json!({"module_name": "search", "semantic_version": "8.0.2"}),
    ] {
        let refused = bed.refused("POST", "/v1/bdbs", with(json!({"module_list": [entry]})));
        assert_eq!(refused, (406, "missing_module".to_owned()), "{entry}");
    }
}

#[test]
fn a_module_that_a_user_brought_is_in_a_database_of_every_version_beside_the_bundled_ones() {
    let mut bed = Bed::new();
    bed.ok("PUT", "/v1/cluster", json!({"allow_modules_upload": true}));
    let module = json!({
        "module_name": "mine", "version": 1, "semantic_version": "1.2.3", "display_name": "", "commands": [],
        "command_line_args": "", "config_command": "MINE.CONFIG SET", "capabilities": [], "min_redis_version": "7.2",
    });
    let module = bed.ok("POST", "/v2/modules/user-defined", module);
    for (redis_version, count) in [("7.2", 1), ("8.2", 5)] {
        let body = json!({"redis_version": redis_version, "module_list": [{"module_name": "mine"}]});
        let path = format!("/v1/bdbs/{}", bed.database(with(body)));
        let args = json!({"modules": [{"module_name": "mine", "module_args": "A 1"}]});
        bed.ok("POST", &format!("{path}/modules/config"), args);
        let list = bed.ok("GET", &path, Value::Null)["module_list"].take();
        let list = list.as_array().unwrap();
        let own = json!({
            "module_name": "mine", "module_args": "A 1", "module_id": module["uid"], "semantic_version": "1.2.3",
        });
        assert_eq!((list.len(), list.last()), (count, Some(&own)), "{redis_version}");
    }
    let path = format!("/v2/modules/user-defined/{}", module["uid"].as_str().unwrap());
    assert_eq!(bed.refused("DELETE", &path, Value::Null).0, 406);
}

#[test]
fn the_second_version_of_the_call_has_the_database_inside() {
    let mut bed = Bed::new();
    bed.ok("POST", "/v2/bdbs?dry_run", json!({"bdb": plain()}));
    assert_eq!(bed.ok("GET", "/v1/bdbs", Value::Null), json!([]));
    let made = bed.ok("POST", "/v2/bdbs", json!({"bdb": with(json!({"port": 12000}))}));
    assert_eq!(
        (&made["uid"], &made["status"], &made["port"]),
        (&json!(1), &json!("pending"), &json!(12000))
    );
    bed.pass(60);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "active");
    for (body, status, code) in [
        (json!({}), 400, "invalid_schema"),
        (plain(), 400, "invalid_schema"),
        (json!({"bdb": 1}), 400, "invalid_schema"),
        (json!({"bdb": {"name": "db"}}), 406, "missing_memory_size"),
        (json!({"bdb": with(json!({"uid": 1}))}), 409, "uid_exists"),
        (json!({"bdb": plain(), "plan": {}}), 400, "invalid_schema"),
    ] {
        assert_eq!(
            bed.refused("POST", "/v2/bdbs", body.clone()),
            (status, code.to_owned()),
            "{body}"
        );
    }
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
            with(
                json!({"type": "memcached", "authentication_sasl_uname": "a&b", "authentication_sasl_pass": "p"}),
            ),
            406,
            "invalid_sasl_credentials",
        ),
        (with(json!({"replica_sources": [{}]})), 406, "invalid_param"),
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
        (
            with(json!({"oss_cluster": true, "proxy_policy": "single"})),
            406,
            "invalid_oss_cluster_configuration",
        ),
        (
            with(
                json!({"oss_cluster": true, "sharding": true, "shard_key_regex": [{"regex": "(?<tag>.*)"}]}),
            ),
            406,
            "invalid_oss_cluster_configuration",
        ),
        (
            with(json!({"tls_mode": "enabled", "enforce_client_authentication": "enabled"})),
            406,
            "invalid_certificate",
        ),
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
fn a_read_only_field_may_be_named_with_the_value_that_every_new_database_has() {
    let defaults = json!({"crdt": false, "internal": false, "crdt_sync": "disabled", "wait_command": true});
    let mut bed = Bed::new();
    bed.ok("POST", "/v1/bdbs", with(defaults));
    for other in [json!({"crdt": true}), json!({"internal": true})] {
        let refused = bed.refused("POST", "/v1/bdbs", with(other.clone()));
        assert_eq!(refused, (406, "invalid_param".to_owned()), "{other}");
    }
}

#[test]
fn a_database_keeps_the_account_that_it_is_given() {
    let mut bed = Bed::new();
    bed.database(with(json!({"account_id": 7})));
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["account_id"], 7);
    bed.ok("PUT", "/v1/bdbs/1", json!({"account_id": 8}));
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["account_id"], 8);
}

#[test]
fn limits_of_a_synchronisation_fill_up_with_their_defaults_and_are_never_zero() {
    let mut bed = Bed::new();
    bed.database(plain());
    let limits = |own: i64| json!({"src_endpoint_limit": own, "dst_endpoint_limit": -1, "dst_shard_limit": -1, "src_node_limit": -1});
    let field = "gradual_sync_policy_parameters";
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)[field], limits(1));
    let body = |limit: Value| json!({"gradual_sync_policy": "custom", field: {"src_endpoint_limit": limit}});
    for (limit, status) in [(json!(0), 406), (json!(-2), 406), (json!("1"), 400)] {
        assert_eq!(bed.refused("PUT", "/v1/bdbs/1", body(limit)).0, status);
    }
    let changed = bed.ok("PUT", "/v1/bdbs/1", body(json!(4)));
    assert_eq!(changed[field], limits(4));
}

#[test]
fn limits_of_a_synchronisation_are_kept_under_the_custom_policy_only() {
    let (policy, field) = ("gradual_sync_policy", "gradual_sync_policy_parameters");
    let mut bed = Bed::new();
    bed.database(with(json!({field: {"src_endpoint_limit": 4}})));
    let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null)[field].clone();
    assert_eq!(shown["src_endpoint_limit"], 1);
    for (update, src, dst) in [
        (json!({field: {"src_endpoint_limit": 4}}), 1, -1),
        (json!({policy: "custom", field: {"src_endpoint_limit": 4}}), 4, -1),
        (json!({field: {"dst_endpoint_limit": 5}}), 4, 5),
        (json!({policy: "replica"}), 1, -1),
        (json!({policy: "custom"}), 1, -1),
    ] {
        bed.ok("PUT", "/v1/bdbs/1", update.clone());
        bed.pass(60);
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null)[field].clone();
        let limits = (&shown["src_endpoint_limit"], &shown["dst_endpoint_limit"]);
        assert_eq!(limits, (&json!(src), &json!(dst)), "{update}");
    }
}

#[test]
fn a_flash_database_of_redis_8_has_the_modules_that_work_on_flash() {
    let mut bed = Bed::new();
    bed.flash(64 * GIB);
    for (fields, wanted) in [
        (json!({}), json!(["bf", "ReJSON", "search", "timeseries"])),
        (
            json!({"bigstore": true, "bigstore_ram_size": GIB / 5}),
            json!(["bf", "ReJSON"]),
        ),
        (
            json!({"bigstore": true, "bigstore_ram_size": GIB / 5, "search_on_bigstore": true}),
            json!(["bf", "ReJSON", "search"]),
        ),
    ] {
        let mut body = with(fields);
        body["redis_version"] = json!("8.2");
        let made = bed.ok("POST", "/v1/bdbs", body.clone());
        let modules = made["module_list"].as_array().unwrap().iter();
        let names: Value = modules.map(|module| module["module_name"].clone()).collect();
        assert_eq!(names, wanted, "{body}");
    }
}

#[test]
fn the_version_of_flash_follows_from_that_of_redis() {
    for (redis, asked, shown) in [
        ("7.2", None, Some(1)),
        ("7.2", Some(2), None),
        ("7.4", None, Some(1)),
        ("7.4", Some(2), Some(2)),
        ("8.0", None, None),
        ("8.2", None, Some(2)),
        ("8.2", Some(1), None),
    ] {
        let mut bed = Bed::new();
        bed.flash(64 * GIB);
        let mut body = json!({"redis_version": redis, "bigstore": true, "bigstore_ram_size": GIB / 5});
        if let Some(asked) = asked {
            body["bigstore_version"] = json!(asked);
        }
        let (status, made) = bed.call("POST", "/v1/bdbs", with(body.clone()));
        assert_eq!(status == 200, shown.is_some(), "{body}: {made}");
        assert_eq!(made["bigstore_version"].as_u64(), shown, "{body}");
    }
}

#[test]
fn files_of_a_database_on_flash_are_half_as_large_unless_told_otherwise() {
    let mut bed = Bed::new();
    bed.flash(64 * GIB);
    for (flash, told, size) in [
        (false, None, 300 * GIB),
        (true, None, 150 * GIB),
        (true, Some(200 * GIB), 200 * GIB),
    ] {
        let mut body = with(json!({"bigstore": flash, "bigstore_ram_size": GIB / 5}));
        body.as_object_mut()
            .unwrap()
            .extend(told.map(|told| ("max_aof_file_size".to_owned(), json!(told))));
        let made = bed.ok("POST", "/v1/bdbs", body.clone());
        assert_eq!(made["max_aof_file_size"], size, "{body}");
    }
}

#[test]
fn the_second_version_of_flash_needs_speedb() {
    let mut bed = Bed::new();
    bed.flash(64 * GIB);
    bed.ok("PUT", "/v1/cluster", json!({"bigstore_driver": "rocksdb"}));
    for (redis, version, status) in [("7.4", 1, 200), ("7.4", 2, 406), ("8.2", 2, 406)] {
        let flash = json!({"redis_version": redis, "bigstore": true, "bigstore_ram_size": GIB / 5});
        let mut body = with(flash);
        body["bigstore_version"] = json!(version);
        let (got, answer) = bed.call("POST", "/v1/bdbs", body.clone());
        assert_eq!(got, status, "{body}: {answer}");
    }
}

#[test]
fn a_certificate_of_either_list_lets_clients_in() {
    let pem = client_certificate(0);
    for field in ["authentication_ssl_client_certs", "authentication_ssl_crdt_certs"] {
        let mut bed = Bed::new();
        bed.database(with(
            json!({"tls_mode": "enabled", field: [{"client_cert": pem}]}),
        ));
    }
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

#[test]
fn tls_needs_client_certificates_where_they_are_enforced_or_the_switch_enforces_them() {
    let refused = (406, "invalid_certificate".to_owned());
    for (mut bed, needed) in [
        (Bed::new(), false),
        (Bed::switched(Switch::ClientCertificateRequired), true),
    ] {
        let plain = with(json!({"tls_mode": "enabled"}));
        match needed {
            true => assert_eq!(bed.refused("POST", "/v1/bdbs", plain), refused),
            false => _ = bed.ok("POST", "/v1/bdbs", plain),
        }
        let anyone = with(json!({"tls_mode": "enabled", "enforce_client_authentication": "disabled"}));
        bed.database(anyone);
        let enforced = json!({"enforce_client_authentication": "enabled"});
        assert_eq!(bed.refused("PUT", "/v1/bdbs/1", enforced), refused);
    }
}

#[test]
fn the_policy_of_the_cluster_decides_what_a_new_database_is_not_told() {
    let mut bed = Bed::new();
    let policy = json!({
        "default_provisioned_redis_version": "7.4", "data_internode_encryption": true,
        "db_conns_auditing": true, "default_oss_cluster": true, "oss_cluster_api_preferred_endpoint_type": "hostname",
        "oss_cluster_api_preferred_ip_type": "external", "default_recovery_wait_time": 9,
        "default_tracking_table_max_keys_policy": 5, "resp3_default": false,
    });
    let sink = json!({"audit_protocol": "local", "audit_address": "/tmp/audit"});
    bed.ok("PUT", "/v1/cluster/auditing/db_conns", sink);
    bed.ok("PUT", "/v1/cluster/policy", policy);
    bed.database(json!({"name": "db1", "memory_size": GIB}));
    let made = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    for (field, value) in [
        ("redis_version", json!("7.4")),
        ("data_internode_encryption", json!(true)),
        ("db_conns_auditing", json!(true)),
        ("oss_cluster", json!(true)),
        ("oss_cluster_api_preferred_endpoint_type", json!("hostname")),
        ("oss_cluster_api_preferred_ip_type", json!("external")),
        ("recovery_wait_time", json!(9)),
        ("tracking_table_max_keys", json!(5)),
        ("resp3", json!(true)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let endpoint = &made["endpoints"][0];
    assert_eq!(endpoint["oss_cluster_api_preferred_endpoint_type"], "hostname");
    let told = json!({"redis_version": "7.2", "oss_cluster": false, "tracking_table_max_keys": 7});
    let made = bed.ok("POST", "/v1/bdbs", with(told.clone()));
    for (field, value) in told.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    for own in [
        json!({"type": "memcached"}),
        json!({"hash_slots_policy": "legacy"}),
        json!({"proxy_policy": "single"}),
    ] {
        assert_eq!(bed.ok("POST", "/v1/bdbs", with(own))["oss_cluster"], false);
    }
}

#[test]
fn the_oss_cluster_api_goes_with_the_standard_hashing_policy_and_without_a_single_proxy() {
    let mut bed = Bed::new();
    let mut body = with(sharded(2));
    body["oss_cluster"] = json!(true);
    body["proxy_policy"] = json!("all-master-shards");
    bed.database(body);
    let refused = (406, "invalid_oss_cluster_configuration".to_owned());
    for update in [
        json!({"proxy_policy": "single"}),
        json!({"shard_key_regex": [{"regex": "(?<tag>.*)"}]}),
    ] {
        assert_eq!(
            bed.refused("PUT", "/v1/bdbs/1", update.clone()),
            refused,
            "{update}"
        );
    }
    bed.ok("PUT", "/v1/bdbs/1", json!({"proxy_policy": "all-nodes"}));
}

#[test]
fn what_a_new_database_is_not_told_comes_from_captures_or_from_the_documentation() {
    for (switches, wanted) in [
        (Switches::all_default(), json!(["16k", "single", "dense"])),
        (
            Switches::all_default().with(Switch::DefaultsAsDocumented),
            json!(["legacy", "all-master-shards", "sparse"]),
        ),
    ] {
        let mut bed = Bed::with(3, Profile::default(), switches);
        let made = bed.ok("POST", "/v1/bdbs", with(sharded(2)));
        let fields = ["hash_slots_policy", "proxy_policy", "shards_placement"];
        assert_eq!(json!(fields.map(|field| made[field].clone())), wanted);
        let cluster = bed.ok("POST", "/v1/bdbs", with(json!({"oss_cluster": true})));
        assert_eq!(
            cluster["hash_slots_policy"], "16k",
            "the OSS Cluster API needs it"
        );
    }
}
