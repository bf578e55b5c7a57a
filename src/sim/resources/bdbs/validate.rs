//! What a database's configuration has to satisfy beyond the type of each field, rule by rule, with its error code.

mod acls;
mod values;

use super::store::Databases;
use super::tags;
use crate::sim::call::ApiError;
use crate::sim::certs::read_bundle;
use crate::sim::placement::NoRoom;
use crate::sim::resources::SPECIAL_CHARACTERS;
use crate::sim::resources::auditing;
use crate::sim::resources::modules::meant;
use crate::sim::schema::Phase;
use crate::sim::state::{Cluster, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A configuration under judgement: what was set, merged with what the database had.
pub(crate) struct Candidate<'a> {
    pub(crate) phase: Phase,
    /// What the database had; nothing for a new one.
    pub(crate) before: &'a Map<String, Value>,
    pub(crate) set: &'a Map<String, Value>,
    /// The fields that the request names.
    pub(crate) named: &'a Map<String, Value>,
}

type Verdict = Result<(), ApiError>;

fn refuse(code: &str, why: impl Into<String>) -> Verdict {
    Err(ApiError::not_acceptable(code, why))
}

impl Candidate<'_> {
    fn flag(&self, field: &str) -> bool {
        self.set.get(field) == Some(&Value::Bool(true))
    }

    fn text(&self, field: &str) -> &str {
        self.set.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.set.get(field).and_then(Value::as_u64)
    }

    fn list(&self, field: &str) -> &[Value] {
        self.set
            .get(field)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    fn is_memcached(&self) -> bool {
        self.text("type") == "memcached"
    }
}

/// Checks every rule that needs no placement.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn check(cluster: &Cluster, env: &Env, candidate: &Candidate<'_>) -> Result<(), ApiError> {
    name(candidate)?;
    tags::check(env.profile, candidate.before, candidate.set)?;
    audited(cluster, candidate)?;
    sharding(candidate)?;
    racks(cluster, candidate)?;
    persistence(candidate)?;
    backup(candidate)?;
    clustering(candidate)?;
    memcached(candidate)?;
    acls::check(cluster, candidate)?;
    modules(cluster, env, candidate)?;
    flash(candidate)?;
    flash_version(cluster, candidate)?;
    replication_size(candidate)?;
    values::check(candidate)?;
    certificates(env, candidate)?;
    client_authentication(env, candidate)
}

/// Letters, digits and hyphens, the first and last no hyphen, 63 at most. Names need not be unique.
fn name(candidate: &Candidate<'_>) -> Verdict {
    let name = candidate.text("name");
    let inner = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !inner || name.len() > 63 || name.starts_with('-') || name.ends_with('-') {
        return refuse(
            "invalid_param",
            format!("name: {name:?} may have letters, digits and inner hyphens only, 63 characters at most"),
        );
    }
    Ok(())
}

/// Records need a place to go before there are any.
fn audited(cluster: &Cluster, candidate: &Candidate<'_>) -> Verdict {
    if auditing::is_audited(candidate.set) && cluster.documents.single(auditing::PATH).is_none() {
        return refuse(
            "audit_settings_config_missing",
            "audit_settings: the cluster does not say where records go",
        );
    }
    Ok(())
}

fn sharding(candidate: &Candidate<'_>) -> Verdict {
    let shards = candidate.number("shards_count").unwrap_or(1);
    let rules = candidate.list("shard_key_regex");
    let sharded = candidate.flag("sharding");
    if shards > 1 && !sharded {
        return refuse(
            "invalid_sharding",
            "shards_count: more than one shard needs sharding",
        );
    }
    if sharded && rules.is_empty() && !candidate.flag("oss_sharding") {
        return refuse(
            "invalid_sharding",
            "sharding needs shard_key_regex or oss_sharding",
        );
    }
    let fits = |rule: &Value| {
        rule.get("regex")
            .and_then(Value::as_str)
            .is_some_and(|regex| (1..=256).contains(&regex.len()))
    };
    if rules.len() > 32 || !rules.iter().all(fits) {
        return refuse(
            "invalid_sharding",
            "shard_key_regex: at most 32 rules of 256 characters, each {\"regex\": ...}",
        );
    }
    Ok(())
}

fn racks(cluster: &Cluster, candidate: &Candidate<'_>) -> Verdict {
    let flag = |map: &Map<String, Value>| map.get("rack_aware") == Some(&Value::Bool(true));
    if candidate.flag("rack_aware") && !flag(&cluster.policy) && !flag(&cluster.settings) {
        let code = if candidate.phase == Phase::Create {
            "not_rack_aware"
        } else {
            "rack_awareness_violation"
        };
        return refuse(code, "the cluster is not rack-aware");
    }
    Ok(())
}

