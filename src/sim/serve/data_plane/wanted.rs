//! What the server of each database shall be: read from the world, without a process in sight.

use crate::sim::config::TlsIdentity;
use crate::sim::ids::ShardUid;
use crate::sim::placement::{Role, Shard};
use crate::sim::resources::bdbs::{Database, Status};
use crate::sim::state::{Cluster, Env, Member, Power};
use crate::sim::world::World;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands for one database: a server that clients reach, and one that copies it if the database is replicated.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sim::serve) struct Wanted {
    /// Where clients reach it; nowhere while its traffic is stopped or no node serves it.
    pub(super) addresses: Vec<String>,
    pub(super) port: u16,
    /// All valid at once; none for a database that asks for no password.
    pub(super) passwords: Vec<String>,
    /// Whether clients may come as the default user.
    pub(super) default_user: bool,
    pub(super) memory_bytes: u64,
    pub(super) eviction: String,
    pub(super) tls: Option<Tls>,
    pub(super) persistence: Persistence,
    /// The shard that clients talk to.
    pub(super) master: Seat,
    pub(super) replica: Option<Seat>,
    /// How often the database has been emptied.
    pub(super) flushes: u64,
}

/// How clients are met.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tls {
    pub(super) identity: TlsIdentity,
    /// Authorities of the certificates that clients must show, PEM; empty if they need none.
    pub(super) clients: String,
    /// Protocol versions, as the server's configuration names them.
    pub(super) protocols: &'static str,
}

/// What is left of the data when their machine loses power.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Persistence {
    Nothing,
    /// Every command is written; at once or within a second.
    Commands {
        always: bool,
    },
    /// Written after so many seconds and changes.
    Snapshots(Vec<(u64, u64)>),
}

/// A shard and its machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seat {
    pub(super) shard: ShardUid,
    pub(super) power: Power,
    /// A machine that booted since lost what was in memory.
    pub(super) booted: Timestamp,
}

/// The servers that the databases of a world want, by cluster and uid.
pub(in crate::sim::serve) fn wanted(world: &World) -> BTreeMap<String, Wanted> {
    let mut all = BTreeMap::new();
    for cluster in world.clusters.values() {
        for database in cluster.databases.iter() {
            let wanted = server(cluster, &world.env, database);
            all.extend(wanted.map(|wanted| (format!("{}-{}", cluster.id.0, database.uid), wanted)));
        }
    }
    all
}

/// One pair of servers stands for all shards of a database: they live and die with the shards of the first slots.
fn server(cluster: &Cluster, env: &Env, database: &Database) -> Option<Wanted> {
    if !has_data(database.status) || database.text("type") == "memcached" {
        return None;
    }
    let shards = || cluster.databases.shards.of(database.uid);
    let master = shards().find(|shard| shard.role == Role::Master)?;
    let replica = shards().find(|shard| shard.role == Role::Slave && shard.slots == master.slots);
    let served = members(cluster, env, database);
    let tls = (database.text("tls_mode") == "enabled" || database.flag("ssl")).then(|| {
        let proxy = served
            .first()
            .and_then(|member| env.node(member.host)?.installed.get("proxy"));
        proxy.map(|identity| tls(cluster, database, identity))
    });
    let closed = database.flag("traffic_manually_disabled") || tls == Some(None);
    let mut addresses: Vec<String> = served.iter().map(|member| member.addr.clone()).collect();
    addresses.sort();
    addresses.dedup();
    let memory = number(database.set.get("memory_size"));
    Some(Wanted {
        addresses: if closed { Vec::new() } else { addresses },
        port: database.port,
        passwords: database.passwords.clone(),
        default_user: database.set.get("default_user") != Some(&Value::Bool(false)),
        memory_bytes: memory / if database.flag("replication") { 2 } else { 1 },
        // What only the newest servers know is close to what all know.
        eviction: database.text("eviction_policy").replace("-lrm", "-lru"),
        tls: tls.flatten(),
        persistence: persistence(database),
        master: seat(cluster, env, master),
        replica: replica.map(|replica| seat(cluster, env, replica)),
        flushes: database.flushes,
    })
}

fn has_data(status: Status) -> bool {
    match status {
        Status::Active | Status::ActiveChangePending | Status::ImportPending => true,
        Status::Pending | Status::CreationFailed | Status::DeletePending | Status::Recovery => false,
    }
}

/// The nodes that serve the endpoint and run.
fn members<'a>(cluster: &'a Cluster, env: &Env, database: &Database) -> Vec<&'a Member> {
    let members = database.bound.iter().filter_map(|uid| cluster.members.get(uid));
    members.filter(|member| cluster.runs(env, member)).collect()
}

