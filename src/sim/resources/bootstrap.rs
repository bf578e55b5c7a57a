//! `/v1/bootstrap`: how a machine becomes a member of a cluster.

use super::{describe, iso};
use crate::sim::bootstrap::{self, Failure, Plan};
use crate::sim::call::{Answer, ApiError, Call, Reply};
use crate::sim::ids::NodeIndex;
use crate::sim::permission::Permission::AnyUser;
use crate::sim::route::Route;
use crate::sim::schema::{self, shape};
use crate::sim::state::{BootstrapState, BootstrapStatus, Due, Env, Membership, SimNode};
use crate::sim::switch::Switch;
use crate::sim::world::World;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::node("GET", "/v1/bootstrap", AnyUser, shape::BOOTSTRAP, status),
    Route::node("POST", "/v1/bootstrap/{action}", AnyUser, shape::NOTHING, start),
    Route::node("POST", "/v1/bootstrap/validate/{action}", AnyUser, shape::NOTHING, validate),
];

fn status(world: &mut World, index: NodeIndex, _: &Call) -> Answer {
    let node = world.env.node(index).ok_or_else(gone)?;
    let status = shown(
        &node.bootstrap,
        world.env.on(Switch::RemovedNodeLooksIdle) && node.membership == Membership::Removed,
    );
    Ok(Reply::json(
        json!({"bootstrap_status": status, "local_node_info": local_node_info(&world.env, node)}),
    ))
}

fn start(world: &mut World, index: NodeIndex, call: &Call) -> Answer {
    let action = action(call)?;
    let looks_idle = world.env.on(Switch::RemovedNodeLooksIdle);
    let node = world.env.node(index).ok_or_else(gone)?;
    let idle = matches!(node.bootstrap.state, BootstrapState::Idle | BootstrapState::Error);
    let removed = node.membership == Membership::Removed;
    let open = idle || (removed && looks_idle);
    if !open {
        return Err(ApiError::conflict(
            "bootstrap_in_progress",
            format!("Bootstrap is {}", name(node.bootstrap.state)),
        ));
    }
    let mut request = Value::Object(call.object()?);
    check_shape(&world.env, &request, action)?;
    if let Some(map) = request.as_object_mut() {
        map.insert("action".to_owned(), json!(action));
    }
    let fails = world.env.ordered.failed.take();
    let now = world.env.now;
    let stuck = std::mem::take(&mut world.env.ordered.stuck);
    let first = bootstrap::duration(&world.env.timings, action) / 20;
    if let Some(node) = world.env.node_mut(index) {
        node.bootstrap = BootstrapStatus {
            state: BootstrapState::Initiated,
            started: Some(now),
            fails,
            request: Some(request),
            ..BootstrapStatus::default()
        };
    }
    if !stuck {
        world.env.schedule(first, Due::Bootstrap(index));
    }
    world.env.touched = true;
    Ok(Reply::empty())
}

fn validate(world: &mut World, index: NodeIndex, call: &Call) -> Answer {
    let action = action(call)?;
    let node = world.env.node(index).ok_or_else(gone)?;
    if matches!(node.membership, Membership::Member(..)) {
        return Err(ApiError::conflict(
            "bootstrap_in_progress",
            "The node is a member of a cluster",
        ));
    }
    let mut request = Value::Object(call.object()?);
    check_shape(&world.env, &request, action)?;
    if let Some(map) = request.as_object_mut() {
        map.insert("action".to_owned(), json!(action));
    }
    match Plan::check(world, index, &request) {
        Ok(_) => Ok(Reply::empty()),
        Err(failure) => {
            let mut error = ApiError::not_acceptable(failure.code, failure.message.clone());
            error.body = Some(failed(&failure));
            Err(error)
        }
    }
}

fn failed(failure: &Failure) -> Value {
    json!({"state": "error", "error_code": failure.code, "error_details": failure.details()})
}

