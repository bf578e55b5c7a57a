//! `/v1/cluster` and `/v1/cluster/check`.

use super::{SPECIAL_CHARACTERS, merge, texts};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::events::Told;
use crate::sim::permission::Permission::{UpdateCluster, ViewAllNodesChecks, ViewClusterInfo};
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::schema::{self, Access};
use crate::sim::state::{Cluster, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster", ViewClusterInfo, shape::CLUSTER, get),
    Route::new("PUT", "/v1/cluster", UpdateCluster, shape::CLUSTER, put),
    Route::new("GET", "/v1/cluster/check", ViewAllNodesChecks, shape::CLUSTER_CHECK, check),
];

/// Settings of TLS cipher suites.
const CIPHERS: &[&str] = &[
    "control_cipher_suites",
    "data_cipher_list",
    "data_cipher_suites_tls_1_3",
    "sentinel_cipher_suites",
];

/// Ports on which the management plane listens, and which must differ.
const PORTS: &[&str] = &[
    "cm_port",
    "cnm_http_port",
    "cnm_https_port",
    "cluster_api_internal_port",
    "crdb_coordinator_port",
    "envoy_admin_port",
    "envoy_mgmt_server_port",
    "gossip_envoy_admin_port",
];

/// The cluster object: settings without write-only fields, with what other parts of the cluster add.
pub(crate) fn shown(cluster: &Cluster, env: &Env) -> Map<String, Value> {
    let readable = |name: &String| {
        schema::find(schema::cluster::FIELDS, env.profile, name)
            .is_some_and(|field| field.access != Access::Write)
    };
    let mut shown: Map<_, _> = cluster
        .settings
        .iter()
        .filter(|(name, _)| readable(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (field, certificate) in [("proxy_certificate", "proxy"), ("syncer_certificate", "syncer")] {
        let chain = cluster
            .certificates
            .get(certificate)
            .map(|identity| json!(identity.chain_pem));
        shown.extend(chain.map(|chain| (field.to_owned(), chain)));
    }
    shown
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(shown(ctx.cluster, ctx.env)))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let before = shown(ctx.cluster, ctx.env);
    let update = schema::update(schema::cluster::FIELDS, ctx.env, &before, ctx.call.object()?)?;
    check_ciphers(ctx, &update)?;
    check_sender(&update)?;
    check_authority(ctx, &update)?;
    check_unbound(ctx, &update)?;
    let mut settings = ctx.cluster.settings.clone();
    merge(&mut settings, update);
    check_ports(&settings)?;
    check_path(&settings)?;
    check_reserved_ports(&settings)?;
    if ctx.call.dry_run() {
        let changed = std::mem::replace(&mut ctx.cluster.settings, settings);
        let reply = Reply::json(shown(ctx.cluster, ctx.env));
        ctx.cluster.settings = changed;
        return Ok(reply);
    }
    if settings != ctx.cluster.settings {
        ctx.cluster.settings = settings;
        ctx.tell(Told::ClusterUpdated, &json!({}));
        ctx.commit();
    }
    Ok(Reply::json(shown(ctx.cluster, ctx.env)))
}

/// FIPS mode fixes the cipher suites; since 8.2 a change of them is refused.
fn check_ciphers(ctx: &Ctx<'_>, update: &Map<String, Value>) -> Result<(), ApiError> {
    let mut members = ctx.cluster.members.values();
    let fips = members.any(|member| {
        ctx.env
            .node(member.host)
            .is_some_and(|node| node.config.fips_enabled)
    });
    let changed = |name: &&str| {
        update
            .get(*name)
            .is_some_and(|value| ctx.cluster.settings.get(*name) != Some(value))
    };
    match CIPHERS.iter().find(|name| changed(name)) {
        Some(name) if fips && ctx.env.profile >= Profile::V8_2_0 => Err(ApiError::bad_request(format!(
            "{name} cannot be changed in FIPS mode"
        ))
        .with_code("tls_cipher_update_not_allowed")),
        _ => Ok(()),
    }
}

/// The name that mail is sent by has no special characters.
fn check_sender(update: &Map<String, Value>) -> Result<(), ApiError> {
    let name = update.get("smtp_username").and_then(Value::as_str);
    match name {
        Some(name) if name.contains(SPECIAL_CHARACTERS) => Err(ApiError::bad_request(format!(
            "smtp_username: {name:?} has characters that are not allowed"
        ))),
        _ => Ok(()),
    }
}

/// Certificates log in once there is an authority to hold them against (security/certificates): the refusal is deduced.
fn check_authority(ctx: &Ctx<'_>, update: &Map<String, Value>) -> Result<(), ApiError> {
    const LOGIN: &str = "mtls_certificate_authentication";
    let on = Some(&json!(true));
    let turned_on = update.get(LOGIN) == on && ctx.cluster.settings.get(LOGIN) != on;
    if turned_on && !ctx.cluster.certificates.contains_key("mtls_trusted_ca") {
        let text = format!("{LOGIN} needs the certificate mtls_trusted_ca");
        return Err(ApiError::bad_request(text));
    }
    Ok(())
}

/// A port of the management plane moves to one that neither a database nor another service of the cluster has.
fn check_unbound(ctx: &Ctx<'_>, update: &Map<String, Value>) -> Result<(), ApiError> {
    let defaults = schema::defaults(schema::cluster::FIELDS, ctx.env.profile);
    let own = |port: &Value| PORTS.iter().any(|name| defaults.get(*name) == Some(port));
    let by_service = |port: &Value| {
        let reserved = defaults.get("system_reserved_ports").and_then(Value::as_array);
        reserved.is_some_and(|reserved| reserved.contains(port)) && !own(port)
    };
    let by_database = |port: &Value| {
        let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
        port.is_some_and(|port| ctx.cluster.databases.port_in_use(port))
    };
    let bound = |port: &Value| by_service(port) || by_database(port);
    match PORTS.iter().find(|name| update.get(**name).is_some_and(bound)) {
        Some(name) => Err(bad_nginx_conf(format!("{name} is a port that is already bound"))),
        None => Ok(()),
    }
}

fn check_ports(settings: &Map<String, Value>) -> Result<(), ApiError> {
    for (place, name) in PORTS.iter().enumerate() {
        let taken = PORTS
            .iter()
            .take(place)
            .find(|other| settings.get(**other) == settings.get(*name));
        if let Some(other) = taken {
            let text = format!("{name} and {other} would listen on the same port");
            return Err(bad_nginx_conf(text));
        }
    }
    Ok(())
}

fn bad_nginx_conf(text: String) -> ApiError {
    ApiError::bad_request(text).with_code("bad_nginx_conf")
}

/// A port, or the first and the last of a range.
fn check_reserved_ports(settings: &Map<String, Value>) -> Result<(), ApiError> {
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let fits = |text: &str| {
        text.split_once('-')
            .map_or_else(|| port(text), |(low, high)| port(low) && port(high))
    };
    match texts(settings, "reserved_ports").find(|text| !fits(text)) {
        Some(wrong) => Err(ApiError::bad_request(format!(
            "reserved_ports: {wrong:?} is neither a port nor a range of ports"
        ))),
        None => Ok(()),
    }
}

fn check_path(settings: &Map<String, Value>) -> Result<(), ApiError> {
    let path = settings
        .get("debuginfo_path")
        .and_then(Value::as_str)
        .unwrap_or("/tmp");
    if path.starts_with('/') {
        return Ok(());
    }
    let text = format!("debuginfo_path {path} is not an absolute path");
    Err(ApiError::new(
        http::StatusCode::BAD_REQUEST,
        "bad_debuginfo_path",
        text,
    ))
}

/// Asks every node; takes its time.
fn check(ctx: &mut Ctx<'_>) -> Answer {
    let results: Vec<Value> = ctx
        .cluster
        .members
        .values()
        .map(|member| {
            let uid = if ctx.env.on(Switch::CheckUidIsNumber) {
                json!(member.uid.0)
            } else {
                json!(member.uid.to_string())
            };
            super::nodes::check_result(ctx.cluster, ctx.env, member, uid)
        })
        .collect();
    let passed = results
        .iter()
        .all(|result| result.get("result") == Some(&json!(true)));
    let result = passed != ctx.env.on(Switch::CheckResultInverted);
    let reply = Reply::json(json!({"cluster_test_result": result, "nodes": results}));
    Ok(reply.after(ctx.env.timings.cluster_check))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;
    use crate::sim::switch::Switches;

    #[test]
    fn every_refusal_has_its_status_and_code() {
        for (body, status, code) in [
            (json!({"cm_port": 8443}), 200, ""),
            (json!({"cm_port": 80}), 400, "invalid_schema"),
            (json!({"cm_port": 9443}), 400, "bad_nginx_conf"),
            (json!({"cm_port": "8445"}), 400, "invalid_schema"),
            (json!({"cm_port": 8445}), 200, ""),
            (json!({"cm_port": 8444}), 400, "bad_nginx_conf"),
            (json!({"cm_port": 9443, "cnm_https_port": 8443}), 200, ""),
            (json!({"smtp_username": "ops@example.com"}), 200, ""),
            (json!({"smtp_username": "a&b"}), 400, "invalid_schema"),
            (
                json!({"mtls_authorized_subjects": [{"CN": "robot", "C": "DE"}, {"CN": "robot", "C": ""}]}),
                200,
                "",
            ),
            (
                json!({"mtls_authorized_subjects": [{"CN": "robot", "C": "Germany"}]}),
                400,
                "invalid_schema",
            ),
            (json!({"debuginfo_path": "tmp"}), 400, "bad_debuginfo_path"),
            (json!({"reserved_ports": ["11000", "13000-13010"]}), 200, ""),
            (json!({"reserved_ports": ["abc"]}), 400, "invalid_schema"),
            (json!({"reserved_ports": ["70000"]}), 400, "invalid_schema"),
            (json!({"reserved_ports": ["11000-"]}), 400, "invalid_schema"),
            (json!({"min_control_TLS_version": "1.1"}), 400, "invalid_schema"),
            (json!({"name": "other"}), 400, "invalid_schema"),
            (json!({"name": "cluster.example.com"}), 200, ""),
            (json!({"nonsense": 1}), 400, "invalid_schema"),
            (
                json!({"alert_settings": {"node_memory": {"enabled": true, "threshold": "80"}}}),
                200,
                "",
            ),
            (
                json!({"alert_settings": {"node_memory": {"enabled": true, "threshold": 80}}}),
                400,
                "invalid_schema",
            ),
            (
                json!({"alert_settings": {"node_failed": "on"}}),
                400,
                "invalid_schema",
            ),
            (json!([]), 400, "invalid_schema"),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            let reply = sim.admin(0, "PUT", "/v1/cluster", body.clone());
            assert_eq!((reply.status, reply.code()), (status, code), "{body}");
        }
    }

    #[test]
    fn an_update_is_partial_and_answers_the_object() {
        let mut sim = Fixture::cluster(1, 1);
        let reply = sim.admin(
            0,
            "PUT",
            "/v1/cluster",
            json!({"handle_redirects": true, "smtp_password": "x"}),
        );
        assert_eq!(reply.json["handle_redirects"], true);
        assert_eq!(reply.json["email_alerts"], false);
        assert!(reply.json.get("smtp_password").is_none(), "write-only since 8.2");
    }

    #[test]
    fn an_update_is_partial_inside_objects_too() {
        let mut sim = Fixture::cluster(1, 1);
        let body = json!({
            "alert_settings": {"node_failed": true, "node_free_flash": {"threshold": "80"}},
            "logrotate_settings": {"maxage": 3},
        });
        let reply = sim.admin(0, "PUT", "/v1/cluster", body).json;
        let alerts = &reply["alert_settings"];
        assert_eq!(
            (&alerts["node_failed"], &alerts["node_checks_error"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(
            alerts["node_free_flash"],
            json!({"enabled": true, "threshold": "80"})
        );
        assert_eq!(
            reply["logrotate_settings"],
            json!({"maxage": 3, "maxsize": "200M", "rotate": 10})
        );
    }

    #[test]
    fn the_port_of_a_database_is_bound() {
        let mut sim = Fixture::cluster(1, 1);
        let uid = sim.database(None);
        let database = sim.admin(0, "GET", &format!("/v1/bdbs/{uid}"), Value::Null).json;
        let port = &database["endpoints"][0]["port"];
        let reply = sim.admin(0, "PUT", "/v1/cluster", json!({"cm_port": port}));
        assert_eq!((reply.status, reply.code()), (400, "bad_nginx_conf"));
    }

    #[test]
    fn a_new_cluster_tells_when_users_become_too_many() {
        for (profile, wanted) in [
            (Profile::V7_22_2, Value::Null),
            (Profile::V8_0_20, json!({"enabled": true, "threshold": "90"})),
        ] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let cluster = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
            let alerts = &cluster["alert_settings"];
            assert_eq!(
                alerts["cluster_users_count_approaches_limit"], wanted,
                "{profile}"
            );
        }
    }

    #[test]
    fn a_dry_run_and_an_unchanged_value_leave_the_state_id_alone() {
        let mut sim = Fixture::cluster(1, 1);
        let before = sim.admin(0, "GET", "/v1/cluster", Value::Null);
        let dry = sim.admin(0, "PUT", "/v1/cluster?dry_run", json!({"email_alerts": true}));
        assert_eq!(dry.json["email_alerts"], true);
        let same = sim.admin(0, "PUT", "/v1/cluster", json!({"email_alerts": false}));
        assert_eq!((&same.json, same.state_id), (&before.json, before.state_id));
        let changed = sim.admin(0, "PUT", "/v1/cluster", json!({"email_alerts": true}));
        assert_eq!(changed.state_id, before.state_id.map(|id| id + 1));
    }

    #[test]
    fn doubts_about_bodies_and_defaults_have_another_side() {
        let switches = [
            Switch::UnknownFieldsIgnored,
            Switch::ReadOnlyFieldsIgnored,
            Switch::DefaultsAsDocumented,
        ];
        let switches = switches.into_iter().fold(Switches::default(), Switches::with);
        let mut sim = Fixture::cluster_with(1, 1, switches);
        let body = json!({"nonsense": 1, "name": "other.example.com"});
        let reply = sim.admin(0, "PUT", "/v1/cluster", body);
        assert_eq!(
            (reply.status, &reply.json["name"]),
            (200, &json!("cluster.example.com"))
        );
        assert_eq!(
            (&reply.json["slave_ha"], &reply.json["slave_ha_grace_period"]),
            (&json!(false), &json!(900))
        );
        for (field, unset) in [
            ("email_from", json!("")),
            ("smtp_host", json!("")),
            ("smtp_port", json!(25)),
            ("smtp_username", json!("")),
        ] {
            assert_eq!(reply.json[field], unset, "{field}");
        }
        assert!(reply.json.get("nonsense").is_none());
    }

    #[test]
    fn a_list_of_ciphers_is_a_list_as_captured_or_text_as_documented() {
        for (switches, none) in [
            (Switches::default(), json!([])),
            (Switches::default().with(Switch::TypesAsDocumented), json!("")),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let cluster = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
            assert_eq!(cluster["data_cipher_suites_tls_1_3"], none);
        }
    }

    #[test]
    fn the_check_names_the_node_that_fails() {
        let mut sim = Fixture::cluster(3, 3);
        assert_eq!(
            sim.admin(0, "GET", "/v1/cluster/check", Value::Null).json["cluster_test_result"],
            true
        );
        sim.world.crash(NodeIndex(2));
        sim.pass(30);
        let failed = sim.admin(0, "GET", "/v1/cluster/check", Value::Null).json;
        assert_eq!(failed["cluster_test_result"], false);
        assert_eq!(
            (&failed["nodes"][2]["node_uid"], &failed["nodes"][2]["result"]),
            (&json!("3"), &json!(false))
        );
    }

    #[test]
    fn the_result_of_the_check_and_its_uids_have_another_side() {
        for (switches, passed, uid) in [
            (Switches::default(), true, json!("1")),
            (
                Switches::default().with(Switch::CheckResultInverted),
                false,
                json!("1"),
            ),
            (Switches::default().with(Switch::CheckUidIsNumber), true, json!(1)),
        ] {
            let mut sim = Fixture::cluster_with(3, 3, switches);
            let check = sim.admin(0, "GET", "/v1/cluster/check", Value::Null).json;
            assert_eq!(
                (&check["cluster_test_result"], &check["nodes"][0]["node_uid"]),
                (&json!(passed), &uid)
            );
            assert_eq!(
                check["nodes"][0]["result"], true,
                "nodes are not part of the doubt"
            );
            sim.world.crash(NodeIndex(2));
            sim.pass(30);
            let check = sim.admin(0, "GET", "/v1/cluster/check", Value::Null).json;
            assert_eq!(check["cluster_test_result"], !passed);
        }
    }
}
