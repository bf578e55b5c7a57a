//! The task of one cluster: reads it once per interval for all of its objects, then rings for them.

use crate::engine::Moment;
use crate::operator::clusters::Seat;
use crate::operator::context::Context;
use crate::operator::kube::KubeError;
use crate::operator::resolve::Live;
use crate::operator::resolve::access_of;
use crate::operator::roster::Ring;
use crate::operator::roster::Wishes;
use crate::operator::secrets::Age;
use crate::plan::access::ClusterKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Sweeps a cluster for as long as its RedisCluster exists.
pub async fn sweep(context: Arc<Context>, key: ClusterKey, seat: Arc<Seat>) {
    let now = Instant::now();
    let mut last = Last {
        all: now,
        databases: now,
    };
    loop {
        let wishes = wishes(&context, &key, &seat);
        let (due, extent) = last.next(wishes, context.interval, context.floor);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = seat.hurry.notified() => continue,
        }
        last.note(extent, Instant::now());
        if !context.clusters.is_current(&key, &seat) {
            return;
        }
        look(&context, &key, &seat, wishes, extent).await;
        match extent {
            Extent::All => context.roster.ring_cluster(&key, Ring::Swept),
            Extent::Databases => context.roster.ring_databases(&key, Ring::Swept),
        }
    }
}

/// What a sweep reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Everything, once per interval or while something is under way with the cluster or its certificates.
    All,
    /// What databases look at, while something is under way with one of them.
    Databases,
}

/// When the last sweeps were.
#[derive(Clone, Copy, Debug)]
struct Last {
    all: Instant,
    databases: Instant,
}

impl Last {
    /// When the next sweep is due, and what it reads.
    fn next(self, wishes: Wishes, interval: Duration, floor: Duration) -> (Instant, Extent) {
        let pause = |within: Option<Duration>| {
            within.map_or(interval, |within| within.clamp(floor.min(interval), interval))
        };
        let all = self.all + pause(wishes.all_within);
        let databases = self.databases + pause(wishes.databases_within);
        if all <= databases {
            (all, Extent::All)
        } else {
            (databases, Extent::Databases)
        }
    }

    fn note(&mut self, extent: Extent, now: Instant) {
        self.databases = now;
        if extent == Extent::All {
            self.all = now;
        }
    }
}

fn wishes(context: &Context, key: &ClusterKey, seat: &Seat) -> Wishes {
    let wishes = context.roster.wishes(key);
    match seat.is_awaited() {
        true => Wishes {
            databases_within: Some(context.floor),
            at_all: true,
            ..wishes
        },
        false => wishes,
    }
}

async fn look(context: &Context, key: &ClusterKey, seat: &Seat, wishes: Wishes, extent: Extent) {
    context.secrets.forget_unused();
    if !wishes.at_all {
        return;
    }
    if let Err(error) = read(context, key, seat, extent).await {
        tracing::warn!(cluster = %key, %error, "cannot find out how the cluster is reached");
    }
}

async fn read(context: &Context, key: &ClusterKey, seat: &Seat, extent: Extent) -> Result<(), KubeError> {
    let Some(cluster) = context.stores.clusters.get(&key.namespace, &key.name) else {
        return Ok(());
    };
    let world = context.world(Live::default(), None);
    match (access_of(&cluster, &world, Age::Interval).await?, extent) {
        (Ok(access), Extent::All) => seat.note_sweep(seat.view.sweep(&access).await),
        (Ok(access), Extent::Databases) => {
            seat.note_sweep_of_databases(seat.view.sweep_databases(&access).await);
        }
        // What is wrong with the access is for the objects to say; there is nothing to read.
        (Err(_), _) => seat.note_sweep(Moment::now()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Seconds until the next sweep, and its extent.
    fn next(all_ago: u64, all_within: Option<u64>, databases_within: Option<u64>) -> (u64, Extent) {
        let now = Instant::now() + secs(3600);
        let last = Last {
            all: now - secs(all_ago),
            databases: now,
        };
        let wishes = Wishes {
            all_within: all_within.map(secs),
            databases_within: databases_within.map(secs),
            at_all: true,
        };
        let (due, extent) = last.next(wishes, secs(30), secs(2));
        (due.duration_since(now).as_secs(), extent)
    }

    #[test]
    fn at_rest_everything_is_read_once_per_interval() {
        assert_eq!(next(0, None, None), (30, Extent::All));
    }

    #[test]
    fn the_most_urgent_wish_sets_the_pace_between_the_floor_and_the_interval() {
        assert_eq!(next(0, Some(0), None), (2, Extent::All));
        assert_eq!(next(0, Some(15), None), (15, Extent::All));
        assert_eq!(next(0, Some(300), None), (30, Extent::All));
    }

    #[test]
    fn while_only_databases_wait_only_databases_are_read() {
        assert_eq!(next(0, None, Some(2)), (2, Extent::Databases));
        assert_eq!(next(0, Some(2), Some(2)), (2, Extent::All));
    }

    #[test]
    fn everything_is_read_once_per_interval_all_the_same() {
        assert_eq!(next(29, None, Some(2)), (1, Extent::All));
    }
}
