//! State machines that end, fail or stay stuck.

use super::{faulty, plain, with};
use crate::sim::fault::Effect;
use crate::sim::switch::Switch;
use crate::sim::testbed::Bed;
use serde_json::{Value, json};

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

#[test]
fn an_import_or_export_that_failed_says_why_in_the_words_of_its_field() {
    let import = json!({"dataset_import_sources": [{"type": "mount_point", "path": "/backup/a.rdb"}]});
    let export = json!({"export_location": {"type": "mount_point", "path": "/backup"}});
    for (action, body, failure, reason) in [
        ("import", &import, "internal_error", "general-error"),
        ("import", &import, "file-corrupted", "file-corrupted"),
        (
            "import",
            &import,
            "file-larger-than-mem-limit:9:8",
            "file-larger-than-mem-limit:9:8",
        ),
        ("import", &import, "no-permission", "general-error"),
        ("export", &export, "no-permission", "no-permission"),
        ("export", &export, "out-of-memory", "general-error"),
    ] {
        let mut bed = Bed::new();
        bed.database(plain());
        bed.world
            .set_faults(faulty("POST", "/v1/bdbs/*", Effect::TaskFailed(failure.into())));
        bed.ok("POST", &format!("/v1/bdbs/1/actions/{action}"), body.clone());
        bed.pass(60);
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(shown[format!("{action}_status")], "failed");
        assert_eq!(shown[format!("{action}_failure_reason")], reason, "{failure}");
        bed.ok(
            "PUT",
            &format!("/v1/bdbs/1/actions/{action}_reset_status"),
            Value::Null,
        );
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(shown[format!("{action}_failure_reason")], "");
    }
}

#[test]
fn a_busy_database_is_not_deleted_with_either_status() {
    for (mut bed, status) in [(Bed::new(), 409), (Bed::switched(Switch::DeleteBusy406), 406)] {
        bed.ok("POST", "/v1/bdbs", plain());
        let refused = bed.refused("DELETE", "/v1/bdbs/1", Value::Null);
        assert_eq!(refused, (status, "busy".to_owned()));
    }
}

#[test]
fn a_deletion_answers_the_database_or_nothing() {
    for (mut bed, answer) in [
        (Bed::new(), json!("delete-pending")),
        (Bed::switched(Switch::BdbDeleteAnswersNothing), Value::Null),
    ] {
        bed.database(plain());
        assert_eq!(bed.ok("DELETE", "/v1/bdbs/1", Value::Null)["status"], answer);
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(shown["status"], "delete-pending");
    }
}
