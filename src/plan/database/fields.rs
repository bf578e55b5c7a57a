//! The managed fields of a database: one row for each. Bodies of calls, drift, printed plans and the documentation read it.

use crate::api::ByteQuantity;
use crate::api::Downgrade;
use crate::api::EvictionPolicy;
use crate::api::Fsync;
use crate::api::PersistenceMode;
use crate::api::ProxyPolicy;
use crate::api::Reason;
use crate::api::RedisDatabaseSpec;
use crate::api::ShardPlacement;
use crate::api::TlsMode;
use crate::plan::Drift;
use crate::rest::model::Bdb;
use crate::rest::model::JsonMap;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// A managed field.
pub struct Field {
    /// Path in the spec.
    pub path: &'static str,
    /// Name in the REST API.
    pub wire: &'static str,
    /// What may become of it on a live database.
    pub mutability: Mutability,
    /// Value that the spec wants, as it is sent; `None` when the spec leaves it out: then it is unmanaged.
    pub wanted: fn(&RedisDatabaseSpec) -> Option<Value>,
    /// Live value in the same form.
    pub live: fn(&Field, &RedisDatabaseSpec, &Bdb) -> Value,
}

/// What may become of a field on a live database.
#[derive(Clone, Copy)]
pub enum Mutability {
    /// It changes online.
    Free,
    /// It is fixed when the database is created.
    CreateOnly,
    /// It grows, to a multiple.
    GrowOnly,
    /// It changes online; where the function says that protection is lowered, only if the spec allows that.
    OptIn(Downgrade, fn(&Change<'_>) -> bool),
}

/// A change of one field.
pub struct Change<'a> {
    live: &'a Value,
    wanted: &'a Value,
    used_memory_bytes: Option<u64>,
}

/// The table. `name` is not in it: it is part of a database's identity.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    Field { path: "spec.memorySize", wire: "memory_size", mutability: Mutability::OptIn(Downgrade::Memory, below_use), wanted: |spec| spec.memory_size.bytes().map(Value::from), live: plain },
    Field { path: "spec.shardCount", wire: "shards_count", mutability: Mutability::GrowOnly, wanted: |spec| spec.shard_count.map(Value::from), live: plain },
    Field { path: "spec.replication", wire: "replication", mutability: Mutability::OptIn(Downgrade::Replication, |change| change.wanted == &Value::Bool(false)), wanted: |spec| spec.replication.map(Value::from), live: plain },
    Field { path: "spec.persistence.mode", wire: "data_persistence", mutability: Mutability::OptIn(Downgrade::Persistence, |change| change.falls(&["disabled", "snapshot", "aof"])), wanted: |spec| spec.persistence.as_ref().map(|persistence| persistence_mode(persistence.mode).into()), live: plain },
    Field { path: "spec.persistence.fsync", wire: "aof_policy", mutability: Mutability::OptIn(Downgrade::Persistence, |change| change.falls(&["appendfsync-every-sec", "appendfsync-always"])), wanted: |spec| spec.persistence.as_ref()?.fsync.map(|fsync| aof_policy(fsync).into()), live: plain },
    Field { path: "spec.persistence.snapshots", wire: "snapshot_policy", mutability: Mutability::OptIn(Downgrade::Persistence, rarer), wanted: snapshots_wanted, live: snapshots_live },
    Field { path: "spec.evictionPolicy", wire: "eviction_policy", mutability: Mutability::Free, wanted: |spec| spec.eviction_policy.map(|policy| eviction_policy(policy).into()), live: plain },
    Field { path: "spec.port", wire: "port", mutability: Mutability::CreateOnly, wanted: |spec| spec.port.map(Value::from), live: port_live },
    Field { path: "spec.tls.mode", wire: "tls_mode", mutability: Mutability::OptIn(Downgrade::Tls, |change| change.falls(&["disabled", "replica_ssl", "enabled"])), wanted: |spec| spec.tls.as_ref().map(|tls| tls_mode(tls.mode).into()), live: plain },
    Field { path: "spec.proxyPolicy", wire: "proxy_policy", mutability: Mutability::Free, wanted: |spec| spec.proxy_policy.map(|policy| proxy_policy(policy).into()), live: plain },
    Field { path: "spec.shardPlacement", wire: "shards_placement", mutability: Mutability::Free, wanted: |spec| spec.shard_placement.map(|placement| shard_placement(placement).into()), live: plain },
    Field { path: "spec.tags", wire: "tags", mutability: Mutability::Free, wanted: |spec| spec.tags.as_ref().map(|tags| tag_list(tags.clone())), live: tags_live },
];

