//! Whether a bootstrap can go ahead, and the documented code if not.

use crate::sim::auth::{Actor, LoginRules, Role};
use crate::sim::certs::read_bundle;
use crate::sim::client_cert::{self, ClientCertificates};
use crate::sim::ids::{ClusterId, NodeIndex, NodeUid};
use crate::sim::license_text::{self, License};
use crate::sim::recovery;
use crate::sim::resources::SPECIAL_CHARACTERS;
use crate::sim::state::{Cluster, Env, Member, MemberStatus, Membership, SimNode};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use crate::sim::world::World;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Longest clock skew that a join survives, seconds.
const MAX_SKEW_SECS: i64 = 30;

/// Why a bootstrap failed: `error_code` and `error_details`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) extra: Map<String, Value>,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            extra: Map::new(),
        }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    pub(crate) fn details(&self) -> Value {
        let mut details = self.extra.clone();
        details.insert("message".to_owned(), json!(self.message));
        Value::Object(details)
    }
}

/// Every error code of a bootstrap; those that no request can cause are reached by a fault.
pub(crate) const ERROR_CODES: &[&str] = &[
    "config_error",
    "connect_error",
    "access_denied",
    "invalid_license",
    "repair_required",
    "insufficient_node_memory",
    "insufficient_node_flash",
    "time_not_sync",
    "rack_id_required",
    "socket_directory_mismatch",
    "node_config_mismatch",
    "path_error",
    "internal_error",
];

/// A bootstrap that can go ahead.
pub(crate) enum Plan {
    Create {
        name: String,
        license: License,
    },
    Join {
        cluster: ClusterId,
        replaces: Option<NodeUid>,
    },
    /// The cluster that a file describes, with this machine as its node `uid`.
    Recover {
        uid: NodeUid,
        path: String,
    },
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

impl Plan {
    /// Checks a configuration. A wrong password counts as a failed login of the cluster to be joined.
    pub(crate) fn check(world: &mut World, index: NodeIndex, request: &Value) -> Result<Self, Failure> {
        let node = world
            .env
            .node(index)
            .ok_or_else(|| Failure::new("internal_error", "The node is gone"))?;
        if let Some(code) = &node.bootstrap.fails {
            let known = ERROR_CODES.iter().find(|known| *known == code).copied();
            return Err(Failure::new(
                known.unwrap_or("internal_error"),
                "The bootstrap failed",
            ));
        }
        if node.membership == Membership::Removed {
            return Err(Failure::new(
                "internal_error",
                "The node was removed from a cluster; install the software again",
            ));
        }
        check_place(node, request)?;
        match text(request, "/action") {
            Some("create_cluster") => {
                check_name(request)?;
                check_credentials(world.env.profile, request)?;
                check_create(&world.env, request)
            }
            Some("join_cluster") => {
                if request.pointer("/cluster/name").is_some() {
                    check_name(request)?;
                }
                check_credentials(world.env.profile, request)?;
                check_join(world, index, request)
            }
            _ => recovery::check(&world.env, node, request),
        }
    }
}

fn check_name(request: &Value) -> Result<(), Failure> {
    let name = text(request, "/cluster/name").unwrap_or_default();
    if is_host_name(name) {
        return Ok(());
    }
    let message = format!("{name:?} is not a host name of at most 64 characters");
    Err(Failure::new("config_error", message))
}

fn check_credentials(profile: Profile, request: &Value) -> Result<(), Failure> {
    let config = |message: &str| Err(Failure::new("config_error", message));
    match (
        text(request, "/credentials/username"),
        text(request, "/credentials/password"),
    ) {
        (None, None) if joins_by_certificate(profile, request) => Ok(()),
        (Some(_), _) | (_, Some(_)) if text(request, "/credentials/client_cert").is_some() => {
            config("Credentials are a name and a password or a certificate, not both")
        }
        (Some(user), _) if user.is_empty() || user.contains(SPECIAL_CHARACTERS) => {
            config("The user name is empty or has one of & < > \"")
        }
        (Some(_), Some(password)) if !password.is_empty() => Ok(()),
        _ if text(request, "/credentials/client_cert").is_some() => {
            config("Certificate credentials are not accepted here")
        }
        _ => config("User name and password are missing"),
    }
}

/// The node's own address, rack and paths.
fn check_place(node: &SimNode, request: &Value) -> Result<(), Failure> {
    let config = |message: String| Err(Failure::new("config_error", message));
    if let Some(addr) = text(request, "/node/identity/addr")
        && addr != node.config.address
    {
        return config(format!("{addr} is not an address of this node"));
    }
    let external = request.pointer("/node/identity/external_addr");
    let external = external.and_then(Value::as_array).into_iter().flatten();
    let mut external = external.filter_map(Value::as_str);
    if let Some(wrong) = external.find(|addr| addr.parse::<IpAddr>().is_err()) {
        return config(format!("external_addr: {wrong:?} is no IP address"));
    }
    for key in ["rack_id", "second_rack_id"] {
        let rack = text(request, &format!("/node/identity/{key}")).unwrap_or_default();
        if !rack.is_empty() && !is_rack_id(rack) {
            return config(format!("{key} {rack:?} is not the id of a rack"));
        }
    }
    let paths = request.pointer("/node/paths").and_then(Value::as_object);
    for (key, path) in paths.into_iter().flatten() {
        let path = path.as_str().unwrap_or_default();
        if !path.starts_with('/') || node.config.inaccessible_paths.iter().any(|lost| lost == path) {
            return Err(Failure::new(
                "path_error",
                format!("{key} {path:?} does not exist or cannot be accessed"),
            ));
        }
    }
    Ok(())
}

/// Since 8.2 a node can join with a client's certificate and key in place of name and password.
fn joins_by_certificate(profile: Profile, request: &Value) -> bool {
    let given = |key: &str| text(request, &format!("/credentials/{key}")).is_some_and(|pem| !pem.is_empty());
    profile >= Profile::V8_2_0
        && text(request, "/action") == Some("join_cluster")
        && given("client_cert")
        && given("client_key")
}

/// At most 63 letters, digits, hyphens and underscores: first a letter, last a letter or a digit.
pub(crate) fn is_rack_id(rack: &str) -> bool {
    rack.len() <= 63
        && rack
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && rack.starts_with(|first: char| first.is_ascii_alphabetic())
        && rack.ends_with(|last: char| last.is_ascii_alphanumeric())
}

/// RFC 952 and RFC 1123: labels of letters, digits and hyphens.
pub(crate) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 64 && name.split('.').all(label)
}