fn persistence(candidate: &Candidate<'_>) -> Verdict {
    let policy = candidate.list("snapshot_policy");
    match candidate.text("data_persistence") {
        "snapshot" if policy.is_empty() => refuse(
            "invalid_data_persistence",
            "snapshot_policy is needed for snapshots",
        ),
        "snapshot" | "aof" if candidate.is_memcached() => refuse(
            "invalid_data_persistence",
            "memcached databases have no persistence",
        ),
        _ => Ok(()),
    }
}

/// The interval of backups that a database shows when nobody set one, seconds.
const BACKUP_INTERVAL: u64 = 86_400;

/// A new database that is backed up has to say how often; afterwards it has the interval that it shows.
fn backup(candidate: &Candidate<'_>) -> Verdict {
    let shown = (candidate.phase == Phase::Update).then_some(BACKUP_INTERVAL);
    let interval = candidate.number("backup_interval").or(shown);
    if candidate.flag("backup") && interval.is_none_or(|secs| secs == 0) {
        return refuse(
            "missing_backup_interval",
            "BDB backup is enabled but backup interval is missing",
        );
    }
    match (
        candidate.number("backup_interval_offset"),
        interval.unwrap_or(BACKUP_INTERVAL),
    ) {
        (Some(offset), interval) if offset >= interval => refuse(
            "invalid_param",
            "backup_interval_offset must be below backup_interval",
        ),
        _ => Ok(()),
    }
}

fn clustering(candidate: &Candidate<'_>) -> Verdict {
    let lacks = oss_cluster_lacks(candidate.set, candidate.named);
    match lacks.filter(|_| candidate.flag("oss_cluster")) {
        Some(lacks) => refuse(
            "invalid_oss_cluster_configuration",
            format!("oss_cluster needs {lacks}"),
        ),
        None => Ok(()),
    }
}

/// The regular expressions of the standard hashing policy.
const STANDARD_HASHING: [&str; 2] = [r".*\{(?<tag>.*)\}.*", "(?<tag>.*)"];

/// What the OSS Cluster API needs and these settings rule out; of proxies only what is `named` counts.
pub(super) fn oss_cluster_lacks(
    set: &Map<String, Value>,
    named: &Map<String, Value>,
) -> Option<&'static str> {
    let is = |map: &Map<String, Value>, name: &str, text: &str| {
        map.get(name).and_then(Value::as_str) == Some(text)
    };
    let custom = |rules: &Vec<Value>| {
        let rules = rules.iter().map(|rule| rule.get("regex")?.as_str());
        rules.len() > 0 && !rules.eq(STANDARD_HASHING.map(Some))
    };
    let rules = set.get("shard_key_regex").and_then(Value::as_array);
    let ruled_out = [
        (is(set, "type", "memcached"), "a Redis database"),
        (is(set, "hash_slots_policy", "legacy"), "hash_slots_policy 16k"),
        (
            is(named, "proxy_policy", "single"),
            "proxy_policy all-master-shards or all-nodes",
        ),
        (rules.is_some_and(custom), "the standard hashing policy"),
    ];
    let mut ruled_out = ruled_out.into_iter().filter(|(broken, _)| *broken);
    ruled_out.next().map(|(_, lacks)| lacks)
}

fn memcached(candidate: &Candidate<'_>) -> Verdict {
    let given = |field: &str| !candidate.text(field).is_empty();
    let sasl = [
        given("authentication_sasl_uname"),
        given("authentication_sasl_pass"),
    ];
    if sasl.contains(&true) && (!candidate.is_memcached() || sasl.contains(&false)) {
        return refuse(
            "invalid_sasl_credentials",
            "SASL needs a memcached database, a user name and a password",
        );
    }
    if candidate
        .text("authentication_sasl_uname")
        .contains(SPECIAL_CHARACTERS)
    {
        return refuse(
            "invalid_sasl_credentials",
            "authentication_sasl_uname has characters that are not allowed",
        );
    }
    if candidate.is_memcached() && !candidate.list("roles_permissions").is_empty() {
        return refuse("redis_acl_unsupported", "memcached databases have no Redis ACLs");
    }
    if candidate.is_memcached() && !candidate.list("module_list").is_empty() {
        return refuse(
            "memcached_cannot_use_modules",
            "memcached databases cannot use modules",
        );
    }
    Ok(())
}

