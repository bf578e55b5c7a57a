//! What lies around nodes: proxies, watchdogs, probes and archives for support; and migrations, of which there is none.

use super::access::scope;
use super::archive;
use super::bdbs::existing;
use super::nodes::member;
use crate::sim::auth::{Actor, unauthorized};
use crate::sim::call::{Answer, ApiError, Call, Ctx, Document, Reply};
use crate::sim::ids::NodeUid;
use crate::sim::permission::Permission::{
    UpdateCluster, UpdateProxy, ViewAllProxiesInfo, ViewBdbInfo, ViewClusterInfo, ViewDebuggingInfo,
    ViewNodeInfo, ViewProxyInfo,
};
use crate::sim::route::Route;
use crate::sim::schema::certificate::HASHING;
use crate::sim::schema::module::{PROXY, SET_PROXY};
use crate::sim::schema::{self, Ignored, Phase, shape};
use crate::sim::state::{Member, MemberStatus};
use crate::sim::version::Profile::{V7_8_6, V7_22_2};
use http::StatusCode;
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
    Route::new("GET", "/v1/nodes/debuginfo", ViewDebuggingInfo, shape::FILE, nodes_debuginfo),
    Route::new("GET", "/v1/nodes/{uid}/debuginfo", ViewDebuggingInfo, shape::FILE, node_debuginfo),
    Route::new("GET", "/v1/bdbs/debuginfo", ViewDebuggingInfo, shape::FILE, bdbs_debuginfo),
    Route::new("GET", "/v1/bdbs/{uid}/debuginfo", ViewDebuggingInfo, shape::FILE, bdb_debuginfo),
    Route::new("GET", "/v1/debuginfo/all", ViewDebuggingInfo, shape::FILE, debuginfo),
    Route::new("GET", "/v1/debuginfo/node", ViewDebuggingInfo, shape::FILE, own_debuginfo).local(),
    Route::new("GET", "/v1/debuginfo/all/bdb/{uid}", ViewDebuggingInfo, shape::FILE, bdb_debuginfo),
    Route::new("GET", "/v1/debuginfo/node/bdb/{uid}", ViewDebuggingInfo, shape::FILE, own_bdb_debuginfo).local(),
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

/// The proxy of a dead node is not waited for. One that is not known to be dead and does not run cannot confirm: 504, and
/// nothing has changed.
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
        let (profile, ignored) = (ctx.env.profile, Ignored::by(ctx.env));
        let named = schema::accept(PROXY, profile, Phase::Update, ignored, &current, &settings);
        let mut named = named.map_err(|error| error.with_status(StatusCode::BAD_REQUEST))?;
        let waited_for = |member: &&Member| member.status != MemberStatus::Down;
        let member = ctx.cluster.members.get(&uid).filter(waited_for);
        if member.is_some_and(|member| !ctx.cluster.runs(ctx.env, member)) {
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
    if ctx.call.object()?.is_empty() {
        return Err(ApiError::bad_request("the request is empty").with_code("empty_request"));
    }
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

fn package(text: &str) -> Reply {
    Reply::document(Document {
        content_type: "application/x-gzip",
        file_name: Some("debuginfo.tar.gz"),
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
    Ok(package(&text))
}

fn nodes_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let nodes = ctx.cluster.members.keys();
    Ok(package(
        &nodes.map(|uid| format!("node {uid}\n")).collect::<String>(),
    ))
}

fn node_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let member = member(ctx)?;
    let uid = member.uid;
    if !ctx.cluster.runs(ctx.env, member) {
        let text = format!("node {uid} does not answer");
        return Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "debuginfo_failed",
            text,
        ));
    }
    Ok(package(&format!("node {uid}\n")))
}

fn bdbs_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter().map(|database| database.uid);
    let databases = databases.filter(|uid| scope.has(*uid));
    Ok(package(
        &databases
            .map(|uid| format!("database {uid}\n"))
            .collect::<String>(),
    ))
}

fn bdb_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    Ok(package(&format!("database {uid}\n")))
}

/// The node that received the call.
fn this_node(ctx: &Ctx<'_>) -> Option<NodeUid> {
    let mut members = ctx.cluster.members.values();
    members
        .find(|member| member.host == ctx.node)
        .map(|member| member.uid)
}

fn own_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let uid = this_node(ctx).ok_or_else(|| ApiError::not_found("this node is no member"))?;
    Ok(package(&format!("node {uid}\n")))
}

