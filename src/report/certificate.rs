//! What came of a pass over a ClusterCertificate.

use crate::api::ClusterCertificate;
use crate::api::ClusterCertificateStatus;
use crate::api::IntentAction;
use crate::api::RECONCILE_REQUESTED_AT_ANNOTATION;
use crate::api::Reason;
use crate::api::annotation;
use crate::api::is_paused;
use crate::plan::certificate::Action;
use crate::plan::certificate::Inputs;
use crate::plan::certificate::Observed;
use crate::plan::certificate::Seen;
use crate::plan::certificate::Standing;
use crate::plan::certificate::is_unanswered;
use crate::plan::certificate::pair;
use crate::plan::certificate::standing;
use crate::plan::certificate::under_way;
use crate::report::EventNote;
use crate::report::Report;
use crate::report::Round;
use crate::report::condition::Board;
use crate::report::condition::Sight;
use crate::report::condition::Truth;
use crate::report::condition::last;
use crate::report::condition::seconds;
use crate::report::event;
use crate::report::judge::Scene;
use crate::report::judge::Verdict;
use crate::report::judge::judge;
use crate::rest::error::Disposition;
use jiff::SignedDuration;
use jiff::Timestamp;

const APPLIED: &str = "Applied";
const EXPIRING: &str = "Expiring";
/// Time before the end of a certificate from which on it is said to expire soon.
const RENEW_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

type Pass<'a> = Round<'a, ClusterCertificate, Inputs, Observed, Action>;

/// Tells what came of a pass.
pub fn certificate(round: &Pass<'_>) -> Report<ClusterCertificateStatus> {
    let mut status = round.object.status.clone().unwrap_or_default();
    if round.call_refused().is_some() && is_settled(round) {
        status.intent = None;
    }
    let previous = status.conditions.clone();
    let generation = round.object.metadata.generation;
    let mut board = Board::new(&previous, generation, round.now);
    let applied = applied(round);
    let visit = match judge(round, &scene(round, applied), &board) {
        Verdict::Unchanged(visit) => visit,
        Verdict::Told(told) => {
            let visit = told.visit;
            told.post(&mut board);
            if applied == Some(true) {
                fill(&mut status, round);
            }
            post(&mut board, &status, applied, round.now);
            status.conditions = board.finish();
            status.observed_generation = generation;
            status.last_handled_reconcile_at =
                annotation(&round.object.metadata, RECONCILE_REQUESTED_AT_ANNOTATION).map(str::to_owned);
            status.plan = crate::report::plan_lines(round.plan, round.object.spec.management_policy);
            visit
        }
    };
    let events = events(round, &status);
    Report {
        status,
        events,
        visit,
    }
}

fn seen<'a>(round: &Pass<'a>) -> Option<&'a Seen> {
    match round.observed? {
        Observed::Seen(seen) => Some(seen),
        Observed::Unasked => None,
    }
}

/// Whether a refusal leaves nothing behind. Some nodes may have the certificate where the server was only busy.
fn is_settled(round: &Pass<'_>) -> bool {
    matches!(round.failure, Some(crate::report::Failure::Rest(error))
        if matches!(error.disposition(), Disposition::Rejected | Disposition::Denied))
}

/// Whether every node has the certificate of the Secret; `None` when that could not be told.
fn applied(round: &Pass<'_>) -> Option<bool> {
    let (inputs, seen) = (round.inputs?, seen(round)?);
    let known = inputs
        .access
        .as_ref()
        .is_ok_and(|access| access.identity.as_ref() == Some(&seen.identity));
    let pair = pair(inputs, round.now)
        .ok()
        .filter(|_| known && inputs.claimed_by.is_none())?;
    match standing(seen, pair.fingerprint()) {
        Standing::Everywhere => Some(!is_unanswered(round.object, &pair)),
        Standing::Differs => Some(false),
        Standing::Unknown(_) => None,
    }
}

