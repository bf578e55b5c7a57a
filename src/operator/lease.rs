//! Leadership: one Lease, taken and renewed by compare-and-set.
//!
//! Nobody's wall clock is trusted. A candidate takes the Lease only after it has seen the record unchanged for a whole lease
//! duration on its own monotonic clock; a leader may act only until `renew_deadline` after the moment at which it *sent* its
//! last successful renewal. Both together leave no moment at which two processes may act.

use crate::operator::clock;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::Client;
use kube::api::PostParams;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

/// Name of the Lease.
pub const LEASE_NAME: &str = "regent";

/// Where the Lease is and how long it lasts.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Who we are: unique for each process.
    pub identity: String,
    /// How long a record must stay unchanged before another may take it.
    pub duration: Duration,
}

impl LeaseConfig {
    /// How long after its last successful renewal a leader may act: two thirds of the duration.
    pub fn renew_deadline(&self) -> Duration {
        self.duration * 2 / 3
    }

    /// How often a leader renews and a candidate looks: a fifth of the duration.
    pub fn period(&self) -> Duration {
        self.duration / 5
    }
}

/// Whether this process may act now. Cheap to clone and to ask.
#[derive(Clone, Debug, Default)]
pub struct Leadership {
    until: Arc<Mutex<Option<Instant>>>,
}

impl Leadership {
    /// Whether the Lease is ours at this moment, by the monotonic clock. A process that slept past its deadline gets
    /// `false` before it has noticed anything else.
    pub fn holds(&self) -> bool {
        self.until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|until| Instant::now() < until)
    }

    /// A leadership that does not end: for processes that have nobody beside them.
    pub fn sole() -> Self {
        let leadership = Self::default();
        leadership.set(Some(Instant::now() + Duration::from_secs(60 * 60 * 24 * 365)));
        leadership
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// What became of the leader before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessor {
    /// There was none, or it gave the Lease back after its last call had ended.
    Gone,
    /// It stopped renewing: calls that it sent may still be running.
    Silent,
}

/// Leadership is over: the process has to end.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Somebody else holds the Lease.
    #[error("the Lease {LEASE_NAME} was taken by {0}")]
    Taken(String),
    /// The Lease could not be renewed in time.
    #[error("the Lease {LEASE_NAME} could not be renewed within {0:?}: {1}")]
    NotRenewed(Duration, String),
}

/// One process's side of the Lease.
pub struct Elector {
    api: Api<Lease>,
    config: LeaseConfig,
    leadership: Leadership,
    /// The record as it was last written by us.
    held: Option<Lease>,
}

impl Elector {
    /// Makes a candidate; nothing is sent yet.
    pub fn new(client: Client, config: LeaseConfig) -> Self {
        let api = Api::namespaced(client, &config.namespace);
        Self {
            api,
            config,
            leadership: Leadership::default(),
            held: None,
        }
    }

