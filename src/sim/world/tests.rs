//! Faults as callers see them, the log, certificates and machines over time.

use super::*;
use crate::sim::fixture::Fixture;
use serde_json::json;

#[test]
fn each_fault_shows_the_caller_what_it_promises_and_does_what_it_promises() {
    for (effect, status, happened) in [
        (json!("lost_reply"), 0, true),
        (json!("lost_request"), 0, false),
        (json!("reset"), 0, false),
        (json!("silence"), 0, false),
        (json!({"delay_ms": 50}), 200, true),
        (json!({"status": {"code": 502, "body": "<html>"}}), 502, false),
        (json!({"truncate_at": 3}), 0, true),
        (json!({"slow_body": {"bytes": 9, "every_ms": 5}}), 200, true),
        (json!({"clock_jump": 60}), 200, true),
        (json!({"node_clock": 90}), 200, true),
        (json!("task_stuck"), 200, true),
        (json!({"task_failed": "internal_error"}), 200, true),
        (json!({"certificates_on": 1}), 200, true),
        (json!("crash_node"), 0, false),
        (json!("crash_after"), 0, true),
        (json!("freeze_node"), 0, false),
    ] {
        let mut sim = Fixture::cluster(1, 1);
        sim.faults(json!([{"method": "PUT", "path": "/v1/cluster", "count": 1, "effect": effect}]));
        let reply = sim.admin(0, "PUT", "/v1/cluster", json!({"email_alerts": true}));
        assert_eq!(reply.status, status, "{effect}");
        sim.world.power_on(NodeIndex(0));
        sim.pass(30);
        let shown = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
        assert_eq!(shown["email_alerts"], happened, "{effect}");
        let entry = sim
            .world
            .log()
            .iter()
            .rfind(|entry| entry.method == "PUT")
            .unwrap();
        assert_eq!(entry.effect, happened, "{effect}");
    }
}

#[test]
fn a_delay_is_told_to_the_caller_and_a_cut_says_where() {
    let mut sim = Fixture::cluster(1, 1);
    let request = || {
        Request::get("/v1/bootstrap")
            .header("authorization", crate::sim::fixture::LOGIN)
            .body(Bytes::new())
    };
    sim.faults(json!([{"count": 1, "effect": {"delay_ms": 50}}]));
    let outcome = sim.world.handle(NodeIndex(0), &request().unwrap());
    assert!(
        matches!(outcome, Outcome::Reply { delay, .. } if delay == Duration::from_millis(50)),
        "{outcome:?}"
    );
    sim.faults(json!([{"count": 1, "effect": {"slow_body": {"bytes": 3, "every_ms": 20}}}]));
    let outcome = sim.world.handle(NodeIndex(0), &request().unwrap());
    assert!(
        matches!(outcome, Outcome::Slow { bytes: 3, every, .. } if every == Duration::from_millis(20)),
        "{outcome:?}"
    );
    sim.faults(json!([{"count": 1, "effect": {"truncate_at": 7}}]));
    let outcome = sim.world.handle(NodeIndex(0), &request().unwrap());
    assert!(
        matches!(outcome, Outcome::Truncated { len: 7, .. }),
        "{outcome:?}"
    );
}

#[test]
fn a_rule_acts_on_its_method_path_and_node_as_often_as_it_says() {
    let mut sim = Fixture::cluster(2, 2);
    sim.faults(json!([
        {"method": "GET", "path": "/v1/nodes/*", "node": 1, "skip": 1, "count": 1, "effect": {"status": {"code": 418}}},
    ]));
    let mut status = |node, method, path| sim.admin(node, method, path, json!({})).status;
    for (node, method, path) in [
        (0, "GET", "/v1/nodes/1"),
        (1, "PUT", "/v1/nodes/1"),
        (1, "GET", "/v1/nodes"),
    ] {
        assert_ne!(status(node, method, path), 418, "{node} {method} {path}");
    }
    let answers = [(); 3].map(|()| status(1, "GET", "/v1/nodes/1"));
    assert_eq!(answers.map(|status| status == 418), [false, true, false]);
    assert_eq!(sim.world.faults()[0].1, 3, "every match is counted");
}

#[test]
fn a_jump_of_the_clock_lets_everything_happen_that_was_due_meanwhile() {
    let mut sim = Fixture::cluster(1, 1);
    let (before, hour) = (sim.world.now(), jiff::SignedDuration::from_hours(1));
    sim.admin(
        0,
        "POST",
        "/v1/bdbs",
        json!({"name": "db", "memory_size": 1 << 30}),
    );
    sim.faults(json!([{"path": "/v1/bdbs/1", "count": 1, "effect": {"clock_jump": 3600}}]));
    let shown = sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json;
    assert_eq!(shown["status"], "active");
    assert_eq!(sim.world.now(), before + hour);
}

