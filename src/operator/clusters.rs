//! What all objects of one cluster share: its view, its slots, and the task that sweeps it.

use crate::engine::ClusterView;
use crate::engine::Freshness;
use crate::engine::Moment;
use crate::operator::clock::Clock;
use crate::operator::metrics::Metrics;
use crate::operator::object::Kind;
use crate::operator::requests;
use crate::operator::stores::Stores;
use crate::plan::access::ClusterKey;
use crate::rest::Client;
use crate::rest::transport::Transport;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::time::Instant;

/// Most plans for objects of one cluster that are carried out at once. They wait for each other in turn; those of other
/// clusters do not wait for them.
const PASSES_AT_ONCE: usize = 32;

/// After so many pauses without a sweep a pass reads for itself.
const SWEEPS_MISSED: u32 = 5;

/// Every cluster that is looked after.
pub struct Clusters {
    transport: Transport,
    clock: Clock,
    metrics: Arc<Metrics>,
    interval: Duration,
    seats: Mutex<BTreeMap<ClusterKey, Arc<Seat>>>,
}

/// One cluster.
pub struct Seat {
    /// What is read from it.
    pub view: ClusterView,
    /// The time.
    pub clock: Clock,
    /// Slots of plans that are carried out.
    pub slots: Semaphore,
    /// Held by a pass over the RedisCluster or a ClusterCertificate from the moment it reads what the others have under way
    /// until its own intent is recorded, or it ends.
    pub exclusive: Arc<tokio::sync::Mutex<()>>,
    /// Held while a deletion is counted.
    pub counting: tokio::sync::Mutex<()>,
    /// Wakes the sweeping task: something is under way now.
    pub hurry: Notify,
    swept: watch::Sender<Swept>,
    departed: Mutex<Option<Instant>>,
    awaiting: AtomicUsize,
}

/// The moments of the last sweeps.
#[derive(Clone, Copy, Debug, Default)]
struct Swept {
    all: Option<Moment>,
    databases: Option<Moment>,
}

impl Clusters {
    /// Clusters are reached over `transport`, and looked at every `interval`.
    pub fn new(transport: Transport, metrics: Arc<Metrics>, clock: Clock, interval: Duration) -> Self {
        Self {
            clock,
            transport,
            metrics,
            interval,
            seats: Mutex::default(),
        }
    }

    /// The seat of a cluster. A new one takes over what the status of its RedisCluster says of rejected credentials.
    pub fn seat(&self, key: &ClusterKey, stores: &Stores) -> Arc<Seat> {
        self.lock()
            .entry(key.clone())
            .or_insert_with(|| Arc::new(self.new_seat(key, stores)))
            .clone()
    }

    /// Forgets a cluster whose RedisCluster is gone.
    pub fn forget(&self, key: &ClusterKey) {
        if let Some(seat) = self.lock().remove(key) {
            seat.hurry.notify_one();
        }
    }

    /// Whether the cluster was not forgotten since `seat` was taken.
    pub fn is_current(&self, key: &ClusterKey, seat: &Arc<Seat>) -> bool {
        self.lock()
            .get(key)
            .is_some_and(|current| Arc::ptr_eq(current, seat))
    }

