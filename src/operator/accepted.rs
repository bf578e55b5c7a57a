//! Calls that Redis Enterprise accepted, and how often in a row the look after them wanted the same again.

use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::effect::Vain;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;
use tokio::time::Instant;

/// So often a call is accepted before it counts as one without effect. Once may have been undone by somebody else.
const TIMES_MAX: u32 = 2;
/// Time for which a call without effect is not made again.
const REST: Duration = Duration::from_secs(600);

/// The calls of one object that were accepted and are not yet seen to have had an effect, by what they say.
#[derive(Debug, Default)]
pub(super) struct Accepted(BTreeMap<String, Call>);

#[derive(Debug)]
struct Call {
    times: u32,
    last: Instant,
}

impl Accepted {
    /// Takes note of a call that succeeded.
    pub(super) fn note(&mut self, action: &impl Display, now: Instant) {
        let call = self
            .0
            .entry(action.to_string())
            .or_insert(Call { times: 0, last: now });
        call.times = call.times.saturating_add(1);
        call.last = now;
    }

    /// Forgets all calls: what is wanted has changed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Forgets the calls that had their effect, and holds those that were accepted in vain. While something runs, an
    /// effect may be still to come.
    pub(super) fn judge<A: Display>(&mut self, plan: Plan<A>, now: Instant) -> Plan<A> {
        if plan.waits.is_empty() {
            let is_wanted = |said: &String| {
                let mut calls = plan.steps.iter().filter_map(Step::call);
                calls.any(|action| action.to_string() == *said)
            };
            self.0.retain(|said, _| is_wanted(said));
        }
        plan.hold_vain(|action| self.vain(action, now))
    }

    fn vain(&self, action: &impl Display, now: Instant) -> Option<Vain> {
        if self.0.is_empty() {
            return None;
        }
        let call = self.0.get(&action.to_string())?;
        let rests = now.saturating_duration_since(call.last) < REST;
        (call.times >= TIMES_MAX).then_some(if rests { Vain::Rests } else { Vain::Due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Reason;
    use crate::plan::Wait;

    /// What a pass with this one call did: whether it made the call, and whether it held it.
    fn pass(accepted: &mut Accepted, now: Instant) -> (bool, bool) {
        let plan = Plan {
            steps: vec![Step::Call("set cluster x")],
            ..Plan::default()
        };
        let plan = accepted.judge(plan, now);
        for action in plan.steps.iter().filter_map(Step::call) {
            accepted.note(action, now);
        }
        (!plan.steps.is_empty(), !plan.holds.is_empty())
    }

    #[test]
    fn a_call_that_stays_without_effect_is_made_twice_and_then_every_ten_minutes() {
        let (mut accepted, mut now) = (Accepted::default(), Instant::now());
        let mut at = |secs| {
            now += Duration::from_secs(secs);
            pass(&mut accepted, now)
        };
        assert_eq!([at(0), at(30)], [(true, false); 2]);
        assert_eq!([at(30), at(30), at(539)], [(false, true); 3]);
        assert_eq!([at(1), at(30)], [(true, true), (false, true)]);
    }

    #[test]
    fn a_look_that_wants_nothing_ends_the_count_unless_something_runs() {
        let (mut accepted, now) = (Accepted::default(), Instant::now());
        let running = || Plan::<&str> {
            waits: vec![Wait {
                what: "change database 1".into(),
                why: Reason::Updating,
                detail: String::new(),
            }],
            ..Plan::default()
        };
        pass(&mut accepted, now);
        accepted.judge(running(), now);
        pass(&mut accepted, now);
        assert_eq!(
            pass(&mut accepted, now),
            (false, true),
            "the wait was no proof of an effect"
        );
        accepted.judge(Plan::<&str>::default(), now);
        assert_eq!(pass(&mut accepted, now), (true, false));
    }

    #[test]
    fn a_change_of_what_is_wanted_starts_anew() {
        let (mut accepted, now) = (Accepted::default(), Instant::now());
        pass(&mut accepted, now);
        pass(&mut accepted, now);
        accepted.forget();
        assert_eq!(pass(&mut accepted, now), (true, false));
    }
}
