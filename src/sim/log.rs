//! The request log: what was asked, by whom, and what came of it, with secrets masked.

mod line;

use super::auth;
use super::ids::NodeIndex;
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

pub(crate) use line::line;

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
    /// Length of the body, bytes.
    pub body_bytes: usize,
    /// The body with secrets masked; null when there was none or it was not JSON. Of a very long one only the length is kept.
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

/// Longest body that is kept, bytes.
const KEPT_BODY: usize = 64 << 10;
/// Longest path, query, user or agent that is kept, bytes.
const KEPT_TEXT: usize = 2 << 10;
/// How many methods are counted apart; further ones, which only a strange client invents, are counted as `other`.
const COUNTED_METHODS: usize = 16;

/// How many requests there were, whether or not they are still in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Totals {
    /// All of them.
    pub total: u64,
    /// Those that changed the world.
    pub with_effect: u64,
    /// By HTTP method.
    pub by_method: BTreeMap<String, u64>,
}

/// The latest requests, and the number of all.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RequestLog {
    /// Never more than twice `capacity`; dropping in batches keeps it one slice at a constant cost a request.
    #[serde(skip)]
    entries: Vec<LogEntry>,
    capacity: usize,
    totals: Totals,
}

impl RequestLog {
    /// A log that keeps at least the latest `capacity` requests.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: Vec::new(),
            capacity: capacity.max(1),
            totals: Totals::default(),
        }
    }

    pub(crate) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Entries that are still kept of requests after number `seq`.
    pub(crate) fn since(&self, seq: u64) -> &[LogEntry] {
        let from = self.entries.partition_point(|entry| entry.seq <= seq);
        self.entries.get(from..).unwrap_or_default()
    }

    /// Number of the next request.
    pub(crate) fn next_seq(&self) -> u64 {
        self.totals.total + 1
    }

    pub(crate) fn push(&mut self, mut entry: LogEntry) {
        self.totals.total += 1;
        self.totals.with_effect += u64::from(entry.effect);
        let by_method = &mut self.totals.by_method;
        let known = by_method.contains_key(&entry.method) || by_method.len() < COUNTED_METHODS;
        let method = if known { entry.method.as_str() } else { "other" };
        *by_method.entry(method.to_owned()).or_default() += 1;
        if entry.body_bytes > KEPT_BODY {
            entry.body = json!(format!("{} bytes", entry.body_bytes));
        }
        if self.entries.len() >= self.capacity.saturating_mul(2) {
            self.entries.drain(..self.capacity);
        }
        self.entries.push(entry);
    }

    /// Forgets every request; the next one has number 1.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.totals = Totals::default();
    }
}

/// The beginning of a long text.
fn kept(text: &str) -> String {
    let end = (0..=KEPT_TEXT.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
}

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
            .map(|value| kept(&String::from_utf8_lossy(value.as_bytes())))
            .unwrap_or_default()
    };
    LogEntry {
        seq,
        at,
        node,
        node_name,
        method: kept(request.method().as_str()),
        path: kept(request.uri().path()),
        query: kept(request.uri().query().unwrap_or_default()),
        user_agent: text(header::USER_AGENT),
        user: kept(&user(request.headers())),
        body_sha256: digest(request.body()),
        body_bytes: request.body().len(),
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
            "backup_location": {"secret_access_key": "s4"}, "tags": [{"key": "regent_owner", "value": "x"}],
        });
        let shown = masked(body).to_string();
        for secret in ["s1", "s2", "s3", "s4"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        for plain in ["\"db\"", "PEM", "regent_owner"] {
            assert!(shown.contains(plain), "{shown}");
        }
    }

    fn sent(path: &str, body: &str) -> LogEntry {
        let request = Request::put(path).body(Bytes::from(body.to_owned())).unwrap();
        let node = (NodeIndex(0), "n1".to_owned());
        entry(0, Timestamp::UNIX_EPOCH, node, &request, None)
    }

    #[test]
    fn the_log_keeps_the_latest_requests_their_numbers_and_the_count_of_all() {
        let mut log = RequestLog::new(10);
        for seq in 1..=95 {
            assert_eq!(log.next_seq(), seq);
            log.push(LogEntry {
                seq,
                effect: seq % 5 == 0,
                ..sent("/v1/cluster", "{}")
            });
            assert!(log.entries().len() <= 20);
        }
        let seqs: Vec<u64> = log.entries().iter().map(|entry| entry.seq).collect();
        assert!(
            seqs.len() >= 10 && seqs.is_sorted() && seqs.last() == Some(&95),
            "{seqs:?}"
        );
        assert_eq!(
            log.since(93).iter().map(|entry| entry.seq).collect::<Vec<_>>(),
            [94, 95]
        );
        assert_eq!((log.since(95).len(), log.since(0).len()), (0, seqs.len()));
        assert_eq!((log.totals().total, log.totals().with_effect), (95, 19));
        assert_eq!(log.totals().by_method["PUT"], 95);
    }

    #[test]
    fn long_requests_are_cut_in_the_log_and_invented_methods_counted_together() {
        let mut log = RequestLog::new(10);
        let long = format!("/{}", "é".repeat(2000).replace('é', "%c3"));
        log.push(sent(&long, &format!("\"{}\"", "x".repeat(KEPT_BODY))));
        let kept = &log.entries()[0];
        assert_eq!((kept.path.len(), &kept.body), (KEPT_TEXT, &json!("65538 bytes")));
        for number in 0..100 {
            log.push(LogEntry {
                method: format!("M{number}"),
                ..sent("/", "")
            });
        }
        assert_eq!(log.totals().by_method.len(), COUNTED_METHODS + 1);
        assert_eq!(log.totals().by_method["other"], 101 - 16);
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
