//! Annotations: what people ask of one object beside its spec.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Annotation: `paused` stops reconciliation of one object.
pub const RECONCILE_ANNOTATION: &str = "regent.dev/reconcile";
/// Annotation: any new value asks for a visit now; echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT_ANNOTATION: &str = "regent.dev/reconcile-requested-at";
/// Annotation: `orphan` lets a deletion finish without touching Redis Enterprise.
pub const ON_DELETE_ANNOTATION: &str = "regent.dev/on-delete";
/// Annotation on a RedisCluster: the nonce shown by the mass-deletion breaker releases it.
pub const ACKNOWLEDGE_DELETIONS_ANNOTATION: &str = "regent.dev/acknowledge-deletions";

/// The value of an annotation, if the object has it.
pub fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whether the object asks to be left alone.
pub fn is_paused(meta: &ObjectMeta) -> bool {
    annotation(meta, RECONCILE_ANNOTATION) == Some("paused")
}

/// Whether the object asks that its deletion touch nothing.
pub fn is_orphaned(meta: &ObjectMeta) -> bool {
    annotation(meta, ON_DELETE_ANNOTATION) == Some("orphan")
}
