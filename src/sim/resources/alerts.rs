//! Alerts of the cluster and of databases. Their state follows from the world; what cannot be known here is off.

use super::bdbs::{Database, existing};
use super::iso;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::internode;
use crate::sim::permission::Permission::{
    UpdateBdbAlerts, ViewAllBdbsAlerts, ViewBdbAlerts, ViewClusterAlerts,
};
use crate::sim::route::Route;
use crate::sim::schema::alert::{BDB_ALERT_SETTINGS, OF_BDB, OF_CLUSTER, OF_SOURCE};
use crate::sim::schema::shape;
use crate::sim::schema::{Kind, Table};
use crate::sim::state::MemberStatus;
use crate::sim::switch::Switch;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/alerts", ViewClusterAlerts, shape::CLUSTER_ALERTS, of_cluster),
    Route::new("GET", "/v1/cluster/alerts/{alert}", ViewClusterAlerts, shape::ALERT, one_of_cluster),
    Route::new("GET", "/v1/bdbs/alerts", ViewAllBdbsAlerts, shape::BDBS_ALERTS, of_bdbs),
    Route::new("GET", "/v1/bdbs/alerts/{uid}", ViewBdbAlerts, shape::BDB_ALERTS, of_bdb),
    Route::new("GET", "/v1/bdbs/alerts/{uid}/{alert}", ViewBdbAlerts, shape::ALERT, one_of_bdb),
    Route::new("POST", "/v1/bdbs/alerts/{uid}", UpdateBdbAlerts, shape::BDB_ALERTS, set_of_bdb),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts", ViewAllBdbsAlerts, shape::ALL_SOURCES_ALERTS, of_sources),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts/{uid}", ViewBdbAlerts, shape::SOURCES_ALERTS, of_sources_of),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts/{uid}/{source}", ViewBdbAlerts, shape::SOURCE_ALERTS, of_source),
    Route::new("GET", "/v1/bdbs/crdt_sources/alerts/{uid}/{source}/{alert}", ViewBdbAlerts, shape::ALERT, of_source),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts", ViewAllBdbsAlerts, shape::ALL_SOURCES_ALERTS, of_sources),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts/{uid}", ViewBdbAlerts, shape::SOURCES_ALERTS, of_sources_of),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts/{uid}/{source}", ViewBdbAlerts, shape::SOURCE_ALERTS, of_source),
    Route::new("GET", "/v1/bdbs/replica_sources/alerts/{uid}/{source}/{alert}", ViewBdbAlerts, shape::ALERT, of_source),
];

fn alert(
    ctx: &Ctx<'_>,
    setting: Option<&Value>,
    on: bool,
    mut details: Map<String, Value>,
    severity: &str,
) -> Value {
    let enabled = setting.and_then(|setting| setting.as_bool().or_else(|| setting.get("enabled")?.as_bool()));
    let enabled = enabled.unwrap_or(false);
    let counts = enabled || ctx.call.flag("ignore_settings") || ctx.env.on(Switch::DisabledAlertKeepsState);
    let state = match (on && counts, ctx.env.on(Switch::AlertStateIsText)) {
        (on, false) => json!(on),
        (true, true) => json!("on"),
        (false, true) => json!("off"),
    };
    details.insert("state".to_owned(), state.clone());
    if let Some(threshold) = setting.and_then(|setting| setting.get("threshold")) {
        details.insert("global_threshold".to_owned(), threshold.clone());
    }
    json!({
        "change_time": iso(ctx.cluster.created), "change_value": details, "enabled": enabled, "severity": severity,
        "state": state,
    })
}

