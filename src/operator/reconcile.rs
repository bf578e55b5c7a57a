//! One visit to one object, the same for every kind.
//!
//! A visit looks first: at the object as the watch showed it, at Secrets from their round, at what the last sweep of the
//! cluster brought. That costs nothing, and mostly nothing follows. Only if the plan has steps does it act: then everything
//! that matters is read anew, the plan is made again from that, and carried out.

use crate::api::FINALIZER;
use crate::api::ManagementPolicy;
use crate::api::RECONCILE_ANNOTATION;
use crate::engine::Freshness;
use crate::engine::Moment;
use crate::engine::execute;
use crate::operator::clusters::Seat;
use crate::operator::context::Context;
use crate::operator::journal::ObjectJournal;
use crate::operator::kube::KubeError;
use crate::operator::kube::KubeErrorKind;
use crate::operator::metrics::PassOutcome;
use crate::operator::object::Kind;
use crate::operator::object::ObjectStatus;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::operator::roster::Outlook;
use crate::operator::roster::Ring;
use crate::operator::schedule::Pace;
use crate::plan::Plan;
use crate::plan::Step;
use crate::report::EventNote;
use crate::report::Failure;
use crate::report::Report;
use crate::report::Round;
use crate::report::Visit;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use kube::runtime::events::Event;
use kube::runtime::events::EventType;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What the task of an object remembers from one visit to the next.
pub struct Memory<K: Resolve> {
    /// The object as we last wrote it; the watch may not have shown it yet.
    pub written: Option<K>,
    /// Our last call to the cluster: sweeps before it are out of date for this object.
    called: Option<Moment>,
    /// Since when the object's own Secrets have to have been read.
    fresh_since: Option<Instant>,
    /// A plan that Redis Enterprise refused: it is not tried again as it is before this moment.
    refused: Option<(String, Instant)>,
    /// The next wave is due: it does not wait for a sweep.
    at_once: bool,
    pace: Pace,
}

/// What came of a visit.
pub struct Visited {
    /// For the roster; `None` leaves what it says.
    pub outlook: Option<Outlook>,
    /// When to come back, if nothing rings before.
    pub again: Option<Duration>,
    /// For the metrics; `None` when it was not worth counting.
    pub outcome: Option<PassOutcome>,
}

/// What one look at an object brought.
struct Sight<K: Resolve> {
    inputs: Option<K::Inputs>,
    observed: Option<K::Observed>,
    plan: Option<Plan<K::Action>>,
    done: usize,
    failure: Option<Failure>,
}

/// A report on an object of kind `K`.
type Told<K> = Report<<K as kube::core::object::HasStatus>::Status>;

impl<K: Resolve> Default for Memory<K> {
    fn default() -> Self {
        Self {
            written: None,
            called: None,
            fresh_since: None,
            refused: None,
            at_once: false,
            pace: Pace::default(),
        }
    }
}

/// Visits an object.
pub async fn visit<K: Resolve>(
    context: &Context,
    seat: &Seat,
    object: Arc<K>,
    memory: &mut Memory<K>,
    ring: Ring,
) -> Visited {
    let began = Instant::now();
    if ring == Ring::Changed {
        memory.fresh_since = Some(began);
    }
    if ring > Ring::Swept {
        memory.refused = None;
    }
    if is_leaving(&*object) || !memory.news(seat, ring) {
        return Visited::nothing();
    }
    let world = context.world(Live::default(), memory.fresh_since);
    let sight = look(&*object, &world, seat, memory.freshness(context, seat)).await;
    let report = sight.report(&*object, &*object, context);
    if sight.may_act(&*object) {
        if let Some(left) = memory.refused_for(&sight) {
            // The object says so already.
            return Visited {
                again: Some(left),
                ..Visited::nothing()
            };
        }
        return act(context, seat, &*object, memory, sight.wants_calls(), began).await;
    }
    memory.fresh_since = None;
    let outcome = sight.outcome();
    match save(context, seat, &*object, memory, &report).await {
        Ok(()) => memory.told(context, &sight, &report, outcome),
        Err(error) => memory.stumbled(context, &*object, error),
    }
}

