//! What a bootstrap does once it was accepted: checks that can fail, a new cluster, a new member.

mod check;

#[cfg(test)]
pub(crate) use check::ERROR_CODES;
pub(crate) use check::{Failure, Plan, is_host_name, is_rack_id, large_enough, text};

use super::auth::Accounts;
use super::bugs::Bug;
use super::config::{CertificateOrder, Timings, TlsIdentity};
use super::documents::Documents;
use super::events::Told;
use super::ids::{ClusterId, NodeIndex, NodeUid};
use super::internode;
use super::license_text::License;
use super::recovery;
use super::resources::alarms::{self, Turns};
use super::resources::bdbs::{self, Databases};
use super::resources::modules;
use super::schema;
use super::state::{BootstrapState, Cluster, Due, Env, Member, MemberStatus, Membership};
use super::switch::Switch;
use super::task::{Machines, Tasks};
use super::world::World;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Names of the certificates that every cluster has.
pub(crate) const REQUIRED_CERTIFICATES: &[&str] = &[
    "api",
    "cm",
    "metrics_exporter",
    "proxy",
    "syncer",
    "ccs_internode_encryption",
    "data_internode_encryption",
];

/// How long a bootstrap takes.
pub(crate) fn duration(timings: &Timings, action: &str) -> Duration {
    if matches!(action, "create_cluster" | "recover_cluster") {
        timings.create_cluster
    } else {
        timings.join_cluster
    }
}

/// A bootstrap reaches its next state.
pub(crate) fn step(world: &mut World, index: NodeIndex) {
    let Some(node) = world.env.node(index).filter(|node| node.is_on()) else {
        return;
    };
    let Some(request) = node.bootstrap.request.clone() else {
        return;
    };
    let action = text(&request, "/action").unwrap_or_default().to_owned();
    match node.bootstrap.state {
        BootstrapState::Initiated => begin(world, index, &request, &action),
        BootstrapState::CreatingCluster
        | BootstrapState::JoiningCluster
        | BootstrapState::RecoveringCluster
            if node.bootstrap.again =>
        {
            begin(world, index, &request, &action);
        }
        BootstrapState::CreatingCluster
        | BootstrapState::JoiningCluster
        | BootstrapState::RecoveringCluster => {
            finish(world, index, &request);
        }
        BootstrapState::Idle | BootstrapState::Error | BootstrapState::Completed => {}
    }
}

fn begin(world: &mut World, index: NodeIndex, request: &Value, action: &str) {
    let checked = Plan::check(world, index, request);
    let checked = checked.and_then(|plan| unraced(world, index, plan));
    if let Ok(Plan::Join {
        cluster,
        replaces: None,
    }) = checked
    {
        let World { env, clusters, .. } = world;
        if let Some(cluster) = clusters.get_mut(&cluster) {
            let uid = NodeUid(cluster.next_node_uid);
            cluster.next_node_uid += 1;
            let member = member(env, index, uid, request, MemberStatus::Provisioning);
            cluster.members.extend(member.map(|member| (uid, member)));
            cluster.state_id += 1;
        }
    }
    let state = match action {
        "create_cluster" => BootstrapState::CreatingCluster,
        "join_cluster" => BootstrapState::JoiningCluster,
        _ => BootstrapState::RecoveringCluster,
    };
    if let Some(node) = world.env.node_mut(index) {
        node.bootstrap.state = state;
        node.bootstrap.again = false;
    }
    match checked {
        Err(failure) if tries_again(world, index, request, &failure) => {}
        Ok(_) => {
            let rest = duration(&world.env.timings, action).mul_f64(0.95);
            world.env.schedule(rest, Due::Bootstrap(index));
        }
        Err(failure) => fail(world, index, &failure),
    }
}

/// Longest wait before another attempt, if the request does not say it.
const RETRY_SECS: u64 = 5;