#[test]
fn a_node_whose_clock_is_off_says_so_in_its_answers_and_cannot_join() {
    let mut sim = Fixture::cluster(1, 2);
    sim.faults(json!([{"node": 1, "count": 1, "effect": {"node_clock": 90}}]));
    let date = |sim: &mut Fixture, node| {
        let request = Request::get("/v1/bootstrap").body(Bytes::new());
        match sim.world.handle(NodeIndex(node), &request.unwrap()) {
            Outcome::Reply { response, .. } => response.headers()["date"].to_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let dates = [0, 1].map(|node| {
        jiff::fmt::rfc2822::parse(&date(&mut sim, node))
            .unwrap()
            .timestamp()
    });
    assert_eq!(dates[1].duration_since(dates[0]).as_secs(), 90);
    let body = sim.join_body(1);
    assert_eq!(sim.bootstrap_error(1, body.clone()), "time_not_sync");
    sim.world.set_clock(NodeIndex(1), 0);
    assert_eq!(sim.bootstrap_error(1, body), "");
}

#[test]
fn the_log_has_state_ids_users_and_effects() {
    let mut sim = Fixture::cluster(1, 1);
    let from = sim.world.log().len();
    sim.admin(0, "GET", "/v1/cluster?x=1", Value::Null);
    sim.admin(
        0,
        "PUT",
        "/v1/cluster",
        json!({"email_alerts": true, "smtp_password": "hidden"}),
    );
    let [get, put] = &sim.world.log()[from..] else {
        panic!("two entries")
    };
    assert_eq!(
        (get.query.as_str(), get.user.as_str(), get.effect),
        ("x=1", "admin@example.com", false)
    );
    assert_eq!((put.seq, put.effect), (get.seq + 1, true));
    assert_eq!(put.state_id_after, put.state_id_before.map(|id| id + 1));
    assert_eq!(put.body["smtp_password"], "***");
    assert_eq!(put.body_sha256.len(), 64);
}

#[test]
fn nodes_take_over_the_clusters_certificate_when_they_become_members() {
    let mut sim = Fixture::fresh(2);
    let chain = |sim: &Fixture, node| sim.world.presented(NodeIndex(node)).unwrap().chain_pem.clone();
    assert_eq!(
        (chain(&sim, 0), chain(&sim, 1)),
        ("certificate of n1".to_owned(), "certificate of n2".to_owned())
    );
    let body = sim.create_body();
    sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
    sim.pass(60);
    let body = sim.join_body(1);
    sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, body);
    sim.pass(10);
    assert_eq!(
        (chain(&sim, 0), chain(&sim, 1)),
        ("certificate of api 0".to_owned(), "certificate of n2".to_owned())
    );
    sim.pass(60);
    assert_eq!(chain(&sim, 1), "certificate of api 0");
    assert_eq!(
        sim.world.installed(NodeIndex(1), "proxy").unwrap().chain_pem,
        "certificate of proxy 0"
    );
}

#[test]
fn a_replaced_machine_does_not_come_back_as_the_member_it_was() {
    let mut sim = Fixture::cluster(3, 4);
    sim.world.crash(NodeIndex(2));
    sim.pass(30);
    let mut body = sim.join_body(3);
    body["node"]["identity"]["uid"] = json!(3);
    assert_eq!(sim.bootstrap_error(3, body), "");
    sim.world.power_on(NodeIndex(2));
    sim.pass(30);
    assert_eq!(
        (sim.world.uid(NodeIndex(2)), sim.world.uid(NodeIndex(3))),
        (None, Some(NodeUid(3)))
    );
}

#[test]
fn a_machine_wiped_while_it_joins_leaves_nothing_behind() {
    let mut sim = Fixture::cluster(1, 2);
    let body = sim.join_body(1);
    sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, body.clone());
    sim.pass(5);
    sim.world.reinstall(NodeIndex(1));
    sim.pass(60);
    assert_eq!(
        sim.admin(0, "GET", "/v1/nodes", Value::Null)
            .json
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(sim.bootstrap_error(1, body), "");
}

#[test]
fn a_bootstrap_that_a_power_cut_stopped_goes_on_after_it() {
    let mut sim = Fixture::fresh(1);
    let body = sim.create_body();
    sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
    sim.pass(5);
    sim.world.crash(NodeIndex(0));
    sim.pass(60);
    assert_eq!(sim.world.clusters(), 0);
    sim.world.power_on(NodeIndex(0));
    sim.pass(60);
    assert_eq!(sim.world.clusters(), 1);
}

#[test]
fn the_next_wakeup_is_when_something_happens() {
    let mut sim = Fixture::fresh(1);
    assert_eq!(sim.world.next_wakeup(), None);
    let body = sim.create_body();
    sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
    while let Some(at) = sim.world.next_wakeup() {
        sim.world.advance(at);
    }
    assert_eq!(sim.world.clusters(), 1);
}
