//! Whether the cluster that answers is the one that this object stands for, and which of its nodes are listed.

use crate::api::AdoptionPolicy;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::NodeSpec;
use crate::api::Reason;
use crate::api::Record;
use crate::plan::cluster::Contact;
use crate::plan::cluster::Live;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::view::View;
use crate::plan::cluster::view::identity_of;
use crate::plan::cluster::view::port;
use crate::rest::model::Node;
use crate::rest::model::NodeState;

/// Compares the cluster that answers with what is recorded. Nothing is done to a cluster that is not ours.
pub(super) fn compare(view: &View<'_>) -> Outcome {
    match (view.live(), &view.status.identity) {
        (Some(live), _) if live.cluster.name != view.spec.cluster_name => misnamed(view, live),
        (Some(_), Some(_)) => recorded(view),
        (Some(live), None) => unrecorded(view, live),
        (None, Some(_)) => silent(view),
        (None, None) => foreign(view),
    }
}

const WHAT: &str = "act on the cluster";

fn misnamed(view: &View<'_>, live: &Live) -> Outcome {
    let mut out = Outcome::default();
    let detail = format!(
        "the listed nodes belong to the cluster {}, but spec.clusterName is {}; list the nodes of that one",
        live.cluster.name, view.spec.cluster_name
    );
    out.hold(WHAT, Reason::IdentityMismatch, detail);
    out.last()
}

fn recorded(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let (Some(live), Some(identity)) = (view.live(), &view.status.identity) else {
        return out;
    };
    if identity_of(live) == *identity {
        return out;
    }
    let detail = format!(
        "the cluster that answers was created {}, the one recorded {} was created {}; to stand for this one, delete the \
         object and apply it again with `adoptionPolicy: IfUnowned`",
        live.cluster.created_time, identity.name, identity.created_time
    );
    out.hold(WHAT, Reason::IdentityMismatch, detail);
    out.last()
}

/// A cluster answers and none is recorded: the one that was just created, or one that was there before.
fn unrecorded(view: &View<'_>, live: &Live) -> Outcome {
    let mut out = Outcome::default();
    if let Some(intent) = view.intent(IntentAction::CreateCluster) {
        return created(view, live, intent);
    }
    if view.observing() {
        return out;
    }
    if view.spec.adoption_policy.unwrap_or_default() == AdoptionPolicy::IfUnowned {
        out.record(Record::Identity(identity_of(live)));
        for (spec, node) in listed_members(view, live) {
            out.record(node_record(spec, node));
        }
        return out.last();
    }
    let detail = format!(
        "a cluster of this name, created {}, exists already; to take it over, add `adoptionPolicy: IfUnowned` to the spec",
        live.cluster.created_time
    );
    out.hold("create the cluster", Reason::AlreadyExists, detail);
    out.last()
}

fn created(view: &View<'_>, live: &Live, intent: &Intent) -> Outcome {
    let mut out = Outcome::default();
    let seed = listed_members(view, live).find(|(spec, _)| spec.name == intent.target);
    let Some((spec, node)) = seed else {
        let detail = format!(
            "the cluster was to be created on node {}, but that node does not belong to the one that answers (created {})",
            intent.target, live.cluster.created_time
        );
        out.hold(WHAT, Reason::IdentityMismatch, detail);
        return out.last();
    };
    out.record(Record::Identity(identity_of(live)));
    out.record(node_record(spec, node));
    out.record(Record::Resolved);
    out.last()
}

/// A cluster is recorded and none answers.
fn silent(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let reset = view.spec.nodes.iter().find(|spec| {
        view.recorded_uid(&spec.name).is_some()
            && view
                .seen(&spec.name)
                .is_some_and(|seen| matches!(seen.contact, Contact::Fresh(_)))
    });
    match reset {
        Some(spec) => {
            let detail = format!(
                "node {} belonged to it and is fresh now; bring back the nodes that hold it, or delete the object and apply \
                 it again to create a new cluster",
                spec.name
            );
            out.hold(WHAT, Reason::IdentityMismatch, detail);
        }
        None => out.hold(WHAT, Reason::ClusterUnreachable, "no listed node answers for it"),
    }
    out.last()
}

