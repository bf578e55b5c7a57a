//! The managed fields of a database: one row for each. Bodies of calls, drift, printed plans and the documentation read it.

use crate::api::ByteQuantity;
use crate::api::Downgrade;
use crate::api::EvictionPolicy;
use crate::api::Fsync;
use crate::api::PersistenceMode;
use crate::api::RedisDatabaseSpec;
use crate::api::TlsMode;
use crate::plan::field::Diff;
use crate::plan::field::Field;
use crate::plan::field::Mutability;
use crate::plan::field::diff;
use crate::plan::field::exact;
use crate::plan::field::proxy_policy;
use crate::plan::field::shard_placement;
use crate::rest::model::Bdb;
use crate::rest::model::JsonMap;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

type Spec = RedisDatabaseSpec;
type Wanted = Result<Option<Value>, String>;

/// The table. The name is not in it: it is what the database is asked for by, and immutable.
#[rustfmt::skip]
pub const FIELDS: &[Field<Spec>] = &[
    Field { path: "spec.memorySize", wire: "memory_size", wanted: memory_size, canonical: quantity, mutability: Mutability::Guarded { by: Downgrade::Memory, lowers: smaller } },
    Field { path: "spec.shardCount", wire: "shards_count", wanted: shard_count, canonical: exact, mutability: Mutability::Multiply },
    Field { path: "spec.replication", wire: "replication", wanted: |spec| Ok(spec.replication.map(Value::from)), canonical: exact, mutability: Mutability::Guarded { by: Downgrade::Replication, lowers: |_, want| want == &Value::Bool(false) } },
    Field { path: "spec.persistence.mode", wire: "data_persistence", wanted: |spec| Ok(spec.persistence.as_ref().map(|it| persistence_mode(it.mode).into())), canonical: exact, mutability: Mutability::Guarded { by: Downgrade::Persistence, lowers: |have, want| falls(&["disabled", "snapshot", "aof"], have, want) } },
    Field { path: "spec.persistence.fsync", wire: "aof_policy", wanted: |spec| Ok(spec.persistence.as_ref().and_then(|it| it.fsync).map(|it| aof_policy(it).into())), canonical: exact, mutability: Mutability::Guarded { by: Downgrade::Persistence, lowers: |have, want| falls(&["appendfsync-every-sec", "appendfsync-always"], have, want) } },
    Field { path: "spec.persistence.snapshots", wire: "snapshot_policy", wanted: snapshots, canonical: snapshot_policy, mutability: Mutability::Guarded { by: Downgrade::Persistence, lowers: rarer } },
    Field { path: "spec.evictionPolicy", wire: "eviction_policy", wanted: |spec| Ok(spec.eviction_policy.map(|it| eviction_policy(it).into())), canonical: exact, mutability: Mutability::Free },
    Field { path: "spec.port", wire: "port", wanted: port, canonical: exact, mutability: Mutability::CreateOnly },
    Field { path: "spec.tls.mode", wire: "tls_mode", wanted: |spec| Ok(spec.tls.as_ref().map(|it| tls_mode(it.mode).into())), canonical: exact, mutability: Mutability::Guarded { by: Downgrade::Tls, lowers: |have, want| falls(&["disabled", "replica_ssl", "enabled"], have, want) } },
    Field { path: "spec.proxyPolicy", wire: "proxy_policy", wanted: |spec| Ok(spec.proxy_policy.map(proxy_policy)), canonical: exact, mutability: Mutability::Free },
    Field { path: "spec.shardPlacement", wire: "shards_placement", wanted: |spec| Ok(spec.shard_placement.map(shard_placement)), canonical: exact, mutability: Mutability::Free },
    Field { path: "spec.tags", wire: "tags", wanted: tags, canonical: exact, mutability: Mutability::Free },
];

