//! The modules that come with a cluster: four of them, one build for each Redis version.

use crate::sim::version::Profile;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One build of a module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Build {
    pub(crate) name: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) semantic_version: String,
    /// Redis version that it is for, as `8.0`.
    pub(crate) redis_version: &'static str,
}

/// Name, name for people, and for each Redis version up to 7.4 the version of the module.
type ModuleRow = (&'static str, &'static str, [(&'static str, &'static str); 3]);

const MODULES: [ModuleRow; 4] = [
    (
        "bf",
        "RedisBloom",
        [("6.2", "2.4.16"), ("7.2", "2.6.15"), ("7.4", "2.8.5")],
    ),
    (
        "ReJSON",
        "RedisJSON",
        [("6.2", "2.4.9"), ("7.2", "2.6.13"), ("7.4", "2.8.8")],
    ),
    (
        "search",
        "RediSearch 2",
        [("6.2", "2.6.26"), ("7.2", "2.8.19"), ("7.4", "2.10.14")],
    ),
    (
        "timeseries",
        "RedisTimeSeries",
        [("6.2", "1.8.15"), ("7.2", "1.10.16"), ("7.4", "1.12.5")],
    ),
];

/// Every build of a profile, by module and then by Redis version.
pub(crate) fn builds(profile: Profile) -> Vec<Build> {
    let mut builds = Vec::new();
    for (name, display_name, old) in MODULES {
        for (redis_version, full) in profile.database_versions() {
            let known = old.iter().find(|(redis, _)| redis == redis_version);
            let semantic_version = match known {
                Some((_, version)) => (*version).to_owned(),
                // Since Redis 8 modules are numbered as Redis is.
                None if *redis_version >= "8" => (*full).to_owned(),
                None => continue,
            };
            builds.push(Build {
                name,
                display_name,
                semantic_version,
                redis_version,
            });
        }
    }
    builds
}

/// The build of a module for a database of this Redis version: its own, else the oldest.
pub(crate) fn build(profile: Profile, name: &str, redis_version: &str) -> Option<Build> {
    let mut all: Vec<Build> = builds(profile)
        .into_iter()
        .filter(|build| build.name == name)
        .collect();
    let own = all
        .iter()
        .position(|build| build.redis_version == redis_version)
        .unwrap_or(0);
    (own < all.len()).then(|| all.swap_remove(own))
}

/// 32 hexadecimal digits that follow from name and version.
pub(crate) fn uid(name: &str, semantic_version: &str) -> String {
    let digest = Sha256::digest(format!("{name} {semantic_version}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `8.0.1` as 80001.
pub(crate) fn number(semantic_version: &str) -> u64 {
    let mut parts = semantic_version
        .split('.')
        .map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    next() * 10_000 + next() * 100 + next()
}

impl Build {
    pub(crate) fn uid(&self) -> String {
        uid(self.name, &self.semantic_version)
    }

    /// As `/v1/modules` shows it.
    pub(crate) fn shown(&self) -> Value {
        json!({
            "uid": self.uid(), "module_name": self.name, "display_name": self.display_name,
            "semantic_version": self.semantic_version, "version": number(&self.semantic_version),
            "min_redis_version": self.redis_version, "compatible_redis_version": self.redis_version,
            "author": "Redis", "email": "", "homepage": "https://redis.io", "license": "", "description": self.display_name,
            "capabilities": capabilities(self.name), "capability_name": self.display_name,
            "command_line_args": "", "config_command": config_command(self.name), "crdb": {}, "dependencies": {},
            "is_bundled": true, "bigstore_version_2_support": self.redis_version >= "7.4",
        })
    }
}

const ALL: &[&str] = &["bf", "ReJSON", "search", "timeseries"];

/// Name of a capability, what it means, and which of the modules that come with the cluster have it. The first two meanings are
/// data of the page (requests/cluster/module-capabilities); the others are the simulator's own words.
#[rustfmt::skip]
const CAPABILITIES: &[(&str, &str, &[&str])] = &[
    ("types", "module has its own types and not only operate on existing redis types", ALL),
    ("no_multi_key", "module has no methods that operate on multiple keys", &[]),
    ("replica_of", "module works in a database that replicates another one", ALL),
    ("backup_restore", "module's data is in backups and comes back from them", ALL),
    ("eviction_expiry", "module's keys can be evicted and can expire", ALL),
    ("hash_policy", "module works with hashing policies other than the default", ALL),
    ("reshard_rebalance", "module's keys can move to other shards", ALL),
    ("failover_migrate", "module's data survives failover and migration of shards", ALL),
    ("persistence_aof", "module's data is in append-only files", ALL),
    ("persistence_rdb", "module's data is in snapshots", ALL),
    ("clustering", "module works in a database of several shards", ALL),
    ("ipv6", "module works with IPv6 addresses", ALL),
    ("crdb", "module works in Active-Active databases", &[]),
    ("flash", "module works in a database on flash", &["ReJSON", "search"]),
];

/// Every capability with what it means, as `/v1/cluster/module-capabilities` lists them.
pub(crate) fn all_capabilities() -> impl Iterator<Item = (&'static str, &'static str)> {
    CAPABILITIES.iter().map(|(name, meaning, _)| (*name, *meaning))
}

/// What a module that comes with the cluster can do.
pub(crate) fn capabilities(module: &str) -> Vec<&'static str> {
    let own = CAPABILITIES
        .iter()
        .filter(|(_, _, modules)| modules.contains(&module));
    own.map(|(name, _, _)| *name).collect()
}

/// Command that changes a module's arguments at run time; empty without one.
pub(crate) fn config_command(name: &str) -> &'static str {
    match name {
        "search" => "FT.CONFIG SET",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_redis_version_has_a_build_of_each_module() {
        let latest = builds(Profile::V8_2_0);
        assert_eq!(latest.len(), 4 * Profile::V8_2_0.database_versions().len());
        let bf = build(Profile::V8_0_20, "bf", "8.0").unwrap();
        assert_eq!((bf.semantic_version.as_str(), number("8.0.2")), ("8.0.2", 80002));
        assert_eq!(bf.uid().len(), 32);
        assert!(build(Profile::V7_4_6, "moon", "7.2").is_none());
    }
}
