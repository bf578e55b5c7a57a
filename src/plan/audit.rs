//! A second opinion on plans for clusters, written from the safety rules and sharing no judgement with the planner: what
//! it finds is a bug in one of the two. Tests run it on every plan.

use crate::api::AdoptionPolicy;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::NodeRecord;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::cluster::Action;
use crate::plan::cluster::Contact;
use crate::plan::cluster::Inputs;
use crate::plan::cluster::Live;
use crate::plan::cluster::Observed;
use crate::rest::model::BdbStatus;
use crate::rest::model::BootstrapState;
use crate::rest::model::JsonMap;
use crate::rest::model::ManagementRole;
use crate::rest::model::NodeState;
use crate::rest::model::NodeUid;
use serde_json::Value;
use std::fmt;

/// A step that breaks a safety rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What breaks it.
    pub step: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.step)
    }
}

/// Every step of the plan that breaks a rule.
pub fn audit(
    object: &RedisCluster,
    inputs: &Inputs,
    observed: &Observed,
    plan: &Plan<Action>,
) -> Vec<Violation> {
    let case = Case {
        object,
        inputs,
        observed,
    };
    let mut found = Vec::new();
    let mut before = None;
    for step in &plan.steps {
        let broken = case.overall(step).into_iter().chain(match step {
            Step::Record(record) => case.record(record),
            Step::Call(action) => case.call(action, before),
            Step::Publish(_) => vec!["a cluster publishes no Secret"],
            Step::Release => vec![],
        });
        found.extend(broken.map(|rule| Violation {
            rule,
            step: step.to_string(),
        }));
        before = Some(step);
    }
    let disruptive = plan.steps.iter().filter(|step| disrupts(step)).count();
    if disruptive > 1 {
        found.push(Violation {
            rule: "one disruption in a wave",
            step: format!("{disruptive} of them"),
        });
    }
    found
}

fn disrupts(step: &Step<Action>) -> bool {
    match step {
        Step::Call(action) => match action {
            Action::CreateCluster { .. }
            | Action::JoinNode { .. }
            | Action::MaintenanceOn(_)
            | Action::MaintenanceOff(_)
            | Action::RemoveNode(_)
            | Action::ChangeMaster { .. } => true,
            Action::UpdateCluster(_)
            | Action::UpdatePolicy(_)
            | Action::InstallLicense
            | Action::UpdateNode { .. } => false,
        },
        Step::Record(_) | Step::Publish(_) | Step::Release => false,
    }
}

struct Case<'a> {
    object: &'a RedisCluster,
    inputs: &'a Inputs,
    observed: &'a Observed,
}

