//! The way of a request through a node's front end: restart, headers, path, membership, credentials, leader, permission,
//! body, handler.

use super::answer::{Answered, Body, answered, front_end, refuse, respond};
use super::auth::{Actor, LoginRules, Role, unauthorized};
use super::bugs::Bug;
use super::call::{ApiError, Call, Ctx};
use super::client_cert::{self, ClientCertificates};
use super::ids::{ClusterId, NodeIndex, NodeUid, UserUid};
use super::inbound::{body, check_flags, check_headers, check_state_id, query};
use super::permission::Permission;
use super::resources::access;
use super::route::{self, Handler, Route};
use super::schema;
use super::state::{Cluster, Env, Membership};
use super::switch::Switch;
use super::world::World;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use serde_json::Value;
use std::borrow::Cow;

/// What a node does with a request.
pub(crate) enum Served {
    Answer(Answered),
    /// The connection is reset: services are restarting.
    Reset,
}

/// Answers `request` at `node`, which runs.
pub(crate) fn serve(world: &mut World, node: NodeIndex, request: &Request<Bytes>) -> Served {
    if world
        .env
        .node(node)
        .is_some_and(|node| node.restarting_until.is_some_and(|until| world.env.now < until))
    {
        if world.env.on(Switch::RestartResets) {
            return Served::Reset;
        }
        return Served::Answer(front_end(world, node, StatusCode::SERVICE_UNAVAILABLE));
    }
    Served::Answer(match routed(world, node, request) {
        Ok(answered) => answered,
        Err(Refusal::FrontEnd(status)) => front_end(world, node, status),
        Err(Refusal::Method(allow)) => {
            let mut answered = front_end(world, node, StatusCode::METHOD_NOT_ALLOWED);
            answered.response.headers_mut().insert(header::ALLOW, allow);
            answered
        }
        Err(Refusal::Redirect(location)) => {
            let mut answered = respond(world, node, StatusCode::TEMPORARY_REDIRECT, Body::Empty);
            answered.response.headers_mut().insert(header::LOCATION, location);
            answered
        }
        Err(Refusal::Api(error)) => refuse(world, node, &error),
    })
}

/// Why a request does not reach its handler, or what the handler refused.
enum Refusal {
    FrontEnd(StatusCode),
    Method(HeaderValue),
    Redirect(HeaderValue),
    Api(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

fn routed(world: &mut World, node: NodeIndex, request: &Request<Bytes>) -> Result<Answered, Refusal> {
    check_headers(request, &world.env)?;
    let path = path_of_routes(request.uri().path(), &world.env);
    // The body of such an answer stays unsent.
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    let membership = world
        .env
        .node(node)
        .map_or(Membership::Fresh, |node| node.membership);
    let (route, params) = match route::find(world.env.profile, method.as_str(), &path) {
        route::Found::Route(route, params) => (route, params),
        route::Found::OtherMethods(methods) => return options(world, node, method, &methods),
        route::Found::Nothing => return Err(nowhere(membership)),
    };
    let mut call = Call {
        method: method.clone(),
        path: path.into_owned(),
        params,
        query: query(request.uri().query().unwrap_or_default()),
        headers: request.headers().clone(),
        body: Value::Null,
        upload: Bytes::new(),
        actor: Actor::Anonymous,
    };
    match (membership, route.handler) {
        (Membership::Member(id, uid), _) => at_member(world, (node, id, uid), route, call, request),
        (Membership::Fresh | Membership::Removed, Handler::Node(handler)) => {
            (call.body, call.upload) = read(route, &world.env, request)?;
            let reply = handler(world, node, &call)?;
            Ok(answered(world, node, route, reply))
        }
        (Membership::Fresh | Membership::Removed, Handler::Local(_) | Handler::Cluster(_)) => {
            Err(no_cluster().into())
        }
    }
}

/// Nothing is at the path.
fn nowhere(membership: Membership) -> Refusal {
    match membership {
        Membership::Member(..) => Refusal::FrontEnd(StatusCode::NOT_FOUND),
        Membership::Fresh | Membership::Removed => no_cluster().into(),
    }
}

/// What a node that belongs to no cluster says of everything but its bootstrap; scripts wait for these words to go.
fn no_cluster() -> ApiError {
    let text = "No cluster bootstrapped";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_cluster", text)
}

/// The path as routes have it: two switches forgive what some pages add to it or leave out.
fn path_of_routes<'a>(path: &'a str, env: &Env) -> Cow<'a, str> {
    let path = match path.strip_suffix('/') {
        Some(short) if env.on(Switch::TrailingSlashServed) => short,
        Some(_) | None => path,
    };
    let first = path.split('/').nth(1).unwrap_or_default();
    let versioned = first
        .strip_prefix('v')
        .is_some_and(|version| version.parse::<u8>().is_ok());
    if versioned || !env.on(Switch::UnversionedPathsServed) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(format!("/v1{path}"))
}