fn check_create(env: &Env, request: &Value) -> Result<Plan, Failure> {
    let name = text(request, "/cluster/name").unwrap_or_default().to_owned();
    let rack_aware = request
        .pointer("/policy/rack_aware")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    if rack_aware
        && text(request, "/node/identity/rack_id")
            .unwrap_or_default()
            .is_empty()
    {
        return Err(rack_required(Vec::new()));
    }
    let license = match text(request, "/license").unwrap_or_default() {
        "" => License::trial(env.now),
        text => {
            let license =
                license_text::parse(text).map_err(|error| Failure::new("invalid_license", error.0))?;
            if let Some(violation) = license.violation(&name, env.now, 0, 0) {
                let failure = Failure::new("invalid_license", violation.to_string());
                return Err(failure.with("code", json!(violation.code())));
            }
            license
        }
    };
    Ok(Plan::Create { name, license })
}

fn rack_required(current: Vec<String>) -> Failure {
    Failure::new(
        "rack_id_required",
        "The cluster is rack aware; the node needs a rack_id",
    )
    .with("current_rack_ids", json!(current))
}

fn check_join(world: &mut World, index: NodeIndex, request: &Value) -> Result<Plan, Failure> {
    let id = reach(world, request)?;
    let World { env, clusters, .. } = world;
    let cluster = clusters
        .get_mut(&id)
        .ok_or_else(|| Failure::new("connect_error", "The cluster is gone"))?;
    log_in(cluster, env, request)?;
    let node = env
        .node(index)
        .ok_or_else(|| Failure::new("internal_error", "The node is gone"))?;
    if node.config.clock_skew_secs.abs() > MAX_SKEW_SECS {
        let text = format!(
            "The node's clock is {} s away from the cluster's",
            node.config.clock_skew_secs
        );
        return Err(Failure::new("time_not_sync", text));
    }
    installed_alike(cluster, env, node)?;
    recent_enough(cluster, env, request)?;
    let racks: Vec<String> = cluster
        .members
        .values()
        .map(|member| member.rack_id.clone())
        .collect();
    let rack = text(request, "/node/identity/rack_id").unwrap_or_default();
    let rack_aware = cluster
        .policy
        .get("rack_aware")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    if rack_aware && rack.is_empty() {
        return Err(rack_required(racks));
    }
    let joining = cluster
        .members
        .values()
        .any(|member| member.status == MemberStatus::Provisioning);
    if joining && env.on(Switch::ConcurrentJoinFails) {
        return Err(Failure::new("internal_error", "Another node is joining"));
    }
    let replaces = replaced(cluster, env, node, request)?;
    Ok(Plan::Join {
        cluster: id,
        replaces,
    })
}

