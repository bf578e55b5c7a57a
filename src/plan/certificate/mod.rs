//! What to do next for a ClusterCertificate.
//!
//! Replacing a certificate by the same one again changes nothing, so it is repeated until every node has it; the intent is
//! there to keep disruptions away meanwhile, and to let both certificates be trusted.

use crate::api::CertificateRole;
use crate::api::ClusterCertificate;
use crate::api::ClusterCertificateStatus;
use crate::api::ClusterIdentity;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::Reason;
use crate::api::Record;
use crate::api::is_paused;
use crate::plan::Drift;
use crate::plan::Hold;
use crate::plan::Input;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Wait;
use crate::plan::access::ClusterAccess;
use crate::plan::access::ClusterKey;
use crate::rest::model::CertificatePair;
use crate::rest::model::Node;
use crate::rest::model::NodeState;
use crate::rest::model::SoftwareVersion;
use jiff::SignedDuration;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::fmt;

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
    /// PUT `/v1/cluster/certificates`, or `/v1/cluster/update_cert` where some node is older than 7.22.2. May take 15
    /// minutes.
    Replace {
        /// Which certificate.
        certificate: CertificateRole,
        /// Whether every node knows the bulk call.
        bulk: bool,
        /// The certificate and its key, checked.
        pair: Box<CertificatePair>,
    },
}

/// Time for which nodes may keep serving the old certificate after a replacement was sent, before it is sent again.
const SETTLE_SECS: i64 = 60;
/// First version that knows the bulk call.
const BULK_SINCE: &str = "7.22.2";

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace {
                certificate,
                bulk: true,
                ..
            } => write!(f, "replace certificate {certificate}"),
            Self::Replace {
                certificate,
                bulk: false,
                ..
            } => write!(f, "replace certificate {certificate} by update_cert"),
        }
    }
}

/// Decides the next wave for a certificate. Total: whatever is wrong is a hold. The caller plans no second wave while the
/// call of an earlier one still runs.
pub fn plan(
    object: &ClusterCertificate,
    inputs: &Inputs,
    observed: &Observed,
    now: Timestamp,
) -> Plan<Action> {
    let mut plan = Plan::default();
    // A cluster cannot be without the certificate: it stays.
    if object.metadata.deletion_timestamp.is_some() {
        plan.steps.push(Step::Release);
        return plan;
    }
    if is_paused(&object.metadata) {
        return plan;
    }
    let case = Case { object, inputs, now };
    match case.checked(observed) {
        Ok((seen, pair)) => case.converge(seen, &pair, &mut plan),
        Err(hold) => plan.holds.push(hold),
    }
    plan
}

/// The pair of the inputs, checked.
///
/// # Errors
/// The hold that says what is wrong with it.
pub fn pair(inputs: &Inputs, now: Timestamp) -> Input<CertificatePair> {
    let secret = inputs.pair.as_ref().map_err(Clone::clone)?;
    CertificatePair::parse(
        secret.certificate_pem.as_bytes(),
        secret.key_pem.expose_secret().as_bytes(),
        now,
    )
    .map_err(|error| Hold {
        what: format!("use Secret {}", secret.secret),
        why: Reason::CertificateInvalid,
        detail: format!("{error}; correct the Secret"),
    })
}

/// Pins of the certificate that an object has put in place and of the one that it is about to put there: both are trusted
/// until every node serves the new one.
pub fn pins(status: &ClusterCertificateStatus) -> Vec<String> {
    let intended = status
        .intent
        .as_ref()
        .and_then(|intent| intent.detail.as_deref()?.split_once(' '));
    status
        .pin
        .iter()
        .cloned()
        .chain(intended.map(|(_, pin)| pin.to_owned()))
        .collect()
}

/// Whether a replacement is under way, so that nothing may be disrupted.
pub fn is_under_way(status: &ClusterCertificateStatus) -> bool {
    status
        .intent
        .as_ref()
        .is_some_and(|intent| intent.action == IntentAction::ReplaceCertificate)
}

/// A replacement that was sent, as it is waited for.
pub fn under_way(object: &ClusterCertificate) -> Wait {
    Wait {
        what: format!("replace certificate {}", object.spec.certificate),
        why: Reason::Applying,
        detail: "the nodes take the new one up".to_owned(),
    }
}

