//! The databases of a cluster as they are kept: what was set, what the cluster chose, and where the shards are.

use super::backups::Backup;
use super::module_settings;
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::placement::{Demand, Layout, NoRoom, Role, Rules, Shard, Shards, Strategy};
use crate::sim::resources::alarms::Turns;
use crate::sim::schema::bdb::FIELDS;
use crate::sim::state::{Cluster, Env};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// `status` of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Status {
    Pending,
    Active,
    ActiveChangePending,
    DeletePending,
    ImportPending,
    CreationFailed,
    /// After a recovery of the cluster, until its data are back.
    Recovery,
}

impl Status {
    /// As the REST API writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::ActiveChangePending => "active-change-pending",
            Self::DeletePending => "delete-pending",
            Self::ImportPending => "import-pending",
            Self::CreationFailed => "creation-failed",
            Self::Recovery => "recovery",
        }
    }
}

/// What the running state machine of a database will have done.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Change {
    Create,
    /// Holds what a failure falls back to.
    Update {
        set: Map<String, Value>,
        shards: Vec<Shard>,
    },
    /// The same with a newer version, for which shards restart.
    Upgrade {
        set: Map<String, Value>,
        shards: Vec<Shard>,
    },
    Delete,
    Import,
    Export,
    /// Its data are loaded from the files that are left.
    Recover {
        /// What the database holds afterwards.
        bytes: u64,
    },
    /// Failover, migration: the effect has happened, only the end is awaited.
    Settle,
}

/// One database.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Database {
    pub(crate) uid: BdbUid,
    pub(crate) status: Status,
    /// Fields that were set, or that the cluster chose at creation. All others have their default.
    pub(crate) set: Map<String, Value>,
    /// Port of the endpoint, also when `port` reads 0 because it was chosen automatically.
    pub(crate) port: u16,
    /// Nodes whose proxy serves the endpoint.
    pub(crate) bound: Vec<NodeUid>,
    pub(crate) admin_password: String,
    /// Passwords of the default user, oldest first.
    pub(crate) passwords: Vec<String>,
    pub(crate) action_uid: String,
    pub(crate) change: Option<Change>,
    /// Error with which the running machine will end.
    pub(crate) failing: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) topology_epoch: u64,
    /// What was put into it, in memory.
    pub(crate) data_bytes: u64,
    /// How often it has been emptied.
    #[serde(default)]
    pub(crate) flushes: u64,
    /// Its periodic backups, if it has any.
    #[serde(default)]
    pub(crate) backup: Option<Backup>,
    /// Of its alerts.
    #[serde(default)]
    pub(crate) turns: Turns,
}

impl Database {
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.set.get(field) == Some(&Value::Bool(true))
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.set.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The shards that its configuration asks for.
    pub(crate) fn demand(&self) -> Demand {
        demand(&self.set)
    }

    /// Deletes its data.
    pub(crate) fn empty(&mut self) {
        self.data_bytes = 0;
        self.flushes += 1;
    }

    /// Marks it changed at `now`.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.changed = now;
        self.topology_epoch += 1;
    }
}

/// The shards that a configuration asks for: `memory_size` covers masters and replicas.
pub(crate) fn demand(set: &Map<String, Value>) -> Demand {
    let number = |field: &str, default: u64| set.get(field).and_then(Value::as_u64).unwrap_or(default);
    let flag = |field: &str| set.get(field) == Some(&Value::Bool(true));
    let masters = number("shards_count", 1).clamp(1, 512);
    let replicated = flag("replication");
    let flash = flag("bigstore");
    let memory = if flash {
        number("bigstore_ram_size", 0)
    } else {
        number("memory_size", 0)
    };
    let legacy = set.get("hash_slots_policy").and_then(Value::as_str) == Some("legacy");
    Demand {
        masters: u32::try_from(masters).unwrap_or(1),
        replicated,
        shard_memory_bytes: memory / (masters * if replicated { 2 } else { 1 }),
        flash,
        slots: if legacy { (1, 4096) } else { (0, 16383) },
    }
}