fn cluster_alert(ctx: &Ctx<'_>, name: &str) -> Value {
    let setting = ctx
        .cluster
        .settings
        .get("alert_settings")
        .and_then(|settings| settings.get(name));
    let days = setting
        .and_then(|setting| setting.get("threshold")?.as_str()?.parse::<i64>().ok())
        .unwrap_or(0);
    let members = ctx.cluster.members.len();
    let dead: Vec<u64> = ctx
        .cluster
        .members
        .values()
        .filter(|member| member.status == MemberStatus::Down)
        .map(|member| member.uid.0)
        .collect();
    let mut details = Map::new();
    let on = match name {
        "cluster_even_node_count" => {
            details.insert("node_count".to_owned(), json!(members));
            members.is_multiple_of(2) || members == 1
        }
        "cluster_multiple_nodes_down" => {
            details.insert("dead_nodes".to_owned(), json!(dead));
            dead.len() > 1
        }
        "cluster_too_few_nodes_for_replication" => members < 2,
        "cluster_license_about_to_expire" => {
            let until = ctx
                .env
                .now
                .checked_add(SignedDuration::from_hours(days.saturating_mul(24)));
            until.is_ok_and(|until| ctx.cluster.license.expired(until))
        }
        "cluster_certs_about_to_expire" => ctx
            .cluster
            .certificates
            .values()
            .any(|own| internode::ends_within(own, ctx.env, days)),
        "cluster_users_count_approaches_limit" => ctx.cluster.accounts.users.len() * 10 > 32_000 * 9,
        _ => false,
    };
    alert(ctx, setting, on, details, "WARNING")
}

fn of_cluster(ctx: &mut Ctx<'_>) -> Answer {
    let names = OF_CLUSTER.names(ctx.env.profile);
    let all = names.map(|name| (name.to_owned(), cluster_alert(ctx, name)));
    Ok(Reply::json(all.collect::<Map<_, _>>()))
}

/// Alerts of the cluster that are on, as reports on health list them.
pub(crate) fn active_of_cluster(ctx: &Ctx<'_>) -> Vec<Value> {
    let names = OF_CLUSTER.names(ctx.env.profile);
    active(names.map(|name| (name.to_owned(), cluster_alert(ctx, name))))
}

/// Alerts of a database that are on.
pub(crate) fn active_of_bdb(ctx: &Ctx<'_>, database: &Database) -> Vec<Value> {
    match bdb_alerts(ctx, database) {
        Value::Object(alerts) => active(alerts),
        _ => Vec::new(),
    }
}

/// Those of `alerts` that are turned on and have cause.
pub(crate) fn active(alerts: impl IntoIterator<Item = (String, Value)>) -> Vec<Value> {
    let on = |(name, alert): (String, Value)| {
        let caused =
            matches!(alert.get("state"), Some(Value::Bool(true))) || alert.get("state") == Some(&json!("on"));
        let enabled = alert.get("enabled") == Some(&json!(true));
        let threshold = alert
            .pointer("/change_value/global_threshold")
            .or_else(|| alert.get("threshold"));
        (caused && enabled).then(|| {
            json!({
                "name": name, "active_since": alert.get("change_time"), "severity": alert.get("severity"),
                "threshold": threshold.cloned().unwrap_or_else(|| json!("")),
            })
        })
    };
    alerts.into_iter().filter_map(on).collect()
}

