//! What a world is made from: machines, certificates, version, switches, timings, faults.

use super::certs::mint::{self, KeyKind};
use super::{Bugs, FaultPlan, Profile, Switches};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// A certificate chain (leaf first) with the private key of its leaf, both PEM. An empty key means there is none.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TlsIdentity {
    /// Leaf, then intermediates, then root.
    pub chain_pem: String,
    /// PKCS#8, or empty for certificates without a key.
    pub key_pem: String,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("chain_pem", &self.chain_pem)
            .finish_non_exhaustive()
    }
}

/// Requests that a log keeps unless told otherwise.
pub const LOG_CAPACITY: usize = 10_000;

/// Everything that decides how a world behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Ids and choices that look random follow from it.
    pub seed: u64,
    /// Time at which the world begins.
    pub start: Timestamp,
    /// The build that every node runs unless it says otherwise.
    pub profile: Profile,
    /// Which side of each documented doubt holds.
    pub switches: Switches,
    /// Which admitted defects are at work; those of the build if absent.
    pub bugs: Option<Bugs>,
    /// How long things take.
    pub timings: Timings,
    /// The machines; their order gives them their [`NodeIndex`](super::NodeIndex).
    pub nodes: Vec<NodeConfig>,
    /// Where a cluster gets its certificates from when it is created or rotates them.
    pub certificates: CertificateSource,
    /// What goes wrong, and when.
    pub faults: FaultPlan,
    /// How many requests the log keeps at least; it may hold twice as many before the oldest go.
    pub log_capacity: usize,
    /// Tag key whose value names the one owner of a database; two databases with one value are a violation.
    pub ownership_tag: Option<String>,
}

impl Config {
    /// `count` machines of ordinary size at 10.0.0.1 and up, the newest build, every doubt on its default side.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn machines(count: u8, start: Timestamp) -> Result<Self, rcgen::Error> {
        let machine = |number: u8| {
            let (name, address) = (format!("node{number}"), format!("10.0.0.{number}"));
            let identity = mint::node(&name, &[&address], start, KeyKind::Ecdsa)?;
            Ok(NodeConfig::new(&name, &address, identity))
        };
        Ok(Self {
            seed: 1,
            start,
            profile: Profile::default(),
            switches: Switches::all_default(),
            bugs: None,
            timings: Timings::default(),
            nodes: (1..=count).map(machine).collect::<Result<_, rcgen::Error>>()?,
            certificates: mint::source(start, KeyKind::Ecdsa)?,
            faults: FaultPlan::default(),
            log_capacity: LOG_CAPACITY,
            ownership_tag: None,
        })
    }
}

/// One machine on which the software is installed and nothing is bootstrapped.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NodeConfig {
    /// Name of the machine (`short_hostname`).
    pub name: String,
    /// Address that clients dial and that followers redirect to.
    pub address: String,
    /// Port of the REST API.
    pub port: u16,
    /// Addresses under which the node is known outside.
    pub external_addresses: Vec<String>,
    /// Processor cores.
    pub cores: u64,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Persistent and ephemeral storage, bytes each.
    pub storage_bytes: u64,
    /// Flash storage, bytes; 0 for none.
    pub flash_bytes: u64,
    /// `software_version` if it differs from the profile's.
    pub software_version: Option<String>,
    /// How far the node's clock is ahead of the others', seconds.
    pub clock_skew_secs: i64,
    /// Machines of one fleet are meant to form one cluster; more than one is a violation.
    pub fleet: u32,
    /// Paths that neither a bootstrap nor a backup can use.
    pub inaccessible_paths: Vec<String>,
    /// Directory of the node's sockets; all nodes of a cluster have the same. Empty for the usual one.
    #[serde(default)]
    pub socket_directory: String,
    /// How the software was installed (`confdir`, `osuser`, `installdir`); all nodes of a cluster have the same.
    #[serde(default)]
    pub installation: BTreeMap<String, String>,
    /// Whether the machine runs in FIPS mode.
    #[serde(default)]
    pub fips_enabled: bool,
    /// What the node's listener shows until it belongs to a cluster.
    pub identity: TlsIdentity,
}

impl NodeConfig {
    /// A machine of ordinary size: 8 cores, 32 GiB, 1 TB of disk, port 9443.
    #[must_use]
    pub fn new(name: &str, address: &str, identity: TlsIdentity) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            port: 9443,
            external_addresses: Vec::new(),
            cores: 8,
            memory_bytes: 32 << 30,
            storage_bytes: 1_081_100_128_256,
            flash_bytes: 0,
            software_version: None,
            clock_skew_secs: 0,
            fleet: 0,
            inaccessible_paths: Vec::new(),
            socket_directory: String::new(),
            installation: BTreeMap::new(),
            fips_enabled: false,
            identity,
        }
    }
}

