//! What an update names although it has that value already: the mark of a client that does not compare.

use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::resources::{cluster, nodes};
use crate::sim::state::{Cluster, Env, Member};
use serde_json::{Map, Value};

/// Says which fields of the body of a PUT to `path` change nothing; none if all do, or if no object is updated there.
pub(super) fn unchanged(path: &[&str], body: &Value, env: &Env, cluster: &Cluster) -> Option<String> {
    let body = body.as_object()?;
    let (what, fields) = match path {
        ["v1" | "v2", "bdbs", uid] => {
            let uid: BdbUid = uid.parse().ok()?;
            let has = |name: &str, value: &Value| cluster.databases.shows(uid, env, name, value);
            (format!("database {uid}"), named(body, has))
        }
        ["v1", "nodes", uid] => {
            let member = cluster.members.get(&uid.parse::<NodeUid>().ok()?)?;
            let shown = nodes::shown(cluster, env, member);
            let has = |name: &str, value: &Value| !reopens(member, name) && shown.get(name) == Some(value);
            (format!("node {}", member.uid), named(body, has))
        }
        ["v1", "cluster"] => {
            let shown = cluster::shown(cluster, env);
            let has = |name: &str, value: &Value| shown.get(name).is_some_and(|own| covers(own, value));
            ("the cluster".to_owned(), named(body, has))
        }
        ["v1", "cluster", "policy"] => {
            let has = |name: &str, value: &Value| cluster.policy.get(name) == Some(value);
            ("the policy of the cluster".to_owned(), named(body, has))
        }
        _ => return None,
    };
    (!fields.is_empty()).then(|| format!("{what} already has this value of {}", fields.join(", ")))
}

fn named(body: &Map<String, Value>, has: impl Fn(&str, &Value) -> bool) -> Vec<&str> {
    let fields = body.iter().filter(|(name, value)| has(name, value));
    fields.map(|(name, _)| name.as_str()).collect()
}

/// A node that a failed removal left closed accepts shards as it is shown, and takes some only when it is told to again.
fn reopens(member: &Member, field: &str) -> bool {
    member.closed && field == "accept_servers"
}

/// Objects are merged: what is left out inside them stays.
fn covers(own: &Value, named: &Value) -> bool {
    match (own, named) {
        (Value::Object(own), Value::Object(named)) => {
            let has = |(name, value): (&String, &Value)| own.get(name).is_some_and(|own| covers(own, value));
            named.iter().all(has)
        }
        _ => own == named,
    }
}
