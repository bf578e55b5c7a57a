//! What has to hold of each of these objects as a whole.

use super::Object;
use crate::sim::call::ApiError;
use crate::sim::resources::bdbs::tags::is_key;
use crate::sim::resources::cron::is_cron;
use crate::sim::resources::texts;
use http::StatusCode;
use serde_json::{Map, Value, json};

pub(super) type Verdict = Result<(), ApiError>;

pub(super) fn anything(_: &Object) -> Verdict {
    Ok(())
}

/// Fields fit together, and addresses are `ldap(s)://host:port`.
pub(super) fn ldap(ldap: &Object) -> Verdict {
    if let Some(text) = combination(ldap) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "illegal_fields_combination",
            text,
        ));
    }
    let fits = |uri: &&str| {
        let rest = uri
            .strip_prefix("ldap://")
            .or_else(|| uri.strip_prefix("ldaps://"));
        let host_and_port = rest.and_then(|rest| rest.rsplit_once(':'));
        host_and_port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    match texts(ldap, "uris").find(|uri| !fits(uri)) {
        Some(uri) => Err(ApiError::bad_request(format!(
            "uris: {uri} is not ldap(s)://host:port"
        ))),
        None => Ok(()),
    }
}

/// What is wrong with the fields beside each other. A directory that is used has an address and a way to find users and their
/// groups; the page of the call says of required fields only that there are some.
fn combination(ldap: &Object) -> Option<&'static str> {
    let text = |key: &str| ldap.get(key).and_then(Value::as_str).unwrap_or_default();
    let query = |key: &str| ldap.get(key).and_then(Value::as_object).map_or(0, Map::len);
    let (groups, users) = (query("dn_group_query"), query("user_dn_query"));
    let by_attribute = !text("dn_group_attr").is_empty();
    let by_template = !text("user_dn_template").is_empty();
    let used = ["control_plane", "data_plane"].map(|plane| ldap.get(plane) == Some(&json!(true)));
    let used = used.contains(&true);
    let by_oid = text("cba_identity_source") == "subject_oid";
    let rules = [
        (
            [groups, users].iter().any(|fields| !matches!(fields, 0 | 3)),
            "a query is {} or has base, filter and scope",
        ),
        (
            by_attribute && groups > 0,
            "dn_group_attr and dn_group_query exclude each other",
        ),
        (
            by_template && users > 0,
            "user_dn_template and user_dn_query exclude each other",
        ),
        (
            used && texts(ldap, "uris").next().is_none(),
            "a directory that is used needs uris",
        ),
        (
            used && !by_attribute && groups == 0,
            "a directory that is used needs dn_group_attr or dn_group_query",
        ),
        (
            used && !by_template && users == 0,
            "a directory that is used needs user_dn_template or user_dn_query",
        ),
        (
            by_oid && text("cba_identity_oid").is_empty(),
            "cba_identity_source subject_oid needs cba_identity_oid",
        ),
    ];
    let broken = rules.into_iter().find(|(is_broken, _)| *is_broken);
    broken.map(|(_, text)| text)
}

/// Every job says when it runs.
pub(super) fn jobs(jobs: &Object) -> Verdict {
    schedules(jobs, is_cron)
}

/// Every collector says when it runs; an empty text turns it off (clusters/logging/diagnostic-logging).
pub(super) fn collectors(collectors: &Object) -> Verdict {
    schedules(collectors, |cron| cron.is_empty() || is_cron(cron))
}

fn schedules(objects: &Object, fits: fn(&str) -> bool) -> Verdict {
    for (name, object) in objects {
        let cron = object.get("cron_expression").and_then(Value::as_str);
        if !cron.is_some_and(fits) {
            let cron = cron.unwrap_or_default();
            return Err(ApiError::bad_request(format!(
                "{name}: {cron:?} is not a cron expression"
            )));
        }
    }
    Ok(())
}

pub(super) fn timezone(settings: &Object) -> Verdict {
    let name = settings
        .get("timezone")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let letters = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    if name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(letters) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "timezone: there is no time zone {name:?}"
    )))
}

/// Buckets of both histograms, and keys of tags, of which there are at most fifty.
pub(super) fn metrics(config: &Object) -> Verdict {
    for name in ["key_size_buckets", "key_items_buckets"] {
        let buckets = config.get(name).and_then(Value::as_str).unwrap_or_default();
        if !are_buckets(buckets) {
            return Err(ApiError::bad_request(format!(
                "{name}: {buckets:?} are not ascending boundaries such as 1K,8K,1M"
            )));
        }
    }
    let keys = || texts(config, "metrics_tag_keys_exposed");
    if keys().count() > 50 {
        return Err(ApiError::bad_request("metrics_tag_keys_exposed: at most 50 keys"));
    }
    match keys().find(|key| !is_key(key)) {
        Some(key) => Err(ApiError::bad_request(format!(
            "metrics_tag_keys_exposed: {key:?} cannot be the key of a tag"
        ))),
        None => Ok(()),
    }
}

/// Nothing, which leaves them to Redis, or numbers from 1 to 1023, with a unit or without, each greater than the one before.
fn are_buckets(text: &str) -> bool {
    let boundary = |text: &str| {
        let unit = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
        let power = ["B", "K", "M", "G", "T", "P", "E"]
            .iter()
            .position(|known| *known == unit || unit.is_empty())?;
        let number = number
            .parse::<u128>()
            .ok()
            .filter(|number| (1..=1023).contains(number))?;
        Some(number << (10 * power))
    };
    let boundaries: Option<Vec<u128>> = text.split(',').map(boundary).collect();
    text.is_empty() || boundaries.is_some_and(|all| all.is_sorted_by(|one, next| one < next))
}

pub(super) fn responder(ocsp: &Object) -> Verdict {
    let nobody = ocsp.get("responder_url") == Some(&json!(""));
    if nobody && ocsp.get("ocsp_functionality") == Some(&json!(true)) {
        let text = "OCSP cannot be turned on while the proxy certificate names no responder";
        return Err(ApiError::bad_request(text).with_code("no_responder_url"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_ascending_boundaries_with_or_without_units() {
        for text in ["", "128M,512M", "1,1023,1K", "1B,2,1E,1023E"] {
            assert!(are_buckets(text), "{text:?}");
        }
        for text in [
            "0",
            "1024",
            "1k",
            "1KB",
            "K",
            "1.5M",
            "2,1",
            "1,1B",
            "1023K,1M,1M",
            "1,,2",
            "1,",
            "1, 2",
        ] {
            assert!(!are_buckets(text), "{text:?}");
        }
    }
}
