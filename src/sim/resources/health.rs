//! Health reports: `/v4/cluster/health`, `/v4/db/{uid}/health`.

use super::access::scope;
use super::alarms::{self, Alarm, Turns};
use super::alerts::settings_path;
use super::bdbs::{Database, Status, existing};
use super::iso;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::certs::read_bundle;
use crate::sim::permission::Permission::{ViewBdbInfo, ViewClusterInfo};
use crate::sim::placement::{Role, Shard};
use crate::sim::resources::nodes::maintenance_snapshot;
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::state::{Member, MemberStatus};
use crate::sim::switch::Switch;
use crate::sim::version::Profile::V8_0_20;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Routes of this family. The second path of a database exists only on the other side of a switch.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v4/cluster/health", ViewClusterInfo, shape::CLUSTER_HEALTH, cluster).since(V8_0_20),
    Route::new("GET", "/v4/db/{uid}/health", ViewBdbInfo, shape::DATABASE_HEALTH, database).since(V8_0_20),
    Route::new("GET", "/v4/bdb/{uid}/health", ViewBdbInfo, shape::DATABASE_HEALTH, database).presumed().since(V8_0_20),
];

fn cluster(ctx: &mut Ctx<'_>) -> Answer {
    alarms::look(ctx.cluster, ctx.env);
    let issues_only = ctx.call.flag("issues_only");
    let nodes = ctx.cluster.members.values().map(|member| node(ctx, member));
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let databases = databases
        .filter(|database| scope.has(database.uid))
        .map(|database| brief(ctx, database));
    let keep = |item: &Value| !issues_only || item.get("status") != Some(&json!("active"));
    let nodes: Vec<Value> = nodes.filter(keep).collect();
    let databases: Vec<Value> = databases.filter(keep).collect();
    let of = |status: &str| {
        nodes
            .iter()
            .chain(&databases)
            .any(|item| item.get("status") == Some(&json!(status)))
    };
    let status = match (
        of("down"),
        of("warning") || ctx.cluster.license.expired(ctx.env.now),
    ) {
        (true, _) => "error",
        (false, true) => "warning",
        (false, false) => "ok",
    };
    let mut certificates = certificates(ctx);
    certificates.retain(|certificate| !issues_only || certificate.get("expired") == Some(&json!(true)));
    Ok(Reply::json(json!({
        "fqdn": ctx.cluster.name, "status": status, "license": license(ctx), "certificates": certificates,
        "nodes": nodes, "active_alerts": of_cluster(ctx), "database_infos": databases,
    })))
}

/// The alerts that are on and wanted.
fn active(
    alarms: Vec<Alarm>,
    since: impl Fn(&str) -> Timestamp,
    setting: impl Fn(&str) -> Option<Value>,
) -> Vec<Value> {
    let shown = |alarm: Alarm| {
        let setting = setting(alarm.name);
        let wanted = alarm.on && alarms::enabled(setting.as_ref());
        let mut alert = json!({
            "name": alarm.name, "active_since": iso(since(alarm.name)), "severity": Alarm::severity(true),
        });
        if let (Some(map), Some(threshold)) = (alert.as_object_mut(), alarms::threshold(setting.as_ref())) {
            map.insert("threshold".to_owned(), json!(threshold));
        }
        wanted.then_some(alert)
    };
    alarms.into_iter().filter_map(shown).collect()
}

fn by_cluster(ctx: &Ctx<'_>, turns: &Turns, alarms: Vec<Alarm>) -> Vec<Value> {
    let since = |name: &str| turns.last(name).unwrap_or(ctx.cluster.created);
    active(alarms, since, |name| alarms::setting(ctx.cluster, name).cloned())
}

fn of_cluster(ctx: &Ctx<'_>) -> Vec<Value> {
    by_cluster(ctx, &ctx.cluster.turns, alarms::of_cluster(ctx.cluster, ctx.env))
}

fn of_database(ctx: &Ctx<'_>, database: &Database) -> Vec<Value> {
    let settings = ctx.cluster.documents.single(&settings_path(database));
    let alarms = alarms::of_database(ctx.env, database, settings);
    let since = |name: &str| database.turns.last(name).unwrap_or(database.created);
    active(alarms, since, |name| settings?.get(name).cloned())
}