/// How a configuration wants its shards placed in this cluster.
pub(crate) fn rules(cluster: &Cluster, set: &Map<String, Value>) -> Rules {
    let flag = |map: &Map<String, Value>, field: &str| map.get(field) == Some(&Value::Bool(true));
    let nodes = |field: &str| {
        let uids = set.get(field).and_then(Value::as_array).into_iter().flatten();
        uids.filter_map(|uid| uid.as_str()?.parse().ok()).collect()
    };
    let placement =
        |map: &Map<String, Value>, field: &str| map.get(field).and_then(Value::as_str).map(str::to_owned);
    let strategy =
        placement(set, "shards_placement").or_else(|| placement(&cluster.policy, "default_shards_placement"));
    Rules {
        strategy: if strategy.as_deref() == Some("sparse") {
            Strategy::Sparse
        } else {
            Strategy::Dense
        },
        rack_aware: flag(set, "rack_aware"),
        overbooking: flag(&cluster.policy, "shards_overbooking"),
        use_nodes: nodes("use_nodes"),
        avoid_nodes: nodes("avoid_nodes"),
    }
}

/// The databases of a cluster.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Databases {
    by_uid: BTreeMap<BdbUid, Database>,
    pub(crate) shards: Shards,
    ports: BTreeSet<u16>,
    /// How many endpoints each node serves.
    listeners: BTreeMap<NodeUid, u64>,
    last_uid: u64,
}

/// A shard as node objects count it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeShard {
    pub(crate) uid: crate::sim::ids::ShardUid,
    pub(crate) master: bool,
    pub(crate) flash: bool,
    pub(crate) memory_bytes: u64,
}

/// Shards in use, replicas included, as a licence counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardCounts {
    pub(crate) ram: u64,
    pub(crate) flash: u64,
}

impl Databases {
    pub(crate) fn get(&self, uid: BdbUid) -> Option<&Database> {
        self.by_uid.get(&uid)
    }

    pub(crate) fn get_mut(&mut self, uid: BdbUid) -> Option<&mut Database> {
        self.by_uid.get_mut(&uid)
    }

