//! One visit to one object, the same for every kind.
//!
//! A visit looks first: at the object as the watch showed it, at Secrets from their round, at what the last sweep of the
//! cluster brought. That costs nothing, and mostly nothing follows. Only if the plan has steps does it act: then everything
//! that matters is read anew, the plan is made again from that, and carried out.

use crate::api::FINALIZER;
use crate::engine::Freshness;
use crate::engine::Moment;
use crate::engine::execute;
use crate::operator::clusters::Seat;
use crate::operator::context::Context;
use crate::operator::journal::ObjectJournal;
use crate::operator::kube::KubeError;
use crate::operator::memory::Memory;
use crate::operator::metrics::PassOutcome;
use crate::operator::object::Kind;
use crate::operator::object::ObjectStatus;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::roster::Outlook;
use crate::operator::roster::Ring;
use crate::operator::sight::Sight;
use crate::operator::sight::Told;
use crate::operator::sight::failure;
use crate::operator::sight::look;
use crate::report::EventNote;
use crate::report::Failure;
use crate::report::Visit;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use kube::runtime::events::Event;
use kube::runtime::events::EventType;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// What came of a visit.
pub struct Visited {
    /// For the roster; `None` leaves what it says.
    pub outlook: Option<Outlook>,
    /// When to come back, if nothing rings before.
    pub again: Option<Duration>,
    /// For the metrics; `None` when it was not worth counting.
    pub outcome: Option<PassOutcome>,
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
    memory.heard(ring, began);
    if is_leaving(&*object) || !memory.news(seat, ring) {
        return Visited::nothing();
    }
    let world = context.world(Live::default(), memory.fresh_since);
    let sight = memory.judge(look(&*object, &world, seat, memory.freshness(context, seat)).await);
    let result = if !sight.may_act(&*object) {
        memory.fresh_since = None;
        tell(context, seat, &*object, memory, &sight).await
    } else if let Some(left) = memory.refused_for(&sight) {
        // The object says so already.
        return Visited {
            again: Some(left),
            ..Visited::nothing()
        };
    } else {
        let urge = Urge {
            calls: sight.wants_calls(),
            began,
        };
        act(context, seat, &*object, memory, urge).await
    };
    result.unwrap_or_else(|error| stumbled(context, &*object, memory, &error))
}

/// What a look has led to.
#[derive(Clone, Copy)]
struct Urge {
    /// Whether Redis Enterprise is to be called.
    calls: bool,
    /// When the visit began; Secrets that were read since are fresh.
    began: Instant,
}

/// Everything that matters, read anew, and what was decided from it.
struct Decided<K: Resolve> {
    before: K,
    sight: Sight<K>,
    exclusion: Option<OwnedMutexGuard<()>>,
}

/// Reads everything anew, plans again, and carries the plan out.
async fn act<K: Resolve>(
    context: &Context,
    seat: &Seat,
    cached: &K,
    memory: &mut Memory<K>,
    urge: Urge,
) -> Result<Visited, KubeError> {
    let Some(decided) = decide(context, seat, cached, memory, urge).await? else {
        return Ok(Visited::nothing());
    };
    memory.fresh_since = None;
    let Decided {
        before,
        mut sight,
        exclusion,
    } = decided;
    let (Some(_running), Ok(_slot)) = (context.passes.enter().await, seat.slots.acquire().await) else {
        return Ok(Visited::nothing());
    };
    let mut journal = open(context, seat, before.clone());
    journal.exclusion = exclusion;
    sight = memory.judge(sight);
    if sight.may_act(&before) {
        carry_out(&before, &mut sight, &mut journal).await;
        memory.note_calls(&sight);
        if sight.calls() {
            memory.called = Some(Moment::now());
        }
    }
    journal.exclusion = None;
    let report = sight.report(&before, &journal.standing(), context);
    memory.note_refusal(&sight, &report, context.interval);
    let mut saved = Ok(());
    // Who lost the race has seen something else than what there is.
    if !journal.released && !matches!(sight.failure, Some(Failure::LostRace)) {
        journal.status = report.status.clone();
        saved = journal.save().await;
    }
    memory.wrote(journal.object);
    saved?;
    publish(context, &before, &report.events).await;
    let outcome = if sight.failure.is_some() {
        PassOutcome::Failed
    } else {
        PassOutcome::Acted
    };
    Ok(visited(context, memory, &sight, &report, outcome))
}