fn license(ctx: &Ctx<'_>) -> Value {
    let (license, used) = (&ctx.cluster.license, ctx.cluster.databases.shard_counts());
    json!({
        "expired": license.expired(ctx.env.now), "valid_until": iso(license.expiration),
        "shards_in_use": used.ram + used.flash, "shards_limit": license.shards_limit,
        "ram_shards_in_use": used.ram, "ram_shards_limit": license.ram_shards_limit,
        "flex_shards_in_use": used.flash, "flex_shards_limit": license.flash_shards_limit,
    })
}

fn certificates(ctx: &Ctx<'_>) -> Vec<Value> {
    let row = |(name, identity): (&String, &crate::sim::TlsIdentity)| {
        let bundle = read_bundle(&identity.chain_pem).ok()?;
        let until = bundle.first()?.not_after;
        Some(json!({
            "type": name, "expired": until <= ctx.env.now.as_second(),
            "valid_until": Timestamp::from_second(until).ok().map(iso),
        }))
    };
    ctx.cluster.certificates.iter().filter_map(row).collect()
}

fn node(ctx: &Ctx<'_>, member: &Member) -> Value {
    let host = ctx.env.node(member.host);
    let down = member.status == MemberStatus::Down;
    let detailed = match member.status {
        MemberStatus::Active => "active",
        MemberStatus::Decommissioning => "decommissioning",
        MemberStatus::Down => "down",
        MemberStatus::Provisioning => "provisioning",
    };
    let shards: Vec<&Shard> = ctx.cluster.databases.shards.on(member.uid).collect();
    let used: u64 = shards.iter().map(|shard| shard.memory_bytes).sum();
    let total = host.map_or(0, |host| host.config.memory_bytes);
    let provisional = if member.accept_servers {
        total / 100 * 88
    } else {
        0
    };
    json!({
        "id": member.uid.to_string(),
        "status": if down { "down" } else if member.status == MemberStatus::Active { "active" } else { "warning" },
        "detailed_status": detailed,
        "role": if ctx.cluster.master == Some(member.uid) { "leader" } else { "follower" },
        "version": host.map(|host| host.software_version.clone()),
        "shards": shards.into_iter().map(shard).collect::<Vec<_>>(),
        "memory": {
            "total_ram": total, "free_ram": total.saturating_sub(used), "total_provisional_ram": provisional,
            "free_provisional_ram": provisional.saturating_sub(used), "overbooking_depth": 0,
        },
        "observed_at": ctx.env.now.as_second(),
        "services": [],
        "ephemeral_memory_path": "/var/opt/redislabs/tmp", "persistent_memory_path": "/var/opt/redislabs/persist",
        "ephemeral_memory_size": host.map(|host| host.config.storage_bytes),
        "persistent_memory_size": host.map(|host| host.config.storage_bytes),
        "active_alerts": by_cluster(ctx, &member.turns, alarms::of_node(ctx.cluster, ctx.env, member)),
        "quorum_only": !member.accept_servers,
        "in_maintenance": maintenance_snapshot(member).is_some(),
    })
}

fn shard(shard: &Shard) -> Value {
    json!({
        "id": shard.uid.to_string(), "role": if shard.role == Role::Master { "leader" } else { "follower" },
        "status": if shard.up { "active" } else { "inactive" }, "detailed_status": if shard.up { "ok" } else { "down" },
    })
}

/// Whether every master is up, and whether every shard is.
fn serves(ctx: &Ctx<'_>, database: &Database) -> (bool, bool) {
    let shards = || ctx.cluster.databases.shards.of(database.uid);
    let served = !matches!(database.status, Status::CreationFailed | Status::Recovery);
    let masters = shards()
        .filter(|shard| shard.role == Role::Master)
        .all(|shard| shard.up);
    (served && masters, served && shards().all(|shard| shard.up))
}