    /// Every database, by uid.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Database> {
        self.by_uid.values()
    }

    /// The uid that the next database gets: one more than any so far.
    pub(crate) fn next_uid(&self) -> BdbUid {
        BdbUid(self.last_uid + 1)
    }

    pub(crate) fn insert(&mut self, database: Database) {
        self.ports.insert(database.port);
        self.by_uid.insert(database.uid, database);
    }

    /// Forgets a database with its shards, port and endpoints.
    pub(crate) fn remove(&mut self, uid: BdbUid) {
        self.set_bound(uid, Vec::new());
        self.shards.remove(uid);
        if let Some(database) = self.by_uid.remove(&uid) {
            self.ports.remove(&database.port);
        }
    }

    /// Remembers that the uid of this database was given away for good.
    pub(crate) fn keep(&mut self, uid: BdbUid) {
        self.last_uid = self.last_uid.max(uid.0);
    }

    pub(crate) fn port_in_use(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Lets these nodes serve the endpoint, and no others.
    pub(crate) fn set_bound(&mut self, uid: BdbUid, nodes: Vec<NodeUid>) {
        let Some(database) = self.by_uid.get_mut(&uid) else {
            return;
        };
        for node in &database.bound {
            let count = self.listeners.entry(*node).or_default();
            *count = count.saturating_sub(1);
        }
        for node in &nodes {
            *self.listeners.entry(*node).or_default() += 1;
        }
        database.bound = nodes;
    }

    /// Shards that live on `node`.
    pub(crate) fn shards_on(&self, node: NodeUid) -> Vec<NodeShard> {
        let seen = |shard: &Shard| NodeShard {
            uid: shard.uid,
            master: shard.role == Role::Master,
            flash: shard.flash,
            memory_bytes: shard.memory_bytes,
        };
        self.shards.on(node).map(seen).collect()
    }

    /// How many endpoints are bound on `node`.
    pub(crate) fn endpoints_on(&self, node: NodeUid) -> usize {
        self.listeners
            .get(&node)
            .map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX))
    }

    /// Shards in use.
    pub(crate) fn shard_counts(&self) -> ShardCounts {
        let (ram, flash) = self.shards.in_use();
        ShardCounts { ram, flash }
    }

    /// Databases whose status is not `active`.
    pub(crate) fn unsettled(&self) -> Vec<BdbUid> {
        self.iter()
            .filter(|database| database.status != Status::Active)
            .map(|database| database.uid)
            .collect()
    }

    /// The cluster comes back from a file: nothing runs, and every database waits for its data.
    pub(crate) fn enter_recovery(&mut self) {
        let uids: Vec<BdbUid> = self.by_uid.keys().copied().collect();
        for uid in uids {
            self.set_bound(uid, Vec::new());
            self.shards.set_up(uid, |_| false);
            if let Some(database) = self.by_uid.get_mut(&uid) {
                database.change = None;
                database.failing = None;
                database.backup = None;
                if database.status != Status::CreationFailed {
                    database.status = Status::Recovery;
                }
            }
        }
    }

    /// Whether there is such a database.
    pub(crate) fn contains(&self, uid: BdbUid) -> bool {
        self.by_uid.contains_key(&uid)
    }

    /// Whether `GET /v1/bdbs/{uid}` shows this value for a settable field, for the monitor of unchanged fields.
    pub(crate) fn shows(&self, uid: BdbUid, env: &Env, field: &str, value: &Value) -> bool {
        let Some(database) = self.get(uid) else {
            return false;
        };
        let default = || {
            FIELDS
                .iter()
                .find(|row| row.name == field)
                .and_then(|row| serde_json::from_str(row.default).ok())
        };
        database.set.get(field).cloned().or_else(default).as_ref() == Some(value)
            || module_settings::has(env, database, field, value)
    }

    /// Where everything is now.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            shards: self.shards.layout(),
            endpoints: self
                .iter()
                .map(|database| (database.uid, database.bound.clone()))
                .collect(),
        }
    }
}

/// Chooses the nodes that serve a database's endpoint by its proxy policy, among those that are up and have listeners left.
///
/// # Errors
/// When no node has a listener left.
pub(crate) fn bind(cluster: &mut Cluster, env: &Env, uid: BdbUid) -> Result<(), NoRoom> {
    let hosts = cluster.hosts(env);
    let databases = &cluster.databases;
    let Some(database) = databases.get(uid) else {
        return Ok(());
    };
    let listens = |node: NodeUid| {
        let used = databases.endpoints_on(node) - usize::from(database.bound.contains(&node));
        let host = hosts.iter().find(|host| host.uid == node && host.alive);
        host.is_some_and(|host| u64::try_from(used).is_ok_and(|used| used < host.max_listeners))
    };
    let mut masters: Vec<NodeUid> = Vec::new();
    for shard in databases
        .shards
        .of(uid)
        .filter(|shard| shard.role == Role::Master)
    {
        if listens(shard.node) && !masters.contains(&shard.node) {
            masters.push(shard.node);
        }
    }
    let everywhere: Vec<NodeUid> = hosts
        .iter()
        .map(|host| host.uid)
        .filter(|node| listens(*node))
        .collect();
    let anywhere = || {
        everywhere
            .iter()
            .copied()
            .min_by_key(|node| (databases.endpoints_on(*node), *node))
    };
    let wanted = match database.text("proxy_policy") {
        "all-nodes" => everywhere.clone(),
        "all-master-shards" if !masters.is_empty() => masters,
        _ => {
            let kept = database.bound.iter().copied().find(|node| masters.contains(node));
            kept.or_else(|| masters.first().copied())
                .or_else(anywhere)
                .into_iter()
                .collect()
        }
    };
    if wanted.is_empty() {
        return Err(NoRoom::Resources);
    }
    cluster.databases.set_bound(uid, wanted);
    Ok(())
}
