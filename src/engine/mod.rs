//! Observes Redis Enterprise and carries plans out. Knows nothing of Kubernetes.

use crate::api::Record;
use crate::plan::Plan;
use crate::plan::Publication;
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

    /// Decides the next wave. Total: a bad spec is a hold.
    fn plan(
        &self,
        inputs: &Self::Inputs,
        observed: &Self::Observed,
        now: jiff::Timestamp,
    ) -> Plan<Self::Action>;
}

/// Where effects on Kubernetes go: the object itself, in the operator; memory, in tests.
pub trait Journal: Send {
    /// Why a write failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Writes one record to the object's status, checked against the resourceVersion that was read.
    fn record(&mut self, record: &Record) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Writes a Secret.
    fn publish(&mut self, publication: &Publication) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Drops our finalizer.
    fn release(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