/// The cluster has each module of a new database, and each can do what the configuration needs.
fn modules(cluster: &Cluster, env: &Env, candidate: &Candidate<'_>) -> Verdict {
    let redis_version = candidate.text("redis_version");
    for entry in candidate.list("module_list") {
        let Some(module) = meant(cluster, env.profile, entry, redis_version) else {
            if candidate.phase == Phase::Create {
                return refuse(
                    "missing_module",
                    format!("module_list: the cluster has no {entry} for Redis {redis_version}"),
                );
            }
            continue;
        };
        if let Some(capability) = module.lacks(candidate.set) {
            return refuse(
                "unsupported_module_capabilities",
                format!("module_list: {} lacks {capability}", module.name),
            );
        }
    }
    Ok(())
}

/// Auto Tiering keeps between 10 and 50 percent of the memory in RAM.
fn flash(candidate: &Candidate<'_>) -> Verdict {
    let (ram, all) = (
        candidate.number("bigstore_ram_size").unwrap_or(0),
        candidate.number("memory_size").unwrap_or(0),
    );
    if candidate.flag("bigstore") && (ram * 10 < all || ram * 2 > all) {
        return refuse(
            "invalid_param",
            "bigstore_ram_size must be 10 to 50 percent of memory_size",
        );
    }
    Ok(())
}

/// A new database on flash has a version of Redis and one of flash that go together, and the driver for them.
fn flash_version(cluster: &Cluster, candidate: &Candidate<'_>) -> Verdict {
    if candidate.phase != Phase::Create || !candidate.flag("bigstore") {
        return Ok(());
    }
    let (version, redis) = (
        candidate.number("bigstore_version"),
        candidate.text("redis_version"),
    );
    if redis == "8.0" {
        return refuse("invalid_version", "databases of Redis 8.0 cannot use flash");
    }
    match version.zip(only_bigstore_version(redis)) {
        Some((version, only)) if version != only => refuse(
            "invalid_param",
            format!("bigstore_version is {only} with Redis {redis}"),
        ),
        Some(_) | None if version == Some(2) && runs_rocksdb(cluster) => {
            refuse("invalid_param", "bigstore_version 2 needs the driver speedb")
        }
        Some(_) | None => Ok(()),
    }
}

fn runs_rocksdb(cluster: &Cluster) -> bool {
    cluster.settings.get("bigstore_driver").and_then(Value::as_str) == Some("rocksdb")
}

/// The `bigstore_version` of databases of a version of Redis that leaves no choice.
pub(crate) fn only_bigstore_version(redis: &str) -> Option<u64> {
    match redis {
        "7.4" => None,
        old if old < "7.4" => Some(1),
        _ => Some(2),
    }
}

/// Least memory of one shard of a replicated database, bytes.
const REPLICATED_SHARD_FLOOR: u64 = 10 << 20;

fn replication_size(candidate: &Candidate<'_>) -> Verdict {
    let (memory, shards) = (
        candidate.number("memory_size").unwrap_or(0),
        candidate.number("shards_count").unwrap_or(1),
    );
    let small = memory > 0 && memory / (shards.max(1) * 2) < REPLICATED_SHARD_FLOOR;
    if candidate.phase == Phase::Update && candidate.flag("replication") && small {
        return refuse(
            "replication_size_violation",
            "Database limit too small for replication",
        );
    }
    Ok(())
}

/// The lists of certificates that are let in.
const LET_IN: [&str; 2] = ["authentication_ssl_client_certs", "authentication_ssl_crdt_certs"];

/// Client certificates: readable, not expired, each once.
fn certificates(env: &Env, candidate: &Candidate<'_>) -> Verdict {
    let mut seen = BTreeSet::new();
    for field in LET_IN {
        for entry in candidate
            .list(field)
            .iter()
            .filter(|_| candidate.named.contains_key(field))
        {
            let pem = entry
                .get("client_cert")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let bundle = read_bundle(pem).unwrap_or_default();
            let Some(leaf) = bundle.first() else {
                return refuse(
                    "invalid_certificate",
                    format!("{field}: SSL client certificate is missing or malformed"),
                );
            };
            if leaf.not_after <= env.now.as_second() && !candidate.flag("mtls_allow_outdated_certs") {
                return refuse(
                    "certificate_expired",
                    format!("{field}: certificate {} has expired", leaf.subject),
                );
            }
            if !seen.insert((field, leaf.der.clone())) {
                return refuse(
                    "duplicated_certs",
                    format!("{field}: certificate {} appears twice", leaf.subject),
                );
            }
        }
    }
    Ok(())
}

