//! What to do next for a RedisDatabase.
//!
//! Stages, in order: deletion, inputs, identity, ownership, creation, password, fields, connection Secret. The first that
//! wants a call ends the wave.

pub mod audit;
mod case;
mod connection;
mod create;
mod deletion;
mod facts;
pub mod fields;
mod ownership;
mod password;
#[cfg(test)]
pub(crate) mod tests;
mod under_way;

use crate::api::ClusterIdentity;
use crate::api::ManagementPolicy;
use crate::api::Reason;
use crate::api::RedisDatabase;
use crate::plan::Hold;
use crate::plan::Input;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Wait;
use crate::plan::access::ClusterAccess;
use crate::plan::access::ClusterKey;
use crate::plan::gate::OwnedBdb;
use crate::rest::model::Bdb;
use crate::rest::model::BdbStatus;
use crate::rest::model::BdbUid;
use crate::rest::model::DatabaseVersion;
use crate::rest::model::JsonMap;
use crate::rest::model::Tag;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;

use case::Case;
pub use facts::Facts;
pub use facts::facts;
use ownership::Found;
pub use under_way::Effort;
pub use under_way::under_way;

/// What a RedisDatabase refers to, and what else in Kubernetes bears on it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The RedisCluster that it refers to.
    pub cluster: ClusterKey,
    /// How that cluster is reached; a hold while it is missing, not created yet, or its Secrets are unusable.
    pub access: Input<ClusterAccess>,
    /// Whether the RedisCluster object exists (false: missing or gone). Bears on deletion.
    pub cluster_exists: bool,
    /// The password, if the spec refers to one.
    pub password: Input<Option<Password>>,
    /// Data of the connection Secret as it stands, if the spec names one and it exists.
    pub connection: Option<BTreeMap<String, SecretString>>,
    /// The mass-deletion breaker as this deletion finds it.
    pub breaker: Breaker,
    /// Until when calls that cannot be repeated wait for those of a previous leader to run out.
    pub takeover_until: Option<jiff::Timestamp>,
}

/// The password of a database.
#[derive(Clone, Debug)]
pub enum Password {
    /// The Secret holds one.
    Given {
        /// The password.
        value: SecretString,
        /// Uid and resourceVersion of the Secret, as `<uid>/<resourceVersion>`.
        version: String,
    },
    /// The Secret does not exist and the spec wants it generated.
    ToGenerate {
        /// Name of the Secret.
        secret: String,
        /// Key that takes the password.
        key: String,
    },
}

/// The mass-deletion breaker of a cluster: more than `limit` deletions with data within ten minutes need a human.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Deletions sent within the last ten minutes, and databases that wait to be deleted; this one counts.
    pub deletions: usize,
    /// Most that go without acknowledgement: the larger of 3 and 10 % of the cluster's databases.
    pub limit: usize,
    /// The value that `regent.dev/acknowledge-deletions` on the RedisCluster must have to let them go.
    pub nonce: String,
    /// Whether it has that value.
    pub acknowledged: bool,
}

/// What was seen of the database and of its cluster, in one pass.
#[derive(Clone, Debug)]
pub enum Observed {
    /// The cluster may not be asked: its access is held. Nothing is known.
    Unasked,
    /// The cluster was asked and answered in full.
    Seen(Box<Seen>),
}

/// A complete answer about one database.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who answered.
    pub identity: ClusterIdentity,
    /// Databases that bear the object's uid in their ownership tag, the uid in its status, or its database name.
    pub bdbs: Vec<Bdb>,
    /// Database versions that every node can run.
    pub versions: Vec<DatabaseVersion>,
    /// Memory in use by the owned database, in bytes; asked only when the spec wants less than the limit in force.
    pub used_memory_bytes: Option<u64>,
    /// The `proxy` certificate chain, PEM; asked only when a connection Secret wants it.
    pub proxy_certificate_pem: Option<String>,
}

/// A mutation of a database. Those that must not be repeated come right after the [`Record`](crate::api::Record) of their
/// intent.
#[derive(Clone, Debug)]
pub enum Action {
    /// POST `/v1/bdbs`; the executor adds the password of the inputs.
    Create {
        /// The whole body but the password.
        body: JsonMap,
    },
    /// PUT `/v1/bdbs/{uid}` with only these fields.
    Update {
        /// The database.
        bdb: OwnedBdb,
        /// Fields to change.
        body: JsonMap,
    },
    /// PUT `/v1/bdbs/{uid}` with the tags that make it ours; the first call to a database that is taken over.
    Adopt {
        /// The database, which nobody owned a moment ago.
        bdb: BdbUid,
        /// All its tags, ours included.
        tags: Vec<Tag>,
    },
    /// PUT `/v1/bdbs/{uid}` with the tags that mark it as released. One attempt: its failure does not end the pass, for the
    /// object goes either way.
    MarkReleased {
        /// The database.
        bdb: OwnedBdb,
        /// All its tags.
        tags: Vec<Tag>,
    },
    /// POST `/v1/bdbs/{uid}/passwords`: the password of the inputs is accepted beside the one before.
    AddPassword(OwnedBdb),
    /// PUT `/v1/bdbs/{uid}/passwords`: only the password of the inputs is accepted.
    ReplacePasswords(OwnedBdb),
    /// DELETE `/v1/bdbs/{uid}`.
    Delete(OwnedBdb),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = |f: &mut fmt::Formatter<'_>, body: &JsonMap| match serde_json::to_string(body) {
            Ok(text) => f.write_str(&text),
            Err(_) => f.write_str("{}"),
        };
        let tags = |tags: &[Tag]| {
            tags.iter()
                .map(|tag| format!("{}={}", tag.key, tag.value))
                .collect::<Vec<_>>()
                .join(" ")
        };
        match self {
            Self::Create { body } => {
                f.write_str("create database ")?;
                json(f, body)
            }
            Self::Update { bdb, body } => {
                write!(f, "change database {} ", bdb.get())?;
                json(f, body)
            }
            Self::Adopt { bdb, tags: all } => write!(f, "take over database {bdb}: tags {}", tags(all)),
            Self::MarkReleased { bdb, tags: all } => {
                write!(f, "mark database {} as released: tags {}", bdb.get(), tags(all))
            }
            Self::AddPassword(bdb) => write!(f, "add the new password to database {}", bdb.get()),
            Self::ReplacePasswords(bdb) => {
                write!(f, "make the new password the only one of database {}", bdb.get())
            }
            Self::Delete(bdb) => write!(f, "delete database {} and its data", bdb.get()),
        }
    }
}

