//! A cluster made anew from the configuration that one of its nodes left on its disk.

use super::bootstrap::{Failure, Plan, large_enough, text};
use super::ids::{ClusterId, NodeIndex, NodeUid};
use super::internode;
use super::resources::bdbs;
use super::state::{Cluster, Due, Env, MemberStatus, SimNode};
use super::storage::{Content, FileState};
use super::task::{Machines, Tasks};
use super::world::World;
use serde_json::Value;

/// Whether a recovery can go ahead on a machine, and as which node.
pub(crate) fn check(env: &Env, node: &SimNode, request: &Value) -> Result<Plan, Failure> {
    let config = |message: String| Failure::new("config_error", message);
    let path = text(request, "/recovery_filename").filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| config("recovery_filename is missing".to_owned()))?;
    let (cluster, version) = configuration(node, path)?;
    let name = text(request, "/cluster/name").unwrap_or_default();
    if !name.is_empty() && name != cluster.name {
        return Err(config(format!("{path} belongs to the cluster {}", cluster.name)));
    }
    let uid = request
        .pointer("/node/identity/uid")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    let uid = NodeUid(uid);
    let Some(member) = cluster.members.get(&uid) else {
        return Err(config(format!("{path} knows no node {uid}")));
    };
    if *version != node.software_version {
        let text = format!("The cluster ran version {version}, not {}", node.software_version);
        return Err(Failure::new("node_config_mismatch", text));
    }
    large_enough(env, node, member.host)?;
    let rack = text(request, "/node/identity/rack_id").unwrap_or_default();
    let moves = request.pointer("/node/identity/override_rack_id") == Some(&Value::Bool(true));
    if !rack.is_empty() && !rack.eq_ignore_ascii_case(&member.rack_id) && !moves {
        return Err(config(format!("The node was in rack {:?}", member.rack_id)));
    }
    Ok(Plan::Recover {
        uid,
        path: path.to_owned(),
    })
}

/// The configuration in a file of the machine.
fn configuration<'a>(node: &'a SimNode, path: &str) -> Result<(&'a Cluster, &'a String), Failure> {
    let file = node.storage.files.get(path);
    let unusable = |why: &str| Failure::new("path_error", format!("{path} {why}"));
    let file = file.ok_or_else(|| unusable("does not exist on this node"))?;
    match (&file.content, file.state) {
        (_, FileState::Missing) => Err(unusable("does not exist on this node")),
        (_, FileState::Unreadable) => Err(unusable("cannot be read: permission denied")),
        (Content::Configuration(cluster, version), FileState::Sound) => Ok((cluster, version)),
        (Content::Configuration(..), FileState::Corrupted)
        | (Content::Data(_), FileState::Sound | FileState::Corrupted) => Err(Failure::new(
            "config_error",
            format!("{path} is not the configuration of a cluster"),
        )),
    }
}

/// Brings the cluster back with one node; the others are awaited, and so are the data of its databases.
pub(crate) fn recover(
    world: &mut World,
    index: NodeIndex,
    uid: NodeUid,
    path: &str,
) -> Result<ClusterId, Failure> {
    let World { env, clusters, .. } = world;
    let node = env
        .node(index)
        .ok_or_else(|| Failure::new("internal_error", "The node is gone"))?;
    let mut cluster = configuration(node, path)?.0.clone();
    let id = env.next_cluster();
    cluster.id = id;
    cluster.state_id += 1;
    cluster.master = Some(uid);
    cluster.tasks = Tasks::default();
    cluster.machines = Machines::default();
    cluster.recovered = Some(env.now);
    for member in cluster.members.values_mut() {
        member.status = MemberStatus::Down;
        member.awaited = true;
    }
    cluster.databases.enter_recovery();
    renew_separating(&mut cluster, env);
    internode::plan(&cluster, env);
    for wait in bdbs::recovery_waits(&cluster) {
        env.schedule(wait, Due::AutoRecovery(id));
    }
    let name = cluster.name.clone();
    let still_led = clusters
        .values()
        .any(|other| other.name == name && other.has_quorum(env));
    clusters.insert(id, cluster);
    if still_led {
        world.monitor_created(index, &name);
    }
    Ok(id)
}

/// Certificates with which the nodes could not meet again are made anew.
fn renew_separating(cluster: &mut Cluster, env: &Env) {
    let bad: Vec<&str> = internode::names()
        .filter(|name| cluster.certificates.get(*name).is_some_and(internode::separates))
        .collect();
    cluster.certificate_generation += u64::from(!bad.is_empty());
    for name in bad {
        let made = internode::issue(cluster, env, name);
        cluster.certificates.insert(name.to_owned(), made);
        cluster.customer_certificates.remove(name);
    }
}

#[cfg(test)]
mod tests;
