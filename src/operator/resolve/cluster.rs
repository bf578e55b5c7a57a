//! What a RedisCluster refers to.

use crate::api::ClusterCertificate;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use crate::operator::object::Object;
use crate::operator::resolve::KindRound;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::operator::resolve::access::access_of;
use crate::operator::resolve::access::pins_of;
use crate::operator::resolve::is_older;
use crate::operator::resolve::secret::Reference;
use crate::operator::secrets::Age;
use crate::plan::Input;
use crate::plan::cluster::CertificateState;
use crate::plan::cluster::Inputs;
use crate::report;
use crate::report::Report;
use jiff::Timestamp;
use kube::ResourceExt;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Resolve for RedisCluster {
    async fn resolve(&self, world: &World<'_>) -> Result<Inputs, KubeError> {
        let age = world.own_age(Age::Interval);
        Ok(Inputs {
            access: access_of(self, world, age).await?,
            license: license(self, world, age).await?,
            claimed_by: claimed_by(self, &world.clusters()),
            certificates: world
                .certificates_of(&self.cluster())
                .iter()
                .map(|one| state(one))
                .collect(),
            dependents: dependents(self, world),
            takeover_until: world.takeover_until,
        })
    }

    async fn look_live(&self, kube: &Kube, scope: &[Option<String>]) -> Result<Live, KubeError> {
        let certificates = kube
            .list::<ClusterCertificate>(self.namespace().as_deref())
            .await?;
        let certificates = Some(certificates.into_iter().map(Arc::new).collect());
        if self
            .status
            .as_ref()
            .is_some_and(|status| status.identity.is_some())
        {
            return Ok(Live {
                certificates,
                ..Live::default()
            });
        }
        // Which of two new objects is the older one decides who creates the cluster.
        let mut clusters = Vec::new();
        for namespace in scope {
            clusters.extend(
                kube.list::<Self>(namespace.as_deref())
                    .await?
                    .into_iter()
                    .map(Arc::new),
            );
        }
        Ok(Live {
            certificates,
            clusters: Some(clusters),
            ..Live::default()
        })
    }

    fn report(round: &KindRound<'_, Self>) -> Report<Self::Status> {
        report::cluster(round)
    }

    fn announce(object: &Self, record: &Record, now: Timestamp) -> Self::Status {
        report::announce_cluster(object, record, now)
    }
}

async fn license(
    cluster: &RedisCluster,
    world: &World<'_>,
    age: Age,
) -> Result<Input<Option<String>>, KubeError> {
    let Some(reference) = &cluster.spec.license_secret_ref else {
        return Ok(Ok(None));
    };
    let found = world.secret(cluster, &reference.name, age).await?;
    let namespace = cluster.namespace().unwrap_or_default();
    let named = Reference {
        what: "install the licence",
        namespace: &namespace,
        name: &reference.name,
    };
    let text = named
        .content(&found)
        .and_then(|content| named.value(content, reference.key.as_deref().unwrap_or("license")));
    Ok(text.map(|text| Some(text.expose_secret().to_owned())))
}

/// An older RedisCluster of the same cluster name, or with a node at the same address.
fn claimed_by(cluster: &RedisCluster, others: &[Arc<RedisCluster>]) -> Option<String> {
    let mine = addresses(cluster);
    let claims = |other: &RedisCluster| {
        other.spec.cluster_name == cluster.spec.cluster_name || !addresses(other).is_disjoint(&mine)
    };
    let older = others
        .iter()
        .filter(|other| other.uid() != cluster.uid() && is_older(other.as_ref(), cluster));
    older
        .filter(|other| claims(other))
        .map(|other| other.cluster().to_string())
        .min()
}

fn addresses(cluster: &RedisCluster) -> BTreeSet<(&str, u16)> {
    cluster
        .spec
        .nodes
        .iter()
        .map(|node| (node.address.as_str(), node.port.unwrap_or(9443)))
        .collect()
}

fn state(certificate: &ClusterCertificate) -> CertificateState {
    CertificateState {
        name: certificate.name_any(),
        certificate: certificate.spec.certificate,
        pins: pins_of(certificate),
        under_way: certificate
            .status
            .as_ref()
            .is_some_and(|status| status.intent.is_some()),
    }
}

/// What has to go before the object may; asked only while it is being deleted.
fn dependents(cluster: &RedisCluster, world: &World<'_>) -> Vec<String> {
    if cluster.metadata.deletion_timestamp.is_none() {
        return Vec::new();
    }
    let key = cluster.cluster();
    let databases = world
        .databases_of(&key)
        .into_iter()
        .map(|database| database.key().to_string());
    let certificates = world
        .certificates_of(&key)
        .into_iter()
        .map(|certificate| certificate.key().to_string());
    let mut dependents: Vec<String> = databases.chain(certificates).collect();
    dependents.sort();
    dependents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::resolve::tests::cluster;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn other(name: &str, created: &str) -> RedisCluster {
        let mut other = cluster();
        other.metadata.name = Some(name.into());
        other.metadata.uid = Some(format!("{name}-uid"));
        other.metadata.creation_timestamp = Some(Time(created.parse().unwrap()));
        other
    }

    #[test]
    fn of_two_objects_that_claim_a_cluster_the_older_one_wins() {
        let (ours, older) = (cluster(), other("older", "2026-11-21T06:59:59Z"));
        assert_eq!(
            claimed_by(&ours, &[Arc::new(older.clone())]).as_deref(),
            Some("redis/older")
        );
        assert_eq!(claimed_by(&older, &[Arc::new(ours)]), None);
    }

    #[test]
    fn the_uid_decides_between_objects_of_the_same_second() {
        let (ours, twin) = (cluster(), other("a-twin", "2026-11-21T07:00:00Z"));
        assert_eq!(
            claimed_by(&ours, &[Arc::new(twin.clone())]).as_deref(),
            Some("redis/a-twin")
        );
        assert_eq!(claimed_by(&twin, &[Arc::new(ours)]), None);
    }

    #[test]
    fn an_address_in_common_is_a_claim_and_nothing_in_common_is_none() {
        let mut older = other("older", "2026-11-21T06:00:00Z");
        older.spec.cluster_name = "other.example.com".into();
        assert!(claimed_by(&cluster(), &[Arc::new(older.clone())]).is_some());
        for node in &mut older.spec.nodes {
            node.port = Some(19443);
        }
        assert_eq!(claimed_by(&cluster(), &[Arc::new(older)]), None);
    }

    #[test]
    fn an_object_does_not_claim_against_itself() {
        let ours = cluster();
        assert_eq!(claimed_by(&ours, &[Arc::new(ours.clone())]), None);
    }
}