/// How the nodes' certificates compare with the one wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every node has it.
    Everywhere,
    /// At least one node has another.
    Differs,
    /// No node is known to have another, but these could not be asked.
    Unknown(Vec<String>),
}

/// Compares what the nodes have with the certificate of this fingerprint.
pub fn standing(seen: &Seen, fingerprint: &str) -> Standing {
    if seen
        .served
        .iter()
        .filter_map(|served| served.fingerprint.as_deref())
        .any(|served| served != fingerprint)
    {
        return Standing::Differs;
    }
    let silent = seen.served.iter().filter(|served| served.fingerprint.is_none());
    let mut silent: Vec<String> = silent.map(|served| served.node.clone()).collect();
    if seen.served.len() < seen.nodes.len() || seen.served.is_empty() {
        silent.push("some that were not asked".to_owned());
    }
    if silent.is_empty() {
        Standing::Everywhere
    } else {
        Standing::Unknown(silent)
    }
}

/// What the intent to put this pair in place says.
fn detail(pair: &CertificatePair) -> String {
    format!("{} {}", pair.fingerprint(), pair.pin())
}

/// Whether a replacement by this pair was begun and never confirmed. Redis Enterprise then tells the new certificate of
/// every node, although some may not have taken it: only the answer to the call says that all have.
pub fn is_unanswered(object: &ClusterCertificate, pair: &CertificatePair) -> bool {
    let status = object.status.as_ref();
    let intent = status.and_then(|status| status.intent.as_ref());
    let begun = intent.is_some_and(|intent| intent.detail.as_deref() == Some(&detail(pair)));
    begun && status.and_then(|status| status.fingerprint.as_deref()) != Some(pair.fingerprint())
}

struct Case<'a> {
    object: &'a ClusterCertificate,
    inputs: &'a Inputs,
    now: Timestamp,
}

