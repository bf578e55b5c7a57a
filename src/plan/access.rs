//! How a cluster is reached: addresses, trust and credentials, resolved from a RedisCluster for every kind that needs it.

use crate::api::ClusterIdentity;
use secrecy::SecretString;

/// Namespace and name of a RedisCluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where and how a cluster is reached.
#[derive(Clone, Debug)]
pub struct ClusterAccess {
    /// The RedisCluster.
    pub cluster: ClusterKey,
    /// Name that its certificates are checked against.
    pub cluster_name: String,
    /// The nodes, members first.
    pub nodes: Vec<NodeAccess>,
    /// Certificates of the authorities that may sign the `api` certificate, PEM.
    pub ca_pem: Option<String>,
    /// Pins of the `api` certificate: those of the spec, the recorded one, and both sides of a replacement under way.
    pub pins: Vec<String>,
    /// Credentials of the administrator.
    pub credentials: Credentials,
    /// The identity recorded for the cluster; `None` until it was created or taken over.
    pub identity: Option<ClusterIdentity>,
}

/// Where and how one node is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAccess {
    /// Name in `spec.nodes`, or in status for one that left it.
    pub name: String,
    /// Host of the REST API.
    pub host: String,
    /// Port of the REST API.
    pub port: u16,
    /// What vouches for it before it belongs to the cluster: the pin of the spec, or the one recorded.
    pub pin: Option<String>,
    /// Whether it is known to belong to the cluster.
    pub member: bool,
}

/// User name and password, and which version of which Secret they come from.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: SecretString,
    /// Uid and resourceVersion of the Secret, as `<uid>/<resourceVersion>`.
    pub secret_version: String,
}
