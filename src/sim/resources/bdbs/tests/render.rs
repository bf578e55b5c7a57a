//! What a database shows.

use super::{plain, with};
use crate::sim::switch::Switch;
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

#[test]
fn what_captures_show_otherwise_than_the_documentation_has_two_sides() {
    let modules = json!([{"module_name": "search", "module_args": "MAXEXPANSIONS 10"}]);
    for (mut bed, status, waste, words, none) in [
        (Bed::new(), "", "104857600", json!("MAXEXPANSIONS 10"), json!("")),
        (
            Bed::switched(Switch::TypesAsDocumented),
            "idle",
            "100mb",
            json!(["MAXEXPANSIONS", "10"]),
            json!([]),
        ),
    ] {
        bed.database(with(json!({"module_list": modules})));
        let bare = json!({"module_list": [{"module_name": "search"}]});
        bed.database(with(bare));
        let all = bed.ok("GET", "/v1/bdbs", Value::Null);
        for field in ["backup_status", "export_status", "import_status"] {
            assert_eq!(all[0][field], status, "{field}");
        }
        assert_eq!(all[0]["active_defrag_ignore_bytes"], waste);
        assert_eq!(all[0]["module_list"][0]["module_args"], words);
        assert_eq!(all[1]["module_list"][0]["module_args"], none);
    }
}

#[test]
fn arguments_of_a_module_may_be_given_as_text_or_as_a_list() {
    for given in [json!("A 1"), json!(["A", "1"])] {
        let mut bed = Bed::new();
        let modules = json!([{"module_name": "search", "module_args": given}]);
        bed.database(with(json!({"module_list": modules})));
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(shown["module_list"][0]["module_args"], "A 1", "{given}");
    }
}
