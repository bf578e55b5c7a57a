//! The routes of alerts: of the cluster, its nodes, databases and what feeds them. Their state follows from the world; what
//! cannot be known here is off.

#[cfg(test)]
mod tests;

use super::access::scope;
use super::alarms::{self, Alarm, Turns};
use super::bdbs::{Database, existing};
use super::nodes::member;
use super::{iso, merge};
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
    let named: Vec<String> = settings.keys().cloned().collect();
    merge(&mut kept, settings);
    for name in &named {
        check_threshold(name, kept.get(name))?;
    }
    let tried = ctx.set_single(&path, kept, |ctx| {
        Ok(Reply::json(bdb_alerts(ctx, database(ctx)?)))
    });
    if ctx.call.dry_run() { tried } else { of_bdb(ctx) }
}

/// A threshold is a number; it may be empty while its alert is off or needs none.
fn check_threshold(name: &str, setting: Option<&Value>) -> Result<(), ApiError> {
    let needed = alarms::enabled(setting) && !WITHOUT_FIGURE.contains(&name);
    match alarms::threshold(setting) {
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