fn overall(ctx: &Ctx<'_>, database: &Database) -> &'static str {
    match serves(ctx, database) {
        (false, _) => "down",
        (true, false) => "warning",
        (true, true) => "active",
    }
}

fn availability(ctx: &Ctx<'_>, database: &Database) -> Value {
    let replicated = database.flag("replication");
    let (_, all) = serves(ctx, database);
    json!({"status": if !replicated { "disabled" } else if all { "up" } else { "down" }})
}

fn brief(ctx: &Ctx<'_>, database: &Database) -> Value {
    json!({
        "id": database.uid.to_string(), "name": database.text("name"), "status": overall(ctx, database),
        "detailed_status": database.status.as_str(), "version": database.text("version"),
        "high_availability": availability(ctx, database),
    })
}

fn database(ctx: &mut Ctx<'_>) -> Answer {
    let expected = if ctx.env.on(Switch::V4BdbPath) {
        "bdb"
    } else {
        "db"
    };
    if ctx.call.path.split('/').nth(2) != Some(expected) {
        return Err(ApiError::not_found(format!("{} does not exist", ctx.call.path)));
    }
    let uid = existing(ctx)?;
    alarms::look_at(ctx.cluster, ctx.env, uid);
    let Some(database) = ctx.cluster.databases.get(uid) else {
        return Err(ApiError::not_found(format!("database {uid} does not exist")));
    };
    Ok(Reply::json(report(ctx, database)))
}

fn report(ctx: &Ctx<'_>, database: &Database) -> Value {
    let errors = availability_errors(ctx, database);
    let persistence = match database.text("data_persistence") {
        "aof" => "aof",
        "snapshot" => "rdb",
        _ => "disabled",
    };
    let machine = database
        .change
        .as_ref()
        .and_then(|_| ctx.cluster.machines.get(&database.action_uid));
    let issues_only = ctx.call.flag("issues_only");
    let shards = ctx.cluster.databases.shards.of(database.uid);
    let shards = shards.filter(|shard| !issues_only || !shard.up).map(shard);
    let mut report = json!({
        "id": database.uid.to_string(), "name": database.text("name"),
        "availability": if errors.is_empty() { "up" } else { "down" }, "availability_errors": errors,
        "high_availability": availability(ctx, database), "status": overall(ctx, database),
        "detailed_status": database.status.as_str(), "version": database.text("version"),
        "creation_time": iso(database.created), "last_configured_time": iso(database.changed),
        "last_backup_time": database.set.get("last_backup_time"), "persistence": persistence,
        "shards_placement": database.text("shards_placement"),
        "endpoints": [{
            "name": format!("redis-{}.{}:{}", database.port, ctx.cluster.name, database.port),
            "availability": if is_bound(database) { "up" } else { "down" },
        }],
        "shards": shards.collect::<Vec<_>>(), "active_alerts": of_database(ctx, database),
    });
    // What does not exist is absent: the schema has no null here.
    if let (Some(machine), Some(map)) = (machine, report.as_object_mut()) {
        let state = machine.state.as_deref().unwrap_or_default();
        map.insert(
            "state_machine".to_owned(),
            json!({"name": machine.name, "state": state}),
        );
    }
    report
}

/// Why a database does not serve; nothing if it does.
fn availability_errors(ctx: &Ctx<'_>, database: &Database) -> Vec<&'static str> {
    let (up, _) = serves(ctx, database);
    let errors = [(up, "shard_unreachable"), (is_bound(database), "port_unbound")];
    errors
        .into_iter()
        .filter(|(well, _)| !well)
        .map(|(_, error)| error)
        .collect()
}

/// Whether a proxy serves its endpoint.
fn is_bound(database: &Database) -> bool {
    !database.bound.is_empty() && !database.flag("traffic_manually_disabled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;
    use crate::sim::switch::Switches;

    #[test]
    fn alerts_that_are_on_and_wanted_show_in_the_report() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database(None);
        let alerts = |sim: &mut Fixture, path: &str| sim.admin(0, "GET", path, Value::Null).json;
        assert_eq!(alerts(&mut sim, "/v4/cluster/health")["active_alerts"], json!([]));
        let wanted = json!({"alert_settings": {"node_failed": true}});
        sim.admin(0, "PUT", "/v1/cluster", wanted);
        let size = json!({"bdb_size": {"enabled": true, "threshold": "10"}});
        sim.admin(0, "POST", "/v1/bdbs/alerts/1", size);
        sim.world.fill(NodeIndex(0), 1, 200 << 20);
        sim.world.crash(NodeIndex(2));
        sim.pass(30);
        let report = alerts(&mut sim, "/v4/cluster/health");
        assert_eq!(report["nodes"][2]["active_alerts"][0]["name"], "node_failed");
        assert_eq!(report["nodes"][0]["active_alerts"], json!([]));
        let database = alerts(&mut sim, "/v4/db/1/health");
        assert_eq!(database["active_alerts"][0]["name"], "bdb_size");
        assert_eq!(database["active_alerts"][0]["threshold"], "10");
    }

    #[test]
    fn what_does_not_exist_is_absent_and_only_issues_can_be_asked_for() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database(None);
        let mut report = |path: &str| sim.admin(0, "GET", path, Value::Null).json;
        let quiet = report("/v4/db/1/health?issues_only=true");
        for absent in ["state_machine", "active_active"] {
            assert!(quiet.get(absent).is_none(), "{absent}");
        }
        assert_eq!(quiet["shards"], json!([]));
        assert_eq!(
            report("/v4/cluster/health?issues_only=true")["certificates"],
            json!([])
        );
        sim.admin(0, "PUT", "/v1/bdbs/1", json!({"memory_size": 1 << 29}));
        let busy = sim.admin(0, "GET", "/v4/db/1/health", Value::Null).json;
        assert_eq!(busy["state_machine"]["name"], "SMUpdateBDB");
    }

    #[test]
    fn health_follows_nodes_and_databases() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database(None);
        let health = sim.admin(0, "GET", "/v4/cluster/health", Value::Null).json;
        assert_eq!(
            (&health["status"], &health["nodes"][0]["role"]),
            (&json!("ok"), &json!("leader"))
        );
        let shard = sim.admin(0, "GET", "/v1/shards/1", Value::Null).json;
        let victim: usize = shard["node_uid"].as_str().unwrap().parse().unwrap();
        sim.world.crash(NodeIndex(victim - 1));
        sim.pass(60);
        let node = victim % 3;
        let issues = sim.admin(node, "GET", "/v1/nodes", Value::Null);
        let leader = if issues.status == 200 {
            node
        } else {
            (node + 1) % 3
        };
        let health = sim
            .admin(leader, "GET", "/v4/cluster/health?issues_only=true", Value::Null)
            .json;
        assert_eq!(
            (&health["status"], health["nodes"].as_array().map(Vec::len)),
            (&json!("error"), Some(1))
        );
        let db = sim.admin(leader, "GET", "/v4/db/1/health", Value::Null).json;
        assert_eq!(
            (&db["availability"], &db["status"]),
            (&json!("down"), &json!("down"))
        );
    }

    #[test]
    fn health_lists_the_alerts_that_are_turned_on_and_have_cause() {
        let mut sim = Fixture::cluster(3, 3);
        let names = |report: &Value| -> Vec<String> {
            let alerts = report["active_alerts"].as_array().unwrap().iter();
            alerts
                .map(|alert| alert["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let settings = json!({"alert_settings": {"node_failed": true, "cluster_multiple_nodes_down": true}});
        sim.admin(0, "PUT", "/v1/cluster", settings);
        sim.world.crash(NodeIndex(2));
        sim.pass(30);
        let health = sim.admin(0, "GET", "/v4/cluster/health", Value::Null).json;
        assert_eq!(names(&health), [] as [String; 0]);
        assert!(
            names(&health["nodes"][2]).contains(&"node_failed".to_owned()),
            "{health}"
        );
        assert_eq!(names(&health["nodes"][0]), [] as [String; 0]);
        sim.pass(24 * 86_400);
        let health = sim.admin(0, "GET", "/v4/cluster/health", Value::Null).json;
        assert_eq!(names(&health), ["cluster_license_about_to_expire"]);
        assert_eq!(health["active_alerts"][0]["threshold"], "7");
    }

    #[test]
    fn a_database_has_one_path_of_the_two_that_are_written() {
        for (switches, path) in [
            (Switches::default(), "db"),
            (Switches::default().with(Switch::V4BdbPath), "bdb"),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            sim.database(None);
            for name in ["db", "bdb"] {
                let status = sim
                    .admin(0, "GET", &format!("/v4/{name}/1/health"), Value::Null)
                    .status;
                assert_eq!(status, if name == path { 200 } else { 404 });
            }
        }
    }
}
