//! The request log: what was asked, by whom, and what came of it, with secrets masked.

use super::auth;
use super::ids::NodeIndex;
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
    pub body: Value,
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

/// Keys whose values are secrets, by how they end.
const SECRET: &[&str] = &[
    "password",
    "_pass",
    "passwd",
    "secret",
    "private_key",
    "secret_access_key",
    "account_key",
    "sas_token",
];
/// Keys whose values are secrets, whole.
const SECRETS: &[&str] = &[
    "key",
    "client_key",
    "license",
    "access_token",
    "old_password",
    "new_password",
];
const MASK: &str = "***";

/// The entry of a request that has just arrived.
pub(crate) fn entry(
    seq: u64,
    at: Timestamp,
    (node, node_name): (NodeIndex, String),
    request: &Request<Bytes>,
    state_id: Option<u64>,
) -> LogEntry {
    let text = |name: header::HeaderName| {
        request
            .headers()
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    };
    LogEntry {
        seq,
        at,
        node,
        node_name,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        user_agent: text(header::USER_AGENT),
        user: user(request.headers()),
        body_sha256: digest(request.body()),
        body: serde_json::from_slice(request.body())
            .map(masked)
            .unwrap_or(Value::Null),
        effect: false,
        status: 0,
        error_code: String::new(),
        sent: Sent::Reply,
        state_id_before: state_id,
        state_id_after: state_id,
    }
}

fn user(headers: &HeaderMap) -> String {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match header.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
            auth::basic(rest).map(|(user, _)| user).unwrap_or_default()
        }
        Some((scheme, _)) => format!("({scheme})"),
        None => String::new(),
    }
}

fn digest(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn masked(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            // A tag is {"key", "value"}: there the key is a name.
            let tag = map.contains_key("value");
            let entries = map.into_iter().map(|(key, value)| {
                let named = SECRETS.contains(&key.as_str()) || SECRET.iter().any(|end| key.ends_with(end));
                let value = if named && !(tag && key == "key") && value.is_string() {
                    json!(MASK)
                } else {
                    masked(value)
                };
                (key, value)
            });
            entries.collect()
        }
        Value::Array(items) => items.into_iter().map(masked).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_are() {
        let body = json!({
            "name": "db", "authentication_redis_pass": "s1", "credentials": {"username": "u", "password": "s2"},
            "certificates": [{"name": "proxy", "certificate": "PEM", "key": "s3"}],
            "backup_location": {"secret_access_key": "s4"}, "tags": [{"key": "regent-owner", "value": "x"}],
        });
        let shown = masked(body).to_string();
        for secret in ["s1", "s2", "s3", "s4"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        for plain in ["\"db\"", "PEM", "regent-owner"] {
            assert!(shown.contains(plain), "{shown}");
        }
    }

    #[test]
    fn the_password_of_a_login_is_not_in_an_entry() {
        let request = Request::get("/v1/nodes?x=1")
            .header("authorization", "Basic YWRtaW46c2VjcmV0")
            .body(Bytes::new());
        let entry = entry(
            1,
            Timestamp::UNIX_EPOCH,
            (NodeIndex(0), "n1".to_owned()),
            &request.unwrap(),
            None,
        );
        assert_eq!((entry.user.as_str(), entry.query.as_str()), ("admin", "x=1"));
        assert!(!format!("{entry:?}").contains("secret"));
    }
}
