//! `/v1/nodes`: members, their status, checks and snapshots.

use super::{describe, iso, spaced};
use crate::sim::bootstrap::is_rack_id;
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::NodeUid;
use crate::sim::permission::Permission::{UpdateNode, ViewAllNodesInfo, ViewNodeCheck, ViewNodeInfo};
use crate::sim::route::Route;
use crate::sim::schema;
use crate::sim::schema::shape;
use crate::sim::state::{Cluster, Env, Member, MemberStatus, Snapshot};
use crate::sim::switch::Switch;
use crate::sim::version::Profile::V7_8_6;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/nodes", ViewAllNodesInfo, shape::NODES, list),
    Route::new("GET", "/v1/nodes/{uid}", ViewNodeInfo, shape::NODE, get),
    Route::new("PUT", "/v1/nodes/{uid}", UpdateNode, shape::NOTHING, put),
    Route::new("GET", "/v1/nodes/status", ViewNodeInfo, shape::NODE_STATUSES, statuses),
    Route::new("GET", "/v1/nodes/{uid}/status", ViewNodeInfo, shape::NODE_STATUS, status),
    Route::new("GET", "/v1/nodes/check/{uid}", ViewNodeCheck, shape::NODE_CHECK, check),
    Route::new("GET", "/v1/nodes/{uid}/snapshots", ViewNodeInfo, shape::SNAPSHOTS, snapshots),
    Route::new("POST", "/v1/nodes/{uid}/snapshots/{name}", UpdateNode, shape::SNAPSHOT, take_snapshot).presumed().since(V7_8_6),
    Route::new("DELETE", "/v1/nodes/{uid}/snapshots/{name}", UpdateNode, shape::SNAPSHOT, delete_snapshot),
];

/// The member that the path names.
pub(crate) fn member<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Member, ApiError> {
    let uid: NodeUid = ctx.call.param("uid")?;
    ctx.cluster.members.get(&uid).ok_or_else(|| not_found(uid))
}

fn not_found(uid: NodeUid) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "node_not_found",
        format!("Node {uid} does not exist"),
    )
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let nodes = ctx
        .cluster
        .members
        .values()
        .map(|member| Value::Object(shown(ctx.cluster, ctx.env, member)));
    Ok(Reply::json(nodes.collect::<Vec<_>>()))
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(shown(ctx.cluster, ctx.env, member(ctx)?)))
}

/// A node object.
pub(crate) fn shown(cluster: &Cluster, env: &Env, member: &Member) -> Map<String, Value> {
    let shards = cluster.databases.shards_on(member.uid);
    let flash = shards.iter().filter(|shard| shard.flash).count();
    let own = json!({
        "uid": member.uid.0,
        "status": match member.status {
            MemberStatus::Active => "active",
            MemberStatus::Decommissioning if env.on(Switch::RemovingNodeStaysActive) => "active",
            MemberStatus::Decommissioning => "decommissioning",
            MemberStatus::Down => "down",
            MemberStatus::Provisioning => "provisioning",
        },
        "addr": member.addr,
        "external_addr": member.external_addr,
        "rack_id": member.rack_id,
        "second_rack_id": member.second_rack_id,
        "accept_servers": member.accept_servers,
        "max_listeners": member.max_listeners,
        "max_redis_servers": member.max_redis_servers,
        "shard_count": shards.len(),
        "shard_list": shards.iter().map(|shard| shard.uid.0).collect::<Vec<_>>(),
        "ram_shard_count": shards.len() - flash,
        "flash_shard_count": flash,
        "system_time": iso(env.now),
    });
    let mut node = env
        .node(member.host)
        .map(|host| describe(env, host))
        .unwrap_or_default();
    node.extend(schema::defaults(schema::node::FIELDS, env.profile));
    node.extend(member.extra.clone());
    if let Value::Object(own) = own {
        node.extend(own);
    }
    let flash = env.node(member.host).map(|host| host.config.flash_bytes);
    if let (Some(Value::Bool(true)), Some(flash)) = (node.get("bigstore_enabled"), flash) {
        node.insert("bigstore_size".to_owned(), json!(flash));
    }
    node
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let found = member(ctx).map(|member| (member.clone(), shown(ctx.cluster, ctx.env, member)));
    let (mut changed, before) = found.map_err(|mut error| {
        if ctx.env.on(Switch::UnknownNode406) {
            error.status = StatusCode::NOT_ACCEPTABLE;
        }
        error
    })?;
    let mut update = schema::update(schema::node::FIELDS, ctx.env, &before, ctx.call.object()?)?;
    if ctx.env.on(Switch::NodeAcceptServersInverted)
        && let Some(Value::Bool(accepts)) = update.get_mut("accept_servers")
    {
        *accepts = !*accepts;
    }
    check_update(ctx, &changed, &update)?;
    for (name, value) in update {
        apply(&mut changed, name, value);
    }
    let after = shown(ctx.cluster, ctx.env, &changed);
    let reopened = ctx
        .cluster
        .members
        .get(&changed.uid)
        .is_some_and(|member| member.closed != changed.closed);
    if (after != before || reopened) && !ctx.call.dry_run() {
        ctx.cluster.members.insert(changed.uid, changed);
        ctx.commit();
    }
    Ok(Reply::empty())
}

