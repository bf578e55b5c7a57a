//! The connection Secret, with the keys of the Service Binding specification.

use crate::plan::Plan;
use crate::plan::Publication;
use crate::plan::Step;
use crate::plan::database::Action;
use crate::plan::database::Password;
use crate::plan::database::Seen;
use crate::plan::database::case::Case;
use crate::plan::database::password;
use crate::rest::model::Bdb;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Plans to write the connection Secret when what it says is out of date. It never gets a password that the database does
/// not have yet.
pub(super) fn publish(case: &Case<'_>, seen: &Seen, bdb: &Bdb, plan: &mut Plan<Action>) {
    match &case.inputs.password {
        Ok(None) => write(case, seen, bdb, None, plan),
        Ok(Some(Password::Given { value, version }))
            if password::in_force(case) == Some(version.as_str()) =>
        {
            write(case, seen, bdb, Some(value), plan);
        }
        Ok(Some(Password::Given { .. } | Password::ToGenerate { .. })) | Err(_) => {}
    }
}

/// Plans to write it with this password.
pub(super) fn write(
    case: &Case<'_>,
    seen: &Seen,
    bdb: &Bdb,
    password: Option<&SecretString>,
    plan: &mut Plan<Action>,
) {
    let Some(secret) = &case.spec.connection_secret else {
        return;
    };
    let Some(data) = data(seen, bdb, password) else {
        return;
    };
    if case
        .inputs
        .connection
        .as_ref()
        .is_none_or(|current| !same(current, &data))
    {
        plan.steps.push(Step::Publish(Publication::Connection {
            secret: secret.name.clone(),
            data,
        }));
    }
}

/// What applications need to know; `None` before the endpoint is bound.
fn data(seen: &Seen, bdb: &Bdb, password: Option<&SecretString>) -> Option<BTreeMap<String, SecretString>> {
    let (host, port) = endpoint(bdb)?;
    let tls = bdb.fields.get("tls_mode").and_then(serde_json::Value::as_str) == Some("enabled");
    let scheme = if tls { "rediss" } else { "redis" };
    let user = password.map(|password| format!("default:{}@", percent_encoded(password.expose_secret())));
    let uri = format!("{scheme}://{}{host}:{port}/0", user.unwrap_or_default());
    let mut data: BTreeMap<String, SecretString> = [
        ("type", "redis".to_owned()),
        ("provider", "redis-enterprise".to_owned()),
        ("host", host.to_owned()),
        ("port", port.to_string()),
        ("username", "default".to_owned()),
        ("uri", uri),
        ("database", "0".to_owned()),
        ("tls", tls.to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.into()))
    .collect();
    if let Some(password) = password {
        data.insert("password".to_owned(), password.clone());
    }
    if let Some(chain) = seen.proxy_certificate_pem.as_ref().filter(|_| tls) {
        data.insert("certificates".to_owned(), chain.clone().into());
    }
    Some(data)
}

/// Host and port of the endpoint for clients, once it is bound.
pub(crate) fn endpoint(bdb: &Bdb) -> Option<(&str, u16)> {
    let bound = bdb
        .endpoints
        .iter()
        .filter(|endpoint| !endpoint.dns_name.is_empty());
    let mut bound = bound.filter_map(|endpoint| Some((endpoint, endpoint.port.filter(|port| *port != 0)?)));
    let first = bound
        .clone()
        .find(|(endpoint, _)| endpoint.addr_type.as_deref() != Some("internal"));
    first
        .or_else(|| bound.next())
        .map(|(endpoint, port)| (endpoint.dns_name.as_str(), port))
}

/// Whether two Secrets hold the same.
pub(super) fn same(one: &BTreeMap<String, SecretString>, other: &BTreeMap<String, SecretString>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((key, value), (other_key, other_value))| {
                key == other_key && value.expose_secret() == other_value.expose_secret()
            })
}

/// Everything but unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}
