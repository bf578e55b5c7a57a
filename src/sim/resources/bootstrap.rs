//! `/v1/bootstrap`: how a machine becomes a member of a cluster.

use super::{describe, iso};
use crate::sim::bootstrap::{self, Failure, Plan};
use crate::sim::call::{Answer, ApiError, Call, Reply};
use crate::sim::ids::NodeIndex;
use crate::sim::permission::Permission::AnyUser;
use crate::sim::route::Route;
use crate::sim::schema::{self, bootstrap::BOOTSTRAP, bootstrap::LOCAL_NODE, shape};
use crate::sim::state::{BootstrapState, BootstrapStatus, Due, Env, Membership, SimNode};
use crate::sim::switch::Switch;
use crate::sim::world::World;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::node("GET", "/v1/bootstrap", AnyUser, shape::BOOTSTRAP, status),
    Route::node("POST", "/v1/bootstrap/{action}", AnyUser, shape::NOTHING, start),
    Route::node("POST", "/v1/bootstrap/validate/{action}", AnyUser, shape::NOTHING, validate).unread(misconfigured),
];

fn status(world: &mut World, index: NodeIndex, _: &Call) -> Answer {
    let node = world.env.node(index).ok_or_else(gone)?;
    let status = shown(
        &node.bootstrap,
        world.env.on(Switch::RemovedNodeLooksIdle) && node.membership == Membership::Removed,
    );
    Ok(Reply::json(
        json!({"bootstrap_status": status, "local_node_info": local_node_info(world, node)}),
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
    let request = configuration(&world.env, call, action)?;
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
        let text = "The node is a member of a cluster";
        let mut error = ApiError::not_acceptable("bootstrap_in_progress", text);
        error.body = Some(shown(&node.bootstrap, false));
        return Err(error);
    }
    let request =
        configuration(&world.env, call, action).map_err(|error| misconfigured(&world.env, error))?;
    match Plan::check(world, index, &request) {
        Ok(_) => Ok(Reply::empty()),
        Err(failure) => Err(invalid(&world.env, &failure)),
    }
}

/// What would become of a bootstrap with a configuration that cannot be read.
fn misconfigured(env: &Env, error: ApiError) -> ApiError {
    invalid(env, &Failure::new("config_error", error.description))
}

/// 406 with what the bootstrap would end as.
fn invalid(env: &Env, failure: &Failure) -> ApiError {
    let status = BootstrapStatus {
        state: BootstrapState::Error,
        started: Some(env.now),
        ended: Some(env.now),
        error_code: Some(failure.code.to_owned()),
        error_details: Some(failure.details()),
        ..BootstrapStatus::default()
    };
    let mut error = ApiError::not_acceptable(failure.code, failure.message.clone());
    error.body = Some(shown(&status, false));
    error
}

/// The bootstrap object of the body, with its action. Clients send fields that no page has, and real clusters take them.
fn configuration(env: &Env, call: &Call, action: &str) -> Result<Value, ApiError> {
    let mut request = schema::known(&BOOTSTRAP, env.profile, call.object()?);
    check_shape(env, &request, action)?;
    request.insert("action".to_owned(), json!(action));
    Ok(Value::Object(request))
}

fn action(call: &Call) -> Result<&'static str, ApiError> {
    let wanted = call.params.get("action").map_or("", String::as_str);
    let known = ["create_cluster", "join_cluster", "recover_cluster"]
        .into_iter()
        .find(|action| *action == wanted);
    known.ok_or_else(|| ApiError::not_found(format!("There is no bootstrap action {wanted}")))
}

/// 400 for a body that has not the shape of a bootstrap object.
fn check_shape(env: &Env, request: &Map<String, Value>, action: &str) -> Result<(), ApiError> {
    if request.is_empty() {
        return Err(ApiError::bad_request("The bootstrap configuration is empty"));
    }
    schema::closed(&BOOTSTRAP, env.profile, request)?;
    match request.get("action") {
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

fn local_node_info(world: &World, node: &SimNode) -> Value {
    let env = &world.env;
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
    if let Membership::Member(id, uid) = node.membership {
        let cluster = world.clusters.get(&id);
        let member = cluster.and_then(|cluster| cluster.members.get(&uid));
        let as_node = member.map(|member| schema::known(&LOCAL_NODE, env.profile, member.extra.clone()));
        info.extend(as_node.unwrap_or_default());
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
mod tests;
