//! What the operator does from a moment on, by both servers' logs, and that it changes nothing at rest.

use super::Result;
use super::audit;
use super::eventually;
use super::resim::Logged;
use super::resim::Resim;
use std::path::PathBuf;
use std::time::Duration;

/// One operator, seen by the servers that it calls.
pub struct Watched<'a> {
    /// The machines that it works on.
    pub resim: &'a Resim,
    /// The API server's audit log; none on a control plane that is not ours, where Kubernetes requests are not counted.
    pub audit_log: Option<PathBuf>,
    /// The operator's user at the API server.
    pub user: String,
}

/// A moment in both logs.
#[derive(Clone, Copy)]
pub struct Moment {
    seq: u64,
    mark: Option<audit::Mark>,
}

/// What was counted since a moment.
#[derive(Debug, Default)]
pub struct Counted {
    /// REST calls that change nothing.
    pub reads: usize,
    /// REST calls that ask for a change, as text.
    pub mutating: Vec<String>,
    /// Kubernetes writes as text, leader election apart; none without an audit log.
    pub writes: Option<Vec<String>>,
}

impl Counted {
    /// What was changed, in either place.
    pub fn changes(&self) -> Vec<&str> {
        let writes = self.writes.iter().flatten();
        self.mutating.iter().chain(writes).map(String::as_str).collect()
    }
}

impl Watched<'_> {
    /// The end of both logs.
    pub async fn now(&self) -> Result<Moment> {
        Ok(Moment {
            seq: self.resim.last_seq().await?,
            mark: self.audit_log.as_deref().map(audit::mark).transpose()?,
        })
    }

    /// What the operator did after a moment.
    pub async fn since(&self, moment: Moment) -> Result<Counted> {
        let log = self.resim.log(moment.seq).await?;
        let (mutating, reads): (Vec<_>, Vec<_>) = log
            .iter()
            .filter(|call| call.by_operator())
            .partition(|call| call.is_mutating());
        let writes = match (&self.audit_log, moment.mark) {
            (Some(log), Some(mark)) => {
                let requests = audit::since(log, mark, &self.user)?;
                let writes = audit::writes(&requests);
                Some(writes.into_iter().map(audit::Entry::text).collect())
            }
            _ => None,
        };
        Ok(Counted {
            reads: reads.len(),
            mutating: mutating.into_iter().map(Logged::text).collect(),
            writes,
        })
    }

    /// Waits until the operator has read something after a moment.
    pub async fn reads_since(&self, moment: Moment, limit: Duration) -> Result<()> {
        eventually("a read by the operator", limit, || async {
            let counted = self.since(moment).await?;
            Ok(if counted.reads > 0 {
                Ok(())
            } else {
                Err("it is not heard of".to_owned())
            })
        })
        .await
    }

    /// Three resyncs with reads and without a change, once an interval has passed without one: events and figures follow
    /// the status that they tell of, and on a loaded machine they take their time.
    pub async fn at_rest(&self, interval: Duration, limit: Duration) -> Result<Counted> {
        eventually("an interval without a change", limit, || async {
            let moment = self.now().await?;
            tokio::time::sleep(interval).await;
            let counted = self.since(moment).await?;
            Ok(if counted.changes().is_empty() {
                Ok(())
            } else {
                Err(counted.changes().join(", "))
            })
        })
        .await?;
        let moment = self.now().await?;
        tokio::time::sleep(3 * interval + Duration::from_millis(500)).await;
        self.reads_since(moment, limit).await?;
        let counted = self.since(moment).await?;
        if counted.changes().is_empty() {
            Ok(counted)
        } else {
            let changes = counted.changes().join(", ");
            Err(format!("three resyncs should change nothing, but: {changes}").into())
        }
    }
}