/// Another attempt, if the failure may pass by itself and the request allows one more.
fn tries_again(world: &mut World, index: NodeIndex, request: &Value, failure: &Failure) -> bool {
    let number = |key: &str| request.get(key).and_then(Value::as_u64);
    let most = number("max_retries").filter(|_| failure.code == "connect_error");
    // Without any wait nothing could change in between.
    let wait = Duration::from_secs(number("retry_time").unwrap_or(RETRY_SECS).max(1));
    let Some(node) = world.env.node_mut(index) else {
        return false;
    };
    let goes_on = most.is_some_and(|most| node.bootstrap.retries < most);
    if goes_on {
        node.bootstrap.retries += 1;
        node.bootstrap.again = true;
        world.env.schedule(wait, Due::Bootstrap(index));
    }
    goes_on
}

/// A defect: nodes of another version that join at the same time delete each other's entry.
fn unraced(world: &mut World, index: NodeIndex, plan: Plan) -> Result<Plan, Failure> {
    let Plan::Join {
        cluster: id,
        replaces: None,
    } = plan
    else {
        return Ok(plan);
    };
    let World { env, clusters, .. } = world;
    let Some(cluster) = clusters
        .get_mut(&id)
        .filter(|_| env.has(Bug::ConcurrentJoinsLoseNodes))
    else {
        return Ok(plan);
    };
    let version = |host: NodeIndex| env.node(host).map(|node| node.software_version.as_str());
    let master = cluster
        .master
        .and_then(|uid| cluster.members.get(&uid))
        .map(|member| member.host);
    let newer = master.is_some_and(|master| version(master) != version(index));
    let joining = |member: &Member| member.status == MemberStatus::Provisioning;
    if !newer || !cluster.members.values().any(joining) {
        return Ok(plan);
    }
    cluster.members.retain(|_, member| !joining(member));
    cluster.state_id += 1;
    Err(Failure::new("internal_error", "The node's configuration is gone"))
}

fn fail(world: &mut World, index: NodeIndex, failure: &Failure) {
    let now = world.env.now;
    for cluster in world.clusters.values_mut() {
        cluster
            .members
            .retain(|_, member| member.host != index || member.status != MemberStatus::Provisioning);
    }
    if let Some(node) = world.env.node_mut(index) {
        node.bootstrap.state = BootstrapState::Error;
        node.bootstrap.ended = Some(now);
        node.bootstrap.error_code = Some(failure.code.to_owned());
        node.bootstrap.error_details = Some(failure.details());
        node.bootstrap.request = None;
    }
}

fn finish(world: &mut World, index: NodeIndex, request: &Value) {
    let provisional = world.clusters.values().find_map(|cluster| {
        let ours = |member: &&Member| member.host == index && member.status == MemberStatus::Provisioning;
        cluster
            .members
            .values()
            .find(ours)
            .map(|member| (cluster.id, member.uid))
    });
    let done = match provisional {
        Some(place) => Ok(place),
        None => Plan::check(world, index, request).and_then(|plan| match plan {
            Plan::Create { name, license } => Ok(create(world, index, request, name, license)),
            Plan::Join {
                cluster,
                replaces: Some(uid),
            } => Ok((cluster, uid)),
            Plan::Join { replaces: None, .. } => {
                Err(Failure::new("internal_error", "The join was interrupted"))
            }
            Plan::Recover { uid, path } => recovery::recover(world, index, uid, &path).map(|id| (id, uid)),
        }),
    };
    match done {
        Ok((id, uid)) => become_member(world, index, request, id, uid),
        Err(failure) => fail(world, index, &failure),
    }
}

