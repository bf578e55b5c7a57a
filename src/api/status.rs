//! What every status has in common: conditions, reasons, and the records written before an action.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// One observation about an object, in the form that `kubectl wait` and kstatus read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is observed: `Ready`, `Synced`, `Reconciling`, `Stalled` and some that only one kind has.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Generation of the spec that the observation was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last changed.
    pub last_transition_time: String,
    /// One word for the cause; stable across releases.
    pub reason: String,
    /// The cause in words, with the remedy where a human is needed.
    pub message: String,
}

/// Why something is not done now, or what came of it. Feeds holds, waits, conditions, Events, metric labels and CLI text.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumIter,
)]
pub enum Reason {
    // A human is needed: the object is Stalled.
    /// The spec asks for something that cannot be.
    InvalidSpec,
    /// The RedisCluster that is referred to does not exist.
    RefNotFound,
    /// A Secret that is referred to does not exist.
    SecretNotFound,
    /// A Secret lacks a key or holds something unusable.
    SecretInvalid,
    /// Redis Enterprise rejected user name and password.
    CredentialsRejected,
    /// A node shows a certificate that nothing vouches for.
    TlsVerifyFailed,
    /// Something of this name exists already and may not be taken over.
    AlreadyExists,
    /// The database, cluster or certificate belongs to another object.
    OwnershipConflict,
    /// The node or cluster that answers is not the one recorded.
    IdentityMismatch,
    /// The database was there and is gone.
    Missing,
    /// The change would lower protection and is not listed under `allowDowngrades`.
    DowngradeNotAllowed,
    /// The change is not possible on a live object.
    UnsupportedChange,
    /// Other objects refer to it and go first.
    InUse,
    /// The certificate, its key or its chain is unusable.
    CertificateInvalid,
    /// Too many databases are being deleted at once.
    MassDeletion,
    /// The cluster has no room for what is asked.
    InsufficientCapacity,
    /// The licence does not cover what is asked.
    LicenseLimit,
    /// The licence has expired.
    LicenseExpired,
    /// Redis Enterprise rejected the request.
    Rejected,
    /// Redis Enterprise accepts the change and keeps what it had.
    NoEffect,
    /// Creating the cluster failed.
    BootstrapFailed,
    /// Joining the node failed.
    JoinFailed,
    /// Creating the database failed.
    CreationFailed,
    /// The node action failed.
    NodeActionFailed,
    /// Regent met something that it does not understand.
    InternalError,

    // It clears by itself: the object is Reconciling.
    /// A node or the cluster does not answer.
    ClusterUnreachable,
    /// The cluster that is referred to is not ready yet.
    WaitingForCluster,
    /// A reference may still appear.
    WaitingForRef,
    /// Another node is out, leaving or joining.
    OneNodeAtATime,
    /// Quorum would not survive.
    QuorumAtRisk,
    /// A database is not active, so the cluster is left alone.
    DatabasesNotActive,
    /// A database could not survive without the node.
    DatabaseAtRisk,
    /// A certificate is being replaced.
    CertificateChange,
    /// A node is being disrupted.
    Disruption,
    /// A task of the cluster is running.
    TaskRunning,
    /// A new leader lets the calls of the previous one run out first.
    TakeoverWait,
    /// Redis Enterprise is busy with the same object.
    Busy,
    /// The cluster is being created.
    Bootstrapping,
    /// A node is joining.
    Joining,
    /// A node is leaving.
    Removing,
    /// A node is going into maintenance or coming out.
    Maintenance,
    /// The database is being created.
    Creating,
    /// The database is being changed.
    Updating,
    /// The database is being deleted.
    Deleting,
    /// A password is being rotated.
    Rotating,
    /// A certificate is being applied.
    Applying,
    /// The outcome of a call is not known yet.
    OutcomeUnknown,
}