/// Reads everything anew, plans again, and carries the plan out.
async fn act<K: Resolve>(
    context: &Context,
    seat: &Seat,
    cached: &K,
    memory: &mut Memory<K>,
    calls: bool,
    began: Instant,
) -> Visited {
    match try_act(context, seat, cached, memory, calls, began).await {
        Ok(visited) => visited,
        Err(error) => memory.stumbled(context, cached, error),
    }
}

async fn try_act<K: Resolve>(
    context: &Context,
    seat: &Seat,
    cached: &K,
    memory: &mut Memory<K>,
    calls: bool,
    began: Instant,
) -> Result<Visited, KubeError> {
    let exclusion = match K::KIND {
        Kind::RedisCluster | Kind::ClusterCertificate => Some(seat.exclusive.clone().lock_owned().await),
        Kind::RedisDatabase => None,
    };
    let freshness = match K::KIND {
        // What writes to Kubernetes only may follow from the last sweep.
        Kind::RedisDatabase if !calls => memory.freshness(context, seat),
        Kind::RedisDatabase => seat.departure(context.floor).await,
        Kind::RedisCluster | Kind::ClusterCertificate => Freshness::Now,
    };
    let (namespace, name) = (cached.namespace().unwrap_or_default(), cached.name_any());
    let live = context.kube.live::<K>(&namespace, &name).await?;
    let Some(before) = live.filter(|live| live.meta().uid == cached.meta().uid && !is_leaving(live)) else {
        return Ok(Visited::nothing());
    };
    let world = context.world(
        before.look_live(&context.kube, &context.scope).await?,
        Some(began),
    );
    let mut sight = look(&before, &world, seat, freshness).await;
    if sight.wants_calls() && !calls {
        sight = look(&before, &world, seat, Freshness::Now).await;
    }
    memory.fresh_since = None;
    let Ok(_slot) = seat.slots.acquire().await else {
        return Ok(Visited::nothing());
    };
    let mut journal = ObjectJournal {
        kube: &context.kube,
        secrets: &context.secrets,
        leadership: &context.leadership,
        seat,
        status: before.status().cloned().unwrap_or_default(),
        object: before.clone(),
        exclusion,
        released: false,
    };
    if sight.may_act(&before) {
        carry_out(&before, &mut sight, &mut journal).await;
        if sight.calls() {
            memory.called = Some(Moment::now());
        }
    }
    let (released, object) = (journal.released, journal.standing());
    drop(journal.exclusion.take());
    let report = sight.report(&before, &object, context);
    memory.note_refusal(&sight, &report, context.interval);
    let saved = match (&sight.failure, released) {
        // Who lost the race has seen something else than what there is.
        (Some(Failure::LostRace), _) | (_, true) => Ok(()),
        _ => {
            journal.status = report.status.clone();
            journal.save().await
        }
    };
    memory.written = Some(journal.object);
    saved?;
    publish(context, &before, &report.events).await;
    let outcome = if sight.failure.is_some() {
        PassOutcome::Failed
    } else {
        PassOutcome::Acted
    };
    Ok(memory.told(context, &sight, &report, outcome))
}

/// Carries the plan of `sight` out. What is recorded on the way says what is under way.
async fn carry_out<K: Resolve>(before: &K, sight: &mut Sight<K>, journal: &mut ObjectJournal<'_, K>) {
    let (Some(inputs), Some(plan)) = (&sight.inputs, &sight.plan) else {
        return;
    };
    if before.meta().deletion_timestamp.is_none()
        && let Err(error) = journal.hold_on().await
    {
        sight.failure = Some(failure(error));
        return;
    }
    let outcome = execute(before, inputs, plan, &journal.seat.view, journal).await;
    for step in plan.steps.iter().take(outcome.done) {
        tracing::info!(object = %before.key(), %step, "done");
    }
    sight.done = outcome.done;
    sight.failure = outcome.failure.map(|failed| match failed {
        crate::engine::Failure::Rest(error) => Failure::Rest(error),
        crate::engine::Failure::Journal(error) => failure(error),
    });
}