fn check_update(ctx: &Ctx<'_>, member: &Member, update: &Map<String, Value>) -> Result<(), ApiError> {
    let refuse = |code: &str, text: &str| Err(ApiError::not_acceptable(code, text));
    let text = |key: &str| update.get(key).and_then(Value::as_str);
    check_addresses(member, update)?;
    if text("addr").is_some_and(|addr| addr != member.addr) && member.status != MemberStatus::Down {
        return refuse(
            "node_not_offline",
            "The address of a node can change only while it is offline",
        );
    }
    let same_none = |rack: &&str| rack.is_empty() && member.rack_id.is_empty();
    if let Some(rack) = text("rack_id").filter(|rack| !same_none(rack)) {
        let same = rack.eq_ignore_ascii_case(&member.rack_id) && ctx.env.on(Switch::SameRackIdAccepted);
        if !member.rack_id.is_empty() && !same {
            return refuse("node_already_has_rack_id", "The node has a rack_id");
        }
    }
    let wrong = |key: &&str| text(key).is_some_and(|rack| !rack.is_empty() && !is_rack_id(rack));
    if let Some(key) = ["rack_id", "second_rack_id"].into_iter().find(wrong) {
        return Err(ApiError::bad_request(format!("{key} is not the id of a rack")));
    }
    let shards =
        ctx.cluster.databases.shards_on(member.uid).len() + ctx.cluster.databases.endpoints_on(member.uid);
    if update.get("accept_servers") == Some(&json!(false)) && member.accept_servers && shards > 0 {
        return refuse("node_already_populated", "The node holds shards or endpoints");
    }
    Ok(())
}

/// Addresses that the node does not have yet are those of IP.
fn check_addresses(member: &Member, update: &Map<String, Value>) -> Result<(), ApiError> {
    let given = |key: &str| update.get(key).into_iter();
    let external = given("external_addr").filter_map(Value::as_array).flatten();
    let mut addresses = given("addr").chain(external).filter_map(Value::as_str);
    let has = |address: &str| member.addr == address || member.external_addr.iter().any(|own| own == address);
    match addresses.find(|address| !has(address) && address.parse::<IpAddr>().is_err()) {
        Some(wrong) => Err(ApiError::bad_request(format!("{wrong:?} is no IP address"))),
        None => Ok(()),
    }
}