fn action(call: &Call) -> Result<&'static str, ApiError> {
    let wanted = call.params.get("action").map_or("", String::as_str);
    let known = ["create_cluster", "join_cluster", "recover_cluster"]
        .into_iter()
        .find(|action| *action == wanted);
    known.ok_or_else(|| ApiError::not_found(format!("There is no bootstrap action {wanted}")))
}

/// 400 for a body that has not the shape of a bootstrap object.
fn check_shape(env: &Env, request: &Value, action: &str) -> Result<(), ApiError> {
    let map = request.as_object().filter(|map| !map.is_empty());
    let map = map.ok_or_else(|| ApiError::bad_request("The bootstrap configuration is empty"))?;
    schema::closed(&schema::bootstrap::BOOTSTRAP, env.profile, map)?;
    match map.get("action") {
        None => Ok(()),
        Some(Value::String(named)) if named == action => Ok(()),
        Some(_) => Err(ApiError::bad_request(format!(
            "action in the body is not {action}"
        ))),
    }
}

fn gone() -> ApiError {
    ApiError::not_found("There is no such node")
}

fn name(state: BootstrapState) -> &'static str {
    match state {
        BootstrapState::Idle => "idle",
        BootstrapState::Initiated => "initiated",
        BootstrapState::CreatingCluster => "creating_cluster",
        BootstrapState::JoiningCluster => "joining_cluster",
        BootstrapState::RecoveringCluster => "recovering_cluster",
        BootstrapState::Error => "error",
        BootstrapState::Completed => "completed",
    }
}

fn shown(status: &BootstrapStatus, as_idle: bool) -> Value {
    let mut map = Map::new();
    let as_idle = as_idle && status.state == BootstrapState::Completed;
    map.insert(
        "state".to_owned(),
        json!(if as_idle { "idle" } else { name(status.state) }),
    );
    if !as_idle {
        map.extend(status.started.map(|at| ("start_time".to_owned(), json!(iso(at)))));
        map.extend(status.ended.map(|at| ("end_time".to_owned(), json!(iso(at)))));
        map.extend(
            status
                .error_code
                .as_ref()
                .map(|code| ("error_code".to_owned(), json!(code))),
        );
        map.extend(
            status
                .error_details
                .clone()
                .map(|details| ("error_details".to_owned(), details)),
        );
        if !status.warnings.is_empty() {
            map.insert("warnings".to_owned(), json!(status.warnings));
        }
    }
    Value::Object(map)
}

