//! Fills the stores from watches and rings for the objects that an event bears on.

use crate::api::ClusterCertificate;
use crate::api::ClusterCertificateStatus;
use crate::api::RedisCluster;
use crate::api::RedisClusterStatus;
use crate::api::RedisDatabase;
use crate::operator::object::Kind;
use crate::operator::object::Object;
use crate::operator::object::ObjectKey;
use crate::plan::access::ClusterKey;
use futures::StreamExt;
use kube::Api;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;
use kube::runtime::watcher::Event;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::pin::pin;

/// What `kubectl apply` keeps in an object; nobody here reads it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Seconds after which a watch that shows nothing is made anew; a dead connection is seen that late.
const WATCH_SECONDS: u32 = 60;

/// For whom an event is news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The object is new, or changed in a way that its pass looks at.
    Changed(ObjectKey, ClusterKey),
    /// The object is gone.
    Gone(ObjectKey, ClusterKey),
    /// Something changed that other objects of the cluster look at.
    Cluster(ClusterKey),
}

/// A kind, and which changes of its status other objects of its cluster look at.
pub trait Watched: Object {
    /// A fingerprint of what others look at; `None` when nobody looks at anything but that it is there.
    fn face(&self) -> Option<u64>;
}

/// Watches one kind until the process ends; an event is told after the store shows it.
pub async fn follow<K: Watched>(api: Api<DeserializeGuard<K>>, mut writer: Writer<K>, tell: impl Fn(News)) {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    let mut events = pin!(watcher(api, config).default_backoff());
    let mut faces = Faces::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let Some(event) = decoded(event) else { continue };
                writer.apply_watcher_event(&event);
                faces.news(&event).into_iter().for_each(&tell);
            }
            Err(error) => tracing::warn!(kind = %K::KIND, %error, "the watch broke off; making it anew"),
        }
    }
}

/// The event, without what nobody reads. An object that cannot be read is left out; it affects no other.
fn decoded<K: Object>(event: Event<DeserializeGuard<K>>) -> Option<Event<K>> {
    Some(match event {
        Event::Apply(guard) => Event::Apply(readable(guard)?),
        Event::InitApply(guard) => Event::InitApply(readable(guard)?),
        Event::Delete(guard) => Event::Delete(readable(guard)?),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    })
}

fn readable<K: Object>(guard: DeserializeGuard<K>) -> Option<K> {
    match guard.0 {
        Ok(mut object) => {
            object.managed_fields_mut().clear();
            object.annotations_mut().remove(LAST_APPLIED);
            Some(object)
        }
        Err(invalid) => {
            let (namespace, name) = (invalid.metadata.namespace, invalid.metadata.name);
            let object = format!(
                "{} {}/{}",
                K::KIND,
                namespace.unwrap_or_default(),
                name.unwrap_or_default()
            );
            tracing::error!(object, error = %invalid.error, "the object cannot be read and is left alone");
            None
        }
    }
}

/// What each object looked like when it was last news.
#[derive(Default)]
struct Faces {
    known: BTreeMap<ObjectKey, Face>,
    /// While a listing runs: what it has shown so far.
    listing: BTreeMap<ObjectKey, Face>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Face {
    own: u64,
    others: Option<u64>,
    cluster: ClusterKey,
}

impl Faces {
    fn news<K: Watched>(&mut self, event: &Event<K>) -> Vec<News> {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => drop(self.listing.insert(object.key(), face(object))),
            Event::InitDone => return self.listed(K::KIND),
            Event::Apply(object) => return self.applied(object.key(), face(object)),
            Event::Delete(object) => return self.gone(object.key()),
        }
        Vec::new()
    }

    fn applied(&mut self, key: ObjectKey, face: Face) -> Vec<News> {
        let before = self.known.insert(key.clone(), face.clone());
        let mut news = Vec::new();
        if before.as_ref().is_none_or(|before| before.own != face.own) {
            news.push(News::Changed(key, face.cluster.clone()));
        }
        if face.others.is_some() && before.is_none_or(|before| before.others != face.others) {
            news.push(News::Cluster(face.cluster));
        }
        news
    }

    fn gone(&mut self, key: ObjectKey) -> Vec<News> {
        let Some(face) = self.known.remove(&key) else {
            return Vec::new();
        };
        vec![News::Gone(key, face.cluster.clone()), News::Cluster(face.cluster)]
    }

    /// A listing replaces all that was known: what it did not show is gone.
    fn listed(&mut self, kind: Kind) -> Vec<News> {
        let listing = std::mem::take(&mut self.listing);
        let missing = self
            .known
            .keys()
            .filter(|key| key.kind == kind && !listing.contains_key(*key));
        let missing: Vec<ObjectKey> = missing.cloned().collect();
        let gone: Vec<News> = missing.into_iter().flat_map(|key| self.gone(key)).collect();
        let applied = listing
            .into_iter()
            .flat_map(|(key, face)| self.applied(key, face));
        let applied: Vec<News> = applied.collect();
        gone.into_iter().chain(applied).collect()
    }
}

