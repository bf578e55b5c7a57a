//! What goes wrong, and when: a plan given from outside.

use serde::{Deserialize, Serialize};

/// Rules, tried in order; the first that matches a request acts on it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One rule: which requests, and what happens to them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// HTTP method; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path with `*` for any run of characters; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Place of the node in the configuration; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<usize>,
    /// Matching requests to let pass first.
    #[serde(default)]
    pub skip: u64,
    /// Matching requests to act on after that; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// It takes effect, and the connection closes without an answer.
    LostReply,
    /// The connection closes before anything happened.
    LostRequest,
    /// The connection is reset before anything happened.
    Reset,
    /// It is never answered, and nothing happens.
    Silence,
    /// It takes effect and is answered so many milliseconds late.
    DelayMs(u64),
    /// Nothing happens and this is the answer.
    Status {
        /// HTTP status.
        code: u16,
        /// Body as sent.
        #[serde(default)]
        body: String,
    },
    /// It takes effect, and the body ends after so many bytes.
    TruncateAt(usize),
    /// The node loses power before anything happened.
    CrashNode,
    /// The node stops answering before anything happened.
    FreezeNode,
    /// The task or state machine that it starts never ends.
    TaskStuck,
    /// The task or state machine that it starts fails with this error code.
    TaskFailed(String),
    /// Certificates are updated on so many nodes only.
    CertificatesOn(usize),
}
