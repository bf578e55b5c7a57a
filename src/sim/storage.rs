//! What lies on the persistent storage of a machine: the configuration of its cluster and the files of its shards. While the
//! machine is a member they follow the cluster; what is left of them after a crash or a new installation is kept here.

use super::ids::{BdbUid, ClusterId, NodeIndex, NodeUid, ShardUid};
use super::placement::{Role, Shard};
use super::resources::bdbs::{Database, Status};
use super::state::{Cluster, Env, Member, Membership};
use super::world::World;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where persistent storage is unless a bootstrap says otherwise.
const PERSISTENT: &str = "/var/opt/redislabs/persist";

/// Files that outlived the cluster that wrote them, by path.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Storage {
    pub(crate) files: BTreeMap<String, File>,
    /// `ccs_persistent_path` of the bootstrap.
    pub(crate) ccs_path: Option<String>,
}

/// One file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct File {
    pub(crate) content: Content,
    pub(crate) modified: Timestamp,
    pub(crate) state: FileState,
}

/// Whether a file is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It can be read.
    Sound,
    /// Its permissions forbid it.
    Unreadable,
    /// What is read makes no sense.
    Corrupted,
    /// It is not there any more.
    Missing,
}

/// What a file holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Content {
    /// `ccs-redis.rdb`, and the version of the software that wrote it.
    Configuration(Box<Cluster>, String),
    Data(DataFile),
}

/// An append-only file or a snapshot of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct DataFile {
    /// Name of the cluster.
    pub(crate) cluster: String,
    pub(crate) bdb: BdbUid,
    pub(crate) shard: ShardUid,
    pub(crate) role: Role,
    pub(crate) slots: (u32, u32),
    pub(crate) bytes: u64,
}

/// A file as [`World::files`] lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// Where it is.
    pub path: String,
    /// Bytes of data; of a configuration, 0.
    pub size: u64,
    /// When it was written last.
    pub modified: Timestamp,
    /// Whether it is of use.
    pub state: FileState,
}

/// Root of a member's persistent storage.
pub(crate) fn persistent_path(member: &Member) -> &str {
    let path = member.extra.get("persistent_storage_path");
    path.and_then(serde_json::Value::as_str).unwrap_or(PERSISTENT)
}

/// Where a member's machine keeps the configuration of the cluster.
fn configuration_path(env: &Env, member: &Member) -> String {
    let own = env
        .node(member.host)
        .and_then(|node| node.storage.ccs_path.as_deref());
    format!(
        "{}/ccs/ccs-redis.rdb",
        own.unwrap_or_else(|| persistent_path(member))
    )
}

/// The file of a shard, if it writes one: a replica does, and a master that has none or is told to.
fn data_file(cluster: &Cluster, env: &Env, database: &Database, shard: &Shard) -> Option<(String, DataFile)> {
    let name = match database.text("data_persistence") {
        "aof" => format!("appendonly-{}.aof", shard.uid),
        "snapshot" => format!("dump-{}.rdb", shard.uid),
        _ => return None,
    };
    let writes =
        shard.role == Role::Slave || !database.flag("replication") || database.flag("master_persistence");
    let runs = !matches!(
        database.status,
        Status::Recovery | Status::CreationFailed | Status::Pending
    );
    let written = shard.unsaved_until.is_none_or(|until| until <= env.now);
    let parts = u64::from(database.demand().masters.max(1));
    (writes && runs && written).then(|| {
        let file = DataFile {
            cluster: cluster.name.clone(),
            bdb: database.uid,
            shard: shard.uid,
            role: shard.role,
            slots: shard.slots,
            bytes: database.data_bytes / parts,
        };
        (name, file)
    })
}

/// The files of shards that a member has now.
fn live_data(cluster: &Cluster, env: &Env, member: &Member) -> BTreeMap<String, File> {
    let root = persistent_path(member);
    let file = |shard: &Shard| {
        let database = cluster.databases.get(shard.bdb)?;
        let (name, data) = data_file(cluster, env, database, shard)?;
        let file = File {
            content: Content::Data(data),
            modified: env.now,
            state: FileState::Sound,
        };
        Some((format!("{root}/redis/{name}"), file))
    };
    cluster.databases.shards.on(member.uid).filter_map(file).collect()
}

/// Writes down what a member's machine has on its disk now, before it stops following the cluster.
pub(crate) fn keep(world: &mut World, index: NodeIndex) {
    let World { env, clusters, .. } = world;
    let Some((cluster, uid)) = env
        .node(index)
        .and_then(|node| followed(clusters, node.membership))
    else {
        return;
    };
    let Some(member) = cluster.members.get(&uid).filter(|member| member.host == index) else {
        return;
    };
    let mut files = live_data(cluster, env, member);
    let version = env
        .node(index)
        .map(|node| node.software_version.clone())
        .unwrap_or_default();
    let configuration = File {
        content: Content::Configuration(Box::new(cluster.clone()), version),
        modified: env.now,
        state: FileState::Sound,
    };
    files.insert(configuration_path(env, member), configuration);
    if let Some(node) = env.node_mut(index) {
        node.storage.files.extend(files);
    }
}

