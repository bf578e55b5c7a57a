//! What Redis Enterprise is doing to a database, as it is waited for: the same words while it is decided and while it runs.

use crate::api::IntentAction;
use crate::api::Reason;
use crate::api::RedisDatabase;
use crate::plan::Wait;
use crate::plan::database::Action;
use crate::plan::database::case::database_name;

/// Something that Redis Enterprise takes its time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// It creates the database.
    Create,
    /// It changes it.
    Change,
    /// Its password is being rotated.
    Rotate,
    /// It deletes it.
    Delete,
}

impl Effort {
    /// What an intent leads to; `None` for those of other kinds.
    pub fn of_intent(action: IntentAction) -> Option<Self> {
        match action {
            IntentAction::CreateDatabase => Some(Self::Create),
            IntentAction::DeleteDatabase => Some(Self::Delete),
            IntentAction::ChangePassword => Some(Self::Rotate),
            IntentAction::CreateCluster
            | IntentAction::JoinNode
            | IntentAction::MaintenanceOn
            | IntentAction::MaintenanceOff
            | IntentAction::RemoveNode
            | IntentAction::ReplaceCertificate => None,
        }
    }

    /// What a call leads to; `None` when it is over with the answer.
    pub fn of_action(action: &Action) -> Option<Self> {
        match action {
            Action::Create { .. } => Some(Self::Create),
            Action::Update { .. } | Action::Adopt { .. } => Some(Self::Change),
            Action::AddPassword(_) => Some(Self::Rotate),
            Action::Delete(_) => Some(Self::Delete),
            Action::ReplacePasswords(_) | Action::MarkReleased { .. } => None,
        }
    }
}

/// What is waited for.
pub fn under_way(object: &RedisDatabase, effort: Effort) -> Wait {
    let (verb, why, detail) = match effort {
        Effort::Create => ("create", Reason::Creating, "Redis Enterprise is creating it"),
        Effort::Change => ("change", Reason::Updating, "Redis Enterprise is changing it"),
        Effort::Rotate => (
            "change the password of",
            Reason::Rotating,
            "the old password and the new one are both accepted",
        ),
        Effort::Delete => ("delete", Reason::Deleting, "Redis Enterprise is deleting it"),
    };
    Wait {
        what: format!("{verb} database {}", database_name(object)),
        why,
        detail: detail.to_owned(),
    }
}
