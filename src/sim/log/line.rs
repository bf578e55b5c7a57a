//! One line a request, for people.

use super::{LogEntry, Sent};

/// Longest part of a body in a log line, characters.
const SHOWN_BODY: usize = 160;

/// `12:00:07 node2 PUT /v1/cluster 200 changed admin@example.com {"handle_redirects":true}`
pub(crate) fn line(entry: &LogEntry) -> String {
    let time = entry.at.strftime("%H:%M:%S");
    let mut line = format!("{time} {} {} {}", entry.node_name, entry.method, entry.path);
    if !entry.query.is_empty() {
        line.push('?');
        line.push_str(&entry.query);
    }
    line.push_str(&if entry.status == 0 {
        " -".to_owned()
    } else {
        format!(" {}", entry.status)
    });
    let sent = match entry.sent {
        Sent::Reply => "",
        Sent::Nothing => "(no answer sent)",
        Sent::Truncated => "(answer cut short)",
    };
    let mut body = String::new();
    if entry.effect && !entry.body.is_null() {
        body = entry.body.to_string();
        if let Some((end, _)) = body.char_indices().nth(SHOWN_BODY) {
            body.truncate(end);
            body.push_str("...");
        }
    }
    let effect = if entry.effect { "changed" } else { "" };
    for part in [entry.error_code.as_str(), effect, sent, &entry.user, &body] {
        if !part.is_empty() {
            line.push(' ');
            line.push_str(part);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::testbed;
    use serde_json::{Value, json};

    #[test]
    fn a_log_line_is_readable_and_short() {
        let mut bed = testbed::Bed::new();
        bed.ok(
            "PUT",
            "/v1/cluster",
            json!({"handle_redirects": true, "email_from": "x".repeat(500)}),
        );
        bed.call("GET", "/v1/nodes/9?x=1", Value::Null);
        let lines: Vec<String> = bed.world.log().iter().rev().take(2).map(line).collect();
        assert!(
            lines[0].ends_with("node1 GET /v1/nodes/9?x=1 404 node_not_found admin@example.com"),
            "{}",
            lines[0]
        );
        assert!(
            lines[1].contains("node1 PUT /v1/cluster 200 changed admin@example.com {")
                && lines[1].ends_with("..."),
            "{}",
            lines[1]
        );
        assert!(lines[1].len() < 260, "{}", lines[1]);
    }
}
