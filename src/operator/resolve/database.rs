//! What a RedisDatabase refers to.

use crate::api::PasswordSecretRef;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use crate::operator::object::Object;
use crate::operator::resolve::KindRound;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::operator::resolve::access::access_of_parent;
use crate::operator::resolve::breaker::breaker;
use crate::operator::resolve::secret::Reference;
use crate::operator::secrets::Absent;
use crate::operator::secrets::Age;
use crate::operator::secrets::Found;
use crate::plan::Input;
use crate::plan::database::Breaker;
use crate::plan::database::Inputs;
use crate::plan::database::Password;
use crate::report;
use crate::report::Report;
use jiff::Timestamp;
use kube::ResourceExt;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Resolve for RedisDatabase {
    async fn resolve(&self, world: &World<'_>) -> Result<Inputs, KubeError> {
        let cluster = world.cluster(&self.cluster());
        let exists = self
            .status
            .as_ref()
            .is_some_and(|status| status.uid.is_some() || status.intent.is_some());
        Ok(Inputs {
            cluster: self.cluster(),
            access: access_of_parent(self, exists, cluster.as_deref(), world).await?,
            cluster_exists: cluster.is_some(),
            password: password(self, world).await?,
            connection: connection(self, world).await?,
            breaker: deletions(self, cluster.as_deref(), world),
            takeover_until: world.takeover_until,
        })
    }

    async fn look_live(&self, kube: &Kube, _scope: &[Option<String>]) -> Result<Live, KubeError> {
        if self.metadata.deletion_timestamp.is_none() {
            return Ok(Live::default());
        }
        let key = self.cluster();
        let cluster = kube.live::<RedisCluster>(&key.namespace, &key.name).await?;
        Ok(Live {
            cluster: Some(cluster.map(Arc::new)),
            ..Live::default()
        })
    }

    fn report(round: &KindRound<'_, Self>) -> Report<Self::Status> {
        report::database(round)
    }

    fn announce(object: &Self, record: &Record, now: Timestamp) -> Self::Status {
        report::announce_database(object, record, now)
    }
}

async fn password(database: &RedisDatabase, world: &World<'_>) -> Result<Input<Option<Password>>, KubeError> {
    let Some(reference) = &database.spec.password_secret_ref else {
        return Ok(Ok(None));
    };
    let found = world
        .secret(database, &reference.name, world.own_age(Age::SlowRound))
        .await?;
    let namespace = database.namespace().unwrap_or_default();
    let named = Reference {
        what: "set the password",
        namespace: &namespace,
        name: &reference.name,
    };
    Ok(given_or_to_generate(reference, named, &found).map(Some))
}

fn given_or_to_generate(
    reference: &PasswordSecretRef,
    named: Reference<'_>,
    found: &Found,
) -> Input<Password> {
    let key = reference.key.as_deref().unwrap_or("password");
    if reference.generate == Some(true) && matches!(found, Err(Absent::NotFound)) {
        return Ok(Password::ToGenerate {
            secret: reference.name.clone(),
            key: key.to_owned(),
        });
    }
    let content = named.content(found)?;
    Ok(Password::Given {
        value: named.value(content, key)?,
        version: content.version.clone(),
    })
}

async fn connection(
    database: &RedisDatabase,
    world: &World<'_>,
) -> Result<Option<BTreeMap<String, SecretString>>, KubeError> {
    let Some(reference) = &database.spec.connection_secret else {
        return Ok(None);
    };
    let found = world
        .secret(database, &reference.name, world.own_age(Age::SlowRound))
        .await?;
    let text =
        |(key, value): (&String, &Option<SecretString>)| value.clone().map(|value| (key.clone(), value));
    Ok(found
        .ok()
        .map(|content| content.data.iter().filter_map(text).collect()))
}

/// The breaker counts only for an object that is being deleted: no other looks at it.
fn deletions(database: &RedisDatabase, cluster: Option<&RedisCluster>, world: &World<'_>) -> Breaker {
    match cluster {
        Some(cluster) if database.metadata.deletion_timestamp.is_some() => {
            breaker(cluster, &world.databases_of(&database.cluster()), world.now)
        }
        Some(_) | None => Breaker::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Reason;
    use crate::operator::secrets::SecretContent;

    fn resolve(generate: Option<bool>, found: &Found) -> Input<Password> {
        let reference = PasswordSecretRef {
            name: "pw".into(),
            key: None,
            generate,
        };
        let named = Reference {
            what: "set the password",
            namespace: "redis",
            name: "pw",
        };
        given_or_to_generate(&reference, named, found)
    }

    #[test]
    fn a_password_is_generated_only_if_asked_for_and_only_if_its_secret_does_not_exist() {
        assert!(matches!(
            resolve(Some(true), &Err(Absent::NotFound)),
            Ok(Password::ToGenerate { .. })
        ));
        assert_eq!(
            resolve(None, &Err(Absent::NotFound)).unwrap_err().why,
            Reason::SecretNotFound
        );
        assert_eq!(
            resolve(Some(true), &Err(Absent::Forbidden)).unwrap_err().why,
            Reason::SecretInvalid
        );
    }

    #[test]
    fn a_secret_without_the_key_is_never_filled_in() {
        let empty = SecretContent {
            version: "u/1".into(),
            controlled_by: None,
            data: BTreeMap::new(),
        };
        assert_eq!(
            resolve(Some(true), &Ok(Arc::new(empty))).unwrap_err().why,
            Reason::SecretInvalid
        );
    }
}