/// Decides the next wave for a database. Total: whatever is wrong is a hold.
///
/// Observe mode plans no step, and neither does a paused object, unless it is to be released.
pub fn plan(
    object: &RedisDatabase,
    inputs: &Inputs,
    observed: &Observed,
    now: jiff::Timestamp,
) -> Plan<Action> {
    let case = Case::new(object, inputs, now);
    if case.deleting() {
        return deletion::plan(&case, observed);
    }
    let mut plan = Plan::default();
    if case.paused() {
        return plan;
    }
    match (&inputs.access, observed) {
        (Err(hold), _) => plan.holds.push(hold.clone()),
        (Ok(_), Observed::Unasked) => plan.holds.push(case.hold(
            Reason::ClusterUnreachable,
            format!("RedisCluster {} was not asked", inputs.cluster),
        )),
        (Ok(access), Observed::Seen(seen)) => {
            plan.holds = case
                .identity(access, seen)
                .map_or_else(|| case.invalid(), |hold| vec![hold]);
            match case.policy() {
                _ if !plan.holds.is_empty() => {}
                ManagementPolicy::Observe => observe(&case, seen, &mut plan),
                ManagementPolicy::Enforce | ManagementPolicy::Plan => converge(&case, seen, &mut plan),
            }
        }
    }
    plan
}

/// Reports how what is there differs from the spec, and plans nothing.
fn observe(case: &Case<'_>, seen: &Seen, plan: &mut Plan<Action>) {
    match ownership::subject(case.object, seen) {
        Some(bdb) => plan.drift = fields::compare(case.spec, bdb, None).drift,
        None => plan.holds.push(case.hold(
            Reason::Missing,
            format!(
                "cluster {} has no database of this name; create it, or correct spec.databaseName",
                seen.identity.name
            ),
        )),
    }
}

fn converge(case: &Case<'_>, seen: &Seen, plan: &mut Plan<Action>) {
    match ownership::find(case, seen) {
        Found::Held(hold) => plan.holds.push(hold),
        Found::Waiting(wait) => plan.waits.push(wait),
        Found::Absent => create::create(case, seen, plan),
        Found::Unowned(bdb) => create::adopt(case, bdb, plan),
        Found::Ours(bdb, owned) => match state(case, bdb) {
            State::Settled => settle(case, seen, bdb, owned, plan),
            State::Serving(wait) => {
                plan.waits.push(wait);
                plan.drift = fields::compare(case.spec, bdb, seen.used_memory_bytes).drift;
                connection::publish(case, seen, bdb, plan);
            }
            State::Waiting(wait) => plan.waits.push(wait),
            State::Failed(hold) => plan.holds.push(hold),
        },
    }
}

/// What the status of a database lets us do.
enum State {
    /// Anything.
    Settled,
    /// Wait for a change to end; clients are served.
    Serving(Wait),
    /// Wait.
    Waiting(Wait),
    /// Nothing.
    Failed(Hold),
}

fn state(case: &Case<'_>, bdb: &Bdb) -> State {
    let status = format!("its status is {}", bdb.status);
    match &bdb.status {
        BdbStatus::Active => State::Settled,
        BdbStatus::Pending => State::Waiting(under_way(case.object, Effort::Create)),
        BdbStatus::ActiveChangePending => State::Serving(under_way(case.object, Effort::Change)),
        BdbStatus::ImportPending => State::Serving(case.wait("change", Reason::Updating, status)),
        BdbStatus::DeletePending => State::Waiting(case.wait("change", Reason::Deleting, status)),
        BdbStatus::Recovery | BdbStatus::Unknown(_) => State::Waiting(case.wait("change", Reason::Updating, status)),
        BdbStatus::CreationFailed => State::Failed(case.hold(
            Reason::CreationFailed,
            format!(
                "Redis Enterprise could not create it and left database {} behind; find the cause in the cluster's log, \
                 delete database {} there, then delete this object and apply it again",
                bdb.uid, bdb.uid
            ),
        )),
    }
}

/// Brings an owned database that is in service in line with the spec.
fn settle(case: &Case<'_>, seen: &Seen, bdb: &Bdb, owned: OwnedBdb, plan: &mut Plan<Action>) {
    let change = fields::compare(case.spec, bdb, seen.used_memory_bytes);
    plan.drift = change.drift;
    plan.holds.extend(change.holds);
    password::rotate(case, seen, bdb, owned, plan);
    if !plan.steps.is_empty() {
        return;
    }
    connection::publish(case, seen, bdb, plan);
    if !change.body.is_empty() {
        plan.steps.push(Step::Call(Action::Update {
            bdb: owned,
            body: change.body,
        }));
    }
}
