//! How a cluster is reached: addresses, trust and credentials, from its RedisCluster and the Secrets that it names.

use crate::api::CertificateRole;
use crate::api::ClusterCertificate;
use crate::api::NodeRecord;
use crate::api::NodeSpec;
use crate::api::Reason;
use crate::api::RedisCluster;
use crate::api::SecretKeyRef;
use crate::operator::kube::KubeError;
use crate::operator::object::Object;
use crate::operator::resolve::World;
use crate::operator::resolve::secret::Reference;
use crate::operator::secrets::Age;
use crate::operator::secrets::Found;
use crate::plan::Hold;
use crate::plan::Input;
use crate::plan::access::ClusterAccess;
use crate::plan::access::ClusterKey;
use crate::plan::access::Credentials;
use crate::plan::access::NodeAccess;
use crate::report::is_ready;
use crate::report::is_stalled;
use kube::ResourceExt;
use secrecy::ExposeSecret;
use std::sync::Arc;

/// Port of the REST API.
const PORT: u16 = 9443;

/// How the cluster is reached.
///
/// # Errors
/// When the API server does not answer.
pub async fn access_of(
    cluster: &RedisCluster,
    world: &World<'_>,
    age: Age,
) -> Result<Input<ClusterAccess>, KubeError> {
    let credentials = world
        .secret(cluster, &cluster.spec.credentials_secret_ref.name, age)
        .await?;
    let authority = match authority_ref(cluster) {
        Some(reference) => Some(world.secret(cluster, &reference.name, age).await?),
        None => None,
    };
    let found = Secrets {
        credentials,
        authority,
    };
    Ok(assemble(
        cluster,
        &found,
        &world.certificates_of(&cluster.cluster()),
    ))
}

/// How the cluster is reached that another object belongs to: a hold while it is missing or does not stand yet. What
/// `exists` there already does not wait for nodes that join later.
///
/// # Errors
/// When the API server does not answer.
pub async fn access_of_parent<K: Object>(
    object: &K,
    exists: bool,
    cluster: Option<&RedisCluster>,
    world: &World<'_>,
) -> Result<Input<ClusterAccess>, KubeError> {
    let Some(cluster) = cluster else {
        return Ok(Err(missing(&object.cluster())));
    };
    let access = access_of(cluster, world, Age::Interval).await?;
    Ok(
        access.and_then(|access| match (&access.identity, awaited(cluster).as_slice()) {
            (None, _) => Err(waiting("has not been created yet", &access.cluster)),
            (Some(_), []) => Ok(access),
            (Some(_), _) if exists => Ok(access),
            (Some(_), nodes) => Err(waiting(
                &format!("waits for {} to join", nodes.join(", ")),
                &access.cluster,
            )),
        }),
    )
}

/// Nodes that a cluster was made with and that have not joined yet: before, it has not the room and the racks that it will
/// have. Once it was ready, nodes that are added keep nothing waiting; nor do those that cannot join without a human.
fn awaited(cluster: &RedisCluster) -> Vec<String> {
    let status = cluster.status.clone().unwrap_or_default();
    if is_ready(&status.conditions) || is_stalled(&status.conditions) {
        return Vec::new();
    }
    let joined = |name: &str| {
        status
            .nodes
            .iter()
            .any(|node| node.name == name && node.uid.is_some())
    };
    let names = cluster.spec.nodes.iter().map(|node| &node.name);
    names
        .filter(|name| !joined(name))
        .map(|name| format!("node {name}"))
        .collect()
}

fn waiting(what: &str, cluster: &ClusterKey) -> Hold {
    Hold {
        what: "reach the cluster".into(),
        why: Reason::WaitingForCluster,
        detail: format!("RedisCluster {cluster} {what}"),
    }
}

fn missing(cluster: &ClusterKey) -> Hold {
    Hold {
        what: "reach the cluster".into(),
        why: Reason::RefNotFound,
        detail: format!("RedisCluster {cluster} does not exist; create it or correct clusterRef"),
    }
}

/// The Secrets that a RedisCluster needs to be reached.
struct Secrets {
    credentials: Found,
    authority: Option<Found>,
}

fn assemble(
    cluster: &RedisCluster,
    found: &Secrets,
    certificates: &[Arc<ClusterCertificate>],
) -> Input<ClusterAccess> {
    let status = cluster.status.clone().unwrap_or_default();
    let tls = cluster.spec.tls.clone().unwrap_or_default();
    let mut pins = tls.pins.unwrap_or_default();
    pins.extend(status.api_certificate_pin);
    let replaced = certificates
        .iter()
        .filter(|certificate| certificate.spec.certificate == CertificateRole::Api);
    pins.extend(replaced.flat_map(|certificate| pins_of(certificate)));
    pins.sort();
    pins.dedup();
    Ok(ClusterAccess {
        cluster: cluster.cluster(),
        cluster_name: cluster.spec.cluster_name.clone(),
        nodes: nodes(&cluster.spec.nodes, &status.nodes),
        ca_pem: authority(cluster, found)?,
        pins,
        credentials: credentials(cluster, found)?,
        identity: status.identity,
    })
}

