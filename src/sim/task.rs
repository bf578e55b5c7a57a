//! Long-running work: node and cluster actions (tasks) and the state machines of databases and accounts.

use super::ids::{Ids, NodeUid};
use super::state::Env;
use super::switch::Switch;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// States of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum TaskStatus {
    Queued,
    Starting,
    Running,
    Cancelling,
    Cancelled,
    Aborted,
    Completed,
    Failed,
}

impl TaskStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn is_over(self) -> bool {
        matches!(
            self,
            Self::Cancelled | Self::Aborted | Self::Completed | Self::Failed
        )
    }
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Kind {
    RemoveNode,
    MaintenanceOn,
    MaintenanceOff,
    EnslaveNode,
    ChangeMaster,
}

/// Every kind: name in a path, name in lists, whether it is an action of a node.
pub(crate) const KINDS: &[(Kind, &str, &str, bool)] = &[
    (Kind::RemoveNode, "remove", "remove_node", true),
    (Kind::MaintenanceOn, "maintenance_on", "maintenance_on", true),
    (Kind::MaintenanceOff, "maintenance_off", "maintenance_off", true),
    (Kind::EnslaveNode, "enslave_node", "enslave_node", true),
    (Kind::ChangeMaster, "change_master", "change_master", false),
];

impl Kind {
    /// The kind that a path names.
    pub(crate) fn of_path(name: &str, of_node: bool) -> Option<Self> {
        KINDS
            .iter()
            .find(|(_, path, _, node)| *path == name && *node == of_node)
            .map(|(kind, ..)| *kind)
    }

    /// Name in lists.
    pub(crate) fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("", |(_, _, name, _)| name)
    }
}

/// A node or cluster action.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) node: Option<NodeUid>,
    pub(crate) status: TaskStatus,
    pub(crate) created: Timestamp,
    /// When the running part began and when it will end.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) error: Option<(String, String)>,
    /// The request body that started it.
    pub(crate) body: Map<String, Value>,
    /// A defect shows it as aborted, whatever it does.
    pub(crate) mislabelled: bool,
    /// A fault: it never ends.
    pub(crate) stuck: bool,
    /// A fault: it fails with this error code.
    pub(crate) fails: Option<String>,
}

/// All tasks of a cluster, oldest first; at most one per node and kind is remembered.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tasks(pub(crate) Vec<Task>);

impl Tasks {
    /// Adds a task in state `queued` and forgets the last of its kind on the node.
    pub(crate) fn start(
        &mut self,
        env: &mut Env,
        kind: Kind,
        node: Option<NodeUid>,
        body: Map<String, Value>,
    ) -> String {
        self.0.retain(|task| (task.kind, task.node) != (kind, node));
        let id = env.ids.uuid();
        self.0.push(Task {
            id: id.clone(),
            kind,
            node,
            status: TaskStatus::Queued,
            created: env.now,
            span: None,
            ended: None,
            error: None,
            body,
            mislabelled: false,
            stuck: std::mem::take(&mut env.ordered.stuck),
            fails: env.ordered.failed.take(),
        });
        id
    }

    /// The remembered task of a kind on a node.
    pub(crate) fn find(&self, kind: Kind, node: Option<NodeUid>) -> Option<&Task> {
        self.0.iter().find(|task| (task.kind, task.node) == (kind, node))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Task> {
        self.0.iter().find(|task| task.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Task> {
        self.0.iter_mut().find(|task| task.id == id)
    }

    /// Whether one of this kind is under way on any node.
    pub(crate) fn running(&self, kind: Kind) -> bool {
        self.0
            .iter()
            .any(|task| task.kind == kind && !task.status.is_over())
    }

    /// Forgets what ended longer ago than `retention`.
    pub(crate) fn forget(&mut self, now: Timestamp, retention: Duration) {
        let old = |at: Timestamp| at.checked_add(retention).is_ok_and(|until| until < now);
        self.0.retain(|task| !task.ended.is_some_and(old));
    }
}

impl Task {
    /// The status as it is shown.
    pub(crate) fn shown_status(&self) -> TaskStatus {
        if self.mislabelled {
            TaskStatus::Aborted
        } else {
            self.status
        }
    }

    /// 0 to 100.
    pub(crate) fn progress(&self, now: Timestamp) -> f64 {
        match (self.status, self.span) {
            (TaskStatus::Completed, _) => 100.0,
            (_, Some((from, until))) if !self.stuck => {
                let at = self.ended.unwrap_or(now);
                let (done, all) = (
                    at.duration_since(from).as_secs_f64(),
                    until.duration_since(from).as_secs_f64(),
                );
                if all > 0.0 {
                    (100.0 * done / all).floor().clamp(0.0, 99.0)
                } else {
                    99.0
                }
            }
            (_, Some(_) | None) => 0.0,
        }
    }

    /// As lists of actions show it.
    pub(crate) fn shown(&self, now: Timestamp, whole_percents: bool) -> Map<String, Value> {
        let progress = self.progress(now);
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
        let progress = if whole_percents {
            json!(progress as i64)
        } else {
            json!(progress)
        };
        let mut shown = Map::from_iter([
            ("name".to_owned(), json!(self.kind.name())),
            ("status".to_owned(), json!(self.shown_status().as_str())),
            ("progress".to_owned(), progress),
            ("task_id".to_owned(), json!(self.id)),
        ]);
        shown.extend(
            self.node
                .map(|node| ("node_uid".to_owned(), json!(node.to_string()))),
        );
        if let Some((code, message)) = &self.error {
            shown.insert("error_code".to_owned(), json!(code));
            shown.insert("error_message".to_owned(), json!(message));
        }
        shown
    }
}

/// States of a state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum MachineStatus {
    Active,
    Completed,
    Failed,
}

impl MachineStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// Name of the machine of an import.
pub(crate) const IMPORT: &str = "import";
/// Name of the machine of an export.
pub(crate) const EXPORT: &str = "export";
/// Name of the machine of a periodic backup.
pub(crate) const BACKUP: &str = "backup";

/// A state machine: what a `POST`, `PUT` or `DELETE` of a database sets off.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    pub(crate) action_uid: String,
    /// `SMCreateBDB`, `SMUpdateBDB`, `SMDeleteBDB` ... or one that the API does not call a state machine.
    pub(crate) name: String,
    /// `bdb:1`.
    pub(crate) object_name: String,
    pub(crate) status: MachineStatus,
    /// Current step, for example `proxy_policy`.
    pub(crate) state: Option<String>,
    /// 0 to 100, also of one that failed on the way; absent for that in worlds that an earlier build saved.
    pub(crate) progress: Option<f64>,
    pub(crate) created: Timestamp,
    pub(crate) heartbeat: Timestamp,
    pub(crate) error: Option<String>,
    pub(crate) pending_ops: Map<String, Value>,
}

/// All state machines of a cluster, oldest first, found by their `action_uid` and by their object.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Machines {
    by_number: BTreeMap<u64, Machine>,
    numbers: BTreeMap<String, u64>,
    of_object: BTreeMap<String, Vec<u64>>,
    last: u64,
}