impl Case<'_> {
    fn what(&self) -> String {
        format!("replace certificate {}", self.object.spec.certificate)
    }

    fn hold(&self, why: Reason, detail: String) -> Hold {
        Hold {
            what: self.what(),
            why,
            detail,
        }
    }

    fn policy(&self) -> ManagementPolicy {
        self.object.spec.management_policy.unwrap_or_default()
    }

    fn intent(&self) -> Option<&Intent> {
        self.object
            .status
            .as_ref()
            .and_then(|status| status.intent.as_ref())
    }

    /// What a replacement starts from: whose certificate it is, who answered, and a pair that can be used.
    fn checked<'a>(&self, observed: &'a Observed) -> Result<(&'a Seen, CertificatePair), Hold> {
        let inputs = self.inputs;
        let access = inputs.access.as_ref().map_err(Clone::clone)?;
        let role = self.object.spec.certificate;
        let Observed::Seen(seen) = observed else {
            let detail = format!("RedisCluster {} was not asked", inputs.cluster);
            return Err(self.hold(Reason::ClusterUnreachable, detail));
        };
        if let Some(older) = &inputs.claimed_by {
            let detail = format!(
                "ClusterCertificate {older} is older and claims certificate {role} of RedisCluster {} too; delete one of them",
                inputs.cluster
            );
            return Err(self.hold(Reason::OwnershipConflict, detail));
        }
        let Some(trusted) = &access.identity else {
            let detail = format!("RedisCluster {} has not been created yet", inputs.cluster);
            return Err(self.hold(Reason::WaitingForCluster, detail));
        };
        let recorded = self
            .object
            .status
            .as_ref()
            .and_then(|status| status.cluster_identity.as_ref());
        if let Some(known) = [Some(trusted), recorded]
            .into_iter()
            .flatten()
            .find(|known| **known != seen.identity)
        {
            return Err(self.hold(Reason::IdentityMismatch, mismatch(&seen.identity, known)));
        }
        Ok((seen, pair(inputs, self.now)?))
    }

    fn converge(&self, seen: &Seen, pair: &CertificatePair, plan: &mut Plan<Action>) {
        let wanted = pair.fingerprint();
        match standing(seen, wanted) {
            Standing::Everywhere if is_unanswered(self.object, pair) => {}
            Standing::Everywhere => return,
            Standing::Unknown(nodes) => {
                let detail = format!(
                    "the certificate of these nodes could not be read: {}",
                    nodes.join(", ")
                );
                return plan.holds.push(self.hold(Reason::ClusterUnreachable, detail));
            }
            Standing::Differs => plan.drift.push(drift(seen, wanted)),
        }
        if self.policy() == ManagementPolicy::Observe {
            return;
        }
        let detail = detail(pair);
        if self.is_settling(&detail) {
            return plan.waits.push(under_way(self.object));
        }
        match self.obstacle(seen) {
            Some(hold) => plan.holds.push(hold),
            None => plan.steps = self.replace(seen, pair, detail),
        }
    }

    /// Whether this very replacement was sent a moment ago.
    fn is_settling(&self, detail: &str) -> bool {
        let same = self
            .intent()
            .filter(|intent| intent.detail.as_deref() == Some(detail));
        let since = same.and_then(|intent| intent.time.parse::<Timestamp>().ok());
        since.is_some_and(|since| self.now.duration_since(since) < SignedDuration::from_secs(SETTLE_SECS))
    }

    /// What speaks against a replacement now.
    fn obstacle(&self, seen: &Seen) -> Option<Hold> {
        if let Some(disruption) = &self.inputs.disruption {
            let detail = format!("RedisCluster {} goes first: {disruption}", self.inputs.cluster);
            return Some(self.hold(Reason::Disruption, detail));
        }
        if let Some(other) = &self.inputs.other_change {
            let detail =
                format!("ClusterCertificate {other} goes first; one certificate is replaced at a time");
            return Some(self.hold(Reason::CertificateChange, detail));
        }
        let out = seen.nodes.iter().filter(|node| node.status != NodeState::Active);
        let out: Vec<String> = out
            .map(|node| format!("{} ({}) is {}", node.uid, node.addr, node.status))
            .collect();
        if !out.is_empty() {
            let detail = format!(
                "every node must be active to take the new certificate, and node {}",
                out.join(", node ")
            );
            return Some(self.hold(Reason::OneNodeAtATime, detail));
        }
        self.inputs
            .takeover_until
            .filter(|until| self.now < *until)
            .map(|_| {
                let detail = "a new leader lets the calls of the previous one run out first".to_owned();
                self.hold(Reason::TakeoverWait, detail)
            })
    }

    fn replace(&self, seen: &Seen, pair: &CertificatePair, detail: String) -> Vec<Step<Action>> {
        let certificate = self.object.spec.certificate;
        let since = SoftwareVersion::parse(BULK_SINCE);
        let bulk = seen.nodes.iter().all(|node| {
            node.software_version
                .as_ref()
                .is_some_and(|version| *version >= since)
        });
        let intent = Intent {
            action: IntentAction::ReplaceCertificate,
            target: certificate.to_string(),
            time: self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            generation: self.object.metadata.generation.unwrap_or_default(),
            detail: Some(detail),
        };
        let applied = Record::Certificate {
            fingerprint: pair.fingerprint().to_owned(),
            pin: pair.pin().to_string(),
        };
        let pair = Box::new(pair.clone());
        vec![
            Step::Record(Record::Intent(intent)),
            Step::Call(Action::Replace {
                certificate,
                bulk,
                pair,
            }),
            Step::Record(applied),
        ]
    }
}

fn drift(seen: &Seen, wanted: &str) -> Drift {
    let served: BTreeSet<&str> = seen
        .served
        .iter()
        .filter_map(|served| served.fingerprint.as_deref())
        .collect();
    Drift {
        path: "spec.secretRef".to_owned(),
        live: served.into_iter().collect::<Vec<_>>().join(", "),
        wanted: wanted.to_owned(),
    }
}

fn mismatch(answered: &ClusterIdentity, known: &ClusterIdentity) -> String {
    format!(
        "cluster {} created {} answers, but cluster {} created {} is recorded; nothing is sent; if the cluster was rebuilt on \
         purpose, delete this object and apply it again",
        answered.name, answered.created_time, known.name, known.created_time
    )
}

#[cfg(test)]
pub(crate) mod tests;
