//! Observes Redis Enterprise and carries plans out. Knows nothing of Kubernetes.

mod certificate;
mod cluster;
mod coalesce;
mod database;
mod execute;
mod login;
mod moment;
mod reads;
mod view;

pub use execute::Failure;
pub use execute::Outcome;
pub use execute::execute;
pub use moment::Freshness;
pub use moment::Moment;
pub use view::ClusterView;

use crate::api::Record;
use crate::plan::Plan;
use crate::plan::Publication;
use crate::rest::error::Error;
use std::future::Future;

/// A kind of object that Regent converges: observed, planned and acted on in the same way by the operator, by
/// `regent plan` and by tests.
pub trait Managed: Send + Sync {
    /// What the spec refers to, resolved.
    type Inputs: Send + Sync;
    /// One complete snapshot of the live side.
    type Observed: Send + Sync;
    /// A typed mutation of Redis Enterprise.
    type Action: Clone + std::fmt::Debug + std::fmt::Display + Send + Sync;

    /// Takes one complete snapshot, from GETs that are at least as fresh as `asked`; whether a certificate is valid is
    /// judged at `now`. Sends nothing while the inputs hold the cluster back. Safe to drop at any await.
    ///
    /// # Errors
    /// When any part of the snapshot cannot be read. What is absent is part of a snapshot, not an error.
    fn observe(
        &self,
        inputs: &Self::Inputs,
        view: &ClusterView,
        asked: Freshness,
        now: jiff::Timestamp,
    ) -> impl Future<Output = Result<Self::Observed, Error>> + Send;

    /// Decides the next wave. Total: a bad spec is a hold.
    fn plan(
        &self,
        inputs: &Self::Inputs,
        observed: &Self::Observed,
        now: jiff::Timestamp,
    ) -> Plan<Self::Action>;

    /// Whether a failure of this action ends the pass.
    fn must_succeed(_action: &Self::Action) -> bool {
        true
    }

    /// Whether the next look shows the effect of this action, as soon as nothing runs any more. If that look wants the
    /// same again, the call was accepted in vain.
    fn shows_at_once(action: &Self::Action) -> bool;

    /// Makes the call of one action, once. Secrets that the action needs come from the inputs. An error whose
    /// [`outcome_unknown`](Error::outcome_unknown) is true may have taken effect.
    ///
    /// # Errors
    /// When the call did not succeed.
    fn apply(
        action: &Self::Action,
        inputs: &Self::Inputs,
        view: &ClusterView,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Where effects on Kubernetes go: the object itself, in the operator; memory, in tests.
pub trait Journal: Send {
    /// Why a write failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Takes in one record of the object's status. An intent is written at once, checked against the resourceVersion that
    /// was read; other records may wait until [`proceed`](Journal::proceed), so that several of them cost one write.
    fn record(&mut self, record: &Record) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Lets a call to Redis Enterprise follow: whatever was recorded has been written when this succeeds.
    fn proceed(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Writes a Secret.
    fn publish(&mut self, publication: &Publication) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Drops our finalizer.
    fn release(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
