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
    let mut swept = Instant::now();
    loop {
        let wishes = wishes(&context, &key, &seat);
        tokio::select! {
            () = tokio::time::sleep_until(swept + pause(wishes, context.interval, context.floor)) => {}
            () = seat.hurry.notified() => continue,
        }
        swept = Instant::now();
        if !context.clusters.is_current(&key, &seat) {
            return;
        }
        if let Some(_running) = context.passes.enter().await {
            look(&context, &key, &seat, wishes).await;
        }
        context.roster.ring_cluster(&key, Ring::Swept);
    }
}

fn wishes(context: &Context, key: &ClusterKey, seat: &Seat) -> Wishes {
    let wishes = context.roster.wishes(key);
    match seat.is_awaited() {
        true => Wishes {
            within: Some(context.floor),
            at_all: true,
        },
        false => wishes,
    }
}

/// How long after a sweep the next one follows.
fn pause(wishes: Wishes, interval: Duration, floor: Duration) -> Duration {
    wishes
        .within
        .map_or(interval, |within| within.clamp(floor.min(interval), interval))
}

async fn look(context: &Context, key: &ClusterKey, seat: &Seat, wishes: Wishes) {
    context.secrets.forget_unused();
    if !wishes.at_all {
        return;
    }
    if let Err(error) = read(context, key, seat).await {
        tracing::warn!(cluster = %key, %error, "cannot find out how the cluster is reached");
    }
}

async fn read(context: &Context, key: &ClusterKey, seat: &Seat) -> Result<(), KubeError> {
    let Some(cluster) = context.stores.clusters.get(&key.namespace, &key.name) else {
        return Ok(());
    };
    let world = context.world(Live::default(), None);
    seat.note_sweep(match access_of(&cluster, &world, Age::Interval).await? {
        Ok(access) => seat.view.sweep(&access).await,
        // What is wrong with the access is for the objects to say; there is nothing to read.
        Err(_) => Moment::now(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_wish_sets_the_pace_between_the_floor_and_the_interval() {
        let secs = Duration::from_secs;
        let pause = |within| pause(Wishes { within, at_all: true }, secs(30), secs(2));
        assert_eq!(pause(None), secs(30));
        assert_eq!(pause(Some(secs(0))), secs(2));
        assert_eq!(pause(Some(secs(15))), secs(15));
        assert_eq!(pause(Some(secs(300))), secs(30));
    }
}