/// The alert of the path, if the table has it.
fn named(ctx: &Ctx<'_>, table: &Table) -> Result<&'static str, ApiError> {
    let name = ctx.call.params.get("alert").map_or("", String::as_str);
    let found = table.names(ctx.env.profile).find(|known| *known == name);
    found.ok_or_else(|| ApiError::not_found(format!("There is no alert {name}")))
}

fn one_of_cluster(ctx: &mut Ctx<'_>) -> Answer {
    let name = named(ctx, &OF_CLUSTER)?;
    Ok(Reply::json(cluster_alert(ctx, name)))
}

/// Where the settings of a database's alerts are kept.
pub(crate) fn settings_path(database: &Database) -> String {
    format!("/v1/bdbs/alerts/{}", database.uid)
}

fn bdb_alert(ctx: &Ctx<'_>, database: &Database, name: &str) -> Value {
    let setting = ctx
        .cluster
        .documents
        .single(&settings_path(database))
        .and_then(|settings| settings.get(name));
    let threshold = setting
        .and_then(|setting| setting.get("threshold"))
        .and_then(Value::as_str);
    let percent = threshold.and_then(|text| text.parse::<u64>().ok()).unwrap_or(80);
    let limit = database
        .set
        .get("memory_size")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let on = name == "bdb_size"
        && limit > 0
        && database.data_bytes.saturating_mul(100) > limit.saturating_mul(percent);
    let mut shown = alert(ctx, setting, on, Map::new(), "INFO");
    if let Some(map) = shown.as_object_mut() {
        map.insert("threshold".to_owned(), json!(threshold.unwrap_or_default()));
    }
    shown
}

fn bdb_alerts(ctx: &Ctx<'_>, database: &Database) -> Value {
    let names = OF_BDB.names(ctx.env.profile);
    Value::Object(
        names
            .map(|name| (name.to_owned(), bdb_alert(ctx, database, name)))
            .collect(),
    )
}

fn of_bdbs(ctx: &mut Ctx<'_>) -> Answer {
    let databases = ctx.cluster.databases.iter();
    let all: Map<String, Value> = databases
        .map(|database| (database.uid.to_string(), bdb_alerts(ctx, database)))
        .collect();
    Ok(Reply::json(all))
}

fn database<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid);
    database.ok_or_else(|| ApiError::not_found(format!("database {uid} does not exist")))
}

fn of_bdb(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(bdb_alerts(ctx, database(ctx)?)))
}

fn one_of_bdb(ctx: &mut Ctx<'_>) -> Answer {
    let name = named(ctx, &OF_BDB)?;
    Ok(Reply::json(bdb_alert(ctx, database(ctx)?, name)))
}

/// Turns alerts on and off: `name -> {enabled, threshold}`.
fn set_of_bdb(ctx: &mut Ctx<'_>) -> Answer {
    let path = settings_path(database(ctx)?);
    let mut kept = ctx.cluster.documents.single(&path).cloned().unwrap_or_default();
    let settings = ctx.call.object()?;
    let wanted = Kind::Of(&BDB_ALERT_SETTINGS).check(ctx.env.profile, &ctx.call.body);
    wanted.map_err(|wanted| ApiError::not_acceptable("invalid_param", format!("{wanted} is wanted")))?;
    kept.extend(settings);
    if !ctx.call.dry_run() {
        ctx.cluster.documents.set_single(&path, kept);
        ctx.commit();
    }
    Ok(Reply::json(bdb_alerts(ctx, database(ctx)?)))
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

fn source_alerts(ctx: &Ctx<'_>) -> Value {
    let names = OF_SOURCE.names(ctx.env.profile);
    let off = || alert(ctx, None, false, Map::new(), "INFO");
    Value::Object(names.map(|name| (name.to_owned(), off())).collect())
}

fn by_source(ctx: &Ctx<'_>, database: &Database) -> Value {
    let rows = (1..=sources(ctx, database)).map(|source| (source.to_string(), source_alerts(ctx)));
    Value::Object(rows.collect())
}

fn of_sources(ctx: &mut Ctx<'_>) -> Answer {
    let databases = ctx.cluster.databases.iter();
    let all: Map<String, Value> = databases
        .map(|database| (database.uid.to_string(), by_source(ctx, database)))
        .collect();
    Ok(Reply::json(all))
}

fn of_sources_of(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(by_source(ctx, database(ctx)?)))
}

fn of_source(ctx: &mut Ctx<'_>) -> Answer {
    let wanted: usize = ctx.call.param("source")?;
    if !(1..=sources(ctx, database(ctx)?)).contains(&wanted) {
        return Err(ApiError::not_found(format!("there is no source {wanted}")));
    }
    if ctx.call.params.contains_key("alert") {
        named(ctx, &OF_SOURCE)?;
        return Ok(Reply::json(alert(ctx, None, false, Map::new(), "INFO")));
    }
    Ok(Reply::json(source_alerts(ctx)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;

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
        for (body, status) in [
            (json!({"moon": {"enabled": true}}), 406),
            (json!({"bdb_size": {"enabled": "yes"}}), 406),
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
}