    /// The answer to "may I act", shared with everybody who acts.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Waits until the Lease is ours. Errors are logged and tried again.
    pub async fn acquire(&mut self) -> Predecessor {
        let mut sighting = None;
        loop {
            match self.try_acquire(&mut sighting).await {
                Ok(Some(predecessor)) => return predecessor,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "cannot take the Lease {LEASE_NAME}; trying again"),
            }
            tokio::time::sleep(self.config.period()).await;
        }
    }

    /// Renews until that fails for good.
    pub async fn hold(&mut self) -> Lost {
        let mut failure = "the process did not get to it".to_owned();
        loop {
            tokio::time::sleep(self.config.period()).await;
            if !self.leadership.holds() {
                return Lost::NotRenewed(self.config.renew_deadline(), failure);
            }
            match self.renew().await {
                Ok(()) => {}
                Err(Renewal::Taken(holder)) => {
                    self.leadership.set(None);
                    return Lost::Taken(holder);
                }
                Err(Renewal::Failed(error)) => {
                    tracing::warn!(error, "cannot renew the Lease {LEASE_NAME}; trying again");
                    failure = error;
                }
            }
        }
    }

    /// Gives the Lease back, so that the next leader need not wait. Only after every call has ended.
    pub async fn release(&mut self) {
        self.leadership.set(None);
        let Some(mut lease) = self.held.take() else { return };
        if let Some(spec) = lease.spec.as_mut() {
            spec.holder_identity = None;
            spec.renew_time = Some(MicroTime(clock::now()));
        }
        if let Err(error) = self.replace(&lease).await {
            tracing::warn!(
                error,
                "cannot give the Lease {LEASE_NAME} back; it runs out by itself"
            );
        }
    }

    async fn try_acquire(&mut self, sighting: &mut Option<Sighting>) -> Result<Option<Predecessor>, String> {
        let sent = Instant::now();
        let Some(found) = self.timed(self.api.get_opt(LEASE_NAME)).await? else {
            let lease = self.record(None);
            let made = self
                .timed(self.api.create(&PostParams::default(), &lease))
                .await?;
            self.taken(made, sent);
            return Ok(Some(Predecessor::Gone));
        };
        let predecessor = match judge(sighting, Sighting::of(&found, &self.config, sent), sent) {
            Verdict::Free => Predecessor::Gone,
            Verdict::Expired => Predecessor::Silent,
            Verdict::Held => return Ok(None),
        };
        let sent = Instant::now();
        let lease = self.record(Some(&found));
        let taken = self.replace(&lease).await?;
        self.taken(taken, sent);
        Ok(Some(predecessor))
    }

    async fn renew(&mut self) -> Result<(), Renewal> {
        let Some(held) = &self.held else {
            return Err(Renewal::Failed("it was never taken".into()));
        };
        let mut lease = held.clone();
        if let Some(spec) = lease.spec.as_mut() {
            spec.renew_time = Some(MicroTime(clock::now()));
        }
        let sent = Instant::now();
        match self.replace(&lease).await {
            Ok(renewed) => {
                self.taken(renewed, sent);
                Ok(())
            }
            Err(error) => self.after_failed_renewal(error).await,
        }
    }

    /// A renewal may fail because its reply got lost, or because somebody touched the object: look before giving up.
    async fn after_failed_renewal(&mut self, error: String) -> Result<(), Renewal> {
        let found = self
            .timed(self.api.get_opt(LEASE_NAME))
            .await
            .map_err(Renewal::Failed)?;
        let Some(found) = found else {
            return Err(Renewal::Taken("nobody: the Lease was deleted".into()));
        };
        let holder = found
            .spec
            .as_ref()
            .and_then(|spec| spec.holder_identity.clone())
            .unwrap_or_default();
        if holder != self.config.identity {
            return Err(Renewal::Taken(holder));
        }
        self.held = Some(found);
        Err(Renewal::Failed(error))
    }

    fn taken(&mut self, lease: Lease, sent: Instant) {
        self.held = Some(lease);
        self.leadership.set(Some(sent + self.config.renew_deadline()));
    }

    /// The record with us as holder, at the resourceVersion of the one that it replaces.
    fn record(&self, found: Option<&Lease>) -> Lease {
        let now = MicroTime(clock::now());
        let transitions = found.and_then(|lease| lease.spec.as_ref()?.lease_transitions);
        let mut lease = found.cloned().unwrap_or_default();
        lease.metadata.name = Some(LEASE_NAME.into());
        lease.metadata.managed_fields = None;
        lease.spec = Some(LeaseSpec {
            acquire_time: Some(now.clone()),
            holder_identity: Some(self.config.identity.clone()),
            lease_duration_seconds: Some(
                i32::try_from(self.config.duration.as_secs().max(1)).unwrap_or(i32::MAX),
            ),
            lease_transitions: Some(transitions.map_or(0, |count| count.saturating_add(1))),
            renew_time: Some(now),
            ..LeaseSpec::default()
        });
        lease
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, String> {
        self.timed(self.api.replace(LEASE_NAME, &PostParams::default(), lease))
            .await
    }

    async fn timed<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
        match tokio::time::timeout(self.config.renew_deadline() / 2, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the API server did not answer in time".into()),
        }
    }
}

enum Renewal {
    Taken(String),
    Failed(String),
}

/// A record of the Lease, and since when this process has seen it unchanged.
#[derive(Clone, Debug)]
struct Sighting {
    holder: String,
    renewed: Option<MicroTime>,
    transitions: i32,
    duration: Duration,
    since: Instant,
}

