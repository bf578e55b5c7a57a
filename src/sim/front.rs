//! The way of a request through a node's front end: restart, headers, path, membership, credentials, leader, permission,
//! body, handler.

use super::answer::{Answered, Body, answered, front_end, refuse, respond};
use super::auth::{Actor, LoginRules, Role, unauthorized};
use super::bugs::Bug;
use super::call::{ApiError, Call, Ctx};
use super::client_cert::{self, ClientCertificates};
use super::ids::{ClusterId, NodeIndex, NodeUid, UserUid};
use super::inbound::{body, check_headers, check_state_id, query};
use super::permission::Permission;
use super::route::{self, Handler, Route};
use super::schema;
use super::state::{Cluster, Env, Membership};
use super::switch::Switch;
use super::world::World;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use serde_json::Value;

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
    check_headers(request.headers())?;
    let path = request.uri().path();
    let path = match path.strip_suffix('/') {
        Some(short) if world.env.on(Switch::TrailingSlashServed) => short,
        Some(_) | None => path,
    };
    let found = route::find(world.env.profile, request.method().as_str(), path);
    let (route, params) = match found {
        route::Found::Route(route, params) => (route, params),
        route::Found::OtherMethods(methods) => {
            let allow = HeaderValue::from_str(&methods).unwrap_or(HeaderValue::from_static("GET"));
            return options(world, node, request.method(), allow);
        }
        route::Found::Nothing => return Err(Refusal::FrontEnd(StatusCode::NOT_FOUND)),
    };
    let membership = world
        .env
        .node(node)
        .map_or(Membership::Fresh, |node| node.membership);
    let mut call = Call {
        method: request.method().clone(),
        path: path.to_owned(),
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
            (call.body, call.upload) = body(request)?;
            let reply = handler(world, node, &call)?;
            Ok(answered(world, node, route, reply))
        }
        (Membership::Fresh | Membership::Removed, Handler::Local(_) | Handler::Cluster(_)) => {
            Err(Refusal::FrontEnd(StatusCode::SERVICE_UNAVAILABLE))
        }
    }
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
    if let Actor::User { role, .. } = call.actor {
        let permission = if route.own {
            Permission::AnyUser.allows(role, env.profile, &env.switches)
        } else {
            route.allows(role, env.profile, &env.switches)
        };
        if !permission {
            return Err(lacking(role).into());
        }
    }
    (call.body, call.upload) = body(request)?;
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

