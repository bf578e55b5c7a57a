//! What the world consists of: machines, clusters, members, and what is due when.

use super::auth::Accounts;
use super::bugs::{Bug, Bugs};
use super::config::{CertificateSource, NodeConfig, Timings, TlsIdentity};
use super::documents::Documents;
use super::ids::{BdbUid, ClusterId, Ids, NodeIndex, NodeUid, ShardUid};
use super::internode::{self, Flaw};
use super::license_text::License;
use super::placement::{Host, Layout};
use super::resources::alarms::Turns;
use super::resources::bdbs::Databases;
use super::storage::Storage;
use super::switch::{Switch, Switches};
use super::task::{Machines, Tasks};
use super::version::Profile;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What all parts of the world share besides the clusters themselves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Env {
    pub(crate) now: Timestamp,
    pub(crate) profile: Profile,
    pub(crate) switches: Switches,
    pub(crate) bugs: Bugs,
    pub(crate) timings: Timings,
    pub(crate) nodes: Vec<SimNode>,
    #[serde(skip, default = "CertificateSource::none")]
    pub(crate) certificates: CertificateSource,
    pub(crate) ids: Ids,
    /// Number of the latest cluster.
    last_cluster: u64,
    /// Faults that a handler has to consult while it works.
    pub(crate) ordered: Ordered,
    /// The request at hand changed something.
    pub(crate) touched: bool,
    #[serde(with = "super::saved::pairs")]
    due: BTreeMap<(Timestamp, u64), Due>,
    scheduled: u64,
}

/// Faults ordered from outside that take effect inside a handler or a background step.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ordered {
    /// The request at hand updates certificates on so many nodes only.
    pub(crate) certificates_on: Option<usize>,
    /// The task or state machine that the request at hand starts never ends.
    pub(crate) stuck: bool,
    /// The task or state machine that the request at hand starts ends `failed` with this error code.
    pub(crate) failed: Option<String>,
}

/// Something that happens by itself at a point in time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) enum Due {
    /// A bootstrap reaches its next state.
    Bootstrap(NodeIndex),
    /// A node or cluster action reaches its next state.
    Task(ClusterId, String),
    /// A database state machine (by `action_uid`) reaches its next step.
    Machine(ClusterId, String),
    /// The cluster notices that a node is gone.
    NodeLost(ClusterId, NodeUid),
    /// The cluster notices that a node is back.
    NodeFound(ClusterId, NodeUid),
    /// A leader is elected.
    Election(ClusterId),
    /// Replicas lost with a node are made anew elsewhere.
    ReplicaHa(ClusterId, NodeUid),
    /// A node begins to use the cluster's present certificate of that name.
    Certificate(ClusterId, NodeIndex, String),
    /// A user disappears after its deletion.
    UserGone(ClusterId, u64),
    /// Certificates between nodes come to the time at which the cluster replaces them.
    Rotation(ClusterId),
    /// A node takes a certificate between nodes without its key.
    MangledCertificate(ClusterId, NodeIndex),
    /// A shard that moved serves again.
    ShardArrived(ClusterId, ShardUid),
    /// Databases that wait for recovery may be recovered automatically.
    AutoRecovery(ClusterId),
    /// The periodic backup of a database starts or gets on.
    Backup(ClusterId, BdbUid),
}

impl Env {
    pub(crate) fn new(config: &super::Config) -> Self {
        let version = config.profile.software_version();
        Self {
            now: config.start,
            profile: config.profile,
            switches: config.switches.clone(),
            bugs: config.bugs.clone().unwrap_or_else(|| Bugs::of(config.profile)),
            timings: config.timings.clone(),
            nodes: config
                .nodes
                .iter()
                .map(|node| SimNode::new(node.clone(), version, config.start))
                .collect(),
            certificates: config.certificates.clone(),
            ids: Ids::new(config.seed),
            last_cluster: 0,
            ordered: Ordered::default(),
            touched: false,
            due: BTreeMap::new(),
            scheduled: 0,
        }
    }

    /// The time `delay` from now.
    pub(crate) fn after(&self, delay: Duration) -> Timestamp {
        self.now.checked_add(delay).unwrap_or(Timestamp::MAX)
    }

    /// Lets `due` happen after `delay`.
    pub(crate) fn schedule(&mut self, delay: Duration, due: Due) {
        self.scheduled += 1;
        self.due.insert((self.after(delay), self.scheduled), due);
    }

    /// The number of a new cluster; none is given twice.
    pub(crate) fn next_cluster(&mut self) -> ClusterId {
        self.last_cluster += 1;
        ClusterId(self.last_cluster)
    }

