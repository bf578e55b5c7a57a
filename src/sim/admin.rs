//! What the operator of the simulator, not its client, can ask and do: counting, faults, time, power and changes behind the
//! API's back. Pure; `serve` gives it a port of its own.

use super::fault::FaultPlan;
use super::ids::{BdbUid, NodeIndex};
use super::storage::FileState;
use super::world::World;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

/// Status and JSON body.
pub(crate) type AdminReply = (u16, Value);

/// Every request that `answer` knows, for its own error message and for documentation.
pub const ADMIN_ROUTES: &[(&str, &str, &str)] = &[
    (
        "GET",
        "/state",
        "nodes, clusters, simulated time, numbers of requests",
    ),
    (
        "GET",
        "/log",
        "the latest requests; ?since=N leaves out those up to number N",
    ),
    ("GET", "/violations", "every broken invariant so far"),
    (
        "GET",
        "/bdbs/{uid}",
        "one database with its passwords, of the only cluster",
    ),
    (
        "PUT",
        "/bdbs/{uid}",
        "changes fields of a database behind the API's back",
    ),
    ("DELETE", "/bdbs/{uid}", "the database is gone, at once"),
    (
        "GET",
        "/faults",
        "the fault plan, with how many requests each rule has matched",
    ),
    (
        "POST",
        "/faults",
        "replaces the fault plan by the one in the body",
    ),
    (
        "POST",
        "/advance",
        "lets {\"seconds\": N} of simulated time pass at once",
    ),
    (
        "POST",
        "/nodes/{index}/crash",
        "the node loses power; indices count from 0",
    ),
    (
        "POST",
        "/nodes/{index}/freeze",
        "the node accepts connections and answers nothing",
    ),
    ("POST", "/nodes/{index}/start", "the node runs again"),
    (
        "POST",
        "/nodes/{index}/clock",
        "the node's own clock is {\"seconds\": N} ahead of the others",
    ),
    (
        "POST",
        "/nodes/{index}/reinstall",
        "the software is installed anew: the node belongs to no cluster; {\"wipe\": true} empties its disk, {\"software_version\": V} installs another version",
    ),
    (
        "GET",
        "/nodes/{index}/files",
        "what is on the node's persistent storage",
    ),
    (
        "POST",
        "/nodes/{index}/files",
        "{\"path\": P, \"state\": S}: a left file becomes sound, unreadable, corrupted or missing",
    ),
    (
        "POST",
        "/nodes/{index}/mount",
        "{\"from\": N, \"path\": P}: copies what is on the storage of node N to P on this one",
    ),
];

/// Answers one admin request.
pub(crate) fn answer(world: &mut World, method: &str, path: &str, query: &str, body: &[u8]) -> AdminReply {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    world.revision += u64::from(method != "GET");
    match (method, segments.as_slice()) {
        ("GET", ["state"]) => (200, state(world)),
        ("GET", ["log"]) => log(world, query),
        ("GET", ["violations"]) => (200, json!(world.violations())),
        ("GET", ["bdbs", uid]) => database(world, uid),
        ("PUT", ["bdbs", uid]) => edit(world, uid, body),
        ("DELETE", ["bdbs", uid]) if uid.parse().is_ok_and(|uid| world.drop_database(uid)) => done(),
        ("DELETE", ["bdbs", _]) => refuse(404, "no such database"),
        ("GET", ["faults"]) => (200, shown_faults(world)),
        ("POST", ["faults"]) => faults(world, body),
        ("POST", ["advance"]) => advance(world, body),
        ("GET", ["nodes", index, "files"]) => match machine(world, index) {
            Ok(index) => (200, json!(world.files(index))),
            Err(reply) => reply,
        },
        ("POST", ["nodes", index, action]) => match machine(world, index) {
            Ok(index) => act(world, index, action, body),
            Err(reply) => reply,
        },
        _ => {
            let known: Vec<String> = ADMIN_ROUTES
                .iter()
                .map(|(method, path, _)| format!("{method} {path}"))
                .collect();
            refuse(404, format!("{method} {path} is not one of {}", known.join(", ")))
        }
    }
}

fn refuse(status: u16, why: impl Into<String>) -> AdminReply {
    (status, json!({"error": why.into()}))
}

fn done() -> AdminReply {
    (200, json!({}))
}

