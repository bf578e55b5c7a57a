//! What a database shows.

use super::{plain, with};
use crate::sim::testbed::Bed;
use serde_json::{Value, json};

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
