//! Services of a node: what runs, and what becomes of a node without what it needs.

use super::iso;
use crate::sim::call::{Answer, Ctx, Reply};
use crate::sim::ids::NodeIndex;
use crate::sim::permission::Permission::{UpdateCluster, ViewClusterInfo};
use crate::sim::power::detection;
use crate::sim::route::Route;
use crate::sim::schema::node::OPERATE_SERVICES;
use crate::sim::schema::{
    settings::{SERVICES, SERVICES_TABLE},
    shape,
};
use crate::sim::state::{Due, SimNode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/local/services", ViewClusterInfo, shape::SERVICES, services).presumed().local(),
    Route::new("POST", "/v1/local/services", UpdateCluster, shape::DONE_BY_SERVICE, operate_services).presumed().local(),
    Route::new("POST", "/v1/services", UpdateCluster, shape::DONE_BY_SERVICE, operate_services).presumed(),
];

/// Where the configuration of services is.
pub(crate) const CONFIGURATION: &str = "/v1/cluster/services_configuration";

/// Services that no configuration lists, or not in every version.
const CORE_SERVICES: [&str; 10] = [
    "ccs",
    "cnm_exec",
    "cnm_http",
    "envoy",
    "job_scheduler",
    "metrics_exporter",
    "node_wd",
    "cluster_wd",
    "redis_mgr",
    "sentinel_service",
];

/// The machine that a call about services means: the one that received it, or the master's.
fn serviced(ctx: &Ctx<'_>) -> NodeIndex {
    let master = ctx.cluster.master.and_then(|uid| ctx.cluster.members.get(&uid));
    match master.filter(|_| ctx.call.path == "/v1/services") {
        Some(master) => master.host,
        None => ctx.node,
    }
}

/// The configuration of services.
fn configured(ctx: &Ctx<'_>) -> Map<String, Value> {
    super::settings::current(ctx, CONFIGURATION, SERVICES)
}

fn is_disabled(configured: &Map<String, Value>, service: &str) -> bool {
    let service = configured.get(service);
    service.and_then(|service| service.get("operating_mode")) == Some(&json!("disabled"))
}

/// Every service of the node, with how it runs.
fn services(ctx: &mut Ctx<'_>) -> Answer {
    let host = ctx.env.node(ctx.node);
    let configured = configured(ctx);
    let names = CORE_SERVICES
        .iter()
        .copied()
        .chain(SERVICES_TABLE.names(ctx.env.profile));
    let shown = |name: &str| {
        if is_disabled(&configured, name) || host.is_some_and(|host| host.stopped.contains(name)) {
            return (name.to_owned(), json!({"status": "STOPPED"}));
        }
        let start = host.map_or(ctx.env.now, |host| started(host, name));
        let uptime = uptime(ctx.env.now.duration_since(start).as_secs());
        let row = json!({"status": "RUNNING", "start_time": iso(start), "uptime": uptime});
        (name.to_owned(), row)
    };
    Ok(Reply::json(names.map(shown).collect::<Map<_, _>>()))
}

/// Since when a service runs: the machine's start, unless it was started later.
fn started(host: &SimNode, name: &str) -> Timestamp {
    let started = host.started.get(name).copied();
    started.map_or(host.booted, |at| at.max(host.booted))
}