fn state(world: &World) -> Value {
    let nodes: Vec<Value> = world
        .env
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            json!({
                "index": index,
                "name": node.config.name,
                "address": node.config.address,
                "port": node.config.port,
                "uid": world.uid(NodeIndex(index)).map(|uid| uid.0),
                "power": format!("{:?}", node.power).to_lowercase(),
            })
        })
        .collect();
    let clusters: Vec<Value> = world
        .clusters
        .values()
        .map(|cluster| {
            json!({
                "name": cluster.name,
                "master": cluster.master.map(|uid| uid.0),
                "state_id": cluster.state_id,
                "nodes": cluster.members.keys().map(|uid| uid.0).collect::<Vec<_>>(),
                "bdbs": cluster.databases.iter().map(|database| {
                    json!({"uid": database.uid.0, "name": database.text("name"), "status": database.status.as_str()})
                }).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "now": world.now().to_string(),
        "nodes": nodes,
        "clusters": clusters,
        "requests": world.totals(),
        "violations": world.violations().len(),
    })
}

fn log(world: &World, query: &str) -> AdminReply {
    let since = query.split('&').find_map(|pair| pair.strip_prefix("since="));
    let Ok(since) = since.map_or(Ok(0), str::parse::<u64>) else {
        return refuse(400, "since: a number is wanted");
    };
    (200, json!(world.log_since(since)))
}

fn faults(world: &mut World, body: &[u8]) -> AdminReply {
    match serde_json::from_slice::<FaultPlan>(body) {
        Ok(plan) => match plan.check(world.env.nodes.len()) {
            Ok(()) => {
                world.set_faults(plan);
                done()
            }
            Err(why) => refuse(400, format!("not a fault plan: {why}")),
        },
        Err(error) => refuse(400, format!("not a fault plan: {error}")),
    }
}

fn shown_faults(world: &World) -> Value {
    let rules = world.faults().iter().map(|(rule, matched)| {
        let mut shown = json!(rule);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("matched".to_owned(), json!(matched));
        }
        shown
    });
    json!({"rules": rules.collect::<Vec<_>>()})
}

/// `{"seconds": N}`
fn seconds(body: &[u8]) -> Option<f64> {
    let body = serde_json::from_slice::<Value>(body).ok()?;
    body.get("seconds")?.as_f64()
}

fn advance(world: &mut World, body: &[u8]) -> AdminReply {
    let step = seconds(body)
        .filter(|seconds| *seconds >= 0.0)
        .and_then(|secs| SignedDuration::try_from_secs_f64(secs).ok());
    match step.and_then(|step| world.now().checked_add(step).ok()) {
        Some(to) => {
            world.advance(to);
            (200, json!({"now": world.now().to_string()}))
        }
        None => refuse(400, "seconds: a number that is not negative is wanted"),
    }
}

/// The machine that a path names.
fn machine(world: &World, index: &str) -> Result<NodeIndex, AdminReply> {
    let last = world.env.nodes.len().saturating_sub(1);
    let index = index.parse::<usize>().ok().filter(|index| *index <= last);
    index
        .map(NodeIndex)
        .ok_or_else(|| refuse(404, format!("there are nodes 0 to {last}")))
}

fn act(world: &mut World, index: NodeIndex, action: &str, bytes: &[u8]) -> AdminReply {
    let body = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(body)) => body,
        Ok(Value::Null) => Map::new(),
        Err(_) if bytes.is_empty() => Map::new(),
        Ok(_) | Err(_) => return refuse(400, "a JSON object is wanted"),
    };
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match action {
        "crash" => world.crash(index),
        "freeze" => world.freeze(index),
        "start" => world.power_on(index),
        "reinstall" if body.get("wipe") == Some(&json!(true)) => world.wipe(index),
        "reinstall" => world.reinstall(index),
        "clock" => match seconds(bytes) {
            #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough")]
            Some(seconds) => world.set_clock(index, seconds as i64),
            None => return refuse(400, "seconds: a number is wanted"),
        },
        "files" => return spoil(world, index, &body),
        "mount" => return mount(world, index, &body),
        _ => {
            let known = "crash, freeze, start, clock, reinstall, files or mount is wanted";
            return refuse(404, known);
        }
    }
    if let (Some(version), "reinstall") = (text("software_version"), action) {
        world.set_software(index, version);
    }
    done()
}

fn spoil(world: &mut World, index: NodeIndex, body: &Map<String, Value>) -> AdminReply {
    let path = body.get("path").and_then(Value::as_str).unwrap_or_default();
    let state = body.get("state").cloned().unwrap_or_default();
    match serde_json::from_value::<FileState>(state) {
        Ok(state) if world.spoil(index, path, state) => done(),
        Ok(_) => refuse(404, format!("no file {path:?} is left there")),
        Err(error) => refuse(400, format!("state: {error}")),
    }
}

