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
use crate::plan::Wait;
use crate::plan::certificate;
use crate::plan::database::Effort;
use crate::plan::database::under_way;
use crate::report::condition::Board;
use crate::report::condition::PASSWORD_SYNCED;
use crate::report::condition::READY;
use crate::report::condition::RECONCILING;
use crate::report::condition::STALLED;
use crate::report::condition::SYNCED;
use crate::report::condition::Sight;
use crate::report::condition::Truth;
use crate::report::condition::word;
use jiff::Timestamp;

/// The status of a database with one record taken in.
pub fn announce_database(object: &RedisDatabase, record: &Record, now: Timestamp) -> RedisDatabaseStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.apply(record);
    if let Some(effort) = intent(record).and_then(|intent| Effort::of_intent(intent.action)) {
        let wait = under_way(object, effort);
        let rotating = || Sight::because(Truth::False, wait.why, wait.detail.clone());
        let news = News {
            starts: effort == Effort::Create,
            ends: effort == Effort::Delete,
            own: (effort == Effort::Rotate).then(|| (PASSWORD_SYNCED, rotating())),
            ..News::of(&wait)
        };
        status.observed_generation = object.metadata.generation;
        status.conditions = news.conditions(&status.conditions, object.metadata.generation, now);
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
        let news = News {
            starts: true,
            ..News::of(&certificate::under_way(object))
        };
        status.observed_generation = object.metadata.generation;
        status.conditions = news.conditions(&status.conditions, object.metadata.generation, now);
    }
    status
}

/// The status of a cluster with one record taken in.
pub fn announce_cluster(object: &RedisCluster, record: &Record, now: Timestamp) -> RedisClusterStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.apply(record);
    if let Some(intent) = intent(record) {
        let news = News {
            starts: status.identity.is_none(),
            ..News::of(&cluster_effort(intent))
        };
        status.observed_generation = object.metadata.generation;
        status.conditions = news.conditions(&status.conditions, object.metadata.generation, now);
    }
    status
}

fn intent(record: &Record) -> Option<&Intent> {
    match record {
        Record::Intent(intent) => Some(intent),
        Record::Resolved
        | Record::NodePin { .. }
        | Record::ApiCertificatePin(_)
        | Record::Identity(_)
        | Record::Node { .. }
        | Record::NodeMaintenance { .. }
        | Record::NodeGone { .. }
        | Record::Database { .. }
        | Record::PasswordVersion(_)
        | Record::Certificate { .. } => None,
    }
}

/// What an intent of a cluster leads to, as it is waited for.
pub(super) fn cluster_effort(intent: &Intent) -> Wait {
    let target = &intent.target;
    let (why, what) = match intent.action {
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
    };
    Wait {
        what,
        why,
        detail: "Redis Enterprise has been asked to".to_owned(),
    }
}

/// What an intent changes about what an object says.
struct News {
    reason: String,
    message: String,
    /// Nothing is ready before it is done.
    starts: bool,
    /// Nothing is ready from now on.
    ends: bool,
    /// A condition of the kind's own.
    own: Option<(&'static str, Sight)>,
}

impl News {
    fn of(wait: &Wait) -> Self {
        Self {
            reason: word(wait.why),
            message: format!("{}: {}", wait.what, wait.detail),
            starts: false,
            ends: false,
            own: None,
        }
    }

    fn conditions(self, previous: &[Condition], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
        let mut board = Board::new(previous, generation, now);
        let last = |board: &Board<'_>, type_| {
            let pending = || Sight::new(Truth::Unknown, "Pending", "nothing is known yet");
            board.last_sight(type_).unwrap_or_else(pending)
        };
        let ready = if self.starts || self.ends {
            Sight::new(Truth::False, &self.reason, self.message.clone())
        } else {
            last(&board, READY)
        };
        let synced = if self.starts {
            Sight::new(Truth::False, "PendingApply", self.message.clone())
        } else {
            last(&board, SYNCED)
        };
        board.set(READY, ready);
        board.set(SYNCED, synced);
        board.set(RECONCILING, Sight::new(Truth::True, &self.reason, self.message));
        let told = |type_: &str| {
            [READY, SYNCED, RECONCILING, STALLED].contains(&type_)
                || self.own.as_ref().is_some_and(|(own, _)| *own == type_)
        };
        for kept in previous.iter().filter(|condition| !told(&condition.type_)) {
            let sight = last(&board, &kept.type_);
            board.set(&kept.type_, sight);
        }
        if let Some((type_, sight)) = self.own {
            board.set(type_, sight);
        }
        board.finish()
    }
}
