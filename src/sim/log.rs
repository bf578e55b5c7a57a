//! The request log: what was asked, by whom, and what came of it, with secrets masked.

use super::ids::NodeIndex;
use jiff::Timestamp;
use serde::Serialize;

/// What the caller got to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// The whole answer.
    Reply,
    /// The connection closed without an answer.
    Nothing,
    /// Part of the body.
    Truncated,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// From 1, without gaps.
    pub seq: u64,
    /// Simulated time of arrival.
    pub at: Timestamp,
    /// The node that received it.
    #[serde(skip)]
    pub node: NodeIndex,
    /// Name of that node.
    pub node_name: String,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query, or empty.
    pub query: String,
    /// `User-Agent`, or empty.
    pub user_agent: String,
    /// Name used to log in, or empty.
    pub user: String,
    /// SHA-256 of the body as sent, hex; empty when there was none.
    pub body_sha256: String,
    /// The body with secrets masked; null when there was none or it was not JSON.
    pub body: serde_json::Value,
    /// Whether it changed the world.
    pub effect: bool,
    /// Status that was answered, or would have been had the answer not been lost; 0 when nothing was processed.
    pub status: u16,
    /// `error_code` of the answer, or empty.
    pub error_code: String,
    /// What the caller got to see.
    pub sent: Sent,
    /// `cluster-state-id` before, once the node is a member.
    pub state_id_before: Option<u64>,
    /// `cluster-state-id` after.
    pub state_id_after: Option<u64>,
}
