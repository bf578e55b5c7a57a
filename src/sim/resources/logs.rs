//! `/v1/logs` (events), `/v1/usage_report` and `/v1/jsonschema`.

use super::iso;
use super::md5::md5_hex;
use crate::sim::call::{Answer, ApiError, Ctx, Document, Reply};
use crate::sim::documents::Event;
use crate::sim::permission::Permission::{ViewClusterInfo, ViewLoggedEvents};
use crate::sim::route::Route;
use crate::sim::schema::{self, Access, Field, Kind};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/logs", ViewLoggedEvents, logs),
    Route::new("GET", "/v1/usage_report", ViewClusterInfo, usage_report).presumed(),
    Route::new("GET", "/v1/jsonschema", ViewClusterInfo, jsonschema).presumed(),
];

fn shown(event: &Event) -> Value {
    let mut shown = event.details.clone();
    shown.insert("time".to_owned(), json!(iso(event.at)));
    shown.insert("type".to_owned(), json!(event.name));
    shown.insert("severity".to_owned(), json!(event.severity));
    Value::Object(shown)
}

/// Events between `stime` and `etime`, `limit` of them after the first `offset`, the oldest first unless `order=desc`.
fn logs(ctx: &mut Ctx<'_>) -> Answer {
    let query = &ctx.call.query;
    let time = |key: &str| match query.get(key) {
        None => Ok(None),
        Some(text) => text
            .parse::<Timestamp>()
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("{key}: {text} is not a time in ISO 8601"))),
    };
    let number = |key: &str| match query.get(key) {
        None => Ok(None),
        Some(text) => text
            .parse::<usize>()
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("{key}: {text} is not a number"))),
    };
    let (from, to) = (time("stime")?, time("etime")?);
    let (limit, offset) = (number("limit")?, number("offset")?);
    let descending = match query.get("order").map(String::as_str) {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "order: {other} is neither asc nor desc"
            )));
        }
    };
    let within =
        |event: &&Event| from.is_none_or(|from| event.at >= from) && to.is_none_or(|to| event.at <= to);
    let mut events: Vec<Value> = ctx
        .cluster
        .documents
        .events
        .iter()
        .filter(within)
        .map(shown)
        .collect();
    if descending {
        events.reverse();
    }
    let events = events
        .into_iter()
        .skip(offset.unwrap_or(0))
        .take(limit.unwrap_or(usize::MAX));
    Ok(Reply::json(events.collect::<Vec<_>>()))
}