/// Pins of the certificate that a ClusterCertificate has put in place, and of the one that it is about to.
pub fn pins_of(certificate: &ClusterCertificate) -> Vec<String> {
    let Some(status) = &certificate.status else {
        return Vec::new();
    };
    let planned = status.intent.iter().filter_map(|intent| intent.detail.as_deref());
    let planned = planned
        .flat_map(str::split_whitespace)
        .filter(|word| word.starts_with("sha256/"));
    status
        .pin
        .iter()
        .cloned()
        .chain(planned.map(str::to_owned))
        .collect()
}

/// The nodes, members first. A member is reached where it was when it joined; one that left the spec until it is gone.
fn nodes(spec: &[NodeSpec], recorded: &[NodeRecord]) -> Vec<NodeAccess> {
    let members = recorded
        .iter()
        .filter(|record| record.uid.is_some())
        .map(|record| NodeAccess {
            name: record.name.clone(),
            host: record.address.clone(),
            port: record.port,
            pin: None,
            member: true,
        });
    let is_member = |name: &str| {
        recorded
            .iter()
            .any(|record| record.name == name && record.uid.is_some())
    };
    let strangers = spec
        .iter()
        .filter(|node| !is_member(&node.name))
        .map(|node| NodeAccess {
            name: node.name.clone(),
            host: node.address.clone(),
            port: node.port.unwrap_or(PORT),
            pin: node.pin.clone().or_else(|| recorded_pin(node, recorded)),
            member: false,
        });
    members.chain(strangers).collect()
}

/// What a fresh node showed first, as long as it is asked for at the same place.
fn recorded_pin(node: &NodeSpec, recorded: &[NodeRecord]) -> Option<String> {
    let here = |record: &&NodeRecord| {
        record.name == node.name && record.address == node.address && record.port == node.port.unwrap_or(PORT)
    };
    recorded.iter().find(here)?.pin.clone()
}

fn authority_ref(cluster: &RedisCluster) -> Option<&SecretKeyRef> {
    cluster.spec.tls.as_ref()?.ca_secret_ref.as_ref()
}

fn authority(cluster: &RedisCluster, found: &Secrets) -> Input<Option<String>> {
    let (Some(reference), Some(secret)) = (authority_ref(cluster), &found.authority) else {
        return Ok(None);
    };
    let namespace = cluster.namespace().unwrap_or_default();
    let what = "verify the cluster's certificate";
    let named = Reference {
        what,
        namespace: &namespace,
        name: &reference.name,
    };
    let pem = named.value(
        named.content(secret)?,
        reference.key.as_deref().unwrap_or("ca.crt"),
    )?;
    Ok(Some(pem.expose_secret().to_owned()))
}

