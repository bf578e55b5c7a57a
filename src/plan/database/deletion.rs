//! What becomes of the database when its object is deleted. Data goes only where the spec says `Delete`, and only when the
//! database is proved ours.

use crate::api::ACKNOWLEDGE_DELETIONS_ANNOTATION;
use crate::api::DeletionPolicy;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::ON_DELETE_ANNOTATION;
use crate::api::Reason;
use crate::api::Record;
use crate::plan::Hold;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Wait;
use crate::plan::database::Action;
use crate::plan::database::Effort;
use crate::plan::database::Observed;
use crate::plan::database::case::Case;
use crate::plan::database::create::tags_with_owner;
use crate::plan::database::ownership;
use crate::plan::database::under_way;
use crate::plan::gate::OwnedBdb;
use crate::rest::model::Bdb;
use crate::rest::model::BdbStatus;

/// Longest time for which a deletion under `Retain` waits until the database can be marked as released.
const RELEASE_SECS_MAX: i64 = 60;

/// What a deletion does next.
enum Next {
    /// These calls, then the object goes.
    Release(Option<Action>),
    /// The database goes.
    Delete(OwnedBdb),
    Hold(Hold),
    Wait(Wait),
}

/// Decides the next wave for an object that is being deleted.
///
/// Under `Retain` it never depends on Redis Enterprise: plan with [`Observed::Unasked`] when observing fails.
pub(super) fn plan(case: &Case<'_>, observed: &Observed) -> Plan<Action> {
    let mut plan = Plan::default();
    match next(case, observed) {
        Some(Next::Release(action)) => {
            plan.steps.extend(action.map(Step::Call));
            plan.steps.push(Step::Release);
        }
        Some(Next::Delete(owned)) => {
            if case.intent(IntentAction::DeleteDatabase).is_none() {
                let intent = case.new_intent(IntentAction::DeleteDatabase, owned.get().to_string(), None);
                plan.steps.push(Step::Record(Record::Intent(intent)));
            }
            plan.steps.push(Step::Call(Action::Delete(owned)));
        }
        Some(Next::Hold(hold)) => plan.holds.push(hold),
        Some(Next::Wait(wait)) => plan.waits.push(wait),
        None => {}
    }
    plan
}

/// `None` while the object is paused.
fn next(case: &Case<'_>, observed: &Observed) -> Option<Next> {
    if case.orphaned() {
        return Some(Next::Release(None));
    }
    if case.paused() {
        return None;
    }
    // Without a uid and an intent nothing was ever created; without Enforce nothing is ours to mark or delete.
    let untouched = case.status.uid.is_none() && case.status.intent.is_none();
    if untouched || case.policy() != ManagementPolicy::Enforce || !case.inputs.cluster_exists {
        return Some(Next::Release(None));
    }
    Some(match case.spec.deletion_policy.unwrap_or_default() {
        DeletionPolicy::Retain => retain(case, observed),
        DeletionPolicy::Delete => delete(case, observed),
    })
}

fn retain(case: &Case<'_>, observed: &Observed) -> Next {
    let (Ok(access), Observed::Seen(seen)) = (&case.inputs.access, observed) else {
        return Next::Release(None);
    };
    if case.identity(access, seen).is_some() {
        return Next::Release(None);
    }
    let tagged: Vec<&Bdb> = ownership::tagged(case.owner(), seen).collect();
    match tagged.as_slice() {
        [] => unsettled_creation(case)
            .filter(|_| case.status.uid.is_none())
            .map_or(Next::Release(None), Next::Wait),
        [bdb] => match case.prove(bdb, &seen.identity) {
            Some(owned) => mark(case, bdb, owned),
            None => Next::Release(None),
        },
        _ => Next::Release(None),
    }
}

