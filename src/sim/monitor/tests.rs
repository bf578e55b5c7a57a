//! What breaks each invariant, and what does not.

use super::*;
use crate::sim::fixture::Fixture;
use crate::sim::switch::{Switch, Switches};

fn rules(sim: &Fixture) -> Vec<&'static str> {
    sim.world
        .violations()
        .iter()
        .filter(|violation| !violation.advisory)
        .map(|violation| violation.rule)
        .collect()
}

fn maintain(sim: &mut Fixture, uid: u64) {
    sim.admin(
        0,
        "POST",
        &format!("/v1/nodes/{uid}/actions/maintenance_on"),
        json!({}),
    );
    sim.pass(60);
}

#[test]
fn a_well_behaved_client_is_silent() {
    let mut sim = Fixture::cluster(3, 3);
    for uid in [1, 2, 3] {
        maintain(&mut sim, uid);
        sim.admin(
            0,
            "POST",
            &format!("/v1/nodes/{uid}/actions/maintenance_off"),
            json!({}),
        );
        sim.pass(60);
    }
    assert_eq!(sim.world.violations(), []);
}

#[test]
fn two_clusters_of_one_fleet_are_reported() {
    let mut sim = Fixture::fresh(2);
    for node in [0, 1] {
        let mut body = sim.create_body();
        body["node"] = json!({});
        sim.send(node, "POST", "/v1/bootstrap/create_cluster", None, body);
    }
    sim.pass(60);
    assert_eq!(rules(&sim), ["two-clusters"]);
}

#[test]
fn stacked_and_parallel_maintenance_are_reported() {
    let mut sim = Fixture::cluster(5, 5);
    maintain(&mut sim, 2);
    assert_eq!(rules(&sim), [] as [&str; 0]);
    maintain(&mut sim, 2);
    assert_eq!(rules(&sim), ["stacked-maintenance"]);
    maintain(&mut sim, 3);
    assert_eq!(rules(&sim), ["stacked-maintenance", "two-disruptions"]);
    maintain(&mut sim, 4);
    assert_eq!(rules(&sim)[2..], ["two-disruptions", "quorum-at-risk"]);
}

#[test]
fn a_refused_request_is_no_violation() {
    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", "/v1/nodes/2/actions/maintenance_on", json!({}));
    sim.admin(0, "POST", "/v1/nodes/3/actions/maintenance_on", json!({}));
    assert_eq!(rules(&sim), [] as [&str; 0], "the second is 409");
}

#[test]
fn a_join_during_maintenance_is_reported() {
    let mut sim = Fixture::cluster(3, 4);
    maintain(&mut sim, 2);
    let body = sim.join_body(3);
    sim.send(3, "POST", "/v1/bootstrap/join_cluster", None, body);
    assert_eq!(rules(&sim), ["two-disruptions"]);
}

#[test]
fn a_database_update_carries_only_what_changes() {
    let mut sim = Fixture::cluster(1, 1);
    let uid = sim.database(Some("a"));
    let path = format!("/v1/bdbs/{uid}");
    assert_eq!(
        sim.admin(0, "PUT", &path, json!({"memory_size": 1 << 29})).status,
        200
    );
    sim.pass(30);
    assert_eq!(rules(&sim), [] as [&str; 0]);
    assert_eq!(
        sim.admin(0, "PUT", &path, json!({"memory_size": 1 << 29, "maxclients": 5}))
            .status,
        200
    );
    assert_eq!(rules(&sim), ["unchanged-fields"]);
    assert!(sim.world.violations()[0].message.contains("memory_size"));
    sim.pass(30);
    let twice = json!({"maxclients": 5});
    let tried = sim.admin(0, "PUT", &format!("{path}?dry_run"), twice.clone());
    assert_eq!(
        (tried.status, rules(&sim).len()),
        (200, 1),
        "a trial is no update"
    );
    assert_eq!(sim.admin(0, "PUT", &path, twice).status, 200);
    assert_eq!(rules(&sim), ["unchanged-fields"; 2], "nothing else need change");
}

