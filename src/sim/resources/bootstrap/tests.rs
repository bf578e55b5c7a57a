//! What becomes of a bootstrap, and what is said of one.

use super::*;
use crate::sim::bootstrap::is_rack_id;
use crate::sim::fixture::{Fixture, credentials};
use crate::sim::switch::Switches;
use crate::sim::version::Profile;

#[test]
fn every_failed_check_has_its_status_and_code() {
    let node = json!({"identity": {"addr": "10.0.0.1"}});
    let good = json!({"cluster": {"name": "c.example.com", "nodes": []}, "node": node, "credentials": credentials()});
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for (action, body, code) in [
        (
            "create_cluster",
            with("cluster", json!({"nodes": []})),
            "config_error",
        ),
        (
            "create_cluster",
            with("cluster", json!({"name": "under_score"})),
            "config_error",
        ),
        (
            "create_cluster",
            with("cluster", json!({"name": "x".repeat(65)})),
            "config_error",
        ),
        (
            "create_cluster",
            with("credentials", json!({"username": "admin"})),
            "config_error",
        ),
        (
            "create_cluster",
            with("credentials", json!({"username": "a<b", "password": "p"})),
            "config_error",
        ),
        (
            "create_cluster",
            with("license", json!("garbage")),
            "invalid_license",
        ),
        (
            "create_cluster",
            with("node", json!({"identity": {"addr": "10.9.9.9"}})),
            "config_error",
        ),
        (
            "create_cluster",
            with(
                "node",
                json!({"identity": {"external_addr": ["2001:db8::1", "n1"]}}),
            ),
            "config_error",
        ),
        (
            "create_cluster",
            with("node", json!({"identity": {"rack_id": "rack-"}})),
            "config_error",
        ),
        (
            "create_cluster",
            with("node", json!({"identity": {"second_rack_id": "ab.c"}})),
            "config_error",
        ),
        (
            "create_cluster",
            with("node", json!({"paths": {"persistent_path": "relative"}})),
            "path_error",
        ),
        (
            "create_cluster",
            with("policy", json!({"rack_aware": true})),
            "rack_id_required",
        ),
        (
            "join_cluster",
            with("cluster", json!({"name": "c.example.com", "nodes": ["10.9.9.9"]})),
            "connect_error",
        ),
        ("recover_cluster", good.clone(), "config_error"),
        (
            "recover_cluster",
            with("recovery_filename", json!("/nowhere/ccs-redis.rdb")),
            "path_error",
        ),
    ] {
        let mut sim = Fixture::fresh(1);
        let path = format!("/v1/bootstrap/validate/{action}");
        let reply = sim.send(0, "POST", &path, None, body.clone());
        assert_eq!(
            (reply.status, reply.json["error_code"].as_str()),
            (406, Some(code)),
            "{action} {body}"
        );
        assert_eq!(reply.json["state"], "error");
        let accepted = sim.send(0, "POST", &format!("/v1/bootstrap/{action}"), None, body);
        assert_eq!(accepted.status, 200, "a wrong configuration is accepted first");
        sim.pass(60);
        let status = &sim.send(0, "GET", "/v1/bootstrap", None, Value::Null).json["bootstrap_status"];
        assert_eq!(
            (status["state"].as_str(), status["error_code"].as_str()),
            (Some("error"), Some(code))
        );
        let again = sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, good.clone());
        assert_eq!(again.status, 200, "a new attempt after an error");
    }
}

#[test]
fn a_malformed_request_is_refused_at_once() {
    for (path, body, status) in [
        ("/v1/bootstrap/create_cluster", json!({}), 400),
        ("/v1/bootstrap/create_cluster", json!([1]), 400),
        ("/v1/bootstrap/create_cluster", json!({"cluster": "c"}), 400),
        (
            "/v1/bootstrap/create_cluster",
            json!({"action": "join_cluster", "cluster": {}}),
            400,
        ),
        ("/v1/bootstrap/join", json!({"cluster": {}}), 404),
    ] {
        assert_eq!(
            Fixture::fresh(1).send(0, "POST", path, None, body.clone()).status,
            status,
            "{path} {body}"
        );
    }
}