/// Marks a database as released as soon as it can be changed; not for long, for the object must not hang.
fn mark(case: &Case<'_>, bdb: &Bdb, owned: OwnedBdb) -> Next {
    let owner = format!(
        "released:{}:{}",
        case.owner(),
        case.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    let since = case
        .object
        .metadata
        .deletion_timestamp
        .as_ref()
        .map(|time| time.0);
    match &bdb.status {
        BdbStatus::Active => Next::Release(Some(Action::MarkReleased {
            bdb: owned,
            tags: tags_with_owner(bdb, &owner),
        })),
        BdbStatus::Pending | BdbStatus::ActiveChangePending | BdbStatus::ImportPending
            if since.is_some_and(|since| case.within(since, RELEASE_SECS_MAX)) =>
        {
            Next::Wait(case.wait(
                "release",
                Reason::Updating,
                format!("its status is {}", bdb.status),
            ))
        }
        BdbStatus::Pending
        | BdbStatus::ActiveChangePending
        | BdbStatus::ImportPending
        | BdbStatus::DeletePending
        | BdbStatus::CreationFailed
        | BdbStatus::Recovery
        | BdbStatus::Unknown(_) => Next::Release(None),
    }
}

fn delete(case: &Case<'_>, observed: &Observed) -> Next {
    let (access, seen) = match (&case.inputs.access, observed) {
        (Err(hold), _) => return Next::Hold(blocked(case, hold.why, &hold.detail)),
        (Ok(_), Observed::Unasked) => {
            let detail = format!("RedisCluster {} cannot be asked", case.inputs.cluster);
            return Next::Hold(blocked(case, Reason::ClusterUnreachable, &detail));
        }
        (Ok(access), Observed::Seen(seen)) => (access, seen),
    };
    if let Some(hold) = case.identity(access, seen) {
        return Next::Hold(blocked(case, hold.why, &hold.detail));
    }
    let tagged: Vec<&Bdb> = ownership::tagged(case.owner(), seen).collect();
    match tagged.as_slice() {
        [] => unsettled_creation(case)
            .filter(|_| case.status.uid.is_none())
            .map_or(Next::Release(None), Next::Wait),
        [bdb] => match case.prove(bdb, &seen.identity) {
            Some(owned) => doom(case, bdb, owned),
            None => Next::Hold(ownership::conflict(case, &tagged)),
        },
        _ => Next::Hold(ownership::conflict(case, &tagged)),
    }
}

/// A creation that was sent and may still show.
fn unsettled_creation(case: &Case<'_>) -> Option<Wait> {
    let intent = case.intent(IntentAction::CreateDatabase)?;
    let detail = "its creation was sent, and Redis Enterprise does not show it yet".to_owned();
    case.may_still_arrive(intent)
        .then(|| case.wait("delete", Reason::OutcomeUnknown, detail))
}

fn doom(case: &Case<'_>, bdb: &Bdb, owned: OwnedBdb) -> Next {
    match &bdb.status {
        BdbStatus::Active | BdbStatus::CreationFailed => {}
        BdbStatus::DeletePending => {
            return Next::Wait(under_way(case.object, Effort::Delete));
        }
        BdbStatus::Pending
        | BdbStatus::ActiveChangePending
        | BdbStatus::ImportPending
        | BdbStatus::Recovery
        | BdbStatus::Unknown(_) => {
            return Next::Wait(case.wait(
                "delete",
                Reason::Updating,
                format!("its status is {}", bdb.status),
            ));
        }
    }
    let breaker = &case.inputs.breaker;
    if breaker.deletions > breaker.limit && !breaker.acknowledged {
        return Next::Hold(tripped(case));
    }
    case.takeover("delete").map_or(Next::Delete(owned), Next::Hold)
}

fn tripped(case: &Case<'_>) -> Hold {
    let breaker = &case.inputs.breaker;
    let cluster = &case.inputs.cluster;
    let detail = format!(
        "{} databases of RedisCluster {cluster} are being deleted with their data within ten minutes, and no more than {} go \
         without a word from you; if they are meant to go: kubectl annotate rediscluster -n {} {} --overwrite \
         {ACKNOWLEDGE_DELETIONS_ANNOTATION}={}",
        breaker.deletions, breaker.limit, cluster.namespace, cluster.name, breaker.nonce
    );
    Hold {
        what: case.what("delete"),
        why: Reason::MassDeletion,
        detail,
    }
}

/// A deletion that cannot go on, with the way out.
fn blocked(case: &Case<'_>, why: Reason, detail: &str) -> Hold {
    let detail = format!(
        "{detail}; the database is deleted as soon as that is mended; to let the object go and leave the database: kubectl \
         annotate redisdatabase -n {} {} {ON_DELETE_ANNOTATION}=orphan",
        case.object.metadata.namespace.as_deref().unwrap_or_default(),
        case.object.metadata.name.as_deref().unwrap_or_default()
    );
    Hold {
        what: case.what("delete"),
        why,
        detail,
    }
}
