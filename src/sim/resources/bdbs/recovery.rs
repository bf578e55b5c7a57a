//! Databases after the recovery of their cluster: the files that are left of them, and how they come back.

use super::machine;
use super::store::{Change, Database, Status, rules};
use super::{busy, existing, missing};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::permission::Permission::{StartBdbRecovery, ViewBdbRecoveryPlan};
use crate::sim::placement::Shard;
use crate::sim::route::Route;
use crate::sim::schema::{request::RECOVER, shape};
use crate::sim::state::{Cluster, Env, Member, MemberStatus};
use crate::sim::storage::{self, Content, DataFile, FileState};
use crate::sim::switch::Switch;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/bdbs/{uid}/actions/recover", ViewBdbRecoveryPlan, shape::RECOVERY_PLAN, plan),
    Route::new("POST", "/v1/bdbs/{uid}/actions/recover", StartBdbRecovery, shape::ACTION_UID, recover),
];

/// A file that a database can be recovered from.
#[derive(Clone, Debug)]
pub(super) struct Found {
    name: String,
    pub(super) node: NodeUid,
    pub(super) modified: Timestamp,
    pub(super) state: FileState,
    pub(super) data: DataFile,
}

/// The files of a database of this cluster on the nodes that are up.
fn found(cluster: &Cluster, env: &Env, bdb: BdbUid) -> Vec<Found> {
    let of_database = |data: &DataFile| data.bdb == bdb && data.cluster == cluster.name;
    files(cluster, env, of_database)
}

/// The files of databases on the nodes that are up, each node's in its own recovery path.
pub(super) fn files(cluster: &Cluster, env: &Env, wanted: impl Fn(&DataFile) -> bool) -> Vec<Found> {
    let up = cluster
        .members
        .values()
        .filter(|member| member.status == MemberStatus::Active);
    let of_node = |member: &Member| {
        let folder = recovery_path(member);
        let files = env.node(member.host).map(|node| &node.storage.files);
        let file = |(path, file): (&String, &storage::File)| match &file.content {
            Content::Data(data) if wanted(data) => Some(Found {
                name: path.strip_prefix(&folder)?.to_owned(),
                node: member.uid,
                modified: file.modified,
                state: file.state,
                data: data.clone(),
            }),
            Content::Data(_) | Content::Configuration(..) => None,
        };
        files.into_iter().flatten().filter_map(file).collect::<Vec<_>>()
    };
    up.flat_map(of_node).collect()
}

/// Folder in which a node looks for files of databases.
fn recovery_path(member: &Member) -> String {
    let own = member.extra.get("recovery_path").and_then(Value::as_str);
    match own.filter(|path| !path.is_empty()) {
        Some(path) => format!("{}/", path.trim_end_matches('/')),
        None => format!("{}/redis/", storage::persistent_path(member)),
    }
}

/// The slots of each part of a database.
fn parts(cluster: &Cluster, bdb: BdbUid) -> BTreeSet<(u32, u32)> {
    cluster
        .databases
        .shards
        .of(bdb)
        .map(|shard| shard.slots)
        .collect()
}

fn is_persisted(database: &Database) -> bool {
    matches!(database.text("data_persistence"), "aof" | "snapshot")
}

/// Whether every part of a database can be loaded from `files`. One without persistence has nothing to load.
fn complete(cluster: &Cluster, database: &Database, files: &[Found]) -> bool {
    let covered = |slots: &(u32, u32)| {
        let mut files = files.iter().filter(|file| file.state == FileState::Sound);
        files.any(|file| file.data.slots == *slots)
    };
    !is_persisted(database) || parts(cluster, database.uid).iter().all(covered)
}

/// Bytes that are loaded from `files`: of each part the file that was written last.
fn bytes(cluster: &Cluster, bdb: BdbUid, files: &[Found]) -> u64 {
    let latest = |slots: &(u32, u32)| {
        let fitting = files
            .iter()
            .filter(|file| file.state == FileState::Sound && file.data.slots == *slots);
        fitting
            .max_by_key(|file| (file.modified, file.data.bytes))
            .map(|file| file.data.bytes)
    };
    parts(cluster, bdb).iter().filter_map(latest).sum()
}

