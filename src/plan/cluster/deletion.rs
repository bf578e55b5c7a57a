//! The first two stages: an object that goes, and one whose spec or inputs do not allow anything yet.

use crate::api::FINALIZER;
use crate::api::Reason;
use crate::api::is_orphaned;
use crate::plan::Step;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::view::View;
use crate::plan::cluster::view::port;
use std::collections::BTreeSet;

/// Most dependents that a hold names.
const NAMED: usize = 5;

/// Deletion: the object goes once nothing refers to it. The cluster itself is never touched, so nothing but references
/// can hold this up.
pub(super) fn finish(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let meta = &view.object.metadata;
    if meta.deletion_timestamp.is_none() {
        return out;
    }
    let orphan = is_orphaned(meta);
    let dependents = &view.inputs.dependents;
    if !meta
        .finalizers
        .iter()
        .flatten()
        .any(|finalizer| finalizer == FINALIZER)
    {
        return out.last();
    }
    if dependents.is_empty() || orphan {
        out.plan.steps.push(Step::Release);
    } else {
        out.hold("delete the object", Reason::InUse, in_use(dependents));
    }
    out.last()
}

fn in_use(dependents: &[String]) -> String {
    let named: Vec<_> = dependents.iter().take(NAMED).map(String::as_str).collect();
    let more = match dependents.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} refer to it; delete them first", named.join(", "))
}

/// Claims, spec and inputs: while any is wrong nothing is recorded and nothing is sent.
pub(super) fn check_inputs(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    if let Some(older) = &view.inputs.claimed_by {
        let detail = format!(
            "the older RedisCluster {older} has the same clusterName or one of these node addresses; delete one of the two"
        );
        out.hold("act on the cluster", Reason::OwnershipConflict, detail);
        return out.last();
    }
    if let Some(fault) = fault(view) {
        out.hold("act on the cluster", Reason::InvalidSpec, fault);
    }
    out.plan.holds.extend(view.inputs.access.as_ref().err().cloned());
    out.plan.holds.extend(view.inputs.license.as_ref().err().cloned());
    out.last = !out.plan.holds.is_empty();
    out
}

fn fault(view: &View<'_>) -> Option<String> {
    if view.spec.cluster_name.is_empty() {
        return Some("spec.clusterName is empty; give the cluster's fully qualified domain name".to_owned());
    }
    if view.spec.nodes.is_empty() {
        return Some("spec.nodes is empty; list at least one node".to_owned());
    }
    let mut names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for node in &view.spec.nodes {
        if !names.insert(&node.name) {
            return Some(format!(
                "spec.nodes lists the name {} twice; names must differ",
                node.name
            ));
        }
        if !addresses.insert((&node.address, port(node))) {
            return Some(format!(
                "spec.nodes lists the address {}:{} twice",
                node.address,
                port(node)
            ));
        }
    }
    None
}