#[test]
fn a_field_that_no_page_has_is_ignored_whoever_sends_it() {
    let mut sim = Fixture::fresh(1);
    let mut body = sim.create_body();
    body["flash_enabled"] = json!(false);
    body["cluster"]["colour"] = json!("red");
    body["node"]["paths"] = json!({"colour": "red"});
    body["dns_suffixes"] = json!([{"name": "c.example.com", "colour": "red"}]);
    for path in [
        "/v1/bootstrap/validate/create_cluster",
        "/v1/bootstrap/create_cluster",
    ] {
        assert_eq!(
            sim.send(0, "POST", path, None, body.clone()).status,
            200,
            "{path}"
        );
    }
    sim.pass(60);
    let status = sim.admin(0, "GET", "/v1/bootstrap", Value::Null).json["bootstrap_status"].take();
    assert_eq!(status["state"], "completed", "{status}");
}

#[test]
fn validation_fails_with_the_status_that_the_bootstrap_would_end_in() {
    let path = "/v1/bootstrap/validate/create_cluster";
    let mut sim = Fixture::fresh(1);
    for body in [
        json!({}),
        json!([1]),
        json!({"cluster": "c"}),
        json!({"action": "join_cluster", "cluster": {}}),
        json!({"cluster": {"name": "under_score"}}),
    ] {
        let reply = sim.send(0, "POST", path, None, body.clone());
        let status = &reply.json;
        assert_eq!((reply.status, reply.code()), (406, "config_error"), "{body}");
        assert_eq!(status["state"], "error");
        assert!(status["start_time"].is_string() && status["start_time"] == status["end_time"]);
        assert!(status["error_details"]["message"].is_string());
    }
    let request = http::Request::post(path).body(bytes::Bytes::from("{")).unwrap();
    let reply = sim.deliver(0, &request);
    assert_eq!((reply.status, reply.code()), (406, "config_error"));
    let mut member = Fixture::cluster(1, 1);
    let body = member.create_body();
    let reply = member.admin(0, "POST", path, body);
    assert_eq!((reply.status, &reply.json["state"]), (406, &json!("completed")));
}

#[test]
fn a_member_shows_the_paths_of_its_bootstrap() {
    let mut sim = Fixture::fresh(1);
    let mut body = sim.create_body();
    body["node"] = json!({"paths": {"persistent_path": "/p", "ephemeral_path": "/e", "bigstore_path": "/b"}});
    assert_eq!(
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body)
            .status,
        200
    );
    sim.pass(60);
    let info = sim.admin(0, "GET", "/v1/bootstrap", Value::Null).json["local_node_info"].take();
    for (field, path) in [
        ("persistent_storage_path", "/p"),
        ("ephemeral_storage_path", "/e"),
        ("bigredis_storage_path", "/b"),
    ] {
        assert_eq!(info[field], path, "{field}");
    }
}

#[test]
fn a_created_cluster_restarts_its_services_then_asks_for_credentials_and_refuses_another_bootstrap() {
    let mut sim = Fixture::fresh(1);
    assert_eq!(sim.send(0, "GET", "/v1/nodes", None, Value::Null).status, 503);
    let body = sim.create_body();
    assert_eq!(
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body.clone())
            .status,
        200
    );
    assert_eq!(
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body.clone())
            .status,
        409
    );
    sim.pass(10);
    let running = sim.send(0, "GET", "/v1/bootstrap", None, Value::Null);
    assert_eq!(running.json["bootstrap_status"]["state"], "creating_cluster");
    sim.pass(7);
    assert_eq!(
        sim.admin(0, "GET", "/v1/bootstrap", Value::Null).status,
        503,
        "services restart"
    );
    sim.pass(4);
    assert_eq!(sim.send(0, "GET", "/v1/bootstrap", None, Value::Null).status, 401);
    let done = sim.admin(0, "GET", "/v1/bootstrap", Value::Null);
    assert_eq!(done.json["bootstrap_status"]["state"], "completed");
    assert_eq!(done.json["local_node_info"]["uid"], "1");
    assert_eq!(
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body.clone())
            .status,
        401
    );
    assert_eq!(
        sim.admin(0, "POST", "/v1/bootstrap/create_cluster", body).status,
        409
    );
}

#[test]
fn a_new_cluster_has_the_ports_and_the_drivers_of_its_request() {
    let mut sim = Fixture::fresh(1);
    let mut body = sim.create_body();
    body["cluster"]["wait_command"] = json!(false);
    body["node"] = json!({"bigstore_enabled": true, "bigstore_driver": "rocksdb"});
    let ports = [
        ("crdb_coordinator_port", 9181),
        ("envoy_admin_port", 8102),
        ("envoy_mgmt_server_port", 8104),
        ("gossip_envoy_admin_port", 8106),
    ];
    for (port, number) in ports {
        body[port] = json!(number);
    }
    let made = sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
    assert_eq!(made.status, 200);
    sim.pass(60);
    let cluster = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
    assert_eq!(cluster["wait_command"], false);
    for (port, number) in ports {
        assert_eq!(cluster[port], number, "{port}");
    }
    let node = sim.admin(0, "GET", "/v1/nodes/1", Value::Null).json;
    assert_eq!(node["bigstore_driver"], "rocksdb");
}