impl Machines {
    /// Adds a machine in state `active` and gives its `action_uid`.
    pub(crate) fn start(&mut self, ids: &mut Ids, now: Timestamp, name: &str, object_name: String) -> String {
        let action_uid = ids.uuid();
        self.last += 1;
        self.numbers.insert(action_uid.clone(), self.last);
        self.of_object
            .entry(object_name.clone())
            .or_default()
            .push(self.last);
        let machine = Machine {
            action_uid: action_uid.clone(),
            name: name.to_owned(),
            object_name,
            status: MachineStatus::Active,
            state: None,
            progress: Some(0.0),
            created: now,
            heartbeat: now,
            error: None,
            pending_ops: Map::new(),
        };
        self.by_number.insert(self.last, machine);
        action_uid
    }

    pub(crate) fn get(&self, action_uid: &str) -> Option<&Machine> {
        self.by_number.get(self.numbers.get(action_uid)?)
    }

    pub(crate) fn get_mut(&mut self, action_uid: &str) -> Option<&mut Machine> {
        self.by_number.get_mut(self.numbers.get(action_uid)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Machine> {
        self.by_number.values()
    }

    /// Machines of one object (`bdb:1`).
    pub(crate) fn of(&self, object_name: &str) -> impl Iterator<Item = &Machine> {
        let numbers = self.of_object.get(object_name).into_iter().flatten();
        numbers.filter_map(|number| self.by_number.get(number))
    }

    /// Ends a machine.
    pub(crate) fn finish(&mut self, action_uid: &str, now: Timestamp, error: Option<String>) {
        if let Some(machine) = self.get_mut(action_uid) {
            if error.is_some() {
                machine.status = MachineStatus::Failed;
            } else {
                machine.status = MachineStatus::Completed;
                machine.progress = Some(100.0);
            }
            machine.state = None;
            machine.heartbeat = now;
            machine.error = error;
            machine.pending_ops = Map::new();
        }
    }

    /// Forgets what ended longer ago than `retention`.
    pub(crate) fn forget(&mut self, now: Timestamp, retention: Duration) {
        let over =
            |machine: &Machine| matches!(machine.status, MachineStatus::Completed | MachineStatus::Failed);
        let old = |at: Timestamp| at.checked_add(retention).is_ok_and(|until| until < now);
        self.by_number
            .retain(|_, machine| !(over(machine) && old(machine.heartbeat)));
        let Self {
            by_number,
            numbers,
            of_object,
            ..
        } = self;
        numbers.retain(|_, number| by_number.contains_key(number));
        of_object.retain(|_, numbers| {
            numbers.retain(|number| by_number.contains_key(number));
            !numbers.is_empty()
        });
    }

    /// Forgets as [`Self::forget`] does, now and then, so that machines that nobody reads do not pile up.
    pub(crate) fn tidy(&mut self, now: Timestamp, retention: Duration) {
        if self.last.is_multiple_of(1024) {
            self.forget(now, retention);
        }
    }
}

impl Machine {
    /// Whether version 1 of the API knows it; to version 2 it is an action of another type.
    pub(crate) fn is_state_machine(&self) -> bool {
        !matches!(self.name.as_str(), IMPORT | EXPORT | BACKUP)
    }

    /// As `/v1/actions` shows it. Captures lack the progress of what has ended.
    pub(crate) fn v1(&self, env: &Env) -> Value {
        let mut shown = json!({
            "action_uid": self.action_uid, "name": self.name, "object_name": self.object_name,
            "status": self.status.as_str(), "heartbeat": self.heartbeat.as_second(),
        });
        if let Some(map) = shown.as_object_mut() {
            let active = self.status == MachineStatus::Active;
            if active || env.on(Switch::TypesAsDocumented) {
                map.extend(
                    self.progress
                        .map(|progress| ("progress".to_owned(), json!(progress))),
                );
            }
            if active {
                map.insert("pending_ops".to_owned(), Value::Object(self.pending_ops.clone()));
            }
            map.extend(
                self.state
                    .as_ref()
                    .map(|state| ("state".to_owned(), json!(state))),
            );
            map.extend(
                self.error
                    .as_ref()
                    .map(|error| ("error".to_owned(), json!(error))),
            );
        }
        shown
    }
}
