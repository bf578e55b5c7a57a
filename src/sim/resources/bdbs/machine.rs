//! The state machines of databases: what a request sets off, step by step, up to its end.

use super::backups;
use super::store::{Change, Database, Status, bind};
use crate::sim::documents::Documents;
use crate::sim::events::Told;
use crate::sim::ids::{BdbUid, NodeUid, ShardUid};
use crate::sim::resources::iso;
use crate::sim::state::{Cluster, Due, Env};
use crate::sim::task::{EXPORT, IMPORT};
use serde_json::{Value, json};
use std::time::Duration;

/// The steps that `state` names while a machine runs.
const STEPS: [&str; 4] = ["resources", "shards", "endpoints", "proxy_policy"];

impl Change {
    fn machine(&self) -> &'static str {
        match self {
            Self::Create => "SMCreateBDB",
            Self::Update { .. } | Self::Settle => "SMUpdateBDB",
            Self::Upgrade { .. } => "SMUpgradeBDB",
            Self::Delete => "SMDeleteBDB",
            Self::Import => IMPORT,
            Self::Export => EXPORT,
            Self::Recover { .. } => "SMRecoverBDB",
        }
    }

    fn status(&self) -> Status {
        match self {
            Self::Create => Status::Pending,
            Self::Update { .. } | Self::Upgrade { .. } | Self::Settle | Self::Export => {
                Status::ActiveChangePending
            }
            Self::Recover { .. } => Status::Recovery,
            Self::Delete => Status::DeletePending,
            Self::Import => Status::ImportPending,
        }
    }
}

/// Starts the machine of `change`, which lasts `length` in all, and gives its `action_uid`.
pub(crate) fn start(
    cluster: &mut Cluster,
    env: &mut Env,
    uid: BdbUid,
    change: Change,
    length: Duration,
) -> String {
    let action_uid = cluster
        .machines
        .start(&mut env.ids, env.now, change.machine(), format!("bdb:{uid}"));
    cluster.machines.tidy(env.now, env.timings.action_retention);
    if let Some(machine) = cluster.machines.get_mut(&action_uid) {
        machine.state = STEPS.first().map(|step| (*step).to_owned());
    }
    tell(&mut cluster.documents, env, uid, &change, None);
    if let Some(database) = cluster.databases.get_mut(uid) {
        database.status = change.status();
        database.action_uid = action_uid.clone();
        database.change = Some(change);
        database.failing = env.ordered.failed.clone();
        database.touch(env.now);
    }
    if !env.ordered.stuck {
        for step in 1..=STEPS.len() {
            let share = u32::try_from(step).unwrap_or(1);
            env.schedule(length * share / 4, Due::Machine(cluster.id, action_uid.clone()));
        }
    }
    action_uid
}

/// Says of a machine that has just started what it does with which shards.
pub(crate) fn operate(cluster: &mut Cluster, env: &Env, action_uid: &str, shards: &[(ShardUid, &str)]) {
    let Some(machine) = cluster.machines.get_mut(action_uid) else {
        return;
    };
    let pending = |(shard, op): &(ShardUid, &str)| (shard.to_string(), operation(env, op, 0.0));
    machine.pending_ops = shards.iter().map(pending).collect();
}

fn operation(env: &Env, op: &str, progress: f64) -> Value {
    let now = env.now.as_second();
    json!({
        "heartbeat": now, "last_sample_time": now, "op_name": op, "progress": progress, "status_code": "running",
        "status_description": format!("{op} is running"),
    })
}

