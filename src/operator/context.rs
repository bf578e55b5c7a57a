//! What every pass works with.

use crate::engine::Moment;
use crate::operator::clock::Clock;
use crate::operator::clusters::Clusters;
use crate::operator::kube::Kube;
use crate::operator::lease::Leadership;
use crate::operator::metrics::Metrics;
use crate::operator::nursery::Nursery;
use crate::operator::resolve::Live;
use crate::operator::resolve::World;
use crate::operator::roster::Roster;
use crate::operator::secrets::Secrets;
use crate::operator::stores::Stores;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::RwLock;
use tokio::sync::RwLockReadGuard;
use tokio::time::Instant;

/// What every pass works with.
pub struct Context {
    /// The API server.
    pub kube: Kube,
    /// Objects as the watches showed them.
    pub stores: Stores,
    /// Namespaces that are watched; `None` stands for all.
    pub scope: Vec<Option<String>>,
    /// Secrets.
    pub secrets: Secrets,
    /// Objects that are looked after.
    pub roster: Arc<Roster>,
    /// Clusters that are looked after.
    pub clusters: Clusters,
    /// Whether this process may act.
    pub leadership: Leadership,
    /// Set when this process begins to lead.
    pub reign: OnceLock<Reign>,
    /// Takes the tasks of objects and clusters.
    pub nursery: Nursery,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// The interval of observation.
    pub interval: Duration,
    /// The interval while something is under way.
    pub floor: Duration,
    /// Plans that are being carried out.
    pub passes: Passes,
}

impl Context {
    /// Where a pass looks references up.
    pub fn world(&self, live: Live, fresh_since: Option<Instant>) -> World<'_> {
        World {
            kube: &self.kube,
            stores: &self.stores,
            secrets: &self.secrets,
            live,
            now: self.clock.now(),
            takeover_until: self.reign.get().and_then(|reign| reign.takeover_until),
            fresh_since,
        }
    }
}

/// The time for which this process leads.
#[derive(Clone, Copy, Debug)]
pub struct Reign {
    /// When it began: nothing that was read before counts.
    pub begun: Moment,
    /// Until when calls that cannot be repeated wait for those of a previous leader to run out.
    pub takeover_until: Option<Timestamp>,
}

/// A gate that lets passes act until it is closed, and knows when the last one has ended. Those that only look may be cut
/// short at any time.
#[derive(Default)]
pub struct Passes {
    closed: RwLock<bool>,
}

impl Passes {
    /// Begins to act; `None` once the gate is closed. It lasts as long as what is returned.
    pub async fn enter(&self) -> Option<RwLockReadGuard<'_, bool>> {
        let closed = self.closed.read().await;
        (!*closed).then_some(closed)
    }

    /// Lets no pass in any more and waits until the last one has ended; `false` when that took longer than `patience`.
    pub async fn close(&self, patience: Duration) -> bool {
        match tokio::time::timeout(patience, self.closed.write()).await {
            Ok(mut closed) => {
                *closed = true;
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_gate_closes_after_the_last_pass() {
        let passes = Passes::default();
        let running = passes.enter().await;
        assert!(running.is_some());
        assert!(!passes.close(Duration::from_secs(1)).await);
        drop(running);
        assert!(passes.close(Duration::from_secs(1)).await);
        assert!(passes.enter().await.is_none());
    }
}
