//! Growth of the cluster: one node joins at a time, and only while every member is well.

use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::NodeSpec;
use crate::api::Reason;
use crate::api::Record;
use crate::plan::cluster::Action;
use crate::plan::cluster::Contact;
use crate::plan::cluster::Live;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::bootstrap::Failure;
use crate::plan::cluster::bootstrap::at_rest;
use crate::plan::cluster::bootstrap::endpoint;
use crate::plan::cluster::bootstrap::node_body;
use crate::plan::cluster::bootstrap::object;
use crate::plan::cluster::identity::taken;
use crate::plan::cluster::view::CALL_DEADLINE_SECS;
use crate::plan::cluster::view::View;
use crate::plan::cluster::view::port;
use crate::plan::gate;
use crate::rest::model::BootstrapState;
use crate::rest::model::JsonMap;
use crate::rest::model::NodeState;
use serde_json::Value;
use serde_json::json;

/// Seconds after which a join whose node is no longer listed, so that nobody can be asked, is given up.
const UNLISTED_JOIN_SECS: i64 = 900;

/// Port of the REST API that a joining node assumes.
const ASSUMED_PORT: u16 = 9443;

/// Joins the first listed node that is not a member yet, or finds out what came of the last one.
pub(super) fn grow(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let Some(live) = view.ours() else {
        return out.last();
    };
    let mut first = unlisted(view, live, &mut out);
    for spec in view
        .spec
        .nodes
        .iter()
        .filter(|spec| view.recorded_uid(&spec.name).is_none())
    {
        match turn(view, live, spec) {
            Turn::Settled => {}
            Turn::Held(why, detail) => out.hold(what(spec), why, detail),
            Turn::Running(why, detail) => {
                out.wait(what(spec), why, detail);
                first = Some(spec.name.clone());
            }
            Turn::Failed(detail) => {
                out.hold(what(spec), Reason::JoinFailed, detail);
                first = first.or(Some(spec.name.clone()));
            }
            Turn::Ready => match first.clone().or_else(|| running_elsewhere(view, spec)) {
                Some(other) => {
                    let detail = format!("node {other} joins first");
                    out.hold(what(spec), Reason::OneNodeAtATime, detail);
                }
                None => {
                    first = Some(spec.name.clone());
                    send(view, live, spec, &mut out);
                }
            },
        }
    }
    out
}

fn what(spec: &NodeSpec) -> String {
    format!("join node {}", spec.name)
}

/// Where a listed node stands that is not recorded as a member.
enum Turn {
    /// Nothing to be done here: a member, or held by an earlier stage.
    Settled,
    Held(Reason, String),
    Running(Reason, String),
    Failed(String),
    Ready,
}

fn turn(view: &View<'_>, live: &Live, spec: &NodeSpec) -> Turn {
    let intent = view
        .intent(IntentAction::JoinNode)
        .filter(|intent| intent.target == spec.name);
    if let Some(node) = view.member(live, spec) {
        let joining = intent.is_some() && node.status != NodeState::Active;
        let detail = format!("the cluster has it in state {}", node.status);
        return if joining {
            Turn::Running(Reason::Joining, detail)
        } else {
            Turn::Settled
        };
    }
    match (view.seen(&spec.name).map(|seen| &seen.contact), intent) {
        (Some(Contact::Fresh(bootstrap)), Some(intent)) => {
            let status = &bootstrap.bootstrap_status;
            match &status.state {
                BootstrapState::Idle if view.older(intent, CALL_DEADLINE_SECS) => Turn::Ready,
                BootstrapState::Idle => {
                    Turn::Running(Reason::OutcomeUnknown, "the request may still arrive".to_owned())
                }
                BootstrapState::Error => {
                    let failure = Failure::of(status);
                    if failure.may_retry(view, intent) {
                        Turn::Ready
                    } else {
                        Turn::Failed(failure.detail())
                    }
                }
                BootstrapState::Initiated | BootstrapState::JoiningCluster | BootstrapState::Completed => {
                    Turn::Running(Reason::Joining, format!("the node is in state {}", status.state))
                }
                BootstrapState::CreatingCluster | BootstrapState::RecoveringCluster => {
                    not_started_by_us(&status.state)
                }
                BootstrapState::Unknown(state) => Turn::Running(
                    Reason::Joining,
                    format!("the node is in the unknown state {state}"),
                ),
            }
        }
        (Some(Contact::Fresh(bootstrap)), None) => {
            let state = &bootstrap.bootstrap_status.state;
            if at_rest(state) {
                Turn::Ready
            } else {
                not_started_by_us(state)
            }
        }
        (Some(Contact::Joined), Some(intent)) if !view.older(intent, CALL_DEADLINE_SECS) => {
            Turn::Running(Reason::Joining, "the cluster does not list it yet".to_owned())
        }
        (Some(Contact::Joined), _) => Turn::Held(Reason::IdentityMismatch, taken(spec)),
        (Some(Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched) | None, Some(_)) => {
            Turn::Running(
                Reason::Joining,
                "the node cannot be asked at the moment".to_owned(),
            )
        }
        (Some(Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched) | None, None) => {
            Turn::Settled
        }
    }
}

