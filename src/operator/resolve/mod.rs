//! What an object refers to: Secrets, the cluster it belongs to, and other objects that bear on it.
//!
//! Reads Kubernetes only. What is missing or unusable becomes a hold with the remedy; only an API server that does not
//! answer is an error.

mod access;
mod breaker;
mod certificate;
mod cluster;
mod database;
mod secret;
#[cfg(test)]
pub mod tests;

pub use access::access_of;
pub use breaker::DELETION_WINDOW;
pub use breaker::breaker;
pub use breaker::is_recent;

use crate::api::ClusterCertificate;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use crate::engine::Managed;
use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use crate::operator::object::Object;
use crate::operator::secrets::Age;
use crate::operator::secrets::Found;
use crate::operator::secrets::Secrets;
use crate::operator::stores::Shelved;
use crate::operator::stores::Stores;
use crate::plan::access::ClusterKey;
use crate::report::Report;
use crate::report::Round;
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;

/// A kind whose references can be resolved.
pub trait Resolve: Managed + Shelved {
    /// Finds what the object refers to.
    fn resolve(&self, world: &World<'_>) -> impl Future<Output = Result<Self::Inputs, KubeError>> + Send;

    /// Objects of other passes that a pass which is about to act has to see as they are now, not as a watch last showed
    /// them.
    fn look_live(
        &self,
        kube: &Kube,
        scope: &[Option<String>],
    ) -> impl Future<Output = Result<Live, KubeError>> + Send;

    /// What others see of a pass.
    fn report(round: &KindRound<'_, Self>) -> Report<Self::Status>;

    /// The status with a record taken in, as it is written together with the record.
    fn announce(object: &Self, record: &Record, now: Timestamp) -> Self::Status;
}

/// A pass over an object of kind `K`.
pub type KindRound<'a, K> =
    Round<'a, K, <K as Managed>::Inputs, <K as Managed>::Observed, <K as Managed>::Action>;

/// Objects read in this pass; they take precedence over the stores.
#[derive(Default)]
pub struct Live {
    /// The RedisCluster that the object refers to.
    pub cluster: Option<Option<Arc<RedisCluster>>>,
    /// Every RedisCluster.
    pub clusters: Option<Vec<Arc<RedisCluster>>>,
    /// The certificates of the object's namespace.
    pub certificates: Option<Vec<Arc<ClusterCertificate>>>,
}

/// Where references are looked up, and how old an answer may be.
pub struct World<'a> {
    /// The API server, for Secrets.
    pub kube: &'a Kube,
    /// Objects as the watches showed them.
    pub stores: &'a Stores,
    /// Secrets.
    pub secrets: &'a Secrets,
    /// Objects read in this pass.
    pub live: Live,
    /// The time.
    pub now: Timestamp,
    /// Until when calls that cannot be repeated wait for those of a previous leader to run out.
    pub takeover_until: Option<Timestamp>,
    /// Since when the object's own Secrets must have been read; `None` leaves them to their round.
    pub fresh_since: Option<tokio::time::Instant>,
}

impl World<'_> {
    /// A Secret in the namespace of `object`.
    async fn secret<K: Object>(&self, object: &K, name: &str, round: Age) -> Result<Found, KubeError> {
        let namespace = object.namespace().unwrap_or_default();
        self.secrets.get(self.kube, &namespace, name, round).await
    }

    /// How old the object's own Secrets may be.
    fn own_age(&self, round: Age) -> Age {
        self.fresh_since.map_or(round, Age::Since)
    }

    fn cluster(&self, key: &ClusterKey) -> Option<Arc<RedisCluster>> {
        match &self.live.cluster {
            Some(cluster) => cluster.clone(),
            None => self.stores.clusters.get(&key.namespace, &key.name),
        }
    }

    fn clusters(&self) -> Vec<Arc<RedisCluster>> {
        self.live
            .clusters
            .clone()
            .unwrap_or_else(|| self.stores.clusters.all().collect())
    }

    fn certificates_of(&self, key: &ClusterKey) -> Vec<Arc<ClusterCertificate>> {
        match &self.live.certificates {
            Some(live) => live
                .iter()
                .filter(|certificate| certificate.cluster() == *key)
                .cloned()
                .collect(),
            None => self.stores.certificates.of_cluster(key),
        }
    }

    fn databases_of(&self, key: &ClusterKey) -> Vec<Arc<RedisDatabase>> {
        self.stores.databases.of_cluster(key)
    }
}

/// Whether `one` came into being before `other`: by creation time, then by uid. Of two objects that claim the same thing,
/// the older one wins.
fn is_older<K: Object>(one: &K, other: &K) -> bool {
    let age = |object: &K| (object.creation_timestamp().map(|time| time.0), object.uid());
    age(one) < age(other)
}
