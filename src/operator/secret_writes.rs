//! The two Secrets that Regent makes: a generated password, and the connection Secret.

use crate::api::GROUP;
use crate::api::VERSION;
use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use crate::operator::kube::KubeErrorKind;
use crate::operator::object::Object;
use crate::operator::secrets::Secrets;
use crate::plan::Publication;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeMap;

/// Type of the connection Secret, by the Service Binding specification. A Secret's type cannot be changed.
const CONNECTION_TYPE: &str = "servicebinding.io/redis";

/// Random bytes of a generated password: 192 bits, 32 characters.
const PASSWORD_BYTES: usize = 24;

/// Longest value of a label.
const LABEL_MAX: usize = 63;

/// Writes a Secret in the namespace of `object`.
///
/// # Errors
/// When a Secret of that name exists that is not ours, or the API server does not answer.
pub async fn publish<K: Object>(
    kube: &Kube,
    secrets: &Secrets,
    object: &K,
    publication: &Publication,
) -> Result<(), KubeError> {
    let namespace = object.namespace().unwrap_or_default();
    let name = match publication {
        Publication::GeneratePassword { secret, key } => {
            let made = password_secret(object, secret, key)?;
            kube.create_secret(&namespace, &made).await?;
            secret
        }
        Publication::Connection { secret, data } => {
            write_connection(kube, &namespace, object, &connection_secret(object, secret, data)).await?;
            secret
        }
    };
    secrets.expire(&namespace, name).await;
    Ok(())
}

async fn write_connection<K: Object>(
    kube: &Kube,
    namespace: &str,
    object: &K,
    wanted: &Secret,
) -> Result<(), KubeError> {
    let name = wanted.name_any();
    let Some(found) = kube.secret(namespace, &name).await? else {
        return match kube.create_secret(namespace, wanted).await? {
            true => Ok(()),
            false => Err(failed(namespace, &name, KubeErrorKind::LostRace)),
        };
    };
    if !is_ours(&found, object) {
        let detail = format!(
            "Secret {namespace}/{name} exists and was not made for {}; delete it or choose another name",
            object.key()
        );
        return Err(failed(namespace, &name, KubeErrorKind::NotOurs(detail)));
    }
    kube.change_secret(namespace, &found, &changed(&found, wanted))
        .await
}

fn failed(namespace: &str, name: &str, kind: KubeErrorKind) -> KubeError {
    KubeError {
        call: format!("write Secret {namespace}/{name}"),
        kind,
    }
}

fn is_ours<K: Object>(secret: &Secret, object: &K) -> bool {
    let owners = secret.owner_references();
    secret.type_.as_deref() == Some(CONNECTION_TYPE)
        && owners
            .iter()
            .any(|owner| owner.controller == Some(true) && Some(&owner.uid) == object.meta().uid.as_ref())
}

/// The Secret that was found, with our data; labels that others set stay.
fn changed(found: &Secret, wanted: &Secret) -> Secret {
    let mut changed = found.clone();
    changed.data.clone_from(&wanted.data);
    changed.labels_mut().extend(wanted.labels().clone());
    changed
}

/// Has no owner: under `deletionPolicy: Retain` the database keeps the password when its object goes.
fn password_secret<K: Object>(object: &K, name: &str, key: &str) -> Result<Secret, KubeError> {
    let namespace = object.namespace().unwrap_or_default();
    let random = random_password().ok_or_else(|| {
        failed(
            &namespace,
            name,
            KubeErrorKind::Unavailable("no randomness to be had".into()),
        )
    })?;
    Ok(Secret {
        metadata: metadata(object, name),
        data: Some([(key.to_owned(), bytes(&random))].into()),
        type_: Some("Opaque".into()),
        ..Secret::default()
    })
}

fn random_password() -> Option<SecretString> {
    let mut random = [0; PASSWORD_BYTES];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(SecretString::from(URL_SAFE_NO_PAD.encode(random)))
}

