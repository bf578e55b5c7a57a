//! What is checked and read of a request before its handler sees it: headers, state id, query, body.

use super::call::{ApiError, Call, boolean};
use super::state::{Cluster, Env};
use super::switch::Switch;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::Value;
use std::collections::BTreeMap;

/// 400 for an `Accept` that excludes JSON or a foreign `Content-Type`, 505 for an unknown `x-api-version`.
pub(crate) fn check_headers(request: &Request<Bytes>, env: &Env) -> Result<(), ApiError> {
    let headers = request.headers();
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase())
    };
    let accept = text("accept").unwrap_or_default();
    let admits = |range: &str| {
        matches!(
            range.split(';').next().unwrap_or_default().trim(),
            "" | "*/*"
                | "application/*"
                | "application/json"
                | "application/x-gzip"
                | "application/samlmetadata+xml"
        )
    };
    if !accept.is_empty() && !accept.split(',').any(admits) {
        return Err(ApiError::bad_request(format!(
            "Accept: {accept} excludes application/json"
        )));
    }
    let content_type = text("content-type").unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let must_say = env.on(Switch::ContentTypeRequired) && !request.body().is_empty();
    let allowed = match content_type {
        "application/json" | "multipart/form-data" => true,
        // curl -d, as the vendor's own examples use it, says x-www-form-urlencoded.
        "" | "application/x-www-form-urlencoded" => !must_say,
        _ => false,
    };
    if !allowed {
        return Err(ApiError::bad_request(format!(
            "Content-Type: {content_type} is not supported"
        )));
    }
    match text("x-api-version").as_deref() {
        None | Some("1" | "2" | "4") => Ok(()),
        Some(version) => {
            let text = format!("API version {version} is not supported");
            Err(ApiError::new(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "unsupported_api_version",
                text,
            ))
        }
    }
}

/// `cluster-state-id` of a request that changes databases or shards.
pub(crate) fn check_state_id(cluster: &Cluster, env: &Env, call: &Call) -> Result<(), ApiError> {
    let Some(header) = call.headers.get("cluster-state-id") else {
        return Ok(());
    };
    let family = call.path.split('/').nth(2);
    if call.method == Method::GET || !matches!(family, Some("bdbs" | "shards")) {
        return Ok(());
    }
    let id: Option<u64> = header.to_str().ok().and_then(|text| text.trim().parse().ok());
    let id = id.ok_or_else(|| ApiError::bad_request("cluster-state-id is not an integer"))?;
    if id == cluster.state_id {
        return Ok(());
    }
    let status = if env.on(Switch::StateIdMismatch406) {
        StatusCode::NOT_ACCEPTABLE
    } else {
        StatusCode::CONFLICT
    };
    let text = format!("The cluster state id is {}, not {id}", cluster.state_id);
    Err(ApiError::new(status, "wrong_cluster_state_id", text))
}

/// Parameters of the query that are booleans.
const FLAGS: [&str; 5] = [
    "dry_run",
    "extended",
    "ignore_settings",
    "issues_only",
    "only_failovers",
];

/// 400 for a flag that says neither yes nor no: what is meant as a rehearsal must not be done in earnest.
pub(crate) fn check_flags(call: &Call) -> Result<(), ApiError> {
    let wrong = |name: &&str| call.query.get(*name).is_some_and(|text| boolean(text).is_none());
    match FLAGS.into_iter().find(wrong) {
        Some(name) => Err(ApiError::bad_request(format!("{name}: a boolean is wanted"))),
        None => Ok(()),
    }
}

/// The JSON body, or the bytes of an upload.
pub(crate) fn body(request: &Request<Bytes>) -> Result<(Value, Bytes), ApiError> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|text| text.starts_with("multipart/form-data")) {
        return Ok((Value::Null, request.body().clone()));
    }
    if request.body().iter().all(u8::is_ascii_whitespace) {
        return Ok((Value::Null, Bytes::new()));
    }
    serde_json::from_slice(request.body())
        .map(|value| (value, Bytes::new()))
        .map_err(|error| ApiError::bad_request(format!("The request body is not JSON: {error}")))
}

/// Query parameters, percent-decoded. A list may come as `a=1,2` or as `a=1&a=2`; both read as the first.
pub(crate) fn query(text: &str) -> BTreeMap<String, String> {
    let mut read: BTreeMap<String, String> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key), decode(value));
        read.entry(key)
            .and_modify(|earlier| *earlier = format!("{earlier},{value}"))
            .or_insert(value);
    }
    read
}

/// Percent-decodes; what is not valid stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(if first == b'+' { b' ' } else { first });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_percent_decoded() {
        for (text, want) in [
            ("a%20b", "a b"),
            ("a+b", "a b"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%c3%a9", "é"),
        ] {
            assert_eq!(decode(text), want);
        }
        assert_eq!(query("dry_run&x=1&&y="), query("x=1&y=&dry_run="));
        assert_eq!(query("x=1&x=2"), query("x=1,2"));
    }
}
