//! Every effect on the outside world, numbered, so that a test can stop the process at any one of them.

use std::sync::Arc;
use std::sync::Mutex;
use tokio::sync::Notify;

/// What happens at an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The process stops before the request is sent.
    StopBefore,
    /// The process stops when the request has taken effect, before it sees the answer.
    StopAfter,
    /// The request takes effect and its answer is lost.
    LostReply,
}

/// Every phase.
pub const PHASES: [Phase; 3] = [Phase::StopBefore, Phase::StopAfter, Phase::LostReply];

/// The answer does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was lost.
    Lost,
}

/// The effects of a process, in order.
#[derive(Clone, Default)]
pub struct Effects {
    inner: Arc<Mutex<Inner>>,
    stopped: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    trace: Vec<String>,
    trap: Option<(usize, Phase)>,
    /// The process has stopped: nothing that it still tries has an effect.
    frozen: bool,
}

impl Effects {
    /// Sets a trap at the effect of this number, counted from 0 since the beginning.
    pub fn trap(&self, number: usize, phase: Phase) {
        self.inner.lock().unwrap().trap = Some((number, phase));
    }

    /// Whether the trap has gone off, or none was set.
    pub fn is_sprung(&self) -> bool {
        self.inner.lock().unwrap().trap.is_none()
    }

    /// A new process begins.
    pub fn thaw(&self) {
        self.inner.lock().unwrap().frozen = false;
    }

    /// What has been done so far, as `POST /v1/bdbs`.
    pub fn trace(&self) -> Vec<String> {
        self.inner.lock().unwrap().trace.clone()
    }

    /// Ends when the process stops at a trap.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// Takes one effect. Never returns when the process stops here.
    pub async fn take_now<T>(&self, what: String, effect: impl FnOnce() -> T) -> Result<T, Fate> {
        match self.next(what) {
            None => Ok(effect()),
            Some(Phase::StopBefore) => self.stop().await,
            Some(Phase::StopAfter) => {
                effect();
                self.stop().await
            }
            Some(Phase::LostReply) => {
                effect();
                Err(Fate::Lost)
            }
        }
    }

    /// The same where the effect takes time.
    pub async fn take<T>(&self, what: String, effect: impl Future<Output = T>) -> Result<T, Fate> {
        match self.next(what) {
            None => Ok(effect.await),
            Some(Phase::StopBefore) => self.stop().await,
            Some(Phase::StopAfter) => {
                effect.await;
                self.stop().await
            }
            Some(Phase::LostReply) => {
                effect.await;
                Err(Fate::Lost)
            }
        }
    }

    fn next(&self, what: String) -> Option<Phase> {
        let mut inner = self.inner.lock().unwrap();
        if inner.frozen {
            return Some(Phase::StopBefore);
        }
        let number = inner.trace.len();
        inner.trace.push(what);
        inner
            .trap
            .take_if(|(at, _)| *at == number)
            .map(|(_, phase)| phase)
    }

    async fn stop<T>(&self) -> T {
        self.inner.lock().unwrap().frozen = true;
        self.stopped.notify_one();
        std::future::pending().await
    }
}