/// Compares the fields that the spec sets with the live ones. `used_memory_bytes`: memory in use, if it is known.
pub fn compare(spec: &RedisDatabaseSpec, bdb: &Bdb, used_memory_bytes: Option<u64>) -> Diff {
    let mut allowed = spec.allow_downgrades.clone().unwrap_or_default();
    // A smaller limit lowers no protection as long as what is in use fits.
    if used_memory_bytes.is_some_and(|used| spec.memory_size.bytes() >= Some(used)) {
        allowed.push(Downgrade::Memory);
    }
    let mut found = diff(FIELDS, spec, &live(spec, bdb), &allowed);
    for hold in &mut found.holds {
        hold.what = format!("{} of database {}", hold.what, bdb.name);
    }
    complete(&mut found.body, bdb);
    found
}

/// The live values of the table's fields, as far as they do not stand in the database's object as they are.
fn live(spec: &RedisDatabaseSpec, bdb: &Bdb) -> JsonMap {
    let mut live: JsonMap = FIELDS
        .iter()
        .filter_map(|field| Some((field.wire.to_owned(), bdb.fields.get(field.wire)?.clone())))
        .collect();
    // It reads 0 when the server chose it.
    if let Some(port) = bdb.endpoints.iter().find_map(|endpoint| endpoint.port) {
        live.insert("port".to_owned(), port.into());
    }
    // Tags that the spec does not name are nobody's business.
    let named = |key: &str| spec.tags.as_ref().is_some_and(|tags| tags.contains_key(key));
    live.insert(
        "tags".to_owned(),
        tag_list(pairs(bdb).filter(|(key, _)| named(key))),
    );
    live
}

/// Adds to the body of a PUT what Redis Enterprise wants to go with some fields.
fn complete(body: &mut JsonMap, bdb: &Bdb) {
    if let Some(wanted) = body.get("tags").cloned() {
        let text = |tag: &Value, part: &str| {
            tag.get(part)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let wanted: Vec<_> = wanted
            .as_array()
            .into_iter()
            .flatten()
            .map(|tag| (text(tag, "key"), text(tag, "value")))
            .collect();
        body.insert("tags".to_owned(), tag_list(pairs(bdb).chain(wanted)));
    }
    let endpoint = bdb.endpoints.iter().find(|endpoint| !endpoint.uid.is_empty());
    if let Some(endpoint) = endpoint.filter(|_| body.contains_key("proxy_policy")) {
        body.insert("endpoint".to_owned(), json!(endpoint.uid));
    }
    if body.contains_key("shards_count") && bdb.fields.get("sharding") == Some(&Value::Bool(false)) {
        body.extend(sharding());
    }
}

/// What a database with several shards cannot be without: sharding, by the documented default rules.
pub(super) fn sharding() -> [(String, Value); 2] {
    let rules = json!([{"regex": ".*\\{(?<tag>.*)\\}.*"}, {"regex": "(?<tag>.*)"}]);
    [
        ("sharding".to_owned(), json!(true)),
        ("shard_key_regex".to_owned(), rules),
    ]
}

/// Tags as they are sent, by key; the last of a key counts.
pub(super) fn tag_list(tags: impl IntoIterator<Item = (String, String)>) -> Value {
    let tags: BTreeMap<String, String> = tags.into_iter().collect();
    tags.into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

fn pairs(bdb: &Bdb) -> impl Iterator<Item = (String, String)> {
    bdb.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()))
}

fn memory_size(spec: &Spec) -> Wanted {
    let bytes = spec.memory_size.bytes();
    let fault = || {
        format!(
            "`{}` must be a positive whole number of bytes, such as 2Gi",
            spec.memory_size
        )
    };
    bytes.map(|bytes| Some(bytes.into())).ok_or_else(fault)
}

fn shard_count(spec: &Spec) -> Wanted {
    match spec.shard_count {
        Some(count) if !(1..=512).contains(&count) => Err(format!("`{count}` must be between 1 and 512")),
        count => Ok(count.map(Value::from)),
    }
}

fn port(spec: &Spec) -> Wanted {
    match spec.port {
        Some(port) if !(10_000..=19_999).contains(&port) || port == 10_050 => {
            Err(format!("`{port}` must be between 10000 and 19999, and not 10050"))
        }
        port => Ok(port.map(Value::from)),
    }
}

