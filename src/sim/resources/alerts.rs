//! The routes of alerts: of the cluster, its nodes, databases and what feeds them. Their state follows from the world; what
//! cannot be known here is off.

use super::access::scope;
use super::alarms::{self, Alarm, Turns};
use super::bdbs::{Database, existing};
use super::iso;
use super::nodes::member;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::permission::Permission::{
    UpdateBdbAlerts, ViewAllBdbsAlerts, ViewAllNodesAlerts, ViewBdbAlerts, ViewClusterAlerts, ViewNodeAlerts,
};
use crate::sim::route::Route;
use crate::sim::schema::alert::{
    BDB_ALERT_SETTINGS, OF_BDB, OF_CLUSTER, OF_CRDT_SOURCE, OF_NODE, OF_SOURCE, WITHOUT_FIGURE,
};
use crate::sim::schema::{Kind, Table, shape};
use crate::sim::state::Member;
use crate::sim::switch::Switch;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/alerts", ViewClusterAlerts, shape::CLUSTER_ALERTS, of_cluster),
    Route::new("GET", "/v1/cluster/alerts/{alert}", ViewClusterAlerts, shape::ALERT, one_of_cluster),
    Route::new("GET", "/v1/nodes/alerts", ViewAllNodesAlerts, shape::NODES_ALERTS, of_nodes),
    Route::new("GET", "/v1/nodes/alerts/{uid}", ViewNodeAlerts, shape::NODE_ALERTS, of_node),
    Route::new("GET", "/v1/nodes/alerts/{uid}/{alert}", ViewNodeAlerts, shape::ALERT, one_of_node),
    Route::new("GET", "/v1/bdbs/alerts", ViewAllBdbsAlerts, shape::BDBS_ALERTS, of_bdbs),
    Route::new("GET", "/v1/bdbs/alerts/{uid}", ViewBdbAlerts, shape::BDB_ALERTS, of_bdb),
    Route::new("GET", "/v1/bdbs/alerts/{uid}/{alert}", ViewBdbAlerts, shape::ALERT, one_of_bdb),
    Route::new("POST", "/v1/bdbs/alerts/{uid}", UpdateBdbAlerts, shape::BDB_ALERTS, set_of_bdb),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts", ViewAllBdbsAlerts, shape::SOURCES_ALERTS, of_sources),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts/{uid}", ViewBdbAlerts, shape::SOURCE_ALERTS, of_sources_of),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts/{uid}/{source}", ViewBdbAlerts, shape::SOURCE_ALERTS, of_source),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts/{uid}/{source}/{alert}", ViewBdbAlerts, shape::ALERT, of_source),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts", ViewAllBdbsAlerts, shape::SOURCES_ALERTS, of_sources),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts/{uid}", ViewBdbAlerts, shape::SOURCE_ALERTS, of_sources_of),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts/{uid}/{source}", ViewBdbAlerts, shape::SOURCE_ALERTS, of_source),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts/{uid}/{source}/{alert}", ViewBdbAlerts, shape::ALERT, of_source),
];

/// An alert as the API shows it; one that is turned off reads false, unless the caller ignores settings.
fn shown(
    ctx: &Ctx<'_>,
    alarm: Alarm,
    turned: Option<Timestamp>,
    setting: Option<&Value>,
    threshold_key: &str,
) -> Value {
    let enabled = alarms::enabled(setting);
    let counts = enabled || ctx.call.flag("ignore_settings") || ctx.env.on(Switch::DisabledAlertKeepsState);
    let on = alarm.on && counts;
    let state = match (on, ctx.env.on(Switch::AlertStateIsText)) {
        (on, false) => json!(on),
        (true, true) => json!("on"),
        (false, true) => json!("off"),
    };
    let mut details = alarm.details;
    details.insert("state".to_owned(), state.clone());
    if let Some(threshold) = alarms::threshold(setting) {
        details.insert(threshold_key.to_owned(), json!(threshold));
    }
    json!({
        "change_time": iso(turned.unwrap_or(ctx.cluster.created)), "change_value": details, "enabled": enabled,
        "severity": Alarm::severity(on), "state": state,
    })
}

/// An alert of the cluster or a node, whose setting is the cluster's.
fn by_cluster(ctx: &Ctx<'_>, turns: &Turns, alarm: Alarm) -> Value {
    let setting = alarms::setting(ctx.cluster, alarm.name);
    let turned = turns.last(alarm.name);
    shown(ctx, alarm, turned, setting, "global_threshold")
}