fn become_member(world: &mut World, index: NodeIndex, request: &Value, id: ClusterId, uid: NodeUid) {
    let World { env, clusters, .. } = world;
    let Some(cluster) = clusters.get_mut(&id) else {
        return;
    };
    let replaced = cluster
        .members
        .get(&uid)
        .filter(|member| member.status == MemberStatus::Down)
        .map(|member| member.host);
    // The machine that was replaced must not come back as the member that it was.
    if let Some(old) = replaced
        .and_then(|old| env.node_mut(old))
        .filter(|old| old.membership == Membership::Member(id, uid))
    {
        old.membership = Membership::Removed;
    }
    let restart = env.after(env.timings.service_restart);
    let now = env.now;
    let warnings = modules::bring(cluster, env.profile, uid, request);
    if let Some(node) = env.node_mut(index) {
        node.bootstrap.warnings = warnings;
        node.membership = Membership::Member(id, uid);
        node.installed.clone_from(&cluster.certificates);
        node.flaws.clear();
        node.storage.ccs_path = text(request, "/node/paths/ccs_persistent_path").map(str::to_owned);
        node.bootstrap.state = BootstrapState::Completed;
        node.bootstrap.ended = Some(now);
        node.bootstrap.request = None;
        node.restarting_until = Some(restart);
    }
    let before = cluster.members.remove(&uid);
    let member = member(env, index, uid, request, MemberStatus::Active);
    let member = member.map(|member| match before {
        Some(before) if before.status == MemberStatus::Down => successor(before, member, request),
        Some(_) | None => member,
    });
    cluster.members.extend(member.map(|member| (uid, member)));
    if uid != NodeUid(1) || cluster.members.len() > 1 {
        cluster
            .documents
            .tell(now, Told::NodeJoined, &json!({"node_uid": uid.0}));
    }
    cluster.state_id += 1;
    if cluster.master.is_none() {
        cluster.elect(env, None);
    }
    if replaced.is_some() {
        bdbs::lose_data(cluster, env, uid, true);
        bdbs::node_found(cluster, env, uid);
    }
    alarms::look(cluster, env);
}

/// A member that takes the place of `old`: what the request does not say stays as it was.
fn successor(old: Member, mut new: Member, request: &Value) -> Member {
    let said = |key: &str| request.pointer(&format!("/node/{key}")).is_some();
    new.turns = old.turns;
    if !said("identity/rack_id") {
        new.rack_id = old.rack_id;
    }
    if !said("identity/second_rack_id") {
        new.second_rack_id = old.second_rack_id;
    }
    if !said("identity/accept_servers") && old.maintenance == 0 {
        new.accept_servers = old.accept_servers;
    }
    if !said("limits/max_listeners") && old.maintenance == 0 {
        new.max_listeners = old.max_listeners;
    }
    if !said("limits/max_redis_servers") {
        new.max_redis_servers = old.max_redis_servers;
    }
    let mut extra = old.extra;
    extra.append(&mut new.extra);
    new.extra = extra;
    new
}

