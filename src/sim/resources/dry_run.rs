//! Every call that takes `dry_run`: the answer is that of a call that works, and the world stays as it was.

use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::switch::Switches;
use crate::sim::testbed::{Bed, start};
use crate::sim::version::Profile;
use serde_json::{Value, json};

/// What a dry run answers.
enum Answer {
    /// An object with these values, and without an action to follow.
    Object(Value),
    /// Where the shards would be: this number of slot ranges.
    Blueprint(usize),
    /// Whatever says that it would work; there is no action to follow.
    Accepted,
}

use Answer::{Accepted, Blueprint, Object};

/// Where a call takes `dry_run`.
#[derive(Clone, Copy)]
enum Place {
    /// A bare parameter of the query, or one that is true.
    Query,
    Body,
}

type Row = (Place, &'static str, &'static str, Value, Answer);

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    use Place::{Body, Query};
    let db = json!({"name": "new", "memory_size": 1 << 28, "redis_version": "7.2"});
    let user = json!({"email": "b@example.com", "name": "b", "password": "secret-2", "role": "db_viewer"});
    let pair = mint::node("db.example.com", &["10.0.0.9"], start(), KeyKind::Ecdsa).unwrap();
    let pair = json!({"cert": pair.chain_pem, "private_key": pair.key_pem});
    let size = json!({"bdb_size": {"enabled": true, "threshold": "80"}});
    vec![
        (Query, "POST", "/v1/bdbs", db.clone(), Object(json!({"uid": 2, "name": "new"}))),
        (Query, "POST", "/v2/bdbs", json!({"bdb": db}), Object(json!({"uid": 2, "name": "new"}))),
        (Query, "PUT", "/v1/bdbs/1", json!({"memory_size": 1 << 29}), Object(json!({"uid": 1, "memory_size": 1 << 29}))),
        (Query, "PUT", "/v1/bdbs/1/flush", json!({}), Object(json!({"uid": 1}))),
        (Query, "PUT", "/v1/bdbs/1/reset_admin_pass", json!({}), Object(json!({"uid": 1}))),
        (Query, "PUT", "/v1/cluster", json!({"email_alerts": true}), Object(json!({"email_alerts": true}))),
        (Query, "POST", "/v1/users", user, Object(json!({"uid": 3, "name": "b", "role": "db_viewer"}))),
        (Query, "PUT", "/v1/users/2", json!({"name": "c"}), Object(json!({"uid": 2, "name": "c"}))),
        (Query, "POST", "/v1/roles", json!({"name": "Other", "management": "db_viewer"}), Object(json!({"uid": 8, "name": "Other"}))),
        (Query, "PUT", "/v1/roles/7", json!({"management": "none"}), Object(json!({"uid": 7, "management": "none"}))),
        (Query, "DELETE", "/v1/roles/7", Value::Null, Accepted),
        (Query, "POST", "/v1/redis_acls", json!({"name": "New", "acl": "+@read ~*"}), Object(json!({"uid": 8, "name": "New"}))),
        (Query, "PUT", "/v1/redis_acls/7", json!({"acl": "+@all ~*"}), Object(json!({"uid": 7, "acl": "+@all ~*"}))),
        (Query, "POST", "/v1/bdbs/alerts/1", size, Object(json!({"bdb_size": {"enabled": true, "threshold": "80"}}))),
        (Query, "POST", "/v1/bdbs/1/certificates", pair, Object(json!({"bdb_uid": "1"}))),
        (Query, "PUT", "/v1/bdbs/1/actions/rebalance", Value::Null, Blueprint(2)),
        (Query, "PUT", "/v1/bdbs/1/actions/rebalance?only_failovers=true", Value::Null, Blueprint(2)),
        (Query, "PUT", "/v1/bdbs/1/actions/revamp", json!({"shards_count": 4}), Blueprint(4)),
        (Body, "POST", "/v1/shards/1/actions/failover", json!({}), Accepted),
        (Body, "POST", "/v1/shards/actions/failover", json!({"shard_uids": ["1"]}), Accepted),
        (Body, "POST", "/v1/shards/1/actions/migrate", json!({"target_node_uid": 3}), Accepted),
        (Body, "POST", "/v1/shards/actions/migrate", json!({"shard_uids": ["1", "3"], "target_node_uid": 3}), Accepted),
    ]
}

/// Three nodes with a replicated database of two masters, a user, a role and an access rule.
fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.database(json!({
        "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "replication": true, "sharding": true,
        "shards_count": 2, "shard_key_regex": [{"regex": "(?<tag>.*)"}], "shards_placement": "dense",
    }));
    let user = json!({"email": "a@example.com", "name": "a", "password": "secret-2", "role": "db_viewer"});
    bed.ok("POST", "/v1/users", user);
    bed.ok(
        "POST",
        "/v1/roles",
        json!({"name": "Own", "management": "db_viewer"}),
    );
    bed.ok(
        "POST",
        "/v1/redis_acls",
        json!({"name": "Own", "acl": "+@read ~*"}),
    );
    bed
}

/// Everything that the cluster keeps.
fn kept(bed: &Bed) -> Value {
    serde_json::to_value(bed.world.clusters.values().next().unwrap()).unwrap()
}

/// The parts of it that are not as they were.
fn changed(bed: &Bed, before: &Value) -> Vec<String> {
    let now = kept(bed);
    let parts = now.as_object().unwrap().keys().cloned();
    parts.filter(|part| now[part] != before[part]).collect()
}