/// The same, on what the database or node of the alert says.
fn map(alarms: Vec<Alarm>, show: impl Fn(Alarm) -> Value) -> Map<String, Value> {
    let rows = alarms.into_iter();
    rows.map(|alarm| (alarm.name.to_owned(), show(alarm))).collect()
}

fn of_cluster(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look(ctx.cluster, ctx.env);
    let all = alarms::of_cluster(ctx.cluster, ctx.env);
    let turns = &ctx.cluster.turns;
    Ok(Reply::json(map(all, |alarm| by_cluster(ctx, turns, alarm))))
}

/// The alert of the path, if the table has it.
fn named(ctx: &Ctx<'_>, table: &Table) -> Result<&'static str, ApiError> {
    let name = ctx.call.params.get("alert").map_or("", String::as_str);
    let found = table.names(ctx.env.profile).find(|known| *known == name);
    found.ok_or_else(|| ApiError::not_found(format!("There is no alert {name}")))
}

fn one_of_cluster(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look(ctx.cluster, ctx.env);
    let alarm = alarms::cluster_alarm(ctx.cluster, ctx.env, named(ctx, &OF_CLUSTER)?);
    Ok(Reply::json(by_cluster(ctx, &ctx.cluster.turns, alarm)))
}

fn node_alerts(ctx: &Ctx<'_>, member: &Member) -> Map<String, Value> {
    let all = alarms::of_node(ctx.cluster, ctx.env, member);
    map(all, |alarm| by_cluster(ctx, &member.turns, alarm))
}

fn of_nodes(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look(ctx.cluster, ctx.env);
    let members = ctx.cluster.members.values();
    let all: Map<String, Value> = members
        .map(|member| (member.uid.to_string(), Value::Object(node_alerts(ctx, member))))
        .collect();
    Ok(Reply::json(all))
}

fn of_node(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look(ctx.cluster, ctx.env);
    Ok(Reply::json(node_alerts(ctx, member(ctx)?)))
}

fn one_of_node(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look(ctx.cluster, ctx.env);
    let member = member(ctx)?;
    let alarm = alarms::node_alarm(ctx.cluster, ctx.env, member, named(ctx, &OF_NODE)?);
    Ok(Reply::json(by_cluster(ctx, &member.turns, alarm)))
}

/// Where the settings of a database's alerts are kept.
pub(crate) fn settings_path(database: &Database) -> String {
    format!("/v1/bdbs/alerts/{}", database.uid)
}

/// An alert of a database: it carries its threshold beside its state.
fn by_database(ctx: &Ctx<'_>, database: &Database, alarm: Alarm) -> Value {
    let name = alarm.name;
    by_setting_of(ctx, database, alarm, name)
}

/// The same of an alert that the database's settings know by another name.
fn by_setting_of(ctx: &Ctx<'_>, database: &Database, alarm: Alarm, name: &str) -> Value {
    let setting = ctx.cluster.documents.single(&settings_path(database));
    let setting = setting.and_then(|settings| settings.get(name));
    let turned = database.turns.last(alarm.name).or(Some(database.created));
    let mut alert = shown(ctx, alarm, turned, setting, "threshold");
    if let Some(map) = alert.as_object_mut() {
        let threshold = alarms::threshold(setting).unwrap_or_default();
        map.insert("threshold".to_owned(), json!(threshold));
    }
    alert
}

fn bdb_alerts(ctx: &Ctx<'_>, database: &Database) -> Map<String, Value> {
    let settings = ctx.cluster.documents.single(&settings_path(database));
    let all = alarms::of_database(ctx.env, database, settings);
    map(all, |alarm| by_database(ctx, database, alarm))
}

fn of_bdbs(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look_at_databases(ctx.cluster, ctx.env);
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let all: Map<String, Value> = databases
        .filter(|database| scope.has(database.uid))
        .map(|database| (database.uid.to_string(), Value::Object(bdb_alerts(ctx, database))))
        .collect();
    Ok(Reply::json(all))
}

fn database<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid);
    database.ok_or_else(|| ApiError::not_found(format!("database {uid} does not exist")))
}

fn of_bdb(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look_at(ctx.cluster, ctx.env, existing(ctx)?);
    Ok(Reply::json(bdb_alerts(ctx, database(ctx)?)))
}

