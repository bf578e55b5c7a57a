//! Plans by which `POST /v2/bdbs` loads a new database from the files of an old one.

use super::recovery::{Found, files, slots_text};
use crate::sim::ids::BdbUid;
use crate::sim::state::{Cluster, Env};
use crate::sim::storage::FileState;
use serde_json::Value;
use std::collections::BTreeMap;

/// The shards of a database of old, whose files a new one is loaded from.
#[derive(Debug)]
pub(super) struct Planned(BTreeMap<String, Vec<PlannedShard>>);

/// Where a shard was.
#[derive(Debug)]
struct PlannedShard {
    uid: String,
    node: String,
}

impl Planned {
    /// Both forms of a plan, by slots: what the shards were, and which files there are of them.
    pub(super) fn of(shards: &[Value]) -> Self {
        let mut parts: BTreeMap<String, Vec<PlannedShard>> = BTreeMap::new();
        for shard in shards {
            let text = |keys: &[&str]| {
                let text = keys.iter().find_map(|key| shard.get(*key)?.as_str());
                text.unwrap_or_default().to_owned()
            };
            let planned = PlannedShard {
                uid: text(&["uid", "shard_uid"]),
                node: text(&["node_uid"]),
            };
            let slots = text(&["assigned_slots", "shard_slots"]);
            parts.entry(slots).or_default().push(planned);
        }
        Self(parts)
    }

    /// How many shards that are not replicas it is of.
    pub(super) fn parts(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// Fills the new database, whose creation fails in the end if a part has no file where the plan says.
    pub(super) fn load(&self, cluster: &mut Cluster, env: &Env, uid: BdbUid) {
        let bytes = self.bytes(cluster, env);
        let Some(database) = cluster.databases.get_mut(uid) else {
            return;
        };
        match bytes {
            Some(bytes) => database.data_bytes = bytes,
            None if database.failing.is_none() => database.failing = Some("missing_files".to_owned()),
            None => {}
        }
    }

    fn bytes(&self, cluster: &Cluster, env: &Env) -> Option<u64> {
        let files = files(cluster, env, |_| true);
        let of_part = |(slots, shards): (&String, &Vec<PlannedShard>)| {
            let named = |file: &&Found| {
                let is = |shard: &PlannedShard| {
                    shard.uid == file.data.shard.to_string() && shard.node == file.node.to_string()
                };
                file.state == FileState::Sound
                    && *slots == slots_text(file.data.slots)
                    && shards.iter().any(is)
            };
            let latest = files.iter().filter(named);
            latest
                .max_by_key(|file| (file.modified, file.data.bytes))
                .map(|file| file.data.bytes)
        };
        self.0.iter().map(of_part).sum()
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::{BdbUid, NodeIndex};
    use crate::sim::license_text::License;
    use serde_json::{Value, json};

    fn sharded(fields: &[(&str, Value)]) -> Value {
        let mut body = json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "sharding": true, "shards_count": 2,
            "shard_key_regex": [{"regex": "(?<tag>.*)"}],
        });
        for (field, value) in fields {
            body[*field] = value.clone();
        }
        body
    }

    /// Database 1 has a thousand bytes in two shards, and node 2 their files.
    fn with_files() -> Fixture {
        let mut sim = Fixture::cluster(2, 2);
        let license = License::bought("cluster.example.com", 50, sim.world.now(), 30);
        sim.admin(0, "PUT", "/v1/license", json!({"license": license.text}));
        sim.database_with_data(&[&sharded(&[("data_persistence", json!("aof"))])]);
        assert_eq!(
            sim.world.mount(NodeIndex(0), NodeIndex(1), "/mnt"),
            3,
            "and the configuration"
        );
        let moved = json!({"recovery_path": "/mnt/redis"});
        assert_eq!(sim.admin(0, "PUT", "/v1/nodes/2", moved).status, 200);
        sim
    }

    fn shard(uid: &str, node: &str, slots: &str) -> Value {
        json!({"uid": uid, "node_uid": node, "role": "master", "assigned_slots": slots})
    }

    #[test]
    fn a_new_database_is_loaded_from_the_files_that_its_plan_names() {
        let mut sim = with_files();
        let (low, high) = ("0-8191", "8192-16383");
        let file = |uid: &str, slots: &str| {
            json!({
                "filename": format!("appendonly-{uid}.aof"), "node_uid": "2", "shard_uid": uid, "shard_slots": slots,
                "shard_role": "master",
            })
        };
        for (plan, ended, bytes) in [
            (
                json!({"original_bdb_shards": [shard("1", "2", low), shard("2", "2", high)]}),
                "active",
                1000,
            ),
            (
                json!({"data_files": [file("1", low), file("2", high)]}),
                "active",
                1000,
            ),
            (
                json!({"original_bdb_shards": [shard("1", "2", low), shard("2", "9", high)]}),
                "creation-failed",
                0,
            ),
            (
                json!({"original_bdb_shards": [shard("1", "2", low), shard("3", "2", high)]}),
                "creation-failed",
                0,
            ),
            (
                json!({"original_bdb_shards": [shard("1", "2", low), shard("2", "2", "8192-9000")]}),
                "creation-failed",
                0,
            ),
            (json!({}), "active", 0),
        ] {
            let body = json!({"bdb": sharded(&[]), "recovery_plan": plan});
            let made = sim.admin(0, "POST", "/v2/bdbs", body);
            assert_eq!(
                (made.status, &made.json["status"]),
                (200, &json!("pending")),
                "{plan}"
            );
            let uid = made.json["uid"].as_u64().unwrap();
            sim.pass(60);
            let path = format!("/v1/bdbs/{uid}");
            let status = sim.admin(0, "GET", &path, Value::Null).json["status"].clone();
            let cluster = sim.world.cluster_of(NodeIndex(0)).unwrap();
            let data = cluster.databases.get(BdbUid(uid)).unwrap().data_bytes;
            assert_eq!((status, data), (json!(ended), bytes), "{plan}");
            let action = format!("/v1/actions/{}", made.json["action_uid"].as_str().unwrap());
            let error = sim.admin(0, "GET", &action, Value::Null).json["error"].clone();
            assert_eq!(error == "missing_files", ended == "creation-failed", "{error}");
        }
    }

    #[test]
    fn a_plan_of_another_number_of_shards_is_refused() {
        let mut sim = with_files();
        let one = json!({"original_bdb_shards": [shard("1", "2", "0-16383")]});
        let both = json!({"original_bdb_shards": [shard("1", "2", "0-8191"), shard("2", "2", "8192-16383")]});
        let single = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
        for (bdb, plan) in [(sharded(&[]), one), (single, both)] {
            let refused = sim.admin(0, "POST", "/v2/bdbs", json!({"bdb": bdb, "recovery_plan": plan}));
            assert_eq!(
                (refused.status, refused.code()),
                (406, "invalid_sharding"),
                "{bdb}"
            );
        }
    }
}
