//! Nodes that go into maintenance, come back, or leave. One at a time, through the gates; what came of it is judged by
//! the state of the node, because a task's status may be stale, aborted or forgotten.

use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::Reason;
use crate::api::Record;
use crate::plan::Hold;
use crate::plan::cluster::Action;
use crate::plan::cluster::Live;
use crate::plan::cluster::Member;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::join;
use crate::plan::cluster::view::CALL_DEADLINE_SECS;
use crate::plan::cluster::view::View;
use crate::plan::gate;
use crate::plan::gate::Disruption;
use crate::plan::gate::Kind;
use crate::plan::gate::Permit;
use crate::rest::model::Node;
use crate::rest::model::NodeActionName;
use crate::rest::model::NodeState;
use crate::rest::model::NodeTask;
use crate::rest::model::NodeUid;
use crate::rest::model::TaskStatus;

/// Takes the next node out, brings one back, or finds out what came of the last.
pub(super) fn relieve(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let Some(live) = view.ours() else { return out };
    let mut wishes = wishes(view, live);
    let mut first = None;
    if let Some((intent, change, node)) = open_intent(view) {
        let what = change.what(&view.named(node));
        let wished = wishes.iter().any(|wish| wish.is(change, intent));
        match outcome_of(view, live, intent, change, node) {
            State::Done(records) => {
                records.into_iter().for_each(|record| out.record(record));
                return out;
            }
            State::Lost if !wished => {
                out.record(Record::Resolved);
                return out;
            }
            // Nothing happened and it is still wanted: sent again, before anything else, under a new intent.
            State::Lost => wishes.sort_by_key(|wish| !wish.is(change, intent)),
            State::Running(why, detail) => {
                wishes.retain(|wish| !wish.is(change, intent));
                first = Some(what.clone());
                out.wait(what, why, detail);
            }
            State::Failed(detail) => {
                wishes.retain(|wish| !wish.is(change, intent));
                first = Some(what.clone());
                out.hold(what, Reason::NodeActionFailed, detail);
            }
        }
    }
    for wish in &wishes {
        match &first {
            Some(other) => {
                let detail = format!("one at a time; first: {other}");
                out.hold(wish.what(), Reason::OneNodeAtATime, detail);
            }
            None => match fulfil(view, live, wish, &mut out) {
                Ok(()) => first = Some(wish.what()),
                Err(hold) => out.plan.holds.push(hold),
            },
        }
    }
    out
}

/// A change of a node's place in the cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Back,
    Leave,
    Away,
}

impl Change {
    fn of(intent: &Intent) -> Option<Self> {
        match intent.action {
            IntentAction::MaintenanceOff => Some(Self::Back),
            IntentAction::RemoveNode => Some(Self::Leave),
            IntentAction::MaintenanceOn => Some(Self::Away),
            IntentAction::CreateCluster
            | IntentAction::JoinNode
            | IntentAction::CreateDatabase
            | IntentAction::DeleteDatabase
            | IntentAction::ChangePassword
            | IntentAction::ReplaceCertificate => None,
        }
    }

    fn action(self) -> IntentAction {
        match self {
            Self::Back => IntentAction::MaintenanceOff,
            Self::Leave => IntentAction::RemoveNode,
            Self::Away => IntentAction::MaintenanceOn,
        }
    }

    fn what(self, member: &Member) -> String {
        match self {
            Self::Back => format!("take {member} out of maintenance"),
            Self::Leave => format!("remove {member}"),
            Self::Away => format!("put {member} into maintenance"),
        }
    }
}

/// A change that the spec asks for.
struct Wish {
    change: Change,
    /// Name under which the node is recorded.
    name: String,
    member: Member,
}

impl Wish {
    fn what(&self) -> String {
        self.change.what(&self.member)
    }

    fn is(&self, change: Change, intent: &Intent) -> bool {
        self.change == change && self.name == intent.target
    }
}

/// What the spec wants of recorded members: those that come back first, then those that leave, then those that go into
/// maintenance. Nodes that were never listed are left alone.
fn wishes(view: &View<'_>, live: &Live) -> Vec<Wish> {
    let (mut back, mut leave, mut away) = (Vec::new(), Vec::new(), Vec::new());
    for record in &view.status.nodes {
        let Some(node) = record.uid.and_then(|uid| live.node(NodeUid(uid))) else {
            continue;
        };
        let wish = |change| Wish {
            change,
            name: record.name.clone(),
            member: view.named(node),
        };
        match view.node(&record.name) {
            None if listed_otherwise(view, node) => {}
            None => leave.push(wish(Change::Leave)),
            Some(spec) => {
                let wanted = spec.maintenance == Some(true);
                let is = live.in_maintenance(node.uid);
                if record.maintenance && !wanted {
                    back.push(wish(Change::Back));
                } else if wanted && !is {
                    away.push(wish(Change::Away));
                }
            }
        }
    }
    back.into_iter().chain(leave).chain(away).collect()
}

