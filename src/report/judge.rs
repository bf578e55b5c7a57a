//! The four conditions that every kind has, and the next visit, from what a pass saw, decided and did.

use crate::api::ManagementPolicy;
use crate::api::Reason;
use crate::plan::Drift;
use crate::plan::Hold;
use crate::plan::Plan;
use crate::plan::Publication;
use crate::plan::Step;
use crate::plan::Wait;
use crate::report::Round;
use crate::report::Visit;
use crate::report::class::Class;
use crate::report::class::class;
use crate::report::condition::Board;
use crate::report::condition::DELETION_BLOCKED;
use crate::report::condition::PAUSED;
use crate::report::condition::READY;
use crate::report::condition::RECONCILING;
use crate::report::condition::STALLED;
use crate::report::condition::SYNCED;
use crate::report::condition::Sight;
use crate::report::condition::Truth;
use crate::report::condition::word;
use crate::report::requeue::Meaning;
use crate::report::requeue::meaning;
use jiff::SignedDuration;
use std::time::Duration;

const RETRYING: &str = "Retrying";
const AVAILABLE: &str = "Available";
const PENDING: &str = "Pending";
/// Time for which a missing reference may still appear: one apply may create everything at once.
const REF_GRACE: SignedDuration = SignedDuration::from_secs(120);

/// What is peculiar to the kind and the object.
pub(super) struct Scene<A> {
    /// Whether what the object stands for does its work; `None` when it was not seen.
    pub(super) serves: Option<bool>,
    /// Says so in words.
    pub(super) serving: String,
    pub(super) policy: ManagementPolicy,
    pub(super) paused: bool,
    pub(super) deleting: bool,
    /// The Secret that user name and password come from, in words.
    pub(super) credentials: String,
    /// What the object says while the cluster is unreachable, if it leaves the cause to its RedisCluster.
    pub(super) unreachable: Option<String>,
    /// What is waited for after a call; `None` when it is over with the answer.
    pub(super) effort: fn(&A) -> Option<Reason>,
    /// The words for it.
    pub(super) words: Vec<Wait>,
    /// Whether the call that failed goes on by another way.
    pub(super) detours: bool,
}

/// What to tell.
pub(super) enum Verdict {
    /// Nothing yet: what the object says stays.
    Unchanged(Visit),
    /// This.
    Told(Box<Told>),
}

pub(super) struct Told {
    pub(super) ready: Sight,
    pub(super) synced: Sight,
    pub(super) trouble: Option<Trouble>,
    pub(super) blocked: Option<Sight>,
    pub(super) paused: bool,
    pub(super) visit: Visit,
}

/// At most one of the two.
pub(super) enum Trouble {
    Reconciling(Sight),
    Stalled(Sight),
}

impl Told {
    /// Redis Enterprise refused the change.
    fn refused(self) -> Self {
        let synced = Sight::new(Truth::False, "ApplyRejected", self.ready.message.clone());
        Self { synced, ..self }
    }

    /// Writes the common conditions.
    pub(super) fn post(self, board: &mut Board<'_>) {
        board.set(READY, self.ready);
        board.set(SYNCED, self.synced);
        match self.trouble {
            Some(Trouble::Reconciling(sight)) => board.set(RECONCILING, sight),
            Some(Trouble::Stalled(sight)) => board.set(STALLED, sight),
            None => {}
        }
        if self.paused {
            let message = "the annotation regent.dev/reconcile: paused is set; remove it to go on";
            board.set(PAUSED, Sight::new(Truth::True, "Annotation", message));
        }
        if let Some(sight) = self.blocked {
            board.set(DELETION_BLOCKED, sight);
        }
    }
}