/// How a live database differs from its spec.
#[derive(Default)]
pub struct Comparison {
    /// Every managed field that differs.
    pub drift: Vec<Drift>,
    /// Body of the PUT that changes those that may be changed; empty when there are none.
    pub body: JsonMap,
    /// Those that may not.
    pub holds: Vec<Held>,
}

/// A field that differs and may not be changed.
pub struct Held {
    /// Path in the spec.
    pub path: &'static str,
    /// Why.
    pub why: crate::api::Reason,
    /// Cause and remedy.
    pub detail: String,
}

/// Compares the fields that the spec sets with the live ones. `used_memory_bytes`: memory in use, if it is known.
pub fn compare(spec: &RedisDatabaseSpec, bdb: &Bdb, used_memory_bytes: Option<u64>) -> Comparison {
    let mut comparison = Comparison::default();
    for field in FIELDS {
        let Some(wanted) = (field.wanted)(spec) else { continue };
        let live = (field.live)(field, spec, bdb);
        if live == wanted {
            continue;
        }
        comparison.drift.push(Drift { path: field.path.to_owned(), live: text(field, &live), wanted: text(field, &wanted) });
        match refusal(field, spec, &Change { live: &live, wanted: &wanted, used_memory_bytes }) {
            Some(held) => comparison.holds.push(held),
            None => send(field, wanted, bdb, &mut comparison.body),
        }
    }
    comparison
}

fn refusal(field: &Field, spec: &RedisDatabaseSpec, change: &Change<'_>) -> Option<Held> {
    let (live, wanted) = (text(field, change.live), text(field, change.wanted));
    let held = |why, detail| Some(Held { path: field.path, why, detail });
    match field.mutability {
        Mutability::Free => None,
        Mutability::CreateOnly => held(
            Reason::UnsupportedChange,
            format!("it is {live} and cannot become {wanted} on a live database; set it back, or create another database"),
        ),
        Mutability::GrowOnly if change.grows_to_multiple() => None,
        Mutability::GrowOnly => held(
            Reason::UnsupportedChange,
            format!("it is {live} and can only grow, to a multiple of that, not become {wanted}; set it accordingly"),
        ),
        Mutability::OptIn(downgrade, lowers) => {
            let allowed = spec.allow_downgrades.as_ref().is_some_and(|allowed| allowed.contains(&downgrade));
            if allowed || !lowers(change) {
                return None;
            }
            let detail = format!(
                "changing it from {live} to {wanted} lowers protection; add {downgrade:?} to spec.allowDowngrades if that is \
                 meant, or set it back"
            );
            held(Reason::DowngradeNotAllowed, detail)
        }
    }
}

/// Adds a field to the body of a PUT, with what Redis Enterprise wants to go with it.
fn send(field: &Field, wanted: Value, bdb: &Bdb, body: &mut JsonMap) {
    let value = match field.wire {
        "tags" => tag_list(bdb.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).chain(tag_pairs(&wanted))),
        "proxy_policy" => {
            if let Some(endpoint) = bdb.endpoints.iter().find(|endpoint| !endpoint.uid.is_empty()) {
                body.insert("endpoint".to_owned(), json!(endpoint.uid));
            }
            wanted
        }
        "shards_count" => {
            if bdb.fields.get("sharding") == Some(&Value::Bool(false)) {
                body.extend(sharding());
            }
            wanted
        }
        _ => wanted,
    };
    body.insert(field.wire.to_owned(), value);
}

/// What a database with several shards cannot be without: sharding, by the documented default rules.
pub(super) fn sharding() -> [(String, Value); 2] {
    let rules = json!([{"regex": ".*\\{(?<tag>.*)\\}.*"}, {"regex": "(?<tag>.*)"}]);
    [("sharding".to_owned(), json!(true)), ("shard_key_regex".to_owned(), rules)]
}

impl Change<'_> {
    /// Whether the value falls in this order; a live value that is not in it may be worth more than any other.
    fn falls(&self, weakest_first: &[&str]) -> bool {
        let rank = |value: &Value| weakest_first.iter().position(|known| value.as_str() == Some(known));
        match (rank(self.live), rank(self.wanted)) {
            (Some(live), Some(wanted)) => wanted < live,
            (None, _) | (_, None) => true,
        }
    }

    fn grows_to_multiple(&self) -> bool {
        match (self.live.as_u64(), self.wanted.as_u64()) {
            (Some(live), Some(wanted)) => wanted > live && wanted.is_multiple_of(live.max(1)),
            (None, _) | (_, None) => false,
        }
    }
}

