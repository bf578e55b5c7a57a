//! What to do next for a ClusterCertificate.

use crate::api::CertificateRole;
use crate::api::ClusterIdentity;
use crate::plan::Input;
use crate::plan::access::ClusterAccess;
use crate::plan::access::ClusterKey;
use crate::rest::model::Node;
use secrecy::SecretString;

/// What a ClusterCertificate refers to, and what else in Kubernetes bears on it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The RedisCluster that it refers to.
    pub cluster: ClusterKey,
    /// How that cluster is reached; a hold while it is missing, not created yet, or its Secrets are unusable.
    pub access: Input<ClusterAccess>,
    /// The certificate and its key, as the Secret holds them; a hold when it is missing or lacks a key.
    pub pair: Input<SecretPair>,
    /// An older ClusterCertificate that claims the same certificate of the same cluster.
    pub claimed_by: Option<String>,
    /// What the RedisCluster has under way that excludes a certificate change, in words.
    pub disruption: Option<String>,
    /// Another ClusterCertificate of the cluster whose replacement is under way.
    pub other_change: Option<String>,
    /// Until when calls that cannot be repeated wait for those of a previous leader to run out.
    pub takeover_until: Option<jiff::Timestamp>,
}

/// Content of a `kubernetes.io/tls` Secret.
#[derive(Clone, Debug)]
pub struct SecretPair {
    /// Name of the Secret.
    pub secret: String,
    /// `tls.crt`.
    pub certificate_pem: String,
    /// `tls.key`.
    pub key_pem: SecretString,
}

/// What was seen of the certificate on every node, in one pass.
#[derive(Clone, Debug)]
pub enum Observed {
    /// The cluster may not be asked: its access is held. Nothing is known.
    Unasked,
    /// The cluster was asked and answered in full.
    Seen(Box<Seen>),
}

/// A complete answer about one certificate.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who answered.
    pub identity: ClusterIdentity,
    /// The nodes of the cluster.
    pub nodes: Vec<Node>,
    /// The certificate of each node: read back from it, or for `api` seen in a handshake with it.
    pub served: Vec<Served>,
}

/// The certificate that one node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Name of the node.
    pub node: String,
    /// SHA-256 fingerprint of the leaf, lower-case hexadecimal; `None` when the node could not be asked.
    pub fingerprint: Option<String>,
}

/// A mutation of a cluster's certificate.
#[derive(Clone, Debug)]
pub enum Action {
    /// PUT `/v1/cluster/certificates`, or `/v1/cluster/update_cert` where every node is older than 7.22.2, with the pair of
    /// the inputs. May take 15 minutes.
    Replace {
        /// Which certificate.
        certificate: CertificateRole,
        /// Whether every node knows the bulk call.
        bulk: bool,
    },
}
