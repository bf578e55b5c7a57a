//! Carries out the steps of a plan, in order, and stops at the first that fails.

use crate::engine::ClusterView;
use crate::engine::Journal;
use crate::engine::Managed;
use crate::plan::Plan;
use crate::plan::Step;
use crate::rest::error::Error;
use std::fmt;

/// How far a plan got.
#[derive(Debug)]
pub struct Outcome<E> {
    /// Steps that succeeded, counted from the first.
    pub done: usize,
    /// Why the step after them did not.
    pub failure: Option<Failure<E>>,
}

/// Why a step failed.
#[derive(Debug)]
pub enum Failure<E> {
    /// Redis Enterprise did not do what was asked, or did not say so.
    Rest(Error),
    /// A write to Kubernetes failed; nothing was sent to Redis Enterprise after it.
    Journal(E),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

/// Carries out the steps of `plan` in order and stops at the first that fails. A step is tried once: what to do about a
/// failure is decided by the next pass, from what it reads. Safe to drop at any await, because every call that cannot be
/// repeated comes after the record of its intent.
pub async fn execute<K: Managed, J: Journal>(
    inputs: &K::Inputs,
    plan: &Plan<K::Action>,
    view: &ClusterView,
    journal: &mut J,
) -> Outcome<J::Error> {
    for (done, step) in plan.steps.iter().enumerate() {
        if let Err(failure) = take::<K, J>(step, inputs, view, journal).await {
            return Outcome {
                done,
                failure: Some(failure),
            };
        }
    }
    Outcome {
        done: plan.steps.len(),
        failure: None,
    }
}

async fn take<K: Managed, J: Journal>(
    step: &Step<K::Action>,
    inputs: &K::Inputs,
    view: &ClusterView,
    journal: &mut J,
) -> Result<(), Failure<J::Error>> {
    match step {
        Step::Record(record) => journal.record(record).await.map_err(Failure::Journal),
        Step::Call(action) => {
            journal.proceed().await.map_err(Failure::Journal)?;
            match K::apply(action, inputs, view).await {
                Err(error) if K::must_succeed(action) => Err(Failure::Rest(error)),
                Err(_) | Ok(()) => Ok(()),
            }
        }
        Step::Publish(publication) => journal.publish(publication).await.map_err(Failure::Journal),
        Step::Release => journal.release().await.map_err(Failure::Journal),
    }
}
