//! When to come back: from what a report asks for, to a delay, and to how soon the cluster should be swept.

use crate::report::Visit;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::time::Duration;

/// First delay after a failure; each further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// Longest delay after a failure.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// How an object has been coming back lately.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Failures in a row.
    failures: u32,
    /// Visits at once in a row.
    at_once: u32,
    /// State of the jitter.
    jitter: Jitter,
}

impl Pace {
    /// That of one object among many.
    pub fn of(object: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        object.hash(&mut hasher);
        Self {
            jitter: Jitter(hasher.finish() | 1),
            ..Self::default()
        }
    }

    /// After which delay the object comes back by itself, and within which its cluster should be swept; `None` leaves
    /// both to others.
    pub fn next(
        &mut self,
        visit: Visit,
        interval: Duration,
        floor: Duration,
    ) -> (Option<Duration>, Option<Duration>) {
        let visit = match visit {
            Visit::Again if self.at_once > 0 => Visit::Backoff,
            other => other,
        };
        self.at_once = u32::from(visit == Visit::Again);
        self.failures = match visit {
            Visit::Backoff | Visit::BackoffWithin(_) => self.failures.saturating_add(1),
            Visit::Again
            | Visit::Soon
            | Visit::Later
            | Visit::Resync
            | Visit::Doubtful
            | Visit::OnChange
            | Visit::Never => 0,
        };
        let again = match visit {
            Visit::Backoff => Some(self.backoff()),
            Visit::BackoffWithin(most) => Some(self.backoff().min(most)),
            other => other
                .window(interval)
                .map(|(least, most)| self.jitter.between(least, most)),
        };
        // Whether something has ended, and whether a cluster is back, is seen by one sweep for all of its objects.
        let sweep = match visit {
            Visit::Again | Visit::Soon => Some(floor),
            Visit::Later => Some(interval.min(Duration::from_secs(15))),
            Visit::Backoff | Visit::BackoffWithin(_) => again
                .map(|delay| delay.max(floor))
                .filter(|delay| *delay < interval),
            Visit::Resync | Visit::Doubtful | Visit::OnChange | Visit::Never => None,
        };
        (again, sweep)
    }

    fn backoff(&mut self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        let most = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX);
        // Full jitter, but never at once.
        self.jitter.between(most / 10, most)
    }
}

/// A sequence of fractions that differs from object to object, and is the same for an object each time, so that a run can be
/// repeated.
#[derive(Clone, Debug)]
struct Jitter(u64);

impl Default for Jitter {
    fn default() -> Self {
        Self(1)
    }
}

impl Jitter {
    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let per_mille = u32::try_from(self.0 % 1000).unwrap_or_default();
        least + most.saturating_sub(least) * per_mille / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);
    const FLOOR: Duration = Duration::from_secs(2);

    #[test]
    fn objects_come_back_each_at_its_own_moment_and_one_object_at_the_same_each_time() {
        let first = |name: &str| Pace::of(&name).next(Visit::Resync, INTERVAL, FLOOR).0;
        assert_eq!(first("a"), first("a"));
        let moments: std::collections::BTreeSet<_> =
            (0..100).map(|number| first(&number.to_string())).collect();
        assert!(moments.len() > 90, "{}", moments.len());
    }

    #[test]
    fn failures_come_back_less_and_less_often() {
        let mut pace = Pace::default();
        let delays: Vec<Duration> = (0..20)
            .filter_map(|_| pace.next(Visit::Backoff, INTERVAL, FLOOR).0)
            .collect();
        assert!(delays[0] <= BACKOFF_FIRST);
        assert!(delays.iter().all(|delay| *delay <= BACKOFF_MAX));
        assert!(delays[12..].iter().all(|delay| *delay >= BACKOFF_MAX / 10));
    }

    #[test]
    fn a_failure_that_will_have_something_to_tell_comes_back_for_that() {
        let mut pace = Pace::default();
        let within = Duration::from_millis(1500);
        for _ in 0..20 {
            let again = pace.next(Visit::BackoffWithin(within), INTERVAL, FLOOR).0;
            assert!(again.is_some_and(|delay| delay <= within), "{again:?}");
        }
        assert!(
            pace.next(Visit::Backoff, INTERVAL, FLOOR).0.unwrap() > within,
            "it counts as a failure all the same"
        );
    }

    #[test]
    fn a_success_starts_the_delays_anew() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.next(Visit::Backoff, INTERVAL, FLOOR);
        }
        pace.next(Visit::Resync, INTERVAL, FLOOR);
        assert!(pace.next(Visit::Backoff, INTERVAL, FLOOR).0.unwrap() <= BACKOFF_FIRST);
    }

    #[test]
    fn at_once_happens_once() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(Visit::Again, INTERVAL, FLOOR).0, Some(Duration::ZERO));
        assert!(pace.next(Visit::Again, INTERVAL, FLOOR).0.unwrap() > Duration::ZERO);
    }

    #[test]
    fn only_what_a_sweep_can_show_hurries_it() {
        let sweep = |visit| Pace::default().next(visit, INTERVAL, FLOOR).1;
        assert_eq!(sweep(Visit::Soon), Some(FLOOR));
        assert_eq!(sweep(Visit::Later), Some(Duration::from_secs(15)));
        for visit in [Visit::Resync, Visit::OnChange, Visit::Doubtful, Visit::Never] {
            assert_eq!(sweep(visit), None, "{visit:?}");
        }
    }
}
