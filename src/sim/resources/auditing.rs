//! `/v1/cluster/auditing/db_conns`: where connections and commands of databases are audited.

use super::settings::{changed, current, forget, store};
use crate::sim::bootstrap::is_host_name;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::permission::Permission::{UpdateCluster, ViewClusterInfo};
use crate::sim::route::Route;
use crate::sim::schema::settings::AUDITING;
use crate::sim::schema::shape;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", PATH, ViewClusterInfo, shape::AUDITING, get),
    Route::new("PUT", PATH, UpdateCluster, shape::AUDITING, put),
    Route::new("DELETE", PATH, UpdateCluster, shape::NOTHING, stop),
];

pub(crate) const PATH: &str = "/v1/cluster/auditing/db_conns";

fn get(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(current(ctx, PATH, AUDITING)))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    if body.is_empty() {
        return Err(ApiError::bad_request("the request body names no field"));
    }
    let names_port = body.contains_key("audit_port");
    let mut after = changed(ctx.env, current(ctx, PATH, AUDITING), AUDITING, body)?;
    if !names_port && after.get("audit_protocol") == Some(&json!("local")) {
        // A port from before belongs to TCP.
        after.remove("audit_port");
    }
    check(&after)?;
    store(ctx, PATH, AUDITING, after.clone());
    Ok(Reply::json(after))
}

/// TCP wants a host and a port, a local socket its path.
fn check(sink: &Map<String, Value>) -> Result<(), ApiError> {
    let refuse = |code: &str, text: &str| Err(ApiError::new(StatusCode::BAD_REQUEST, code, text));
    let text = |field: &str| sink.get(field).and_then(Value::as_str);
    let (Some(protocol), Some(address)) = (text("audit_protocol"), text("audit_address")) else {
        return refuse(
            "db_conns_auditing_missing_config",
            "audit_protocol and audit_address are needed",
        );
    };
    let local = protocol == "local";
    match (local, sink.contains_key("audit_port")) {
        (true, true) => refuse("db_conns_auditing_bad_config", "a local socket has no audit_port"),
        (false, false) => refuse("db_conns_auditing_missing_config", "TCP needs audit_port"),
        (true, false) if !address.starts_with('/') => refuse(
            "db_conns_auditing_bad_address",
            "audit_address is not the path of a socket",
        ),
        (false, true) if !is_host_name(address) && address.parse::<IpAddr>().is_err() => refuse(
            "db_conns_auditing_bad_address",
            "audit_address is neither a host name nor an IP address",
        ),
        (true, false) | (false, true) => Ok(()),
    }
}

/// The settings can go once nothing is audited any more.
fn stop(ctx: &mut Ctx<'_>) -> Answer {
    if ctx.cluster.documents.single(PATH).is_none() {
        return Err(
            ApiError::not_found("connections are not audited").with_code("db_conns_audit_config_not_found")
        );
    }
    if ctx.cluster.policy.get("db_conns_auditing") == Some(&json!(true)) {
        return Err(ApiError::not_acceptable(
            "cannot_delete_audit_config_when_policy_enabled",
            "the policy db_conns_auditing is on",
        ));
    }
    let audited = ctx
        .cluster
        .databases
        .iter()
        .find(|database| database.flag("db_conns_auditing") || is_audited(&database.set));
    if let Some(database) = audited {
        return Err(ApiError::not_acceptable(
            "cannot_delete_audit_config_when_bdb_enabled",
            format!("database {} is audited", database.uid),
        ));
    }
    forget(ctx, PATH);
    Ok(Reply::empty())
}

/// Whether a database's `audit_settings` ask for records.
pub(crate) fn is_audited(database: &Map<String, Value>) -> bool {
    let settings = database.get("audit_settings");
    let mode = settings.and_then(|settings| settings.get("audit_mode"));
    mode.is_some_and(|mode| mode != "disabled")
}

#[cfg(test)]
mod tests {
    use super::PATH;
    use crate::sim::fixture::Fixture;
    use serde_json::{Value, json};

    #[test]
    fn a_sink_for_records_reads_back_and_may_become_one_of_another_kind() {
        let mut sim = Fixture::cluster(1, 1);
        let tcp = json!({
            "audit_protocol": "TCP", "audit_address": "audit-sink.example.com", "audit_port": 12345,
            "audit_reconnect_interval": 2, "audit_reconnect_max_attempts": 5, "audit_queue_max_bytes": 1_048_576,
        });
        let put = sim.admin(0, "PUT", PATH, tcp.clone());
        assert_eq!((put.status, &put.json), (200, &tcp));
        assert_eq!(sim.admin(0, "GET", PATH, Value::Null).json, tcp);
        let moved = sim.admin(0, "PUT", PATH, json!({"audit_address": "127.0.0.1"}));
        assert_eq!((moved.status, &moved.json["audit_port"]), (200, &json!(12345)));
        let local =
            json!({"audit_protocol": "local", "audit_address": "/var/opt/redislabs/run/db-audit.sock"});
        let put = sim.admin(0, "PUT", PATH, local).json;
        assert_eq!(
            (&put["audit_protocol"], &put["audit_port"]),
            (&json!("local"), &Value::Null)
        );
        sim.database(None);
        for (mode, status) in [("connection", 406), ("disabled", 200)] {
            let body = json!({"audit_settings": {"audit_mode": mode}});
            assert_eq!(sim.admin(0, "PUT", "/v1/bdbs/1", body).status, 200);
            sim.pass(60);
            assert_eq!(sim.admin(0, "DELETE", PATH, Value::Null).status, status, "{mode}");
        }
        assert_eq!(
            sim.admin(0, "GET", PATH, Value::Null).json,
            json!({"audit_reconnect_interval": 1, "audit_reconnect_max_attempts": 0, "audit_queue_max_bytes": 524_288})
        );
    }

    #[test]
    fn a_sink_that_lacks_something_or_does_not_fit_its_protocol_is_refused_and_changes_nothing() {
        let mut sim = Fixture::cluster(1, 1);
        let before = sim.admin(0, "GET", PATH, Value::Null).json;
        let (missing, bad) = (
            "db_conns_auditing_missing_config",
            "db_conns_auditing_bad_address",
        );
        for (body, code) in [
            (json!({}), "invalid_schema"),
            (json!({"audit_queue_max_bytes": -1}), "invalid_schema"),
            (json!({"audit_reconnect_interval": 2}), missing),
            (json!({"audit_protocol": "local"}), missing),
            (json!({"audit_protocol": "TCP", "audit_port": 1}), missing),
            (json!({"audit_protocol": "TCP", "audit_address": "::1"}), missing),
            (
                json!({"audit_protocol": "local", "audit_address": "/a", "audit_port": 1}),
                "db_conns_auditing_bad_config",
            ),
            (json!({"audit_protocol": "local", "audit_address": "sink"}), bad),
            (
                json!({"audit_protocol": "TCP", "audit_address": "/a", "audit_port": 1}),
                bad,
            ),
        ] {
            let got = sim.admin(0, "PUT", PATH, body.clone());
            assert_eq!((got.status, got.code()), (400, code), "{body}");
        }
        assert_eq!(sim.admin(0, "GET", PATH, Value::Null).json, before);
    }
}