fn local_node_info(env: &Env, node: &SimNode) -> Value {
    let as_documented = env.on(Switch::TypesAsDocumented);
    let mut info = describe(env, node);
    let address = json!({
        "address": node.config.address, "if_name": "eth0", "private": true,
        "format": if node.config.address.contains(':') { "ipv6" } else { "ipv4" },
    });
    let addresses = if as_documented {
        "available_addrs"
    } else {
        "available_addresses"
    };
    info.insert(addresses.to_owned(), json!([address]));
    info.insert("bridge_interfaces".to_owned(), json!([]));
    info.insert(
        "cnm_version_sha".to_owned(),
        json!("0a10f782e6842207e291da7e26893a62dc085170"),
    );
    info.insert("short_hostname".to_owned(), json!(node.config.name));
    info.insert("supported_bigstore_drivers".to_owned(), json!(["rocksdb"]));
    if let Membership::Member(_, uid) = node.membership {
        info.insert(
            "uid".to_owned(),
            if as_documented {
                json!(uid.0)
            } else {
                json!(uid.to_string())
            },
        );
    }
    Value::Object(info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::{Fixture, credentials};
    use crate::sim::switch::Switches;

    #[test]
    fn every_failed_check_has_its_status_and_code() {
        let node = json!({"identity": {"addr": "10.0.0.1"}});
        let good = json!({"cluster": {"name": "c.example.com", "nodes": []}, "node": node, "credentials": credentials()});
        let with = |key: &str, value: Value| {
            let mut body = good.clone();
            body[key] = value;
            body
        };
        for (action, body, code) in [
            (
                "create_cluster",
                with("cluster", json!({"nodes": []})),
                "config_error",
            ),
            (
                "create_cluster",
                with("cluster", json!({"name": "under_score"})),
                "config_error",
            ),
            (
                "create_cluster",
                with("cluster", json!({"name": "x".repeat(65)})),
                "config_error",
            ),
            (
                "create_cluster",
                with("credentials", json!({"username": "admin"})),
                "config_error",
            ),
            (
                "create_cluster",
                with("credentials", json!({"username": "a<b", "password": "p"})),
                "config_error",
            ),
            (
                "create_cluster",
                with("license", json!("garbage")),
                "invalid_license",
            ),
            (
                "create_cluster",
                with("node", json!({"identity": {"addr": "10.9.9.9"}})),
                "config_error",
            ),
            (
                "create_cluster",
                with("node", json!({"paths": {"persistent_path": "relative"}})),
                "path_error",
            ),
            (
                "create_cluster",
                with("policy", json!({"rack_aware": true})),
                "rack_id_required",
            ),
            (
                "join_cluster",
                with("cluster", json!({"name": "c.example.com", "nodes": ["10.9.9.9"]})),
                "connect_error",
            ),
            ("recover_cluster", good.clone(), "config_error"),
            (
                "recover_cluster",
                with("recovery_filename", json!("/nowhere/ccs-redis.rdb")),
                "path_error",
            ),
        ] {
            let mut sim = Fixture::fresh(1);
            let path = format!("/v1/bootstrap/validate/{action}");
            let reply = sim.send(0, "POST", &path, None, body.clone());
            assert_eq!(
                (reply.status, reply.json["error_code"].as_str()),
                (406, Some(code)),
                "{action} {body}"
            );
            assert_eq!(reply.json["state"], "error");
            let accepted = sim.send(0, "POST", &format!("/v1/bootstrap/{action}"), None, body);
            assert_eq!(accepted.status, 200, "a wrong configuration is accepted first");
            sim.pass(60);
            let status = &sim.send(0, "GET", "/v1/bootstrap", None, Value::Null).json["bootstrap_status"];
            assert_eq!(
                (status["state"].as_str(), status["error_code"].as_str()),
                (Some("error"), Some(code))
            );
            let again = sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, good.clone());
            assert_eq!(again.status, 200, "a new attempt after an error");
        }
    }

    #[test]
    fn a_malformed_request_is_refused_at_once() {
        for (path, body, status) in [
            ("/v1/bootstrap/create_cluster", json!({}), 400),
            ("/v1/bootstrap/create_cluster", json!([1]), 400),
            ("/v1/bootstrap/create_cluster", json!({"cluster": "c"}), 400),
            (
                "/v1/bootstrap/create_cluster",
                json!({"cluster": {}, "nonsense": 1}),
                400,
            ),
            (
                "/v1/bootstrap/create_cluster",
                json!({"action": "join_cluster", "cluster": {}}),
                400,
            ),
            ("/v1/bootstrap/join", json!({"cluster": {}}), 404),
        ] {
            assert_eq!(
                Fixture::fresh(1).send(0, "POST", path, None, body.clone()).status,
                status,
                "{path} {body}"
            );
        }
    }

    #[test]
    fn a_created_cluster_restarts_its_services_then_asks_for_credentials_and_refuses_another_bootstrap() {
        let mut sim = Fixture::fresh(1);
        assert_eq!(sim.send(0, "GET", "/v1/nodes", None, Value::Null).status, 503);
        let body = sim.create_body();
        assert_eq!(
            sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body.clone())
                .status,
            200
        );
        assert_eq!(
            sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body.clone())
                .status,
            409
        );
        sim.pass(10);
        let running = sim.send(0, "GET", "/v1/bootstrap", None, Value::Null);
        assert_eq!(running.json["bootstrap_status"]["state"], "creating_cluster");
        sim.pass(7);
        assert_eq!(
            sim.admin(0, "GET", "/v1/bootstrap", Value::Null).status,
            503,
            "services restart"
        );
        sim.pass(4);
        assert_eq!(sim.send(0, "GET", "/v1/bootstrap", None, Value::Null).status, 401);
        let done = sim.admin(0, "GET", "/v1/bootstrap", Value::Null);
        assert_eq!(done.json["bootstrap_status"]["state"], "completed");
        assert_eq!(done.json["local_node_info"]["uid"], "1");
        assert_eq!(
            sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body.clone())
                .status,
            401
        );
        assert_eq!(
            sim.admin(0, "POST", "/v1/bootstrap/create_cluster", body).status,
            409
        );
    }

    #[test]
    fn what_no_request_causes_is_caused_by_the_machine_or_a_fault() {
        for code in bootstrap::ERROR_CODES {
            let mut sim = Fixture::cluster(1, 2);
            sim.faults(
                json!([{"path": "/v1/bootstrap/*", "method": "POST", "effect": {"task_failed": code}}]),
            );
            let body = sim.join_body(1);
            assert_eq!(sim.bootstrap_error(1, body), *code);
        }
        let mut sim = Fixture::cluster(1, 2);
        sim.world.env.nodes[1].config.clock_skew_secs = 90;
        let body = sim.join_body(1);
        assert_eq!(sim.bootstrap_error(1, body), "time_not_sync");
        let mut sim = Fixture::fresh(1);
        sim.world.env.nodes[0].config.inaccessible_paths = vec!["/data".to_owned()];
        let mut body = sim.create_body();
        body["node"] = json!({"paths": {"persistent_path": "/data"}});
        let reply = sim.send(0, "POST", "/v1/bootstrap/validate/create_cluster", None, body);
        assert_eq!(reply.code(), "path_error");
    }

    #[test]
    fn a_join_that_finds_no_cluster_tries_again_as_often_as_it_may() {
        for (retries, ends) in [(2, "connect_error"), (9, "")] {
            let mut sim = Fixture::cluster(2, 3);
            sim.world.crash(NodeIndex(1));
            sim.pass(20);
            let mut body = sim.join_body(2);
            body["max_retries"] = json!(retries);
            body["retry_time"] = json!(10);
            assert_eq!(
                sim.send(2, "POST", "/v1/bootstrap/join_cluster", None, body)
                    .status,
                200
            );
            sim.pass(15);
            let status = |sim: &mut Fixture| {
                sim.admin(2, "GET", "/v1/bootstrap", Value::Null).json["bootstrap_status"].clone()
            };
            assert_eq!(status(&mut sim)["state"], "joining_cluster");
            sim.pass(15);
            sim.world.power_on(NodeIndex(1));
            sim.pass(90);
            let code = status(&mut sim)["error_code"].clone();
            assert_eq!(code.as_str().unwrap_or_default(), ends, "{retries}");
        }
    }

    #[test]
    fn a_replacement_must_be_as_large_as_the_node_it_replaces() {
        for (memory, flash, code) in [
            (1 << 30, 0, "insufficient_node_memory"),
            (32 << 30, 8, ""),
            (32 << 30, 7, "insufficient_node_flash"),
        ] {
            let mut sim = Fixture::cluster(3, 4);
            sim.world.env.nodes[2].config.flash_bytes = 8;
            sim.world.env.nodes[3].config.memory_bytes = memory;
            sim.world.env.nodes[3].config.flash_bytes = flash;
            sim.world.crash(NodeIndex(2));
            sim.pass(30);
            let mut body = sim.join_body(3);
            body["node"]["identity"]["uid"] = json!(3);
            assert_eq!(sim.bootstrap_error(3, body), code);
        }
    }

    #[test]
    fn a_rack_aware_cluster_wants_a_rack_and_names_those_it_has() {
        let mut sim = Fixture::cluster(1, 2);
        sim.admin(0, "PUT", "/v1/nodes/1", json!({"rack_id": "a"}));
        sim.admin(0, "PUT", "/v1/cluster/policy", json!({"rack_aware": true}));
        let mut body = sim.join_body(1);
        assert_eq!(sim.bootstrap_error(1, body.clone()), "rack_id_required");
        let status = sim.send(1, "GET", "/v1/bootstrap", None, Value::Null).json;
        assert_eq!(
            status["bootstrap_status"]["error_details"]["current_rack_ids"],
            json!(["a"])
        );
        body["node"]["identity"]["rack_id"] = json!("b");
        assert_eq!(sim.bootstrap_error(1, body), "");
    }

    #[test]
    fn doubts_about_joins_have_another_side() {
        let mut sim = Fixture::cluster_with(3, 4, Switches::default().with(Switch::JoinReplacesDeadNode));
        sim.world.crash(NodeIndex(1));
        sim.pass(30);
        let body = sim.join_body(3);
        assert_eq!(sim.bootstrap_error(3, body), "");
        assert_eq!(sim.world.uid(NodeIndex(3)).map(|uid| uid.0), Some(2));
        for (switches, code) in [
            (Switches::default(), ""),
            (
                Switches::default().with(Switch::ConcurrentJoinFails),
                "internal_error",
            ),
        ] {
            let mut sim = Fixture::cluster_with(1, 3, switches);
            let first = sim.join_body(1);
            sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, first);
            sim.pass(5);
            let second = sim.join_body(2);
            assert_eq!(sim.bootstrap_error(2, second), code);
        }
    }

    #[test]
    fn accept_servers_of_a_bootstrap_is_read_either_way() {
        for (switches, sent, shown) in [
            (Switches::default(), json!(true), true),
            (Switches::default(), json!(false), false),
            (Switches::default(), Value::Null, true),
            (
                Switches::default().with(Switch::BootstrapAcceptServersInverted),
                json!(true),
                false,
            ),
            (
                Switches::default().with(Switch::BootstrapAcceptServersInverted),
                json!(false),
                true,
            ),
            (
                Switches::default().with(Switch::BootstrapAcceptServersInverted),
                Value::Null,
                true,
            ),
        ] {
            let mut sim = Fixture::cluster_with(1, 2, switches);
            let mut body = sim.join_body(1);
            if !sent.is_null() {
                body["node"]["identity"]["accept_servers"] = sent.clone();
            }
            assert_eq!(sim.bootstrap_error(1, body), "");
            let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
            assert_eq!(node["accept_servers"], shown, "{sent}");
        }
    }

    #[test]
    fn a_join_is_refused_for_wrong_credentials_a_missing_rack_and_a_dead_member() {
        let mut sim = Fixture::cluster(2, 3);
        let mut wrong = sim.join_body(2);
        wrong["credentials"]["password"] = json!("wrong");
        assert_eq!(sim.bootstrap_error(2, wrong), "access_denied");
        sim.world.crash(NodeIndex(1));
        sim.pass(20);
        let plain = sim.join_body(2);
        assert_eq!(
            sim.bootstrap_error(2, plain.clone()),
            "connect_error",
            "one of two members left is no majority"
        );
        sim.world.power_on(NodeIndex(1));
        sim.pass(20);
        let mut sim = Fixture::cluster(3, 4);
        sim.world.crash(NodeIndex(2));
        sim.pass(20);
        let plain = sim.join_body(3);
        assert_eq!(sim.bootstrap_error(3, plain.clone()), "repair_required");
        let status = sim.send(3, "GET", "/v1/bootstrap", None, Value::Null);
        assert_eq!(
            status.json["bootstrap_status"]["error_details"]["replace_candidate"],
            3
        );
        let mut replacing = plain;
        replacing["node"]["identity"]["uid"] = json!(3);
        assert_eq!(sim.bootstrap_error(3, replacing), "");
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["addr"],
            "10.0.0.4"
        );
    }
}
