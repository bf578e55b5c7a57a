//! Fault rules as words, as a command line takes them: `POST /v1/bdbs node=0 skip=1 count=2 status=503`.

use super::{Effect, FaultPlan, Rule};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

/// Every effect in words, with what it does: for `--list-faults` and for documentation.
pub const EFFECTS: &[(&str, &str)] = &[
    (
        "lost_reply",
        "it takes effect, and the connection closes without an answer",
    ),
    ("lost_request", "the connection closes before anything happened"),
    ("reset", "the connection is reset before anything happened"),
    ("silence", "it is never answered, and nothing happens"),
    (
        "delay_ms=500",
        "it takes effect and is answered so many milliseconds late",
    ),
    (
        "status=503",
        "nothing happens and this is the answer; in JSON it can have a body: {\"status\": {\"code\": 503, \"body\": \"...\"}}",
    ),
    (
        "truncate_at=10",
        "it takes effect, and the answer's body ends after so many bytes",
    ),
    (
        "slow_body=16/200",
        "it takes effect, and the answer's body comes in pieces of so many bytes, so many milliseconds apart; in JSON {\"slow_body\": {\"bytes\": 16, \"every_ms\": 200}}",
    ),
    ("crash_node", "the node loses power before anything happened"),
    ("freeze_node", "the node stops answering before anything happened"),
    (
        "crash_after",
        "it takes effect, the node loses power, and there is no answer",
    ),
    (
        "clock_jump=3600",
        "simulated time jumps ahead by so many seconds, then it is served",
    ),
    (
        "node_clock=90",
        "from now on the node's own clock is so many seconds ahead of the others, or behind if negative; then it is served",
    ),
    (
        "task_stuck",
        "the task or state machine that it starts never ends",
    ),
    (
        "task_failed=internal_error",
        "the task or state machine that it starts fails with this error code",
    ),
    (
        "certificates_on=1",
        "certificates are updated on so many nodes only",
    ),
];

impl FromStr for Rule {
    type Err = String;

    /// Words in any order, or a JSON object.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| error.to_string());
        }
        let mut rule = json!({});
        for word in text.split_whitespace() {
            let (key, value) = part(word)?;
            if rule.get(key).is_some() {
                return Err(format!("{word:?} is one {key} too many"));
            }
            if let Some(fields) = rule.as_object_mut() {
                fields.insert(key.to_owned(), value);
            }
        }
        if rule.get("effect").is_none() {
            return Err(format!("{text:?} names no effect; --list-faults lists them"));
        }
        serde_json::from_value(rule).map_err(|error| format!("{error}; --list-faults lists the effects"))
    }
}

/// A word as a field of a rule.
fn part(word: &str) -> Result<(&'static str, Value), String> {
    if word.starts_with(['/', '*']) {
        return Ok(("path", word.into()));
    }
    if word.chars().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(("method", word.into()));
    }
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let number = || {
        let number = value.parse::<u64>();
        number.map_err(|_| format!("{word:?}: a number is wanted"))
    };
    Ok(match name {
        "node" => ("node", number()?.into()),
        "skip" => ("skip", number()?.into()),
        "count" => ("count", number()?.into()),
        "status" => ("effect", json!({"status": {"code": number()?}})),
        "slow_body" => {
            let parts = value.split_once('/');
            let parts =
                parts.and_then(|(bytes, ms)| Some((bytes.parse::<u64>().ok()?, ms.parse::<u64>().ok()?)));
            let (bytes, ms) =
                parts.ok_or_else(|| format!("{word:?}: slow_body=BYTES/MILLISECONDS is wanted"))?;
            ("effect", json!({"slow_body": {"bytes": bytes, "every_ms": ms}}))
        }
        _ if !word.contains('=') => ("effect", name.into()),
        _ => {
            let value = value
                .parse::<i64>()
                .map_or_else(|_| Value::from(value), Value::from);
            ("effect", json!({ name: value }))
        }
    })
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostReply => f.write_str("lost_reply"),
            Self::LostRequest => f.write_str("lost_request"),
            Self::Reset => f.write_str("reset"),
            Self::Silence => f.write_str("silence"),
            Self::DelayMs(ms) => write!(f, "delay_ms={ms}"),
            Self::Status { code, .. } => write!(f, "status={code}"),
            Self::TruncateAt(bytes) => write!(f, "truncate_at={bytes}"),
            Self::SlowBody { bytes, every_ms } => write!(f, "slow_body={bytes}/{every_ms}"),
            Self::CrashNode => f.write_str("crash_node"),
            Self::FreezeNode => f.write_str("freeze_node"),
            Self::CrashAfter => f.write_str("crash_after"),
            Self::ClockJump(secs) => write!(f, "clock_jump={secs}"),
            Self::NodeClock(secs) => write!(f, "node_clock={secs}"),
            Self::TaskStuck => f.write_str("task_stuck"),
            Self::TaskFailed(code) => write!(f, "task_failed={code}"),
            Self::CertificatesOn(nodes) => write!(f, "certificates_on={nodes}"),
        }
    }
}