/// The rest of the way at a node that belongs to a cluster.
fn at_member(
    world: &mut World,
    (node, id, uid): (NodeIndex, ClusterId, NodeUid),
    route: &Route,
    mut call: Call,
    request: &Request<Bytes>,
) -> Result<Answered, Refusal> {
    let World { env, clusters, .. } = world;
    let cluster = clusters
        .get_mut(&id)
        .ok_or(Refusal::FrontEnd(StatusCode::SERVICE_UNAVAILABLE))?;
    let of_cluster = acts_on_cluster(route, env);
    if of_cluster {
        require_leader(cluster, env)?;
    }
    if cluster.master != Some(uid)
        && !route.path.starts_with("/v1/bootstrap")
        && only_leader_serves(cluster, env)
    {
        return Err(Refusal::FrontEnd(StatusCode::SERVICE_UNAVAILABLE));
    }
    call.actor = authenticate(cluster, env, route, request)?;
    if of_cluster && cluster.master != Some(uid) && !handles_redirects(cluster) {
        return Err(redirect(cluster, env, request));
    }
    require_permission(cluster, env, route, &call.actor)?;
    (call.body, call.upload) = read(route, env, request)?;
    check_flags(&call)?;
    check_state_id(cluster, env, &call)?;
    let mut ctx = Ctx {
        cluster,
        env,
        node,
        call: &call,
    };
    let reply = match route.handler {
        Handler::Local(handler) | Handler::Cluster(handler) => handler(&mut ctx)?,
        Handler::Node(handler) => handler(world, node, &call)?,
    };
    Ok(answered(world, node, route, reply))
}

/// 403 for a user of whose roles none may send the call.
fn require_permission(cluster: &Cluster, env: &Env, route: &Route, actor: &Actor) -> Result<(), ApiError> {
    let Actor::User { role, .. } = actor else {
        return Ok(());
    };
    let may = |role: &Role| {
        if route.own {
            Permission::AnyUser.allows(*role, env.profile, &env.switches)
        } else {
            route.allows(*role, env.profile, &env.switches)
        }
    };
    if access::roles_of(cluster, actor).iter().any(may) {
        return Ok(());
    }
    Err(lacking(*role))
}

/// The body, or what the route says of one that cannot be read.
fn read(route: &Route, env: &Env, request: &Request<Bytes>) -> Result<(Value, Bytes), ApiError> {
    body(request).map_err(|error| match route.unread {
        Some(refusal) => refusal(env, error),
        None => error,
    })
}

/// Whether a call is the leader's to answer: all those of the cluster, and by a defect the availability of databases.
fn acts_on_cluster(route: &Route, env: &Env) -> bool {
    let availability = || route.path == "/v1/bdbs/{uid}/availability" && env.has(Bug::AvailabilityRedirects);
    matches!(route.handler, Handler::Cluster(_)) || availability()
}

/// Whether a directory is asked about client certificates.
fn vouches_for_certificates(cluster: &Cluster) -> bool {
    let ldap = cluster.documents.single("/v1/cluster/ldap");
    ldap.and_then(|ldap| ldap.get("cba")) == Some(&Value::Bool(true))
}

/// A defect of clusters that let client certificates log in.
fn only_leader_serves(cluster: &Cluster, env: &Env) -> bool {
    env.has(Bug::CertificateLoginOnPrimaryOnly)
        && cluster.settings.get("mtls_certificate_authentication") == Some(&Value::Bool(true))
}

/// 403 for a role that may not do this.
pub(crate) fn lacking(role: Role) -> ApiError {
    let text = format!("Role {} lacks the permission for this operation", role.name());
    ApiError::forbidden("unauthorized_action", text)
}