impl Sighting {
    fn of(lease: &Lease, config: &LeaseConfig, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let duration = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(config.duration, Duration::from_secs);
        Self {
            holder: spec.holder_identity.unwrap_or_default(),
            renewed: spec.renew_time,
            transitions: spec.lease_transitions.unwrap_or_default(),
            duration: duration.max(config.duration),
            since: now,
        }
    }

    fn same_record(&self, other: &Self) -> bool {
        (&self.holder, &self.renewed, self.transitions) == (&other.holder, &other.renewed, other.transitions)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nobody holds it.
    Free,
    /// Its holder has been silent for a whole lease duration under our eyes.
    Expired,
    /// Somebody holds it.
    Held,
}

/// Compares what is seen now with what was seen before, and remembers since when it has been so.
fn judge(before: &mut Option<Sighting>, current: Sighting, now: Instant) -> Verdict {
    if current.holder.is_empty() {
        return Verdict::Free;
    }
    match before {
        Some(seen) if seen.same_record(&current) => {
            if now.duration_since(seen.since) > seen.duration {
                Verdict::Expired
            } else {
                Verdict::Held
            }
        }
        _ => {
            *before = Some(current);
            Verdict::Held
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> LeaseConfig {
        LeaseConfig {
            namespace: "regent".into(),
            identity: "me".into(),
            duration: Duration::from_secs(15),
        }
    }

    /// A record of "other", renewed `renewed` seconds into some past that says nothing about our clock.
    fn lease(holder: &str, renewed: i64) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                lease_duration_seconds: Some(15),
                renew_time: Some(MicroTime(jiff::Timestamp::from_second(renewed).unwrap())),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    fn look(before: &mut Option<Sighting>, lease: &Lease, now: Instant) -> Verdict {
        judge(before, Sighting::of(lease, &config(), now), now)
    }

    #[test]
    fn a_record_however_old_is_respected_until_it_was_seen_unchanged_for_its_whole_duration() {
        let (start, mut seen) = (Instant::now(), None);
        assert_eq!(look(&mut seen, &lease("other", 0), start), Verdict::Held);
        assert_eq!(
            look(&mut seen, &lease("other", 0), start + Duration::from_secs(15)),
            Verdict::Held
        );
        assert_eq!(
            look(&mut seen, &lease("other", 0), start + Duration::from_secs(16)),
            Verdict::Expired
        );
    }

    #[test]
    fn every_renewal_starts_the_wait_anew() {
        let (start, mut seen) = (Instant::now(), None);
        look(&mut seen, &lease("other", 0), start);
        assert_eq!(
            look(&mut seen, &lease("other", 3), start + Duration::from_secs(14)),
            Verdict::Held
        );
        assert_eq!(
            look(&mut seen, &lease("other", 3), start + Duration::from_secs(20)),
            Verdict::Held
        );
        assert_eq!(
            look(&mut seen, &lease("other", 3), start + Duration::from_secs(30)),
            Verdict::Expired
        );
    }

    #[test]
    fn a_longer_duration_of_the_holder_counts() {
        let (start, mut seen) = (Instant::now(), None);
        let mut record = lease("other", 0);
        record.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
        look(&mut seen, &record, start);
        assert_eq!(
            look(&mut seen, &record, start + Duration::from_secs(16)),
            Verdict::Held
        );
        assert_eq!(
            look(&mut seen, &record, start + Duration::from_secs(61)),
            Verdict::Expired
        );
    }

    #[test]
    fn a_lease_that_was_given_back_is_free_at_once() {
        assert_eq!(look(&mut None, &lease("", 0), Instant::now()), Verdict::Free);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_slept_past_its_deadline_may_not_act() {
        let leadership = Leadership::default();
        assert!(!leadership.holds());
        leadership.set(Some(Instant::now() + config().renew_deadline()));
        assert!(leadership.holds());
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(!leadership.holds());
    }

    #[test]
    fn a_leader_stops_before_anyone_may_take_over() {
        let config = config();
        assert!(config.renew_deadline() + config.period() < config.duration);
    }
}