/// Whether the limit falls below the memory in use, as far as that is known.
fn below_use(change: &Change<'_>) -> bool {
    let falls = change.live.as_u64().is_none_or(|live| live == 0 || change.wanted.as_u64() < Some(live));
    falls && change.used_memory_bytes.is_none_or(|used| change.wanted.as_u64() < Some(used))
}

/// Whether some live rule is no longer met by one that takes snapshots as often.
fn rarer(change: &Change<'_>) -> bool {
    let rules = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let number = |rule: &Value, key: &str| rule.get(key).and_then(Value::as_u64);
    let covers = |new: &Value, old: &Value| {
        ["secs", "writes"].iter().all(|key| match (number(new, key), number(old, key)) {
            (Some(new), Some(old)) => new <= old,
            (None, _) | (_, None) => false,
        })
    };
    let wanted = rules(change.wanted);
    rules(change.live).iter().any(|old| !wanted.iter().any(|new| covers(new, old)))
}

fn text(field: &Field, value: &Value) -> String {
    match value {
        Value::Number(bytes) if field.wire == "memory_size" => {
            bytes.as_u64().map_or_else(|| bytes.to_string(), |bytes| ByteQuantity::from_bytes(bytes).0)
        }
        Value::String(text) => text.clone(),
        Value::Null => "unset".to_owned(),
        other => other.to_string(),
    }
}

fn plain(field: &Field, _: &RedisDatabaseSpec, bdb: &Bdb) -> Value {
    bdb.fields.get(field.wire).cloned().unwrap_or_default()
}

/// The port in use: the field reads 0 when the server chose it.
fn port_live(field: &Field, spec: &RedisDatabaseSpec, bdb: &Bdb) -> Value {
    let bound = bdb.endpoints.iter().find_map(|endpoint| endpoint.port);
    bound.map_or_else(|| plain(field, spec, bdb), Value::from)
}

fn snapshots_wanted(spec: &RedisDatabaseSpec) -> Option<Value> {
    let rules = spec.persistence.as_ref()?.snapshots.as_ref()?;
    Some(snapshot_policy(rules.iter().map(|rule| (rule.seconds.into(), rule.changes.into())).collect()))
}

fn snapshots_live(_: &Field, _: &RedisDatabaseSpec, bdb: &Bdb) -> Value {
    let number = |rule: &Value, key: &str| rule.get(key).and_then(Value::as_u64).unwrap_or_default();
    let rules = bdb.fields.get("snapshot_policy").and_then(Value::as_array).into_iter().flatten();
    snapshot_policy(rules.map(|rule| (number(rule, "secs"), number(rule, "writes"))).collect())
}

fn snapshot_policy(mut rules: Vec<(u64, u64)>) -> Value {
    rules.sort_unstable();
    rules.dedup();
    rules.into_iter().map(|(secs, writes)| json!({"secs": secs, "writes": writes})).collect()
}

/// Those live tags that the spec names; others are nobody's business.
fn tags_live(_: &Field, spec: &RedisDatabaseSpec, bdb: &Bdb) -> Value {
    let named = |key: &str| spec.tags.as_ref().is_some_and(|tags| tags.contains_key(key));
    tag_list(bdb.tags.iter().filter(|tag| named(&tag.key)).map(|tag| (tag.key.clone(), tag.value.clone())))
}

/// Tags as they are sent, by key; the last of a key counts.
pub(super) fn tag_list(tags: impl IntoIterator<Item = (String, String)>) -> Value {
    let tags: BTreeMap<String, String> = tags.into_iter().collect();
    tags.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn tag_pairs(tags: &Value) -> Vec<(String, String)> {
    let part = |tag: &Value, key: &str| tag.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    tags.as_array().into_iter().flatten().map(|tag| (part(tag, "key"), part(tag, "value"))).collect()
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

/// A proxy policy as the REST API names it; also used by the cluster's policy.
pub fn proxy_policy(policy: ProxyPolicy) -> &'static str {
    match policy {
        ProxyPolicy::Single => "single",
        ProxyPolicy::AllMasterShards => "all-master-shards",
        ProxyPolicy::AllNodes => "all-nodes",
    }
}

/// A shard placement as the REST API names it; also used by the cluster's policy.
pub fn shard_placement(placement: ShardPlacement) -> &'static str {
    match placement {
        ShardPlacement::Dense => "dense",
        ShardPlacement::Sparse => "sparse",
    }
}