/// Resolves, observes and plans.
async fn look<K: Resolve>(object: &K, world: &World<'_>, seat: &Seat, freshness: Freshness) -> Sight<K> {
    let mut sight = Sight {
        inputs: None,
        observed: None,
        plan: None,
        done: 0,
        failure: None,
    };
    if is_paused(object) {
        return sight;
    }
    match object.resolve(world).await {
        Ok(inputs) => {
            let inputs = sight.inputs.insert(inputs);
            match object.observe(inputs, &seat.view, freshness, world.now).await {
                Ok(observed) => {
                    let observed = sight.observed.insert(observed);
                    sight.plan = Some(object.plan(inputs, observed, seat.clock.now()));
                }
                Err(error) => sight.failure = Some(Failure::Rest(error)),
            }
        }
        Err(error) => sight.failure = Some(failure(error)),
    }
    sight
}

/// Writes the status that a look led to, if it says something new.
async fn save<K: Resolve>(
    context: &Context,
    seat: &Seat,
    object: &K,
    memory: &mut Memory<K>,
    report: &Told<K>,
) -> Result<(), KubeError> {
    if !report.differs(object.status()) {
        return Ok(());
    }
    let mut journal = ObjectJournal {
        kube: &context.kube,
        secrets: &context.secrets,
        leadership: &context.leadership,
        seat,
        status: report.status.clone(),
        object: object.clone(),
        exclusion: None,
        released: false,
    };
    journal.save().await?;
    memory.written = Some(journal.object);
    publish(context, object, &report.events).await;
    Ok(())
}

async fn publish<K: Resolve>(context: &Context, object: &K, events: &[EventNote]) {
    let reference: ObjectReference = object.object_ref(&());
    for note in events {
        let event = Event {
            type_: if note.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: note.reason.clone(),
            note: Some(note.note.clone()),
            action: note.action.to_owned(),
            secondary: None,
        };
        context.kube.publish_event(&object.key(), &reference, event).await;
    }
}

fn failure(error: KubeError) -> Failure {
    match error.kind {
        KubeErrorKind::LostRace | KubeErrorKind::NotLeader => Failure::LostRace,
        KubeErrorKind::Forbidden(_)
        | KubeErrorKind::Refused(_)
        | KubeErrorKind::NotOurs(_)
        | KubeErrorKind::Unavailable(_) => Failure::Kubernetes(error.to_string()),
    }
}

/// Whether the object is being deleted and only others hold it up.
fn is_leaving<K: Resolve>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
        && !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

fn is_paused<K: Resolve>(object: &K) -> bool {
    object
        .annotations()
        .get(RECONCILE_ANNOTATION)
        .is_some_and(|value| value == "paused")
        && object.meta().deletion_timestamp.is_none()
}

impl<K: Resolve> Sight<K> {
    /// Whether the plan has steps that may be carried out.
    fn may_act(&self, object: &K) -> bool {
        let allowed = object.management_policy() == ManagementPolicy::Enforce
            || object.meta().deletion_timestamp.is_some();
        allowed && self.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty())
    }

    fn round<'a>(
        &'a self,
        before: &'a K,
        object: &'a K,
        context: &Context,
    ) -> Round<'a, K, K::Inputs, K::Observed, K::Action> {
        Round {
            before,
            object,
            inputs: self.inputs.as_ref(),
            observed: self.observed.as_ref(),
            plan: self.plan.as_ref(),
            done: self.done,
            failure: self.failure.as_ref(),
            now: context.clock.now(),
            interval: context.interval.try_into().unwrap_or(jiff::SignedDuration::MAX),
        }
    }

    fn report(&self, before: &K, object: &K, context: &Context) -> Told<K> {
        K::report(&self.round(before, object, context))
    }

    fn outcome(&self) -> PassOutcome {
        match (&self.failure, &self.plan) {
            (Some(_), _) => PassOutcome::Failed,
            (None, Some(plan)) if plan.is_converged() => PassOutcome::Converged,
            (None, _) => PassOutcome::Pending,
        }
    }

    /// Whether the plan calls Redis Enterprise.
    fn wants_calls(&self) -> bool {
        let mut steps = self.plan.iter().flat_map(|plan| &plan.steps);
        steps.any(|step| matches!(step, Step::Call(_)))
    }

    /// Whether a call was made, or tried.
    fn calls(&self) -> bool {
        let tried = self.done + usize::from(self.failure.is_some());
        let steps = self.plan.iter().flat_map(|plan| &plan.steps);
        steps.take(tried).any(|step| matches!(step, Step::Call(_)))
    }

    /// The steps, as they are printed.
    fn steps(&self) -> String {
        let steps = self.plan.iter().flat_map(|plan| &plan.steps);
        steps.map(|step: &Step<K::Action>| format!("{step}\n")).collect()
    }
}

