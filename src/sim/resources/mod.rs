//! One file per family of the REST API: its routes and their handlers.

pub(crate) mod access;
pub(crate) mod actions;
pub(crate) mod alarms;
pub(crate) mod alerts;
mod archive;
pub(crate) mod auditing;
pub(crate) mod availability;
pub(crate) mod bdb_certificates;
pub(crate) mod bdbs;
pub(crate) mod bootstrap;
pub(crate) mod catalog;
pub(crate) mod certificates;
pub(crate) mod cluster;
pub(crate) mod cluster_actions;
pub(crate) mod crdbs;
mod cron;
#[cfg(test)]
mod dry_run;
pub(crate) mod health;
mod inflate;
pub(crate) mod license;
pub(crate) mod logs;
mod md5;
pub(crate) mod modules;
pub(crate) mod node_actions;
pub(crate) mod nodes;
pub(crate) mod numbered;
pub(crate) mod package;
pub(crate) mod passwords;
pub(crate) mod policy;
pub(crate) mod room;
pub(crate) mod services;
pub(crate) mod settings;
mod shard_info;
pub(crate) mod shards;
pub(crate) mod sso;
pub(crate) mod stats;
pub(crate) mod suffixes;
pub(crate) mod tokens;
pub(crate) mod usage_report;
pub(crate) mod user_passwords;
pub(crate) mod users;

use super::state::{Env, SimNode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// `2025-10-14T00:01:06Z`: how most timestamps look.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2024-01-10 20:55:54`: how timestamps of snapshots look.
pub(crate) fn spaced(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// What a name or an argument must not have where the pages speak of special characters.
pub(crate) const SPECIAL_CHARACTERS: [char; 4] = ['&', '<', '>', '"'];

/// The texts of a list.
pub(crate) fn texts<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    let list = object.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// One object over another, which keeps what the upper one does not name, in the objects inside it too.
pub(crate) fn merge(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

/// What node objects and `local_node_info` both say about a machine.
pub(crate) fn describe(env: &Env, node: &SimNode) -> Map<String, Value> {
    let version = |(index, (redis_version, version)): (usize, &(&str, &str))| {
        let major = index + 1 == env.profile.database_versions().len();
        json!({"db_type": "redis", "major": major, "redis_version": redis_version, "version": version})
    };
    let mut versions: Vec<Value> = env
        .profile
        .database_versions()
        .iter()
        .enumerate()
        .map(version)
        .collect();
    versions.push(json!({"db_type": "memcached", "version": "1.4.17"}));
    #[expect(clippy::cast_precision_loss, reason = "captures show sizes as floats")]
    let storage = node.config.storage_bytes as f64;
    let described = json!({
        "architecture": "x86_64",
        "bigredis_storage_path": "/var/opt/redislabs/flash",
        "cores": node.config.cores,
        "ephemeral_storage_path": "/var/opt/redislabs/tmp",
        "ephemeral_storage_size": storage,
        "fips_enabled": node.config.fips_enabled,
        "os_family": "ubuntu",
        "os_name": "ubuntu",
        "os_semantic_version": "22.04",
        "os_version": "Ubuntu 22.04.5 LTS",
        "persistent_storage_path": "/var/opt/redislabs/persist",
        "persistent_storage_size": storage,
        "software_version": node.software_version,
        "supported_database_versions": versions,
        "total_memory": node.config.memory_bytes,
        "uptime": env.now.duration_since(node.booted).as_secs(),
    });
    if let Value::Object(map) = described {
        map
    } else {
        Map::new()
    }
}
