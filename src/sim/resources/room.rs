//! What lies around nodes: proxies, watchdogs, probes, archives for support, database certificates, and the paths
//! of Active-Active databases, which are not simulated.

use super::access::scope;
use super::archive;
use super::bdbs::{Database, existing};
use super::iso;
use super::nodes::member;
use crate::sim::auth::{Actor, unauthorized};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Call, Ctx, Document, Reply};
use crate::sim::certs::{self, CertError, Rules, read_bundle};
use crate::sim::ids::NodeUid;
use crate::sim::permission::Permission::{
    UpdateBdb, UpdateCluster, UpdateProxy, ViewAllBdbsInfo, ViewAllProxiesInfo, ViewBdbInfo, ViewClusterInfo,
    ViewDebuggingInfo, ViewNodeInfo, ViewProxyInfo,
};
use crate::sim::route::Route;
use crate::sim::schema::bdb_parts::SET_CERTIFICATE;
use crate::sim::schema::certificate::HASHING;
use crate::sim::schema::module::{PROXY, SET_PROXY};
use crate::sim::schema::{self, Phase, shape};
use crate::sim::state::MemberStatus;
use crate::sim::switch::Switch;
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/proxies", ViewAllProxiesInfo, shape::PROXIES, proxies),
    Route::new("PUT", "/v1/proxies", UpdateProxy, shape::NOTHING, put_proxies),
    Route::new("GET", "/v1/proxies/{uid}", ViewProxyInfo, shape::PROXY, proxy),
    Route::new("PUT", "/v1/proxies/{uid}", UpdateProxy, shape::NOTHING, put_proxy),
    Route::new("GET", "/v1/local/node/master_healthcheck", ViewClusterInfo, shape::HEALTHCHECK, master_healthcheck).anonymous().local(),
    Route::new("GET", "/v1/nodes/wd_status", ViewNodeInfo, shape::WATCHDOGS, watchdogs).presumed().since(V7_8_6),
    Route::new("GET", "/v1/nodes/{uid}/wd_status", ViewNodeInfo, shape::WATCHDOG, watchdog).presumed().since(V7_8_6),
    Route::new("GET", "/v1/cluster/witness_disk", ViewClusterInfo, shape::WITNESS_DISK, witness_disk).presumed().since(V7_8_6),
    Route::new("PATCH", "/v1/cluster/change_password_hashing_algorithm", UpdateCluster, shape::NOTHING, change_hashing).since(V7_8_6),
    Route::new("GET", "/v1/cluster/debuginfo", ViewDebuggingInfo, shape::FILE, debuginfo),
    Route::new("GET", "/v1/nodes/debuginfo", ViewDebuggingInfo, shape::FILE, debuginfo),
    Route::new("GET", "/v1/nodes/{uid}/debuginfo", ViewDebuggingInfo, shape::FILE, node_debuginfo),
    Route::new("GET", "/v1/bdbs/debuginfo", ViewDebuggingInfo, shape::FILE, debuginfo),
    Route::new("GET", "/v1/bdbs/{uid}/debuginfo", ViewDebuggingInfo, shape::FILE, bdb_debuginfo),
    Route::new("GET", "/v1/debuginfo/all", ViewDebuggingInfo, shape::FILE, debuginfo),
    Route::new("GET", "/v1/debuginfo/node", ViewDebuggingInfo, shape::FILE, debuginfo),
    Route::new("GET", "/v1/debuginfo/all/bdb/{uid}", ViewDebuggingInfo, shape::FILE, bdb_debuginfo),
    Route::new("GET", "/v1/debuginfo/node/bdb/{uid}", ViewDebuggingInfo, shape::FILE, bdb_debuginfo),
    Route::new("GET", "/v1/bdbs/certificates", ViewAllBdbsInfo, shape::BDB_CERTIFICATES, bdb_certificates).since(V8_0_20),
    Route::new("GET", "/v1/bdbs/{uid}/certificates", ViewBdbInfo, shape::BDB_CERTIFICATE, bdb_certificate).since(V8_0_20),
    Route::new("POST", "/v1/bdbs/{uid}/certificates", UpdateBdb, shape::BDB_CERTIFICATE, set_bdb_certificate).since(V8_0_20),
    Route::new("DELETE", "/v1/bdbs/{uid}/certificates", UpdateBdb, shape::NOTHING, delete_bdb_certificate).since(V8_0_20),
    Route::new("GET", "/v1/migrations/{uid}", ViewBdbInfo, shape::MIGRATION, migration).since(V7_22_2),
];

fn proxy_path(uid: NodeUid) -> String {
    format!("/v1/proxies/{uid}")
}