impl<K: Resolve> Memory<K> {
    /// Whether a visit could see anything that the last one did not.
    fn news(&self, seat: &Seat, ring: Ring) -> bool {
        match (ring, self.called, seat.swept(K::KIND)) {
            (Ring::Changed, _, _) | (_, None, _) | (_, _, None) => true,
            // What we did is seen by the next sweep, which rings.
            (Ring::Related | Ring::Swept, Some(called), Some(swept)) => self.at_once || swept > called,
        }
    }

    /// What the last sweep brought will do, unless we made a call since; before the first sweep, whatever was read since we
    /// lead.
    fn freshness(&self, context: &Context, seat: &Seat) -> Freshness {
        let swept = seat
            .swept(K::KIND)
            .or(context.reign.get().map(|reign| reign.begun));
        swept.max(self.called).map_or(Freshness::Now, Freshness::After)
    }

    /// How long a plan that was refused is not tried again, if this is it.
    fn refused_for(&self, sight: &Sight<K>) -> Option<Duration> {
        let (steps, until) = self.refused.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero() && *steps == sight.steps()).then_some(left)
    }

    /// Remembers a plan that was refused for good, so that it is not tried again with every sweep.
    fn note_refusal(&mut self, sight: &Sight<K>, report: &Told<K>, interval: Duration) {
        let quiet = match (&sight.failure, report.visit) {
            (Some(Failure::Rest(_)), Visit::OnChange | Visit::Doubtful) => report.visit.window(interval),
            _ => None,
        };
        self.refused = quiet.map(|(least, _)| (sight.steps(), Instant::now() + least));
    }

    fn told(
        &mut self,
        context: &Context,
        sight: &Sight<K>,
        report: &Told<K>,
        outcome: PassOutcome,
    ) -> Visited {
        let (again, sweep_within) = self.pace.next(report.visit, context.interval, context.floor);
        self.at_once = report.visit == Visit::Again;
        let plan = sight.plan.as_ref();
        let outlook = Outlook {
            sweep_within,
            watches_cluster: sight.observed.is_some() || matches!(sight.failure, Some(Failure::Rest(_))),
            conditions: report.status.conditions().to_vec(),
            holds: plan
                .map(|plan| plan.holds.iter().map(|hold| hold.why).collect())
                .unwrap_or_default(),
            drift: plan.map_or(0, |plan| plan.drift.len()),
        };
        Visited {
            outlook: Some(outlook),
            again,
            outcome: Some(outcome),
        }
    }

    /// A read from Kubernetes or a write to it failed, and nothing could be written about it.
    fn stumbled(&mut self, context: &Context, object: &K, error: KubeError) -> Visited {
        let visit = if error.is_lost_race() {
            Visit::Again
        } else {
            Visit::Backoff
        };
        tracing::warn!(object = %object.key(), %error, "the pass ended early");
        let (again, _) = self.pace.next(visit, context.interval, context.floor);
        Visited {
            again,
            outcome: Some(PassOutcome::Failed),
            ..Visited::nothing()
        }
    }
}

impl Visited {
    /// Nothing was looked at.
    fn nothing() -> Self {
        Self {
            outlook: None,
            again: None,
            outcome: None,
        }
    }
}
