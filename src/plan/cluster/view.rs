//! Everything that the stages look at, with the few questions that all of them ask.

use crate::api::ClusterIdentity;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::NodeRecord;
use crate::api::NodeSpec;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::api::RedisClusterSpec;
use crate::api::RedisClusterStatus;
use crate::plan::cluster::Inputs;
use crate::plan::cluster::Live;
use crate::plan::cluster::Member;
use crate::plan::cluster::NodeObserved;
use crate::plan::cluster::Observed;
use crate::rest::model::Node;
use crate::rest::model::NodeUid;

/// Seconds after which a call that was written down, but shows no effect, is known not to arrive any more: its deadline.
pub(super) const CALL_DEADLINE_SECS: i64 = 60;

/// Port of the REST API when the spec names none.
const DEFAULT_PORT: u16 = 9443;

/// One object and all that is known about it.
pub(super) struct View<'a> {
    pub object: &'a RedisCluster,
    pub spec: &'a RedisClusterSpec,
    pub status: RedisClusterStatus,
    pub inputs: &'a Inputs,
    pub observed: &'a Observed,
    pub policy: ManagementPolicy,
    pub now: jiff::Timestamp,
}

impl<'a> View<'a> {
    pub fn new(
        object: &'a RedisCluster,
        inputs: &'a Inputs,
        observed: &'a Observed,
        now: jiff::Timestamp,
    ) -> Self {
        Self {
            object,
            spec: &object.spec,
            status: object.status.clone().unwrap_or_default(),
            inputs,
            observed,
            policy: object.spec.management_policy.unwrap_or_default(),
            now,
        }
    }

    pub fn observing(&self) -> bool {
        self.policy == ManagementPolicy::Observe
    }

    pub fn generation(&self) -> i64 {
        self.object.metadata.generation.unwrap_or_default()
    }

    /// The cluster, once it answers.
    pub fn live(&self) -> Option<&'a Live> {
        self.observed.live.as_ref()
    }

    /// The cluster, if it answers and is the one recorded.
    pub fn ours(&self) -> Option<&'a Live> {
        self.live()
            .filter(|live| self.status.identity == Some(identity_of(live)))
    }

    /// The open intent, if it is of this kind.
    pub fn intent(&self, action: IntentAction) -> Option<&Intent> {
        self.status
            .intent
            .as_ref()
            .filter(|intent| intent.action == action)
    }

    /// A record of what is about to be called.
    pub fn intend(&self, action: IntentAction, target: &str, detail: String) -> Record {
        Record::Intent(Intent {
            action,
            target: target.to_owned(),
            time: self.now.to_string(),
            generation: self.generation(),
            detail: Some(detail),
        })
    }

    /// Whether the intent is at least this old. A time that does not parse was not written by us: it is old.
    pub fn older(&self, intent: &Intent, secs: i64) -> bool {
        match intent.time.parse::<jiff::Timestamp>() {
            Ok(time) => self.now.as_second().saturating_sub(time.as_second()) >= secs,
            Err(_) => true,
        }
    }

    /// Whether the spec was changed after the intent.
    pub fn changed_since(&self, intent: &Intent) -> bool {
        self.generation() > intent.generation
    }

    pub fn node(&self, name: &str) -> Option<&'a NodeSpec> {
        self.spec.nodes.iter().find(|node| node.name == name)
    }

    pub fn seen(&self, name: &str) -> Option<&'a NodeObserved> {
        self.observed.nodes.iter().find(|node| node.name == name)
    }

    pub fn recorded(&self, name: &str) -> Option<&NodeRecord> {
        self.status.nodes.iter().find(|node| node.name == name)
    }

    /// Uid that the node of this name is recorded with.
    pub fn recorded_uid(&self, name: &str) -> Option<NodeUid> {
        self.recorded(name).and_then(|record| record.uid).map(NodeUid)
    }

    /// The listed node as the cluster knows it: by its recorded uid, else by its address.
    pub fn member(&self, live: &'a Live, spec: &NodeSpec) -> Option<&'a Node> {
        match self.recorded_uid(&spec.name) {
            Some(uid) => live.node(uid),
            None => live.nodes.iter().find(|node| node.addr == spec.address),
        }
    }

    /// A node of the cluster by the name that people know it by.
    pub fn named(&self, node: &Node) -> Member {
        let recorded = self
            .status
            .nodes
            .iter()
            .find(|record| record.uid == Some(node.uid.0));
        let listed = self.spec.nodes.iter().find(|spec| spec.address == node.addr);
        let name = recorded
            .map(|record| &record.name)
            .or(listed.map(|spec| &spec.name))
            .unwrap_or(&node.addr);
        Member {
            uid: node.uid,
            name: name.clone(),
        }
    }
}

/// Port of a node's REST API.
pub(super) fn port(spec: &NodeSpec) -> u16 {
    spec.port.unwrap_or(DEFAULT_PORT)
}

/// The identity of a cluster that answers.
pub(super) fn identity_of(live: &Live) -> ClusterIdentity {
    ClusterIdentity {
        name: live.cluster.name.clone(),
        created_time: live.cluster.created_time.clone(),
    }
}

impl Live {
    /// A node of the cluster.
    pub fn node(&self, uid: NodeUid) -> Option<&Node> {
        self.nodes.iter().find(|node| node.uid == uid)
    }

    /// Whether a node is in maintenance, whoever put it there.
    pub fn in_maintenance(&self, uid: NodeUid) -> bool {
        self.statuses
            .get(&uid)
            .is_some_and(|status| status.maintenance_snapshot.is_some())
    }

    /// Whether a node leads the management plane.
    pub fn leads(&self, uid: NodeUid) -> bool {
        self.statuses
            .get(&uid)
            .is_some_and(|status| status.role == Some(crate::rest::model::ManagementRole::Master))
    }
}