#[test]
fn what_no_request_causes_is_caused_by_the_machine_or_a_fault() {
    for code in bootstrap::ERROR_CODES {
        let mut sim = Fixture::cluster(1, 2);
        sim.faults(json!([{"path": "/v1/bootstrap/*", "method": "POST", "effect": {"task_failed": code}}]));
        let body = sim.join_body(1);
        assert_eq!(sim.bootstrap_error(1, body), *code);
    }
    let mut sim = Fixture::cluster(1, 2);
    sim.world.env.nodes[1].config.clock_skew_secs = 90;
    let body = sim.join_body(1);
    assert_eq!(sim.bootstrap_error(1, body), "time_not_sync");
    let mut sim = Fixture::fresh(1);
    sim.world.env.nodes[0].config.inaccessible_paths = vec!["/data".to_owned()];
    let mut body = sim.create_body();
    body["node"] = json!({"paths": {"persistent_path": "/data"}});
    let reply = sim.send(0, "POST", "/v1/bootstrap/validate/create_cluster", None, body);
    assert_eq!(reply.code(), "path_error");
}

#[test]
fn a_join_that_finds_no_cluster_tries_again_as_often_as_it_may() {
    for (retries, ends) in [(2, "connect_error"), (9, "")] {
        let mut sim = Fixture::cluster(2, 3);
        sim.world.crash(NodeIndex(1));
        sim.pass(20);
        let mut body = sim.join_body(2);
        body["max_retries"] = json!(retries);
        body["retry_time"] = json!(10);
        assert_eq!(
            sim.send(2, "POST", "/v1/bootstrap/join_cluster", None, body)
                .status,
            200
        );
        sim.pass(15);
        let status = |sim: &mut Fixture| {
            sim.admin(2, "GET", "/v1/bootstrap", Value::Null).json["bootstrap_status"].clone()
        };
        assert_eq!(status(&mut sim)["state"], "joining_cluster");
        sim.pass(15);
        sim.world.power_on(NodeIndex(1));
        sim.pass(90);
        let code = status(&mut sim)["error_code"].clone();
        assert_eq!(code.as_str().unwrap_or_default(), ends, "{retries}");
    }
}

#[test]
fn a_replacement_must_be_as_large_as_the_node_it_replaces() {
    for (memory, flash, code) in [
        (1 << 30, 0, "insufficient_node_memory"),
        (32 << 30, 8, ""),
        (32 << 30, 7, "insufficient_node_flash"),
    ] {
        let mut sim = Fixture::cluster(3, 4);
        sim.world.env.nodes[2].config.flash_bytes = 8;
        sim.world.env.nodes[3].config.memory_bytes = memory;
        sim.world.env.nodes[3].config.flash_bytes = flash;
        sim.world.crash(NodeIndex(2));
        sim.pass(30);
        let mut body = sim.join_body(3);
        body["node"]["identity"]["uid"] = json!(3);
        assert_eq!(sim.bootstrap_error(3, body), code);
    }
}

#[test]
fn the_id_of_a_rack_starts_with_a_letter_ends_with_one_or_a_digit_and_has_no_more_than_hyphens_between() {
    let longest = "r".repeat(63);
    for (rack, is_one) in [
        ("a", true),
        ("us-east_1-A", true),
        ("r--_2", true),
        (longest.as_str(), true),
        (&format!("{longest}r"), false),
        ("", false),
        ("1a", false),
        ("-a", false),
        ("_a", false),
        ("rack-", false),
        ("rack_", false),
        ("ab.c", false),
        ("a b", false),
        ("räck", false),
    ] {
        assert_eq!(is_rack_id(rack), is_one, "{rack:?}");
    }
}

#[test]
fn a_rack_aware_cluster_wants_a_rack_and_names_those_it_has() {
    let mut sim = Fixture::cluster(1, 2);
    sim.admin(0, "PUT", "/v1/nodes/1", json!({"rack_id": "a"}));
    sim.admin(0, "PUT", "/v1/cluster/policy", json!({"rack_aware": true}));
    let mut body = sim.join_body(1);
    assert_eq!(sim.bootstrap_error(1, body.clone()), "rack_id_required");
    let status = sim.send(1, "GET", "/v1/bootstrap", None, Value::Null).json;
    assert_eq!(
        status["bootstrap_status"]["error_details"]["current_rack_ids"],
        json!(["a"])
    );
    body["node"]["identity"]["rack_id"] = json!("b");
    assert_eq!(sim.bootstrap_error(1, body), "");
}

