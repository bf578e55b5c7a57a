//! What there is to say of a live database, in the words of the API.

use crate::api::ByteQuantity;
use crate::api::EffectiveDatabase;
use crate::api::RedisDatabase;
use crate::plan::database::Inputs;
use crate::plan::database::Seen;
use crate::plan::database::case::Case;
use crate::plan::database::connection::endpoint;
use crate::plan::database::ownership;
use crate::rest::model::Bdb;
use crate::rest::model::BdbStatus;
use serde_json::Value;

/// A live database, as status shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Its uid, if it is proved ours.
    pub owned_uid: Option<u32>,
    /// Whether its creation has ended, well or not.
    pub exists: bool,
    /// Whether clients are served.
    pub serves: bool,
    /// Host and port of its endpoint, once it is bound.
    pub endpoint: Option<(String, u16)>,
    /// Values in force.
    pub effective: EffectiveDatabase,
}

/// The facts about an object's database: the one that is proved ours, else the one that it observes.
pub fn facts(object: &RedisDatabase, inputs: &Inputs, seen: &Seen, now: jiff::Timestamp) -> Option<Facts> {
    let case = Case::new(object, inputs, now);
    let known = case
        .inputs
        .access
        .as_ref()
        .is_ok_and(|access| case.identity(access, seen).is_none());
    let bdb = ownership::subject(object, seen).filter(|_| known)?;
    let alone = ownership::tagged(case.owner(), seen).nth(1).is_none();
    let serves = match &bdb.status {
        BdbStatus::Active | BdbStatus::ActiveChangePending | BdbStatus::ImportPending => true,
        BdbStatus::Pending
        | BdbStatus::DeletePending
        | BdbStatus::CreationFailed
        | BdbStatus::Recovery
        | BdbStatus::Unknown(_) => false,
    };
    Some(Facts {
        owned_uid: case
            .prove(bdb, &seen.identity)
            .filter(|_| alone)
            .map(|owned| owned.get().0),
        exists: bdb.status != BdbStatus::Pending,
        serves,
        endpoint: endpoint(bdb).map(|(host, port)| (host.to_owned(), port)),
        effective: effective(bdb),
    })
}

fn effective(bdb: &Bdb) -> EffectiveDatabase {
    let text = |field: &str| bdb.fields.get(field).and_then(Value::as_str).map(str::to_owned);
    let number = |field: &str| bdb.fields.get(field).and_then(Value::as_u64);
    EffectiveDatabase {
        status: bdb.status.to_string(),
        redis_version: text("redis_version"),
        memory_size: number("memory_size").map(ByteQuantity::from_bytes),
        shard_count: number("shards_count").and_then(|count| u32::try_from(count).ok()),
        replication: bdb.fields.get("replication").and_then(Value::as_bool),
        persistence: text("data_persistence"),
        eviction_policy: text("eviction_policy"),
        proxy_policy: text("proxy_policy"),
        tls_mode: text("tls_mode"),
        client_authentication: text("enforce_client_authentication"),
    }
}