/// A node is installed as the members are.
fn installed_alike(cluster: &Cluster, env: &Env, node: &SimNode) -> Result<(), Failure> {
    let mut members = cluster
        .members
        .values()
        .filter_map(|member| env.node(member.host));
    let Some(other) = members.next() else {
        return Ok(());
    };
    if node.config.socket_directory != other.config.socket_directory {
        let text = "The node keeps its sockets in another directory than the cluster";
        return Err(Failure::new("socket_directory_mismatch", text));
    }
    if node.config.installation != other.config.installation {
        let text = "The node was installed with other settings than the cluster";
        return Err(Failure::new("node_config_mismatch", text));
    }
    Ok(())
}

/// Before 7.8.6 a node may ask for members whose versions are all greater than one.
fn recent_enough(cluster: &Cluster, env: &Env, request: &Value) -> Result<(), Failure> {
    let required = text(request, "/required_version").filter(|_| env.profile < Profile::V7_8_6);
    let Some(required) = required else {
        return Ok(());
    };
    let numbers = |version: &str| -> Vec<u32> {
        let numbers = version.split(['.', '-']).map(str::parse);
        numbers.map(Result::unwrap_or_default).collect()
    };
    let mut hosts = cluster
        .members
        .values()
        .filter_map(|member| env.node(member.host));
    match hosts.find(|host| numbers(&host.software_version) <= numbers(required)) {
        Some(host) => Err(Failure::new(
            "config_error",
            format!(
                "A member has version {}, not more than {required}",
                host.software_version
            ),
        )),
        None => Ok(()),
    }
}

/// The cluster that answers at one of the addresses given.
fn reach(world: &World, request: &Value) -> Result<ClusterId, Failure> {
    let name = text(request, "/cluster/name").unwrap_or_default();
    let port = request
        .get("cnm_https_port")
        .and_then(Value::as_u64)
        .unwrap_or(9443);
    let given = request
        .pointer("/cluster/nodes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let reached = given.iter().filter_map(Value::as_str).find_map(|address| {
        // Nodes that share an address are told apart by port; the documented port alone would hide all but one.
        let port = u16::try_from(port).ok()?;
        let index = world
            .node_at(address, port)
            .or_else(|| world.only_node_at(address))?;
        let node = world.env.node(index).filter(|node| node.is_on())?;
        if let Membership::Member(id, _) = node.membership {
            Some(id)
        } else {
            None
        }
    });
    let by_name = || {
        let mut named = world.clusters.values().filter(|cluster| cluster.name == name);
        let led = named.clone().find(|cluster| cluster.has_quorum(&world.env));
        led.or_else(|| named.next()).map(|cluster| cluster.id)
    };
    let id = if given.is_empty() { by_name() } else { reached };
    let cluster = id.and_then(|id| world.clusters.get(&id));
    let cluster = cluster.ok_or_else(|| Failure::new("connect_error", "No node of the cluster answers"))?;
    if !name.is_empty() && cluster.name != name {
        return Err(Failure::new(
            "connect_error",
            format!("The cluster is not called {name}"),
        ));
    }
    if !cluster.has_quorum(&world.env) {
        return Err(Failure::new("connect_error", "The cluster has no quorum"));
    }
    Ok(cluster.id)
}

