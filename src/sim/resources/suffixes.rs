//! `/v1/suffixes` and `/v1/suffix/{name}`: DNS names of the cluster.

use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::permission::Permission::{UpdateCluster, ViewClusterInfo};
use crate::sim::route::Route;
use crate::sim::schema;
use crate::sim::schema::shape;
use crate::sim::version::Profile::V8_0_20;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/suffixes", ViewClusterInfo, shape::SUFFIXES, list).presumed(),
    Route::new("GET", "/v1/suffix/{name}", ViewClusterInfo, shape::SUFFIX, get).presumed(),
    Route::new("PATCH", "/v1/suffix/{name}", UpdateCluster, shape::SUFFIX, patch).presumed().since(V8_0_20),
    Route::new("DELETE", "/v1/suffix/{name}", UpdateCluster, shape::NOTHING, delete).presumed(),
];

/// Suffixes of a new cluster: those that bootstrap was given, else the cluster's name and its internal twin.
pub(crate) fn fresh(name: &str, given: Option<&Value>) -> Vec<Value> {
    let suffix = |name: String, default: bool, internal: bool, from: &Map<String, Value>| {
        json!({
            "name": name, "default": default, "internal": internal, "mdns": false,
            "slaves": from.get("slaves").cloned().unwrap_or(json!([])),
            "use_aaaa_ns": from.get("use_aaaa_ns").cloned().unwrap_or(json!(false)),
        })
    };
    let flag = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_bool).unwrap_or(false);
    let given: Vec<&Map<String, Value>> = match given {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(one)) => vec![one],
        _ => Vec::new(),
    };
    if given.is_empty() {
        let none = Map::new();
        return vec![
            suffix(name.to_owned(), true, false, &none),
            suffix(format!("internal.{name}"), false, true, &none),
        ];
    }
    let named = |map: &Map<String, Value>| map.get("name").and_then(Value::as_str).unwrap_or(name).to_owned();
    let shown = |map: &&Map<String, Value>| {
        suffix(
            named(map),
            flag(map, "cluster_default"),
            flag(map, "use_internal_addr"),
            map,
        )
    };
    given.iter().map(shown).collect()
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(ctx.cluster.suffixes.clone()))
}

fn place(ctx: &Ctx<'_>) -> Result<usize, ApiError> {
    let name = ctx.call.params.get("name").map_or("", String::as_str);
    let at = ctx
        .cluster
        .suffixes
        .iter()
        .position(|suffix| suffix.get("name") == Some(&json!(name)));
    at.ok_or_else(|| ApiError::not_found(format!("There is no suffix {name}")))
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let at = place(ctx)?;
    Ok(Reply::json(
        ctx.cluster.suffixes.get(at).cloned().unwrap_or_default(),
    ))
}

fn patch(ctx: &mut Ctx<'_>) -> Answer {
    let at = place(ctx)?;
    let suffix = ctx.cluster.suffixes.get(at).and_then(Value::as_object);
    let mut suffix = suffix.cloned().unwrap_or_default();
    suffix.extend(schema::update(
        schema::settings::SUFFIX,
        ctx.env,
        &suffix,
        ctx.call.object()?,
    )?);
    let after = Value::Object(suffix);
    if let Some(kept) = ctx.cluster.suffixes.get_mut(at)
        && *kept != after
    {
        kept.clone_from(&after);
        ctx.commit();
    }
    Ok(Reply::json(after))
}

fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let at = place(ctx)?;
    ctx.cluster.suffixes.remove(at);
    ctx.commit();
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use serde_json::{Value, json};

    #[test]
    fn a_cluster_has_its_name_and_the_internal_one_as_suffixes() {
        let mut sim = Fixture::cluster(1, 1);
        let suffixes = sim.admin(0, "GET", "/v1/suffixes", Value::Null).json;
        assert_eq!(suffixes[0]["name"], "cluster.example.com");
        assert_eq!(suffixes[1]["internal"], true);
        for (method, path, status) in [
            ("GET", "/v1/suffix/internal.cluster.example.com", 200),
            ("GET", "/v1/suffix/other", 404),
            ("DELETE", "/v1/suffix/internal.cluster.example.com", 200),
            ("GET", "/v1/suffix/internal.cluster.example.com", 404),
        ] {
            assert_eq!(
                sim.admin(0, method, path, Value::Null).status,
                status,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn a_change_of_a_suffix_is_its_own_and_stays() {
        let mut sim = Fixture::cluster(1, 1);
        let path = "/v1/suffix/cluster.example.com";
        let mut wanted = sim.admin(0, "GET", "/v1/suffixes", Value::Null).json;
        assert_eq!(wanted[0]["slaves"], json!([]));
        wanted[0]["slaves"] = json!(["192.0.2.53"]);
        let patched = sim.admin(0, "PATCH", path, json!({"slaves": ["192.0.2.53"]}));
        assert_eq!((patched.status, &patched.json), (200, &wanted[0]));
        for (path, body, status) in [
            ("/v1/suffix/other", json!({"slaves": []}), 404),
            (path, json!({"colour": "red"}), 400),
            (path, json!({"slaves": "192.0.2.53"}), 400),
            (path, json!({"default": false}), 400),
            (path, json!({"internal": true}), 400),
            (path, json!({"mdns": true}), 400),
            (path, json!({"use_aaaa_ns": true}), 400),
            (path, json!({"default": true, "internal": false}), 200),
        ] {
            assert_eq!(
                sim.admin(0, "PATCH", path, body.clone()).status,
                status,
                "{path} {body}"
            );
        }
        assert_eq!(sim.admin(0, "GET", "/v1/suffixes", Value::Null).json, wanted);
    }
}