fn one_of_bdb(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look_at(ctx.cluster, ctx.env, existing(ctx)?);
    let (database, name) = (database(ctx)?, named(ctx, &OF_BDB)?);
    let settings = ctx.cluster.documents.single(&settings_path(database));
    let setting = settings.and_then(|settings| settings.get(name));
    let alarm = alarms::database_alarm(ctx.env, database, name, setting);
    Ok(Reply::json(by_database(ctx, database, alarm)))
}

/// Turns alerts on and off: `name -> {enabled, threshold}`. What a setting leaves out stays as it was.
fn set_of_bdb(ctx: &mut Ctx<'_>) -> Answer {
    let path = settings_path(database(ctx)?);
    let settings = ctx.call.object()?;
    let wanted = Kind::Of(&BDB_ALERT_SETTINGS).check(ctx.env.profile, &ctx.call.body);
    wanted.map_err(|wanted| ApiError::not_acceptable("invalid_param", format!("{wanted} is wanted")))?;
    let mut kept = ctx.cluster.documents.single(&path).cloned().unwrap_or_default();
    for (name, setting) in settings {
        let mut whole = kept
            .get(&name)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        whole.extend(setting.as_object().cloned().unwrap_or_default());
        let whole = Value::Object(whole);
        check_threshold(&name, &whole)?;
        kept.insert(name, whole);
    }
    let tried = ctx.set_single(&path, kept, |ctx| {
        Ok(Reply::json(bdb_alerts(ctx, database(ctx)?)))
    });
    if ctx.call.dry_run() { tried } else { of_bdb(ctx) }
}

/// A threshold is a number; it may be empty while its alert is off or needs none.
fn check_threshold(name: &str, setting: &Value) -> Result<(), ApiError> {
    let needed = alarms::enabled(Some(setting)) && !WITHOUT_FIGURE.contains(&name);
    match alarms::threshold(Some(setting)) {
        None => Ok(()),
        Some("") if !needed => Ok(()),
        Some(text) if text.parse::<u64>().is_ok() => Ok(()),
        Some(text) => {
            let text = format!("{name}: the threshold {text:?} is no number");
            Err(ApiError::not_acceptable("invalid_param", text))
        }
    }
}

/// How many sources of the kind in the path a database has.
fn sources(ctx: &Ctx<'_>, database: &Database) -> usize {
    let field = ctx.call.path.split('/').nth(3).unwrap_or_default();
    database
        .set
        .get(field)
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}

/// The alerts of the kind in the path.
fn table(ctx: &Ctx<'_>) -> &'static Table {
    if ctx.call.path.starts_with("/v1/bdbs/crdt_sources/") {
        &OF_CRDT_SOURCE
    } else {
        &OF_SOURCE
    }
}

/// A database's alerts by name, for all of its sources together; none without a source.
fn source_alerts(ctx: &Ctx<'_>, database: &Database) -> Value {
    let names = table(ctx).names(ctx.env.profile);
    let names = names.filter(|_| sources(ctx, database) > 0);
    let shown = |name: &'static str| (name.to_owned(), source_alert(ctx, database, name));
    Value::Object(names.map(shown).collect())
}

/// An alert of the sources of a database, which its settings turn on and off.
fn source_alert(ctx: &Ctx<'_>, database: &Database, name: &'static str) -> Value {
    by_setting_of(ctx, database, Alarm::off(name), &format!("bdb_{name}"))
}

fn of_sources(ctx: &mut Ctx<'_>) -> Answer {
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let all: Map<String, Value> = databases
        .filter(|database| scope.has(database.uid))
        .map(|database| (database.uid.to_string(), source_alerts(ctx, database)))
        .collect();
    Ok(Reply::json(all))
}

fn of_sources_of(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(source_alerts(ctx, database(ctx)?)))
}

fn of_source(ctx: &mut Ctx<'_>) -> Answer {
    let wanted: usize = ctx.call.param("source")?;
    let database = database(ctx)?;
    if !(1..=sources(ctx, database)).contains(&wanted) {
        return Err(ApiError::not_found(format!("there is no source {wanted}")));
    }
    if ctx.call.params.contains_key("alert") {
        let name = named(ctx, table(ctx))?;
        return Ok(Reply::json(source_alert(ctx, database, name)));
    }
    Ok(Reply::json(source_alerts(ctx, database)))
}

#[cfg(test)]
mod tests {
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
        let body = json!({"name": "db", "memory_size": 1 << 28, "replica_sources": [{"uri": "redis://10.1.1.1:12000"}]});
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
        let settings =
            json!({"alert_settings": {"node_cpu_utilization": {"enabled": true, "threshold": "90"}}});
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
}