fn followed(clusters: &BTreeMap<ClusterId, Cluster>, membership: Membership) -> Option<(&Cluster, NodeUid)> {
    match membership {
        Membership::Member(id, uid) => clusters.get(&id).map(|cluster| (cluster, uid)),
        Membership::Fresh | Membership::Removed => None,
    }
}

/// Forgets what was written down: the machine follows its cluster again.
pub(crate) fn follow(cluster: &Cluster, env: &mut Env, member: &Member) {
    let own = configuration_path(env, member);
    let id = cluster.id;
    if let Some(node) = env.node_mut(member.host) {
        node.storage.files.retain(|path, file| match &file.content {
            Content::Configuration(kept, _) => *path != own && kept.id != id,
            Content::Data(data) => {
                let database = cluster.databases.get(data.bdb);
                data.cluster != cluster.name
                    || database.is_some_and(|database| database.status == Status::Recovery)
            }
        });
    }
}

impl World {
    /// The files on a machine's persistent storage.
    #[must_use]
    pub fn files(&self, index: NodeIndex) -> Vec<FileEntry> {
        let Some(node) = self.env.node(index) else {
            return Vec::new();
        };
        let mut all: BTreeMap<String, FileEntry> = BTreeMap::new();
        let mut add = |path: &str, size: u64, modified: Timestamp, state: FileState| {
            let entry = FileEntry {
                path: path.to_owned(),
                size,
                modified,
                state,
            };
            all.insert(path.to_owned(), entry);
        };
        for (path, file) in &node.storage.files {
            add(path, file.size(), file.modified, file.state);
        }
        let live = followed(&self.clusters, node.membership).filter(|_| node.is_on());
        let live = live.and_then(|(cluster, uid)| Some((cluster, cluster.members.get(&uid)?)));
        if let Some((cluster, member)) = live {
            add(
                &configuration_path(&self.env, member),
                0,
                self.env.now,
                FileState::Sound,
            );
            for (path, file) in live_data(cluster, &self.env, member) {
                add(&path, file.size(), file.modified, file.state);
            }
        }
        all.into_values().collect()
    }

    /// Copies what is on the persistent storage of one machine to `path` on another, as if the drive were mounted there. Gives
    /// how many files there are.
    pub fn mount(&mut self, from: NodeIndex, to: NodeIndex, path: &str) -> usize {
        let member = self.env.node(from).map(|node| node.membership);
        let root = member
            .and_then(|membership| {
                let (cluster, uid) = followed(&self.clusters, membership)?;
                cluster
                    .members
                    .get(&uid)
                    .map(|member| persistent_path(member).to_owned())
            })
            .unwrap_or_else(|| PERSISTENT.to_owned());
        let kept = self.env.node(from).map(|node| node.storage.clone());
        keep(self, from);
        let files = self
            .env
            .node(from)
            .map(|node| node.storage.files.clone())
            .unwrap_or_default();
        if let (Some(kept), Some(node)) = (kept, self.env.node_mut(from))
            && node.is_on()
        {
            node.storage = kept;
        }
        let moved = |(place, file): (String, File)| {
            let rest = place.strip_prefix(&root).unwrap_or(&place).to_owned();
            (format!("{}{rest}", path.trim_end_matches('/')), file)
        };
        let files: BTreeMap<String, File> = files.into_iter().map(moved).collect();
        let count = files.len();
        match self.env.node_mut(to) {
            Some(node) => node.storage.files.extend(files),
            None => return 0,
        }
        self.revision += 1;
        count
    }

    /// Puts a file of a machine that follows no cluster into another state. `false` if there is no such file.
    pub fn spoil(&mut self, index: NodeIndex, path: &str, state: FileState) -> bool {
        let Some(node) = self.env.node_mut(index) else {
            return false;
        };
        let files = &mut node.storage.files;
        let found = match state {
            FileState::Missing => files.remove(path).is_some(),
            FileState::Sound | FileState::Unreadable | FileState::Corrupted => {
                files.get_mut(path).map(|file| file.state = state).is_some()
            }
        };
        self.revision += u64::from(found);
        found
    }
}

impl File {
    fn size(&self) -> u64 {
        match &self.content {
            Content::Configuration(..) => 0,
            Content::Data(data) => data.bytes,
        }
    }
}