fn mount(world: &mut World, to: NodeIndex, body: &Map<String, Value>) -> AdminReply {
    let path = body
        .get("path")
        .and_then(Value::as_str)
        .filter(|path| path.starts_with('/'));
    let from = body.get("from").map(ToString::to_string).unwrap_or_default();
    match (machine(world, &from), path) {
        (Ok(from), Some(path)) => (200, json!({"files": world.mount(from, to, path)})),
        (Err(reply), _) => reply,
        (Ok(_), None) => refuse(400, "path: an absolute path is wanted"),
    }
}

fn database(world: &World, uid: &str) -> AdminReply {
    let uid = uid.parse().map(BdbUid);
    let found = uid.ok().and_then(|uid| {
        world
            .clusters
            .values()
            .find_map(|cluster| cluster.databases.get(uid))
    });
    match found {
        Some(database) => (
            200,
            json!({
                "uid": database.uid.0,
                "status": database.status.as_str(),
                "port": database.port,
                "passwords": database.passwords,
                "admin_password": database.admin_password,
                "set": database.set,
            }),
        ),
        None => refuse(404, "no such database"),
    }
}

fn edit(world: &mut World, uid: &str, body: &[u8]) -> AdminReply {
    let fields = match serde_json::from_slice::<Map<String, Value>>(body) {
        Ok(fields) => fields,
        Err(error) => return refuse(400, format!("not a JSON object: {error}")),
    };
    if uid.parse().is_ok_and(|uid| world.edit_database(uid, fields)) {
        done()
    } else {
        refuse(404, "no such database")
    }
}

impl World {
    /// Sets fields of a database without a request, as somebody with another tool would; `null` takes a field back to its
    /// default. Gives whether there is such a database.
    pub fn edit_database(&mut self, uid: u64, fields: Map<String, Value>) -> bool {
        let now = self.now();
        let found = self
            .clusters
            .values_mut()
            .find(|cluster| cluster.databases.contains(BdbUid(uid)));
        let Some(cluster) = found else { return false };
        cluster.state_id += 1;
        let Some(database) = cluster.databases.get_mut(BdbUid(uid)) else {
            return false;
        };
        for (field, value) in fields {
            if value.is_null() {
                database.set.remove(&field);
            } else {
                database.set.insert(field, value);
            }
        }
        database.changed = now;
        true
    }

    /// Address and port of a node's REST API; none for a node that does not exist.
    #[must_use]
    pub fn address_of(&self, node: NodeIndex) -> Option<(String, u16)> {
        let config = &self.env.node(node)?.config;
        Some((config.address.clone(), config.port))
    }

    /// Removes a database without a request, at once. Gives whether there was one.
    pub fn drop_database(&mut self, uid: u64) -> bool {
        let found = self
            .clusters
            .values_mut()
            .find(|cluster| cluster.databases.contains(BdbUid(uid)));
        let Some(cluster) = found else { return false };
        cluster.databases.remove(BdbUid(uid));
        cluster.state_id += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::testbed::Bed;

    fn ask(bed: &mut Bed, method: &str, path: &str, body: &Value) -> AdminReply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        answer(&mut bed.world, method, path, query, body.to_string().as_bytes())
    }

    fn with_database() -> Bed {
        let mut bed = Bed::new();
        bed.database(
            json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2", "max_connections": 5}),
        );
        bed
    }

    #[test]
    fn the_state_counts_requests_and_effects() {
        let mut bed = with_database();
        let (status, state) = ask(&mut bed, "GET", "/state", &Value::Null);
        assert_eq!(
            (status, &state["clusters"][0]["bdbs"][0]["status"]),
            (200, &json!("active"))
        );
        assert_eq!(
            state["requests"],
            json!({"total": 3, "with_effect": 2, "by_method": {"GET": 1, "POST": 1, "PUT": 1}})
        );
        assert_eq!(
            ask(&mut bed, "GET", "/log?since=2", &Value::Null)
                .1
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        assert_eq!(ask(&mut bed, "GET", "/log?since=x", &Value::Null).0, 400);
    }

    #[test]
    fn a_database_changes_and_goes_behind_the_apis_back() {
        let mut bed = with_database();
        let requests = bed.world.log().len();
        assert_eq!(
            ask(
                &mut bed,
                "PUT",
                "/bdbs/1",
                &json!({"eviction_policy": "noeviction", "max_connections": null})
            )
            .0,
            200
        );
        assert_eq!(bed.world.log().len(), requests);
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(
            (&shown["eviction_policy"], &shown["max_connections"]),
            (&json!("noeviction"), &json!(0))
        );
        assert_eq!(ask(&mut bed, "DELETE", "/bdbs/1", &Value::Null).0, 200);
        assert_eq!(bed.ok("GET", "/v1/bdbs", Value::Null), json!([]));
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(ask(&mut bed, method, "/bdbs/1", &json!({})).0, 404, "{method}");
        }
    }

