//! Conditions, and the rule by which their time moves.

use crate::api::Condition;
use crate::api::Reason;
use jiff::SignedDuration;
use jiff::Timestamp;

pub(super) const READY: &str = "Ready";
pub(super) const SYNCED: &str = "Synced";
pub(super) const RECONCILING: &str = "Reconciling";
pub(super) const STALLED: &str = "Stalled";
pub(super) const PAUSED: &str = "Paused";
pub(super) const PASSWORD_SYNCED: &str = "PasswordSynced";
pub(super) const DELETION_BLOCKED: &str = "DeletionBlocked";

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) truth: Truth,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Sight {
    pub(super) fn new(truth: Truth, reason: &str, message: impl Into<String>) -> Self {
        Self {
            truth,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    pub(super) fn because(truth: Truth, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(truth, &word(reason), message)
    }
}

/// A reason as conditions spell it.
pub(super) fn word(reason: Reason) -> String {
    format!("{reason:?}")
}

/// The conditions of the last report, and those of the next.
pub(super) struct Board<'a> {
    previous: &'a [Condition],
    generation: Option<i64>,
    now: Timestamp,
    conditions: Vec<Condition>,
}

impl<'a> Board<'a> {
    pub(super) fn new(previous: &'a [Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self {
            previous,
            generation,
            now,
            conditions: Vec::new(),
        }
    }

    /// Adds a condition. Its time is that of the last report while its status stays.
    pub(super) fn set(&mut self, type_: &str, sight: Sight) {
        let status = sight.truth.as_str();
        let kept = self.last(type_).filter(|last| last.status == status);
        self.conditions.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            observed_generation: self.generation,
            last_transition_time: kept
                .map_or_else(|| seconds(self.now), |last| last.last_transition_time.clone()),
            reason: sight.reason,
            message: sight.message,
        });
    }

    /// The condition of the last report.
    pub(super) fn last(&self, type_: &str) -> Option<&'a Condition> {
        last(self.previous, type_)
    }

    /// What the last report said, if it said anything.
    pub(super) fn last_sight(&self, type_: &str) -> Option<Sight> {
        self.last(type_).map(sight)
    }

    /// How long the condition has had its status, if its reason is this one.
    pub(super) fn lasts(&self, type_: &str, reason: &str) -> Option<SignedDuration> {
        let last = self
            .last(type_)
            .filter(|last| last.status == Truth::True.as_str() && last.reason == reason)?;
        let since: Timestamp = last.last_transition_time.parse().ok()?;
        Some(self.now.duration_since(since))
    }

    pub(super) fn finish(self) -> Vec<Condition> {
        self.conditions
    }
}

/// Whether an object with these conditions does its work.
pub fn is_ready(conditions: &[Condition]) -> bool {
    last(conditions, READY).is_some_and(|ready| ready.status == Truth::True.as_str())
}

/// Whether an object with these conditions needs a human.
pub fn is_stalled(conditions: &[Condition]) -> bool {
    last(conditions, STALLED).is_some()
}

/// The condition of this type.
pub(super) fn last<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn sight(condition: &Condition) -> Sight {
    let truth = match condition.status.as_str() {
        "True" => Truth::True,
        "False" => Truth::False,
        _ => Truth::Unknown,
    };
    Sight::new(truth, &condition.reason, condition.message.clone())
}

/// A moment as conditions spell it.
pub(super) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