fn connection_secret<K: Object>(object: &K, name: &str, data: &BTreeMap<String, SecretString>) -> Secret {
    let owner = OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: K::KIND.name().into(),
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    };
    Secret {
        metadata: ObjectMeta {
            owner_references: Some(vec![owner]),
            ..metadata(object, name)
        },
        data: Some(
            data.iter()
                .map(|(key, value)| (key.clone(), bytes(value)))
                .collect(),
        ),
        type_: Some(CONNECTION_TYPE.into()),
        ..Secret::default()
    }
}

fn metadata<K: Object>(object: &K, name: &str) -> ObjectMeta {
    let labels = [
        ("app.kubernetes.io/managed-by", "regent".to_owned()),
        ("app.kubernetes.io/name", "redis".to_owned()),
        ("app.kubernetes.io/instance", label(&object.name_any())),
        ("regent.dev/cluster", label(&object.cluster().name)),
        ("regent.dev/database", label(&object.name_any())),
    ];
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: object.namespace(),
        labels: Some(
            labels
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        ),
        ..ObjectMeta::default()
    }
}

/// A name as the value of a label; a long one ends in its hash.
fn label(name: &str) -> String {
    if name.len() <= LABEL_MAX {
        return name.to_owned();
    }
    let digest = Sha256::digest(name);
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let start: String = name.chars().take(LABEL_MAX - 9).collect();
    format!("{start}-{hash}")
}

fn bytes(secret: &SecretString) -> ByteString {
    ByteString(secret.expose_secret().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::resolve::tests::database;

    fn connection() -> Secret {
        let data = [("uri".to_owned(), SecretString::from("redis://h:1"))].into();
        connection_secret(&database("sessions"), "sessions-conn", &data)
    }

    #[test]
    fn the_connection_secret_goes_with_its_object_and_blocks_nothing() {
        let secret = connection();
        let owner = &secret.owner_references()[0];
        assert_eq!(
            (owner.kind.as_str(), owner.uid.as_str()),
            ("RedisDatabase", "sessions-uid")
        );
        assert_eq!(
            (owner.controller, owner.block_owner_deletion),
            (Some(true), Some(false))
        );
        assert_eq!(secret.type_.as_deref(), Some("servicebinding.io/redis"));
        assert_eq!(secret.labels()["regent.dev/cluster"], "prod");
    }

    #[test]
    fn a_secret_is_ours_only_under_the_uid_of_the_object_and_with_the_right_type() {
        assert!(is_ours(&connection(), &database("sessions")));
        assert!(!is_ours(&connection(), &database("other")));
        let opaque = Secret {
            type_: Some("Opaque".into()),
            ..connection()
        };
        assert!(!is_ours(&opaque, &database("sessions")));
        assert!(!is_ours(&Secret::default(), &database("sessions")));
    }

    #[test]
    fn keys_that_are_not_ours_go_and_labels_that_are_not_ours_stay() {
        let mut found = connection();
        found.labels_mut().insert("team".into(), "a".into());
        found
            .data
            .get_or_insert_default()
            .insert("stray".into(), ByteString(Vec::new()));
        let changed = changed(&found, &connection());
        assert_eq!(changed.labels()["team"], "a");
        assert_eq!(changed.data, connection().data);
    }

    #[test]
    fn passwords_are_long_random_and_owned_by_nobody() {
        let make = || password_secret(&database("sessions"), "pw", "password").unwrap();
        let (one, other) = (make(), make());
        assert!(one.owner_references().is_empty());
        assert_eq!(one.data.clone().unwrap()["password"].0.len(), 32);
        assert_ne!(one.data, other.data);
    }

    #[test]
    fn long_names_stay_apart_as_labels() {
        let long = |end: &str| label(&format!("{}{end}", "x".repeat(80)));
        assert!(long("a").len() <= LABEL_MAX);
        assert_ne!(long("a"), long("b"));
    }
}