/// Whether the spec lists the node under another name: it was renamed, not taken off the list.
fn listed_otherwise(view: &View<'_>, node: &Node) -> bool {
    view.spec
        .nodes
        .iter()
        .any(|spec| spec.address == node.addr || view.recorded_uid(&spec.name) == Some(node.uid))
}

/// Puts the wish into steps, or says which gate stays shut.
fn fulfil(view: &View<'_>, live: &Live, wish: &Wish, out: &mut Outcome) -> Result<(), Hold> {
    match wish.change {
        Change::Back => return bring_back(view, live, wish, out),
        Change::Away => {
            let permit = permit(view, live, wish, Kind::Maintenance)?;
            out.record(intend(view, wish));
            out.call(Action::MaintenanceOn(permit));
        }
        Change::Leave => {
            let permit = permit(view, live, wish, Kind::Removal)?;
            if live.leads(wish.member.uid) {
                return hand_over(view, live, wish, out);
            }
            out.record(intend(view, wish));
            out.call(Action::RemoveNode(permit));
        }
    }
    Ok(())
}

fn intend(view: &View<'_>, wish: &Wish) -> Record {
    view.intend(wish.change.action(), &wish.name, wish.member.uid.to_string())
}

fn permit(view: &View<'_>, live: &Live, wish: &Wish, kind: Kind) -> Result<Permit, Hold> {
    let joining = join::under_way(view).map(|name| format!("node {name} is joining"));
    gate::permit(&Disruption {
        live,
        node: wish.member.clone(),
        kind,
        under_way: joining,
        certificates: &view.inputs.certificates,
    })
}

fn bring_back(view: &View<'_>, live: &Live, wish: &Wish, out: &mut Outcome) -> Result<(), Hold> {
    if !live.in_maintenance(wish.member.uid) {
        out.record(Record::NodeMaintenance {
            node: wish.name.clone(),
            on: false,
        });
        return Ok(());
    }
    gate::still(live, &view.inputs.certificates).map_err(|refusal| Hold {
        what: wish.what(),
        why: refusal.why,
        detail: refusal.detail,
    })?;
    out.record(intend(view, wish));
    out.call(Action::MaintenanceOff(wish.member.clone()));
    Ok(())
}

/// The node leads the management plane: another takes over before it leaves, in a wave of its own.
fn hand_over(view: &View<'_>, live: &Live, wish: &Wish, out: &mut Outcome) -> Result<(), Hold> {
    let listed = |node: &&Node| view.spec.nodes.iter().any(|spec| spec.address == node.addr);
    let heirs = || {
        live.nodes
            .iter()
            .filter(|node| node.uid != wish.member.uid && node.status == NodeState::Active)
    };
    let Some(heir) = heirs().find(listed).or_else(|| heirs().next()) else {
        let detail = "it leads the cluster and no other node is active".to_owned();
        return Err(Hold {
            what: wish.what(),
            why: Reason::QuorumAtRisk,
            detail,
        });
    };
    out.call(Action::ChangeMaster { to: view.named(heir) });
    Ok(())
}

/// The open intent of a node action, and its node while it belongs to the cluster.
fn open_intent<'v>(view: &'v View<'_>) -> Option<(&'v Intent, Change, &'v Node)> {
    let intent = view.status.intent.as_ref()?;
    let change = Change::of(intent)?;
    let uid = view
        .recorded_uid(&intent.target)
        .or_else(|| intent.detail.as_ref()?.parse().ok())?;
    Some((intent, change, view.live()?.node(uid)?))
}

/// What came of an intent.
enum State {
    Done(Vec<Record>),
    Running(Reason, String),
    Failed(String),
    Lost,
}

fn outcome_of(view: &View<'_>, live: &Live, intent: &Intent, change: Change, node: &Node) -> State {
    match change {
        Change::Away => maintenance_on(view, live, intent, node),
        Change::Back => maintenance_off(view, live, intent, node),
        Change::Leave => removal(view, live, intent, node),
    }
}