fn proxy_of(ctx: &Ctx<'_>, uid: NodeUid) -> Map<String, Value> {
    let mut proxy = schema::defaults(PROXY, ctx.env.profile);
    proxy.extend(
        ctx.cluster
            .documents
            .single(&proxy_path(uid))
            .cloned()
            .unwrap_or_default(),
    );
    proxy.insert("uid".to_owned(), json!(uid.0));
    proxy
}

fn proxies(ctx: &mut Ctx<'_>) -> Answer {
    let all = ctx
        .cluster
        .members
        .keys()
        .map(|uid| Value::Object(proxy_of(ctx, *uid)));
    Ok(Reply::json(all.collect::<Vec<_>>()))
}

fn proxy(ctx: &mut Ctx<'_>) -> Answer {
    let uid = member(ctx)?.uid;
    Ok(Reply::json(proxy_of(ctx, uid)))
}

fn put_proxies(ctx: &mut Ctx<'_>) -> Answer {
    let uids = ctx.cluster.members.keys().copied().collect();
    set_proxies(ctx, uids)
}

fn put_proxy(ctx: &mut Ctx<'_>) -> Answer {
    let uid = member(ctx)?.uid;
    set_proxies(ctx, vec![uid])
}

/// A proxy that does not run cannot confirm: 504, and nothing has changed.
fn set_proxies(ctx: &mut Ctx<'_>, uids: Vec<NodeUid>) -> Answer {
    let mut body = ctx.body(&SET_PROXY)?;
    let settings = body.remove("proxy");
    let settings = settings
        .as_ref()
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut changed = Vec::new();
    for uid in uids {
        let current = proxy_of(ctx, uid);
        let mut named = schema::accept(PROXY, ctx.env.profile, Phase::Update, false, &current, &settings)
            .map_err(|mut error| {
                error.status = StatusCode::BAD_REQUEST;
                error
            })?;
        let down = ctx
            .cluster
            .members
            .get(&uid)
            .is_none_or(|member| member.status == MemberStatus::Down);
        if down {
            let text = format!("the proxy of node {uid} did not confirm the change");
            return Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "proxy_timeout", text));
        }
        let mut proxy = current;
        proxy.append(&mut named);
        changed.push((proxy_path(uid), proxy));
    }
    for (path, proxy) in changed {
        ctx.cluster.documents.set_single(&path, proxy);
    }
    ctx.commit();
    Ok(Reply::empty())
}

/// Whether this node reaches the master. Needs no credentials if the policy says so.
fn master_healthcheck(ctx: &mut Ctx<'_>) -> Answer {
    let open = ctx.cluster.policy.get("master_healthcheck_api_auth") == Some(&json!(false));
    if ctx.call.actor == Actor::Anonymous && !open {
        return Err(unauthorized());
    }
    let master = ctx.cluster.master.and_then(|uid| ctx.cluster.members.get(&uid));
    let reaches =
        ctx.cluster.has_quorum(ctx.env) && master.is_some_and(|master| ctx.cluster.runs(ctx.env, master));
    Ok(Reply::json(
        json!({"status": if reaches { "active" } else { "inactive" }}),
    ))
}

fn wd_status(ctx: &Ctx<'_>, uid: NodeUid) -> Value {
    let member = ctx.cluster.members.get(&uid);
    let alive = member.is_some_and(|member| member.status != MemberStatus::Down);
    json!({"node_uid": uid.to_string(), "status": if alive { "ok" } else { "unreachable" }})
}

fn watchdogs(ctx: &mut Ctx<'_>) -> Answer {
    let all: Map<String, Value> = ctx
        .cluster
        .members
        .keys()
        .map(|uid| (uid.to_string(), wd_status(ctx, *uid)))
        .collect();
    Ok(Reply::json(all))
}

fn watchdog(ctx: &mut Ctx<'_>) -> Answer {
    let uid = member(ctx)?.uid;
    Ok(Reply::json(wd_status(ctx, uid)))
}

fn witness_disk(_: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(json!({})))
}

/// 400 for the algorithm that is in use already.
fn change_hashing(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&HASHING)?;
    let wanted = body.get("algorithm").and_then(Value::as_str).unwrap_or_default();
    if ctx.cluster.settings.get("password_hashing_algorithm") == Some(&json!(wanted)) {
        return Err(ApiError::bad_request(format!("{wanted} is in use already")));
    }
    ctx.cluster
        .settings
        .insert("password_hashing_algorithm".to_owned(), json!(wanted));
    ctx.commit();
    Ok(Reply::empty())
}

fn package(name: &'static str, text: &str) -> Reply {
    Reply::document(Document {
        content_type: "application/x-gzip",
        file_name: Some(name),
        gzipped: false,
        bytes: archive::tar_gz("debuginfo.txt", text.as_bytes()),
    })
}