/// A certificate that a cluster needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateOrder {
    /// FQDN of the cluster.
    pub cluster_name: String,
    /// `api`, `cm`, `proxy`, `syncer`, `metrics_exporter`, `ccs_internode_encryption`, `data_internode_encryption`.
    pub certificate: String,
    /// 0 at creation, one more with each rotation.
    pub generation: u64,
    /// When it is ordered.
    pub at: Timestamp,
}

/// Gives a cluster its certificates. The world makes none itself.
#[derive(Clone)]
pub struct CertificateSource(Arc<dyn Fn(&CertificateOrder) -> TlsIdentity + Send + Sync>);

impl CertificateSource {
    /// Certificates made on demand.
    pub fn new(issue: impl Fn(&CertificateOrder) -> TlsIdentity + Send + Sync + 'static) -> Self {
        Self(Arc::new(issue))
    }

    /// Certificates without content, until there is a better source.
    pub(crate) fn none() -> Self {
        Self::new(|_| TlsIdentity {
            chain_pem: String::new(),
            key_pem: String::new(),
        })
    }

    /// Certificates made beforehand, by name; `fallback` serves every other name.
    #[must_use]
    pub fn fixed(by_name: BTreeMap<String, TlsIdentity>, fallback: TlsIdentity) -> Self {
        Self::new(move |order| by_name.get(&order.certificate).unwrap_or(&fallback).clone())
    }

    pub(crate) fn issue(&self, order: &CertificateOrder) -> TlsIdentity {
        (self.0)(order)
    }
}

impl fmt::Debug for CertificateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateSource")
    }
}

/// How long things take in simulated time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Timings {
    /// `create_cluster` from acceptance to `completed` (captured: 16 s).
    pub create_cluster: Duration,
    /// `join_cluster` (20-40 s).
    pub join_cluster: Duration,
    /// After a bootstrap completed, services restart and answer nothing useful.
    pub service_restart: Duration,
    /// From a node's death to `down` in the cluster's eyes (5-10 s).
    pub failure_detection: Duration,
    /// Between the loss of the leader and the next one.
    pub leader_election: Duration,
    /// Database creation (5-10 s).
    pub bdb_create: Duration,
    /// Database update (1-5 s).
    pub bdb_update: Duration,
    /// Database deletion (2-5 s).
    pub bdb_delete: Duration,
    /// Moving or resharding one shard.
    pub shard_move: Duration,
    /// Fixed part of removing a node.
    pub node_remove: Duration,
    /// Fixed part of entering or leaving maintenance.
    pub maintenance: Duration,
    /// Applying certificates on all nodes (2-5 s); the answer waits for it.
    pub certificate_apply: Duration,
    /// `GET /v1/cluster/check`, which asks every node.
    pub cluster_check: Duration,
    /// How long a finished state machine or task can be read.
    pub action_retention: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            create_cluster: Duration::from_secs(16),
            join_cluster: Duration::from_secs(25),
            service_restart: Duration::from_secs(3),
            failure_detection: Duration::from_secs(6),
            leader_election: Duration::from_secs(4),
            bdb_create: Duration::from_secs(6),
            bdb_update: Duration::from_secs(3),
            bdb_delete: Duration::from_secs(3),
            shard_move: Duration::from_secs(3),
            node_remove: Duration::from_secs(10),
            maintenance: Duration::from_secs(5),
            certificate_apply: Duration::from_secs(3),
            cluster_check: Duration::from_secs(4),
            action_retention: Duration::from_secs(3600),
        }
    }
}

impl Timings {
    /// The same, `factor` times as long: 0.1 for a world that lives ten times as fast. How long finished actions can be read stays.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let scale = |duration: Duration| duration.mul_f64(factor.max(0.0));
        Self {
            create_cluster: scale(self.create_cluster),
            join_cluster: scale(self.join_cluster),
            service_restart: scale(self.service_restart),
            failure_detection: scale(self.failure_detection),
            leader_election: scale(self.leader_election),
            bdb_create: scale(self.bdb_create),
            bdb_update: scale(self.bdb_update),
            bdb_delete: scale(self.bdb_delete),
            shard_move: scale(self.shard_move),
            node_remove: scale(self.node_remove),
            maintenance: scale(self.maintenance),
            certificate_apply: scale(self.certificate_apply),
            cluster_check: scale(self.cluster_check),
            action_retention: self.action_retention,
        }
    }
}
