//! What goes wrong, and when: a plan given from outside.

mod words;

pub use words::EFFECTS;

use super::ids::NodeIndex;
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
    /// It takes effect, and the body comes in pieces.
    SlowBody {
        /// Bytes of a piece.
        bytes: usize,
        /// Milliseconds from one piece to the next.
        every_ms: u64,
    },
    /// The node loses power before anything happened.
    CrashNode,
    /// The node stops answering before anything happened.
    FreezeNode,
    /// It takes effect, the node loses power, and there is no answer.
    CrashAfter,
    /// Simulated time jumps ahead by so many seconds before it is served.
    ClockJump(u64),
    /// From now on the node's own clock is so many seconds ahead of the others.
    NodeClock(i64),
    /// The task or state machine that it starts never ends.
    TaskStuck,
    /// The task or state machine that it starts fails with this error code.
    TaskFailed(String),
    /// Certificates are updated on so many nodes only.
    CertificatesOn(usize),
}

/// A plan at work: how often each rule has matched.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Faults {
    rules: Vec<(Rule, u64)>,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        Self {
            rules: plan.rules.into_iter().map(|rule| (rule, 0)).collect(),
        }
    }

    /// The rules, with how many requests each has matched.
    pub(crate) fn rules(&self) -> &[(Rule, u64)] {
        &self.rules
    }

    /// What happens to this request. Every matching rule counts it; the first that is due acts.
    pub(crate) fn take(&mut self, node: NodeIndex, method: &str, path: &str) -> Option<Effect> {
        let mut effect = None;
        for (rule, seen) in self
            .rules
            .iter_mut()
            .filter(|(rule, _)| rule.matches(node, method, path))
        {
            let turn = *seen;
            *seen += 1;
            let due = turn >= rule.skip && rule.count.is_none_or(|count| turn - rule.skip < count);
            if due && effect.is_none() {
                effect = Some(rule.effect.clone());
            }
        }
        effect
    }
}

impl Rule {
    fn matches(&self, node: NodeIndex, method: &str, path: &str) -> bool {
        self.node.is_none_or(|wanted| wanted == node.0)
            && self
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|pattern| glob(pattern, path))
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(first) else {
        return false;
    };
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.filter_map(|at| text.get(at..)).any(|tail| glob(rest, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text, fits) in [
            ("/v1/bdbs", "/v1/bdbs", true),
            ("/v1/bdbs", "/v1/bdbs/1", false),
            ("/v1/bdbs*", "/v1/bdbs/1", true),
            ("/v1/nodes/*/actions/*", "/v1/nodes/2/actions/remove", true),
            ("/v1/nodes/*/actions/*", "/v1/nodes/2", false),
            ("*", "", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_rule_acts_after_those_it_lets_pass_and_as_often_as_it_says() {
        let plan: FaultPlan = serde_json::from_str(
            r#"{"rules": [{"method": "POST", "path": "/v1/bdbs", "skip": 1, "count": 2, "effect": "lost_reply"}]}"#,
        )
        .unwrap();
        let mut faults = Faults::new(plan);
        assert_eq!(faults.take(NodeIndex(0), "GET", "/v1/bdbs"), None);
        let acted: Vec<bool> = (0..4)
            .map(|_| faults.take(NodeIndex(0), "POST", "/v1/bdbs").is_some())
            .collect();
        assert_eq!(acted, [false, true, true, false]);
    }

    #[test]
    fn every_effect_is_read_from_json() {
        for (text, want) in [
            (r#""silence""#, Effect::Silence),
            (r#"{"delay_ms": 20}"#, Effect::DelayMs(20)),
            (
                r#"{"status": {"code": 503}}"#,
                Effect::Status {
                    code: 503,
                    body: String::new(),
                },
            ),
            (
                r#"{"task_failed": "insufficient_resources"}"#,
                Effect::TaskFailed("insufficient_resources".to_owned()),
            ),
            (r#"{"certificates_on": 1}"#, Effect::CertificatesOn(1)),
        ] {
            assert_eq!(serde_json::from_str::<Effect>(text).unwrap(), want);
        }
        assert!(serde_json::from_str::<FaultPlan>(r#"{"rule": []}"#).is_err());
    }
}