/// Reads everything that matters and plans from it; `None` when the object is not there any more.
async fn decide<K: Resolve>(
    context: &Context,
    seat: &Seat,
    cached: &K,
    memory: &Memory<K>,
    urge: Urge,
) -> Result<Option<Decided<K>>, KubeError> {
    let (exclusion, freshness) = match K::KIND {
        Kind::RedisCluster | Kind::ClusterCertificate => {
            (Some(seat.exclusive.clone().lock_owned().await), Freshness::Now)
        }
        // What writes to Kubernetes only may follow from the last sweep.
        Kind::RedisDatabase if !urge.calls => (None, memory.freshness(context, seat)),
        Kind::RedisDatabase => (None, seat.departure(context.floor).await),
    };
    let (namespace, name) = (cached.namespace().unwrap_or_default(), cached.name_any());
    let live = context.kube.live::<K>(&namespace, &name).await?;
    let Some(before) = live.filter(|live| live.meta().uid == cached.meta().uid && !is_leaving(live)) else {
        return Ok(None);
    };
    let related = before.look_live(&context.kube, &context.scope).await?;
    let world = context.world(related, Some(urge.began));
    let mut sight = look(&before, &world, seat, freshness).await;
    if sight.wants_calls() && !urge.calls {
        sight = look(&before, &world, seat, Freshness::Now).await;
    }
    Ok(Some(Decided {
        before,
        sight,
        exclusion,
    }))
}

/// Carries the plan of `sight` out. What is recorded on the way says what is under way.
async fn carry_out<K: Resolve>(before: &K, sight: &mut Sight<K>, journal: &mut ObjectJournal<'_, K>) {
    let (Some(inputs), Some(plan)) = (&sight.inputs, &sight.plan) else {
        return;
    };
    if before.meta().deletion_timestamp.is_none()
        && let Err(error) = journal.hold_on().await
    {
        sight.failure = Some(failure(&error));
        return;
    }
    let outcome = execute::<K, _>(inputs, plan, &journal.seat.view, journal).await;
    for step in plan.steps.iter().take(outcome.done) {
        tracing::info!(object = %before.key(), %step, "done");
    }
    sight.done = outcome.done;
    sight.failure = outcome.failure.map(|failed| match failed {
        crate::engine::Failure::Rest(error) => Failure::Rest(error),
        crate::engine::Failure::Journal(error) => failure(&error),
    });
}

/// Writes the status that a look led to, if it says something new.
async fn tell<K: Resolve>(
    context: &Context,
    seat: &Seat,
    object: &K,
    memory: &mut Memory<K>,
    sight: &Sight<K>,
) -> Result<Visited, KubeError> {
    let report = sight.report(object, object, context);
    if report.differs(object.status()) {
        let mut journal = open(context, seat, object.clone());
        journal.status = report.status.clone();
        journal.save().await?;
        memory.wrote(journal.object);
        publish(context, object, &report.events).await;
    }
    Ok(visited(context, memory, sight, &report, sight.outcome()))
}

fn open<'a, K: Resolve>(context: &'a Context, seat: &'a Seat, object: K) -> ObjectJournal<'a, K> {
    ObjectJournal {
        kube: &context.kube,
        secrets: &context.secrets,
        leadership: &context.leadership,
        seat,
        status: object.status().cloned().unwrap_or_default(),
        object,
        exclusion: None,
        released: false,
    }
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

/// Whether the object is being deleted and only others hold it up.
fn is_leaving<K: Resolve>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
        && !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// What a visit that came to its end means for the next.
fn visited<K: Resolve>(
    context: &Context,
    memory: &mut Memory<K>,
    sight: &Sight<K>,
    report: &Told<K>,
    outcome: PassOutcome,
) -> Visited {
    let (again, sweep_within) = memory.pace.next(report.visit, context.interval, context.floor);
    memory.at_once = report.visit == Visit::Again;
    let plan = sight.plan.as_ref();
    let holds = plan.into_iter().flat_map(|plan| &plan.holds).map(|hold| hold.why);
    let outlook = Outlook {
        sweep_within,
        watches_cluster: sight.observed.is_some() || matches!(sight.failure, Some(Failure::Rest(_))),
        conditions: report.status.conditions().to_vec(),
        holds: holds.collect(),
        drift: plan.map_or(0, |plan| plan.drift.len()),
    };
    Visited {
        outlook: Some(outlook),
        again,
        outcome: Some(outcome),
    }
}

/// A read from Kubernetes or a write to it failed, and nothing could be written about it.
fn stumbled<K: Resolve>(context: &Context, object: &K, memory: &mut Memory<K>, error: &KubeError) -> Visited {
    tracing::warn!(object = %object.key(), %error, "the pass ended early");
    let visit = if error.is_lost_race() {
        Visit::Again
    } else {
        Visit::Backoff
    };
    let (again, _) = memory.pace.next(visit, context.interval, context.floor);
    Visited {
        again,
        outcome: Some(PassOutcome::Failed),
        ..Visited::nothing()
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
