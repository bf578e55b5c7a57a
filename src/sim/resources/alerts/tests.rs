//! Alerts of the cluster, of nodes, of databases and of their sources.

use super::*;
use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::fixture::Fixture;
use crate::sim::ids::NodeIndex;
use crate::sim::switch::Switches;

#[test]
fn alerts_follow_the_cluster() {
    let mut sim = Fixture::cluster(1, 1);
    let alerts = sim
        .admin(0, "GET", "/v1/cluster/alerts?ignore_settings=true", Value::Null)
        .json;
    assert_eq!(
        alerts["cluster_even_node_count"]["change_value"],
        json!({"node_count": 1, "state": true})
    );
    assert_eq!(alerts["cluster_too_few_nodes_for_replication"]["state"], true);
    assert_eq!(alerts["cluster_license_about_to_expire"]["state"], false);
    sim.pass(25 * 86_400);
    let soon = sim
        .admin(
            0,
            "GET",
            "/v1/cluster/alerts/cluster_license_about_to_expire",
            Value::Null,
        )
        .json;
    assert_eq!((&soon["state"], &soon["enabled"]), (&json!(true), &json!(true)));
    assert_eq!(
        sim.admin(0, "GET", "/v1/cluster/alerts/moon", Value::Null).status,
        404
    );
}

#[test]
fn an_alert_of_a_database_goes_on_at_its_threshold() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    let path = "/v1/bdbs/alerts/1";
    let body = json!({"bdb_size": {"enabled": true, "threshold": "50"}});
    assert_eq!(
        sim.admin(0, "POST", path, body).json["bdb_size"]["threshold"],
        "50"
    );
    sim.world.fill(NodeIndex(0), 1, 200 << 20);
    assert_eq!(
        sim.admin(0, "GET", "/v1/bdbs/alerts/1/bdb_size", Value::Null)
            .json["state"],
        true
    );
    let size = sim
        .admin(0, "GET", "/v1/bdbs/alerts/1/bdb_size", Value::Null)
        .json;
    assert_eq!(
        size["change_value"],
        json!({"memory_util": 78.125, "state": true, "threshold": "50"})
    );
    assert_eq!(size["severity"], "WARNING");
    for (body, status) in [
        (json!({"moon": {"enabled": true}}), 406),
        (json!({"bdb_size": {"enabled": "yes"}}), 406),
        (json!({"bdb_size": {"enabled": true, "threshold": "abc"}}), 406),
        (json!({"bdb_size": {"enabled": true, "threshold": "-1"}}), 406),
        (json!({"bdb_size": {"enabled": true, "threshold": ""}}), 406),
        (json!({"bdb_size": {"enabled": false, "threshold": "abc"}}), 406),
        (
            json!({"bdb_backup_delayed": {"enabled": false, "threshold": ""}}),
            200,
        ),
        (
            json!({"bdb_long_running_action": {"enabled": true, "threshold": ""}}),
            200,
        ),
    ] {
        assert_eq!(sim.admin(0, "POST", path, body).status, status);
    }
    assert_eq!(
        sim.admin(0, "GET", "/v1/bdbs/replica_sources/alerts", Value::Null)
            .json,
        json!({"1": {}})
    );
    assert_eq!(
        sim.admin(0, "GET", "/v1/bdbs/replica_sources/alerts/1/1", Value::Null)
            .status,
        404
    );
}

#[test]
fn a_setting_keeps_what_an_update_of_it_leaves_out() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    let mut set = |setting: Value| {
        let body = json!({"bdb_size": setting});
        let set = sim.admin(0, "POST", "/v1/bdbs/alerts/1", body).json["bdb_size"].take();
        (set["enabled"].clone(), set["threshold"].clone())
    };
    set(json!({"enabled": true, "threshold": "50"}));
    assert_eq!(set(json!({"enabled": false})), (json!(false), json!("50")));
    assert_eq!(set(json!({"enabled": true})), (json!(true), json!("50")));
    assert_eq!(set(json!({"threshold": "60"})), (json!(true), json!("60")));
}

#[test]
fn alerts_of_sources_are_told_by_database_and_by_name() {
    let mut sim = Fixture::cluster(1, 1);
    let body = json!({
        "name": "db", "memory_size": 1 << 28, "replica_sources": [{"uri": "redis://10.1.1.1:12000"}],
        "replica_sync": "enabled",
    });
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    sim.pass(30);
    let mut get = |path: &str| sim.admin(0, "GET", path, Value::Null).json;
    let all = get("/v1/bdbs/replica_sources/alerts");
    let of_database = get("/v1/bdbs/replica_sources/alerts/1");
    assert_eq!(all["1"], of_database);
    assert_eq!(of_database["replica_src_high_syncer_lag"]["state"], false);
    assert_eq!(get("/v1/bdbs/replica_sources/alerts/1/1"), of_database);
    assert_eq!(get("/v1/bdbs/crdt_sources/alerts/1"), json!({}));
}

