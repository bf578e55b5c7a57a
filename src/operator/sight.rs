//! What one look at an object brings: references, observation, plan.

use crate::api::ManagementPolicy;
use crate::api::is_orphaned;
use crate::engine::Freshness;
use crate::operator::clusters::Seat;
use crate::operator::context::Context;
use crate::operator::kube::KubeError;
use crate::operator::kube::KubeErrorKind;
use crate::operator::metrics::PassOutcome;
use crate::operator::resolve::KindRound;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::plan::Plan;
use crate::plan::Step;
use crate::report::Failure;
use crate::report::Report;
use crate::report::Round;

/// What one look at an object brought.
pub(super) struct Sight<K: Resolve> {
    /// What it refers to; `None` when that could not be found out.
    pub(super) inputs: Option<K::Inputs>,
    /// What was seen; `None` when that failed.
    pub(super) observed: Option<K::Observed>,
    /// What was decided; `None` when it did not come to that.
    pub(super) plan: Option<Plan<K::Action>>,
    /// Steps of the plan that were done.
    pub(super) done: usize,
    /// Why it ended early.
    pub(super) failure: Option<Failure>,
}

/// A report on an object of kind `K`.
pub(super) type Told<K> = Report<<K as kube::core::object::HasStatus>::Status>;

/// Resolves, observes and plans; nothing of it while the object is paused.
pub(super) async fn look<K: Resolve>(
    object: &K,
    world: &World<'_>,
    seat: &Seat,
    freshness: Freshness,
) -> Sight<K> {
    let mut sight = Sight {
        inputs: None,
        observed: None,
        plan: None,
        done: 0,
        failure: None,
    };
    if is_paused(object) {
        return sight;
    }
    match object.resolve(world).await {
        Ok(inputs) => {
            let inputs = sight.inputs.insert(inputs);
            match object.observe(inputs, &seat.view, freshness, world.now).await {
                Ok(observed) => {
                    let observed = sight.observed.insert(observed);
                    sight.plan = Some(object.plan(inputs, observed, seat.clock.now()));
                }
                Err(error) => sight.failure = Some(Failure::Rest(error)),
            }
        }
        Err(error) => sight.failure = Some(failure(&error)),
    }
    sight
}

impl<K: Resolve> Sight<K> {
    /// Whether the plan has steps that may be carried out.
    pub(super) fn may_act(&self, object: &K) -> bool {
        let allowed = object.management_policy() == ManagementPolicy::Enforce
            || object.meta().deletion_timestamp.is_some();
        allowed && self.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty())
    }

    fn round<'a>(&'a self, before: &'a K, object: &'a K, context: &Context) -> KindRound<'a, K> {
        Round {
            before,
            object,
            inputs: self.inputs.as_ref(),
            observed: self.observed.as_ref(),
            plan: self.plan.as_ref(),
            done: self.done,
            failure: self.failure.as_ref(),
            now: context.clock.now(),
            interval: context.interval.try_into().unwrap_or(jiff::SignedDuration::MAX),
        }
    }

    /// What others see of it: the object as it was, and as it was last written.
    pub(super) fn report(&self, before: &K, object: &K, context: &Context) -> Told<K> {
        K::report(&self.round(before, object, context))
    }

    /// How it ended, if nothing was done.
    pub(super) fn outcome(&self) -> PassOutcome {
        match (&self.failure, &self.plan) {
            (Some(_), _) => PassOutcome::Failed,
            (None, Some(plan)) if plan.is_converged() => PassOutcome::Converged,
            (None, _) => PassOutcome::Pending,
        }
    }

    /// Whether the plan calls Redis Enterprise.
    pub(super) fn wants_calls(&self) -> bool {
        self.planned().any(|step| step.call().is_some())
    }

    /// Whether a call was made, or tried.
    pub(super) fn calls(&self) -> bool {
        let tried = self.done + usize::from(self.failure.is_some());
        self.planned().take(tried).any(|step| step.call().is_some())
    }

    /// The calls that succeeded.
    pub(super) fn calls_done(&self) -> impl Iterator<Item = &K::Action> {
        self.planned().take(self.done).filter_map(Step::call)
    }

    /// The steps, as they are printed.
    pub(super) fn steps(&self) -> String {
        self.planned().map(|step| format!("{step}\n")).collect()
    }

    fn planned(&self) -> impl Iterator<Item = &Step<K::Action>> {
        self.plan.iter().flat_map(|plan| &plan.steps)
    }
}

/// What a failed call to Kubernetes is to a pass.
pub(super) fn failure(error: &KubeError) -> Failure {
    match error.kind {
        KubeErrorKind::LostRace | KubeErrorKind::NotLeader => Failure::LostRace,
        KubeErrorKind::Forbidden(_)
        | KubeErrorKind::Refused(_)
        | KubeErrorKind::NotOurs(_)
        | KubeErrorKind::Unavailable(_) => Failure::Kubernetes(error.to_string()),
    }
}

/// A pause holds a deletion up, too, unless the object is to go without anything being done.
fn is_paused<K: Resolve>(object: &K) -> bool {
    let meta = object.meta();
    crate::api::is_paused(meta) && !(meta.deletion_timestamp.is_some() && is_orphaned(meta))
}
