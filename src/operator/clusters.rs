//! What all objects of one cluster share: its view, its slots, and the task that sweeps it.

use crate::engine::ClusterView;
use crate::engine::Moment;
use crate::operator::clock::Clock;
use crate::operator::metrics::Metrics;
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
use tokio::sync::Notify;
use tokio::sync::Semaphore;

/// Most passes over objects of one cluster that act at once. They wait for each other in turn; those of other clusters do
/// not wait for them.
const PASSES_AT_ONCE: usize = 32;

/// Every cluster that is looked after.
pub struct Clusters {
    transport: Transport,
    clock: Clock,
    metrics: Arc<Metrics>,
    seats: Mutex<BTreeMap<ClusterKey, Arc<Seat>>>,
}

/// One cluster.
pub struct Seat {
    /// What is read from it.
    pub view: ClusterView,
    /// The time.
    pub clock: Clock,
    /// Slots of passes that act.
    pub slots: Semaphore,
    /// Held by a pass over the RedisCluster or a ClusterCertificate from the moment it reads what the others have under way
    /// until its own intent is recorded, or it ends.
    pub exclusive: Arc<tokio::sync::Mutex<()>>,
    /// Held while a deletion is counted.
    pub counting: tokio::sync::Mutex<()>,
    /// Wakes the sweeping task: something is under way now.
    pub hurry: Notify,
    swept: Mutex<Option<Moment>>,
}

impl Clusters {
    /// Clusters are reached over `transport`.
    pub fn new(transport: Transport, metrics: Arc<Metrics>, clock: Clock) -> Self {
        Self {
            clock,
            transport,
            metrics,
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
        let view = ClusterView::new(Client::new(transport));
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
            swept: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The moment of the last sweep; `None` before the first.
    pub fn swept(&self) -> Option<Moment> {
        *self.swept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a sweep.
    pub fn note_sweep(&self, moment: Moment) {
        *self.swept.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }
}
