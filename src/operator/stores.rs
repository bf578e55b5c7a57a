//! The objects of the watched namespaces as the watches last showed them.

use crate::api::ClusterCertificate;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use crate::operator::object::Object;
use crate::plan::access::ClusterKey;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use std::sync::Arc;

/// Every object of the three kinds.
#[derive(Default)]
pub struct Stores {
    /// The clusters.
    pub clusters: Shelf<RedisCluster>,
    /// The databases.
    pub databases: Shelf<RedisDatabase>,
    /// The certificates.
    pub certificates: Shelf<ClusterCertificate>,
}

/// The objects of one kind: one store for each watch.
pub struct Shelf<K: Object> {
    stores: Vec<Store<K>>,
}

/// A kind that has a shelf.
pub trait Shelved: Object {
    /// The shelf of this kind.
    fn shelf(stores: &Stores) -> &Shelf<Self>;
}

impl<K: Object> Default for Shelf<K> {
    fn default() -> Self {
        Self { stores: Vec::new() }
    }
}

impl<K: Object> Shelf<K> {
    /// A shelf of so many stores, and the ends that fill them.
    pub fn new(watches: usize) -> (Self, Vec<Writer<K>>) {
        let (stores, writers) = (0..watches).map(|_| store()).unzip();
        (Self { stores }, writers)
    }

    /// A shelf with these objects.
    pub fn of(objects: impl IntoIterator<Item = K>) -> Self {
        let (reader, mut writer) = store();
        writer.apply_watcher_event(&Event::Init);
        for object in objects {
            writer.apply_watcher_event(&Event::InitApply(object));
        }
        writer.apply_watcher_event(&Event::InitDone);
        Self { stores: vec![reader] }
    }

    /// Waits until every watch has shown what there is.
    pub async fn ready(&self) {
        for store in &self.stores {
            // The writer ends only with the process.
            let _ = store.wait_until_ready().await;
        }
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let key = ObjectRef::<K>::new(name).within(namespace);
        self.stores.iter().find_map(|store| store.get(&key))
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = Arc<K>> {
        self.stores.iter().flat_map(Store::state)
    }

    /// Every object of a cluster.
    pub fn of_cluster(&self, cluster: &ClusterKey) -> Vec<Arc<K>> {
        self.stores
            .iter()
            .flat_map(|store| store.state_filter(|object| object.cluster() == *cluster))
            .collect()
    }
}

impl Shelved for RedisCluster {
    fn shelf(stores: &Stores) -> &Shelf<Self> {
        &stores.clusters
    }
}

impl Shelved for RedisDatabase {
    fn shelf(stores: &Stores) -> &Shelf<Self> {
        &stores.databases
    }
}

impl Shelved for ClusterCertificate {
    fn shelf(stores: &Stores) -> &Shelf<Self> {
        &stores.certificates
    }
}
