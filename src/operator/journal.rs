//! The journal of a pass: records go to the object's status, Secrets to its namespace.
//!
//! Every write is checked against the version of the object that the pass decided on: whoever else writes stops the pass.
//! An intent is written at once. Other records are written at the latest before the next call to Redis Enterprise, so that
//! several of them cost one write.

use crate::api::FINALIZER;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::RecentDeletion;
use crate::api::Record;
use crate::api::RedisCluster;
use crate::engine::Journal;
use crate::operator::clusters::Seat;
use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use crate::operator::kube::KubeErrorKind;
use crate::operator::lease::Leadership;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::is_recent;
use crate::operator::secret_writes;
use crate::operator::secrets::Secrets;
use crate::plan::Publication;
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::sync::OwnedMutexGuard;

/// Attempts to count a deletion while others write to the RedisCluster.
const COUNTING_ATTEMPTS: usize = 5;

/// The object of a pass that acts, as it stands after each write.
pub struct ObjectJournal<'a, K: Resolve> {
    /// The API server.
    pub kube: &'a Kube,
    /// Secrets that were read; what is written here is read anew.
    pub secrets: &'a Secrets,
    /// Whether this process may act.
    pub leadership: &'a Leadership,
    /// The cluster of the object.
    pub seat: &'a Seat,
    /// The object as it was read or last written.
    pub object: K,
    /// The status as it will be written next.
    pub status: K::Status,
    /// Held until an intent is recorded.
    pub exclusion: Option<OwnedMutexGuard<()>>,
    /// Whether the object was let go.
    pub released: bool,
}

impl<K: Resolve> ObjectJournal<'_, K> {
    /// The object as it will be once its status is written.
    pub fn standing(&self) -> K {
        let mut object = self.object.clone();
        *object.status_mut() = Some(self.status.clone());
        object
    }

    /// Adds our finalizer, if it is not there.
    ///
    /// # Errors
    /// When the object changed in the meantime, or the API server does not answer.
    pub async fn hold_on(&mut self) -> Result<(), KubeError> {
        if self
            .object
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == FINALIZER)
        {
            return Ok(());
        }
        self.permitted("add a finalizer")?;
        let after = self.kube.add_finalizer(&self.object).await?;
        self.took(after, "add a finalizer")
    }

    /// Writes the status, if it differs from what was last written.
    ///
    /// # Errors
    /// When the object changed in the meantime, or the API server does not answer.
    pub async fn save(&mut self) -> Result<(), KubeError> {
        if self.object.status().cloned().unwrap_or_default() == self.status {
            return Ok(());
        }
        self.permitted("write status")?;
        let after = self.kube.save_status(&self.object, &self.status).await?;
        self.took(after, "write status")
    }

    /// Goes on with the object as it is after a write, unless its spec changed with it.
    fn took(&mut self, after: K, call: &str) -> Result<(), KubeError> {
        let same = after.meta().generation == self.object.meta().generation;
        self.object = after;
        match same {
            true => Ok(()),
            false => Err(self.failed(call, KubeErrorKind::LostRace)),
        }
    }

    fn permitted(&self, call: &str) -> Result<(), KubeError> {
        match self.leadership.holds() {
            true => Ok(()),
            false => Err(self.failed(call, KubeErrorKind::NotLeader)),
        }
    }

    fn failed(&self, call: &str, kind: KubeErrorKind) -> KubeError {
        KubeError {
            call: format!("{call} of {}", self.object.key()),
            kind,
        }
    }

    /// Adds a deletion to those that the breaker counts, before it is sent.
    async fn count_deletion(&self, intent: &Intent) -> Result<(), KubeError> {
        let key = self.object.cluster();
        let _turn = self.seat.counting.lock().await;
        for _ in 0..COUNTING_ATTEMPTS {
            let Some(cluster) = self.kube.live::<RedisCluster>(&key.namespace, &key.name).await? else {
                return Ok(());
            };
            let Some(status) = counted(&cluster, &self.object.name_any(), intent, self.seat.clock.now())
            else {
                return Ok(());
            };
            match self.kube.save_status(&cluster, &status).await {
                Err(error) if error.is_lost_race() => {}
                answer => return answer.map(drop),
            }
        }
        Err(self.failed("count the deletion", KubeErrorKind::LostRace))
    }
}

/// The status of the cluster with one more deletion; `None` when it is counted already.
fn counted(
    cluster: &RedisCluster,
    database: &str,
    intent: &Intent,
    now: Timestamp,
) -> Option<crate::api::RedisClusterStatus> {
    let mut status = cluster.status.clone().unwrap_or_default();
    status
        .recent_deletions
        .retain(|deletion| is_recent(deletion, now));
    if status
        .recent_deletions
        .iter()
        .any(|deletion| deletion.database == database)
    {
        return None;
    }
    status.recent_deletions.push(RecentDeletion {
        database: database.to_owned(),
        time: intent.time.clone(),
    });
    Some(status)
}

impl<K: Resolve> Journal for ObjectJournal<'_, K> {
    type Error = KubeError;

    async fn record(&mut self, record: &Record) -> Result<(), KubeError> {
        self.status = K::announce(&self.standing(), record, self.seat.clock.now());
        let Record::Intent(intent) = record else {
            return Ok(());
        };
        self.permitted("record an intent")?;
        if intent.action == IntentAction::DeleteDatabase {
            self.count_deletion(intent).await?;
        }
        self.save().await?;
        // What is under way is written where the others look.
        self.exclusion = None;
        Ok(())
    }

    async fn publish(&mut self, publication: &Publication) -> Result<(), KubeError> {
        self.permitted("publish a Secret")?;
        secret_writes::publish(self.kube, self.secrets, &self.object, publication).await
    }

    async fn release(&mut self) -> Result<(), KubeError> {
        self.permitted("remove the finalizer")?;
        self.kube.remove_finalizer(&self.object).await?;
        self.released = true;
        Ok(())
    }

    async fn proceed(&mut self) -> Result<(), KubeError> {
        self.save().await?;
        self.permitted("call Redis Enterprise")
    }
}