/// There are client certificates if clients must show one.
fn client_authentication(env: &Env, candidate: &Candidate<'_>) -> Verdict {
    let tls = matches!(candidate.text("tls_mode"), "enabled") || candidate.flag("ssl");
    let enforced = match candidate.text("enforce_client_authentication") {
        "" => env.on(Switch::ClientCertificateRequired),
        text => text == "enabled",
    };
    let touched = [
        "tls_mode",
        "ssl",
        "enforce_client_authentication",
        "authentication_ssl_client_certs",
        "authentication_ssl_crdt_certs",
    ];
    let touched = touched.iter().any(|field| candidate.named.contains_key(*field));
    let none = LET_IN.iter().all(|field| candidate.list(field).is_empty());
    if tls && enforced && touched && none {
        return refuse(
            "invalid_certificate",
            "clients must show a certificate (enforce_client_authentication) and none is let in",
        );
    }
    Ok(())
}

/// The `redis_version` and `version` that a new database gets: those asked for, else those of the cluster's policy.
///
/// # Errors
/// `invalid_version` when the cluster has no such version.
pub(crate) fn version(
    env: &Env,
    policy: &Map<String, Value>,
    named: &Map<String, Value>,
) -> Result<(&'static str, &'static str), ApiError> {
    let versions = env.profile.database_versions();
    let wanted = |field: &str| {
        named
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let invalid = |why: String| ApiError::not_acceptable("invalid_version", why);
    let found = match (wanted("redis_version"), wanted("version")) {
        (Some(short), full) => versions
            .iter()
            .find(|(own, long)| *own == short && full.is_none_or(|full| full == *long)),
        (None, Some(full)) => versions.iter().find(|(_, own)| *own == full),
        (None, None) if env.profile == Profile::V7_4_6 && !env.on(Switch::VersionlessCreate) => {
            return Err(invalid(
                "Reject bdb_create with incompatible version constraints".to_owned(),
            ));
        }
        (None, None) => {
            let default = policy.get("default_provisioned_redis_version");
            let default = versions
                .iter()
                .find(|(short, _)| default.is_some_and(|own| own == short));
            default.or(versions.last())
        }
    };
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = versions.iter().map(|(short, _)| *short).collect();
        invalid(format!(
            "unsupported database version; redis_version is one of {}",
            names.join(", ")
        ))
    })
}

/// The port of a new endpoint: the one asked for, or a free one.
///
/// # Errors
/// `port_unavailable`.
pub(crate) fn port(cluster: &Cluster, env: &mut Env, asked: u64) -> Result<u16, ApiError> {
    let reserved = |port: u16| {
        let ranges = cluster
            .settings
            .get("reserved_ports")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut ranges = ranges.filter_map(Value::as_str);
        ranges.any(|range| match range.split_once('-') {
            Some((low, high)) => {
                low.parse().is_ok_and(|low| port >= low) && high.parse().is_ok_and(|high| port <= high)
            }
            None => range.parse() == Ok(port),
        })
    };
    let free = |port: u16, databases: &Databases| {
        (10_000..=19_999).contains(&port) && port != 10_050 && !reserved(port) && !databases.port_in_use(port)
    };
    let unavailable = |text: String| ApiError::not_acceptable("port_unavailable", text);
    if asked != 0 {
        let port = u16::try_from(asked)
            .ok()
            .filter(|port| free(*port, &cluster.databases));
        return port
            .ok_or_else(|| unavailable(format!("port {asked} is outside 10000-19999, reserved or in use")));
    }
    let start = u16::try_from(env.ids.number() % 10_000).unwrap_or_default();
    let mut ports = (0..10_000).map(|step| 10_000 + (start + step) % 10_000);
    ports
        .find(|port| free(*port, &cluster.databases))
        .ok_or_else(|| unavailable("no port is free".to_owned()))
}

/// The error for shards that do not fit.
pub(crate) fn no_room(phase: Phase, no_room: NoRoom) -> ApiError {
    let code = match (phase, no_room) {
        (_, NoRoom::Resources) => "insufficient_resources",
        (Phase::Create, NoRoom::Nodes) => "invalid_replication",
        (Phase::Update, NoRoom::Nodes) => "replication_node_violation",
        (_, NoRoom::Racks) => "rack_awareness_violation",
    };
    ApiError::not_acceptable(code, no_room.to_string())
}
