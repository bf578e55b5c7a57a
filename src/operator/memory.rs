//! What the task of an object remembers from one visit to the next.

use crate::engine::Freshness;
use crate::engine::Managed;
use crate::engine::Moment;
use crate::operator::accepted::Accepted;
use crate::operator::clusters::Seat;
use crate::operator::context::Context;
use crate::operator::object::ObjectKey;
use crate::operator::resolve::Resolve;
use crate::operator::roster::Ring;
use crate::operator::schedule::Pace;
use crate::operator::sight::Sight;
use crate::operator::sight::Told;
use crate::report::Failure;
use crate::report::Visit;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What the task of an object remembers from one visit to the next.
pub struct Memory<K: Resolve> {
    /// The object as we last wrote it; the watch may not have shown it yet.
    written: Option<K>,
    /// Our last call to the cluster: sweeps before it are out of date for this object.
    pub(super) called: Option<Moment>,
    /// Since when the object's own Secrets have to have been read.
    pub(super) fresh_since: Option<Instant>,
    /// A plan that Redis Enterprise refused: it is not tried again as it is before this moment.
    refused: Option<(String, Instant)>,
    /// Calls that were accepted and are not yet seen to have had an effect.
    accepted: Accepted,
    /// The next wave is due: it does not wait for a sweep.
    pub(super) at_once: bool,
    /// How it has been coming back lately.
    pub(super) pace: Pace,
}

impl<K: Resolve> Default for Memory<K> {
    fn default() -> Self {
        Self {
            written: None,
            called: None,
            fresh_since: None,
            refused: None,
            accepted: Accepted::default(),
            at_once: false,
            pace: Pace::default(),
        }
    }
}

impl<K: Resolve> Memory<K> {
    /// Nothing yet of this object.
    pub fn of(key: &ObjectKey) -> Self {
        Self {
            pace: Pace::of(key),
            ..Self::default()
        }
    }

    /// The object as we last wrote it, while the watch has not shown that yet; and the ring, which means less if it tells of
    /// nothing but our own write.
    pub fn newest(&mut self, shown: Arc<K>, ring: Ring) -> (Arc<K>, Ring) {
        let same = |written: &&K| written.meta().uid == shown.meta().uid;
        match self.written.as_ref().filter(same) {
            Some(written) if version(written) > version(&*shown) => {
                (Arc::new(written.clone()), ring.min(Ring::Related))
            }
            Some(written) if version(written) == version(&*shown) => (shown, ring.min(Ring::Related)),
            Some(_) | None => {
                self.written = None;
                (shown, ring)
            }
        }
    }

    /// Takes note of a write.
    pub(super) fn wrote(&mut self, object: K) {
        self.written = Some(object);
    }

    /// Takes note of why the bell rang.
    pub(super) fn heard(&mut self, ring: Ring, now: Instant) {
        if ring == Ring::Changed {
            self.fresh_since = Some(now);
            self.accepted.forget();
        }
        if ring > Ring::Swept {
            self.refused = None;
        }
    }

    /// Whether a visit could see anything that the last one did not.
    pub(super) fn news(&self, seat: &Seat, ring: Ring) -> bool {
        match (ring, self.called, seat.swept(K::KIND)) {
            (Ring::Changed, _, _) | (_, None, _) | (_, _, None) => true,
            // What we did is seen by the next sweep, which rings.
            (Ring::Related | Ring::Swept, Some(called), Some(swept)) => self.at_once || swept > called,
        }
    }

    /// What the last sweep brought will do, unless we made a call since; before the first sweep, whatever was read since we
    /// lead.
    pub(super) fn freshness(&self, context: &Context, seat: &Seat) -> Freshness {
        let swept = seat
            .swept(K::KIND)
            .or(context.reign.get().map(|reign| reign.begun));
        swept.max(self.called).map_or(Freshness::Now, Freshness::After)
    }

    /// How long a plan that was refused is not tried again, if this is it.
    pub(super) fn refused_for(&self, sight: &Sight<K>) -> Option<Duration> {
        let (steps, until) = self.refused.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero() && *steps == sight.steps()).then_some(left)
    }

    /// Holds what was accepted before and had no effect.
    pub(super) fn judge(&mut self, sight: Sight<K>) -> Sight<K> {
        let plan = sight.plan.map(|plan| self.accepted.judge(plan, Instant::now()));
        Sight { plan, ..sight }
    }

    /// Remembers the calls that were made and whose effect is to show.
    pub(super) fn note_calls(&mut self, sight: &Sight<K>) {
        let now = Instant::now();
        for action in sight
            .calls_done()
            .filter(|action| <K as Managed>::shows_at_once(action))
        {
            self.accepted.note(action, now);
        }
    }

    /// Remembers a plan that was refused for good, so that it is not tried again with every sweep.
    pub(super) fn note_refusal(&mut self, sight: &Sight<K>, report: &Told<K>, interval: Duration) {
        let quiet = match (&sight.failure, report.visit) {
            (Some(Failure::Rest(_)), Visit::OnChange | Visit::Doubtful) => report.visit.window(interval),
            _ => None,
        };
        self.refused = quiet.map(|(least, _)| (sight.steps(), Instant::now() + least));
    }
}

