//! What users write: the three kinds of the group `regent.dev`, their status, and the words both use.

mod certificate;
mod cluster;
mod database;
pub mod schema;
mod status;
mod values;

pub use certificate::*;
pub use cluster::*;
pub use database::*;
pub use status::*;
pub use values::*;

/// API group of every kind.
pub const GROUP: &str = "regent.dev";
/// The one served and stored version.
pub const VERSION: &str = "v1alpha1";
/// Our finalizer on every object.
pub const FINALIZER: &str = "regent.dev/cleanup";
/// Annotation: `paused` stops reconciliation of one object.
pub const RECONCILE_ANNOTATION: &str = "regent.dev/reconcile";
/// Annotation: any new value asks for a visit now; echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT_ANNOTATION: &str = "regent.dev/reconcile-requested-at";
/// Annotation: `orphan` lets a deletion finish without touching Redis Enterprise.
pub const ON_DELETE_ANNOTATION: &str = "regent.dev/on-delete";
/// Annotation on a RedisCluster: the nonce shown by the mass-deletion breaker releases it.
pub const ACKNOWLEDGE_DELETIONS_ANNOTATION: &str = "regent.dev/acknowledge-deletions";
/// Key of the ownership tag on a database in Redis Enterprise.
pub const OWNER_TAG: &str = "regent-owner";