/// The rules that a condition breaks.
fn unless(holds: bool, rule: &'static str) -> Option<&'static str> {
    (!holds).then_some(rule)
}

impl Case<'_> {
    fn overall(&self, step: &Step<Action>) -> Vec<&'static str> {
        let releases = matches!(step, Step::Release);
        let deleting = self.object.metadata.deletion_timestamp.is_some();
        let observes = self.object.spec.management_policy == Some(ManagementPolicy::Observe);
        let claimed = self.inputs.claimed_by.is_some();
        let missing = self.inputs.access.is_err() || self.inputs.license.is_err();
        [
            unless(
                releases == deleting,
                "an object that goes is released, and no other",
            ),
            unless(releases || !observes, "an observer does nothing"),
            unless(releases || !claimed, "the older claim wins"),
            unless(releases || !missing, "nothing is done without inputs"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn record(&self, record: &Record) -> Vec<&'static str> {
        let broken = match record {
            Record::NodePin { node, .. } => {
                let asked = self
                    .object
                    .spec
                    .tls
                    .as_ref()
                    .is_some_and(|tls| tls.trust_on_first_use == Some(true));
                let known = self
                    .recorded(node)
                    .is_some_and(|known| known.uid.is_some() || known.pin.is_some());
                unless(
                    asked && !known,
                    "a certificate is trusted on first use only, and only if asked",
                )
            }
            Record::ApiCertificatePin(Some(pin)) => {
                let shown = self
                    .observed
                    .nodes
                    .iter()
                    .any(|n| n.presented.as_ref().is_some_and(|p| p.pin == *pin));
                let ours = self
                    .inputs
                    .certificates
                    .iter()
                    .any(|state| state.pins.contains(pin));
                let creating = self.intent(IntentAction::CreateCluster).is_some() && self.identity_is_open();
                unless(
                    shown && (ours || creating),
                    "a cluster's pin is taken at creation or from our own certificate",
                )
            }
            Record::Identity(identity) => {
                let live = self.observed.live.as_ref();
                let same = live.is_some_and(|l| {
                    l.cluster.name == identity.name && l.cluster.created_time == identity.created_time
                });
                let named = identity.name == self.object.spec.cluster_name;
                let allowed = self.intent(IntentAction::CreateCluster).is_some()
                    || self.object.spec.adoption_policy == Some(AdoptionPolicy::IfUnowned);
                unless(
                    same && named && allowed && self.identity_is_open(),
                    "a cluster is taken over only if asked",
                )
            }
            Record::Node { uid, .. } => unless(
                self.live_node_is(NodeUid(*uid), |_| true),
                "a recorded node belongs to the cluster",
            ),
            Record::NodeGone { node } => {
                let known = self.recorded(node);
                let uid = known.and_then(|known| known.uid).map(NodeUid);
                let still = uid.is_some_and(|uid| self.live_node_is(uid, |n| !self.listed_at(&n.addr)));
                let read = uid.is_none() || self.observed.live.is_some();
                unless(
                    known.is_some() && read && !still,
                    "a node is gone when a complete list lacks it",
                )
            }
            Record::Intent(_)
            | Record::Resolved
            | Record::ApiCertificatePin(None)
            | Record::NodeMaintenance { .. } => None,
            Record::Database { .. } | Record::PasswordVersion(_) | Record::Certificate { .. } => {
                Some("a cluster records nothing of other kinds")
            }
        };
        broken.into_iter().collect()
    }

    fn call(&self, action: &Action, before: Option<&Step<Action>>) -> Vec<&'static str> {
        let recorded = |action: IntentAction, target: &str| {
            let intent = match before {
                Some(Step::Record(Record::Intent(intent))) => Some(intent),
                _ => None,
            };
            unless(
                intent.is_some_and(|intent| intent.action == action && intent.target == target),
                "S16 a call that cannot be repeated follows its intent",
            )
        };
        match action {
            Action::CreateCluster { seed, .. } => {
                let mut broken = self.creation(seed);
                broken.extend(recorded(IntentAction::CreateCluster, seed));
                broken
            }
            Action::JoinNode { node, body } => {
                let mut broken = self.joining(node, body);
                broken.extend(recorded(IntentAction::JoinNode, node));
                broken
            }
            Action::MaintenanceOn(permit) => {
                let mut broken = self.taking_out(permit.node().uid);
                let inside = self.live_and(|live| snapshot(live, permit.node().uid));
                broken.extend(unless(!inside, "S11 maintenance does not stack"));
                broken.extend(recorded(IntentAction::MaintenanceOn, &permit.node().name));
                broken
            }
            Action::MaintenanceOff(node) => {
                let ours = self
                    .recorded(&node.name)
                    .is_some_and(|known| known.maintenance && known.uid == Some(node.uid.0));
                let mut broken: Vec<_> = unless(ours, "S11 only our own maintenance is ended")
                    .into_iter()
                    .collect();
                broken.extend(unless(self.quiet(), "S10 one change of nodes at a time"));
                broken.extend(recorded(IntentAction::MaintenanceOff, &node.name));
                broken
            }
            Action::RemoveNode(permit) => {
                let mut broken = self.removal(permit.node().uid, &permit.node().name);
                broken.extend(recorded(IntentAction::RemoveNode, &permit.node().name));
                broken
            }
            Action::ChangeMaster { to } => unless(
                self.live_node_is(to.uid, |node| node.status == NodeState::Active),
                "the leader is active",
            )
            .into_iter()
            .collect(),
            Action::UpdateCluster(body) => self.partial(body, "settings", |live| &live.cluster.settings),
            Action::UpdatePolicy(body) => self.partial(body, "policy", |live| &live.policy),
            Action::InstallLicense => {
                let given = matches!(&self.inputs.license, Ok(Some(_)));
                unless(
                    given && self.is_ours(),
                    "a licence is installed when the spec names one",
                )
                .into_iter()
                .collect()
            }
            Action::UpdateNode { node, .. } => {
                let rackless = self.live_node_is(node.uid, |node| node.rack_id.is_empty());
                unless(rackless && self.is_ours(), "a rack is set once")
                    .into_iter()
                    .collect()
            }
        }
    }

    /// S1, S2: at most one creation, on the recorded seed, while every node is fresh and no cluster is known.
    fn creation(&self, seed: &str) -> Vec<&'static str> {
        let chosen = self
            .intent(IntentAction::CreateCluster)
            .map(|intent| intent.target.as_str());
        let first = self.object.spec.nodes.first().map(|node| node.name.as_str());
        let fresh = self
            .object
            .spec
            .nodes
            .iter()
            .all(|node| self.is_fresh(&node.name));
        [
            unless(chosen.or(first) == Some(seed), "S1 one seed, the recorded one"),
            unless(
                self.identity_is_open() && self.observed.live.is_none(),
                "S2 no second cluster",
            ),
            unless(fresh, "S2 every node is fresh"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// S2, S3, S10: a fresh node joins members of the recorded cluster, all of them well.
    fn joining(&self, name: &str, body: &JsonMap) -> Vec<&'static str> {
        let members = body
            .get("cluster")
            .and_then(|cluster| cluster.get("nodes"))
            .and_then(Value::as_array);
        let known = |address: &Value| {
            self.live_and(|live| {
                live.nodes
                    .iter()
                    .any(|node| Some(node.addr.as_str()) == address.as_str())
            })
        };
        let active = self.live_and(|live| live.nodes.iter().all(|node| node.status == NodeState::Active));
        [
            unless(self.is_ours(), "S3 joins only the recorded cluster"),
            unless(
                members.is_some_and(|all| !all.is_empty() && all.iter().all(known)),
                "S3 only members are named",
            ),
            unless(active, "S3 no join while a member is down"),
            unless(self.is_fresh(name), "S2 a joiner is fresh"),
            unless(
                self.quiet() && !self.live_and(|live| others_in_maintenance(live, None)),
                "S10 one change of nodes at a time",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// S10, S12: the node may be missed.
    fn taking_out(&self, uid: NodeUid) -> Vec<&'static str> {
        let Some(live) = &self.observed.live else {
            return vec!["S12 the cluster was read"];
        };
        let left = live
            .nodes
            .iter()
            .filter(|n| n.uid != uid && n.status == NodeState::Active && !snapshot(live, n.uid))
            .count();
        let others_active = live
            .nodes
            .iter()
            .all(|n| n.uid == uid || n.status == NodeState::Active);
        [
            unless(self.is_ours(), "S12 the cluster is the recorded one"),
            unless(left * 2 > live.nodes.len(), "S12 quorum survives"),
            unless(
                live.bdbs.iter().all(|bdb| bdb.status == BdbStatus::Active),
                "S12 every database is active",
            ),
            unless(
                others_active && !others_in_maintenance(live, Some(uid)),
                "S10 one node at a time",
            ),
            unless(self.quiet(), "S10 one change of nodes at a time"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// S13: only a node that was listed and is no longer, and enough remain.
    fn removal(&self, uid: NodeUid, name: &str) -> Vec<&'static str> {
        let mut broken = self.taking_out(uid);
        let was = self.recorded(name).is_some_and(|known| known.uid == Some(uid.0));
        let listed = self.object.spec.nodes.iter().any(|node| node.name == name)
            || self.live_node_is(uid, |node| self.listed_at(&node.addr));
        let remain = self.live_and(|live| live.nodes.len() > 3);
        let leads = self.live_and(|live| {
            live.statuses
                .get(&uid)
                .is_some_and(|s| s.role == Some(ManagementRole::Master))
        });
        broken.extend(unless(
            was && !listed,
            "S13 only a node that left the list is removed",
        ));
        broken.extend(unless(remain, "S13 three nodes remain"));
        broken.extend(unless(!leads, "S13 the leader hands over first"));
        broken
    }

    /// S9: only what the spec sets and the server has differently.
    fn partial(&self, body: &JsonMap, section: &str, live: fn(&Live) -> &JsonMap) -> Vec<&'static str> {
        let spec = serde_json::to_value(&self.object.spec).unwrap_or_default();
        let Some(Value::Object(fields)) = spec.get(section).cloned() else {
            return vec!["S9 only what the spec sets"];
        };
        let mut names: Vec<String> = fields.keys().map(|key| squeeze(key)).collect();
        if let Some(Value::Object(extra)) = fields.get("extra") {
            names.extend(extra.keys().map(|key| squeeze(key)));
        }
        let set = body.keys().all(|key| names.contains(&squeeze(key)));
        let differs = self.live_and(|all| body.iter().all(|(key, value)| live(all).get(key) != Some(value)));
        [
            unless(!body.is_empty() && set, "S9 only what the spec sets"),
            unless(differs, "S9 only what differs"),
            unless(self.is_ours(), "S9 only the recorded cluster"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn recorded(&self, name: &str) -> Option<&NodeRecord> {
        self.object
            .status
            .as_ref()?
            .nodes
            .iter()
            .find(|known| known.name == name)
    }

    fn intent(&self, action: IntentAction) -> Option<&Intent> {
        self.object
            .status
            .as_ref()?
            .intent
            .as_ref()
            .filter(|intent| intent.action == action)
    }

    fn identity_is_open(&self) -> bool {
        self.object
            .status
            .as_ref()
            .is_none_or(|status| status.identity.is_none())
    }

    fn listed_at(&self, address: &str) -> bool {
        self.object.spec.nodes.iter().any(|node| node.address == address)
    }

    /// No task, no certificate change, no other change of nodes whose outcome is open.
    fn quiet(&self) -> bool {
        let tasks = self.live_and(|live| live.tasks.iter().any(|task| task.status.under_way()));
        !tasks && !self.inputs.certificates.iter().any(|state| state.under_way)
    }

    fn is_ours(&self) -> bool {
        let Some(identity) = self
            .object
            .status
            .as_ref()
            .and_then(|status| status.identity.as_ref())
        else {
            return false;
        };
        self.live_and(|live| {
            live.cluster.name == identity.name && live.cluster.created_time == identity.created_time
        }) && identity.name == self.object.spec.cluster_name
    }

    fn is_fresh(&self, name: &str) -> bool {
        let seen = self.observed.nodes.iter().find(|node| node.name == name);
        seen.is_some_and(|seen| match &seen.contact {
            Contact::Fresh(bootstrap) => {
                let state = &bootstrap.bootstrap_status.state;
                *state == BootstrapState::Idle || *state == BootstrapState::Error
            }
            Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched | Contact::Joined => {
                false
            }
        })
    }

    fn live_and(&self, holds: impl Fn(&Live) -> bool) -> bool {
        self.observed.live.as_ref().is_some_and(holds)
    }

    fn live_node_is(&self, uid: NodeUid, holds: impl Fn(&crate::rest::model::Node) -> bool) -> bool {
        self.live_and(|live| live.nodes.iter().any(|node| node.uid == uid && holds(node)))
    }
}

fn snapshot(live: &Live, uid: NodeUid) -> bool {
    live.statuses
        .get(&uid)
        .is_some_and(|status| status.maintenance_snapshot.is_some())
}

fn others_in_maintenance(live: &Live, except: Option<NodeUid>) -> bool {
    live.nodes
        .iter()
        .any(|node| Some(node.uid) != except && snapshot(live, node.uid))
}

/// A name without the marks in which the spec's spelling and the wire's differ.
fn squeeze(name: &str) -> String {
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match bare.to_ascii_lowercase().as_str() {
        // The one field whose name the spec makes clearer.
        "passwordexpirationduration" => "passwordexpirationdays".to_owned(),
        other => other.to_owned(),
    }
}