/// Judges a pass.
pub(super) fn judge<K, I, O, A>(
    round: &Round<'_, K, I, O, A>,
    scene: &Scene<A>,
    board: &Board<'_>,
) -> Verdict {
    if round.is_released() {
        return Verdict::Unchanged(Visit::Never);
    }
    let judge = Judge {
        scene,
        board,
        interval: round.interval,
    };
    let told = if scene.paused {
        judge.paused()
    } else if let Some(failure) = round.failure {
        match meaning(failure, &scene.credentials) {
            Meaning::Nothing => return Verdict::Unchanged(Visit::Again),
            Meaning::Unreachable(words) => judge.unreachable(&words),
            Meaning::Retrying(words) => judge.retrying(words),
            Meaning::Passing(reason, words, visit) => judge.passing(&word(reason), words, &[], visit),
            Meaning::Human(Reason::Rejected, _, _) if scene.detours => judge.passing(
                &word(Reason::Rotating),
                judge.words(&scene.words),
                &[],
                Visit::Soon,
            ),
            Meaning::Human(reason, words, visit) => {
                let drift = round.plan.map(|plan| plan.drift.as_slice()).unwrap_or_default();
                let told = judge.human(&word(reason), words, drift, visit);
                if round.call_refused().is_some() {
                    told.refused()
                } else {
                    told
                }
            }
        }
    } else if let Some(plan) = round.plan {
        match judge.planned(round, plan) {
            Some(told) => told,
            None => return Verdict::Unchanged(Visit::Again),
        }
    } else {
        return Verdict::Unchanged(Visit::Backoff);
    };
    Verdict::Told(Box::new(judge.deleting(told, round.plan)))
}

struct Judge<'a, A> {
    scene: &'a Scene<A>,
    board: &'a Board<'a>,
    interval: SignedDuration,
}

