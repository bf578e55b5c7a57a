//! What to do next for a RedisCluster.

use crate::api::CertificateRole;
use crate::plan::Input;
use crate::plan::access::ClusterAccess;
use crate::plan::gate::Permit;
use crate::rest::model::Bdb;
use crate::rest::model::Bootstrap;
use crate::rest::model::Cluster;
use crate::rest::model::JsonMap;
use crate::rest::model::License;
use crate::rest::model::Node;
use crate::rest::model::NodeStatus;
use crate::rest::model::NodeTask;
use crate::rest::model::NodeUid;
use std::collections::BTreeMap;
use std::fmt;

/// What a RedisCluster refers to, and what else in Kubernetes bears on it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// How the cluster is reached; a hold when the credentials or the CA Secret are missing or unusable.
    pub access: Input<ClusterAccess>,
    /// The licence text, if one is referred to.
    pub license: Input<Option<String>>,
    /// An older RedisCluster that claims the same cluster name or one of the same node addresses, as `namespace/name`.
    pub claimed_by: Option<String>,
    /// ClusterCertificates of this cluster, as far as they bear on trust or exclude a disruption.
    pub certificates: Vec<CertificateState>,
    /// RedisDatabases and ClusterCertificates that refer to this cluster; while it is being deleted they go first.
    pub dependents: Vec<String>,
    /// Until when calls that cannot be repeated wait for those of a previous leader to run out.
    pub takeover_until: Option<jiff::Timestamp>,
}

/// What a ClusterCertificate is about, for its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateState {
    /// Name of the ClusterCertificate.
    pub name: String,
    /// Which certificate.
    pub certificate: CertificateRole,
    /// Pin of the certificate that it has put in place, or is about to.
    pub pins: Vec<String>,
    /// Whether a replacement is under way.
    pub under_way: bool,
}

/// What was seen of a cluster and of each listed node, in one pass.
#[derive(Clone, Debug)]
pub struct Observed {
    /// One entry for each node of the spec, in its order.
    pub nodes: Vec<NodeObserved>,
    /// The cluster, as its members report it; `None` when no listed node belongs to it or it may not be asked.
    pub live: Option<Live>,
}

/// What was seen of one listed node.
#[derive(Clone, Debug)]
pub struct NodeObserved {
    /// Name in `spec.nodes`.
    pub name: String,
    /// What it showed.
    pub contact: Contact,
    /// The certificate that it showed, when the handshake got that far.
    pub presented: Option<Presented>,
}

/// How far contact with a node got.
#[derive(Clone, Debug)]
pub enum Contact {
    /// Nobody answers.
    Unreachable {
        /// What went wrong, in words.
        error: String,
    },
    /// It showed a certificate for which nothing vouches yet; nothing was sent.
    Unverified,
    /// It showed another certificate than the one that vouches for it; nothing was sent.
    Mismatched,
    /// It answered GET `/v1/bootstrap` without credentials: it does not belong to a cluster yet.
    Fresh(Box<Bootstrap>),
    /// It belongs to some cluster: GET `/v1/bootstrap` wants credentials.
    Joined,
}

/// A certificate that a node showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Pin of its public key, `sha256/<base64>`.
    pub pin: String,
    /// Whether it names the cluster (`clusterName`).
    pub names_cluster: bool,
    /// Whether it is its own issuer.
    pub self_signed: bool,
    /// Whether the CA of the spec vouches for it under the cluster's name.
    pub vouched: bool,
}

/// What the members of the cluster report. Complete: a failed read of any part is an error, not a gap.
#[derive(Clone, Debug)]
pub struct Live {
    /// The cluster.
    pub cluster: Cluster,
    /// Its policy.
    pub policy: JsonMap,
    /// Its licence, if one is installed.
    pub license: Option<License>,
    /// Its nodes, listed in the spec or not.
    pub nodes: Vec<Node>,
    /// Their status, by uid.
    pub statuses: BTreeMap<NodeUid, NodeStatus>,
    /// Their tasks, finished ones included.
    pub tasks: Vec<NodeTask>,
    /// Its databases.
    pub bdbs: Vec<Bdb>,
    /// Its shards: on which node, of which database, in which role.
    pub shards: Vec<crate::rest::model::Shard>,
}

/// A node that belongs to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its uid.
    pub uid: NodeUid,
    /// Name in the spec or in status; its address when it is in neither.
    pub name: String,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({})", self.uid, self.name)
    }
}

/// A mutation of a cluster. Those that must not be repeated come right after the [`Record`](crate::api::Record) of their
/// intent.
#[derive(Clone, Debug)]
pub enum Action {
    /// POST `/v1/bootstrap/create_cluster` on the seed.
    CreateCluster {
        /// Name of the seed in the spec.
        seed: String,
        /// The whole body but the credentials and the licence, which the executor adds from the inputs.
        body: JsonMap,
    },
    /// POST `/v1/bootstrap/join_cluster` on the joining node.
    JoinNode {
        /// Name of the node in the spec.
        node: String,
        /// The whole body but the credentials.
        body: JsonMap,
    },
    /// PUT `/v1/cluster` with only these fields.
    UpdateCluster(JsonMap),
    /// PUT `/v1/cluster/policy` with only these fields.
    UpdatePolicy(JsonMap),
    /// PUT `/v1/license` with the text of the inputs.
    InstallLicense,
    /// PUT `/v1/nodes/{uid}` with only these fields (a rack that was not set).
    UpdateNode {
        /// The node.
        node: Member,
        /// Fields to change.
        body: JsonMap,
    },
    /// POST `/v1/nodes/{uid}/actions/maintenance_on`.
    MaintenanceOn(Permit),
    /// POST `/v1/nodes/{uid}/actions/maintenance_off`.
    MaintenanceOff(Member),
    /// POST `/v1/nodes/{uid}/actions/remove` with `wait_for_persistence: true`.
    RemoveNode(Permit),
    /// POST `/v1/cluster/actions/change_master`: another node leads before this one goes. May be repeated.
    ChangeMaster {
        /// The node that is to lead.
        to: Member,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateCluster { seed, .. } => write!(f, "create the cluster on {seed}"),
            Self::JoinNode { node, .. } => write!(f, "join node {node}"),
            Self::UpdateCluster(body) => write!(f, "set cluster {}", keys(body)),
            Self::UpdatePolicy(body) => write!(f, "set policy {}", keys(body)),
            Self::InstallLicense => f.write_str("install the licence"),
            Self::UpdateNode { node, body } => write!(f, "set {} of {node}", keys(body)),
            Self::MaintenanceOn(permit) => write!(f, "put {} into maintenance", permit.node()),
            Self::MaintenanceOff(node) => write!(f, "take {node} out of maintenance"),
            Self::RemoveNode(permit) => write!(f, "remove {}", permit.node()),
            Self::ChangeMaster { to } => write!(f, "let {to} lead"),
        }
    }
}

fn keys(body: &JsonMap) -> String {
    body.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}