fn debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let text = format!(
        "cluster {} with {} nodes\n",
        ctx.cluster.name,
        ctx.cluster.members.len()
    );
    Ok(package("debuginfo.tar.gz", &text))
}

fn node_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let uid = member(ctx)?.uid;
    Ok(package("debuginfo.tar.gz", &format!("node {uid}\n")))
}

fn bdb_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    Ok(package("debuginfo.tar.gz", &format!("database {uid}\n")))
}

fn certificate_path(database: &Database) -> String {
    format!("/v1/bdbs/{}/certificates", database.uid)
}

fn certificate_of(ctx: &Ctx<'_>, database: &Database) -> Option<Value> {
    let kept = ctx.cluster.documents.single(&certificate_path(database))?;
    let pem = kept.get("cert").and_then(Value::as_str).unwrap_or_default();
    let bundle = read_bundle(pem).ok()?;
    let leaf = bundle.first()?;
    let time = |secs: i64| Timestamp::from_second(secs).ok().map(iso);
    Some(json!({
        "bdb_uid": database.uid.to_string(), "cert": pem, "not_before": time(leaf.not_before),
        "not_after": time(leaf.not_after),
    }))
}

fn database<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid);
    database.ok_or_else(|| ApiError::not_found(format!("database {uid} does not exist")))
}

fn bdb_certificate(ctx: &mut Ctx<'_>) -> Answer {
    let database = database(ctx)?;
    certificate_of(ctx, database).map(Reply::json).ok_or_else(|| {
        ApiError::not_found(format!("database {} has no certificate of its own", database.uid))
    })
}

/// Pages of the databases' certificates, filtered by end and by the databases' TLS mode.
fn bdb_certificates(ctx: &mut Ctx<'_>) -> Answer {
    let query = &ctx.call.query;
    let number = |key: &str, default: usize| match query.get(key) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| ApiError::bad_request(format!("{key}: {text} is not a number from 1"))),
    };
    let (page, size) = (number("page", 1)?, number("page_size", 100)?);
    let before = match query.get("expires_before") {
        None => None,
        Some(text) => Some(
            text.parse::<Timestamp>()
                .map_err(|_| ApiError::bad_request("expires_before: a time is wanted"))?,
        ),
    };
    let mode = query.get("tls_mode");
    let of_mode = |database: &&Database| {
        mode.is_none_or(|mode| {
            database.text("tls_mode") == mode || (mode == "disabled" && database.text("tls_mode").is_empty())
        })
    };
    let ends = |certificate: &Value| {
        certificate
            .get("not_after")
            .and_then(|text| text.as_str()?.parse::<Timestamp>().ok())
    };
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter().filter(of_mode);
    let databases = databases.filter(|database| scope.has(database.uid));
    let all = databases.filter_map(|database| certificate_of(ctx, database));
    let all = all
        .filter(|certificate| before.is_none_or(|before| ends(certificate).is_some_and(|end| end < before)));
    Ok(Reply::json(
        all.skip((page - 1).saturating_mul(size))
            .take(size)
            .collect::<Vec<_>>(),
    ))
}

fn set_bdb_certificate(ctx: &mut Ctx<'_>) -> Answer {
    let path = certificate_path(database(ctx)?);
    let body = ctx.call.object()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    schema::closed(&SET_CERTIFICATE, ctx.env.profile, &body)?;
    let row = certs::named("proxy", ctx.env.profile)
        .ok_or_else(|| ApiError::bad_request("certificates are not known"))?;
    let rules = Rules {
        now: ctx.env.now,
        profile: ctx.env.profile,
        internode_clients: true,
        names_wanted: ctx.env.has(Bug::NamelessChainRefused),
        strict_usage: !ctx.env.on(Switch::LenientCertificateUsage),
        ciphers: ctx
            .cluster
            .settings
            .get("data_cipher_list")
            .and_then(Value::as_str),
    };
    certs::check(row, text("cert"), text("private_key"), rules).map_err(|error| match error {
        CertError::Invalid(why) => ApiError::new(StatusCode::BAD_REQUEST, "invalid_certificate", why),
        CertError::Expired(why) => ApiError::not_acceptable("certificate_expired", why),
    })?;
    let before = ctx.cluster.documents.single(&path).cloned();
    ctx.cluster.documents.set_single(&path, body);
    let shown = certificate_of(ctx, database(ctx)?).unwrap_or_default();
    if ctx.call.dry_run() {
        match before {
            Some(before) => ctx.cluster.documents.set_single(&path, before),
            None => _ = ctx.cluster.documents.clear_single(&path),
        }
    } else {
        ctx.commit();
    }
    Ok(Reply::json(shown))
}

