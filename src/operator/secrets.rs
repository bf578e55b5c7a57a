//! Secrets, read by name and never listed: each distinct one once per round, whoever refers to it.

use crate::operator::kube::Kube;
use crate::operator::kube::KubeError;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

/// Secrets of databases are read again after this long, spread evenly over it.
const SLOW_ROUND: Duration = Duration::from_secs(600);

/// A Secret that nobody asked for during this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(1800);

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// One interval: Secrets of clusters and certificates.
    Interval,
    /// Ten minutes: Secrets of databases.
    SlowRound,
    /// Read after this moment: the object changed, asked for it, or is about to act.
    Since(Instant),
}

/// What a Secret holds.
#[derive(Clone, Debug)]
pub struct SecretContent {
    /// Uid and resourceVersion, as `<uid>/<resourceVersion>`.
    pub version: String,
    /// Uid of the object that controls it.
    pub controlled_by: Option<String>,
    /// Its values; `None` for one that is not UTF-8.
    pub data: BTreeMap<String, Option<SecretString>>,
}

/// Why the content of a Secret is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It does not exist.
    NotFound,
    /// Regent has no right to read it.
    Forbidden,
}

/// What was found under a name.
pub type Found = Result<Arc<SecretContent>, Absent>;

/// Every Secret that objects refer to.
pub struct Secrets {
    interval: Duration,
    start: Instant,
    entries: Mutex<BTreeMap<Name, Arc<Entry>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    namespace: String,
    name: String,
}

#[derive(Default)]
struct Entry {
    /// Held while it is read, so that those who ask at the same time share one GET.
    answer: tokio::sync::Mutex<Option<Answer>>,
    asked: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Answer {
    /// When the GET was sent.
    sent: Instant,
    found: Found,
}

impl Secrets {
    /// Starts with nothing known. `interval` is the operator's interval of observation.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            start: Instant::now(),
            entries: Mutex::default(),
        }
    }

    /// The Secret of that name, from a GET that is no older than `age` allows.
    ///
    /// # Errors
    /// When the API server did not answer. That a Secret is missing, or may not be read, is an answer.
    pub async fn get(&self, kube: &Kube, namespace: &str, name: &str, age: Age) -> Result<Found, KubeError> {
        let key = Name {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let rounds = Rounds {
            interval: self.interval,
            start: self.start + phase(&key),
        };
        let entry = self.entry(key);
        let mut answer = entry.answer.lock().await;
        let now = Instant::now();
        if let Some(known) = answer.as_ref().filter(|known| !rounds.due(known.sent, now, age)) {
            return Ok(known.found.clone());
        }
        let found = match kube.secret(namespace, name).await {
            Ok(Some(secret)) => Ok(Arc::new(content(&secret))),
            Ok(None) => Err(Absent::NotFound),
            Err(error) if error.is_forbidden() => Err(Absent::Forbidden),
            Err(error) => return Err(error),
        };
        *answer = Some(Answer {
            sent: now,
            found: found.clone(),
        });
        Ok(found)
    }

    /// Puts a Secret in place that needs not be read, such as one from a file.
    pub async fn preload(&self, namespace: &str, secret: &Secret) {
        let entry = self.entry(Name {
            namespace: namespace.to_owned(),
            name: secret.name_any(),
        });
        *entry.answer.lock().await = Some(Answer {
            sent: Instant::now(),
            found: Ok(Arc::new(content(secret))),
        });
    }

    /// Makes the next look at a Secret a read, whatever its round.
    pub async fn expire(&self, namespace: &str, name: &str) {
        let entry = self.entry(Name {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        });
        *entry.answer.lock().await = None;
    }

    /// Forgets the Secrets that nothing refers to any more.
    pub fn forget_unused(&self) {
        let now = Instant::now();
        self.lock().retain(|_, entry| {
            let asked = *entry.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.is_none_or(|asked| now.duration_since(asked) < FORGET_AFTER)
        });
    }

    fn entry(&self, key: Name) -> Arc<Entry> {
        let entry = self.lock().entry(key).or_default().clone();
        *entry.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        entry
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a Secret is read again.
struct Rounds {
    interval: Duration,
    /// Slow rounds of this Secret begin at this moment, every ten minutes after it, and once before it.
    start: Instant,
}

impl Rounds {
    /// Whether an answer from a GET sent at `sent` is too old at `now`.
    ///
    /// Each Secret has a slow round of its own, so that however many were read together at the start, their next reads are
    /// spread evenly. The interval is taken a tenth shorter, so that a visit that comes a moment early does not skip one.
    fn due(&self, sent: Instant, now: Instant, age: Age) -> bool {
        let old = now.saturating_duration_since(sent);
        match age {
            Age::Since(moment) => sent < moment,
            Age::Interval => old >= self.interval * 9 / 10,
            Age::SlowRound => {
                old >= SLOW_ROUND || (old >= self.interval && self.round(now) != self.round(sent))
            }
        }
    }

    fn round(&self, moment: Instant) -> u64 {
        (moment + SLOW_ROUND)
            .saturating_duration_since(self.start)
            .as_secs()
            / SLOW_ROUND.as_secs()
    }
}

fn phase(key: &Name) -> Duration {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Duration::from_millis(hasher.finish() % 600_000)
}

fn content(secret: &Secret) -> SecretContent {
    let data = secret.data.iter().flatten();
    SecretContent {
        version: format!(
            "{}/{}",
            secret.uid().unwrap_or_default(),
            secret.resource_version().unwrap_or_default()
        ),
        controlled_by: secret
            .owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true))
            .map(|owner| owner.uid.clone()),
        data: data.map(|(key, value)| (key.clone(), text(&value.0))).collect(),
    }
}

