//! What to do next for a RedisCluster.

mod action;
mod bootstrap;
mod deletion;
mod disruption;
mod identity;
mod join;
mod settings;
mod trust;
mod view;

pub use action::Action;
pub use action::Member;

use crate::api::CertificateRole;
use crate::api::ManagementPolicy;
use crate::api::Reason;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::plan::Drift;
use crate::plan::Hold;
use crate::plan::Input;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Wait;
use crate::plan::access::ClusterAccess;
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
use view::View;

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

/// What a stage decides, given everything that is known.
type Stage = fn(&View<'_>) -> Outcome;

/// The stages, in their order. The first that yields steps ends the wave: those after it add holds and waits, no steps.
const STAGES: &[Stage] = &[
    deletion::finish,
    deletion::check_inputs,
    trust::judge,
    identity::compare,
    bootstrap::create,
    identity::take_stock,
    join::grow,
    disruption::relieve,
    // Last, because a value that Redis Enterprise rejects is planned again in every pass, and may hold up nothing else.
    settings::converge,
];

/// The stages of an object that only observes.
const OBSERVING: &[Stage] = &[
    deletion::finish,
    deletion::check_inputs,
    trust::judge,
    identity::compare,
    settings::report_drift,
];

/// Decides the next wave for a cluster. Pure and total: whatever is wrong with the spec, the nodes or the cluster that
/// answers becomes a hold.
pub fn plan(
    object: &RedisCluster,
    inputs: &Inputs,
    observed: &Observed,
    now: jiff::Timestamp,
) -> Plan<Action> {
    let view = View::new(object, inputs, observed, now);
    let stages = match view.policy {
        ManagementPolicy::Observe => OBSERVING,
        ManagementPolicy::Enforce | ManagementPolicy::Plan => STAGES,
    };
    let mut plan = Plan::default();
    for stage in stages {
        let outcome = stage(&view);
        let last = outcome.last;
        outcome.join(&mut plan);
        if last {
            break;
        }
    }
    if view.observing() {
        plan.steps.retain(|step| matches!(step, Step::Release));
    }
    plan.after_takeover(inputs.takeover_until, now)
}

/// What one stage adds to the plan.
#[derive(Debug, Default)]
struct Outcome {
    plan: Plan<Action>,
    /// Whether nothing after this stage may even be looked at.
    last: bool,
}

impl Outcome {
    fn record(&mut self, record: Record) {
        self.plan.steps.push(Step::Record(record));
    }

    fn call(&mut self, action: Action) {
        self.plan.steps.push(Step::Call(action));
    }

    fn hold(&mut self, what: impl Into<String>, why: Reason, detail: impl Into<String>) {
        self.plan.holds.push(Hold {
            what: what.into(),
            why,
            detail: detail.into(),
        });
    }

    fn wait(&mut self, what: impl Into<String>, why: Reason, detail: impl Into<String>) {
        self.plan.waits.push(Wait {
            what: what.into(),
            why,
            detail: detail.into(),
        });
    }

    fn drift(&mut self, path: impl Into<String>, live: impl Into<String>, wanted: impl Into<String>) {
        self.plan.drift.push(Drift {
            path: path.into(),
            live: live.into(),
            wanted: wanted.into(),
        });
    }

    /// The stages after this one are not looked at.
    fn last(mut self) -> Self {
        self.last = true;
        self
    }

    fn join(self, plan: &mut Plan<Action>) {
        if plan.steps.is_empty() {
            plan.steps = self.plan.steps;
        }
        plan.holds.extend(self.plan.holds);
        plan.waits.extend(self.plan.waits);
        plan.drift.extend(self.plan.drift);
    }
}

#[cfg(test)]
pub(crate) mod tests;