fn delete_bdb_certificate(ctx: &mut Ctx<'_>) -> Answer {
    let database = database(ctx)?;
    let (uid, path) = (database.uid, certificate_path(database));
    if !ctx.cluster.documents.clear_single(&path) {
        return Err(ApiError::not_found(format!(
            "database {uid} has no certificate of its own"
        )));
    }
    ctx.commit();
    Ok(Reply::empty())
}

/// No migration was ever started: the call that starts one is not documented.
fn migration(ctx: &mut Ctx<'_>) -> Answer {
    let Call { params, .. } = ctx.call;
    let uid = params.get("uid").map_or("", String::as_str);
    Err(ApiError::not_found(format!("there is no migration {uid}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;

    #[test]
    fn a_proxy_is_changed_alone_or_with_all_and_a_dead_one_does_not_confirm() {
        let mut sim = Fixture::cluster(3, 3);
        let body = json!({"allow_restart": true, "proxy": {"threads": 5}});
        assert_eq!(sim.admin(0, "PUT", "/v1/proxies/2", body.clone()).status, 200);
        let threads = |sim: &mut Fixture| {
            let all = sim.admin(0, "GET", "/v1/proxies", Value::Null).json;
            all.as_array()
                .unwrap()
                .iter()
                .map(|proxy| proxy["threads"].as_u64().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(threads(&mut sim), [3, 5, 3]);
        assert_eq!(sim.admin(0, "PUT", "/v1/proxies", body.clone()).status, 200);
        assert_eq!(threads(&mut sim), [5, 5, 5]);
        sim.world.crash(NodeIndex(2));
        sim.pass(60);
        for (path, body, status) in [
            ("/v1/proxies/3", body, 504),
            ("/v1/proxies/9", json!({"proxy": {"threads": 5}}), 404),
            ("/v1/proxies/1", json!({"proxy": {"threads": 257}}), 400),
            ("/v1/proxies/1", json!({"threads": 5}), 400),
        ] {
            assert_eq!(sim.admin(0, "PUT", path, body).status, status, "{path}");
        }
    }

    #[test]
    fn the_probe_of_the_master_needs_credentials_unless_the_policy_frees_it() {
        let mut sim = Fixture::cluster(3, 3);
        let path = "/v1/local/node/master_healthcheck";
        assert_eq!(sim.send(1, "GET", path, None, Value::Null).status, 401);
        sim.admin(
            0,
            "PUT",
            "/v1/cluster/policy",
            json!({"master_healthcheck_api_auth": false}),
        );
        assert_eq!(
            sim.send(1, "GET", path, None, Value::Null).json["status"],
            "active"
        );
        sim.world.crash(NodeIndex(0));
        sim.world.crash(NodeIndex(2));
        assert_eq!(
            sim.send(1, "GET", path, None, Value::Null).json["status"],
            "inactive"
        );
    }

    #[test]
    fn what_never_was_says_so() {
        let mut sim = Fixture::cluster(1, 1);
        for (method, path, status, code) in [
            ("GET", "/v1/migrations/x", 404, "not_found"),
            ("GET", "/v1/nodes/wd_status", 200, ""),
            ("GET", "/v1/cluster/witness_disk", 200, ""),
        ] {
            let reply = sim.admin(0, method, path, Value::Null);
            assert_eq!((reply.status, reply.code()), (status, code), "{method} {path}");
        }
    }

    #[test]
    fn the_hashing_algorithm_changes_once() {
        let mut sim = Fixture::cluster(1, 1);
        let path = "/v1/cluster/change_password_hashing_algorithm";
        for (algorithm, status) in [("SHA-256", 400), ("MD5", 400), ("PBKDF2", 200), ("PBKDF2", 400)] {
            assert_eq!(
                sim.admin(0, "PATCH", path, json!({"algorithm": algorithm}))
                    .status,
                status
            );
        }
    }

    #[test]
    fn an_archive_for_support_is_a_gzip_file() {
        let mut sim = Fixture::cluster(1, 1);
        let request =
            http::Request::get("/v1/cluster/debuginfo").header("authorization", crate::sim::fixture::LOGIN);
        let outcome = sim
            .world
            .handle(NodeIndex(0), &request.body(bytes::Bytes::new()).unwrap());
        let crate::sim::Outcome::Reply { response, .. } = outcome else {
            panic!("no reply")
        };
        assert_eq!(response.headers()["content-type"], "application/x-gzip");
        assert!(response.headers().contains_key("content-disposition"));
        assert_eq!(response.body()[..2], [0x1f, 0x8b]);
    }
}
