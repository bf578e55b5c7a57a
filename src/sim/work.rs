//! What node and cluster actions do while they run: removal, maintenance, change of leader.

use super::bugs::Bug;
use super::events::Told;
use super::ids::NodeUid;
use super::resources::alarms;
use super::resources::bdbs::{self, Evacuation};
use super::resources::nodes::maintenance_snapshot;
use super::state::{Cluster, Due, Env, Member, MemberStatus, Membership, Snapshot};
use super::task::{Kind, Task, TaskStatus};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How a task can end before its work is done.
enum Stop {
    Failed(&'static str, String),
    Cancelled,
}

fn failed(text: impl Into<String>) -> Stop {
    Stop::Failed("internal_error", text.into())
}

fn no_room() -> Stop {
    Stop::Failed(
        "insufficient_resources",
        "The other nodes have no room for the shards and endpoints".to_owned(),
    )
}

/// Time until a queued task starts, and until a started one runs.
pub(crate) fn lead_in(env: &Env) -> Duration {
    env.timings.maintenance / 10
}

/// A task reaches its next state.
pub(crate) fn task_due(cluster: &mut Cluster, env: &mut Env, id: &str) {
    let Some(task) = cluster.tasks.get(id).cloned() else {
        return;
    };
    match task.status {
        TaskStatus::Queued => {
            set(cluster, id, TaskStatus::Starting);
            env.schedule(lead_in(env), Due::Task(cluster.id, task.id));
        }
        TaskStatus::Starting => {
            set(cluster, id, TaskStatus::Running);
            env.schedule(lead_in(env), Due::Task(cluster.id, task.id));
        }
        TaskStatus::Running if task.span.is_none() => match begin(cluster, env, &task) {
            Ok(work) => run(cluster, env, &task, &work),
            Err(Stop::Cancelled) => {
                set(cluster, id, TaskStatus::Cancelling);
                env.schedule(lead_in(env), Due::Task(cluster.id, task.id));
            }
            Err(stop) => end(cluster, env, id, Some(stop)),
        },
        TaskStatus::Running if task.stuck => {}
        TaskStatus::Running if task.span.is_some_and(|(_, until)| env.now < until) => {
            advance(cluster, env, &task);
        }
        TaskStatus::Running => {
            let stop = match task.fails.clone() {
                Some(code) => Err(code),
                None => Ok(finish(cluster, env, &task)),
            };
            match stop {
                Ok(done) => end(cluster, env, id, done.err()),
                Err(code) => fail_as_ordered(cluster, env, &task, code),
            }
        }
        TaskStatus::Cancelling if task.stuck => {}
        TaskStatus::Cancelling => end(cluster, env, id, Some(Stop::Cancelled)),
        TaskStatus::Cancelled | TaskStatus::Aborted | TaskStatus::Completed | TaskStatus::Failed => {}
    }
}

/// What is left of a task once it runs.
struct Work {
    takes: Duration,
    /// Steps on the way, one each time this long.
    steps: usize,
    every: Duration,
}

fn run(cluster: &mut Cluster, env: &mut Env, task: &Task, work: &Work) {
    let until = env.after(work.takes);
    if let Some(task) = cluster.tasks.get_mut(&task.id) {
        task.status = TaskStatus::Running;
        task.span = Some((env.now, until));
    }
    for step in 1..=u32::try_from(work.steps).unwrap_or(u32::MAX) {
        env.schedule(work.every * step, Due::Task(cluster.id, task.id.clone()));
    }
    env.schedule(work.takes, Due::Task(cluster.id, task.id.clone()));
}

/// A step on the way of a task.
fn advance(cluster: &mut Cluster, env: &mut Env, task: &Task) {
    let Some(uid) = task.node else { return };
    match task.kind {
        Kind::RemoveNode | Kind::MaintenanceOn => bdbs::evacuate_next(cluster, env, uid, &evacuation(task)),
        Kind::MaintenanceOff => reopen(cluster, env, uid, task),
        Kind::EnslaveNode | Kind::ChangeMaster => {}
    }
}

fn set(cluster: &mut Cluster, id: &str, status: TaskStatus) {
    if let Some(task) = cluster.tasks.get_mut(id) {
        task.status = status;
    }
}

fn end(cluster: &mut Cluster, env: &Env, id: &str, stop: Option<Stop>) {
    let Some(task) = cluster.tasks.get_mut(id) else {
        return;
    };
    let (status, error) = match stop {
        None => (TaskStatus::Completed, None),
        Some(Stop::Cancelled) => (TaskStatus::Cancelled, None),
        Some(Stop::Failed(code, text)) => (TaskStatus::Failed, Some((code.to_owned(), text))),
    };
    task.status = status;
    task.error = error;
    task.ended = Some(env.now);
    tell_of_end(cluster, env, id);
    after_stop(cluster, id);
    cluster.state_id += 1;
}

/// Adds the end of an action on a node to the event log.
pub(crate) fn tell_of_end(cluster: &mut Cluster, env: &Env, id: &str) {
    let Some((task, node)) = cluster.tasks.get(id).and_then(|task| Some((task, task.node?))) else {
        return;
    };
    let told = match (task.status, task.kind == Kind::RemoveNode) {
        (TaskStatus::Completed, true) => Told::NodeRemoved,
        (TaskStatus::Cancelled | TaskStatus::Aborted, true) => Told::RemovalAborted,
        (TaskStatus::Failed, true) => Told::RemovalFailed,
        (TaskStatus::Failed, false) => Told::NodeOperationFailed,
        (TaskStatus::Queued | TaskStatus::Starting | TaskStatus::Running | TaskStatus::Cancelling, _)
        | (TaskStatus::Completed | TaskStatus::Cancelled | TaskStatus::Aborted, false) => return,
    };
    let details = json!({"node_uid": node.0});
    cluster.documents.tell(env.now, told, &details);
}

fn fail_as_ordered(cluster: &mut Cluster, env: &Env, task: &Task, code: String) {
    if let Some(task) = cluster.tasks.get_mut(&task.id) {
        task.status = TaskStatus::Failed;
        task.error = Some((code, "The action failed".to_owned()));
        task.ended = Some(env.now);
    }
    tell_of_end(cluster, env, &task.id);
    after_stop(cluster, &task.id);
    cluster.state_id += 1;
}

/// A node whose removal did not complete is listed as before, but nothing new is placed on it.
fn after_stop(cluster: &mut Cluster, id: &str) {
    let Some(task) = cluster.tasks.get(id).filter(|task| task.kind == Kind::RemoveNode) else {
        return;
    };
    if let Some(member) = task.node.and_then(|uid| cluster.members.get_mut(&uid))
        && member.status == MemberStatus::Decommissioning
    {
        member.status = MemberStatus::Active;
    }
}

fn flag(body: &Map<String, Value>, key: &str) -> Option<bool> {
    body.get(key).and_then(Value::as_bool)
}

fn evacuation(task: &Task) -> Evacuation {
    if task.kind == Kind::RemoveNode {
        return Evacuation {
            move_replicas: true,
            only: Vec::new(),
        };
    }
    let keep = flag(&task.body, "keep_slave_shards") == Some(true)
        || flag(&task.body, "evict_ha_replica") == Some(false);
    let only = task
        .body
        .get("evict_dbs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let only = only.filter_map(Value::as_str).filter_map(|uid| uid.parse().ok());
    Evacuation {
        move_replicas: !keep,
        only: only.collect(),
    }
}

/// Checks and first effects; gives what is left to do.
fn begin(cluster: &mut Cluster, env: &mut Env, task: &Task) -> Result<Work, Stop> {
    let Some(uid) = task.node else {
        return Err(failed("The action has no node"));
    };
    if !cluster.members.contains_key(&uid) {
        return Err(failed(format!("Node {uid} is gone")));
    }
    match task.kind {
        Kind::RemoveNode => begin_removal(cluster, env, uid, task),
        Kind::MaintenanceOn => {
            survives(cluster, env, uid)?;
            let overwrite = flag(&task.body, "overwrite_snapshot").unwrap_or(false);
            enter(cluster, env, uid, overwrite);
            let moves = bdbs::evacuable(cluster, env, uid, &evacuation(task)).map_err(|_| no_room())?;
            Ok(moving(env, env.timings.maintenance, moves))
        }
        Kind::MaintenanceOff => begin_return(cluster, env, uid, task),
        Kind::EnslaveNode => {
            if cluster.master == Some(uid) {
                demote(cluster, env);
            }
            Ok(electing(env))
        }
        Kind::ChangeMaster => {
            demote(cluster, env);
            Ok(electing(env))
        }
    }
}

fn begin_removal(cluster: &mut Cluster, env: &Env, uid: NodeUid, task: &Task) -> Result<Work, Stop> {
    if cluster.members.len() == 1 {
        return Err(failed("The only node of a cluster cannot be removed"));
    }
    let moves = bdbs::evacuable(cluster, env, uid, &evacuation(task)).map_err(|_| no_room())?;
    set_status(cluster, uid, MemberStatus::Active, MemberStatus::Decommissioning);
    let policy = flag(&cluster.policy, "persistent_node_removal").unwrap_or(false);
    let waits = flag(&task.body, "wait_for_persistence").unwrap_or(policy);
    let saving = if waits && moves > 0 {
        bdbs::saving(env)
    } else {
        Duration::ZERO
    };
    Ok(moving(env, env.timings.node_remove + saving, moves))
}

/// Maintenance ends with what the snapshot has on the node; without one, only if shards may stay where they are.
fn begin_return(cluster: &Cluster, env: &Env, uid: NodeUid, task: &Task) -> Result<Work, Stop> {
    let skip = flag(&task.body, "skip_shards_restore").unwrap_or(false);
    let member = cluster.members.get(&uid);
    let snapshot = member.and_then(|member| wanted_snapshot(member, task));
    if snapshot.is_none() && !skip {
        return Err(Stop::Cancelled);
    }
    let shards = snapshot
        .into_iter()
        .filter(|_| !skip)
        .flat_map(|snapshot| snapshot.layout.shards);
    let moves = shards.filter(|(_, (node, _))| *node == uid).count();
    let fixed = env.timings.maintenance;
    Ok(Work {
        takes: fixed + env.timings.shard_move * count(moves),
        steps: usize::from(moves > 0),
        // Shards come back one move before the end, so that all of them serve when it is over.
        every: fixed + env.timings.shard_move * count(moves.saturating_sub(1)),
    })
}

fn count(moves: usize) -> u32 {
    u32::try_from(moves).unwrap_or(u32::MAX)
}

/// Moving so many shards one after the other, and `rest` afterwards.
fn moving(env: &Env, rest: Duration, moves: usize) -> Work {
    Work {
        takes: rest + env.timings.shard_move.saturating_mul(count(moves)),
        steps: moves,
        every: env.timings.shard_move,
    }
}

fn electing(env: &Env) -> Work {
    Work {
        takes: env.timings.leader_election,
        steps: 0,
        every: Duration::ZERO,
    }
}

/// The leader steps down. A defect marks maintenance that runs meanwhile as aborted.
fn demote(cluster: &mut Cluster, env: &Env) {
    cluster.master = None;
    let maintenance = |task: &&mut Task| matches!(task.kind, Kind::MaintenanceOn | Kind::MaintenanceOff);
    let running = cluster.tasks.0.iter_mut().filter(maintenance);
    for task in running.filter(|task| task.status == TaskStatus::Running) {
        task.mislabelled = env.has(Bug::MaintenanceAbortsWithLeader);
    }
}

fn set_status(cluster: &mut Cluster, uid: NodeUid, from: MemberStatus, to: MemberStatus) {
    if let Some(member) = cluster
        .members
        .get_mut(&uid)
        .filter(|member| member.status == from)
    {
        member.status = to;
    }
}

/// Whether a majority is left without the node. Nodes that are in maintenance already are not counted out.
fn survives(cluster: &Cluster, env: &Env, uid: NodeUid) -> Result<(), Stop> {
    let others = cluster
        .members
        .values()
        .filter(|member| member.uid != uid && cluster.runs(env, member))
        .count();
    if others * 2 > cluster.members.len() {
        return Ok(());
    }
    Err(failed(format!(
        "The cluster would lose its quorum without node {uid}"
    )))
}

/// Takes a snapshot, unless there is one, and makes the node quorum-only.
fn enter(cluster: &mut Cluster, env: &Env, uid: NodeUid, overwrite: bool) {
    let layout = cluster.databases.layout();
    let Some(member) = cluster.members.get_mut(&uid) else {
        return;
    };
    // A new layout does not make a node that is closed for maintenance one that was closed before.
    let before = maintenance_snapshot(member).map_or((member.accept_servers, member.max_listeners), |old| {
        (old.accept_servers, old.max_listeners)
    });
    if overwrite {
        member.snapshots.retain(|snapshot| !snapshot.maintenance);
    }
    if maintenance_snapshot(member).is_none() {
        member.snapshots.push(Snapshot {
            name: env.now.strftime("maintenance_mode_%Y-%m-%d_%H-%M-%S").to_string(),
            created: env.now,
            maintenance: true,
            accept_servers: before.0,
            max_listeners: before.1,
            layout,
        });
    }
    member.accept_servers = false;
    member.max_listeners = 0;
    cluster.state_id += 1;
}

fn wanted_snapshot(member: &Member, task: &Task) -> Option<Snapshot> {
    match task.body.get("snapshot_name").and_then(Value::as_str) {
        Some(name) => member
            .snapshots
            .iter()
            .find(|snapshot| snapshot.name == name)
            .cloned(),
        None => maintenance_snapshot(member).cloned(),
    }
}

/// The last effects.
fn finish(cluster: &mut Cluster, env: &mut Env, task: &Task) -> Result<(), Stop> {
    let Some(uid) = task.node else { return Ok(()) };
    match task.kind {
        Kind::RemoveNode => {
            bdbs::evacuate(cluster, env, uid, &evacuation(task)).map_err(|_| no_room())?;
            expel(cluster, env, uid);
        }
        Kind::MaintenanceOn => {
            bdbs::evacuate(cluster, env, uid, &evacuation(task)).map_err(|_| no_room())?;
            if let Some(member) = cluster.members.get_mut(&uid) {
                member.maintenance += 1;
            }
        }
        Kind::MaintenanceOff => leave(cluster, env, uid, task),
        Kind::EnslaveNode => {
            if cluster.master.is_none() {
                let other = cluster
                    .members
                    .values()
                    .find(|member| member.uid != uid && cluster.runs(env, member));
                let other = other.map(|member| member.uid);
                cluster.elect(env, other);
            }
        }
        Kind::ChangeMaster => {
            cluster.elect(env, Some(uid));
            if cluster.master != Some(uid) {
                return Err(failed(format!("Node {uid} cannot become the master")));
            }
        }
    }
    Ok(())
}

/// Takes a node out of the cluster. Its software has to be installed anew before it can join anything.
fn expel(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    let Some(member) = cluster.members.remove(&uid) else {
        return;
    };
    let orphaned = |task: &Task| task.node == Some(uid) && task.status == TaskStatus::Cancelling;
    cluster.tasks.0.retain(|task| !orphaned(task));
    if let Some(node) = env.node_mut(member.host)
        && node.membership == Membership::Member(cluster.id, uid)
    {
        node.membership = Membership::Removed;
    }
    if cluster.master == Some(uid) {
        cluster.elect(env, None);
    }
    alarms::look(cluster, env);
}

/// The last activation of maintenance ends: the node takes shards again, and gets back what the snapshot has.
fn reopen(cluster: &mut Cluster, env: &mut Env, uid: NodeUid, task: &Task) {
    let skip = flag(&task.body, "skip_shards_restore").unwrap_or(false);
    let Some(member) = cluster
        .members
        .get_mut(&uid)
        .filter(|member| member.maintenance <= 1)
    else {
        return;
    };
    let snapshot = wanted_snapshot(member, task);
    let before = snapshot
        .as_ref()
        .map(|snapshot| (snapshot.accept_servers, snapshot.max_listeners));
    (member.accept_servers, member.max_listeners) = before.unwrap_or((true, 100));
    if let Some(snapshot) = snapshot.filter(|_| !skip) {
        bdbs::restore(cluster, env, uid, &snapshot.layout);
    }
}

/// Undoes one activation of maintenance; with the last one the snapshot goes, too.
fn leave(cluster: &mut Cluster, env: &mut Env, uid: NodeUid, task: &Task) {
    reopen(cluster, env, uid, task);
    let skip = flag(&task.body, "skip_shards_restore").unwrap_or(false);
    let Some(member) = cluster.members.get_mut(&uid) else {
        return;
    };
    member.maintenance = member.maintenance.saturating_sub(1);
    let stays = skip && env.has(Bug::SnapshotStaysBehind);
    if let Some(snapshot) = wanted_snapshot(member, task)
        && member.maintenance == 0
        && !stays
    {
        member.snapshots.retain(|kept| kept.name != snapshot.name);
    }
}

/// Work on a node that died does not go on, except its removal.
pub(crate) fn node_lost(cluster: &mut Cluster, env: &Env, uid: NodeUid) {
    for task in &mut cluster.tasks.0 {
        if task.node != Some(uid) || task.status.is_over() {
            continue;
        }
        let end = match task.status {
            TaskStatus::Cancelling if env.has(Bug::OrphanedTaskStaysCancelling) => {
                task.stuck = true;
                continue;
            }
            TaskStatus::Queued => continue,
            TaskStatus::Starting | TaskStatus::Running | TaskStatus::Cancelling
                if task.kind == Kind::RemoveNode =>
            {
                continue;
            }
            TaskStatus::Starting | TaskStatus::Running => TaskStatus::Aborted,
            TaskStatus::Cancelling => TaskStatus::Cancelled,
            TaskStatus::Cancelled | TaskStatus::Aborted | TaskStatus::Completed | TaskStatus::Failed => {
                continue;
            }
        };
        task.status = end;
        task.ended = Some(env.now);
    }
    if cluster.master.is_none() {
        cluster.elect(env, None);
    }
}

#[cfg(test)]
mod tests;