fn scene(round: &Pass<'_>, applied: Option<bool>) -> Scene<Action> {
    let object = round.object;
    Scene {
        serves: applied,
        serving: format!(
            "every node has certificate {} of the Secret",
            object.spec.certificate
        ),
        policy: object.spec.management_policy.unwrap_or_default(),
        paused: is_paused(&object.metadata) && object.metadata.deletion_timestamp.is_none(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        credentials: format!(
            "the credentials Secret of RedisCluster {}",
            object.spec.cluster_ref.name
        ),
        // A cluster that was seen does answer: then it is a node that does not, and the plan says which.
        unreachable: round.inputs.filter(|_| seen(round).is_none()).map(|inputs| {
            format!(
                "RedisCluster {} does not answer; see its conditions",
                inputs.cluster
            )
        }),
        effort: |_| Some(Reason::Applying),
        words: vec![under_way(object)],
        detours: false,
    }
}

/// Fills in what every node has.
fn fill(status: &mut ClusterCertificateStatus, round: &Pass<'_>) {
    let Some(pair) = round.inputs.and_then(|inputs| pair(inputs, round.now).ok()) else {
        return;
    };
    status.fingerprint = Some(pair.fingerprint().to_owned());
    status.pin = Some(pair.pin().to_string());
    status.not_after = Some(seconds(pair.leaf().not_after));
    status.cluster_identity = seen(round).map(|seen| seen.identity.clone());
    if status
        .intent
        .as_ref()
        .is_some_and(|intent| intent.action == IntentAction::ReplaceCertificate)
    {
        status.intent = None;
    }
}

fn post(board: &mut Board<'_>, status: &ClusterCertificateStatus, applied: Option<bool>, now: Timestamp) {
    let pending = Sight::new(Truth::Unknown, "Pending", "nothing is known yet");
    let sight = match applied {
        Some(true) => Sight::new(
            Truth::True,
            "InSync",
            "every node has the certificate of the Secret",
        ),
        Some(false) => Sight::new(
            Truth::False,
            "PendingApply",
            "not every node has the certificate of the Secret",
        ),
        None => board.last_sight(APPLIED).unwrap_or(pending),
    };
    board.set(APPLIED, sight);
    let end: Option<Timestamp> = status.not_after.as_ref().and_then(|end| end.parse().ok());
    let left = end.map(|end| end.duration_since(now));
    if let (Some(left), Some(end)) = (left.filter(|left| *left < RENEW_SOON), &status.not_after) {
        let reason = if left.is_negative() {
            "Expired"
        } else {
            "RenewSoon"
        };
        let message = format!("the certificate ends at {end}; put a new one into the Secret");
        board.set(EXPIRING, Sight::new(Truth::True, reason, message));
    }
}

fn events(round: &Pass<'_>, status: &ClusterCertificateStatus) -> Vec<EventNote> {
    let before = round.before.status.clone().unwrap_or_default();
    let role = round.object.spec.certificate;
    let mut events = Vec::new();
    let has = |status: &ClusterCertificateStatus| {
        last(&status.conditions, APPLIED).is_some_and(|applied| applied.status == "True")
    };
    if has(status) && !has(&before) {
        let fingerprint = status.fingerprint.clone().unwrap_or_default();
        let note = format!("every node has certificate {role} with fingerprint {fingerprint}");
        events.push(event::normal("CertificateApplied", "Apply", note));
    }
    let told = last(&before.conditions, EXPIRING).map(|told| told.reason.as_str());
    if let Some(expiring) = last(&status.conditions, EXPIRING).filter(|now| told != Some(now.reason.as_str()))
    {
        events.push(event::warning(
            &expiring.reason,
            "Observe",
            expiring.message.clone(),
        ));
    }
    if round.is_released() {
        events.push(event::normal(
            "Released",
            "Delete",
            format!("certificate {role} of the cluster stays as it is"),
        ));
    }
    events.extend(event::stalled(&before.conditions, &status.conditions));
    events
}
