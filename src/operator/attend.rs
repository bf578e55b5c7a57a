//! The task of one object: sleeps until its bell rings, makes a pass, sleeps again; ends when the object is gone.

use crate::operator::context::Context;
use crate::operator::memory::Memory;
use crate::operator::object::Kind;
use crate::operator::object::ObjectKey;
use crate::operator::reconcile::visit;
use crate::operator::resolve::Resolve;
use crate::operator::roster::Entry;
use std::sync::Arc;
use tokio::time::Instant;

/// Attends to one object for as long as it exists.
pub async fn attend<K: Resolve>(context: Arc<Context>, key: ObjectKey, entry: Arc<Entry>) {
    let stored = || K::shelf(&context.stores).get(&key.namespace, &key.name);
    let mut memory = Memory::<K>::of(&key);
    let mut again = None;
    loop {
        tokio::select! {
            () = entry.rung() => {}
            () = at(again) => again = None,
        }
        let Some(object) = stored() else {
            if context.roster.leave(&key, || stored().is_none()) {
                break;
            }
            continue;
        };
        let started = Instant::now();
        let seat = context.clusters.seat(&entry.cluster, &context.stores);
        let (object, ring) = memory.newest(object, entry.heard());
        let visited = Box::pin(visit(&context, &seat, object, &mut memory, ring)).await;
        if let Some(outcome) = visited.outcome {
            context.metrics.count_pass(K::KIND, outcome, started.elapsed());
        }
        if visited.outcome.is_some() || visited.again.is_some() {
            again = visited.again.map(|delay| Instant::now() + delay);
        }
        if let Some(outlook) = visited.outlook {
            let hurry = outlook.sweep_within.is_some();
            entry.note(outlook);
            if hurry {
                seat.hurry.notify_one();
            }
        }
    }
    if K::KIND == Kind::RedisCluster {
        context.clusters.forget(&entry.cluster);
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