/// A line of JSON for the cluster and one for each database, then the MD5 of all of them.
fn usage_report(ctx: &mut Ctx<'_>) -> Answer {
    let counts = ctx.cluster.databases.shard_counts();
    let mut lines = json!({
        "cluster_name": ctx.cluster.name, "date": iso(ctx.env.now), "software_version": ctx.env.profile.software_version(),
        "ram_shards": counts.ram, "flash_shards": counts.flash,
    })
    .to_string();
    lines.push('\n');
    for database in ctx.cluster.databases.iter() {
        let shards = ctx.cluster.databases.shards.of(database.uid).count();
        let line = json!({
            "bdb_uid": database.uid.0, "name": database.text("name"), "shards_count": shards,
            "memory_size": database.set.get("memory_size"), "replication": database.flag("replication"),
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let sum = md5_hex(lines.as_bytes());
    lines.push_str(&sum);
    lines.push('\n');
    Ok(Reply::document(Document {
        content_type: "application/x-ndjson",
        file_name: None,
        bytes: lines.into_bytes(),
    }))
}

/// Every object with a table, by the name that `object` takes.
#[rustfmt::skip]
pub(crate) const OBJECTS: &[(&str, &str, &[Field])] = &[
    ("bdb", "A database.", schema::bdb::FIELDS),
    ("bdb_group", "Databases that share memory.", schema::access::BDB_GROUP),
    ("cluster", "The cluster.", schema::cluster::FIELDS),
    ("cluster_settings", "Cluster-wide policy.", schema::policy::FIELDS),
    ("cm_settings", "Settings of the Cluster Manager.", schema::settings::CM),
    ("db_conns_auditing_config", "Where connections are audited.", schema::settings::AUDITING),
    ("diagnostics", "What the diagnostic logging service collects.", schema::settings::DIAGNOSTICS),
    ("job_scheduler", "Jobs that run by themselves.", schema::settings::JOBS),
    ("ldap", "Connection to a directory.", schema::settings::LDAP),
    ("ldap_mapping", "A group of a directory and its roles.", schema::access::LDAP_MAPPING),
    ("metrics_config", "What is measured and kept.", schema::settings::METRICS),
    ("node", "A node.", schema::node::FIELDS),
    ("ocsp", "Status queries about the proxy certificate.", schema::settings::OCSP),
    ("redis_acl", "Rules about commands, keys and channels.", schema::access::REDIS_ACL),
    ("role", "A role.", schema::access::ROLE),
    ("services_configuration", "Optional services.", schema::settings::SERVICES),
    ("sso", "Single sign-on.", schema::settings::SSO),
    ("suffix", "A DNS suffix.", schema::settings::SUFFIX),
    ("user", "An account of the management plane.", schema::access::USER),
];

/// The JSON schema of one object, or of all by name.
fn jsonschema(ctx: &mut Ctx<'_>) -> Answer {
    let of = |(_, description, fields): &(&str, &str, &[Field])| {
        let properties: Map<String, Value> = fields
            .iter()
            .filter(|field| field.within(ctx.env.profile))
            .map(|field| (field.name.to_owned(), property(field)))
            .collect();
        json!({"type": "object", "description": description, "properties": properties})
    };
    let Some(name) = ctx.call.query.get("object") else {
        let all: Map<String, Value> = OBJECTS.iter().map(|row| (row.0.to_owned(), of(row))).collect();
        return Ok(Reply::json(all));
    };
    match OBJECTS.iter().find(|(object, ..)| object == name) {
        Some(row) => Ok(Reply::json(of(row))),
        None => Err(ApiError::not_acceptable(
            "invalid_object",
            format!("there is no object {name}"),
        )),
    }
}

fn property(field: &Field) -> Value {
    let mut property = kind(field.kind);
    if let Some(map) = property.as_object_mut() {
        if let Ok(default) = serde_json::from_str::<Value>(field.default) {
            map.insert("default".to_owned(), default);
        }
        match field.access {
            Access::Read => map.insert("readOnly".to_owned(), json!(true)),
            Access::Write => map.insert("writeOnly".to_owned(), json!(true)),
            Access::Create | Access::CreateUpdate | Access::Update => None,
        };
    }
    property
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int(low, high) => {
            let mut number = Map::from_iter([("type".to_owned(), json!("integer"))]);
            if low > i64::MIN {
                number.insert("minimum".to_owned(), json!(low));
            }
            if high < i64::MAX {
                number.insert("maximum".to_owned(), json!(high));
            }
            Value::Object(number)
        }
        Kind::Float => json!({"type": "number"}),
        Kind::Text => json!({"type": "string"}),
        Kind::OneOf(names) => json!({"type": "string", "enum": names}),
        Kind::Object => json!({"type": "object"}),
        Kind::List => json!({"type": "array"}),
        Kind::Objects => json!({"type": "array", "items": {"type": "object"}}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Any => json!({}),
        Kind::Nested(fields) => {
            let properties: Map<String, Value> = fields
                .iter()
                .map(|field| (field.name.to_owned(), property(field)))
                .collect();
            json!({"type": "object", "properties": properties, "additionalProperties": false})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;

    #[test]
    fn the_log_tells_what_happened_and_can_be_asked_for_a_part() {
        let mut sim = Fixture::cluster(2, 2);
        let uid = sim.database(None);
        sim.admin(0, "PUT", &format!("/v1/bdbs/{uid}"), json!({"name": "other"}));
        let all = sim.admin(0, "GET", "/v1/logs", Value::Null).json;
        let types: Vec<&str> = all
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            ["cluster_node_joined", "cluster_bdb_created", "bdb_name_updated"]
        );
        assert_eq!(
            (&all[0]["node_uid"], &all[1]["bdb_uid"]),
            (&json!(2), &json!("1"))
        );
        assert_eq!(
            (&all[2]["old_val"], &all[2]["new_val"]),
            (&json!("db"), &json!("other"))
        );
        let last = sim
            .admin(0, "GET", "/v1/logs?order=desc&limit=1", Value::Null)
            .json;
        assert_eq!(last, json!([all[2]]));
        let since = format!("/v1/logs?stime={}", all[1]["time"].as_str().unwrap());
        assert_eq!(
            sim.admin(0, "GET", &since, Value::Null).json,
            json!([all[1], all[2]])
        );
        assert_eq!(sim.admin(0, "GET", "/v1/logs?order=up", Value::Null).status, 400);
    }

    #[test]
    fn a_schema_tells_fields_types_and_who_sets_them() {
        let mut sim = Fixture::cluster(1, 1);
        let bdb = sim.admin(0, "GET", "/v1/jsonschema?object=bdb", Value::Null).json;
        assert_eq!(bdb["properties"]["status"]["readOnly"], true);
        assert_eq!(
            bdb["properties"]["replication"],
            json!({"type": "boolean", "default": false})
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/jsonschema?object=moon", Value::Null)
                .status,
            406
        );
        let all = sim.admin(0, "GET", "/v1/jsonschema", Value::Null).json;
        assert_eq!(all.as_object().map(Map::len), Some(OBJECTS.len()));
    }
}