impl<A> Judge<'_, A> {
    /// What was decided, without a failure; `None` when there is nothing to tell before the next wave.
    fn planned<K, I, O>(&self, round: &Round<'_, K, I, O, A>, plan: &Plan<A>) -> Option<Told> {
        let enforces = self.scene.policy == ManagementPolicy::Enforce;
        let efforts = round.calls_done().filter_map(self.scene.effort).count();
        let over = efforts == 0 && round.steps_done().iter().all(is_last);
        if !over && efforts == 0 {
            return None;
        }
        let (human, passing): (Vec<_>, Vec<_>) = plan
            .holds
            .iter()
            .map(|hold| (self.reason(hold.why), hold))
            .partition(|(why, _)| class(*why) == Class::NeedsHuman);
        if let Some((why, _)) = human.first() {
            let visit = if efforts > 0 || !plan.waits.is_empty() {
                Visit::Soon
            } else {
                Visit::Resync
            };
            return Some(self.human(
                &word(*why),
                lines(human.iter().map(|(_, hold)| *hold)),
                &plan.drift,
                visit,
            ));
        }
        if self.scene.serves.is_none() && passing.iter().any(|(why, _)| *why == Reason::ClusterUnreachable) {
            return Some(self.unreachable(&lines(passing.iter().map(|(_, hold)| *hold))));
        }
        let waits: Vec<&Wait> = plan
            .waits
            .iter()
            .chain(self.scene.words.iter().filter(|_| efforts > 0))
            .collect();
        let why = waits
            .first()
            .map(|wait| wait.why)
            .or_else(|| passing.first().map(|(why, _)| *why));
        if let Some(why) = why {
            let visit = if waits.is_empty() {
                Visit::Later
            } else {
                Visit::Soon
            };
            let waiting = waits.iter().map(|wait| format!("{}: {}", wait.what, wait.detail));
            let held = passing
                .iter()
                .map(|(_, hold)| format!("{}: {}", hold.what, hold.detail));
            return Some(self.passing(&word(why), joined(waiting.chain(held)), &plan.drift, visit));
        }
        let differs = !plan.drift.is_empty() || !enforces && !plan.steps.is_empty();
        match (enforces, differs) {
            (_, false) => Some(self.converged()),
            (false, true) => Some(self.reported(plan)),
            // The next wave brings it in line.
            (true, true) => None,
        }
    }

    fn converged(&self) -> Told {
        Told {
            ready: self.ready(PENDING, "nothing is known yet"),
            synced: Sight::new(Truth::True, "InSync", "what the spec sets is what is there"),
            trouble: None,
            blocked: None,
            paused: false,
            visit: Visit::Resync,
        }
    }

    /// There are differences, and nothing is done about them.
    fn reported(&self, plan: &Plan<A>) -> Told {
        let mut message = differences(&plan.drift);
        if !plan.steps.is_empty() {
            let told = "Regent would act; status.plan says how".to_owned();
            message = joined([told, message].into_iter());
        }
        Told {
            ready: self.ready(PENDING, &message),
            synced: Sight::new(Truth::False, "DriftReported", message),
            ..self.converged()
        }
    }

    fn passing(&self, reason: &str, message: String, drift: &[Drift], visit: Visit) -> Told {
        let synced = match (self.scene.serves, drift) {
            (None, _) => self.last(SYNCED),
            (Some(true), []) => Sight::new(Truth::True, "InSync", "what the spec sets is what is there"),
            (Some(false), []) => Sight::new(Truth::False, "PendingApply", message.clone()),
            (Some(_), drift) => Sight::new(Truth::False, "PendingApply", differences(drift)),
        };
        Told {
            ready: self.ready(reason, &message),
            synced,
            trouble: Some(Trouble::Reconciling(Sight::new(Truth::True, reason, message))),
            blocked: None,
            paused: false,
            visit,
        }
    }

    fn human(&self, reason: &str, message: String, drift: &[Drift], visit: Visit) -> Told {
        let synced = match (self.scene.serves, drift) {
            (Some(true), []) => self.last(SYNCED),
            (Some(false), []) => Sight::new(Truth::False, "PendingApply", message.clone()),
            (None, []) => Sight::new(Truth::Unknown, reason, message.clone()),
            (_, drift) => Sight::new(Truth::False, "DriftDetected", differences(drift)),
        };
        Told {
            ready: Sight::new(Truth::False, reason, message.clone()),
            synced,
            trouble: Some(Trouble::Stalled(Sight::new(Truth::True, reason, message))),
            blocked: None,
            paused: false,
            visit,
        }
    }

    /// Nobody answers: what was last known holds for two intervals.
    fn unreachable(&self, words: &str) -> Told {
        let reason = word(Reason::ClusterUnreachable);
        let words = self.scene.unreachable.clone().unwrap_or_else(|| words.to_owned());
        let is_known = self
            .board
            .last(READY)
            .is_some_and(|ready| ready.status == "Unknown" && ready.reason == reason);
        let lasts = self.board.lasts(RECONCILING, RETRYING).unwrap_or_default();
        let left =
            Duration::try_from(self.interval.saturating_mul(2).saturating_sub(lasts)).unwrap_or_default();
        if !is_known && !left.is_zero() {
            return Told {
                visit: Visit::BackoffWithin(left),
                ..self.retrying(words)
            };
        }
        let unknown = || self.steady(READY, Sight::new(Truth::Unknown, &reason, words.clone()));
        Told {
            ready: unknown(),
            synced: unknown(),
            trouble: None,
            blocked: None,
            paused: false,
            visit: Visit::Backoff,
        }
    }

    fn retrying(&self, words: String) -> Told {
        Told {
            ready: self.last(READY),
            synced: self.last(SYNCED),
            trouble: Some(Trouble::Reconciling(
                self.steady(RECONCILING, Sight::new(Truth::True, RETRYING, words)),
            )),
            blocked: None,
            paused: false,
            visit: Visit::Backoff,
        }
    }

    fn paused(&self) -> Told {
        Told {
            ready: self.last(READY),
            synced: Sight::new(
                Truth::Unknown,
                "Paused",
                "nothing is compared while the object is paused",
            ),
            trouble: None,
            blocked: None,
            paused: true,
            visit: Visit::OnChange,
        }
    }

    /// Says of an object that is being deleted that it is, and what keeps it.
    fn deleting(&self, told: Told, plan: Option<&Plan<A>>) -> Told {
        if !self.scene.deleting {
            return told;
        }
        let held = plan
            .and_then(|plan| plan.holds.first())
            .map(|hold| Sight::because(Truth::True, hold.why, format!("{}: {}", hold.what, hold.detail)));
        let failed = match (&told.trouble, told.ready.truth) {
            (Some(Trouble::Stalled(sight)), _) => Some(sight.clone()),
            (Some(Trouble::Reconciling(sight)), _) if sight.reason == RETRYING => Some(sight.clone()),
            (None, Truth::Unknown) => Some(Sight {
                truth: Truth::True,
                ..told.ready.clone()
            }),
            (Some(Trouble::Reconciling(_)) | None, _) => None,
        };
        let paused = told
            .paused
            .then(|| Sight::new(Truth::True, "Paused", "the object is paused"));
        let deleting = match &told.trouble {
            Some(Trouble::Reconciling(sight)) if sight.reason == word(Reason::Deleting) => Some(Sight {
                truth: Truth::False,
                ..sight.clone()
            }),
            Some(Trouble::Reconciling(_) | Trouble::Stalled(_)) | None => None,
        };
        Told {
            ready: deleting.unwrap_or(told.ready),
            blocked: held.or(failed).or(paused),
            ..told
        }
    }

    /// A missing reference may still appear.
    fn reason(&self, why: Reason) -> Reason {
        match why {
            Reason::RefNotFound | Reason::SecretNotFound => {
                let stalled = self.board.lasts(STALLED, &word(why)).is_some();
                let waited = self.board.lasts(RECONCILING, &word(Reason::WaitingForRef));
                if stalled || waited.is_some_and(|waited| waited >= REF_GRACE) {
                    why
                } else {
                    Reason::WaitingForRef
                }
            }
            other => other,
        }
    }

    fn ready(&self, reason: &str, message: &str) -> Sight {
        match self.scene.serves {
            Some(true) => Sight::new(Truth::True, AVAILABLE, self.scene.serving.clone()),
            Some(false) => Sight::new(Truth::False, reason, message),
            None => self.last(READY),
        }
    }

    /// What was said last; at first, that nothing is known.
    fn last(&self, type_: &str) -> Sight {
        let pending = || Sight::new(Truth::Unknown, PENDING, "nothing is known yet");
        self.board.last_sight(type_).unwrap_or_else(pending)
    }

    /// Keeps the words while status and reason stay: they may name another call each time.
    fn steady(&self, type_: &str, sight: Sight) -> Sight {
        let same = |last: &Sight| last.truth == sight.truth && last.reason == sight.reason;
        self.board.last_sight(type_).filter(same).unwrap_or(sight)
    }

    fn words(&self, waits: &[Wait]) -> String {
        joined(waits.iter().map(|wait| format!("{}: {}", wait.what, wait.detail)))
    }
}

/// Whether nothing new is to be seen after a step: the pass is as good as converged.
fn is_last<A>(step: &Step<A>) -> bool {
    match step {
        Step::Publish(Publication::Connection { .. }) | Step::Release => true,
        Step::Record(record) => matches!(record, crate::api::Record::PasswordVersion(_)),
        Step::Call(_) => true,
        Step::Publish(Publication::GeneratePassword { .. }) => false,
    }
}

fn lines<'a>(holds: impl Iterator<Item = &'a Hold>) -> String {
    joined(holds.map(|hold| format!("{}: {}", hold.what, hold.detail)))
}

fn differences(drift: &[Drift]) -> String {
    joined(
        drift
            .iter()
            .map(|drift| format!("{} is {}, wanted {}", drift.path, drift.live, drift.wanted)),
    )
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
