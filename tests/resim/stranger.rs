//! A client that nobody here wrote does a whole round on every version: the Python bindings of the crate `redis-enterprise`,
//! whose answers are decoded into types of its own.

use crate::guide::run;
use crate::world::{ADMIN, Resim};
use std::process::Command;

const ROUND: &str = r#"
import json, sys, urllib.request
from redis_enterprise import EnterpriseClient

node, admin, user, password = sys.argv[1:]
rs = EnterpriseClient("https://" + node, user, password, insecure=True)

def minute():
    body = json.dumps({"seconds": 60}).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{admin}/advance", body).read()

assert rs.cluster_info_sync()["name"] == "rs.example.com"
assert rs.license_sync()["expired"] is False
assert "intervals" in rs.cluster_stats_sync()
assert [node["status"] for node in rs.nodes_sync()] == ["active"] * 3
assert rs.databases_sync() == []

supported = rs.node_sync(1)["supported_database_versions"]
newest = max((row["redis_version"] for row in supported if row["db_type"] == "redis"), key=lambda v: [*map(int, v.split("."))])
made = rs.post_sync("/v1/bdbs", {"name": "sessions", "memory_size": 1 << 28, "redis_version": newest})
uid = made["uid"]
assert rs.get_sync("/v1/actions/" + made["action_uid"])["status"] == "active"
minute()
database = rs.database_sync(uid)
assert (database["status"], database["name"]) == ("active", "sessions"), database
assert database["endpoints"][0]["port"] > 0
assert [row["uid"] for row in rs.databases_sync()] == [uid]

alert = {"bdb_size": {"enabled": True, "threshold": "80"}}
assert rs.post_sync(f"/v1/bdbs/alerts/{uid}", alert)["bdb_size"]["enabled"] is True
assert rs.get_sync(f"/v1/bdbs/alerts/{uid}/bdb_size")["threshold"] == "80"
copy = rs.post_sync("/v1/bdbs", {"name": "copy", "memory_size": 1 << 28, "redis_version": newest, "replication": True})
minute()
assert sorted(shard["role"] for shard in rs.get_sync(f"/v1/bdbs/{copy['uid']}/shards")) == ["master", "slave"]

made = rs.post_sync("/v1/users", {"email": "d@example.com", "name": "D", "password": "d-Pass-1", "role": "db_viewer"})
assert {row["email"] for row in rs.users_sync()} == {user, "d@example.com"}
try:
    EnterpriseClient("https://" + node, "d@example.com", "d-Pass-1", insecure=True).post_sync("/v1/bdbs", {"name": "x"})
    raise SystemExit("a viewer created a database")
except RuntimeError as refused:
    assert "403" in str(refused), refused
rs.delete_sync(f"/v1/users/{made['uid']}")
for gone in (uid, copy["uid"]):
    rs.delete_sync(f"/v1/bdbs/{gone}")
minute()
assert {row["email"] for row in rs.users_sync()} == {user}
assert rs.databases_sync() == []
try:
    rs.database_sync(uid)
    raise SystemExit("a deleted database was shown")
except ValueError:
    pass
"#;

#[test]
fn a_client_that_others_wrote_does_a_whole_round_on_every_version() {
    let there = Command::new("python3")
        .args(["-c", "import redis_enterprise"])
        .output();
    assert!(
        there.is_ok_and(|output| output.status.success()),
        "Python's redis-enterprise is missing; tests/programs.sh installs it below target/python"
    );
    for profile in ["7.4", "7.8", "7.22", "8.0", "8.2"] {
        let sim = Resim::cluster(&["--profile", profile]);
        let admin = sim.ready["admin_port"].to_string();
        let arguments = ["python3", "-c", ROUND, &sim.node(0), &admin, ADMIN.0, ADMIN.1];
        run(&sim.folder, &arguments);
    }
}
