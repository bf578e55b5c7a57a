//! What the values of single fields have to satisfy that no kind of the table says.

use super::super::locations::check_either;
use super::{Candidate, Verdict, refuse};
use crate::sim::call::ApiError;
use crate::sim::resources::texts;
use crate::sim::resources::users::is_name;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Most entries of a filter of audit records.
const MOST_FILTERED: usize = 512;

/// Sizes and filters that are written as text, and places.
pub(super) fn check(candidate: &Candidate<'_>) -> Verdict {
    sizes(candidate)?;
    locations(candidate)?;
    let audit = candidate.set.get("audit_settings");
    let filter = |name: &str| audit.and_then(|audit| audit.get(name)?.as_object());
    filter("username_filter").map_or(Ok(()), users)?;
    filter("source_ip_filter").map_or(Ok(()), addresses)
}

/// Where backups go and imports come from.
fn locations(candidate: &Candidate<'_>) -> Verdict {
    let (field, sources) = ("backup_location", "dataset_import_sources");
    let location = candidate.set.get(field);
    location.map_or(Ok(()), |location| check_either(field, location))?;
    let mut all = candidate.list(sources).iter();
    all.try_for_each(|source| check_either(sources, source))
}

/// `auto` or a size; a buffer may also have a hard and a soft limit and the seconds that the soft one may be exceeded.
fn sizes(candidate: &Candidate<'_>) -> Verdict {
    let is_auto = |text: &str| matches!(text, "" | "auto");
    let backlog = candidate.text("repl_backlog_size");
    if !is_auto(backlog) && !is_size(backlog) {
        return refuse("invalid_param", "repl_backlog_size is auto or a size");
    }
    let buffer = candidate.text("slave_buffer");
    let limits: Vec<&str> = buffer.split(':').collect();
    let fits = matches!(limits.len(), 1 | 3) && limits.iter().all(|limit| is_size(limit));
    if !is_auto(buffer) && !fits {
        return refuse("invalid_param", "slave_buffer is auto, a size, or hard:soft:time");
    }
    Ok(())
}

/// A whole number, and perhaps its unit.
fn is_size(text: &str) -> bool {
    let number = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default();
    number.parse::<u64>().is_ok()
        && matches!(
            unit.to_ascii_lowercase().as_str(),
            "" | "bytes" | "b" | "kb" | "mb" | "gb"
        )
}

fn users(filter: &Map<String, Value>) -> Verdict {
    if let Some(name) = texts(filter, "usernames").find(|name| !is_name(name)) {
        let text = format!("username_filter: {name:?} is no user name");
        return Err(ApiError::bad_request(text));
    }
    let count = texts(filter, "usernames").count();
    if count > MOST_FILTERED {
        let text = format!("username_filter: {count} names are more than {MOST_FILTERED}");
        return Err(ApiError::bad_request(text));
    }
    not_empty("username_filter", filter, count)
}

fn addresses(filter: &Map<String, Value>) -> Verdict {
    let (one, range) = (
        texts(filter, "ip_addresses").find(|text| text.parse::<IpAddr>().is_err()),
        texts(filter, "cidr_ranges").find(|text| !is_range(text)),
    );
    for (wrong, code, what) in [
        (one, "audit_settings_invalid_ip_address", "address"),
        (range, "audit_settings_invalid_cidr_range", "range"),
    ] {
        if let Some(text) = wrong {
            return refuse(code, format!("source_ip_filter: {text:?} is no {what}"));
        }
    }
    let count = texts(filter, "ip_addresses")
        .chain(texts(filter, "cidr_ranges"))
        .count();
    if count > MOST_FILTERED {
        return refuse(
            "audit_settings_filter_list_too_large",
            format!("source_ip_filter: {count} entries are more than {MOST_FILTERED}"),
        );
    }
    not_empty("source_ip_filter", filter, count)
}

/// A filter that is on has entries.
fn not_empty(name: &str, filter: &Map<String, Value>, entries: usize) -> Verdict {
    if filter.get("enabled") == Some(&Value::Bool(true)) && entries == 0 {
        return refuse(
            "audit_settings_empty_filter_list",
            format!("{name} is on and has no entries"),
        );
    }
    Ok(())
}

/// An address and the bits of it that count.
fn is_range(text: &str) -> bool {
    let parts = text.split_once('/');
    let parsed = parts.and_then(|(address, bits)| Some((address.parse().ok()?, bits.parse::<u8>().ok()?)));
    parsed.is_some_and(|(address, bits)| match address {
        IpAddr::V4(_) => bits <= 32,
        IpAddr::V6(_) => bits <= 128,
    })
}

#[cfg(test)]
mod tests {
    use crate::sim::testbed::Bed;
    use serde_json::{Value, json};

    fn users(names: Value) -> Value {
        json!({"audit_settings": {"username_filter": {"enabled": true, "usernames": names}}})
    }

    fn addresses(one: &str, range: &str) -> Value {
        json!({"audit_settings": {"source_ip_filter": {"enabled": true, "ip_addresses": [one], "cidr_ranges": [range]}}})
    }

    #[test]
    fn values_that_are_written_as_text_must_mean_something() {
        let none = json!({"audit_settings": {"source_ip_filter": {"enabled": true}}});
        let off = json!({"audit_settings": {"username_filter": {"enabled": false}}});
        for (body, status) in [
            (json!({"slave_buffer": "foo"}), 406),
            (json!({"slave_buffer": "1:2"}), 406),
            (json!({"slave_buffer": "1024"}), 200),
            (json!({"slave_buffer": "1024:512:60"}), 200),
            (json!({"repl_backlog_size": "foo"}), 406),
            (json!({"repl_backlog_size": "1:2:3"}), 406),
            (json!({"repl_backlog_size": "1048576"}), 200),
            (json!({"repl_backlog_size": "64mb"}), 200),
            (users(json!([])), 406),
            (users(json!([""])), 400),
            (users(json!(["a<b"])), 400),
            (users(json!(["é"])), 400),
            (users(json!(["a".repeat(256)])), 400),
            (users(json!(vec!["a"; 513])), 400),
            (json!({"audit_settings": {"audit_mode": "all"}}), 400),
            (json!({"audit_settings": {"max_total_key_bytes": -1}}), 400),
            (json!({"audit_settings": {"colour": "red"}}), 400),
            (users(json!(["John Doe"])), 200),
            (off, 200),
            (none, 406),
            (addresses("10.0.0.0/8", "10.0.0.0/8"), 406),
            (addresses("10.0.0.1", "10.0.0.1"), 406),
            (addresses("10.0.0.1", "10.0.0.0/33"), 406),
            (addresses("2001:db8::1", "2001:db8::/32"), 200),
        ] {
            let mut bed = Bed::new();
            bed.database(json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"}));
            let (got, answer) = bed.call("PUT", "/v1/bdbs/1", body.clone());
            assert_eq!(got, status, "{body}: {answer}");
        }
    }
}