    #[test]
    fn time_power_and_faults_are_set() {
        let mut bed = with_database();
        let before = bed.world.now();
        assert_eq!(ask(&mut bed, "POST", "/advance", &json!({"seconds": 60})).0, 200);
        assert_eq!(bed.world.now(), before + SignedDuration::from_secs(60));
        assert_eq!(ask(&mut bed, "POST", "/advance", &json!({"seconds": -1})).0, 400);
        assert_eq!(ask(&mut bed, "POST", "/nodes/2/crash", &Value::Null).0, 200);
        assert!(!bed.world.listens(NodeIndex(2)));
        assert_eq!(ask(&mut bed, "POST", "/nodes/2/start", &Value::Null).0, 200);
        assert!(bed.world.listens(NodeIndex(2)));
        assert_eq!(ask(&mut bed, "POST", "/nodes/9/crash", &Value::Null).0, 404);
        let plan = json!({"rules": [{"path": "/v1/bdbs", "effect": {"status": {"code": 503}}}]});
        assert_eq!(ask(&mut bed, "POST", "/faults", &plan).0, 200);
        assert_eq!(bed.call("GET", "/v1/bdbs", Value::Null).0, 503);
        let shown = ask(&mut bed, "GET", "/faults", &Value::Null).1;
        assert_eq!(
            (&shown["rules"][0]["path"], &shown["rules"][0]["matched"]),
            (&json!("/v1/bdbs"), &json!(1))
        );
        for wrong in [
            json!({"rule": []}),
            json!({"rules": [{"node": 9, "effect": "reset"}]}),
        ] {
            assert_eq!(ask(&mut bed, "POST", "/faults", &wrong).0, 400, "{wrong}");
        }
        assert_eq!(
            ask(&mut bed, "POST", "/nodes/2/clock", &json!({"seconds": 90})).0,
            200
        );
        assert_eq!(bed.world.env.nodes[2].config.clock_skew_secs, 90);
        assert_eq!(ask(&mut bed, "POST", "/nodes/2/clock", &json!({})).0, 400);
    }

    #[test]
    fn a_machine_can_be_installed_anew_and_its_disk_looked_at_mounted_and_spoiled() {
        let mut bed = with_database();
        let path = "/var/opt/redislabs/persist/ccs/ccs-redis.rdb";
        assert_eq!(ask(&mut bed, "POST", "/nodes/2/reinstall", &Value::Null).0, 200);
        let (status, files) = ask(&mut bed, "GET", "/nodes/2/files", &Value::Null);
        assert_eq!(
            (status, &files[0]["path"], &files[0]["state"]),
            (200, &json!(path), &json!("sound"))
        );
        let mount = json!({"from": 2, "path": "/mnt/old"});
        let version = json!({"wipe": true, "software_version": "9.9.9-9"});
        assert_eq!(ask(&mut bed, "POST", "/nodes/1/reinstall", &version).0, 200);
        assert_eq!(bed.world.env.nodes[1].software_version, "9.9.9-9");
        assert_eq!(
            ask(&mut bed, "POST", "/nodes/1/mount", &mount),
            (200, json!({"files": 1}))
        );
        let mounted = "/mnt/old/ccs/ccs-redis.rdb";
        for (body, status) in [
            (json!({"path": mounted, "state": "corrupted"}), 200),
            (json!({"path": mounted, "state": "missing"}), 200),
            (json!({"path": mounted, "state": "sound"}), 404),
            (json!({"path": path, "state": "melted"}), 400),
        ] {
            assert_eq!(ask(&mut bed, "POST", "/nodes/1/files", &body).0, status, "{body}");
        }
        for (body, status) in [
            (json!({"from": 9, "path": "/mnt"}), 404),
            (json!({"from": 2, "path": "mnt"}), 400),
        ] {
            assert_eq!(ask(&mut bed, "POST", "/nodes/1/mount", &body).0, status, "{body}");
        }
        assert_eq!(ask(&mut bed, "POST", "/nodes/1/reinstall", &json!([1])).0, 400);
    }

    #[test]
    fn an_unknown_request_is_told_what_there_is() {
        let (status, body) = ask(&mut Bed::new(), "GET", "/nope", &Value::Null);
        assert_eq!(status, 404);
        for (method, path, _) in ADMIN_ROUTES {
            assert!(
                body["error"]
                    .as_str()
                    .unwrap()
                    .contains(&format!("{method} {path}"))
            );
        }
    }
}