fn text(bytes: &[u8]) -> Option<SecretString> {
    std::str::from_utf8(bytes).ok().map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(phase_secs: u64) -> (Rounds, Instant) {
        let start = Instant::now();
        (
            Rounds {
                interval: secs(30),
                start: start + secs(phase_secs),
            },
            start,
        )
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn secrets_of_clusters_are_read_once_per_interval() {
        let (rounds, sent) = rounds(0);
        assert!(!rounds.due(sent, sent + secs(26), Age::Interval));
        assert!(rounds.due(sent, sent + secs(29), Age::Interval));
    }

    #[test]
    fn secrets_of_databases_read_together_are_read_again_spread_over_ten_minutes() {
        let mut per_minute = [0; 10];
        for number in 0..1000 {
            let phase = phase(&Name {
                namespace: "redis".into(),
                name: format!("db-{number}"),
            });
            let (rounds, start) = rounds(phase.as_secs());
            let next = (1..=600).find(|second| rounds.due(start, start + secs(*second), Age::SlowRound));
            per_minute[usize::try_from((next.expect("within ten minutes") - 1) / 60).unwrap()] += 1;
        }
        assert!(
            per_minute[1..].iter().all(|count| (60..=140).contains(count)),
            "{per_minute:?}"
        );
    }

    #[test]
    fn secrets_of_databases_are_read_once_in_ten_minutes() {
        let (rounds, start) = rounds(200);
        let mut sent = start;
        let mut reads = Vec::new();
        for second in (0..3000).step_by(30) {
            if rounds.due(sent, start + secs(second), Age::SlowRound) {
                sent = start + secs(second);
                reads.push(second);
            }
        }
        assert_eq!(reads, [210, 810, 1410, 2010, 2610]);
    }

    #[test]
    fn whoever_is_about_to_act_gets_a_read_that_was_sent_afterwards() {
        let (rounds, sent) = rounds(0);
        assert!(rounds.due(sent, sent + secs(1), Age::Since(sent + secs(1))));
        assert!(!rounds.due(sent, sent + secs(1), Age::Since(sent)));
    }
}