fn snapshots(spec: &Spec) -> Wanted {
    let rules = spec
        .persistence
        .as_ref()
        .and_then(|persistence| persistence.snapshots.as_ref());
    let policy = |rule: &crate::api::SnapshotRule| json!({"secs": rule.seconds, "writes": rule.changes});
    Ok(rules.map(|rules| rules.iter().map(policy).collect()))
}

fn tags(spec: &Spec) -> Wanted {
    let bad = |text: &str| text.contains(['&', '<', '>', '"']);
    let reserved = |key: &str| {
        ["regent-", "regent_"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    };
    let unfit = |key: &str, value: &str| key.is_empty() || reserved(key) || bad(key) || bad(value);
    match spec.tags.iter().flatten().find(|(key, value)| unfit(key, value)) {
        Some((key, _)) => Err(format!(
            "`{key}`: keys must not be empty or begin with `regent-` or `regent_`, and tags must not contain & < > or \""
        )),
        None => Ok(spec.tags.clone().map(tag_list)),
    }
}

/// Bytes in the notation of the spec.
fn quantity(value: &Value) -> Value {
    value
        .as_u64()
        .map_or_else(|| value.clone(), |bytes| ByteQuantity::from_bytes(bytes).0.into())
}

fn snapshot_policy(value: &Value) -> Value {
    let number = |rule: &Value, part: &str| rule.get(part).and_then(Value::as_u64).unwrap_or_default();
    let rules = value.as_array().into_iter().flatten();
    let mut rules: Vec<_> = rules
        .map(|rule| (number(rule, "secs"), number(rule, "writes")))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
        .into_iter()
        .map(|(secs, writes)| json!({"secs": secs, "writes": writes}))
        .collect()
}

/// Whether a limit gets smaller; none (0) is the largest.
fn smaller(have: &Value, want: &Value) -> bool {
    let bytes = |value: &Value| ByteQuantity(value.as_str()?.to_owned()).bytes();
    bytes(have).is_none_or(|have| bytes(want) < Some(have))
}

/// Whether the value falls in this order. A live value that is not in it may be worth more than any other.
fn falls(weakest_first: &[&str], have: &Value, want: &Value) -> bool {
    let rank = |value: &Value| {
        weakest_first
            .iter()
            .position(|known| value.as_str() == Some(known))
    };
    match (rank(have), rank(want)) {
        (Some(have), Some(want)) => want < have,
        (None, _) | (_, None) => true,
    }
}

/// Whether some live rule is no longer met by one that takes snapshots as often.
fn rarer(have: &Value, want: &Value) -> bool {
    let number = |rule: &Value, part: &str| rule.get(part).and_then(Value::as_u64).unwrap_or_default();
    let covers = |new: &Value, old: &Value| {
        ["secs", "writes"]
            .iter()
            .all(|part| number(new, part) <= number(old, part))
    };
    let wanted = want.as_array();
    let mut live = have.as_array().into_iter().flatten();
    live.any(|old| !wanted.into_iter().flatten().any(|new| covers(new, old)))
}

fn persistence_mode(mode: PersistenceMode) -> &'static str {
    match mode {
        PersistenceMode::Disabled => "disabled",
        PersistenceMode::Aof => "aof",
        PersistenceMode::Snapshot => "snapshot",
    }
}

fn aof_policy(fsync: Fsync) -> &'static str {
    match fsync {
        Fsync::EverySecond => "appendfsync-every-sec",
        Fsync::Always => "appendfsync-always",
    }
}

fn eviction_policy(policy: EvictionPolicy) -> &'static str {
    match policy {
        EvictionPolicy::NoEviction => "noeviction",
        EvictionPolicy::AllKeysLru => "allkeys-lru",
        EvictionPolicy::AllKeysLfu => "allkeys-lfu",
        EvictionPolicy::AllKeysRandom => "allkeys-random",
        EvictionPolicy::VolatileLru => "volatile-lru",
        EvictionPolicy::VolatileLfu => "volatile-lfu",
        EvictionPolicy::VolatileRandom => "volatile-random",
        EvictionPolicy::VolatileTtl => "volatile-ttl",
    }
}

fn tls_mode(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disabled => "disabled",
        TlsMode::Enabled => "enabled",
        TlsMode::ReplicaOnly => "replica_ssl",
    }
}