    /// When the next thing is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Takes the earliest thing that is due at `until` or before, and sets the time to it.
    pub(crate) fn take_due(&mut self, until: Timestamp) -> Option<Due> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= until)?;
        let ((at, _), due) = entry.remove_entry();
        self.now = self.now.max(at);
        Some(due)
    }

    pub(crate) fn on(&self, switch: Switch) -> bool {
        self.switches.on(switch)
    }

    /// Whether a defect is at work.
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bugs.has(bug)
    }

    pub(crate) fn node(&self, index: NodeIndex) -> Option<&SimNode> {
        self.nodes.get(index.0)
    }

    pub(crate) fn node_mut(&mut self, index: NodeIndex) -> Option<&mut SimNode> {
        self.nodes.get_mut(index.0)
    }
}

/// A machine with the software on it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SimNode {
    pub(crate) config: NodeConfig,
    pub(crate) software_version: String,
    pub(crate) power: Power,
    pub(crate) membership: Membership,
    pub(crate) bootstrap: BootstrapStatus,
    /// Services restart until then: nothing useful is answered.
    pub(crate) restarting_until: Option<Timestamp>,
    pub(crate) booted: Timestamp,
    /// What each of the node's services uses, by certificate name; empty until it is a member.
    pub(crate) installed: BTreeMap<String, TlsIdentity>,
    /// What is wrong with certificates that the node uses, by name.
    pub(crate) flaws: BTreeMap<String, Flaw>,
    /// The REST API cannot be reached until then.
    pub(crate) silent_until: Option<Timestamp>,
    /// Required services that were stopped here.
    pub(crate) stopped: BTreeSet<String>,
    /// When services were last started here by a call.
    #[serde(default)]
    pub(crate) started: BTreeMap<String, Timestamp>,
    /// Its processes died since the cluster last saw it.
    pub(crate) cold: bool,
    pub(crate) storage: Storage,
}

impl SimNode {
    fn new(config: NodeConfig, version: &str, booted: Timestamp) -> Self {
        Self {
            software_version: config
                .software_version
                .clone()
                .unwrap_or_else(|| version.to_owned()),
            config,
            power: Power::On,
            membership: Membership::Fresh,
            bootstrap: BootstrapStatus::default(),
            restarting_until: None,
            booted,
            installed: BTreeMap::new(),
            flaws: BTreeMap::new(),
            silent_until: None,
            stopped: BTreeSet::new(),
            started: BTreeMap::new(),
            cold: false,
            storage: Storage::default(),
        }
    }

    /// What the REST listener shows: the cluster's `api` certificate once there is one, else the node's own.
    pub(crate) fn presented(&self) -> &TlsIdentity {
        self.installed.get("api").unwrap_or(&self.config.identity)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.power == Power::On
    }

    /// Whether its REST API can be connected to at `now`.
    pub(crate) fn answers(&self, now: Timestamp) -> bool {
        let front_end = ["cnm_http", "envoy"];
        self.power != Power::Crashed
            && self.silent_until.is_none_or(|until| until <= now)
            && !front_end.iter().any(|service| self.stopped.contains(*service))
    }

    /// Whether the other nodes hear of it: it runs, keeps the configuration, and its certificate is accepted.
    pub(crate) fn is_heard(&self) -> bool {
        let refused = self.flaws.get(internode::CONTROL_PLANE) == Some(&Flaw::NoClientAuth);
        self.is_on() && !refused && !self.stopped.contains("ccs")
    }
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Power {
    On,
    /// Connections are refused.
    Crashed,
    /// Connections are accepted and nothing is ever answered.
    Frozen,
}

/// Whether a machine belongs to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Membership {
    /// Software installed, nothing bootstrapped.
    Fresh,
    Member(ClusterId, NodeUid),
    /// Taken out of its cluster; of no use until the software is installed anew.
    Removed,
}

/// `bootstrap_status` of a machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct BootstrapStatus {
    pub(crate) state: BootstrapState,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) error_code: Option<String>,
    pub(crate) error_details: Option<Value>,
    /// A fault: it fails with this error code.
    pub(crate) fails: Option<String>,
    /// The accepted request while it is worked on.
    pub(crate) request: Option<Value>,
    /// Attempts after the first.
    #[serde(default)]
    pub(crate) retries: u64,
    /// An attempt failed, and the next one is due.
    #[serde(default)]
    pub(crate) again: bool,
    /// What went wrong without stopping it.
    #[serde(default)]
    pub(crate) warnings: Vec<Value>,
}

/// States of a bootstrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum BootstrapState {
    #[default]
    Idle,
    Initiated,
    CreatingCluster,
    JoiningCluster,
    RecoveringCluster,
    Error,
    Completed,
}

