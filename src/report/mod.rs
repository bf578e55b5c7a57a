//! What came of a pass, told: conditions, the rest of the status, Events, and when to look again. Nobody else writes them.
//!
//! A status is a function of what is there: told twice it is the same, so that an idle object is never written. Messages
//! hold no times, counters or request ids, and a condition's time moves only with its status.

mod announce;
mod certificate;
mod class;
mod cluster;
mod condition;
mod database;
mod event;
mod judge;
mod requeue;
#[cfg(test)]
mod tests;

pub use announce::announce_certificate;
pub use announce::announce_cluster;
pub use announce::announce_database;
pub use certificate::certificate;
pub use class::Class;
pub use class::class;
pub use cluster::cluster;
pub use condition::is_ready;
pub use condition::is_stalled;
pub use database::database;
pub use requeue::Visit;

use crate::api::ManagementPolicy;
use crate::api::Record;
use crate::plan::Plan;
use crate::plan::Step;
use crate::rest::error::Error;

/// One pass over one object, as far as it got.
#[derive(Debug)]
pub struct Round<'a, K, I, O, A> {
    /// The object as it was read when the pass began.
    pub before: &'a K,
    /// The object as it was last written in the pass, its records included.
    pub object: &'a K,
    /// What it refers to; `None` when that could not be found out.
    pub inputs: Option<&'a I>,
    /// What was seen; `None` when that failed.
    pub observed: Option<&'a O>,
    /// What was decided; `None` when it did not come to that.
    pub plan: Option<&'a Plan<A>>,
    /// Steps of the plan that were done, counted from the first.
    pub done: usize,
    /// Why the pass ended early.
    pub failure: Option<&'a Failure>,
    /// Now.
    pub now: jiff::Timestamp,
    /// The interval of observation.
    pub interval: jiff::SignedDuration,
}

/// Why a pass ended early.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A call to Redis Enterprise failed.
    Rest(Error),
    /// The object changed while it was worked on: nothing is wrong.
    LostRace,
    /// Reading from Kubernetes or writing to it failed, in words that change rarely.
    Kubernetes(String),
}

/// What others see of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<S> {
    /// The whole status; write it only if [`differs`](Self::differs) says so.
    pub status: S,
    /// What happened, for people.
    pub events: Vec<EventNote>,
    /// When to look again.
    pub visit: Visit,
}

impl<S: PartialEq + Default> Report<S> {
    /// Whether the status says something else than the one that the object has.
    pub fn differs(&self, current: Option<&S>) -> bool {
        current.map_or_else(|| self.status != S::default(), |current| self.status != *current)
    }
}

/// Something that happened, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNote {
    /// Whether it is of type `Warning`; else `Normal`.
    pub warning: bool,
    /// One word for what happened.
    pub reason: String,
    /// One word for what Regent was doing.
    pub action: &'static str,
    /// A sentence.
    pub note: String,
}

impl<K, I, O, A> Round<'_, K, I, O, A> {
    /// The steps that were done.
    fn steps_done(&self) -> &[Step<A>] {
        self.plan
            .and_then(|plan| plan.steps.get(..self.done))
            .unwrap_or_default()
    }

    /// The step that failed.
    fn step_failed(&self) -> Option<&Step<A>> {
        self.failure
            .and(self.plan)
            .and_then(|plan| plan.steps.get(self.done))
    }

    /// The calls that were done.
    fn calls_done(&self) -> impl Iterator<Item = &A> {
        self.steps_done().iter().filter_map(Step::call)
    }

    /// The records that were written.
    fn records_done(&self) -> impl Iterator<Item = &Record> {
        self.steps_done().iter().filter_map(|step| match step {
            Step::Record(record) => Some(record),
            Step::Call(_) | Step::Publish(_) | Step::Release => None,
        })
    }

    /// Whether the object was let go.
    fn is_released(&self) -> bool {
        self.steps_done().iter().any(|step| matches!(step, Step::Release))
    }

    /// The call that failed and certainly had no effect.
    fn call_refused(&self) -> Option<&A> {
        let certain = matches!(self.failure, Some(Failure::Rest(error)) if !error.outcome_unknown());
        self.step_failed().filter(|_| certain).and_then(Step::call)
    }
}

/// The lines of `status.plan`: what would be done, under `managementPolicy: Plan`.
fn plan_lines<A: std::fmt::Display>(plan: Option<&Plan<A>>, policy: Option<ManagementPolicy>) -> Vec<String> {
    let shown = plan.filter(|_| policy == Some(ManagementPolicy::Plan));
    shown
        .map(|plan| plan.to_string().lines().map(str::to_owned).collect())
        .unwrap_or_default()
}