fn apply(member: &mut Member, name: String, value: Value) {
    let text = || value.as_str().unwrap_or_default().to_owned();
    match name.as_str() {
        "addr" => member.addr = text(),
        "rack_id" => member.rack_id = text(),
        "second_rack_id" => member.second_rack_id = text(),
        "external_addr" => member.external_addr = serde_json::from_value(value).unwrap_or_default(),
        "accept_servers" => {
            member.accept_servers = value.as_bool().unwrap_or(true);
            // Asking for shards explicitly undoes what a removal that failed left behind.
            member.closed &= !member.accept_servers;
        }
        "max_listeners" => member.max_listeners = value.as_u64().unwrap_or(100),
        "max_redis_servers" => member.max_redis_servers = value.as_u64().unwrap_or(100),
        _ => {
            member.extra.insert(name, value);
        }
    }
}

fn statuses(ctx: &mut Ctx<'_>) -> Answer {
    let all = ctx.cluster.members.values();
    let all: Map<_, _> = all
        .map(|member| (member.uid.to_string(), status_of(ctx.cluster, ctx.env, member)))
        .collect();
    Ok(Reply::json(all))
}

fn status(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(status_of(ctx.cluster, ctx.env, member(ctx)?)))
}

/// What `/v1/nodes/status` says of one node. A node that is down says little.
fn status_of(cluster: &Cluster, env: &Env, member: &Member) -> Value {
    let role = if cluster.master == Some(member.uid) {
        "master"
    } else {
        "slave"
    };
    let Some(node) = env.node(member.host) else {
        return json!({"role": role});
    };
    if member.status == MemberStatus::Down {
        return json!({"hostname": node.config.name, "role": role, "node_status": "down"});
    }
    let shards = cluster.databases.shards_on(member.uid);
    let of_role = |master: bool| {
        shards
            .iter()
            .filter(|shard| shard.master == master)
            .map(|shard| shard.uid.0)
            .collect::<Vec<_>>()
    };
    let used: u64 = shards.iter().map(|shard| shard.memory_bytes).sum();
    let in_maintenance = maintenance_snapshot(member).is_some();
    let full = shards.len() as u64 >= member.max_redis_servers && env.has(Bug::FullNodeShowsNoRam);
    let total = if in_maintenance || full {
        0
    } else {
        node.config.memory_bytes / 100 * 88
    };
    let mut status = json!({
        "cores": node.config.cores,
        "hostname": node.config.name,
        "role": role,
        "node_status": match member.status {
            MemberStatus::Decommissioning if !env.on(Switch::RemovingNodeStaysActive) => "decommissioning",
            MemberStatus::Provisioning => "provisioning",
            MemberStatus::Active | MemberStatus::Decommissioning | MemberStatus::Down => "active",
        },
        "free_ram": node.config.memory_bytes.saturating_sub(used),
        "total_memory": node.config.memory_bytes,
        "free_provisional_ram": total.saturating_sub(used),
        "total_provisional_ram": total,
        "node_overbooking_depth": 0,
        "master_shards": of_role(true),
        "slave_shards": of_role(false),
        "software_version": node.software_version,
        "software_version_sha": "6c37b1483b5fb6110c8055c1526aa58eec1d29d3519e92310859101419248831",
    });
    if let (Some(snapshot), Some(map)) = (maintenance_snapshot(member), status.as_object_mut()) {
        map.insert(
            "maintenance_snapshot".to_owned(),
            snapshot_shown(member, snapshot),
        );
    }
    status
}

/// The snapshot that says that a node is in maintenance, or left it uncleanly: the latest.
pub(crate) fn maintenance_snapshot(member: &Member) -> Option<&Snapshot> {
    member
        .snapshots
        .iter()
        .rev()
        .find(|snapshot| snapshot.maintenance)
}

fn snapshot_shown(member: &Member, snapshot: &Snapshot) -> Value {
    json!({"created_time": spaced(snapshot.created), "name": snapshot.name, "node_uid": member.uid.to_string()})
}

fn check(ctx: &mut Ctx<'_>) -> Answer {
    let member = member(ctx)?;
    Ok(Reply::json(check_result(
        ctx.cluster,
        ctx.env,
        member,
        json!(member.uid.0),
    )))
}

