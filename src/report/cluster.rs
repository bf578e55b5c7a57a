//! What came of a pass over a RedisCluster.

use crate::api::ClusterSummary;
use crate::api::LicenseStatus;
use crate::api::RECONCILE_REQUESTED_AT_ANNOTATION;
use crate::api::Reason;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::api::RedisClusterStatus;
use crate::api::RejectedCredentials;
use crate::api::annotation;
use crate::api::is_paused;
use crate::plan::Wait;
use crate::plan::cluster::Action;
use crate::plan::cluster::Inputs;
use crate::plan::cluster::Live;
use crate::plan::cluster::Observed;
use crate::report::EventNote;
use crate::report::Failure;
use crate::report::Report;
use crate::report::Round;
use crate::report::announce::cluster_effort;
use crate::report::condition::Board;
use crate::report::condition::READY;
use crate::report::condition::Sight;
use crate::report::condition::Truth;
use crate::report::condition::last;
use crate::report::condition::seconds;
use crate::report::condition::word;
use crate::report::event;
use crate::report::judge::Scene;
use crate::report::judge::Verdict;
use crate::report::judge::judge;
use jiff::SignedDuration;
use jiff::Timestamp;

const REACHABLE: &str = "Reachable";
const LICENSE_VALID: &str = "LicenseValid";
/// Time for which credentials that were rejected are not tried again.
const REJECTION: SignedDuration = SignedDuration::from_mins(10);

type Pass<'a> = Round<'a, RedisCluster, Inputs, Observed, Action>;

