//! What has to hold of each of these objects as a whole.

use super::Object;
use crate::sim::call::ApiError;
use crate::sim::resources::cron::is_cron;
use http::StatusCode;
use serde_json::{Map, Value, json};

pub(super) type Verdict = Result<(), ApiError>;

pub(super) fn anything(_: &Object) -> Verdict {
    Ok(())
}

/// A query or an attribute, a query or a template; a query is empty or whole; addresses are `ldap(s)://host:port`.
pub(super) fn ldap(ldap: &Object) -> Verdict {
    let wrong = |text: &str| {
        Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "illegal_fields_combination",
            text,
        ))
    };
    let text = |key: &str| ldap.get(key).and_then(Value::as_str).unwrap_or_default();
    let query = |key: &str| ldap.get(key).and_then(Value::as_object).map_or(0, Map::len);
    for key in ["dn_group_query", "user_dn_query"] {
        if !matches!(query(key), 0 | 3) {
            return wrong(&format!("{key} is {{}} or has base, filter and scope"));
        }
    }
    if !text("dn_group_attr").is_empty() && query("dn_group_query") > 0 {
        return wrong("dn_group_attr and dn_group_query exclude each other");
    }
    if !text("user_dn_template").is_empty() && query("user_dn_query") > 0 {
        return wrong("user_dn_template and user_dn_query exclude each other");
    }
    let uris = ldap.get("uris").and_then(Value::as_array).into_iter().flatten();
    let mut uris = uris.filter_map(Value::as_str);
    let fits = |uri: &str| {
        let rest = uri
            .strip_prefix("ldap://")
            .or_else(|| uri.strip_prefix("ldaps://"));
        let host_and_port = rest.and_then(|rest| rest.rsplit_once(':'));
        host_and_port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    match uris.find(|uri| !fits(uri)) {
        Some(uri) => Err(ApiError::bad_request(format!(
            "uris: {uri} is not ldap(s)://host:port"
        ))),
        None => Ok(()),
    }
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

pub(super) fn metrics(config: &Object) -> Verdict {
    let keys = config.get("metrics_tag_keys_exposed").and_then(Value::as_array);
    if keys.is_some_and(|keys| keys.len() > 50) {
        return Err(ApiError::bad_request("metrics_tag_keys_exposed: at most 50 keys"));
    }
    Ok(())
}

pub(super) fn responder(ocsp: &Object) -> Verdict {
    let nobody = ocsp.get("responder_url") == Some(&json!(""));
    if nobody && ocsp.get("ocsp_functionality") == Some(&json!(true)) {
        let text = "OCSP cannot be turned on while the proxy certificate names no responder";
        return Err(ApiError::bad_request(text).with_code("no_responder_url"));
    }
    Ok(())
}
