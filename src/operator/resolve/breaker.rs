//! The mass-deletion breaker: how many databases of a cluster are being deleted with their data.

use crate::api::ACKNOWLEDGE_DELETIONS_ANNOTATION;
use crate::api::DeletionPolicy;
use crate::api::RecentDeletion;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use crate::plan::database::Breaker;
use jiff::SignedDuration;
use jiff::Timestamp;
use kube::ResourceExt;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Deletions count for this long.
pub const DELETION_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// The breaker of a cluster as it stands: deletions that were sent lately, and databases that wait to be deleted.
pub fn breaker(cluster: &RedisCluster, databases: &[Arc<RedisDatabase>], now: Timestamp) -> Breaker {
    let recent = cluster.status.iter().flat_map(|status| &status.recent_deletions);
    let sent = recent
        .filter(|deletion| is_recent(deletion, now))
        .map(|deletion| deletion.database.clone());
    let waiting = databases
        .iter()
        .filter(|database| is_being_deleted(database))
        .map(|database| database.name_any());
    let deletions: BTreeSet<String> = sent.chain(waiting).collect();
    let nonce = nonce(cluster, &deletions);
    let acknowledged = cluster.annotations().get(ACKNOWLEDGE_DELETIONS_ANNOTATION) == Some(&nonce);
    Breaker {
        deletions: deletions.len(),
        limit: usize::max(3, databases.len() / 10),
        nonce,
        acknowledged,
    }
}

/// Whether a deletion still counts. One whose time cannot be read does.
pub fn is_recent(deletion: &RecentDeletion, now: Timestamp) -> bool {
    deletion
        .time
        .parse::<Timestamp>()
        .map_or(true, |time| now.duration_since(time) < DELETION_WINDOW)
}

fn is_being_deleted(database: &RedisDatabase) -> bool {
    database.metadata.deletion_timestamp.is_some()
        && database.spec.deletion_policy == Some(DeletionPolicy::Delete)
}

/// A short value that stands for exactly these deletions: one more, and it is another.
fn nonce(cluster: &RedisCluster, deletions: &BTreeSet<String>) -> String {
    let mut hash = Sha256::new();
    hash.update(cluster.uid().unwrap_or_default());
    for name in deletions {
        hash.update([0]);
        hash.update(name);
    }
    let digest = hash.finalize();
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::resolve::tests::cluster;
    use crate::operator::resolve::tests::database;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn databases(deleted: usize, kept: usize) -> Vec<Arc<RedisDatabase>> {
        let object = |number: usize| {
            let mut object = database(&format!("db-{number}"));
            object.spec.deletion_policy = Some(DeletionPolicy::Delete);
            object.metadata.deletion_timestamp = (number < deleted).then(|| Time(now()));
            Arc::new(object)
        };
        (0..deleted + kept).map(object).collect()
    }

    #[test]
    fn three_may_go_or_a_tenth() {
        let few = breaker(&cluster(), &databases(2, 3), now());
        assert_eq!((few.deletions, few.limit), (2, 3));
        let many = breaker(&cluster(), &databases(4, 96), now());
        assert_eq!((many.deletions, many.limit), (4, 10));
    }

    #[test]
    fn deletions_count_for_ten_minutes_and_once_each() {
        let mut cluster = cluster();
        let deletion = |name: &str, time: &str| RecentDeletion {
            database: name.into(),
            time: time.into(),
        };
        cluster.status = Some(crate::api::RedisClusterStatus {
            recent_deletions: vec![
                deletion("db-0", "2026-11-21T07:59:00Z"),
                deletion("old", "2026-11-21T07:49:00Z"),
                deletion("gone", "2026-11-21T07:51:00Z"),
            ],
            ..Default::default()
        });
        assert_eq!(breaker(&cluster, &databases(1, 3), now()).deletions, 2);
    }

    #[test]
    fn retained_databases_do_not_count() {
        let mut objects = databases(4, 0);
        for object in &mut objects {
            Arc::make_mut(object).spec.deletion_policy = None;
        }
        assert_eq!(breaker(&cluster(), &objects, now()).deletions, 0);
    }

    #[test]
    fn an_acknowledgement_covers_exactly_the_deletions_that_it_was_given_for() {
        let mut cluster = cluster();
        let nonce = breaker(&cluster, &databases(4, 0), now()).nonce;
        cluster
            .annotations_mut()
            .insert(ACKNOWLEDGE_DELETIONS_ANNOTATION.into(), nonce);
        assert!(breaker(&cluster, &databases(4, 0), now()).acknowledged);
        assert!(!breaker(&cluster, &databases(5, 0), now()).acknowledged);
    }

    #[test]
    fn an_acknowledgement_survives_the_deletions_going_through_one_by_one() {
        let mut cluster = cluster();
        let before = breaker(&cluster, &databases(4, 0), now()).nonce;
        let sent = RecentDeletion {
            database: "db-0".into(),
            time: now().to_string(),
        };
        cluster.status = Some(crate::api::RedisClusterStatus {
            recent_deletions: vec![sent],
            ..Default::default()
        });
        let left: Vec<_> = databases(4, 0).split_off(1);
        assert_eq!(breaker(&cluster, &left, now()).nonce, before);
    }
}