    fn new_seat(&self, key: &ClusterKey, stores: &Stores) -> Seat {
        let transport = requests::counted(self.transport.clone(), key.to_string(), self.metrics.clone());
        let view = ClusterView::new(Client::new(transport).looking_every(self.interval));
        let cluster = stores.clusters.get(&key.namespace, &key.name);
        let rejected = cluster.and_then(|cluster| cluster.status.as_ref()?.rejected_credentials.clone());
        let view = match rejected {
            Some(rejected) => view.with_rejected(&rejected, self.clock.now()),
            None => view,
        };
        Seat {
            view,
            clock: self.clock.clone(),
            slots: Semaphore::new(PASSES_AT_ONCE),
            exclusive: Arc::default(),
            counting: tokio::sync::Mutex::default(),
            hurry: Notify::new(),
            swept: watch::Sender::new(Swept::default()),
            departed: Mutex::default(),
            awaiting: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The moment of the last sweep that read what objects of this kind look at; `None` before the first.
    pub fn swept(&self, kind: Kind) -> Option<Moment> {
        let swept = self.swept.borrow();
        match kind {
            Kind::RedisDatabase => swept.databases,
            Kind::RedisCluster | Kind::ClusterCertificate => swept.all,
        }
    }

    /// Takes note of a sweep for all objects.
    pub fn note_sweep(&self, moment: Moment) {
        self.swept.send_replace(Swept {
            all: Some(moment),
            databases: Some(moment),
        });
    }

    /// Takes note of a sweep for databases.
    pub fn note_sweep_of_databases(&self, moment: Moment) {
        self.swept.send_modify(|swept| swept.databases = Some(moment));
    }

    /// Whether passes wait for the next sweep.
    pub fn is_awaited(&self) -> bool {
        self.awaiting.load(Ordering::Relaxed) > 0
    }

    /// How fresh the reads of a pass over a database have to be that is about to act: those that it makes itself, if it is the first for
    /// `pause`; else those of the next sweep, so that many passes share them.
    pub async fn departure(&self, pause: Duration) -> Freshness {
        let asked = Moment::now();
        if self.departs_now(pause) {
            return Freshness::Now;
        }
        let _awaiting = Awaiting::new(self);
        self.hurry.notify_one();
        let mut swept = self.swept.subscribe();
        let next = swept.wait_for(|swept| swept.databases.is_some_and(|swept| swept > asked));
        match tokio::time::timeout(pause * SWEEPS_MISSED, next).await {
            Ok(Ok(_)) => Freshness::After(asked),
            // Nobody sweeps.
            Ok(Err(_)) | Err(_) => Freshness::Now,
        }
    }

    fn departs_now(&self, pause: Duration) -> bool {
        let now = Instant::now();
        let mut departed = self.departed.lock().unwrap_or_else(PoisonError::into_inner);
        let free = departed.is_none_or(|last| now.duration_since(last) >= pause);
        if free {
            *departed = Some(now);
        }
        free
    }
}

/// Counts a pass that waits for a sweep, for as long as it does.
struct Awaiting<'a>(&'a AtomicUsize);

impl<'a> Awaiting<'a> {
    fn new(seat: &'a Seat) -> Self {
        seat.awaiting.fetch_add(1, Ordering::Relaxed);
        Self(&seat.awaiting)
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn seat() -> Arc<Seat> {
        let metrics = Arc::new(Metrics::new(Arc::default()));
        let clusters = Clusters::new(
            crate::rest::transport::over_tls(),
            metrics,
            Clock::system(),
            Duration::from_secs(30),
        );
        clusters.seat(
            &ClusterKey {
                namespace: "redis".into(),
                name: "prod".into(),
            },
            &Stores::default(),
        )
    }

    const PAUSE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn the_first_pass_reads_at_once_and_the_others_share_the_next_sweep() {
        let seat = seat();
        assert_eq!(seat.departure(PAUSE).await, Freshness::Now);
        seat.note_sweep(Moment::now());
        let mut second = Box::pin(seat.departure(PAUSE));
        assert!(
            (&mut second).now_or_never().is_none(),
            "a sweep before it asked is not enough"
        );
        assert!(seat.is_awaited());
        seat.note_sweep_of_databases(Moment::now());
        assert!(matches!(second.await, Freshness::After(_)));
        assert!(!seat.is_awaited());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_comes_after_a_pause_reads_at_once() {
        let seat = seat();
        seat.departure(PAUSE).await;
        tokio::time::advance(PAUSE).await;
        assert_eq!(seat.departure(PAUSE).now_or_never(), Some(Freshness::Now));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_nobody_sweeps_for_reads_itself() {
        let seat = seat();
        seat.departure(PAUSE).await;
        assert_eq!(seat.departure(PAUSE).await, Freshness::Now);
    }
}