pub(super) fn slots_text(slots: (u32, u32)) -> String {
    format!("{}-{}", slots.0, slots.1)
}

/// The files that are left of a database, and whether they suffice.
fn plan(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    if database.status != Status::Recovery {
        return Ok(Reply::json(json!({"data_files": [], "status": "idle"})));
    }
    let files = found(ctx.cluster, ctx.env, uid);
    let file = |file: &Found| {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
        let modified = file.modified.as_millisecond() as f64 / 1000.0;
        json!({
            "filename": file.name, "last_modified": modified, "node_uid": file.node.to_string(),
            "shard_role": file.data.role.as_str(), "shard_slots": slots_text(file.data.slots),
            "shard_uid": file.data.shard.to_string(), "size": file.data.bytes,
        })
    };
    let status = if complete(ctx.cluster, database, &files) {
        "ready"
    } else {
        "missing-files"
    };
    let usable = files.iter().filter(|file| file.state == FileState::Sound);
    let shown: Vec<Value> = usable.map(file).collect();
    Ok(Reply::json(json!({"data_files": shown, "status": status})))
}

/// Loads what is left, or what the body chooses of it, or nothing.
fn recover(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let body = ctx.body(&RECOVER)?;
    let idle = |database: &Database| database.status == Status::Recovery && database.change.is_none();
    let Some(database) = ctx.cluster.databases.get(uid).filter(|database| idle(database)) else {
        return Err(busy(uid));
    };
    let on = |key: &str| body.get(key) == Some(&json!(true));
    let named = body.get("data_files").and_then(Value::as_array);
    let files = match named.filter(|named| !named.is_empty()) {
        Some(named) => chosen(named, &found(ctx.cluster, ctx.env, uid), on("ignore_errors"))?,
        None => found(ctx.cluster, ctx.env, uid),
    };
    let mut fails = None;
    if !on("recover_without_data") && !on("ignore_errors") {
        // What is named is tried; what is only found and of no use counts as missing.
        if named.is_some() && files.iter().any(|file| file.state != FileState::Sound) {
            fails = Some("a data file cannot be loaded".to_owned());
        } else if !complete(ctx.cluster, database, &files) {
            let refusal = missing_files(uid);
            if !ctx.env.on(Switch::RecoveryFailsLate) {
                return Err(refusal);
            }
            fails = Some(refusal.description);
        }
    }
    if named.is_some_and(Vec::is_empty) && ctx.env.has(Bug::EmptyRecoveryPlanFails) {
        fails = Some("the recovery plan is empty; try again".to_owned());
    }
    let loaded = match on("recover_without_data") {
        true => 0,
        false => bytes(ctx.cluster, uid, &files),
    };
    let action_uid = start(ctx.cluster, ctx.env, uid, loaded, fails);
    ctx.commit();
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

/// The files that a plan names. One that is not there is an error unless errors are ignored.
fn chosen(named: &[Value], files: &[Found], ignore: bool) -> Result<Vec<Found>, ApiError> {
    let mut chosen = Vec::new();
    for entry in named {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let fits = |file: &&Found| {
            let slots = text("shard_slots");
            file.name == text("filename")
                && file.node.to_string() == text("node_uid")
                && (slots.is_empty() || slots == slots_text(file.data.slots))
        };
        match files.iter().find(fits) {
            Some(file) => chosen.push(file.clone()),
            None if ignore => {}
            None => {
                let text = format!("node {} has no file {}", text("node_uid"), text("filename"));
                return Err(ApiError::conflict("missing_files", text));
            }
        }
    }
    Ok(chosen)
}

fn missing_files(uid: BdbUid) -> ApiError {
    ApiError::conflict(
        "missing_files",
        format!(
            "not every part of database {uid} has a file; recover_without_data or ignore_errors accepts that"
        ),
    )
}

/// Starts the recovery of a database that will hold so many bytes. Shards whose node is not back are placed elsewhere.
fn start(cluster: &mut Cluster, env: &mut Env, uid: BdbUid, bytes: u64, fails: Option<String>) -> String {
    let gone = cluster
        .members
        .values()
        .any(|member| member.status == MemberStatus::Down);
    let fails = fails
        .or_else(|| {
            (gone && env.has(Bug::RecoveryNeedsEveryNode)).then(|| "a node is unavailable".to_owned())
        })
        .or_else(|| (!seated(cluster, env, uid)).then(|| "insufficient_resources".to_owned()));
    let length = env.timings.bdb_create;
    let action_uid = machine::start(cluster, env, uid, Change::Recover { bytes }, length);
    if let Some(database) = cluster.databases.get_mut(uid)
        && database.failing.is_none()
    {
        database.failing = fails;
    }
    action_uid
}

/// Gives every shard of the database a node that is up.
fn seated(cluster: &mut Cluster, env: &Env, uid: BdbUid) -> bool {
    let hosts = cluster.hosts(env);
    let Some(rules) = cluster
        .databases
        .get(uid)
        .map(|database| rules(cluster, &database.set))
    else {
        return false;
    };
    cluster.databases.shards.seat_lost(uid, &hosts, &rules).is_ok()
}

/// How long databases wait for files before they are recovered without, each length once.
pub(crate) fn recovery_waits(cluster: &Cluster) -> BTreeSet<Duration> {
    cluster
        .databases
        .iter()
        .filter_map(wait)
        .chain([Duration::ZERO])
        .collect()
}

fn wait(database: &Database) -> Option<Duration> {
    let secs = database.set.get("recovery_wait_time").and_then(Value::as_u64);
    secs.map(Duration::from_secs)
}

/// With the policy `auto_recovery`: recovers every database whose files are complete, or which has waited long enough.
pub(crate) fn recover_automatically(cluster: &mut Cluster, env: &mut Env) {
    let wanted = cluster.policy.get("auto_recovery") == Some(&json!(true));
    let Some(since) = cluster.recovered.filter(|_| wanted) else {
        return;
    };
    let waiting: Vec<BdbUid> = cluster
        .databases
        .iter()
        .filter(|database| database.status == Status::Recovery && database.change.is_none())
        .map(|database| database.uid)
        .collect();
    for uid in waiting {
        let files = found(cluster, env, uid);
        let Some(database) = cluster.databases.get(uid) else {
            continue;
        };
        let until = wait(database).and_then(|wait| since.checked_add(wait).ok());
        if complete(cluster, database, &files) || until.is_some_and(|until| until <= env.now) {
            let loaded = bytes(cluster, uid, &files);
            start(cluster, env, uid, loaded, None);
        }
    }
}

/// A node came back after its processes died, or on another machine: what only it held is gone, unless its disk has it.
pub(crate) fn lose_data(cluster: &mut Cluster, env: &Env, node: NodeUid, other_machine: bool) {
    let holds = |uid: NodeUid| {
        let member = cluster
            .members
            .get(&uid)
            .filter(|member| cluster.runs(env, member));
        let machine = member.and_then(|member| env.node(member.host));
        uid != node && machine.is_some_and(|machine| !machine.cold)
    };
    let shards = &cluster.databases.shards;
    let copied = |shard: &Shard| {
        let mut same = shards.of(shard.bdb).filter(|other| other.slots == shard.slots);
        same.any(|other| holds(other.node))
    };
    let saved = |shard: &Shard| {
        let persisted = cluster.databases.get(shard.bdb).is_some_and(is_persisted);
        let files = || found(cluster, env, shard.bdb);
        let here = |file: &Found| {
            file.node == node && file.data.slots == shard.slots && file.state == FileState::Sound
        };
        persisted && (!other_machine || files().iter().any(here))
    };
    let lost: Vec<BdbUid> = shards
        .on(node)
        .filter(|shard| !copied(shard) && !saved(shard))
        .map(|shard| shard.bdb)
        .collect();
    for bdb in lost {
        if let Some(database) = cluster.databases.get_mut(bdb) {
            let part = database.data_bytes / u64::from(database.demand().masters.max(1));
            database.data_bytes = database.data_bytes.saturating_sub(part);
        }
    }
}
