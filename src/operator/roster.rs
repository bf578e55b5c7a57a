//! Every object that is looked after: when it was rung for, what it waits for, what came of its last visit.
//!
//! Each object has a task of its own, so that no two passes over one object run at once and none waits for another's. A task
//! sleeps until its bell rings: because the object changed, because its cluster was swept, or because something that it
//! refers to changed. Bells that ring while a pass runs are kept and make one pass more.

use crate::api::Condition;
use crate::api::Reason;
use crate::operator::object::Kind;
use crate::operator::object::ObjectKey;
use crate::plan::access::ClusterKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Notify;

/// Why a bell rings; the more it means, the later in this list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ring {
    /// Its cluster was swept, or it was time.
    #[default]
    Swept,
    /// Something that it refers to changed.
    Related,
    /// The object changed: its Secrets are read again too.
    Changed,
}

/// What is known of one object beside what Kubernetes stores.
#[derive(Debug)]
pub struct Entry {
    /// The cluster that it is, or belongs to.
    pub cluster: ClusterKey,
    bell: Notify,
    why: Mutex<Ring>,
    outlook: Mutex<Outlook>,
}

/// What came of the last visit to an object.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// How soon its cluster should be swept because something is under way; `None` leaves it to the interval.
    pub sweep_within: Option<Duration>,
    /// Whether it wants its cluster to be asked at all.
    pub watches_cluster: bool,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Why parts of its plan are held.
    pub holds: Vec<Reason>,
    /// Managed fields that differ.
    pub drift: usize,
}

/// All objects that are looked after.
#[derive(Default)]
pub struct Roster {
    entries: Mutex<Entries>,
}

type Entries = BTreeMap<ObjectKey, Arc<Entry>>;

impl Entry {
    fn new(cluster: ClusterKey) -> Self {
        let bell = Notify::new();
        bell.notify_one();
        Self {
            cluster,
            bell,
            why: Mutex::new(Ring::Changed),
            outlook: Mutex::default(),
        }
    }

    /// Waits for the bell.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// The best reason for which the bell rang since it was last asked.
    pub fn heard(&self) -> Ring {
        std::mem::take(&mut *lock(&self.why))
    }

    /// Rings the bell.
    pub fn ring(&self, why: Ring) {
        {
            let mut known = lock(&self.why);
            *known = why.max(*known);
        }
        self.bell.notify_one();
    }

    /// Takes note of what came of a visit.
    pub fn note(&self, outlook: Outlook) {
        *lock(&self.outlook) = outlook;
    }

    /// What came of the last visit.
    pub fn outlook(&self) -> Outlook {
        lock(&self.outlook).clone()
    }
}

impl Roster {
    /// Rings for an object; if it is new, answers with its entry, which somebody has to attend from now on.
    pub fn ring_or_enter(&self, key: &ObjectKey, cluster: ClusterKey, why: Ring) -> Option<Arc<Entry>> {
        let mut entries = self.lock();
        if let Some(entry) = entries.get(key) {
            entry.ring(why);
            return None;
        }
        let entry = Arc::new(Entry::new(cluster));
        entries.insert(key.clone(), entry.clone());
        Some(entry)
    }

    /// Rings for an object, if it is known.
    pub fn ring(&self, key: &ObjectKey, why: Ring) {
        if let Some(entry) = self.lock().get(key) {
            entry.ring(why);
        }
    }

    /// Rings for every object of a cluster.
    pub fn ring_cluster(&self, cluster: &ClusterKey, why: Ring) {
        self.of_cluster(&self.lock(), cluster)
            .for_each(|(_, entry)| entry.ring(why));
    }

    /// Rings for every database of a cluster.
    pub fn ring_databases(&self, cluster: &ClusterKey, why: Ring) {
        let entries = self.lock();
        let databases = self
            .of_cluster(&entries, cluster)
            .filter(|(key, _)| key.kind == Kind::RedisDatabase);
        databases.for_each(|(_, entry)| entry.ring(why));
    }

    /// Strikes an object off, if it is still gone: nothing can ring for it between the question and the answer.
    pub fn leave(&self, key: &ObjectKey, gone: impl FnOnce() -> bool) -> bool {
        let mut entries = self.lock();
        gone() && entries.remove(key).is_some()
    }

    /// Every object, with what came of its last visit.
    pub fn outlooks(&self) -> Vec<(ObjectKey, Outlook)> {
        self.lock()
            .iter()
            .map(|(key, entry)| (key.clone(), entry.outlook()))
            .collect()
    }