fn member(
    env: &Env,
    index: NodeIndex,
    uid: NodeUid,
    request: &Value,
    status: MemberStatus,
) -> Option<Member> {
    let node = env.node(index)?;
    let identity = |key: &str| request.pointer(&format!("/node/identity/{key}")).cloned();
    let string = |key: &str| {
        identity(key)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let limit = |key: &str| {
        request
            .pointer(&format!("/node/limits/{key}"))
            .and_then(Value::as_u64)
            .unwrap_or(100)
    };
    let external = identity("external_addr").and_then(|value| serde_json::from_value(value).ok());
    Some(Member {
        uid,
        host: index,
        status,
        addr: node.config.address.clone(),
        external_addr: external.unwrap_or_else(|| node.config.external_addresses.clone()),
        rack_id: string("rack_id"),
        second_rack_id: string("second_rack_id"),
        accept_servers: identity("accept_servers")
            .and_then(|value| value.as_bool())
            .is_none_or(|accepts| accepts != env.on(Switch::BootstrapAcceptServersInverted)),
        max_listeners: limit("max_listeners"),
        max_redis_servers: limit("max_redis_servers"),
        extra: extra(request),
        closed: false,
        maintenance: 0,
        snapshots: Vec::new(),
        awaited: false,
        turns: Turns::default(),
    })
}

/// Fields of the node object that are shown as the request has them.
fn extra(request: &Value) -> Map<String, Value> {
    let mut extra = Map::new();
    for (asked, shown) in [
        ("persistent_path", "persistent_storage_path"),
        ("ephemeral_path", "ephemeral_storage_path"),
        ("bigstore_path", "bigredis_storage_path"),
    ] {
        let path = request.pointer(&format!("/node/paths/{asked}")).cloned();
        extra.extend(path.map(|path| (shown.to_owned(), path)));
    }
    for (asked, shown) in [
        ("/node/bigstore_enabled", "bigstore_enabled"),
        ("/node/identity/use_internal_ipv6", "use_internal_ipv6"),
    ] {
        let value = request.pointer(asked).cloned();
        extra.insert(shown.to_owned(), value.unwrap_or(json!(false)));
    }
    let driver = request.pointer("/node/bigstore_driver").cloned();
    extra.extend(driver.map(|driver| ("bigstore_driver".to_owned(), driver)));
    extra
}

/// What of a request that makes a cluster becomes a field of the cluster object.
const REQUESTED: [(&str, &str); 5] = [
    ("/cluster/wait_command", "wait_command"),
    ("/crdb_coordinator_port", "crdb_coordinator_port"),
    ("/envoy_admin_port", "envoy_admin_port"),
    ("/envoy_mgmt_server_port", "envoy_mgmt_server_port"),
    ("/gossip_envoy_admin_port", "gossip_envoy_admin_port"),
];

/// What of the first policy the cluster object repeats.
const REPEATED_POLICY: [&str; 3] = [
    "rack_aware",
    "default_non_sharded_proxy_policy",
    "default_sharded_proxy_policy",
];

fn create(
    world: &mut World,
    index: NodeIndex,
    request: &Value,
    name: String,
    license: License,
) -> (ClusterId, NodeUid) {
    let env = &mut world.env;
    let id = env.next_cluster();
    let certificates = first_certificates(env, &name);
    let credential = |key: &str| text(request, &format!("/credentials/{key}")).unwrap_or_default();
    let policy = first_policy(env, request);
    let settings = first_settings(env, &name, request, &policy);
    let cluster = Cluster {
        id,
        name: name.clone(),
        created: env.now,
        state_id: 1,
        master: Some(NodeUid(1)),
        members: BTreeMap::new(),
        next_node_uid: 2,
        settings,
        policy,
        license,
        accounts: Accounts::new(&name, credential("username"), credential("password"), env.now),
        tasks: Tasks::default(),
        machines: Machines::default(),
        certificates,
        certificate_generation: 0,
        customer_certificates: BTreeSet::new(),
        recovered: None,
        suffixes: super::resources::suffixes::fresh(&name, request.get("dns_suffixes")),
        databases: Databases::default(),
        documents: Documents::fresh(),
        turns: Turns::default(),
    };
    internode::plan(&cluster, env);
    world.clusters.insert(id, cluster);
    world.monitor_created(index, &name);
    (id, NodeUid(1))
}

fn first_certificates(env: &Env, cluster_name: &str) -> BTreeMap<String, TlsIdentity> {
    let issue = |certificate: &&str| {
        let order = CertificateOrder {
            cluster_name: cluster_name.to_owned(),
            certificate: (*certificate).to_owned(),
            generation: 0,
            at: env.now,
        };
        ((*certificate).to_owned(), env.certificates.issue(&order))
    };
    REQUIRED_CERTIFICATES.iter().map(issue).collect()
}

/// The defaults, and over them what the request and the first policy set.
fn first_settings(
    env: &mut Env,
    name: &str,
    request: &Value,
    policy: &Map<String, Value>,
) -> Map<String, Value> {
    let mut settings = schema::cluster::fresh(env, name);
    let requested = REQUESTED
        .iter()
        .map(|(asked, field)| (*field, request.pointer(asked)));
    let repeated = REPEATED_POLICY.iter().map(|field| (*field, policy.get(*field)));
    let given = requested.chain(repeated);
    settings.extend(given.filter_map(|(field, value)| Some((field.to_owned(), value?.clone()))));
    settings
}

/// The defaults, and over them what the request sets.
fn first_policy(env: &Env, request: &Value) -> Map<String, Value> {
    let mut policy = schema::policy::fresh(env);
    let asked = request.get("policy").and_then(Value::as_object).cloned();
    policy.extend(
        asked
            .unwrap_or_default()
            .into_iter()
            .filter(|(key, _)| schema::find(schema::policy::FIELDS, env.profile, key).is_some()),
    );
    policy
}