fn maintenance_on(view: &View<'_>, live: &Live, intent: &Intent, node: &Node) -> State {
    let task = task(live, node.uid, &NodeActionName::MaintenanceOn);
    let inside = live.in_maintenance(node.uid);
    let ours = || {
        vec![
            Record::NodeMaintenance {
                node: intent.target.clone(),
                on: true,
            },
            Record::Resolved,
        ]
    };
    match (inside, task.map(Course::of)) {
        (_, Some(Course::Running)) => State::Running(
            Reason::Maintenance,
            "its shards and endpoints are moving".to_owned(),
        ),
        (true, _) if node.shard_count == 0 => State::Done(ours()),
        (true, Some(Course::Broken)) if withdrawn(view, &intent.target) => State::Done(ours()),
        (true, Some(Course::Broken)) => {
            // Activations stack: a second one would need a second way out.
            let detail = format!(
                "{}; shards are still on it; set maintenance to false to bring it back",
                words(task)
            );
            State::Failed(detail)
        }
        (true, Some(Course::Finished) | None) => {
            State::Running(Reason::Maintenance, "shards are still on it".to_owned())
        }
        (false, Some(Course::Broken)) if !view.changed_since(intent) => {
            State::Failed(format!("{}; change the spec to try again", words(task)))
        }
        (false, Some(Course::Broken)) => State::Lost,
        (false, Some(Course::Finished) | None) => unseen(view, intent),
    }
}

fn maintenance_off(view: &View<'_>, live: &Live, intent: &Intent, node: &Node) -> State {
    let task = task(live, node.uid, &NodeActionName::MaintenanceOff);
    match (live.in_maintenance(node.uid), task.map(Course::of)) {
        (_, Some(Course::Running)) => {
            State::Running(Reason::Maintenance, "its shards are coming back".to_owned())
        }
        (false, _) => State::Done(vec![
            Record::NodeMaintenance {
                node: intent.target.clone(),
                on: false,
            },
            Record::Resolved,
        ]),
        (true, Some(Course::Broken)) if !view.changed_since(intent) => State::Failed(format!(
            "{}; the node stays in maintenance; change the spec to try again",
            words(task)
        )),
        (true, Some(Course::Broken)) => State::Lost,
        (true, Some(Course::Finished))
            if view.older(intent, CALL_DEADLINE_SECS) && !view.changed_since(intent) =>
        {
            let detail = "Redis Enterprise calls it done, but the node is still in maintenance: somebody else may have put it \
                          there as well; end that, or change the spec to try again";
            State::Failed(detail.to_owned())
        }
        (true, Some(Course::Finished) | None) => unseen(view, intent),
    }
}

fn removal(view: &View<'_>, live: &Live, intent: &Intent, node: &Node) -> State {
    let task = task(live, node.uid, &NodeActionName::Remove);
    let leaving = node.status == NodeState::Decommissioning;
    match task.map(Course::of) {
        Some(Course::Running | Course::Finished) => {
            State::Running(Reason::Removing, "its shards and endpoints are moving".to_owned())
        }
        // Once accepted, nothing is placed on the node any more, even if the task failed: only a human's change retries.
        Some(Course::Broken) if !view.changed_since(intent) => {
            let detail = "Redis Enterprise may place nothing on it any more; remove the cause, then change the spec to try again";
            State::Failed(format!("{}; {detail}", words(task)))
        }
        Some(Course::Broken) => State::Lost,
        None if leaving => State::Running(Reason::Removing, "the node is being decommissioned".to_owned()),
        None => unseen(view, intent),
    }
}

/// Neither the node nor a task shows anything: the request may still arrive before its deadline, afterwards it is lost.
fn unseen(view: &View<'_>, intent: &Intent) -> State {
    if view.older(intent, CALL_DEADLINE_SECS) {
        State::Lost
    } else {
        State::Running(Reason::OutcomeUnknown, "the request may still arrive".to_owned())
    }
}

fn withdrawn(view: &View<'_>, name: &str) -> bool {
    view.node(name).is_none_or(|spec| spec.maintenance != Some(true))
}

/// How far a task is, as far as it can be believed.
enum Course {
    Running,
    Finished,
    Broken,
}

impl Course {
    fn of(task: &NodeTask) -> Self {
        match task.status {
            TaskStatus::Queued
            | TaskStatus::Starting
            | TaskStatus::Running
            | TaskStatus::Cancelling
            | TaskStatus::Unknown(_) => Self::Running,
            TaskStatus::Completed => Self::Finished,
            TaskStatus::Cancelled | TaskStatus::Aborted | TaskStatus::Failed => Self::Broken,
        }
    }
}

fn task<'a>(live: &'a Live, uid: NodeUid, name: &NodeActionName) -> Option<&'a NodeTask> {
    let mut of_node = live
        .tasks
        .iter()
        .filter(|task| task.node_uid == uid && task.name == *name);
    let first = of_node.next()?;
    Some(of_node.find(|task| task.status.under_way()).unwrap_or(first))
}

fn words(task: Option<&NodeTask>) -> String {
    let Some(task) = task else {
        return "it failed".to_owned();
    };
    let code = task
        .error_code
        .as_deref()
        .map(|code| format!(" with {code}"))
        .unwrap_or_default();
    let message = task
        .error_message
        .as_deref()
        .map(|message| format!(" ({message})"))
        .unwrap_or_default();
    format!("Redis Enterprise says {}{code}{message}", task.status)
}