/// No cluster is recorded and none may be asked. A node that belongs to one all the same is not ours to touch, unless it
/// is the seed on which we are creating it.
fn foreign(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let seed = view
        .intent(IntentAction::CreateCluster)
        .map(|intent| intent.target.as_str());
    for spec in view
        .spec
        .nodes
        .iter()
        .filter(|spec| Some(spec.name.as_str()) != seed)
    {
        let Some(seen) = view
            .seen(&spec.name)
            .filter(|seen| matches!(seen.contact, Contact::Joined))
        else {
            continue;
        };
        let presented = seen.presented.as_ref();
        if presented.is_some_and(|presented| presented.names_cluster) {
            let pin = presented
                .map(|presented| presented.pin.as_str())
                .unwrap_or_default();
            let detail = format!(
                "node {} belongs to a cluster of this name already, and nothing vouches for its certificate; to take it \
                 over, add `adoptionPolicy: IfUnowned` and `tls: {{pins: [\"{pin}\"]}}` to the spec",
                spec.name
            );
            out.hold("create the cluster", Reason::AlreadyExists, detail);
            break;
        } else {
            out.hold(
                format!("use node {}", spec.name),
                Reason::IdentityMismatch,
                taken(spec),
            );
        }
    }
    if out.plan.holds.is_empty() && view.observing() {
        let detail = "no listed node belongs to a cluster yet, and `managementPolicy: Observe` creates none";
        out.hold("observe the cluster", Reason::WaitingForCluster, detail);
    }
    out.last = !out.plan.holds.is_empty();
    out
}

/// What to do about a node that belongs to another cluster.
pub(super) fn taken(spec: &NodeSpec) -> String {
    format!(
        "the node at {} belongs to another cluster; reinstall Redis Enterprise on it, or take it off spec.nodes",
        spec.address
    )
}

/// Takes stock of the nodes: records those that belong to the cluster, forgets those that have left it.
pub(super) fn take_stock(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let Some(live) = view.ours() else {
        return out.last();
    };
    for record in &view.status.nodes {
        let Some(uid) = record.uid else {
            if view.node(&record.name).is_none() && !joining(view, &record.name) {
                out.record(Record::NodeGone {
                    node: record.name.clone(),
                });
            }
            continue;
        };
        if !live.nodes.iter().any(|node| node.uid.0 == uid) {
            out.record(Record::NodeGone {
                node: record.name.clone(),
            });
            if view
                .status
                .intent
                .as_ref()
                .is_some_and(|intent| about_node(intent) && intent.target == record.name)
            {
                out.record(Record::Resolved);
            }
        }
    }
    for (spec, node) in listed_members(view, live) {
        if view.recorded_uid(&spec.name).is_none() {
            recognise(view, spec, node, &mut out);
        }
    }
    out
}

/// Records a listed node that belongs to the cluster: because it has joined, was there before, or has a new name.
fn recognise(view: &View<'_>, spec: &NodeSpec, node: &Node, out: &mut Outcome) {
    let joining = view
        .intent(IntentAction::JoinNode)
        .is_some_and(|intent| intent.target == spec.name);
    if joining && node.status != NodeState::Active {
        return;
    }
    let before = view
        .status
        .nodes
        .iter()
        .find(|record| record.uid == Some(node.uid.0));
    if let Some(before) = before {
        // Else the old name, no longer listed, would ask for the removal of this very node.
        out.record(Record::NodeGone {
            node: before.name.clone(),
        });
    }
    out.record(node_record(spec, node));
    if before.is_some_and(|before| before.maintenance) {
        out.record(Record::NodeMaintenance {
            node: spec.name.clone(),
            on: true,
        });
    }
    if joining {
        out.record(Record::Resolved);
    }
}

fn joining(view: &View<'_>, name: &str) -> bool {
    view.intent(IntentAction::JoinNode)
        .is_some_and(|intent| intent.target == name)
}

/// Whether the intent ends when its node leaves the cluster.
fn about_node(intent: &Intent) -> bool {
    match intent.action {
        IntentAction::MaintenanceOn | IntentAction::MaintenanceOff | IntentAction::RemoveNode => true,
        IntentAction::CreateCluster
        | IntentAction::JoinNode
        | IntentAction::CreateDatabase
        | IntentAction::DeleteDatabase
        | IntentAction::ChangePassword
        | IntentAction::ReplaceCertificate => false,
    }
}

fn listed_members<'a>(view: &View<'a>, live: &'a Live) -> impl Iterator<Item = (&'a NodeSpec, &'a Node)> {
    view.spec.nodes.iter().filter_map(|spec| {
        let node = live.nodes.iter().find(|node| node.addr == spec.address)?;
        Some((spec, node))
    })
}

fn node_record(spec: &NodeSpec, node: &Node) -> Record {
    Record::Node {
        node: spec.name.clone(),
        address: spec.address.clone(),
        port: port(spec),
        uid: node.uid.0,
    }
}