#[test]
fn settings_of_a_module_are_compared_one_by_one() {
    let mut sim = Fixture::cluster(1, 1);
    let body = json!({"name": "a", "memory_size": 1 << 28, "redis_version": "8.2", "search": {"search-workers": 3, "search-timeout": 9}});
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    for (clients, settings, unchanged) in [
        (1, json!({"search-timeout": 10}), 0),
        (2, json!({"search-timeout": 10, "search-workers": 4}), 0),
        (3, json!({"search-workers": 4}), 1),
        (4, json!({"search-no-gc": false}), 2),
    ] {
        sim.pass(30);
        let update = json!({"maxclients": clients, "search": settings});
        assert_eq!(
            sim.admin(0, "PUT", "/v1/bdbs/1", update.clone()).status,
            200,
            "{update}"
        );
        assert_eq!(rules(&sim), vec!["unchanged-fields"; unchanged], "{update}");
    }
}

#[test]
fn updates_of_nodes_the_cluster_and_its_policy_carry_only_what_changes_too() {
    for (path, changes, repeats) in [
        (
            "/v1/cluster",
            json!({"cm_session_timeout_minutes": 20}),
            json!({"cm_session_timeout_minutes": 20, "http_support": false}),
        ),
        (
            "/v1/cluster",
            json!({"alert_settings": {"node_memory": {"enabled": true, "threshold": "81"}}}),
            json!({"alert_settings": {"node_memory": {"enabled": true, "threshold": "81"}}}),
        ),
        (
            "/v1/cluster/policy",
            json!({"default_shards_placement": "sparse"}),
            json!({"default_shards_placement": "sparse", "slave_ha_grace_period": 500}),
        ),
        (
            "/v1/nodes/2",
            json!({"max_listeners": 50}),
            json!({"max_listeners": 50, "max_redis_servers": 60}),
        ),
    ] {
        let mut sim = Fixture::cluster(3, 3);
        assert_eq!(sim.admin(0, "PUT", path, changes.clone()).status, 200, "{path}");
        assert_eq!(rules(&sim), [] as [&str; 0], "{path}");
        let tried = sim.admin(0, "PUT", &format!("{path}?dry_run"), changes.clone());
        assert_eq!(
            (tried.status, rules(&sim).len()),
            (200, 0),
            "a trial is no update"
        );
        assert_eq!(sim.admin(0, "PUT", path, repeats).status, 200, "{path}");
        assert_eq!(rules(&sim), ["unchanged-fields"], "{path}");
        let fields = changes.as_object().unwrap();
        let message = &sim.world.violations()[0].message;
        assert!(fields.keys().all(|field| message.ends_with(field)), "{message}");
        assert_eq!(sim.admin(0, "PUT", path, changes).status, 200, "{path}");
        assert_eq!(
            rules(&sim),
            ["unchanged-fields"; 2],
            "{path}: nothing else need change"
        );
    }
}

#[test]
fn an_alert_that_is_set_beside_others_is_a_change() {
    let mut sim = Fixture::cluster(1, 1);
    for threshold in ["81", "82"] {
        let alerts = json!({"node_memory": {"enabled": true, "threshold": threshold}, "cluster_even_node_count": true});
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster", json!({"alert_settings": alerts}))
                .status,
            200
        );
    }
    assert_eq!(rules(&sim), [] as [&str; 0]);
}

#[test]
fn the_second_path_of_a_database_and_a_path_that_ends_in_a_slash_are_watched_too() {
    for (switch, path) in [
        (Switch::V2BdbPut, "/v2/bdbs/1"),
        (Switch::TrailingSlashServed, "/v1/bdbs/1/"),
    ] {
        let mut sim = Fixture::cluster_with(1, 1, Switches::default());
        sim.database(None);
        let body = json!({"memory_size": 1 << 28, "maxclients": 5});
        assert_eq!(sim.admin(0, "PUT", path, body.clone()).status, 404);
        assert_eq!(rules(&sim), [] as [&str; 0], "{path}");
        let mut sim = Fixture::cluster_with(1, 1, Switches::default().with(switch));
        sim.database(None);
        assert_eq!(sim.admin(0, "PUT", path, body).status, 200);
        assert_eq!(rules(&sim), ["unchanged-fields"], "{path}");
    }
}

