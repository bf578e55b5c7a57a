//! Calls that Redis Enterprise accepts and that change nothing: they are held, not made again with every look.

use crate::api::Reason;
use crate::plan::Hold;
use crate::plan::Plan;
use std::fmt;

/// What becomes of a call that was accepted before and whose effect is not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vain {
    /// It is not made for now.
    Rests,
    /// It is made once more: what stood in the way may be gone.
    Due,
}

impl<A: fmt::Display> Plan<A> {
    /// Holds every call that `vain` speaks of, and takes those that rest out of the steps. What still differs stays in
    /// the plan's drift.
    #[must_use]
    pub fn hold_vain(mut self, vain: impl Fn(&A) -> Option<Vain>) -> Self {
        let holds = &mut self.holds;
        self.steps.retain(|step| {
            let Some((action, verdict)) = step.call().and_then(|action| Some((action, vain(action)?))) else {
                return true;
            };
            holds.push(Hold {
                what: action.to_string(),
                why: Reason::NoEffect,
                detail: "Redis Enterprise accepts it and keeps what it had: this version does not let it be changed, or \
                         something else puts it back; take it out of the spec, or find out what changes it"
                    .to_owned(),
            });
            verdict == Vain::Due
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Drift;
    use crate::plan::Step;
    use expect_test::expect;

    fn wanted() -> Plan<&'static str> {
        let drift = Drift {
            path: "spec.settings.extra[cnm_http_workers]".into(),
            live: "1".into(),
            wanted: "2".into(),
        };
        Plan {
            steps: vec![
                Step::Call("set policy rack_aware"),
                Step::Call("set cluster cnm_http_workers"),
            ],
            drift: vec![drift],
            ..Plan::default()
        }
    }

    fn with_the_second(verdict: Vain) -> String {
        let vain = |call: &&str| call.starts_with("set cluster").then_some(verdict);
        wanted().hold_vain(vain).to_string()
    }

    #[test]
    fn a_call_without_effect_is_held_and_the_others_are_made() {
        expect![[r#"
            do    set policy rack_aware
            hold  set cluster cnm_http_workers: NoEffect (Redis Enterprise accepts it and keeps what it had: this version does not let it be changed, or something else puts it back; take it out of the spec, or find out what changes it)
            drift spec.settings.extra[cnm_http_workers]: 1 -> 2
        "#]]
        .assert_eq(&with_the_second(Vain::Rests));
    }

    #[test]
    fn a_call_that_is_tried_once_more_is_still_told_as_held() {
        expect![[r#"
            do    set policy rack_aware
            do    set cluster cnm_http_workers
            hold  set cluster cnm_http_workers: NoEffect (Redis Enterprise accepts it and keeps what it had: this version does not let it be changed, or something else puts it back; take it out of the spec, or find out what changes it)
            drift spec.settings.extra[cnm_http_workers]: 1 -> 2
        "#]]
        .assert_eq(&with_the_second(Vain::Due));
    }

    #[test]
    fn nothing_is_held_that_had_its_effect() {
        assert_eq!(wanted().hold_vain(|_| None).to_string(), wanted().to_string());
    }
}