/// The path and the body of a row, as a dry run or not.
fn request(row: &Row, dry: Option<&str>) -> (String, Value) {
    let (place, _, path, body, _) = row;
    let (mut path, mut body) = ((*path).to_owned(), body.clone());
    match (place, dry) {
        (_, None) => {}
        (Place::Query, Some(form)) => {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(form);
        }
        (Place::Body, Some(_)) => body["dry_run"] = json!(true),
    }
    (path, body)
}

fn has(answer: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(wanted) => wanted.iter().all(|(key, value)| has(&answer[key], value)),
        value => answer == value,
    }
}

#[test]
fn a_dry_run_that_is_neither_yes_nor_no_is_refused_and_changes_nothing() {
    for row in rows().iter().filter(|row| matches!(row.0, Place::Query)) {
        let mut bed = bed();
        let before = kept(&bed);
        let (path, body) = request(row, Some("dry_run=foo"));
        assert_eq!(bed.call(row.1, &path, body).0, 400, "{path}");
        assert_eq!(changed(&bed, &before), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_dry_run_answers_as_the_call_does_and_changes_nothing() {
    for row in rows() {
        for form in ["dry_run", "dry_run=true"] {
            let mut bed = bed();
            let before = kept(&bed);
            let (path, body) = request(&row, Some(form));
            let answer = bed.ok(row.1, &path, body);
            match &row.4 {
                Object(wanted) => assert!(has(&answer, wanted), "{path}: {answer}"),
                Blueprint(parts) => {
                    let all = answer.as_array().unwrap();
                    assert_eq!(all.len(), *parts, "{path}");
                    let whole = |part: &Value| part["slot_range"].is_string() && part["nodes"].is_array();
                    assert!(all.iter().all(whole), "{path}: {answer}");
                }
                Accepted => {}
            }
            assert!(answer.get("action_uid").is_none(), "{path}: {answer}");
            assert_eq!(changed(&bed, &before), Vec::<String>::new(), "{path}");
        }
    }
}

#[test]
fn the_same_calls_without_it_do_change_something() {
    for row in rows() {
        let mut bed = bed();
        let before = kept(&bed);
        let (path, body) = request(&row, None);
        bed.ok(row.1, &path, body);
        assert_ne!(changed(&bed, &before), Vec::<String>::new(), "{} {path}", row.1);
    }
}

#[test]
fn version_7_4_has_no_dry_run_of_users_roles_and_acls() {
    for (profile, kept) in [(Profile::V7_4_6, 200), (Profile::V7_8_6, 404)] {
        let mut bed = Bed::with(1, profile, Switches::all_default());
        for (family, body) in [
            (
                "users",
                json!({"email": "b@example.com", "name": "b", "password": "secret-2", "role": "db_viewer"}),
            ),
            ("roles", json!({"name": "Other", "management": "db_viewer"})),
            ("redis_acls", json!({"name": "New", "acl": "+@read ~*"})),
        ] {
            let made = bed.ok("POST", &format!("/v1/{family}?dry_run"), body);
            let path = format!("/v1/{family}/{}", made["uid"]);
            assert_eq!(bed.call("GET", &path, Value::Null).0, kept, "{path} in {profile}");
        }
    }
}

#[test]
fn a_dry_run_refuses_what_the_call_refuses() {
    for (method, path, body, status, code) in [
        (
            "POST",
            "/v1/bdbs?dry_run",
            json!({"name": "x"}),
            406,
            "missing_memory_size",
        ),
        (
            "PUT",
            "/v1/bdbs/9?dry_run",
            json!({"name": "x"}),
            404,
            "db_not_exist",
        ),
        (
            "PUT",
            "/v1/users/9?dry_run",
            json!({"name": "x"}),
            404,
            "user_not_exist",
        ),
        (
            "PUT",
            "/v1/roles/7?dry_run",
            json!({"name": "Admin"}),
            409,
            "name_already_exists",
        ),
        ("DELETE", "/v1/roles/9?dry_run", Value::Null, 404, "not_found"),
        (
            "PUT",
            "/v1/redis_acls/7?dry_run",
            json!({"acl": "everything"}),
            400,
            "invalid_param",
        ),
        (
            "POST",
            "/v1/bdbs/alerts/1?dry_run",
            json!({"moon": {}}),
            406,
            "invalid_param",
        ),
        (
            "PUT",
            "/v1/bdbs/1/actions/revamp?dry_run",
            json!({"shards_count": 3}),
            406,
            "invalid_sharding",
        ),
        (
            "POST",
            "/v1/bdbs/1/certificates?dry_run",
            json!({"cert": "x", "private_key": "y"}),
            400,
            "invalid_certificate",
        ),
        (
            "POST",
            "/v1/shards/2/actions/failover",
            json!({"dry_run": true}),
            400,
            "shard_is_slave",
        ),
        (
            "POST",
            "/v1/shards/1/actions/failover",
            json!({"dry_run": true, "dead_nodes": ["1", "2", "3"]}),
            400,
            "invalid_param",
        ),
        (
            "POST",
            "/v1/shards/1/actions/migrate",
            json!({"dry_run": true, "target_node_uid": 2}),
            400,
            "insufficient_resources",
        ),
    ] {
        let refused = bed().refused(method, path, body);
        assert_eq!(refused, (status, code.to_owned()), "{method} {path}");
    }
}