/// Outcome of a node's checks, with its uid as the caller shows it.
pub(crate) fn check_result(cluster: &Cluster, env: &Env, member: &Member, uid: Value) -> Value {
    let node = env.node(member.host);
    let stopped = node.and_then(|node| node.stopped.first());
    let flaw = node.and_then(|node| node.flaws.iter().next());
    if let Some(service) = stopped {
        let error =
            format!("process {service} is not running or not responding ([Errno 111] Connection refused)");
        json!({"node_uid": uid, "result": false, "error": error})
    } else if let Some((name, flaw)) = flaw {
        json!({"node_uid": uid, "result": false, "error": flaw.complaint(name)})
    } else if cluster.runs(env, member) {
        json!({"node_uid": uid, "result": true})
    } else {
        json!({"node_uid": uid, "result": false, "error": "failed to connect to the node"})
    }
}

fn snapshots(ctx: &mut Ctx<'_>) -> Answer {
    let member = member(ctx)?;
    let shown = member
        .snapshots
        .iter()
        .map(|snapshot| snapshot_shown(member, snapshot));
    Ok(Reply::json(shown.collect::<Vec<_>>()))
}

fn take_snapshot(ctx: &mut Ctx<'_>) -> Answer {
    let name = ctx.call.params.get("name").cloned().unwrap_or_default();
    let mut changed = member(ctx)?.clone();
    if changed.snapshots.iter().any(|snapshot| snapshot.name == name) {
        return Err(ApiError::conflict(
            "snapshot_exists",
            format!("There is a snapshot {name}"),
        ));
    }
    changed.snapshots.push(Snapshot {
        name,
        created: ctx.env.now,
        maintenance: false,
        accept_servers: changed.accept_servers,
        max_listeners: changed.max_listeners,
        layout: ctx.cluster.databases.layout(),
    });
    let shown = changed
        .snapshots
        .last()
        .map(|snapshot| snapshot_shown(&changed, snapshot));
    ctx.cluster.members.insert(changed.uid, changed);
    ctx.commit();
    Ok(Reply::json(shown.unwrap_or_default()))
}

