//! One RedisDatabase under decision: its spec, what is recorded of it, and the words that its holds and waits have in common.

use crate::api::ClusterIdentity;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::ON_DELETE_ANNOTATION;
use crate::api::Reason;
use crate::api::RedisDatabase;
use crate::api::RedisDatabaseSpec;
use crate::api::RedisDatabaseStatus;
use crate::api::is_orphaned;
use crate::api::is_paused;
use crate::plan::Hold;
use crate::plan::Wait;
use crate::plan::access::ClusterAccess;
use crate::plan::database::Inputs;
use crate::plan::database::Seen;
use crate::plan::database::fields::FIELDS;
use crate::plan::field;
use crate::plan::gate::Claim;
use crate::plan::gate::OwnedBdb;
use crate::rest::model::Bdb;
use jiff::SignedDuration;
use jiff::Timestamp;
use std::borrow::Cow;

/// Longest time after which a call whose reply was lost may still take effect: its deadline and some slack.
const CALL_SECS_MAX: i64 = 120;

pub(super) struct Case<'a> {
    pub(super) object: &'a RedisDatabase,
    pub(super) spec: &'a RedisDatabaseSpec,
    pub(super) status: Cow<'a, RedisDatabaseStatus>,
    pub(super) inputs: &'a Inputs,
    pub(super) now: Timestamp,
}

impl<'a> Case<'a> {
    pub(super) fn new(object: &'a RedisDatabase, inputs: &'a Inputs, now: Timestamp) -> Self {
        let status = object
            .status
            .as_ref()
            .map_or_else(|| Cow::Owned(RedisDatabaseStatus::default()), Cow::Borrowed);
        Self {
            object,
            spec: &object.spec,
            status,
            inputs,
            now,
        }
    }

    pub(super) fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn paused(&self) -> bool {
        is_paused(&self.object.metadata)
    }

    pub(super) fn orphaned(&self) -> bool {
        is_orphaned(&self.object.metadata)
    }

    pub(super) fn policy(&self) -> ManagementPolicy {
        self.spec.management_policy.unwrap_or_default()
    }

    /// Value of our ownership tag.
    pub(super) fn owner(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Name of the database in Redis Enterprise.
    pub(super) fn name(&self) -> &str {
        database_name(self.object)
    }

    /// Proves a database ours that bears our tag. While its creation is being resolved no uid is recorded, and it is the
    /// only one with our tag that counts.
    pub(super) fn prove(&self, bdb: &Bdb, answered_by: &ClusterIdentity) -> Option<OwnedBdb> {
        let trusted = self
            .inputs
            .access
            .as_ref()
            .ok()
            .and_then(|access| access.identity.as_ref());
        let claim = Claim {
            owner: self.owner(),
            uid: self.status.uid.or(Some(bdb.uid.0)),
            identity: self.status.cluster_identity.as_ref().or(trusted),
        };
        OwnedBdb::prove(claim, answered_by, bdb)
    }

    /// The intent of this kind, if it is the one recorded.
    pub(super) fn intent(&self, action: IntentAction) -> Option<&Intent> {
        self.status
            .intent
            .as_ref()
            .filter(|intent| intent.action == action)
    }

    /// Whether a call decided then may still take effect.
    pub(super) fn may_still_arrive(&self, intent: &Intent) -> bool {
        intent
            .time
            .parse::<Timestamp>()
            .is_ok_and(|time| self.within(time, CALL_SECS_MAX))
    }

    pub(super) fn within(&self, since: Timestamp, secs: i64) -> bool {
        self.now.duration_since(since) < SignedDuration::from_secs(secs)
    }

    pub(super) fn new_intent(&self, action: IntentAction, target: String, detail: Option<String>) -> Intent {
        Intent {
            action,
            target,
            time: self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            generation: self.object.metadata.generation.unwrap_or_default(),
            detail,
        }
    }

    /// A call that cannot be repeated waits until those of a previous leader have run out.
    pub(super) fn takeover(&self, what: &str) -> Option<Hold> {
        self.inputs
            .takeover_until
            .filter(|until| self.now < *until)
            .map(|_| {
                let detail = "a new leader lets the calls of the previous one run out first";
                Hold {
                    what: self.what(what),
                    why: Reason::TakeoverWait,
                    detail: detail.to_owned(),
                }
            })
    }

    pub(super) fn what(&self, verb: &str) -> String {
        format!("{verb} database {}", self.name())
    }

    pub(super) fn hold(&self, why: Reason, detail: String) -> Hold {
        Hold {
            what: format!("database {}", self.name()),
            why,
            detail,
        }
    }

    /// Something is held by what is wrong with an input.
    pub(super) fn held_by(&self, verb: &str, input: &Hold) -> Hold {
        Hold {
            what: self.what(verb),
            why: input.why,
            detail: format!("{}: {}", input.what, input.detail),
        }
    }

    pub(super) fn wait(&self, verb: &str, why: Reason, detail: String) -> Wait {
        Wait {
            what: self.what(verb),
            why,
            detail,
        }
    }

    /// The cluster that answers must be the one that its RedisCluster stands for, and the one recorded here.
    pub(super) fn identity(&self, access: &ClusterAccess, seen: &Seen) -> Option<Hold> {
        let Some(trusted) = &access.identity else {
            let detail = format!("RedisCluster {} has not been created yet", self.inputs.cluster);
            return Some(self.hold(Reason::WaitingForCluster, detail));
        };
        let recorded = self.status.cluster_identity.as_ref();
        [Some(trusted), recorded].into_iter().flatten().find(|known| **known != seen.identity).map(|known| {
            let detail = format!(
                "{} answers, but {} is recorded; nothing is sent; if the cluster was rebuilt on purpose, delete this \
                 object with the annotation {ON_DELETE_ANNOTATION}: orphan and apply it again",
                describe(&seen.identity),
                describe(known)
            );
            self.hold(Reason::IdentityMismatch, detail)
        })
    }

    /// What the spec asks for that cannot be, whatever the cluster is like.
    pub(super) fn invalid(&self) -> Vec<Hold> {
        let (_, mut holds) = field::wanted(FIELDS, self.spec);
        let name = self.name();
        let inner = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if name.is_empty() || !inner || name.len() > 63 || name.starts_with('-') || name.ends_with('-') {
            let detail = format!(
                "`{name}` cannot be the name of a database: it must have letters, digits and inner hyphens only, 63 at most; \
                 set spec.databaseName"
            );
            holds.push(self.hold(Reason::InvalidSpec, detail));
        }
        holds
    }
}

/// Name of the database in Redis Enterprise: `spec.databaseName`, or the object's name.
pub(super) fn database_name(object: &RedisDatabase) -> &str {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    object.spec.database_name.as_deref().unwrap_or(name)
}

fn describe(identity: &ClusterIdentity) -> String {
    format!("cluster {} created {}", identity.name, identity.created_time)
}
