//! What came of a pass over a RedisDatabase.

use crate::api::DeletionPolicy;
use crate::api::IntentAction;
use crate::api::RECONCILE_REQUESTED_AT_ANNOTATION;
use crate::api::Reason;
use crate::api::Record;
use crate::api::RedisDatabase;
use crate::api::RedisDatabaseStatus;
use crate::api::SecretRef;
use crate::api::annotation;
use crate::api::is_orphaned;
use crate::api::is_paused;
use crate::plan::Publication;
use crate::plan::Step;
use crate::plan::database::Action;
use crate::plan::database::Effort;
use crate::plan::database::Facts;
use crate::plan::database::Inputs;
use crate::plan::database::Observed;
use crate::plan::database::Seen;
use crate::plan::database::facts;
use crate::plan::database::under_way;
use crate::report::EventNote;
use crate::report::Report;
use crate::report::Round;
use crate::report::condition::Board;
use crate::report::condition::PASSWORD_SYNCED;
use crate::report::condition::Sight;
use crate::report::condition::Truth;
use crate::report::event;
use crate::report::judge::Scene;
use crate::report::judge::Verdict;
use crate::report::judge::judge;

type Pass<'a> = Round<'a, RedisDatabase, Inputs, Observed, Action>;

/// Tells what came of a pass.
pub fn database(round: &Pass<'_>) -> Report<RedisDatabaseStatus> {
    let mut status = round.object.status.clone().unwrap_or_default();
    let seen = seen(round);
    let facts = seen.and_then(|seen| facts(round.object, round.inputs?, seen, round.now));
    if refused_create(round) {
        status.intent = None;
    }
    let previous = status.conditions.clone();
    let generation = round.object.metadata.generation;
    let mut board = Board::new(&previous, generation, round.now);
    let visit = match judge(round, &scene(round, facts.as_ref(), seen.is_some()), &board) {
        Verdict::Unchanged(visit) => visit,
        Verdict::Told(told) => {
            let visit = told.visit;
            told.post(&mut board);
            if let Some(seen) = seen {
                fill(&mut status, round, seen, facts.as_ref());
            }
            if let Some(sight) = password(round, &status, facts.as_ref()) {
                board.set(PASSWORD_SYNCED, sight);
            }
            status.conditions = board.finish();
            status.observed_generation = generation;
            status.last_handled_reconcile_at =
                annotation(&round.object.metadata, RECONCILE_REQUESTED_AT_ANNOTATION).map(str::to_owned);
            status.plan = crate::report::plan_lines(round.plan, round.object.spec.management_policy);
            visit
        }
    };
    let events = events(round, &status, facts.as_ref());
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

/// Whether the creation certainly had no effect: nothing is under way, and it may be tried again.
fn refused_create(round: &Pass<'_>) -> bool {
    matches!(round.call_refused(), Some(Action::Create { .. }))
}

fn scene(round: &Pass<'_>, facts: Option<&Facts>, was_seen: bool) -> Scene<Action> {
    let object = round.object;
    let orphaned = is_orphaned(&object.metadata);
    let detours = matches!(round.call_refused(), Some(Action::AddPassword(_)));
    let calls = round.calls_done().chain(round.call_refused().filter(|_| detours));
    let efforts: Vec<Effort> = calls.filter_map(Effort::of_action).collect();
    Scene {
        serves: was_seen.then(|| facts.is_some_and(|facts| facts.serves)),
        serving: facts.map(serving).unwrap_or_default(),
        policy: object.spec.management_policy.unwrap_or_default(),
        paused: is_paused(&object.metadata) && !(object.metadata.deletion_timestamp.is_some() && orphaned),
        deleting: object.metadata.deletion_timestamp.is_some(),
        credentials: format!(
            "the credentials Secret of RedisCluster {}",
            object.spec.cluster_ref.name
        ),
        unreachable: round.inputs.map(|inputs| {
            format!(
                "RedisCluster {} does not answer; see its conditions",
                inputs.cluster
            )
        }),
        effort: |action| Effort::of_action(action).map(|_| Reason::Updating),
        words: efforts
            .into_iter()
            .map(|effort| under_way(object, effort))
            .collect(),
        detours,
    }
}

fn serving(facts: &Facts) -> String {
    match (facts.owned_uid, &facts.endpoint) {
        (Some(uid), Some((host, port))) => format!("database {uid} is served at {host}:{port}"),
        (None, Some((host, port))) => format!("the database is served at {host}:{port}"),
        (_, None) => "the database is served".to_owned(),
    }
}

/// Fills in what was seen of the database. While it is being created it is not spoken of, which saves writes.
fn fill(status: &mut RedisDatabaseStatus, round: &Pass<'_>, seen: &Seen, facts: Option<&Facts>) {
    let Some(facts) = facts.filter(|facts| facts.exists) else {
        if facts.is_none() {
            (status.host, status.port, status.effective) = (None, None, None);
        }
        return;
    };
    status.effective = Some(facts.effective.clone());
    (status.host, status.port) = facts.endpoint.clone().unzip();
    if let Some(uid) = facts.owned_uid {
        status.uid = Some(uid);
        status.cluster_identity = Some(seen.identity.clone());
        resolve(status);
    }
    let connection = round.object.spec.connection_secret.as_ref();
    let published = round
        .steps_done()
        .iter()
        .any(|step| matches!(step, Step::Publish(Publication::Connection { .. })));
    let there = published || round.inputs.is_some_and(|inputs| inputs.connection.is_some());
    status.binding = connection.filter(|_| there).map(|secret| SecretRef {
        name: secret.name.clone(),
    });
    if round.object.spec.password_secret_ref.is_none() {
        status.password_version = None;
    }
}

/// Intents that what was seen has resolved.
fn resolve(status: &mut RedisDatabaseStatus) {
    let Some(intent) = status.intent.take() else {
        return;
    };
    match intent.action {
        // The password went with the call.
        IntentAction::CreateDatabase => status.password_version = intent.detail,
        IntentAction::ChangePassword if intent.detail == status.password_version => {}
        _ => status.intent = Some(intent),
    }
}

fn password(round: &Pass<'_>, status: &RedisDatabaseStatus, facts: Option<&Facts>) -> Option<Sight> {
    round.object.spec.password_secret_ref.as_ref()?;
    let what = under_way(round.object, Effort::Rotate);
    let mut holds = round.plan.iter().flat_map(|plan| &plan.holds);
    if let Some(hold) = holds.find(|hold| hold.what == what.what) {
        return Some(Sight::because(Truth::False, hold.why, hold.detail.clone()));
    }
    if status
        .intent
        .as_ref()
        .is_some_and(|intent| intent.action == IntentAction::ChangePassword)
    {
        return Some(Sight::because(Truth::False, what.why, what.detail));
    }
    let synced = || {
        Sight::new(
            Truth::True,
            "InSync",
            "the database has the password of the Secret",
        )
    };
    let known = status
        .conditions
        .iter()
        .any(|condition| condition.type_ == PASSWORD_SYNCED);
    (facts.is_some_and(|facts| facts.exists) && status.password_version.is_some() || known && facts.is_none())
        .then(synced)
}

fn events(round: &Pass<'_>, status: &RedisDatabaseStatus, facts: Option<&Facts>) -> Vec<EventNote> {
    let before = round.before.status.clone().unwrap_or_default();
    let mut events = Vec::new();
    let uid = status.uid.map(|uid| uid.to_string()).unwrap_or_default();
    if before.uid.is_none() && status.uid.is_some() && !status.adopted {
        events.push(event::normal(
            "Created",
            "Create",
            format!("database {uid} was created"),
        ));
    }
    for action in round.calls_done() {
        events.extend(done(round, action, &before));
    }
    if round
        .records_done()
        .any(|record| matches!(record, Record::PasswordVersion(_)))
    {
        events.push(event::normal(
            "PasswordRotated",
            "Rotate",
            format!("database {uid} has the new password only"),
        ));
    }
    if round.is_released() {
        events.push(gone(round, facts));
    }
    events.extend(event::stalled(&before.conditions, &status.conditions));
    events
}

fn done(round: &Pass<'_>, action: &Action, before: &RedisDatabaseStatus) -> Option<EventNote> {
    match action {
        Action::Adopt { bdb, .. } => Some(event::normal(
            "Adopted",
            "Adopt",
            format!("database {bdb} was taken over; it bears our tag now"),
        )),
        Action::Update { bdb, body } => {
            let fields: Vec<&str> = body.keys().map(String::as_str).collect();
            let (reason, what) = if before.observed_generation == round.before.metadata.generation {
                ("DriftCorrected", "was changed by somebody else; put back")
            } else {
                ("Updated", "is being changed")
            };
            Some(event::normal(
                reason,
                "Update",
                format!("database {} {what}: {}", bdb.get(), fields.join(", ")),
            ))
        }
        Action::Delete(bdb) => Some(event::normal(
            "Deleting",
            "Delete",
            format!("database {} is being deleted with its data", bdb.get()),
        )),
        Action::Create { .. }
        | Action::MarkReleased { .. }
        | Action::AddPassword(_)
        | Action::ReplacePasswords(_) => None,
    }
}

/// How the object went.
fn gone(round: &Pass<'_>, facts: Option<&Facts>) -> EventNote {
    let status = round.object.status.clone().unwrap_or_default();
    let uid = status.uid.or(facts.and_then(|facts| facts.owned_uid));
    let Some(uid) = uid else {
        return event::normal("Released", "Delete", "nothing had been created");
    };
    let cluster = status
        .cluster_identity
        .as_ref()
        .map(|identity| identity.name.as_str())
        .unwrap_or_default();
    let deletes = round.object.spec.deletion_policy == Some(DeletionPolicy::Delete);
    if is_orphaned(&round.object.metadata) {
        return event::warning(
            "Orphaned",
            "Delete",
            format!("database {uid} of cluster {cluster} stays, with our tag"),
        );
    }
    if deletes && round.inputs.is_some_and(|inputs| !inputs.cluster_exists) {
        let note = format!(
            "the RedisCluster is gone, so database {uid} of cluster {cluster} could not be deleted; it stays"
        );
        return event::warning("OrphanedOnDelete", "Delete", note);
    }
    match facts {
        Some(facts) if deletes && facts.owned_uid.is_none() => event::warning(
            "NotOwned",
            "Delete",
            format!("database {uid} does not bear our tag; it stays"),
        ),
        None if deletes && seen(round).is_some() => event::normal(
            "Deleted",
            "Delete",
            format!("database {uid} and its data are gone"),
        ),
        Some(_) | None => event::normal(
            "Released",
            "Delete",
            format!(
                "database {uid} of cluster {cluster} stays; spec.adoptionPolicy: IfUnowned takes it over again"
            ),
        ),
    }
}