/// Resource versions of one object grow.
fn version<K: Resolve>(object: &K) -> Option<u128> {
    object.meta().resource_version.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::RedisDatabase;
    use crate::operator::clock::Clock;
    use crate::operator::clusters::Clusters;
    use crate::operator::metrics::Metrics;
    use crate::operator::object::Object;
    use crate::operator::resolve::tests::database;
    use crate::operator::stores::Stores;
    use crate::plan::Plan;
    use crate::plan::Publication;
    use crate::plan::Step;
    use crate::report::Report;
    use crate::rest::error::Error;
    use crate::rest::error::ErrorKind;

    fn seat() -> Arc<Seat> {
        let metrics = Arc::new(Metrics::new(Arc::default()));
        let clusters = Clusters::new(
            crate::rest::transport::over_tls(),
            metrics,
            Clock::system(),
            Duration::from_secs(30),
        );
        clusters.seat(&database("a").cluster(), &Stores::default())
    }

    fn at_version(version: &str) -> RedisDatabase {
        let mut object = database("a");
        object.metadata.resource_version = Some(version.into());
        object
    }

    #[test]
    fn after_a_call_an_object_waits_for_the_next_sweep_unless_it_changes_or_goes_on_at_once() {
        let (seat, mut memory) = (seat(), Memory::<RedisDatabase>::default());
        seat.note_sweep(Moment::now());
        memory.called = Some(Moment::now());
        assert!(!memory.news(&seat, Ring::Swept) && !memory.news(&seat, Ring::Related));
        assert!(memory.news(&seat, Ring::Changed));
        memory.at_once = true;
        assert!(memory.news(&seat, Ring::Swept));
        memory.at_once = false;
        seat.note_sweep_of_databases(Moment::now());
        assert!(memory.news(&seat, Ring::Swept));
    }

    #[test]
    fn our_own_write_is_no_change_and_a_later_one_of_others_is() {
        let mut memory = Memory::<RedisDatabase>::default();
        memory.wrote(at_version("10"));
        let (object, ring) = memory.newest(Arc::new(at_version("9")), Ring::Changed);
        assert_eq!(
            (object.metadata.resource_version.as_deref(), ring),
            (Some("10"), Ring::Related)
        );
        let (_, ring) = memory.newest(Arc::new(at_version("10")), Ring::Changed);
        assert_eq!(ring, Ring::Related);
        let (object, ring) = memory.newest(Arc::new(at_version("11")), Ring::Changed);
        assert_eq!(
            (object.metadata.resource_version.as_deref(), ring),
            (Some("11"), Ring::Changed)
        );
    }

    #[test]
    fn an_object_made_anew_is_not_taken_for_the_one_before() {
        let mut memory = Memory::<RedisDatabase>::default();
        memory.wrote(at_version("10"));
        let mut other = at_version("9");
        other.metadata.uid = Some("another".into());
        assert_eq!(memory.newest(Arc::new(other), Ring::Changed).1, Ring::Changed);
    }

    fn refused(visit: Visit) -> (Memory<RedisDatabase>, Sight<RedisDatabase>) {
        let step = Publication::GeneratePassword {
            secret: "pw".into(),
            key: "password".into(),
        };
        let error = Error {
            route: &crate::rest::route::CLUSTER,
            path: String::new(),
            node: String::new(),
            kind: ErrorKind::NotJson,
        };
        let sight = Sight {
            inputs: None,
            observed: None,
            plan: Some(Plan {
                steps: vec![Step::Publish(step)],
                ..Plan::default()
            }),
            done: 0,
            failure: Some(Failure::Rest(error)),
        };
        let mut memory = Memory::default();
        let report = Report {
            status: Default::default(),
            events: Vec::new(),
            visit,
        };
        memory.note_refusal(&sight, &report, Duration::from_secs(30));
        (memory, sight)
    }

    #[tokio::test(start_paused = true)]
    async fn a_plan_that_was_refused_rests_until_something_changes() {
        let (mut memory, sight) = refused(Visit::OnChange);
        assert!(memory.refused_for(&sight).is_some());
        memory.heard(Ring::Swept, Instant::now());
        assert!(memory.refused_for(&sight).is_some(), "a sweep changes nothing");
        memory.heard(Ring::Related, Instant::now());
        assert!(memory.refused_for(&sight).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_plan_is_tried_again_after_ten_minutes_and_another_plan_at_once() {
        let (memory, mut sight) = refused(Visit::OnChange);
        tokio::time::advance(Duration::from_secs(700)).await;
        assert!(memory.refused_for(&sight).is_none());
        let (memory, _) = refused(Visit::OnChange);
        sight.plan = Some(Plan::default());
        assert!(memory.refused_for(&sight).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_clears_by_itself_is_tried_with_the_next_sweep() {
        let (memory, sight) = refused(Visit::Soon);
        assert!(memory.refused_for(&sight).is_none());
    }
}