/// Ten years: farther than that no clock jumps.
const FARTHEST: u64 = 3650 * 86_400;

impl FaultPlan {
    /// What can never happen in a world of so many nodes is a mistake.
    ///
    /// # Errors
    /// Says which rule, counted from 1, and why.
    pub fn check(&self, nodes: usize) -> Result<(), String> {
        for (number, rule) in (1..).zip(&self.rules) {
            rule.check(nodes).map_err(|why| format!("rule {number}: {why}"))?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self, nodes: usize) -> Result<(), String> {
        if let Some(node) = self.node.filter(|node| *node >= nodes) {
            return Err(format!(
                "there is no node {node}: they count from 0 to {}",
                nodes.saturating_sub(1)
            ));
        }
        if let Some(path) = self.path.as_ref().filter(|path| !path.starts_with(['/', '*'])) {
            return Err(format!("no path is like {path:?}: it begins with / or *"));
        }
        match &self.effect {
            Effect::Status { code, .. } if !(200..=599).contains(code) => {
                Err(format!("{code} is no status of an answer"))
            }
            Effect::SlowBody { bytes: 0, .. } => {
                Err("slow_body with pieces of 0 bytes never ends".to_owned())
            }
            Effect::ClockJump(secs) if *secs > FARTHEST => Err(format!("clock_jump={secs} is out of range")),
            Effect::NodeClock(secs) if secs.unsigned_abs() > FARTHEST => {
                Err(format!("node_clock={secs} is out of range"))
            }
            Effect::LostReply
            | Effect::LostRequest
            | Effect::Reset
            | Effect::Silence
            | Effect::DelayMs(_)
            | Effect::Status { .. }
            | Effect::TruncateAt(_)
            | Effect::SlowBody { .. }
            | Effect::CrashNode
            | Effect::FreezeNode
            | Effect::CrashAfter
            | Effect::ClockJump(_)
            | Effect::NodeClock(_)
            | Effect::TaskStuck
            | Effect::TaskFailed(_)
            | Effect::CertificatesOn(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_effect_is_understood_and_says_itself() {
        for (words, _) in EFFECTS {
            let rule: Rule = words.parse().unwrap();
            assert_eq!(rule.effect.to_string(), *words);
            let again: Effect = serde_json::from_value(json!(rule.effect)).unwrap();
            assert_eq!(again, rule.effect);
        }
    }

    #[test]
    fn words_say_which_request_at_which_node_and_how_often() {
        let rule: Rule = "POST /v1/bdbs node=2 skip=1 count=3 node_clock=-90"
            .parse()
            .unwrap();
        let json = r#"{"method": "POST", "path": "/v1/bdbs", "node": 2, "skip": 1, "count": 3, "effect": {"node_clock": -90}}"#;
        assert_eq!(rule, json.parse().unwrap());
        assert_eq!(rule, serde_json::from_str(json).unwrap());
    }

    #[test]
    fn words_that_make_no_rule_are_refused_for_their_reason() {
        for (words, says) in [
            ("", "no effect"),
            ("POST /v1/bdbs", "no effect"),
            ("lost_replies", "lost_replies"),
            ("delay_ms=soon", "soon"),
            ("status=", "a number"),
            ("slow_body=9", "BYTES/MILLISECONDS"),
            ("count=x reset", "a number"),
            ("GET PUT reset", "too many"),
            ("reset silence", "too many"),
            ("{\"effect\": \"reset\", \"time\": 1}", "time"),
        ] {
            let error = words.parse::<Rule>().unwrap_err();
            assert!(error.contains(says), "{words}: {error}");
        }
    }

    #[test]
    fn rules_that_can_never_act_are_refused() {
        for (words, says) in [
            ("node=3 reset", "0 to 2"),
            ("status=99", "99"),
            ("status=1000", "1000"),
            ("slow_body=0/1", "0 bytes"),
            ("clock_jump=99999999999", "out of range"),
            ("node_clock=-99999999999", "out of range"),
            (r#"{"path": "v1/bdbs", "effect": "reset"}"#, "begins with /"),
        ] {
            let plan = FaultPlan {
                rules: vec!["reset".parse().unwrap(), words.parse().unwrap()],
            };
            let error = plan.check(3).unwrap_err();
            assert!(
                error.contains(says) && error.starts_with("rule 2: "),
                "{words}: {error}"
            );
        }
        let plan = FaultPlan {
            rules: vec!["GET */actions/* node=2 status=503".parse().unwrap()],
        };
        assert_eq!(plan.check(3), Ok(()));
    }
}
