//! What to do next for a RedisDatabase.

use crate::api::ClusterIdentity;
use crate::plan::Input;
use crate::plan::access::ClusterAccess;
use crate::plan::access::ClusterKey;
use crate::plan::gate::OwnedBdb;
use crate::rest::model::Bdb;
use crate::rest::model::BdbUid;
use crate::rest::model::DatabaseVersion;
use crate::rest::model::JsonMap;
use crate::rest::model::Tag;
use secrecy::SecretString;
use std::collections::BTreeMap;

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
    /// PUT `/v1/bdbs/{uid}` with the tags that mark it as released.
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
