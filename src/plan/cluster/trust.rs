//! Which certificates are believed, and for how long. Nothing is sent to a node before its certificate has passed; this
//! stage decides what passes next time, and says what a human has to add for the rest.

use crate::api::CertificateRole;
use crate::api::IntentAction;
use crate::api::NodeRecord;
use crate::api::NodeSpec;
use crate::api::Reason;
use crate::api::Record;
use crate::plan::cluster::Contact;
use crate::plan::cluster::NodeObserved;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::Presented;
use crate::plan::cluster::view::View;
use crate::plan::cluster::view::port;

/// Judges what every listed node showed.
pub(super) fn judge(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    for spec in view.spec.nodes.iter().filter(|spec| has_moved(view, spec)) {
        out.record(Record::NodeGone {
            node: spec.name.clone(),
        });
    }
    for (spec, seen) in view
        .spec
        .nodes
        .iter()
        .filter_map(|spec| Some((spec, view.seen(&spec.name)?)))
    {
        match &seen.contact {
            Contact::Unreachable { error } => {
                out.hold(
                    format!("reach node {}", spec.name),
                    Reason::ClusterUnreachable,
                    error.clone(),
                );
            }
            Contact::Unverified | Contact::Mismatched => distrusted(view, spec, seen, &mut out),
            Contact::Fresh(_) | Contact::Joined => {}
        }
    }
    if let Some(record) = next_cluster_pin(view) {
        out.record(record);
    }
    out
}

/// Whether what was recorded of a node that never joined was seen at another address than the spec names now.
fn has_moved(view: &View<'_>, spec: &NodeSpec) -> bool {
    let named = view
        .status
        .intent
        .as_ref()
        .is_some_and(|intent| intent.target == spec.name);
    let elsewhere = |record: &&NodeRecord| record.address != spec.address || record.port != port(spec);
    view.recorded(&spec.name)
        .filter(|record| record.uid.is_none())
        .filter(elsewhere)
        .is_some()
        && !named
}

fn distrusted(view: &View<'_>, spec: &NodeSpec, seen: &NodeObserved, out: &mut Outcome) {
    let what = format!("trust node {}", spec.name);
    let Some(presented) = &seen.presented else {
        let detail =
            "it ended the handshake before it showed a certificate; check that TLS answers on this port";
        return out.hold(what, Reason::TlsVerifyFailed, detail);
    };
    if is_own_new_certificate(view, spec, presented) {
        return out.record(Record::ApiCertificatePin(Some(presented.pin.clone())));
    }
    if may_trust_on_first_use(view, spec, seen) {
        return out.record(Record::NodePin {
            node: spec.name.clone(),
            address: spec.address.clone(),
            port: port(spec),
            pin: presented.pin.clone(),
        });
    }
    out.hold(what, Reason::TlsVerifyFailed, remedy(view, spec, presented));
}

/// RS replaces the seed's certificate by the cluster's when it creates the cluster: the one moment at which a certificate
/// that nothing else vouches for is taken as the cluster's own.
fn is_own_new_certificate(view: &View<'_>, spec: &NodeSpec, presented: &Presented) -> bool {
    let creating = view
        .intent(IntentAction::CreateCluster)
        .is_some_and(|intent| intent.target == spec.name);
    let as_fresh = node_pin(view, spec) == Some(presented.pin.as_str());
    creating
        && !as_fresh
        && presented.self_signed
        && presented.names_cluster
        && view.status.identity.is_none()
        && view.status.api_certificate_pin.is_none()
        && !view.observing()
}

fn may_trust_on_first_use(view: &View<'_>, spec: &NodeSpec, seen: &NodeObserved) -> bool {
    let asked = view.spec.tls.as_ref().and_then(|tls| tls.trust_on_first_use) == Some(true);
    let first = node_pin(view, spec).is_none() && view.recorded_uid(&spec.name).is_none();
    asked && first && matches!(seen.contact, Contact::Unverified) && !view.observing()
}

/// What vouches for the node while it is fresh: the pin of the spec, else the recorded one.
fn node_pin<'v>(view: &'v View<'_>, spec: &'v NodeSpec) -> Option<&'v str> {
    let recorded = || view.recorded(&spec.name).and_then(|record| record.pin.as_deref());
    spec.pin.as_deref().or_else(recorded)
}

fn remedy(view: &View<'_>, spec: &NodeSpec, presented: &Presented) -> String {
    let (name, pin) = (&spec.name, &presented.pin);
    let member = view.recorded_uid(name).is_some() || presented.names_cluster;
    let expected = if member {
        view.status.api_certificate_pin.as_deref()
    } else {
        node_pin(view, spec)
    };
    let shows = match expected {
        Some(expected) => format!("it shows a certificate with {pin}, but {expected} was expected"),
        None => format!("it shows a certificate with {pin}, for which nothing vouches"),
    };
    if member {
        format!(
            "{shows}; if that is the cluster's own certificate, add `tls: {{pins: [\"{pin}\"]}}` to the spec"
        )
    } else if expected.is_some() {
        format!("{shows}; if the node was reinstalled, set `pin: {pin}` on node {name} in spec.nodes")
    } else {
        format!(
            "{shows}; compare it with the node, then set `pin: {pin}` on node {name} in spec.nodes, or \
             `tls: {{trustOnFirstUse: true}}` to take what fresh nodes show first"
        )
    }
}

/// What becomes of the recorded pin of the cluster's certificate: forgotten once the authority vouches for what every
/// member shows, replaced once every member shows the certificate that our own ClusterCertificate put there.
fn next_cluster_pin(view: &View<'_>) -> Option<Record> {
    let mut shown = Vec::new();
    for spec in view
        .spec
        .nodes
        .iter()
        .filter(|spec| view.recorded_uid(&spec.name).is_some())
    {
        shown.push(view.seen(&spec.name)?.presented.as_ref()?);
    }
    let recorded = view.status.api_certificate_pin.as_deref();
    let first = shown.first()?;
    if shown.iter().all(|presented| presented.vouched) {
        return recorded.is_some().then_some(Record::ApiCertificatePin(None));
    }
    let same = shown.iter().all(|presented| presented.pin == first.pin);
    let given = view
        .spec
        .tls
        .iter()
        .flat_map(|tls| tls.pins.iter().flatten())
        .any(|pin| *pin == first.pin);
    let replaced = view
        .inputs
        .certificates
        .iter()
        .any(|state| state.certificate == CertificateRole::Api && state.pins.contains(&first.pin));
    (same && replaced && !given && recorded != Some(first.pin.as_str()))
        .then(|| Record::ApiCertificatePin(Some(first.pin.clone())))
}