fn log_in(cluster: &mut Cluster, env: &Env, request: &Value) -> Result<(), Failure> {
    let rules = LoginRules::of(&cluster.policy, &cluster.settings);
    if let Some(pem) = text(request, "/credentials/client_cert") {
        let chain = read_bundle(pem).unwrap_or_default();
        let shown = ClientCertificates(chain.into_iter().map(|one| one.der).collect());
        return let_in(client_cert::user(cluster, env.now, &shown));
    }
    if !rules.basic {
        return let_in(None);
    }
    let user = text(request, "/credentials/username").unwrap_or_default();
    let password = text(request, "/credentials/password").unwrap_or_default();
    let accounts = &mut cluster.accounts;
    let_in(
        accounts
            .login(user, password, &rules, &env.switches, env.now)
            .ok(),
    )
}

/// Only an administrator joins nodes.
fn let_in(actor: Option<Actor>) -> Result<(), Failure> {
    match actor {
        Some(Actor::User {
            role: Role::Admin, ..
        }) => Ok(()),
        Some(_) | None => Err(Failure::new(
            "access_denied",
            "The cluster refuses these credentials",
        )),
    }
}

/// The dead member whose place the node takes, if it takes one.
fn replaced(
    cluster: &Cluster,
    env: &Env,
    node: &SimNode,
    request: &Value,
) -> Result<Option<NodeUid>, Failure> {
    let dead: Vec<&Member> = cluster
        .members
        .values()
        .filter(|member| member.status == MemberStatus::Down)
        .collect();
    let wanted = request
        .pointer("/node/identity/uid")
        .and_then(Value::as_u64)
        .map(NodeUid);
    let candidate = match (wanted, dead.first()) {
        (None, None) => return Ok(None),
        (None, Some(first)) if env.on(Switch::JoinReplacesDeadNode) => *first,
        (None, Some(first)) => {
            let failed = |member: &&Member| json!({"uid": member.uid.0, "rack_id": member.rack_id});
            return Err(
                Failure::new("repair_required", "A node is down; only a replacement may join")
                    .with("failed_nodes", Value::Array(dead.iter().map(failed).collect()))
                    .with("replace_candidate", json!(first.uid.0)),
            );
        }
        (Some(wanted), _) => match dead.iter().find(|member| member.uid == wanted) {
            Some(member) => *member,
            None => {
                return Err(Failure::new(
                    "config_error",
                    format!("Node {wanted} is not a failed node"),
                ));
            }
        },
    };
    large_enough(env, node, candidate.host)?;
    let rack = text(request, "/node/identity/rack_id").unwrap_or_default();
    let override_rack = request
        .pointer("/node/identity/override_rack_id")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    if !candidate.rack_id.is_empty() && !rack.eq_ignore_ascii_case(&candidate.rack_id) && !override_rack {
        return Err(Failure::new(
            "config_error",
            format!("The replaced node is in rack {}", candidate.rack_id),
        ));
    }
    Ok(Some(candidate.uid))
}

/// Whether a node has the memory and the flash of the machine that it replaces.
pub(crate) fn large_enough(env: &Env, node: &SimNode, replaced: NodeIndex) -> Result<(), Failure> {
    let old = env
        .node(replaced)
        .map(|old| (old.config.memory_bytes, old.config.flash_bytes))
        .unwrap_or_default();
    if node.config.memory_bytes < old.0 {
        let text = "The node has less memory than the one it replaces";
        return Err(Failure::new("insufficient_node_memory", text).with("required_memory", json!(old.0)));
    }
    if node.config.flash_bytes < old.1 {
        let text = "The node has less flash than the one it replaces";
        return Err(Failure::new("insufficient_node_flash", text).with("required_flash", json!(old.1)));
    }
    Ok(())
}