fn delete_snapshot(ctx: &mut Ctx<'_>) -> Answer {
    let name = ctx.call.params.get("name").cloned().unwrap_or_default();
    let mut changed = member(ctx)?.clone();
    let at = changed
        .snapshots
        .iter()
        .position(|snapshot| snapshot.name == name);
    let at = at.ok_or_else(|| ApiError::not_found(format!("There is no snapshot {name}")))?;
    let snapshot = changed.snapshots.remove(at);
    if snapshot.maintenance {
        return Err(ApiError::forbidden(
            "maintenance_snapshot",
            "The snapshot belongs to maintenance mode",
        ));
    }
    let shown = snapshot_shown(&changed, &snapshot);
    ctx.cluster.members.insert(changed.uid, changed);
    ctx.commit();
    Ok(Reply::json(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;
    use crate::sim::switch::Switches;
    use crate::sim::version::Profile;

    #[test]
    fn a_node_object_has_the_captured_fields_and_no_role() {
        let mut sim = Fixture::cluster(2, 2);
        let nodes = sim.admin(0, "GET", "/v1/nodes", Value::Null).json;
        assert_eq!(nodes.as_array().map(Vec::len), Some(2));
        for (field, value) in [
            ("uid", json!(2)),
            ("status", json!("active")),
            ("addr", json!("10.0.0.2")),
            ("accept_servers", json!(true)),
            ("max_redis_forks", json!(-1)),
            ("shard_list", json!([])),
            ("software_version", json!("8.2.0-25")),
        ] {
            assert_eq!(nodes[1][field], value, "{field}");
        }
        assert!(nodes[1].get("role").is_none());
    }

    #[test]
    fn every_refusal_of_an_update_has_its_status_and_code() {
        for (path, body, status, code) in [
            ("/v1/nodes/1", json!({"max_listeners": 50}), 200, ""),
            (
                "/v1/nodes/1",
                json!({"addr": "10.0.0.9"}),
                406,
                "node_not_offline",
            ),
            ("/v1/nodes/1", json!({"addr": "10.0.0.1"}), 200, ""),
            ("/v1/nodes/1", json!({"addr": "n1"}), 400, "invalid_schema"),
            (
                "/v1/nodes/1",
                json!({"external_addr": ["192.0.2.1", "n1"]}),
                400,
                "invalid_schema",
            ),
            (
                "/v1/nodes/1",
                json!({"external_addr": ["192.0.2.1", "2001:db8::1"]}),
                200,
                "",
            ),
            ("/v1/nodes/1", json!({"rack_id": ""}), 200, ""),
            ("/v1/nodes/1", json!({"rack_id": "1a"}), 400, "invalid_schema"),
            (
                "/v1/nodes/1",
                json!({"second_rack_id": "rack-"}),
                400,
                "invalid_schema",
            ),
            ("/v1/nodes/1", json!({"second_rack_id": ""}), 200, ""),
            (
                "/v1/nodes/2",
                json!({"rack_id": "b"}),
                406,
                "node_already_has_rack_id",
            ),
            (
                "/v1/nodes/2",
                json!({"rack_id": "a"}),
                406,
                "node_already_has_rack_id",
            ),
            ("/v1/nodes/1", json!({"cores": 1}), 400, "invalid_schema"),
            ("/v1/nodes/1", json!({"nonsense": 1}), 400, "invalid_schema"),
            ("/v1/nodes/9", json!({}), 404, "node_not_found"),
            ("/v1/nodes/x", json!({}), 404, ""),
        ] {
            let mut sim = Fixture::cluster(2, 2);
            assert_eq!(
                sim.admin(0, "PUT", "/v1/nodes/2", json!({"rack_id": "a"})).status,
                200
            );
            let reply = sim.admin(0, "PUT", path, body.clone());
            assert_eq!((reply.status, reply.code()), (status, code), "{path} {body}");
        }
    }

    #[test]
    fn limits_of_a_node_can_be_changed_since_7_22() {
        for (profile, status) in [(Profile::V7_8_6, 400), (Profile::V7_22_2, 200)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            for limit in ["max_listeners", "max_redis_servers"] {
                let mut put = |value: u64| sim.admin(0, "PUT", "/v1/nodes/1", json!({limit: value})).status;
                assert_eq!(put(50), status, "{limit} in {profile}");
            }
        }
    }

    #[test]
    fn a_node_with_flash_tells_how_much() {
        for (enabled, shown) in [(true, json!(7_u64 << 30)), (false, Value::Null)] {
            let mut sim = Fixture::cluster(1, 2);
            sim.world.env.nodes[1].config.flash_bytes = 7 << 30;
            let mut body = sim.join_body(1);
            body["node"]["bigstore_enabled"] = json!(enabled);
            assert_eq!(sim.bootstrap_error(1, body), "");
            let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
            assert_eq!(node["bigstore_size"], shown);
        }
    }

    #[test]
    fn a_node_that_was_read_can_be_written_back() {
        let mut sim = Fixture::cluster(1, 1);
        let mut node = sim.admin(0, "GET", "/v1/nodes/1", Value::Null).json;
        sim.pass(60);
        node["max_listeners"] = json!(50);
        let written = sim.admin(0, "PUT", "/v1/nodes/1", node);
        assert_eq!(written.status, 200, "{written:?}");
        let node = sim.admin(0, "GET", "/v1/nodes/1", Value::Null).json;
        assert_eq!(node["max_listeners"], 50);
        let other = sim.admin(0, "PUT", "/v1/nodes/1", json!({"cores": 1}));
        assert_eq!(other.status, 400);
    }

    #[test]
    fn doubts_about_updates_have_another_side() {
        let switches = Switches::default()
            .with(Switch::SameRackIdAccepted)
            .with(Switch::UnknownNode406);
        let mut sim = Fixture::cluster_with(1, 1, switches);
        sim.admin(0, "PUT", "/v1/nodes/1", json!({"rack_id": "a"}));
        assert_eq!(
            sim.admin(0, "PUT", "/v1/nodes/1", json!({"rack_id": "A"})).status,
            200
        );
        assert_eq!(sim.admin(0, "PUT", "/v1/nodes/9", json!({})).status, 406);
    }

    #[test]
    fn accept_servers_of_an_update_is_read_either_way() {
        for (switches, sent, shown) in [
            (Switches::default(), false, false),
            (Switches::default(), true, true),
            (
                Switches::default().with(Switch::NodeAcceptServersInverted),
                true,
                false,
            ),
            (
                Switches::default().with(Switch::NodeAcceptServersInverted),
                false,
                true,
            ),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let body = json!({"accept_servers": sent});
            assert_eq!(sim.admin(0, "PUT", "/v1/nodes/1", body).status, 200);
            let node = sim.admin(0, "GET", "/v1/nodes/1", Value::Null).json;
            assert_eq!(node["accept_servers"], shown);
        }
    }

    #[test]
    fn exactly_one_node_is_master_and_a_dead_master_is_followed_by_another() {
        let mut sim = Fixture::cluster(3, 3);
        let masters = |status: &Value| -> Vec<String> {
            let nodes = status.as_object().unwrap().iter();
            nodes
                .filter(|(_, node)| node["role"] == "master")
                .map(|(uid, _)| uid.clone())
                .collect()
        };
        assert_eq!(
            masters(&sim.admin(0, "GET", "/v1/nodes/status", Value::Null).json),
            ["1"]
        );
        sim.world.crash(NodeIndex(0));
        sim.pass(7);
        assert_eq!(
            sim.admin(1, "GET", "/v1/nodes", Value::Null).status,
            503,
            "a leader is being elected"
        );
        sim.pass(30);
        let status = sim.admin(1, "GET", "/v1/nodes/status", Value::Null).json;
        assert_eq!(
            (masters(&status), &status["1"]["node_status"]),
            (vec!["2".to_owned()], &json!("down"))
        );
        assert_eq!(
            sim.admin(1, "GET", "/v1/nodes/1", Value::Null).json["status"],
            "down"
        );
        sim.world.power_on(NodeIndex(0));
        sim.pass(30);
        assert_eq!(
            sim.admin(1, "GET", "/v1/nodes/1", Value::Null).json["status"],
            "active"
        );
    }

    #[test]
    fn without_a_majority_nothing_of_the_cluster_is_answered() {
        let mut sim = Fixture::cluster(3, 3);
        sim.world.crash(NodeIndex(0));
        sim.world.crash(NodeIndex(1));
        let reply = sim.admin(2, "GET", "/v1/nodes", Value::Null);
        assert_eq!((reply.status, reply.code()), (503, "no_quorum"));
        assert_eq!(
            sim.admin(2, "GET", "/v1/bootstrap", Value::Null).status,
            200,
            "local"
        );
    }

    #[test]
    fn snapshots_are_listed_deleted_and_protected() {
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(
            sim.admin(0, "POST", "/v1/nodes/1/snapshots/mine", Value::Null)
                .status,
            200
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/1/snapshots", Value::Null).json[0]["node_uid"],
            "1"
        );
        assert_eq!(
            sim.admin(0, "DELETE", "/v1/nodes/1/snapshots/mine", Value::Null)
                .json["name"],
            "mine"
        );
        for path in ["/v1/nodes/1/snapshots/mine", "/v1/nodes/9/snapshots/mine"] {
            assert_eq!(sim.admin(0, "DELETE", path, Value::Null).status, 404, "{path}");
        }
    }
}