#[test]
fn before_7_8_6_a_join_may_require_members_of_more_than_a_version() {
    for (profile, required, code) in [
        (Profile::V7_4_6, "7.4.2", ""),
        (Profile::V7_4_6, "7.4.6", ""),
        (
            Profile::V7_4_6,
            Profile::V7_4_6.software_version(),
            "config_error",
        ),
        (Profile::V7_4_6, "7.10", "config_error"),
        (Profile::V7_8_6, "9.0", ""),
    ] {
        let mut sim = Fixture::with(2, profile, Switches::default());
        let creation = sim.create_body();
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, creation);
        sim.pass(60);
        let mut body = sim.join_body(1);
        body["required_version"] = json!(required);
        assert_eq!(sim.bootstrap_error(1, body), code, "{required} in {profile}");
    }
}

#[test]
fn doubts_about_joins_have_another_side() {
    let mut sim = Fixture::cluster_with(3, 4, Switches::default().with(Switch::JoinReplacesDeadNode));
    sim.world.crash(NodeIndex(1));
    sim.pass(30);
    let body = sim.join_body(3);
    assert_eq!(sim.bootstrap_error(3, body), "");
    assert_eq!(sim.world.uid(NodeIndex(3)).map(|uid| uid.0), Some(2));
    for (switches, code) in [
        (Switches::default(), ""),
        (
            Switches::default().with(Switch::ConcurrentJoinFails),
            "internal_error",
        ),
    ] {
        let mut sim = Fixture::cluster_with(1, 3, switches);
        let first = sim.join_body(1);
        sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, first);
        sim.pass(5);
        let second = sim.join_body(2);
        assert_eq!(sim.bootstrap_error(2, second), code);
    }
}

#[test]
fn accept_servers_of_a_bootstrap_is_read_either_way() {
    for (switches, sent, shown) in [
        (Switches::default(), json!(true), true),
        (Switches::default(), json!(false), false),
        (Switches::default(), Value::Null, true),
        (
            Switches::default().with(Switch::BootstrapAcceptServersInverted),
            json!(true),
            false,
        ),
        (
            Switches::default().with(Switch::BootstrapAcceptServersInverted),
            json!(false),
            true,
        ),
        (
            Switches::default().with(Switch::BootstrapAcceptServersInverted),
            Value::Null,
            true,
        ),
    ] {
        let mut sim = Fixture::cluster_with(1, 2, switches);
        let mut body = sim.join_body(1);
        if !sent.is_null() {
            body["node"]["identity"]["accept_servers"] = sent.clone();
        }
        assert_eq!(sim.bootstrap_error(1, body), "");
        let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
        assert_eq!(node["accept_servers"], shown, "{sent}");
    }
}

#[test]
fn a_join_is_refused_for_wrong_credentials_a_missing_rack_and_a_dead_member() {
    let mut sim = Fixture::cluster(2, 3);
    let mut wrong = sim.join_body(2);
    wrong["credentials"]["password"] = json!("wrong");
    assert_eq!(sim.bootstrap_error(2, wrong), "access_denied");
    sim.world.crash(NodeIndex(1));
    sim.pass(20);
    let plain = sim.join_body(2);
    assert_eq!(
        sim.bootstrap_error(2, plain.clone()),
        "connect_error",
        "one of two members left is no majority"
    );
    sim.world.power_on(NodeIndex(1));
    sim.pass(20);
    let mut sim = Fixture::cluster(3, 4);
    sim.world.crash(NodeIndex(2));
    sim.pass(20);
    let plain = sim.join_body(3);
    assert_eq!(sim.bootstrap_error(3, plain.clone()), "repair_required");
    let status = sim.send(3, "GET", "/v1/bootstrap", None, Value::Null);
    assert_eq!(
        status.json["bootstrap_status"]["error_details"]["replace_candidate"],
        3
    );
    let mut replacing = plain;
    replacing["node"]["identity"]["uid"] = json!(3);
    assert_eq!(sim.bootstrap_error(3, replacing), "");
    assert_eq!(
        sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["addr"],
        "10.0.0.4"
    );
}