/// Tells what came of a pass.
pub fn cluster(round: &Pass<'_>) -> Report<RedisClusterStatus> {
    let mut status = round.object.status.clone().unwrap_or_default();
    let live = round.observed.and_then(|observed| observed.live.as_ref());
    credentials(&mut status, round, live.is_some());
    let previous = status.conditions.clone();
    let generation = round.object.metadata.generation;
    let mut board = Board::new(&previous, generation, round.now);
    let visit = match judge(round, &scene(round, &status, live), &board) {
        Verdict::Unchanged(visit) => visit,
        Verdict::Told(told) => {
            let visit = told.visit;
            let unreachable = told.ready.reason == word(Reason::ClusterUnreachable);
            told.post(&mut board);
            if let Some(live) = live {
                fill(&mut status, round.object, live);
            }
            post(&mut board, &status, live.is_some(), unreachable);
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

/// Notes which Secret was rejected, so that nobody tries it again and locks the account.
fn credentials(status: &mut RedisClusterStatus, round: &Pass<'_>, answered: bool) {
    let access = round.inputs.and_then(|inputs| inputs.access.as_ref().ok());
    let version = access.map(|access| access.credentials.secret_version.clone());
    let rejected = matches!(round.failure, Some(Failure::Rest(error)) if error.status() == Some(401));
    match version {
        Some(secret_version) if rejected => {
            let recent = status.rejected_credentials.as_ref().is_some_and(|known| {
                let time: Option<Timestamp> = known.rejected_time.parse().ok();
                known.secret_version == secret_version
                    && time.is_some_and(|time| round.now.duration_since(time) < REJECTION)
            });
            if !recent {
                let rejected_time = seconds(round.now);
                status.rejected_credentials = Some(RejectedCredentials {
                    secret_version,
                    rejected_time,
                });
            }
        }
        Some(_) | None if answered => status.rejected_credentials = None,
        Some(_) | None => {}
    }
}

fn scene(round: &Pass<'_>, status: &RedisClusterStatus, live: Option<&Live>) -> Scene<Action> {
    let object = round.object;
    Scene {
        serves: match (live, round.observed) {
            (Some(live), _) => Some(serves(object, status, live)),
            // Nothing has been created, and the nodes were asked.
            (None, Some(_)) if status.identity.is_none() => Some(false),
            (None, _) => None,
        },
        serving: format!(
            "cluster {} answers, and its nodes have joined",
            object.spec.cluster_name
        ),
        policy: object.spec.management_policy.unwrap_or_default(),
        paused: is_paused(&object.metadata),
        deleting: object.metadata.deletion_timestamp.is_some(),
        credentials: format!("Secret {}", object.spec.credentials_secret_ref.name),
        unreachable: None,
        effort: |action| Some(reason(action)),
        words: round.calls_done().map(|action| wait(action, status)).collect(),
        detours: false,
    }
}

/// Whether the cluster does its work: once all nodes had joined it does as long as a majority is active.
fn serves(object: &RedisCluster, status: &RedisClusterStatus, live: &Live) -> bool {
    let active = live
        .nodes
        .iter()
        .filter(|node| node.status.as_str() == "active")
        .count();
    let was_ready = last(&status.conditions, READY).is_some_and(|ready| ready.status == "True");
    let has_joined = |name: &str| {
        status
            .nodes
            .iter()
            .any(|node| node.name == name && node.uid.is_some())
    };
    let complete = object.spec.nodes.iter().all(|node| has_joined(&node.name));
    status.identity.is_some() && (was_ready || complete) && active * 2 > live.nodes.len()
}

fn reason(action: &Action) -> Reason {
    match action {
        Action::CreateCluster { .. } => Reason::Bootstrapping,
        Action::JoinNode { .. } => Reason::Joining,
        Action::MaintenanceOn(_) | Action::MaintenanceOff(_) => Reason::Maintenance,
        Action::RemoveNode(_) => Reason::Removing,
        Action::UpdateCluster(_)
        | Action::UpdatePolicy(_)
        | Action::InstallLicense
        | Action::UpdateNode { .. }
        | Action::ChangeMaster { .. } => Reason::Updating,
    }
}

/// What a call leads to: what its intent announced, or what the call says.
fn wait(action: &Action, status: &RedisClusterStatus) -> Wait {
    let announced = status.intent.as_ref().map(cluster_effort);
    announced
        .filter(|wait| wait.why == reason(action))
        .unwrap_or_else(|| Wait {
            what: action.to_string(),
            why: reason(action),
            detail: "Redis Enterprise has been asked to".to_owned(),
        })
}

/// Fills in what the cluster says of itself.
fn fill(status: &mut RedisClusterStatus, object: &RedisCluster, live: &Live) {
    for record in &mut status.nodes {
        let node = live.nodes.iter().find(|node| Some(node.uid.0) == record.uid);
        record.state = node.map(|node| node.status.to_string());
    }
    status.version = live
        .nodes
        .iter()
        .filter_map(|node| node.software_version.clone())
        .min()
        .map(|lowest| lowest.to_string());
    let active = |name: &str| {
        status
            .nodes
            .iter()
            .any(|node| node.name == name && node.state.as_deref() == Some("active"))
    };
    let nodes = object.spec.nodes.iter().filter(|node| active(&node.name)).count();
    let limit = live.license.as_ref().and_then(|license| license.shards_limit);
    let limit = limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    status.summary = Some(ClusterSummary {
        nodes: format!("{nodes}/{}", object.spec.nodes.len()),
        shards: format!("{}/{limit}", live.shards.len()),
        databases: u32::try_from(live.bdbs.len()).unwrap_or(u32::MAX),
    });
    status.license = live.license.as_ref().map(|license| LicenseStatus {
        expiration_time: license.expiration_date.clone(),
        expired: license.expired,
        shards_limit: license.shards_limit,
    });
}

fn post(board: &mut Board<'_>, status: &RedisClusterStatus, answers: bool, unreachable: bool) {
    let pending = || Sight::new(Truth::Unknown, "Pending", "nothing is known yet");
    let reachable = match (answers, unreachable) {
        (true, _) => Sight::new(Truth::True, "Answering", "the cluster answers"),
        (false, true) => Sight::because(
            Truth::False,
            Reason::ClusterUnreachable,
            "no node answers for the cluster",
        ),
        (false, false) => board.last_sight(REACHABLE).unwrap_or_else(pending),
    };
    board.set(REACHABLE, reachable);
    if let Some(license) = &status.license {
        let sight = if license.expired {
            let message =
                "the licence has expired: databases can be neither created nor changed; install another";
            Sight::because(Truth::False, Reason::LicenseExpired, message)
        } else {
            Sight::new(Truth::True, "InForce", "the licence is in force")
        };
        board.set(LICENSE_VALID, sight);
    }
}

fn events(round: &Pass<'_>, status: &RedisClusterStatus) -> Vec<EventNote> {
    let before = round.before.status.clone().unwrap_or_default();
    let mut events = Vec::new();
    for record in round.records_done() {
        events.extend(recorded(record, before.intent.is_some()));
    }
    let seen = before.observed_generation == round.before.metadata.generation;
    for action in round.calls_done() {
        events.extend(done(action, seen));
    }
    events.extend(reachability(&before, status));
    if round.is_released() {
        let note = format!(
            "cluster {} stays as it is; only its object goes",
            round.object.spec.cluster_name
        );
        events.push(event::normal("Released", "Delete", note));
    }
    events.extend(event::stalled(&before.conditions, &status.conditions));
    events
}

fn recorded(record: &Record, intended: bool) -> Option<EventNote> {
    match record {
        Record::Identity(identity) if intended => Some(event::normal(
            "Created",
            "Create",
            format!("cluster {} was created", identity.name),
        )),
        Record::Identity(identity) => Some(event::normal(
            "Adopted",
            "Adopt",
            format!("cluster {} was taken over", identity.name),
        )),
        Record::Node { node, uid, .. } => Some(event::normal(
            "NodeJoined",
            "Join",
            format!("node {node} belongs to the cluster, with uid {uid}"),
        )),
        Record::NodeGone { node } => Some(event::normal(
            "NodeRemoved",
            "Remove",
            format!("node {node} has left the cluster"),
        )),
        Record::NodeMaintenance { node, on: false } => Some(event::normal(
            "MaintenanceEnded",
            "Maintenance",
            format!("node {node} is back"),
        )),
        Record::NodeMaintenance { node, on: true } => Some(event::normal(
            "MaintenanceReached",
            "Maintenance",
            format!("node {node} is in maintenance"),
        )),
        Record::Intent(_)
        | Record::Resolved
        | Record::NodePin { .. }
        | Record::ApiCertificatePin(_)
        | Record::Database { .. }
        | Record::PasswordVersion(_)
        | Record::Certificate { .. } => None,
    }
}

fn done(action: &Action, seen: bool) -> Option<EventNote> {
    let (reason, verb) = match action {
        Action::UpdateCluster(_) | Action::UpdatePolicy(_) if seen => ("DriftCorrected", "Update"),
        Action::UpdateCluster(_) | Action::UpdatePolicy(_) | Action::UpdateNode { .. } => {
            ("Updated", "Update")
        }
        Action::InstallLicense => ("LicenseInstalled", "Update"),
        Action::MaintenanceOn(_) => ("MaintenanceStarted", "Maintenance"),
        Action::MaintenanceOff(_) => ("MaintenanceEnding", "Maintenance"),
        Action::RemoveNode(_) => ("NodeRemoving", "Remove"),
        Action::CreateCluster { .. } | Action::JoinNode { .. } | Action::ChangeMaster { .. } => return None,
    };
    Some(event::normal(reason, verb, action.to_string()))
}

/// The outage is told here, once, and not by each database.
fn reachability(before: &RedisClusterStatus, after: &RedisClusterStatus) -> Option<EventNote> {
    let unreachable = |status: &RedisClusterStatus| {
        last(&status.conditions, READY)
            .filter(|ready| ready.reason == word(Reason::ClusterUnreachable))
            .cloned()
    };
    match (unreachable(before), unreachable(after)) {
        (None, Some(ready)) => Some(event::warning("Unreachable", "Observe", ready.message)),
        (Some(_), None) => Some(event::normal("Recovered", "Observe", "the cluster answers again")),
        (Some(_), Some(_)) | (None, None) => None,
    }
}
