//! `/v1/logs` (events) and `/v1/jsonschema`.

use super::access::scope;
use super::iso;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::documents::Event;
use crate::sim::permission::Permission::{ViewClusterInfo, ViewLoggedEvents};
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::schema::{self, TABLES};
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/logs", ViewLoggedEvents, shape::EVENTS, logs),
    Route::new("GET", "/v1/jsonschema", ViewClusterInfo, shape::SCHEMA, jsonschema).presumed(),
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
    let number = |key: &str| match query.get(key) {
        None => Ok(None),
        Some(text) => text
            .parse::<usize>()
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("{key}: {text} is not a number"))),
    };
    let (from, to) = (ctx.call.time("stime")?, ctx.call.time("etime")?);
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
    let scope = scope(ctx);
    let in_scope = |event: &&Event| {
        let uid = event.details.get("bdb_uid").and_then(Value::as_str);
        uid.is_none_or(|uid| scope.has_text(uid))
    };
    let mut events: Vec<Value> = ctx
        .cluster
        .documents
        .events
        .iter()
        .filter(within)
        .filter(in_scope)
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

/// The JSON schema of one object, or of all by name.
fn jsonschema(ctx: &mut Ctx<'_>) -> Answer {
    let profile = ctx.env.profile;
    let known = || {
        let tables = TABLES.iter().copied();
        tables.filter(move |table| !table.part && profile >= table.since)
    };
    let Some(name) = ctx.call.query.get("object") else {
        let all = known().map(|table| (table.name.to_owned(), schema::json_schema(table, profile)));
        return Ok(Reply::json(all.collect::<Map<_, _>>()));
    };
    match known().find(|table| table.name == name) {
        Some(table) => Ok(Reply::json(schema::json_schema(table, profile))),
        None => Err(ApiError::not_acceptable(
            "invalid_object",
            format!("there is no object {name}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::version::Profile;

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
        for (query, events) in [
            ("stime=2025-10-14", json!([all[0], all[1], all[2]])),
            ("etime=2025-10-14T00:00:00", json!([])),
            ("offset=1", json!([all[1], all[2]])),
            ("offset=1&limit=1", json!([all[1]])),
            ("offset=1&order=desc", json!([all[1], all[0]])),
            ("offset=2&limit=5", json!([all[2]])),
            ("offset=3", json!([])),
            ("limit=0", json!([])),
        ] {
            let path = format!("/v1/logs?{query}");
            assert_eq!(sim.admin(0, "GET", &path, Value::Null).json, events, "{query}");
        }
        for query in ["order=up", "offset=x", "limit=-1", "stime=soon"] {
            let path = format!("/v1/logs?{query}");
            assert_eq!(sim.admin(0, "GET", &path, Value::Null).status, 400, "{query}");
        }
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
    }

    #[test]
    fn the_objects_of_a_version_have_a_schema() {
        for (profile, has, lacks) in [
            (
                Profile::V8_2_0,
                vec!["sso", "shard", "state-machine", "metrics_config"],
                vec!["license", "tag"],
            ),
            (
                Profile::V7_4_6,
                vec!["bdb", "proxy", "check_result"],
                vec!["sso", "cm_settings"],
            ),
        ] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let all = sim.admin(0, "GET", "/v1/jsonschema", Value::Null).json;
            for name in has {
                assert_eq!(all[name]["type"], "object", "{name} in {profile}");
                let path = format!("/v1/jsonschema?object={name}");
                assert_eq!(sim.admin(0, "GET", &path, Value::Null).json, all[name]);
            }
            for name in lacks {
                let path = format!("/v1/jsonschema?object={name}");
                assert_eq!(
                    sim.admin(0, "GET", &path, Value::Null).code(),
                    "invalid_object",
                    "{name}"
                );
                assert!(all.get(name).is_none(), "{name} in {profile}");
            }
        }
    }
}
