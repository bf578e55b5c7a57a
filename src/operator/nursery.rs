//! Tasks that end with the operator: dropped with it, and missed when they end before their time.

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Takes tasks in. Cheap to clone.
#[derive(Clone)]
pub struct Nursery {
    arrivals: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

/// Runs the tasks; whoever drops its future stops them all.
pub struct Nurse {
    arrivals: mpsc::UnboundedReceiver<BoxFuture<'static, ()>>,
}

/// A nursery, and the nurse who has to be run.
pub fn nursery() -> (Nursery, Nurse) {
    let (sender, arrivals) = mpsc::unbounded_channel();
    (Nursery { arrivals: sender }, Nurse { arrivals })
}

impl Nursery {
    /// Runs a task until it ends, or until the nurse does.
    pub fn take(&self, task: impl Future<Output = ()> + Send + 'static) {
        // After the nurse, nothing is to run any more.
        let _ = self.arrivals.send(Box::pin(task));
    }
}

impl Nurse {
    /// Runs what the nursery takes in.
    pub async fn watch(mut self) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                arrival = self.arrivals.recv() => match arrival {
                    Some(task) => drop(tasks.spawn(task)),
                    None => return,
                },
                Some(ended) = tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a task broke down; its object is left alone until the next start");
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn tasks_end_with_their_nurse() {
        let (nursery, nurse) = nursery();
        let alive = Arc::new(());
        let inside = alive.clone();
        nursery.take(async move {
            let _inside = inside;
            std::future::pending::<()>().await;
        });
        let watch = tokio::spawn(nurse.watch());
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&alive), 2);
        watch.abort();
        assert!(watch.await.is_err());
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