#[test]
fn a_node_that_a_failed_removal_left_closed_may_be_told_to_accept_shards_again() {
    let mut sim = Fixture::cluster(3, 3);
    sim.faults(json!([{"path": "*/remove", "effect": {"task_failed": "insufficient_resources"}}]));
    sim.admin(
        0,
        "POST",
        "/v1/nodes/3/actions/remove",
        json!({"wait_for_persistence": true}),
    );
    sim.pass(60);
    let open = json!({"accept_servers": true});
    assert_eq!(sim.admin(0, "PUT", "/v1/nodes/3", open.clone()).status, 200);
    assert_eq!(rules(&sim), [] as [&str; 0]);
    assert_eq!(sim.admin(0, "PUT", "/v1/nodes/3", open).status, 200);
    assert_eq!(rules(&sim), ["unchanged-fields"]);
}

#[test]
fn one_owner_has_one_database_and_only_owned_ones_are_deleted() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(Some("a"));
    let free = sim.database(None);
    assert_eq!(rules(&sim), [] as [&str; 0]);
    let second = sim.database(Some("a"));
    assert_eq!(rules(&sim), ["two-owned"]);
    sim.admin(0, "DELETE", &format!("/v1/bdbs/{second}"), Value::Null);
    sim.pass(30);
    assert_eq!(rules(&sim), ["two-owned"]);
    sim.admin(0, "DELETE", &format!("/v1/bdbs/{free}"), Value::Null);
    assert_eq!(rules(&sim), ["two-owned", "foreign-delete"]);
}

#[test]
fn no_node_is_disrupted_while_a_database_is_at_work_or_certificates_change() {
    let mut sim = Fixture::cluster(3, 3);
    let uid = sim.database(Some("a"));
    sim.admin(
        0,
        "PUT",
        &format!("/v1/bdbs/{uid}"),
        json!({"memory_size": 1 << 29}),
    );
    maintain(&mut sim, 2);
    assert_eq!(rules(&sim), ["unsettled-databases"]);
    sim.admin(0, "POST", "/v1/cluster/certificates/rotate", json!({}));
    assert_eq!(rules(&sim)[1..], ["certificates-during-disruption"]);
    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", "/v1/cluster/certificates/rotate", json!({}));
    maintain(&mut sim, 2);
    assert_eq!(rules(&sim), ["certificates-during-disruption"]);
}

#[test]
fn destructive_calls_and_hasty_removals_are_noted() {
    let mut sim = Fixture::cluster(3, 3);
    let uid = sim.database(Some("a"));
    sim.admin(0, "PUT", &format!("/v1/bdbs/{uid}/flush"), Value::Null);
    sim.pass(30);
    sim.admin(0, "POST", "/v1/nodes/3/actions/remove", json!({}));
    let noted: Vec<_> = sim
        .world
        .violations()
        .iter()
        .map(|noted| (noted.rule, noted.advisory))
        .collect();
    assert_eq!(noted, [("destructive-call", true), ("no-persistence-wait", true)]);
}

#[test]
fn a_failed_request_that_comes_again_at_once_is_bad_manners() {
    let mut sim = Fixture::cluster(1, 1);
    sim.admin(0, "PUT", "/v1/cluster", json!({"nonsense": 1}));
    sim.pass(1);
    sim.admin(0, "PUT", "/v1/cluster", json!({"nonsense": 1}));
    assert_eq!(sim.world.violations(), []);
    sim.admin(0, "PUT", "/v1/cluster", json!({"nonsense": 1}));
    let filed = sim.world.violations();
    assert_eq!(
        (filed.len(), filed[0].rule, filed[0].advisory),
        (1, "hot-retry", true)
    );
}
