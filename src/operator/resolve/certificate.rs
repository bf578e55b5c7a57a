//! What a ClusterCertificate refers to.

use crate::api::ClusterCertificate;
use crate::api::IntentAction;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use crate::operator::object::Object;
use crate::operator::resolve::KindRound;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::operator::resolve::access::access_of_parent;
use crate::operator::resolve::is_older;
use crate::operator::resolve::secret::Reference;
use crate::operator::secrets::Age;
use crate::operator::secrets::Found;
use crate::plan::Input;
use crate::plan::certificate::Inputs;
use crate::plan::certificate::SecretPair;
use crate::report;
use crate::report::Report;
use jiff::Timestamp;
use kube::ResourceExt;
use secrecy::ExposeSecret;
use std::sync::Arc;

impl Resolve for ClusterCertificate {
    async fn resolve(&self, world: &World<'_>) -> Result<Inputs, KubeError> {
        let key = self.cluster();
        let cluster = world.cluster(&key);
        let others = world.certificates_of(&key);
        let found = world
            .secret(self, &self.spec.secret_ref.name, world.own_age(Age::Interval))
            .await?;
        let exists = self
            .status
            .as_ref()
            .is_some_and(|status| status.fingerprint.is_some() || status.intent.is_some());
        Ok(Inputs {
            access: access_of_parent(self, exists, cluster.as_deref(), world).await?,
            pair: pair(self, &found),
            claimed_by: claimed_by(self, &others),
            disruption: cluster.as_deref().and_then(disruption),
            other_change: other_change(self, &others),
            takeover_until: world.takeover_until,
            cluster: key,
        })
    }

    async fn look_live(&self, kube: &Kube, _scope: &[Option<String>]) -> Result<Live, KubeError> {
        let key = self.cluster();
        let cluster = kube.live::<RedisCluster>(&key.namespace, &key.name).await?;
        let certificates = kube.list::<Self>(Some(&key.namespace)).await?;
        Ok(Live {
            cluster: Some(cluster.map(Arc::new)),
            certificates: Some(certificates.into_iter().map(Arc::new).collect()),
            ..Live::default()
        })
    }

    fn report(round: &KindRound<'_, Self>) -> Report<Self::Status> {
        report::certificate(round)
    }

    fn announce(object: &Self, record: &Record, now: Timestamp) -> Self::Status {
        report::announce_certificate(object, record, now)
    }
}

fn pair(certificate: &ClusterCertificate, found: &Found) -> Input<SecretPair> {
    let namespace = certificate.namespace().unwrap_or_default();
    let name = &certificate.spec.secret_ref.name;
    let named = Reference {
        what: "replace the certificate",
        namespace: &namespace,
        name,
    };
    let content = named.content(found)?;
    Ok(SecretPair {
        secret: name.clone(),
        certificate_pem: named.value(content, "tls.crt")?.expose_secret().to_owned(),
        key_pem: named.value(content, "tls.key")?,
    })
}

/// An older ClusterCertificate for the same certificate of the same cluster.
fn claimed_by(certificate: &ClusterCertificate, others: &[Arc<ClusterCertificate>]) -> Option<String> {
    let older = others.iter().filter(|other| {
        other.uid() != certificate.uid()
            && other.spec.certificate == certificate.spec.certificate
            && is_older(other.as_ref(), certificate)
    });
    older.map(|other| other.name_any()).min()
}

/// What the cluster has under way that a certificate change has to wait for.
fn disruption(cluster: &RedisCluster) -> Option<String> {
    let intent = cluster.status.as_ref()?.intent.as_ref()?;
    match intent.action {
        IntentAction::CreateCluster => Some(format!("the cluster is being created on {}", intent.target)),
        IntentAction::JoinNode => Some(format!("node {} is joining", intent.target)),
        IntentAction::MaintenanceOn => Some(format!("node {} is going into maintenance", intent.target)),
        IntentAction::MaintenanceOff => Some(format!("node {} is coming out of maintenance", intent.target)),
        IntentAction::RemoveNode => Some(format!("node {} is leaving", intent.target)),
        IntentAction::CreateDatabase
        | IntentAction::DeleteDatabase
        | IntentAction::ChangePassword
        | IntentAction::ReplaceCertificate => None,
    }
}

fn other_change(certificate: &ClusterCertificate, others: &[Arc<ClusterCertificate>]) -> Option<String> {
    let under_way = others.iter().filter(|other| {
        other.uid() != certificate.uid()
            && other
                .status
                .as_ref()
                .is_some_and(|status| status.intent.is_some())
    });
    under_way.map(|other| other.name_any()).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CertificateRole;
    use crate::api::Intent;
    use crate::api::Reason;
    use crate::operator::resolve::tests::certificate;
    use crate::operator::resolve::tests::cluster;
    use crate::operator::secrets::SecretContent;
    use secrecy::SecretString;

    fn intent(action: IntentAction) -> Intent {
        Intent {
            action,
            target: "n2".into(),
            time: String::new(),
            generation: 1,
            detail: None,
        }
    }

    #[test]
    fn of_two_objects_for_one_certificate_the_older_one_wins() {
        let (first, second) = (
            certificate("a", CertificateRole::Proxy),
            certificate("b", CertificateRole::Proxy),
        );
        let both = [Arc::new(first.clone()), Arc::new(second.clone())];
        assert_eq!(
            (claimed_by(&first, &both), claimed_by(&second, &both)),
            (None, Some("a".into()))
        );
        let other_role = [Arc::new(certificate("a", CertificateRole::Api))];
        assert_eq!(claimed_by(&second, &other_role), None);
    }

    #[test]
    fn a_node_action_excludes_a_certificate_change() {
        let mut cluster = cluster();
        assert_eq!(disruption(&cluster), None);
        let status = crate::api::RedisClusterStatus {
            intent: Some(intent(IntentAction::RemoveNode)),
            ..Default::default()
        };
        cluster.status = Some(status);
        assert_eq!(disruption(&cluster).as_deref(), Some("node n2 is leaving"));
    }

    #[test]
    fn one_certificate_is_replaced_at_a_time() {
        let mut busy = certificate("a", CertificateRole::Api);
        busy.status = Some(crate::api::ClusterCertificateStatus {
            intent: Some(intent(IntentAction::ReplaceCertificate)),
            ..Default::default()
        });
        let others = [Arc::new(busy.clone())];
        assert_eq!(
            other_change(&certificate("b", CertificateRole::Proxy), &others).as_deref(),
            Some("a")
        );
        assert_eq!(other_change(&busy, &others), None);
    }

    #[test]
    fn a_secret_without_a_key_is_no_pair() {
        let data = [("tls.crt".to_owned(), Some(SecretString::from("PEM")))].into();
        let content = SecretContent {
            version: "u/1".into(),
            controlled_by: None,
            data,
        };
        let hold = pair(&certificate("a", CertificateRole::Api), &Ok(Arc::new(content))).unwrap_err();
        assert_eq!(hold.why, Reason::SecretInvalid);
        assert_eq!(hold.detail, "Secret redis/tls lacks the key `tls.key`; add it");
    }
}