/// What a `GET` answers an administrator at the leader.
pub(crate) fn peek(env: &mut Env, cluster: &mut Cluster, node: NodeIndex, target: &str) -> Option<Value> {
    let (path, text) = target.split_once('?').unwrap_or((target, ""));
    let route::Found::Route(route, params) = route::find(env.profile, "GET", path) else {
        return None;
    };
    let call = Call {
        method: Method::GET,
        path: path.to_owned(),
        params,
        query: query(text),
        headers: HeaderMap::new(),
        body: Value::Null,
        upload: Bytes::new(),
        actor: Actor::User {
            uid: UserUid(1),
            role: Role::Admin,
        },
    };
    let mut ctx = Ctx {
        cluster,
        env,
        node,
        call: &call,
    };
    let mut reply = match route.handler {
        Handler::Local(handler) | Handler::Cluster(handler) => handler(&mut ctx).ok()?,
        Handler::Node(_) => return None,
    };
    // What no table describes is reported when it is asked for by itself.
    let _ = schema::hold(route.answers, env.profile, &mut reply);
    match reply.written {
        Some(rows) => serde_json::from_slice(&rows.json).ok(),
        None => reply.body,
    }
}

/// 503 unless a majority runs and leads.
fn require_leader(cluster: &Cluster, env: &Env) -> Result<(), Refusal> {
    let unavailable = |code: &str, text: &str| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, text);
    if !cluster.has_quorum(env) {
        return Err(unavailable("no_quorum", "The cluster has no quorum").into());
    }
    let master = cluster.master.and_then(|uid| cluster.members.get(&uid));
    match master {
        Some(master) if handles_redirects(cluster) && !cluster.runs(env, master) => {
            Err(Refusal::FrontEnd(StatusCode::SERVICE_UNAVAILABLE))
        }
        Some(_) => Ok(()),
        None => Err(Refusal::FrontEnd(StatusCode::SERVICE_UNAVAILABLE)),
    }
}

fn handles_redirects(cluster: &Cluster) -> bool {
    cluster
        .settings
        .get("handle_redirects")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

fn authenticate(
    cluster: &mut Cluster,
    env: &Env,
    route: &Route,
    request: &Request<Bytes>,
) -> Result<Actor, ApiError> {
    let mut rules = LoginRules::of(&cluster.policy, &cluster.settings);
    if route.path == "/v1/users/password" {
        // An expired password can still be changed.
        rules.password_days = 0;
    }
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default());
    let basic = header.is_some_and(|header| header.starts_with("Basic "));
    if basic && env.has(Bug::LocalLoginsRefused) && vouches_for_certificates(cluster) {
        return Err(unauthorized());
    }
    if header.is_none()
        && let Some(shown) = request.extensions().get::<ClientCertificates>()
        && let Some(actor) = client_cert::user(cluster, env.now, shown)
    {
        return Ok(actor);
    }
    if route.anonymous && header.is_none() {
        return Ok(Actor::Anonymous);
    }
    cluster
        .accounts
        .authenticate(header, &rules, &env.switches, env.now)
}

/// 307 to the leader's internal address.
fn redirect(cluster: &Cluster, env: &Env, request: &Request<Bytes>) -> Refusal {
    let master = cluster.master.and_then(|uid| cluster.members.get(&uid));
    let port = master
        .and_then(|master| env.node(master.host))
        .map_or(9443, |node| node.config.port);
    let address = master.map(|master| master.addr.clone()).unwrap_or_default();
    let address = if address.contains(':') {
        format!("[{address}]")
    } else {
        address
    };
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    match HeaderValue::from_str(&format!("https://{address}:{port}{target}")) {
        Ok(location) => Refusal::Redirect(location),
        Err(_) => Refusal::FrontEnd(StatusCode::BAD_GATEWAY),
    }
}

/// 405 names the methods that a path has; OPTIONS is not one of them where the cluster forbids it.
fn options(world: &World, node: NodeIndex, method: &Method, methods: &str) -> Result<Answered, Refusal> {
    let cluster = world.cluster_of(node);
    let forbidden = cluster.and_then(|cluster| cluster.settings.get("options_method_forbidden")?.as_bool());
    let forbidden = forbidden == Some(true);
    let served = methods
        .split(", ")
        .filter(|name| !forbidden || *name != "OPTIONS");
    let served = served.collect::<Vec<_>>().join(", ");
    let allow = HeaderValue::from_str(&served).unwrap_or(HeaderValue::from_static("GET"));
    if method != Method::OPTIONS || forbidden {
        return Err(Refusal::Method(allow));
    }
    let mut answered = respond(world, node, StatusCode::OK, Body::Empty);
    answered.response.headers_mut().insert(header::ALLOW, allow);
    Ok(answered)
}

#[cfg(test)]
mod tests;