/// One cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Cluster {
    pub(crate) id: ClusterId,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    /// `cluster-state-id`.
    pub(crate) state_id: u64,
    /// Leader of the management plane; none while one is being elected.
    pub(crate) master: Option<NodeUid>,
    pub(crate) members: BTreeMap<NodeUid, Member>,
    pub(crate) next_node_uid: u64,
    /// `GET /v1/cluster`.
    pub(crate) settings: Map<String, Value>,
    /// `GET /v1/cluster/policy`.
    pub(crate) policy: Map<String, Value>,
    #[serde(with = "super::saved::license")]
    pub(crate) license: License,
    pub(crate) accounts: Accounts,
    /// Node and cluster actions.
    pub(crate) tasks: Tasks,
    /// State machines of databases and accounts.
    pub(crate) machines: Machines,
    /// Certificates as the cluster configuration holds them, by name. Nodes hold their own copies.
    pub(crate) certificates: BTreeMap<String, TlsIdentity>,
    pub(crate) certificate_generation: u64,
    /// Certificates between nodes that a customer uploaded.
    pub(crate) customer_certificates: BTreeSet<String>,
    /// When it was recovered from a file.
    pub(crate) recovered: Option<Timestamp>,
    pub(crate) suffixes: Vec<Value>,
    pub(crate) databases: Databases,
    pub(crate) documents: Documents,
    /// Of its own alerts.
    #[serde(default)]
    pub(crate) turns: Turns,
}

/// A node as its cluster knows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Member {
    pub(crate) uid: NodeUid,
    pub(crate) host: NodeIndex,
    pub(crate) status: MemberStatus,
    pub(crate) addr: String,
    pub(crate) external_addr: Vec<String>,
    pub(crate) rack_id: String,
    pub(crate) second_rack_id: String,
    pub(crate) accept_servers: bool,
    pub(crate) max_listeners: u64,
    pub(crate) max_redis_servers: u64,
    /// Settable fields that nothing in the simulator depends on (`max_redis_forks`, `recovery_path` ...), and paths.
    pub(crate) extra: Map<String, Value>,
    /// A `remove` was accepted: nothing new is placed here, even if it failed.
    pub(crate) closed: bool,
    /// Activations of maintenance that have not been undone.
    pub(crate) maintenance: u64,
    pub(crate) snapshots: Vec<Snapshot>,
    /// Known from the file that the cluster was recovered from, and not back yet: it has no vote.
    pub(crate) awaited: bool,
    /// Of its alerts.
    #[serde(default)]
    pub(crate) turns: Turns,
}

impl Member {
    /// Whether databases may use its flash.
    pub(crate) fn has_flash(&self) -> bool {
        self.extra.get("bigstore_enabled") == Some(&Value::Bool(true))
    }
}

/// `status` of a node object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum MemberStatus {
    Active,
    Decommissioning,
    Down,
    Provisioning,
}

/// A saved layout of a node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    pub(crate) maintenance: bool,
    pub(crate) accept_servers: bool,
    pub(crate) max_listeners: u64,
    pub(crate) layout: Layout,
}

impl Cluster {
    /// Members that the cluster can reach.
    pub(crate) fn alive(&self) -> impl Iterator<Item = &Member> {
        self.members
            .values()
            .filter(|member| member.status != MemberStatus::Down)
    }

    /// Whether a majority of the members runs, judged by the machines, not by what the cluster has noticed.
    pub(crate) fn has_quorum(&self, env: &Env) -> bool {
        let voters = || {
            self.members
                .values()
                .filter(|member| member.status != MemberStatus::Provisioning && !member.awaited)
        };
        voters().filter(|member| self.runs(env, member)).count() * 2 > voters().count()
    }

    /// Whether a member's machine runs and still is that member.
    pub(crate) fn runs(&self, env: &Env, member: &Member) -> bool {
        let ours = |node: &SimNode| match node.membership {
            Membership::Member(id, uid) => (id, uid) == (self.id, member.uid),
            Membership::Fresh => member.status == MemberStatus::Provisioning,
            Membership::Removed => false,
        };
        env.node(member.host)
            .is_some_and(|node| node.is_heard() && ours(node))
    }

    /// Chooses a leader among the members that run, if a majority does: `wanted` if it can, else the lowest uid.
    pub(crate) fn elect(&mut self, env: &Env, wanted: Option<NodeUid>) {
        let able = |member: &&Member| member.status == MemberStatus::Active && self.runs(env, member);
        let able: Vec<NodeUid> = self
            .members
            .values()
            .filter(able)
            .map(|member| member.uid)
            .collect();
        let wanted = wanted.filter(|uid| able.contains(uid));
        self.master = if self.has_quorum(env) {
            wanted.or(able.first().copied())
        } else {
            None
        };
    }

    /// The members as placement sees them.
    pub(crate) fn hosts(&self, env: &Env) -> Vec<Host> {
        let host = |member: &Member| {
            let node = env.node(member.host)?;
            Some(Host {
                uid: member.uid,
                address: member.addr.clone(),
                rack_id: member.rack_id.clone(),
                second_rack_id: member.second_rack_id.clone(),
                accepts_shards: member.accept_servers
                    && !member.closed
                    && member.status == MemberStatus::Active,
                alive: member.status != MemberStatus::Down,
                max_shards: member.max_redis_servers,
                max_listeners: member.max_listeners,
                memory_bytes: node.config.memory_bytes,
                flash_bytes: if member.has_flash() {
                    node.config.flash_bytes
                } else {
                    0
                },
            })
        };
        self.members.values().filter_map(host).collect()
    }
}