fn not_started_by_us(state: &BootstrapState) -> Turn {
    let detail = format!(
        "the node is in bootstrap state {state}, which this object did not start; wait until that ends, or reinstall Redis \
         Enterprise on it"
    );
    Turn::Held(Reason::IdentityMismatch, detail)
}

/// The join of a node that the spec lists no longer: recorded as soon as the cluster has it, so that it can be removed.
fn unlisted(view: &View<'_>, live: &Live, out: &mut Outcome) -> Option<String> {
    let intent = view
        .intent(IntentAction::JoinNode)
        .filter(|intent| view.node(&intent.target).is_none())?;
    let (address, port) = endpoint_of(intent)?;
    match live.nodes.iter().find(|node| node.addr == address) {
        Some(node) if node.status == NodeState::Active => {
            let name = intent.target.clone();
            out.record(Record::Node {
                node: name,
                address: address.to_owned(),
                port,
                uid: node.uid.0,
            });
            out.record(Record::Resolved);
        }
        None if view.older(intent, UNLISTED_JOIN_SECS) => out.record(Record::Resolved),
        Some(_) | None => {
            let detail = "it is no longer listed; it is removed once it has joined";
            out.wait(format!("join node {}", intent.target), Reason::Joining, detail);
        }
    }
    Some(intent.target.clone())
}

fn endpoint_of(intent: &Intent) -> Option<(&str, u16)> {
    let (address, port) = intent.detail.as_deref()?.rsplit_once(':')?;
    Some((address, port.parse().ok()?))
}

/// Another node's join that is under way, listed later than this one.
fn running_elsewhere(view: &View<'_>, spec: &NodeSpec) -> Option<String> {
    under_way(view).filter(|other| *other != spec.name)
}

/// The node whose join is under way. One that failed is not: nothing happens before it is sent again.
pub(super) fn under_way(view: &View<'_>) -> Option<String> {
    let intent = view.intent(IntentAction::JoinNode)?;
    let failed = view.seen(&intent.target).is_some_and(|seen| match &seen.contact {
        Contact::Fresh(bootstrap) => bootstrap.bootstrap_status.state == BootstrapState::Error,
        Contact::Unreachable { .. } | Contact::Unverified | Contact::Mismatched | Contact::Joined => false,
    });
    (!failed).then(|| intent.target.clone())
}

fn send(view: &View<'_>, live: &Live, spec: &NodeSpec, out: &mut Outcome) {
    let rackless = live.policy.get("rack_aware") == Some(&Value::Bool(true)) && spec.rack_id.is_none();
    if rackless {
        let detail = "the cluster is rack aware; set rackId on the node";
        return out.hold(what(spec), Reason::InvalidSpec, detail);
    }
    if let Err(refusal) = gate::quiet(live, view.status.intent.as_ref(), &view.inputs.certificates) {
        return out.hold(what(spec), refusal.why, refusal.detail);
    }
    out.record(view.intend(IntentAction::JoinNode, &spec.name, endpoint(spec)));
    out.call(Action::JoinNode {
        node: spec.name.clone(),
        body: join_body(view, live, spec),
    });
}

fn join_body(view: &View<'_>, live: &Live, spec: &NodeSpec) -> JsonMap {
    let members: Vec<&str> = live.nodes.iter().map(|node| node.addr.as_str()).collect();
    let mut body = object(json!({
        "action": "join_cluster",
        "cluster": {"name": view.spec.cluster_name, "nodes": members},
        "node": node_body(spec),
    }));
    let member_port = view
        .spec
        .nodes
        .iter()
        .find(|other| members.contains(&other.address.as_str()))
        .map(port);
    if let Some(other) = member_port.filter(|port| *port != ASSUMED_PORT) {
        body.insert("cnm_https_port".to_owned(), Value::from(other));
    }
    body
}
