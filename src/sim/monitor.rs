//! Invariants that every request is checked against, in every test.

use jiff::Timestamp;
use serde::Serialize;

/// A request that broke an invariant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// Name of the invariant.
    pub rule: &'static str,
    /// Number of the request in the log; of the latest when a background event broke it.
    pub seq: u64,
    /// Simulated time.
    pub at: Timestamp,
    /// What happened, in a sentence.
    pub message: String,
    /// Bad manners rather than danger.
    pub advisory: bool,
}