#[test]
fn alerts_of_sources_are_as_the_settings_of_their_database() {
    let mut sim = Fixture::cluster(1, 1);
    let body =
        json!({"name": "db", "memory_size": 1 << 28, "replica_sources": [{"uri": "redis://10.1.1.1:12000"}]});
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    sim.pass(30);
    let path = "/v1/bdbs/replica_sources/alerts/1/1/replica_src_high_syncer_lag";
    let mut look = || {
        let alert = sim.admin(0, "GET", path, Value::Null).json;
        let all = sim
            .admin(0, "GET", "/v1/bdbs/replica_sources/alerts/1", Value::Null)
            .json;
        assert_eq!(all["replica_src_high_syncer_lag"], alert);
        let setting = json!({"bdb_replica_src_high_syncer_lag": {"enabled": true, "threshold": "30"}});
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs/alerts/1", setting).status, 200);
        (alert["enabled"].clone(), alert["threshold"].clone())
    };
    assert_eq!(look(), (json!(false), json!("")));
    assert_eq!(look(), (json!(true), json!("30")));
}

#[test]
fn alerts_of_deprecated_names_and_of_feeds_are_accepted_and_shown_once_set() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    let off = json!({"threshold": "", "enabled": false});
    let body = json!({"bdb_high_syncer_lag": off, "bdb_replica_src_high_syncer_lag": off});
    let set = sim.admin(0, "POST", "/v1/bdbs/alerts/1", body);
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(set.json["bdb_high_syncer_lag"]["enabled"], false);
    let all = sim.admin(0, "GET", "/v1/bdbs/alerts", Value::Null).json;
    assert_eq!(all["1"]["bdb_replica_src_high_syncer_lag"]["threshold"], "");
    assert_eq!(all["1"]["bdb_syncer_general_error"], Value::Null);
    let unset = "/v1/bdbs/alerts/1/bdb_syncer_general_error";
    assert_eq!(sim.admin(0, "GET", unset, Value::Null).status, 200);
}

#[test]
fn alerts_say_what_they_were_judged_by() {
    let mut sim = Fixture::cluster(3, 3);
    sim.database(None);
    let alerts = sim.admin(0, "GET", "/v1/cluster/alerts", Value::Null).json;
    for (name, details) in [
        (
            "cluster_ram_overcommit",
            json!({"bdbs_committed_ram": 268_435_456, "state": false}),
        ),
        (
            "cluster_flash_overcommit",
            json!({"bdbs_committed_flash": 0, "state": false}),
        ),
        (
            "cluster_certs_about_to_expire",
            json!({"certs_about_to_expire": [], "global_threshold": "45", "state": false}),
        ),
        (
            "cluster_internal_bdb",
            json!({"internal_bdb": "", "state": false}),
        ),
    ] {
        assert_eq!(alerts[name]["change_value"], details, "{name}");
        assert_eq!(alerts[name]["severity"], "INFO", "{name}");
    }
    assert_eq!(alerts["cluster_node_joined"], Value::Null);
    let event = "/v1/cluster/alerts/cluster_node_joined";
    assert_eq!(sim.admin(0, "GET", event, Value::Null).json["state"], false);
    let settings = json!({"alert_settings": {"node_cpu_utilization": {"enabled": true, "threshold": "90"}}});
    sim.admin(0, "PUT", "/v1/cluster", settings);
    let cpu = "/v1/nodes/alerts/1/node_cpu_utilization";
    assert_eq!(
        sim.admin(0, "GET", cpu, Value::Null).json["change_value"],
        json!({"cpu_util": 0.0, "global_threshold": "90", "state": false})
    );
}

/// The state of an alert and the time of its last change.
fn change(sim: &mut Fixture, path: &str) -> (bool, Timestamp) {
    let alert = sim.admin(0, "GET", path, Value::Null).json;
    let at = alert["change_time"].as_str().unwrap().parse().unwrap();
    (alert["state"] == true, at)
}

#[test]
fn an_alert_of_a_node_or_the_cluster_changed_when_its_node_failed_or_came_back() {
    let mut sim = Fixture::cluster(3, 3);
    let wanted = json!({"alert_settings": {"node_failed": true, "cluster_multiple_nodes_down": true}});
    sim.admin(0, "PUT", "/v1/cluster", wanted);
    let node = "/v1/nodes/alerts/3/node_failed";
    let (on, before) = change(&mut sim, node);
    assert!(!on);
    let crashed = sim.world.now();
    sim.world.crash(NodeIndex(2));
    sim.pass(600);
    let (on, failed) = change(&mut sim, node);
    assert!(on && failed > before && failed >= crashed);
    assert!(failed.duration_since(crashed).as_secs() < 60, "{failed}");
    sim.pass(600);
    assert_eq!(change(&mut sim, node), (true, failed));
    let other = "/v1/nodes/alerts/2/node_failed";
    assert_eq!(change(&mut sim, other), (false, before));
    let several = "/v1/cluster/alerts/cluster_multiple_nodes_down";
    assert_eq!(change(&mut sim, several), (false, before));
    let back = sim.world.now();
    sim.world.power_on(NodeIndex(2));
    sim.pass(600);
    let (on, found) = change(&mut sim, node);
    assert!(
        !on && found >= back && found.duration_since(back).as_secs() < 60,
        "{found}"
    );
}