fn own_bdb_debuginfo(ctx: &mut Ctx<'_>) -> Answer {
    let bdb = existing(ctx)?;
    let uid = this_node(ctx).ok_or_else(|| ApiError::not_found("this node is no member"))?;
    Ok(package(&format!("database {bdb} on node {uid}\n")))
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
    use crate::sim::Outcome;
    use crate::sim::fixture::{Fixture, LOGIN};
    use crate::sim::ids::NodeIndex;
    use crate::sim::resources::inflate::inflate;
    use crate::sim::switch::{Switch, Switches};
    use crate::sim::version::Profile::{V8_0_20, V8_2_0};

    #[test]
    fn fields_that_a_proxy_does_not_have_or_that_nobody_sets_are_ignored_where_a_switch_says_so() {
        for (switch, proxy) in [
            (Switch::UnknownFieldsIgnored, json!({"colour": "red"})),
            (Switch::ReadOnlyFieldsIgnored, json!({"uid": 9})),
        ] {
            for (switches, status) in [
                (Switches::default(), 400),
                (Switches::default().with(switch), 200),
            ] {
                let mut sim = Fixture::cluster_with(1, 1, switches);
                let put = sim.admin(0, "PUT", "/v1/proxies/1", json!({"proxy": proxy}));
                assert_eq!(put.status, status, "{proxy}");
            }
        }
    }

    #[test]
    fn a_proxy_is_changed_alone_or_with_all_and_a_dead_one_is_not_waited_for() {
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
        for path in ["/v1/proxies/3", "/v1/proxies"] {
            let silent = sim.admin(0, "PUT", path, json!({"proxy": {"threads": 6}}));
            assert_eq!((silent.status, silent.code()), (504, "proxy_timeout"), "{path}");
        }
        assert_eq!(threads(&mut sim), [5, 5, 5]);
        sim.pass(60);
        let alone = json!({"proxy": {"threads": 7}});
        assert_eq!(sim.admin(0, "PUT", "/v1/proxies/3", alone).status, 200);
        assert_eq!(threads(&mut sim), [5, 5, 7]);
        let all = json!({"proxy": {"threads": 8}});
        assert_eq!(sim.admin(0, "PUT", "/v1/proxies", all).status, 200);
        assert_eq!(threads(&mut sim), [8, 8, 8]);
        for (path, body, status) in [
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
    fn the_proxy_of_a_new_node_evicts_clients_since_8_0_20() {
        for (profile, evicts) in [(V7_22_2, false), (V8_0_20, true), (V8_2_0, true)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let proxy = sim.admin(0, "GET", "/v1/proxies/1", Value::Null).json;
            assert_eq!(proxy["client_eviction"], evicts, "{profile}");
            let body = json!({"proxy": {"client_eviction": !evicts}});
            assert_eq!(sim.admin(0, "PUT", "/v1/proxies/1", body).status, 200);
            let proxy = sim.admin(0, "GET", "/v1/proxies/1", Value::Null).json;
            assert_eq!(proxy["client_eviction"], !evicts);
        }
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

    /// The text in the archive for support that a node sends.
    fn support(sim: &mut Fixture, node: usize, path: &str) -> String {
        let request = http::Request::get(path).header("authorization", LOGIN);
        let outcome = sim
            .world
            .handle(NodeIndex(node), &request.body(bytes::Bytes::new()).unwrap());
        let Outcome::Reply { response, .. } = outcome else {
            panic!("no reply")
        };
        assert_eq!(response.status(), 200, "{path}");
        let (headers, archive) = (response.headers(), response.body());
        assert_eq!(headers["content-type"], "application/x-gzip");
        assert_eq!(
            headers["content-disposition"],
            "attachment; filename=debuginfo.tar.gz"
        );
        assert_eq!(archive[..2], [0x1f, 0x8b]);
        let tar = inflate(&archive[10..archive.len() - 8]).unwrap();
        let text = tar[512..].split(|byte| *byte == 0).next().unwrap();
        String::from_utf8(text.to_vec()).unwrap()
    }

    #[test]
    fn every_archive_for_support_is_about_what_its_path_names() {
        let mut sim = Fixture::cluster(2, 2);
        sim.database(None);
        sim.database(None);
        for (path, text) in [
            (
                "/v1/cluster/debuginfo",
                "cluster cluster.example.com with 2 nodes\n",
            ),
            ("/v1/debuginfo/all", "cluster cluster.example.com with 2 nodes\n"),
            ("/v1/nodes/debuginfo", "node 1\nnode 2\n"),
            ("/v1/nodes/2/debuginfo", "node 2\n"),
            ("/v1/debuginfo/node", "node 1\n"),
            ("/v1/bdbs/debuginfo", "database 1\ndatabase 2\n"),
            ("/v1/bdbs/2/debuginfo", "database 2\n"),
            ("/v1/debuginfo/all/bdb/2", "database 2\n"),
            ("/v1/debuginfo/node/bdb/2", "database 2 on node 1\n"),
        ] {
            assert_eq!(support(&mut sim, 0, path), text, "{path}");
        }
        assert_eq!(
            support(&mut sim, 1, "/v1/debuginfo/node"),
            "node 2\n",
            "whichever node is asked"
        );
        let own = support(&mut sim, 1, "/v1/debuginfo/node/bdb/1");
        assert_eq!(own, "database 1 on node 2\n");
        for path in [
            "/v1/nodes/9/debuginfo",
            "/v1/bdbs/9/debuginfo",
            "/v1/debuginfo/all/bdb/9",
            "/v1/debuginfo/node/bdb/9",
        ] {
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, 404, "{path}");
        }
    }
}