/// `3 days, 0:58:59`
fn uptime(secs: i64) -> String {
    let (days, rest) = (secs / 86_400, secs % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest % 3600 / 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

/// Starts, stops and restarts services. What the configuration disables does not start.
fn operate_services(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&OPERATE_SERVICES)?;
    let operation = body
        .get("operation_type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let names = body
        .get("services")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let configured = configured(ctx);
    let host = serviced(ctx);
    let heard = |ctx: &Ctx<'_>| ctx.env.node(host).is_some_and(SimNode::is_heard);
    let before = heard(ctx);
    let now = ctx.env.now;
    let mut done = Map::new();
    for name in names.filter_map(Value::as_str) {
        let known = CORE_SERVICES.contains(&name) || SERVICES.iter().any(|field| field.name == name);
        let works = known && (operation == "stop" || !is_disabled(&configured, name));
        if let Some(node) = ctx.env.node_mut(host).filter(|_| works) {
            operate(node, name, operation, now);
        }
        done.insert(name.to_owned(), json!(works));
    }
    noticed(ctx, host, before, heard(ctx));
    ctx.commit();
    Ok(Reply::json(done))
}

/// Does one thing to one service. What runs is not started again by `start`.
fn operate(node: &mut SimNode, service: &str, operation: &str, now: Timestamp) {
    if operation == "stop" {
        node.stopped.insert(service.to_owned());
    } else if node.stopped.remove(service) || operation == "restart" {
        node.started.insert(service.to_owned(), now);
    }
}

/// Starts, on every node, the services that a change of the configuration enables.
pub(crate) fn reconfigured(ctx: &mut Ctx<'_>, before: &Map<String, Value>, after: &Map<String, Value>) {
    let now = ctx.env.now;
    let enabled = |name: &&String| is_disabled(before, name) && !is_disabled(after, name);
    for name in after.keys().filter(enabled) {
        for member in ctx.cluster.members.values() {
            if let Some(node) = ctx.env.node_mut(member.host) {
                node.started.insert(name.clone(), now);
            }
        }
    }
}

/// The cluster loses a node whose configuration store is stopped, and finds it again when it runs.
fn noticed(ctx: &mut Ctx<'_>, host: NodeIndex, before: bool, after: bool) {
    let mut members = ctx.cluster.members.values();
    let Some(uid) = members
        .find(|member| member.host == host)
        .map(|member| member.uid)
    else {
        return;
    };
    let id = ctx.cluster.id;
    match (before, after) {
        (true, false) => ctx
            .env
            .schedule(detection(Some(ctx.cluster), ctx.env), Due::NodeLost(id, uid)),
        (false, true) => ctx
            .env
            .schedule(ctx.env.timings.service_restart, Due::NodeFound(id, uid)),
        (true, true) | (false, false) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;

    #[test]
    fn services_can_be_stopped_and_started_on_one_node() {
        let mut sim = Fixture::cluster(2, 2);
        let body = |operation: &str| json!({"operation_type": operation, "services": ["cm_server", "moon"]});
        let done = sim.admin(1, "POST", "/v1/local/services", body("stop")).json;
        assert_eq!(done, json!({"cm_server": true, "moon": false}));
        let status = |sim: &mut Fixture, node| {
            sim.admin(node, "GET", "/v1/local/services", Value::Null).json["cm_server"]["status"].clone()
        };
        assert_eq!(
            (status(&mut sim, 0), status(&mut sim, 1)),
            (json!("RUNNING"), json!("STOPPED"))
        );
        let check = sim.admin(0, "GET", "/v1/nodes/check/2", Value::Null).json;
        assert_eq!(
            check["error"],
            "process cm_server is not running or not responding ([Errno 111] Connection refused)"
        );
        sim.admin(1, "POST", "/v1/local/services", body("start"));
        assert_eq!(status(&mut sim, 1), "RUNNING");
    }

    #[test]
    fn what_the_configuration_disables_can_be_stopped_but_not_started() {
        let mut sim = Fixture::cluster(1, 1);
        let disabled = json!({"cm_server": {"operating_mode": "disabled"}});
        sim.admin(0, "PUT", CONFIGURATION, disabled);
        for (operation, works) in [("start", false), ("restart", false), ("stop", true)] {
            let body = json!({"operation_type": operation, "services": ["cm_server", "alert_mgr"]});
            let done = sim.admin(0, "POST", "/v1/local/services", body).json;
            assert_eq!(
                done,
                json!({"cm_server": works, "alert_mgr": true}),
                "{operation}"
            );
        }
    }

    #[test]
    fn a_service_that_is_enabled_again_runs_since_then_on_every_node() {
        let mut sim = Fixture::cluster(2, 2);
        let mode = |mode: &str| json!({"cm_server": {"operating_mode": mode}});
        let start = |sim: &mut Fixture, node| {
            sim.admin(node, "GET", "/v1/local/services", Value::Null).json["cm_server"]["start_time"].take()
        };
        sim.admin(0, "PUT", CONFIGURATION, mode("disabled"));
        sim.pass(60);
        sim.admin(0, "PUT", CONFIGURATION, mode("enabled"));
        let enabled = json!(iso(sim.world.now()));
        sim.pass(60);
        sim.admin(0, "PUT", CONFIGURATION, mode("enabled"));
        assert_eq!(
            [start(&mut sim, 0), start(&mut sim, 1)],
            [enabled.clone(), enabled]
        );
    }

    #[test]
    fn a_service_runs_since_it_was_last_started() {
        let mut sim = Fixture::cluster(1, 1);
        let operate = |sim: &mut Fixture, operation: &str| {
            sim.pass(60);
            let body = json!({"operation_type": operation, "services": ["alert_mgr", "metrics_exporter"]});
            let done = sim.admin(0, "POST", "/v1/local/services", body).json;
            assert_eq!(done, json!({"alert_mgr": true, "metrics_exporter": true}));
        };
        let starts = |sim: &mut Fixture| {
            let shown = sim.admin(0, "GET", "/v1/local/services", Value::Null).json;
            let start = |name: &str| shown[name]["start_time"].clone();
            assert_eq!(start("alert_mgr"), start("metrics_exporter"));
            (start("ccs"), start("alert_mgr"))
        };
        let (boot, first) = starts(&mut sim);
        assert_eq!(boot, first);
        operate(&mut sim, "restart");
        let restarted = json!(iso(sim.world.now()));
        operate(&mut sim, "start");
        assert_eq!(starts(&mut sim), (boot.clone(), restarted), "it ran already");
        operate(&mut sim, "stop");
        operate(&mut sim, "start");
        let started = json!(iso(sim.world.now()));
        assert_eq!(starts(&mut sim), (boot, started.clone()));
        sim.world.crash(NodeIndex(0));
        sim.world.power_on(NodeIndex(0));
        sim.pass(60);
        let (boot, last) = starts(&mut sim);
        assert_eq!(boot, last);
        assert!(last.as_str() >= started.as_str());
    }
}