    /// What the objects of a cluster want of its next sweep.
    pub fn wishes(&self, cluster: &ClusterKey) -> Wishes {
        let entries = self.lock();
        let mut wishes = Wishes::default();
        for (key, entry) in self.of_cluster(&entries, cluster) {
            let outlook = lock(&entry.outlook);
            let within = match key.kind {
                Kind::RedisDatabase => &mut wishes.databases_within,
                Kind::RedisCluster | Kind::ClusterCertificate => &mut wishes.all_within,
            };
            *within = within.iter().copied().chain(outlook.sweep_within).min();
            wishes.at_all |= outlook.watches_cluster;
        }
        wishes
    }

    fn of_cluster<'a>(
        &self,
        entries: &'a Entries,
        cluster: &ClusterKey,
    ) -> impl Iterator<Item = (&'a ObjectKey, &'a Arc<Entry>)> {
        entries.iter().filter(move |(_, entry)| entry.cluster == *cluster)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        lock(&self.entries)
    }
}

/// What the objects of a cluster want of its next sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// How soon it should be, because something is under way with the cluster or one of its certificates.
    pub all_within: Option<Duration>,
    /// How soon it should be, because something is under way with a database.
    pub databases_within: Option<Duration>,
    /// Somebody looks at the cluster.
    pub at_all: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: Kind::RedisDatabase,
            namespace: "redis".into(),
            name: name.into(),
        }
    }

    fn cluster(name: &str) -> ClusterKey {
        ClusterKey {
            namespace: "redis".into(),
            name: name.into(),
        }
    }

    fn enter(roster: &Roster, name: &str) -> Arc<Entry> {
        let entry = roster
            .ring_or_enter(&key(name), cluster("prod"), Ring::Changed)
            .unwrap();
        entry
            .rung()
            .now_or_never()
            .expect("a new object is visited at once");
        assert_eq!(entry.heard(), Ring::Changed);
        entry
    }

    #[test]
    fn an_object_is_entered_once() {
        let roster = Roster::default();
        enter(&roster, "a");
        assert!(
            roster
                .ring_or_enter(&key("a"), cluster("prod"), Ring::Changed)
                .is_none()
        );
    }

    #[test]
    fn rings_during_a_pass_make_one_more() {
        let roster = Roster::default();
        let entry = enter(&roster, "a");
        for _ in 0..5 {
            roster.ring(&key("a"), Ring::Related);
        }
        assert!(entry.rung().now_or_never().is_some());
        assert!(entry.rung().now_or_never().is_none());
    }

    #[test]
    fn a_change_is_not_forgotten_over_other_rings() {
        let roster = Roster::default();
        let entry = enter(&roster, "a");
        roster.ring(&key("a"), Ring::Changed);
        roster.ring_cluster(&cluster("prod"), Ring::Swept);
        assert_eq!((entry.heard(), entry.heard()), (Ring::Changed, Ring::Swept));
    }

    #[test]
    fn a_cluster_rings_for_its_own_objects_only() {
        let roster = Roster::default();
        let entry = enter(&roster, "a");
        roster.ring_cluster(&cluster("other"), Ring::Swept);
        assert!(entry.rung().now_or_never().is_none());
    }

    #[test]
    fn an_object_that_came_back_stays() {
        let roster = Roster::default();
        enter(&roster, "a");
        assert!(!roster.leave(&key("a"), || false));
        assert!(roster.leave(&key("a"), || true));
        assert!(
            roster
                .ring_or_enter(&key("a"), cluster("prod"), Ring::Changed)
                .is_some()
        );
    }

    #[test]
    fn one_object_that_waits_hurries_its_cluster() {
        let roster = Roster::default();
        enter(&roster, "a").note(Outlook {
            watches_cluster: true,
            ..Outlook::default()
        });
        let other = enter(&roster, "b");
        let idle = Wishes {
            at_all: true,
            ..Wishes::default()
        };
        assert_eq!(roster.wishes(&cluster("prod")), idle);
        let within = Some(Duration::from_secs(2));
        other.note(Outlook {
            sweep_within: within,
            watches_cluster: true,
            ..Outlook::default()
        });
        assert_eq!(
            roster.wishes(&cluster("prod")),
            Wishes {
                databases_within: within,
                ..idle
            }
        );
        assert_eq!(roster.wishes(&cluster("other")), Wishes::default());
    }
}
