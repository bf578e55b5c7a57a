//! What an object says from the moment at which an intent is recorded. It goes out with the record, in one write, and is
//! what the report of the same pass will say.

use crate::api::ClusterCertificate;
use crate::api::ClusterCertificateStatus;
use crate::api::Condition;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::Reason;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::api::RedisClusterStatus;
use crate::api::RedisDatabase;
use crate::api::RedisDatabaseStatus;
use crate::plan::certificate;
use crate::plan::database::Effort;
use crate::report::condition::Board;
use crate::report::condition::READY;
use crate::report::condition::RECONCILING;
use crate::report::condition::STALLED;
use crate::report::condition::SYNCED;
use crate::report::condition::Sight;
use crate::report::condition::Truth;
use crate::report::condition::word;
use crate::report::database::announced;
use jiff::Timestamp;

/// The status of a database with one record taken in.
pub fn announce_database(object: &RedisDatabase, record: &Record, now: Timestamp) -> RedisDatabaseStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.apply(record);
    let effort = intent(record).and_then(|intent| Effort::of_intent(intent.action));
    if let Some(effort) = effort {
        let (reason, message) = announced(object, effort);
        let fresh = effort == Effort::Create;
        status.conditions = conditions(
            &status.conditions,
            object.metadata.generation,
            now,
            &reason,
            &message,
            fresh,
        );
        status.observed_generation = object.metadata.generation;
    }
    status
}

/// The status of a certificate with one record taken in.
pub fn announce_certificate(
    object: &ClusterCertificate,
    record: &Record,
    now: Timestamp,
) -> ClusterCertificateStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.apply(record);
    if intent(record).is_some() {
        let wait = certificate::under_way(object);
        let message = format!("{}: {}", wait.what, wait.detail);
        let generation = object.metadata.generation;
        let fresh = status.fingerprint.is_none();
        status.conditions = conditions(
            &status.conditions,
            generation,
            now,
            &word(wait.why),
            &message,
            fresh,
        );
        status.observed_generation = generation;
    }
    status
}

/// The status of a cluster with one record taken in.
pub fn announce_cluster(object: &RedisCluster, record: &Record, now: Timestamp) -> RedisClusterStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.apply(record);
    if let Some(intent) = intent(record) {
        let (reason, message) = cluster_effort(intent);
        let generation = object.metadata.generation;
        let fresh = status.identity.is_none();
        status.conditions = conditions(
            &status.conditions,
            generation,
            now,
            &word(reason),
            &message,
            fresh,
        );
        status.observed_generation = generation;
    }
    status
}

/// What an intent of a cluster leads to.
fn cluster_effort(intent: &Intent) -> (Reason, String) {
    let target = &intent.target;
    match intent.action {
        IntentAction::CreateCluster => (Reason::Bootstrapping, format!("create the cluster on {target}")),
        IntentAction::JoinNode => (Reason::Joining, format!("join node {target}")),
        IntentAction::MaintenanceOn => (Reason::Maintenance, format!("put node {target} into maintenance")),
        IntentAction::MaintenanceOff => (
            Reason::Maintenance,
            format!("take node {target} out of maintenance"),
        ),
        IntentAction::RemoveNode => (Reason::Removing, format!("remove node {target}")),
        IntentAction::CreateDatabase
        | IntentAction::DeleteDatabase
        | IntentAction::ChangePassword
        | IntentAction::ReplaceCertificate => (Reason::Updating, format!("change {target}")),
    }
}

fn intent(record: &Record) -> Option<&Intent> {
    match record {
        Record::Intent(intent) => Some(intent),
        _ => None,
    }
}

/// The conditions from now on. `fresh`: there is nothing yet that could be ready.
fn conditions(
    previous: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
    reason: &str,
    message: &str,
    fresh: bool,
) -> Vec<Condition> {
    let mut board = Board::new(previous, generation, now);
    let pending = || Sight::new(Truth::Unknown, "Pending", "nothing is known yet");
    if fresh {
        board.set(READY, Sight::new(Truth::False, reason, message));
        board.set(SYNCED, Sight::new(Truth::False, "PendingApply", message));
    } else {
        for type_ in [READY, SYNCED] {
            let last = board.last_sight(type_).unwrap_or_else(pending);
            board.set(type_, last);
        }
    }
    board.set(RECONCILING, Sight::new(Truth::True, reason, message));
    let common = [READY, SYNCED, RECONCILING, STALLED];
    for own in previous
        .iter()
        .filter(|condition| !common.contains(&condition.type_.as_str()))
    {
        let last = board.last_sight(&own.type_).unwrap_or_else(pending);
        board.set(&own.type_, last);
    }
    board.finish()
}