fn credentials(cluster: &RedisCluster, found: &Secrets) -> Input<Credentials> {
    let namespace = cluster.namespace().unwrap_or_default();
    let name = &cluster.spec.credentials_secret_ref.name;
    let named = Reference {
        what: "log in",
        namespace: &namespace,
        name,
    };
    let content = named.content(&found.credentials)?;
    Ok(Credentials {
        username: named.value(content, "username")?.expose_secret().to_owned(),
        password: named.value(content, "password")?,
        secret_version: content.version.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::RedisClusterStatus;
    use crate::api::TlsTrust;
    use crate::operator::resolve::tests::certificate;
    use crate::operator::resolve::tests::cluster;
    use crate::operator::secrets::Absent;
    use crate::operator::secrets::SecretContent;
    use secrecy::SecretString;

    fn secret(data: &[(&str, &str)]) -> Found {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Some(SecretString::from(*value))));
        Ok(Arc::new(SecretContent {
            version: "u/1".into(),
            controlled_by: None,
            data: data.collect(),
        }))
    }

    fn secrets() -> Secrets {
        let credentials = secret(&[("username", "admin@example.com"), ("password", "s")]);
        Secrets {
            credentials,
            authority: None,
        }
    }

    fn record(name: &str, address: &str, uid: Option<u32>, pin: Option<&str>) -> NodeRecord {
        NodeRecord {
            name: name.into(),
            address: address.into(),
            port: PORT,
            uid,
            pin: pin.map(str::to_owned),
            maintenance: false,
            state: None,
        }
    }

    fn with_records(nodes: Vec<NodeRecord>) -> RedisCluster {
        let mut cluster = cluster();
        cluster.status = Some(RedisClusterStatus {
            nodes,
            ..RedisClusterStatus::default()
        });
        cluster
    }

    #[test]
    fn members_come_first_and_are_asked_where_they_joined() {
        let cluster = with_records(vec![record("n2", "10.9.9.9", Some(2), None)]);
        let access = assemble(&cluster, &secrets(), &[]).unwrap();
        let seen: Vec<_> = access
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.host.as_str(), node.member))
            .collect();
        assert_eq!(
            seen,
            [
                ("n2", "10.9.9.9", true),
                ("n1", "10.0.0.11", false),
                ("n3", "10.0.0.13", false)
            ]
        );
    }

    #[test]
    fn a_member_that_left_the_spec_is_still_reached() {
        let cluster = with_records(vec![record("old", "10.0.0.99", Some(9), None)]);
        let access = assemble(&cluster, &secrets(), &[]).unwrap();
        assert!(access.nodes.iter().any(|node| node.name == "old" && node.member));
    }

    #[test]
    fn what_a_fresh_node_showed_first_vouches_only_at_the_same_address() {
        let cluster = with_records(vec![
            record("n1", "10.0.0.11", None, Some("sha256/a")),
            record("n2", "10.0.0.99", None, Some("sha256/b")),
        ]);
        let access = assemble(&cluster, &secrets(), &[]).unwrap();
        let pins: Vec<_> = access.nodes.iter().map(|node| node.pin.as_deref()).collect();
        assert_eq!(pins, [Some("sha256/a"), None, None]);
    }

    #[test]
    fn both_sides_of_a_replacement_of_the_api_certificate_are_trusted() {
        let mut cluster = cluster();
        cluster.spec.tls = Some(TlsTrust {
            pins: Some(vec!["sha256/spec".into()]),
            ..TlsTrust::default()
        });
        let mut api = certificate("api", CertificateRole::Api);
        api.status = Some(crate::api::ClusterCertificateStatus {
            pin: Some("sha256/old".into()),
            intent: Some(crate::api::Intent {
                action: crate::api::IntentAction::ReplaceCertificate,
                target: "api".into(),
                time: String::new(),
                generation: 1,
                detail: Some("fingerprint sha256/new".into()),
            }),
            ..Default::default()
        });
        let mut proxy = certificate("proxy", CertificateRole::Proxy);
        proxy.status = Some(crate::api::ClusterCertificateStatus {
            pin: Some("sha256/proxy".into()),
            ..Default::default()
        });
        let access = assemble(&cluster, &secrets(), &[Arc::new(api), Arc::new(proxy)]).unwrap();
        assert_eq!(access.pins, ["sha256/new", "sha256/old", "sha256/spec"]);
    }

    #[test]
    fn an_authority_that_is_named_must_be_there() {
        let mut cluster = cluster();
        let reference = SecretKeyRef {
            name: "ca".into(),
            key: None,
        };
        cluster.spec.tls = Some(TlsTrust {
            ca_secret_ref: Some(reference),
            ..TlsTrust::default()
        });
        let absent = Secrets {
            authority: Some(Err(Absent::NotFound)),
            ..secrets()
        };
        assert_eq!(
            assemble(&cluster, &absent, &[]).unwrap_err().why,
            Reason::SecretNotFound
        );
        let present = Secrets {
            authority: Some(secret(&[("ca.crt", "PEM")])),
            ..secrets()
        };
        assert_eq!(
            assemble(&cluster, &present, &[]).unwrap().ca_pem.as_deref(),
            Some("PEM")
        );
    }

    #[test]
    fn what_is_new_waits_for_the_nodes_that_a_cluster_was_made_with() {
        let mut cluster = with_records(vec![
            record("n1", "10.0.0.11", Some(1), None),
            record("n2", "10.0.0.12", None, None),
        ]);
        assert_eq!(awaited(&cluster), ["node n2", "node n3"]);
        cluster
            .status
            .as_mut()
            .unwrap()
            .conditions
            .push(crate::api::Condition {
                type_: "Ready".into(),
                status: "True".into(),
                observed_generation: None,
                last_transition_time: String::new(),
                reason: String::new(),
                message: String::new(),
            });
        assert!(
            awaited(&cluster).is_empty(),
            "a node that is added later keeps nothing waiting"
        );
    }

    #[test]
    fn credentials_carry_the_version_of_their_secret() {
        let access = assemble(&cluster(), &secrets(), &[]).unwrap();
        assert_eq!(
            (
                access.credentials.username.as_str(),
                access.credentials.secret_version.as_str()
            ),
            ("admin@example.com", "u/1")
        );
    }
}
