//! What happens to a database, told request by request.

mod creation;
mod machine;
mod nodes;
mod render;
mod update;

use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::fault::{Effect, FaultPlan, Rule};
use crate::sim::testbed::start;
use jiff::SignedDuration;
use serde_json::{Value, json};

const GIB: u64 = 1 << 30;

/// The smallest body that creates a database in every profile.
fn plain() -> Value {
    json!({"name": "db1", "memory_size": GIB, "redis_version": "7.2"})
}

/// `plain` with more fields.
fn with(fields: Value) -> Value {
    let mut body = plain();
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body
}

fn sharded(shards: u64) -> Value {
    json!({"sharding": true, "shards_count": shards, "shard_key_regex": [{"regex": ".*\\{(?<tag>.*)\\}.*"}, {"regex": "(?<tag>.*)"}]})
}

fn client_certificate(from: i64) -> String {
    let from = start() - SignedDuration::from_hours(24 * from);
    mint::node("client", &[], from, KeyKind::Ecdsa).unwrap().chain_pem
}

fn faulty(method: &str, path: &str, effect: Effect) -> FaultPlan {
    let rule = Rule {
        method: Some(method.into()),
        path: Some(path.into()),
        node: None,
        skip: 0,
        count: Some(1),
        effect,
    };
    FaultPlan { rules: vec![rule] }
}