#[test]
fn an_alert_of_a_database_changed_when_it_filled_or_its_threshold_moved() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    sim.pass(60);
    let (path, all) = ("/v1/bdbs/alerts/1/bdb_size", "/v1/bdbs/alerts/1");
    let set = |threshold: &str| json!({"bdb_size": {"enabled": true, "threshold": threshold}});
    sim.admin(0, "POST", all, set("50"));
    let (on, made) = change(&mut sim, path);
    assert!(!on && made < sim.world.now());
    let filled = sim.world.now();
    sim.world.fill(NodeIndex(0), 1, 200 << 20);
    sim.pass(60);
    assert_eq!(change(&mut sim, path), (true, filled));
    let health = sim.admin(0, "GET", "/v4/db/1/health", Value::Null).json;
    assert_eq!(health["active_alerts"][0]["active_since"], json!(iso(filled)));
    let moved = sim.world.now();
    let answer = sim.admin(0, "POST", all, set("90")).json;
    assert_eq!(answer["bdb_size"]["change_time"], json!(iso(moved)));
    sim.pass(60);
    assert_eq!(change(&mut sim, path), (false, moved));
}

#[test]
fn certificates_that_end_soon_raise_their_alert() {
    let mut sim = Fixture::cluster(1, 1);
    let made = sim.world.now();
    let node = mint::node("n1", &["10.0.0.1"], made, KeyKind::Ecdsa).unwrap();
    let cluster = sim.world.clusters.values_mut().next().unwrap();
    for name in ["api", "ccs_internode_encryption"] {
        cluster.certificates.insert(name.to_owned(), node.clone());
        let installed = &mut sim.world.env.nodes[0].installed;
        installed.insert(name.to_owned(), node.clone());
    }
    // Else the cluster renews those between nodes in time.
    let off = json!({"cert_rotation_job_settings": {"enabled": false}});
    assert_eq!(sim.admin(0, "PUT", "/v1/job_scheduler", off).status, 200);
    let path = "/v1/cluster/alerts/cluster_certs_about_to_expire";
    assert_eq!(sim.admin(0, "GET", path, Value::Null).json["state"], false);
    sim.pass(330 * 86_400);
    let soon = sim.admin(0, "GET", path, Value::Null).json;
    assert_eq!(soon["state"], true);
    assert_eq!(soon["change_value"]["certs_about_to_expire"], json!(["api"]));
    let internal = "/v1/nodes/alerts/1/node_internal_certs_about_to_expire";
    assert_eq!(sim.admin(0, "GET", internal, Value::Null).json["state"], true);
}

#[test]
fn alerts_follow_settings_unless_the_caller_ignores_them() {
    let mut sim = Fixture::cluster(3, 3);
    sim.world.crash(NodeIndex(2));
    sim.pass(30);
    let path = "/v1/nodes/alerts/3/node_failed";
    assert_eq!(sim.admin(0, "GET", path, Value::Null).json["state"], false);
    assert_eq!(
        sim.admin(0, "GET", &format!("{path}?ignore_settings=true"), Value::Null)
            .json["state"],
        true
    );
    sim.admin(
        0,
        "PUT",
        "/v1/cluster",
        json!({"alert_settings": {"node_failed": true}}),
    );
    assert_eq!(sim.admin(0, "GET", path, Value::Null).json["state"], true);
    assert_eq!(
        sim.admin(0, "GET", "/v1/nodes/alerts/3/nonsense", Value::Null)
            .status,
        404
    );
    let switches = Switches::default().with(Switch::AlertStateIsText);
    let mut sim = Fixture::cluster_with(3, 3, switches);
    sim.world.crash(NodeIndex(2));
    sim.pass(30);
    for (enabled, state) in [(false, "off"), (true, "on")] {
        let settings = json!({"alert_settings": {"node_failed": enabled}});
        sim.admin(0, "PUT", "/v1/cluster", settings);
        let alert = sim.admin(0, "GET", path, Value::Null).json;
        assert_eq!(
            (&alert["state"], &alert["change_value"]["state"]),
            (&json!(state), &json!(state))
        );
    }
    let switches = Switches::default().with(Switch::DisabledAlertKeepsState);
    let mut sim = Fixture::cluster_with(3, 3, switches);
    sim.world.crash(NodeIndex(2));
    sim.pass(30);
    let alert = sim.admin(0, "GET", path, Value::Null).json;
    assert_eq!(
        (&alert["enabled"], &alert["state"]),
        (&json!(false), &json!(true))
    );
}