/// A state machine reaches its next step.
pub(crate) fn machine_due(cluster: &mut Cluster, env: &mut Env, action_uid: &str) {
    let Some(machine) = cluster.machines.get_mut(action_uid) else {
        return;
    };
    let uid = machine
        .object_name
        .strip_prefix("bdb:")
        .and_then(|uid| uid.parse::<BdbUid>().ok());
    let progress = machine.progress.unwrap_or(0.0) + 100.0 / 4.0;
    if progress < 100.0 {
        machine.progress = Some(progress);
        machine.heartbeat = env.now;
        let next = STEPS
            .iter()
            .skip_while(|step| machine.state.as_deref() != Some(**step))
            .nth(1);
        machine.state = next.map(|step| (*step).to_owned());
        for pending in machine.pending_ops.values_mut() {
            let op = pending
                .get("op_name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            *pending = operation(env, &op, progress);
        }
        return;
    }
    let failure = uid.and_then(|uid| cluster.databases.get_mut(uid)?.failing.take());
    cluster.machines.finish(action_uid, env.now, failure.clone());
    if let Some(uid) = uid {
        end(cluster, env, uid, failure.as_deref());
        backups::plan(cluster, env, uid);
    }
}

/// What the end of a machine leaves behind.
fn end(cluster: &mut Cluster, env: &Env, uid: BdbUid, failure: Option<&str>) {
    let Some(database) = cluster.databases.get_mut(uid) else {
        return;
    };
    database.touch(env.now);
    cluster.state_id += 1;
    let status = match database.change.take() {
        None => Status::Active,
        Some(change) => {
            tell(&mut cluster.documents, env, uid, &change, Some(failure.is_some()));
            if matches!(change, Change::Delete) && failure.is_none() {
                return forget(cluster, env, uid);
            }
            leave(cluster, env, uid, change, failure)
        }
    };
    settle(cluster, env, uid, status);
}

/// What a change leaves in a database that stays, and the status that comes of it.
fn leave(cluster: &mut Cluster, env: &Env, uid: BdbUid, change: Change, failure: Option<&str>) -> Status {
    let Some(database) = cluster.databases.get_mut(uid) else {
        return Status::Active;
    };
    match (change, failure.is_some()) {
        (Change::Create, true) => return Status::CreationFailed,
        (Change::Recover { .. }, true) => return Status::Recovery,
        (Change::Import, _) => said(database, "import", failure, IMPORT_FAILURES),
        (Change::Export, failed) => {
            said(database, "export", failure, EXPORT_FAILURES);
            if !failed {
                let time = iso(env.now);
                database.set.insert("last_export_time".to_owned(), time.into());
            }
        }
        (Change::Recover { bytes }, false) => {
            database.data_bytes = bytes;
            let up: Vec<NodeUid> = cluster.alive().map(|member| member.uid).collect();
            let shards = &mut cluster.databases.shards;
            shards.set_up(uid, |shard| up.contains(&shard.node));
        }
        (Change::Update { set, shards } | Change::Upgrade { set, shards }, true) => {
            database.set = set;
            cluster.databases.shards.put_back(uid, shards);
        }
        (Change::Create | Change::Update { .. } | Change::Upgrade { .. }, false)
        | (Change::Settle | Change::Delete, _) => {}
    }
    Status::Active
}

/// Adds the start of a change, or its end and whether it failed, to the event log.
fn tell(documents: &mut Documents, env: &Env, uid: BdbUid, change: &Change, failed: Option<bool>) {
    let told = match (change, failed) {
        (Change::Import, None) => Told::ImportStarted,
        (Change::Import, Some(false)) => Told::ImportSucceeded,
        (Change::Import, Some(true)) => Told::ImportFailed,
        (Change::Export, None) => Told::ExportStarted,
        (Change::Export, Some(false)) => Told::ExportSucceeded,
        (Change::Export, Some(true)) => Told::ExportFailed,
        (
            Change::Create
            | Change::Update { .. }
            | Change::Upgrade { .. }
            | Change::Settle
            | Change::Recover { .. }
            | Change::Delete,
            _,
        ) => return,
    };
    documents.tell(env.now, told, &json!({"bdb_uid": uid.to_string()}));
}

/// The new status, and the endpoint that goes with it.
fn settle(cluster: &mut Cluster, env: &Env, uid: BdbUid, status: Status) {
    if let Some(database) = cluster.databases.get_mut(uid) {
        database.status = status;
    }
    match status {
        Status::CreationFailed => {
            cluster.databases.shards.remove(uid);
            cluster.databases.set_bound(uid, Vec::new());
        }
        Status::Recovery => {}
        Status::Pending
        | Status::Active
        | Status::ActiveChangePending
        | Status::DeletePending
        | Status::ImportPending => {
            // Without a listener anywhere the endpoint stays where it is.
            let _ = bind(cluster, env, uid);
        }
    }
}

/// A deleted database is gone, with what was set for it elsewhere.
fn forget(cluster: &mut Cluster, env: &Env, uid: BdbUid) {
    let name = cluster
        .databases
        .get(uid)
        .map(|database| database.text("name").to_owned());
    let details = json!({"bdb_uid": uid.to_string(), "bdb_name": name});
    cluster.documents.tell(env.now, Told::BdbDeleted, &details);
    backups::stop(cluster, env, uid);
    cluster.databases.remove(uid);
    for path in [
        format!("/v1/bdbs/alerts/{uid}"),
        format!("/v1/bdbs/{uid}/certificates"),
    ] {
        cluster.documents.clear_single(&path);
    }
}

/// Why an import fails. More may follow after a colon.
const IMPORT_FAILURES: &[&str] = &[
    "download-error",
    "file-corrupted",
    "general-error",
    "file-larger-than-mem-limit",
    "key-too-long",
    "invalid-bulk-length",
    "out-of-memory",
];

/// Why an export fails.
const EXPORT_FAILURES: &[&str] = &["no-permission", "wrong-file-path", "general-error"];

/// Status and progress of an import or an export that has ended, and its reason if it failed: that of the fault if it is one
/// of those that are `known`.
fn said(database: &mut Database, what: &str, failure: Option<&str>, known: &[&str]) {
    let is_known = |failure: &str| {
        failure
            .split(':')
            .next()
            .is_some_and(|first| known.contains(&first))
    };
    let (status, progress, reason) = match failure {
        Some(failure) if is_known(failure) => ("failed", 0.0, failure),
        Some(_) => ("failed", 0.0, "general-error"),
        None => ("succeeded", 100.0, ""),
    };
    database
        .set
        .insert(format!("{what}_failure_reason"), reason.into());
    database.set.insert(format!("{what}_status"), status.into());
    database.set.insert(format!("{what}_progress"), progress.into());
}
