//! `/v1/usage_report`: a line of JSON for each database, then the MD5 of all of them.

use super::access::scope;
use super::archive::gzip;
use super::bdbs::Database;
use super::md5::md5_hex;
use super::{iso, stats};
use crate::sim::call::{Answer, Ctx, Document, Reply};
use crate::sim::permission::Permission::ViewClusterInfo;
use crate::sim::placement::Role;
use crate::sim::route::Route;
use crate::sim::schema::{self, Kind, event::USAGE, shape};
use crate::sim::version::Profile;
use http::header;
use serde_json::{Value, json};

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[Route::new(
    "GET",
    "/v1/usage_report",
    ViewClusterInfo,
    shape::FILE,
    usage_report,
)
.presumed()
.since(Profile::V7_22_2)];

/// The report, compressed for a caller that takes that; before 8.0 for every caller.
fn usage_report(ctx: &mut Ctx<'_>) -> Answer {
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let mut lines: String = databases
        .filter(|database| scope.has(database.uid))
        .map(|database| format!("{}\n", record(ctx, database)))
        .collect();
    let sum = md5_hex(lines.as_bytes());
    lines.push_str(&sum);
    lines.push('\n');
    let accepted = ctx.call.headers.get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let compress = ctx.env.profile < Profile::V8_0_20 || accepted.split(',').any(takes_gzip);
    Ok(Reply::document(Document {
        content_type: "application/x-ndjson",
        file_name: None,
        gzipped: compress,
        bytes: if compress {
            gzip(lines.as_bytes())
        } else {
            lines.into_bytes()
        },
    }))
}

/// Whether one element of `Accept-Encoding` asks for gzip.
fn takes_gzip(element: &str) -> bool {
    let mut parts = element.split(';').map(str::trim);
    parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"))
        && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
}

/// What a database uses and is promised. There is no traffic, so memory or flash decides.
fn record(ctx: &Ctx<'_>, database: &Database) -> Value {
    let (license, used) = (&ctx.cluster.license, ctx.cluster.databases.shard_counts());
    let modules = database.set.get("module_list").and_then(Value::as_array);
    let has = |name: &str| {
        let mut modules = modules.into_iter().flatten();
        modules.any(|module| module.get("module_name") == Some(&json!(name)))
    };
    let shards = || ctx.cluster.databases.shards.of(database.uid);
    let held: u64 = shards().map(|shard| stats::shard_bytes(ctx.cluster, shard)).sum();
    let masters = shards().filter(|shard| shard.role == Role::Master).count();
    let mut record = json!({
        "cluster_name": ctx.cluster.name,
        "date": ctx.env.now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "software_version": ctx.env.profile.software_version(), "api_version": "1",
        "bdb_uid": database.uid.to_string(), "type": kind(database, modules.is_some_and(|list| !list.is_empty())),
        "shard_type": shard_type(database, masters),
        "dominant_shard_criteria": if database.flag("bigstore") { "rof" } else { "mem" },
        "provisioned_memory": database.set.get("memory_size").and_then(Value::as_u64).unwrap_or(0),
        "used_memory": held, "master_shards_count": masters,
        "no_eviction": database.text("eviction_policy") == "noeviction",
        "persistence": matches!(database.text("data_persistence"), "aof" | "snapshot"),
        "backup": database.flag("backup"), "using_redis_search": has("search"), "ops_sec": 0,
        "replication": database.flag("replication"), "active_active": false,
        "license": {
            "activation_date": iso(license.activation), "expiration_date": iso(license.expiration),
            "ram_shards_in_use": used.ram, "ram_shards_limit": license.ram_shards_limit,
            "flash_shards_in_use": used.flash, "flash_shards_limit": license.flash_shards_limit,
            "shards_limit": license.shards_limit,
        },
    });
    if let (Some(uuid), Some(map)) = (ctx.cluster.settings.get("uuid"), record.as_object_mut()) {
        map.insert("cluster_uuid".to_owned(), uuid.clone());
    }
    schema::trim(Kind::Of(&USAGE), ctx.env.profile, &mut record);
    record
}

/// The words are documented, the line between the first two is not: modules make a database more than a core one here.
fn kind(database: &Database, modules: bool) -> &'static str {
    match (database.flag("bigstore"), modules) {
        (true, _) => "auto_tiering",
        (false, true) => "premium",
        (false, false) => "core",
    }
}