fn face<K: Watched>(object: &K) -> Face {
    let meta = object.meta();
    let deleted = meta.deletion_timestamp.as_ref().map(|time| time.0);
    let own = hash(&(
        &meta.uid,
        meta.generation,
        deleted,
        &meta.finalizers,
        &meta.annotations,
    ));
    Face {
        own,
        others: object.face(),
        cluster: object.cluster(),
    }
}

impl Watched for RedisCluster {
    /// How it is reached, and what it has under way.
    fn face(&self) -> Option<u64> {
        let status = self.status.clone().unwrap_or_default();
        let RedisClusterStatus {
            identity,
            intent,
            nodes,
            api_certificate_pin,
            rejected_credentials,
            ..
        } = status;
        let members: Vec<_> = nodes
            .into_iter()
            .map(|node| (node.name, node.uid, node.pin))
            .collect();
        let intent = intent.map(|intent| (intent.action as u8, intent.target));
        let identity = identity.map(|identity| (identity.name, identity.created_time));
        let rejected = rejected_credentials.map(|rejected| rejected.secret_version);
        let spec = (self.metadata.generation, self.metadata.annotations.clone());
        Some(hash(&(
            spec,
            identity,
            intent,
            members,
            api_certificate_pin,
            rejected,
        )))
    }
}

impl Watched for RedisDatabase {
    /// A cluster that is being deleted waits for it to go.
    fn face(&self) -> Option<u64> {
        None
    }
}

impl Watched for ClusterCertificate {
    /// What it has in place and under way.
    fn face(&self) -> Option<u64> {
        let status = self.status.clone().unwrap_or_default();
        let ClusterCertificateStatus { intent, pin, .. } = status;
        Some(hash(&(intent.map(|intent| intent.detail), pin)))
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::resolve::tests::cluster;
    use crate::operator::resolve::tests::database;

    fn listed(faces: &mut Faces, objects: &[RedisDatabase]) -> Vec<News> {
        let shown = objects.iter().map(|object| Event::InitApply(object.clone()));
        let events = std::iter::once(Event::Init).chain(shown).chain([Event::InitDone]);
        events.flat_map(|event| faces.news(&event)).collect()
    }

    fn changed(object: &RedisDatabase) -> News {
        News::Changed(object.key(), object.cluster())
    }

    #[test]
    fn a_listing_that_shows_the_same_again_is_no_news() {
        let mut faces = Faces::default();
        let objects = [database("a"), database("b")];
        assert!(listed(&mut faces, &objects).contains(&changed(&objects[0])));
        assert_eq!(listed(&mut faces, &objects), []);
    }

    #[test]
    fn what_a_listing_does_not_show_is_gone() {
        let mut faces = Faces::default();
        let (a, b) = (database("a"), database("b"));
        listed(&mut faces, &[a.clone(), b.clone()]);
        assert_eq!(
            listed(&mut faces, &[b]),
            [News::Gone(a.key(), a.cluster()), News::Cluster(a.cluster()),]
        );
    }

    #[test]
    fn our_own_status_is_no_news_to_the_object() {
        let mut faces = Faces::default();
        let mut object = database("a");
        listed(&mut faces, &[object.clone()]);
        object.status = Some(crate::api::RedisDatabaseStatus {
            uid: Some(7),
            ..Default::default()
        });
        object.metadata.resource_version = Some("2".into());
        assert_eq!(faces.news(&Event::Apply(object.clone())), []);
        object.metadata.generation = Some(2);
        assert_eq!(faces.news(&Event::Apply(object.clone())), [changed(&object)]);
    }

    #[test]
    fn finalizers_annotations_and_the_mark_of_deletion_are_news() {
        let base = face(&database("a"));
        let mut finalized = database("a");
        finalized.finalizers_mut().push("x".into());
        let mut annotated = database("a");
        annotated
            .annotations_mut()
            .insert("regent.dev/reconcile".into(), "paused".into());
        for other in [finalized, annotated] {
            assert_ne!(face(&other).own, base.own);
        }
    }

    #[test]
    fn a_cluster_that_stands_now_is_news_to_its_objects() {
        let mut faces = Faces::default();
        let mut object = cluster();
        faces.news(&Event::Apply(object.clone()));
        let identity = crate::api::ClusterIdentity {
            name: "c".into(),
            created_time: "t".into(),
        };
        object.status = Some(crate::api::RedisClusterStatus {
            identity: Some(identity),
            ..Default::default()
        });
        assert_eq!(
            faces.news(&Event::Apply(object.clone())),
            [News::Cluster(object.cluster())]
        );
        object.status.as_mut().unwrap().version = Some("8.0.10-64".into());
        assert_eq!(faces.news(&Event::Apply(object)), []);
    }
}