fn tls(cluster: &Cluster, database: &Database, identity: &TlsIdentity) -> Tls {
    let shown = database.set.get("authentication_ssl_client_certs");
    let certificates = shown.and_then(Value::as_array).into_iter().flatten();
    let certificates = certificates.filter_map(|entry| entry.get("client_cert")?.as_str());
    let enforced = database.text("enforce_client_authentication") != "disabled";
    let least = cluster
        .settings
        .get("min_data_TLS_version")
        .and_then(Value::as_str);
    Tls {
        identity: identity.clone(),
        clients: certificates.filter(|_| enforced).collect::<Vec<_>>().join("\n"),
        protocols: if least == Some("1.3") {
            "TLSv1.3"
        } else {
            "TLSv1.2 TLSv1.3"
        },
    }
}

fn persistence(database: &Database) -> Persistence {
    match database.text("data_persistence") {
        "aof" => Persistence::Commands {
            always: database.text("aof_policy") == "appendfsync-always",
        },
        "snapshot" => {
            let policy = database.set.get("snapshot_policy").and_then(Value::as_array);
            let rule = |rule: &Value| (number(rule.get("secs")), number(rule.get("writes")));
            Persistence::Snapshots(policy.into_iter().flatten().map(rule).collect())
        }
        _ => Persistence::Nothing,
    }
}

fn number(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_u64).unwrap_or(0)
}

fn seat(cluster: &Cluster, env: &Env, shard: &Shard) -> Seat {
    let member = cluster.members.get(&shard.node);
    let node = member.and_then(|member| env.node(member.host));
    let power = match (member, node.map(|node| node.power)) {
        (Some(_), Some(Power::Frozen)) => Power::Frozen,
        (Some(member), Some(Power::On)) if cluster.runs(env, member) => Power::On,
        (Some(_), Some(Power::On | Power::Crashed) | None) | (None, _) => Power::Crashed,
    };
    Seat {
        shard: shard.uid,
        power,
        booted: node.map_or(Timestamp::MIN, |node| node.booted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::ids::NodeIndex;
    use crate::sim::testbed::Bed;
    use serde_json::json;

    fn only(bed: &Bed) -> Wanted {
        let mut all = wanted(&bed.world);
        assert_eq!(all.len(), 1);
        all.pop_first().unwrap().1
    }

    #[test]
    fn a_server_is_wanted_from_activation_to_deletion() {
        let mut bed = Bed::new();
        bed.ok("POST", "/v1/bdbs", json!({"name": "db", "memory_size": 1 << 30}));
        assert!(wanted(&bed.world).is_empty(), "pending");
        bed.pass(60);
        assert_eq!(only(&bed).memory_bytes, 1 << 30);
        bed.ok("DELETE", "/v1/bdbs/1", Value::Null);
        assert!(wanted(&bed.world).is_empty(), "going");
    }

    #[test]
    fn stopped_traffic_takes_the_addresses_and_leaves_the_server() {
        let mut bed = Bed::new();
        bed.database(json!({"name": "db", "memory_size": 1 << 30}));
        let before = only(&bed);
        bed.ok("POST", "/v1/bdbs/1/actions/stop_traffic", json!({}));
        let stopped = only(&bed);
        assert_eq!((stopped.addresses.len(), stopped.master), (0, before.master));
        bed.pass(60);
        bed.ok("POST", "/v1/bdbs/1/actions/resume_traffic", json!({}));
        assert_eq!(only(&bed).addresses, before.addresses);
    }

    #[test]
    fn a_dead_masters_replica_takes_over_once_the_cluster_noticed() {
        let mut bed = Bed::new();
        bed.database(json!({"name": "db", "memory_size": 1 << 30, "replication": true}));
        let before = only(&bed);
        let host = |shard: ShardUid| {
            let cluster = bed.world.clusters.values().next().unwrap();
            cluster.members[&cluster.databases.shards.get(shard).unwrap().node].host
        };
        let host: NodeIndex = host(before.master.shard);
        bed.world.crash(host);
        let crashed = only(&bed);
        assert_eq!(
            (crashed.master.shard, crashed.master.power),
            (before.master.shard, Power::Crashed)
        );
        bed.pass(60);
        let after = only(&bed);
        assert_eq!(Some(after.master.shard), before.replica.map(|seat| seat.shard));
        assert_eq!(after.master.power, Power::On);
        bed.world.power_on(host);
        bed.pass(60);
        let back = only(&bed).replica.unwrap();
        assert_eq!((back.shard, back.power), (before.master.shard, Power::On));
        assert_ne!(back.booted, before.master.booted);
    }

    #[test]
    fn a_flush_is_counted_and_a_refused_one_is_not() {
        let mut bed = Bed::new();
        bed.database(json!({"name": "db", "memory_size": 1 << 30}));
        bed.ok("PUT", "/v1/bdbs/1/flush?dry_run", json!({}));
        assert_eq!(only(&bed).flushes, 0);
        bed.ok("PUT", "/v1/bdbs/1/flush", json!({}));
        bed.refused("PUT", "/v1/bdbs/1/flush", json!({}));
        assert_eq!(only(&bed).flushes, 1);
    }
}