/// The words are documented, the sizes are not: a GiB and the 25 GiB that are advised as a shard's most.
fn shard_type(database: &Database, masters: usize) -> &'static str {
    const GIB: u64 = 1 << 30;
    if database.flag("bigstore") {
        return "auto_tiering";
    }
    let memory = database
        .set
        .get("memory_size")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let shards = u64::try_from(masters).unwrap_or(1).max(1);
    match memory / shards {
        size if size <= GIB => "micro",
        size if size <= 25 * GIB => "normal",
        _ => "large",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Outcome;
    use crate::sim::fixture::{Fixture, LOGIN};
    use crate::sim::ids::NodeIndex;
    use crate::sim::schema::{Shape, event, hold};
    use bytes::Bytes;
    use http::Response;

    fn report(sim: &mut Fixture, encoding: &str) -> Response<Bytes> {
        report_to(sim, LOGIN, encoding)
    }

    fn report_to(sim: &mut Fixture, login: &str, encoding: &str) -> Response<Bytes> {
        let request = http::Request::get("/v1/usage_report")
            .header("authorization", login)
            .header("accept-encoding", encoding);
        match sim
            .world
            .handle(NodeIndex(0), &request.body(Bytes::new()).unwrap())
        {
            Outcome::Reply { response, .. } => response,
            other => panic!("{other:?}"),
        }
    }

    /// What a compressed report holds.
    fn unpacked(answer: &Response<Bytes>) -> Vec<u8> {
        let body = answer.body();
        super::super::inflate::inflate(&body[10..body.len() - 8]).unwrap()
    }

    #[test]
    fn each_database_has_a_line_and_the_last_line_is_their_sum() {
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(report(&mut sim, "").body(), "d41d8cd98f00b204e9800998ecf8427e\n");
        sim.database(None);
        let answer = report(&mut sim, "identity, gzip;q=0");
        let text = std::str::from_utf8(answer.body()).unwrap();
        let (lines, sum) = text.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(sum, md5_hex(format!("{lines}\n").as_bytes()));
        let record: Value = serde_json::from_str(lines).unwrap();
        for (field, want) in [
            ("bdb_uid", json!("1")),
            ("provisioned_memory", json!(268_435_456)),
            ("master_shards_count", json!(1)),
            ("no_eviction", json!(false)),
            ("shard_type", json!("micro")),
        ] {
            assert_eq!(record[field], want, "{field}");
        }
        assert!(record["license"]["shards_limit"].is_u64() && record["cluster_uuid"].is_string());
        let mut reply = Reply::json(record);
        hold(Shape::one(&event::USAGE), Profile::V8_2_0, &mut reply).unwrap();
    }

    #[test]
    fn a_role_for_some_databases_gets_their_lines_only() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        let own = sim.database(None).to_string();
        let resources = json!([{"type": "db", "uids": [own]}]);
        let role = json!({"name": "One", "management": "db_viewer", "resources": resources});
        sim.admin(0, "POST", "/v1/roles", role);
        let user = json!({"email": "db@example.com", "name": "db", "password": "db-pass", "role_uids": [7]});
        sim.admin(0, "POST", "/v1/users", user);
        let answer = report_to(&mut sim, "Basic ZGJAZXhhbXBsZS5jb206ZGItcGFzcw==", "");
        let text = std::str::from_utf8(answer.body()).unwrap();
        let (line, sum) = text.trim_end().split_once('\n').unwrap();
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["bdb_uid"], own);
        assert_eq!(sum, md5_hex(format!("{line}\n").as_bytes()));
    }

    #[test]
    fn a_line_has_the_fields_of_its_version() {
        for (profile, licensed) in [(Profile::V7_22_2, false), (Profile::V8_2_0, true)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            sim.database(None);
            let answer = report(&mut sim, "");
            let body = if answer.headers().contains_key("content-encoding") {
                unpacked(&answer)
            } else {
                answer.body().to_vec()
            };
            let line = body.split(|byte| *byte == b'\n').next().unwrap();
            let record: Value = serde_json::from_slice(line).unwrap();
            assert_eq!(Kind::Of(&USAGE).check(profile, &record), Ok(()), "{record}");
            assert_eq!(record.get("license").is_some(), licensed, "{profile}");
            assert!(record["cluster_uuid"].is_string(), "{profile}");
        }
    }

    #[test]
    fn a_caller_that_takes_gzip_gets_it() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        let plain = report(&mut sim, "deflate");
        let packed = report(&mut sim, "deflate, gzip");
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert_eq!(unpacked(&packed), *plain.body());
    }

    #[test]
    fn before_8_0_the_report_is_compressed_for_everybody() {
        for (profile, encoding) in [(Profile::V7_22_2, Some("gzip")), (Profile::V8_0_20, None)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let answer = report(&mut sim, "");
            let said = answer.headers().get("content-encoding");
            assert_eq!(said.map(|value| value.to_str().unwrap()), encoding, "{profile}");
        }
    }
}