fn options(world: &World, node: NodeIndex, method: &Method, allow: HeaderValue) -> Result<Answered, Refusal> {
    let cluster = world.cluster_of(node);
    let forbidden = cluster.and_then(|cluster| cluster.settings.get("options_method_forbidden")?.as_bool());
    if method != Method::OPTIONS || forbidden == Some(true) {
        return Err(Refusal::Method(allow));
    }
    let mut answered = respond(world, node, StatusCode::OK, Body::Empty);
    answered.response.headers_mut().insert(header::ALLOW, allow);
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::{Fixture, LOGIN};
    use crate::sim::switch::Switches;
    use serde_json::json;

    #[test]
    fn every_refusal_of_the_front_end_has_its_status() {
        let login = || ("authorization", LOGIN.to_owned());
        let with = |name: &'static str, value: &str| vec![login(), (name, value.to_owned())];
        for (method, path, headers, body, status) in [
            ("GET", "/v1/cluster", vec![login()], Value::Null, 200),
            ("GET", "/v1/cluster", vec![], Value::Null, 401),
            (
                "GET",
                "/v1/cluster",
                vec![("authorization", "Basic !".to_owned())],
                Value::Null,
                401,
            ),
            (
                "GET",
                "/v1/cluster",
                vec![("authorization", "Digest x".to_owned())],
                Value::Null,
                401,
            ),
            ("GET", "/v1/nonsense", vec![login()], Value::Null, 404),
            ("GET", "/v1/cluster/", vec![login()], Value::Null, 404),
            ("PATCH", "/v1/cluster", vec![login()], Value::Null, 405),
            ("OPTIONS", "/v1/cluster", vec![], Value::Null, 200),
            (
                "GET",
                "/v1/cluster",
                with("accept", "application/json"),
                Value::Null,
                200,
            ),
            (
                "GET",
                "/v1/cluster",
                with("accept", "text/plain, */*;q=0.1"),
                Value::Null,
                200,
            ),
            (
                "GET",
                "/v1/cluster",
                with("accept", "text/html"),
                Value::Null,
                400,
            ),
            (
                "PUT",
                "/v1/cluster",
                with("content-type", "application/json; charset=utf-8"),
                json!({}),
                200,
            ),
            (
                "PUT",
                "/v1/cluster",
                with("content-type", "application/x-www-form-urlencoded"),
                json!({}),
                200,
            ),
            (
                "PUT",
                "/v1/cluster",
                with("content-type", "text/xml"),
                json!({}),
                400,
            ),
            ("GET", "/v1/cluster", with("x-api-version", "1"), Value::Null, 200),
            ("GET", "/v1/cluster", with("x-api-version", "9"), Value::Null, 505),
            ("PUT", "/v1/bdbs/9", with("cluster-state-id", "1"), json!({}), 409),
            ("PUT", "/v1/bdbs/9", with("cluster-state-id", "x"), json!({}), 400),
            (
                "PUT",
                "/v1/cluster",
                with("cluster-state-id", "1"),
                json!({}),
                200,
            ),
        ] {
            let reply = Fixture::cluster(1, 1).raw(0, method, path, &headers, body);
            assert_eq!(reply.status, status, "{method} {path} {headers:?}");
        }
    }

    #[test]
    fn a_slash_at_the_end_of_a_path_is_ignored_on_the_other_side() {
        let switches = Switches::default().with(Switch::TrailingSlashServed);
        let mut sim = Fixture::cluster_with(1, 1, switches);
        for (path, status) in [("/v1/bdbs/", 200), ("/v1/bdbs//", 404), ("/", 404)] {
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, status, "{path}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_400() {
        let request = Request::put("/v1/cluster")
            .header("authorization", LOGIN)
            .body(Bytes::from_static(b"{"));
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(sim.deliver(0, &request.unwrap()).status, 400);
    }

    #[test]
    fn errors_have_the_key_that_the_switch_says() {
        for (switches, key) in [
            (Switches::default(), "description"),
            (Switches::default().with(Switch::ErrorMessageKey), "message"),
        ] {
            let reply = Fixture::cluster_with(1, 1, switches).admin(0, "GET", "/v1/nodes/9", Value::Null);
            assert!(
                reply.json[key].is_string() && reply.json["error_code"].is_string(),
                "{reply:?}"
            );
        }
    }

    #[test]
    fn a_state_id_mismatch_is_406_on_the_other_side_and_a_match_passes() {
        let switches = Switches::default().with(Switch::StateIdMismatch406);
        let mut sim = Fixture::cluster_with(1, 1, switches);
        let id = sim.admin(0, "GET", "/v1/cluster", Value::Null).state_id.unwrap();
        for (id, status) in [(id + 1, 406), (id, 404)] {
            let headers = [
                ("authorization", LOGIN.to_owned()),
                ("cluster-state-id", id.to_string()),
            ];
            assert_eq!(
                sim.raw(0, "PUT", "/v1/bdbs/9", &headers, json!({})).status,
                status
            );
        }
    }

    #[test]
    fn options_can_be_forbidden() {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(0, "PUT", "/v1/cluster", json!({"options_method_forbidden": true}));
        assert_eq!(
            sim.send(0, "OPTIONS", "/v1/cluster", None, Value::Null).status,
            405
        );
    }

    #[test]
    fn a_locked_account_is_refused_like_a_wrong_password_or_openly() {
        for (switches, locked) in [
            (Switches::default(), 401),
            (Switches::default().with(Switch::LockedAccount403), 403),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let wrong = Some(("admin@example.com", "wrong"));
            for _ in 0..5 {
                assert_eq!(sim.send(0, "GET", "/v1/cluster", wrong, Value::Null).status, 401);
            }
            assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, locked);
            sim.pass(1801);
            assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 200);
        }
    }

    #[test]
    fn restarting_services_answer_503_or_reset() {
        for (switches, status) in [
            (Switches::default(), 503),
            (Switches::default().with(Switch::RestartResets), 0),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            sim.world.crash(NodeIndex(0));
            assert_eq!(
                sim.admin(0, "GET", "/v1/cluster", Value::Null).status,
                0,
                "refused"
            );
            sim.world.power_on(NodeIndex(0));
            assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, status);
            sim.pass(10);
            assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 200);
        }
    }
}