/// Something decided and written down before the call that it leads to, so that after a crash it is resolved by reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// What was decided.
    pub action: IntentAction,
    /// What it is done to: the name of a node, or the uid or name of a database or certificate.
    pub target: String,
    /// When it was decided.
    pub time: String,
    /// Generation of the spec that it follows from.
    pub generation: i64,
    /// What else is needed to resolve it, such as a fingerprint or the resourceVersion of a Secret; never a secret value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What an intent may be.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, strum::EnumIter,
)]
pub enum IntentAction {
    /// Create the cluster on the seed node.
    CreateCluster,
    /// Join a node.
    JoinNode,
    /// Put a node into maintenance.
    MaintenanceOn,
    /// Take a node out of maintenance.
    MaintenanceOff,
    /// Remove a node.
    RemoveNode,
    /// Create the database.
    CreateDatabase,
    /// Delete the database and its data.
    DeleteDatabase,
    /// Change the database's password.
    ChangePassword,
    /// Replace a certificate of the cluster.
    ReplaceCertificate,
}

/// What a step writes to the object's status before the step after it acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The intent of a call that must not be repeated. Replaces the intent before it.
    Intent(Intent),
    /// The intent was resolved: nothing is under way any more.
    Resolved,
    /// The pin of the certificate that a fresh node showed first (RedisCluster).
    NodePin {
        /// Name of the node in the spec.
        node: String,
        /// Its address.
        address: String,
        /// Port of its REST API.
        port: u16,
        /// Its pin, `sha256/<base64>`.
        pin: String,
    },
    /// The pin of the cluster's own `api` certificate; `None` forgets it because the authority vouches (RedisCluster).
    ApiCertificatePin(Option<String>),
    /// The identity of the cluster that this object stands for (all kinds).
    Identity(crate::api::ClusterIdentity),
    /// A node that belongs to the cluster, by name, with the uid that Redis Enterprise gave it (RedisCluster).
    Node {
        /// Name of the node in the spec.
        node: String,
        /// Its address.
        address: String,
        /// Port of its REST API.
        port: u16,
        /// Its uid.
        uid: u32,
    },
    /// A node went into maintenance, or came out, because this object asked for it (RedisCluster).
    NodeMaintenance {
        /// Name under which it is recorded.
        node: String,
        /// Whether it is in maintenance now.
        on: bool,
    },
    /// A node that has left the cluster (RedisCluster).
    NodeGone {
        /// Name under which it was recorded.
        node: String,
    },
    /// The database that this object owns (RedisDatabase).
    Database {
        /// Its uid.
        uid: u32,
        /// Whether it existed before and was taken over.
        adopted: bool,
    },
    /// The version of the password Secret that the database now has (RedisDatabase).
    PasswordVersion(String),
    /// The certificate that is served by every node now (ClusterCertificate).
    Certificate {
        /// SHA-256 fingerprint of the leaf, lower-case hexadecimal.
        fingerprint: String,
        /// Pin of its public key, `sha256/<base64>`.
        pin: String,
    },
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Intent(intent) => write!(f, "{:?} {}", intent.action, intent.target),
            Self::Resolved => f.write_str("nothing is under way"),
            Self::NodePin { node, pin, .. } => write!(f, "node {node} shows {pin}"),
            Self::ApiCertificatePin(Some(pin)) => write!(f, "the cluster shows {pin}"),
            Self::ApiCertificatePin(None) => f.write_str("the authority vouches for the cluster"),
            Self::Identity(identity) => {
                write!(f, "cluster {} created {}", identity.name, identity.created_time)
            }
            Self::Node { node, uid, .. } => write!(f, "node {node} has uid {uid}"),
            Self::NodeMaintenance { node, on: true } => write!(f, "node {node} is in maintenance"),
            Self::NodeMaintenance { node, on: false } => write!(f, "node {node} is out of maintenance"),
            Self::NodeGone { node } => write!(f, "forget node {node}"),
            Self::Database { uid, adopted: false } => write!(f, "database {uid} is ours"),
            Self::Database { uid, adopted: true } => write!(f, "database {uid} is taken over"),
            Self::PasswordVersion(version) => write!(f, "the password is that of Secret version {version}"),
            Self::Certificate { fingerprint, .. } => write!(f, "every node has certificate {fingerprint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn reasons_serialize_as_their_own_names() {
        for reason in Reason::iter() {
            assert_eq!(serde_json::to_value(reason).unwrap(), format!("{reason:?}"));
        }
    }
}
